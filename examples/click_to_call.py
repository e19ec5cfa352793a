"""Click to call: a button on a web page that rings Bob, from the browser and without a phone.

    ringline dev
    python examples/click_to_call.py

Be Bob (`ringline phone --answer --port 5070`), open http://127.0.0.1:3000/ and click.
"""

from __future__ import annotations

import os
from contextlib import suppress

from flask import Flask, Response, jsonify, request
from vonage import Vonage
from vonage_users import User
from vonage_utils.errors import VonageError

BOB = "442079460002"
BROWSERS = os.environ.get("BROWSER_URL", "http://127.0.0.1:8080")
"Ringline as browsers reach it; from anywhere but this machine that must be https."
PATHS = ("sessions", "users", "conversations", "knocking", "legs")
VISITOR = "visitor"


def create_app(client: Vonage, number: str, *, support: str = BOB) -> Flask:
    """Make the application; `number` is what `support` sees when somebody clicks."""
    app = Flask(__name__)

    @app.get("/")
    def page() -> str:
        return PAGE.replace("RINGLINE_URL", BROWSERS)

    @app.post("/token")
    def token() -> Response:
        """What a visitor may do: call. Ask who it is before you give it out on a real page."""
        with suppress(VonageError):  # it is there already
            client.users.create_user(User(name=VISITOR))
        claims = {"sub": VISITOR, "acl": {"paths": {f"/*/{path}/**": {} for path in PATHS}}}
        made = client.http_client.auth.generate_application_jwt({"ttl": 300, **claims})
        return jsonify({"token": made.decode() if isinstance(made, bytes) else made})

    @app.get("/answer")
    def answer() -> Response:
        """Whatever the page wants to be connected with, it gets nobody but our support."""
        if "from_user" not in request.args:
            return jsonify([{"action": "talk", "text": "Please call us from our web page."}])
        return jsonify(
            [
                {"action": "talk", "text": "One moment please."},
                {
                    "action": "connect",
                    "from": number,
                    "timeout": 30,
                    "endpoint": [{"type": "phone", "number": support}],
                },
                {"action": "talk", "text": "Nobody is here just now. Please try again later."},
            ]
        )

    @app.post("/event")
    def event() -> tuple[str, int]:
        app.logger.info("%s", request.get_json())
        return "", 204

    return app


PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Talk to us</title>
<style>body { font: 1.1rem system-ui; display: grid; place-content: center; gap: 1rem; text-align: center; }</style>
<button id="button" style="font: inherit; padding: 1rem 2rem">Talk to us</button>
<p id="state" aria-live="polite">We answer in your browser.</p>
<audio id="audio" autoplay></audio>
<script>
const url = "RINGLINE_URL", button = document.getElementById("button"), state = document.getElementById("state");
let end = null;

async function call() {
  state.textContent = "Connecting";
  const { token } = await (await fetch("/token", { method: "POST" })).json();
  const ask = async (method, path, body) => {
    const answer = await fetch(url + path, {
      method,
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error((await answer.json()).detail);
    return answer.json();
  };
  const peer = new RTCPeerConnection();
  const microphone = await navigator.mediaDevices.getUserMedia({ audio: true });
  for (const track of microphone.getTracks()) peer.addTrack(track, microphone);
  peer.ontrack = ({ streams }) => { document.getElementById("audio").srcObject = streams[0]; };

  // The control channel: frames of Socket.IO over a WebSocket.
  const socket = new WebSocket(`${url.replace("http", "ws")}/v2/rtc/?EIO=4&transport=websocket&token=${token}`);
  const events = {};
  const next = (name) => new Promise((resolve) => { events[name] = resolve; });
  const joined = next("member:joined"), session = next("session:success");
  socket.onmessage = ({ data }) => {
    if (data[0] === "0") socket.send("40");
    if (data === "2") socket.send("3");
    if (!data.startsWith("42")) return;
    const [name, payload] = JSON.parse(data.slice(2));
    if (events[name]) events[name](payload.body);
    if (name === "leg:status:update" && payload.body.status === "ringing") state.textContent = "It rings";
    if (name === "leg:status:update" && payload.body.status === "answered") state.textContent = "Connected";
    if (name === "rtc:hangup") stop();
  };
  const stop = () => {
    peer.close();
    microphone.getTracks().forEach((track) => track.stop());
    socket.close();
    end = null;
    button.textContent = "Talk to us";
    state.textContent = "The call is over.";
  };
  const originating_session = (await session).id;
  const offer = await peer.createOffer();
  await peer.setLocalDescription(offer);
  const { rtc_id: leg, sdp } = await ask("POST", "/v0.3/legs", { originating_session, body: { offer } });
  await peer.setRemoteDescription({ type: "answer", sdp });
  await new Promise((ok) => { peer.onconnectionstatechange = () => peer.connectionState === "connected" && ok(); });
  const channel = { type: "app", id: leg, from: { type: "app" }, to: { type: "phone", number: "" } };
  const properties = { custom_data: { page: location.pathname } };
  await ask("POST", "/v0.3/knocking", { originating_session, channel, properties });
  await joined;
  button.textContent = "Hang up";
  end = () => { socket.send('42["session:logout",{"body":{}}]'); stop(); };
}

button.onclick = () => (end ? end() : call().catch((error) => { state.textContent = error.message; }));
</script>
"""


if __name__ == "__main__":
    import workbench

    workbench.run("click to call", "442079460014", create_app)
