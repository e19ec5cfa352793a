"""SIP domains made by REST, on a running server: a PBX logs in at once, and still after a restart."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from .application import Application
from .digest import credentials, read
from .installation import API_KEY, API_SECRET, APPLICATION_ID, Installation
from .scripts import talk
from .sipp import header
from .wire import Peer

pytestmark = pytest.mark.interop

USER, SECRET = "pbx-of-rest", "Rest-Secret-1"


def _asks(ringline: Installation, method: str, path: str, body: Any = None) -> httpx.Response:
    url = f"http://127.0.0.1:{ringline.http_port}{path}"
    return httpx.request(method, url, json=body, auth=(API_KEY, API_SECRET), timeout=30)


def _calls(ringline: Installation, host: str, *, to: str, status: int) -> None:
    """Call somebody at a domain: be challenged, log in, and expect this status; an answered call is hung up."""
    with Peer(ringline.sip_address, number=to) as peer:
        ours = f"{to}@{ringline.sip_address}"

        def send(method: str, cseq: int, *headers: str, body: str = "") -> None:
            message = peer.request(method, cseq=cseq, branch=f"{method}{cseq}", headers=headers, body=body)
            peer.send(message.replace(ours, f"{to}@{host}"))

        body = peer.sdp(port=9)
        send("INVITE", 1, body=body)
        challenge = header(peer.response(401), "WWW-Authenticate") or ""
        assert read(challenge)["qop"] == "auth"
        said = credentials(challenge, method="INVITE", uri=f"sip:{to}@{host}", user=USER, password=SECRET)
        peer.to_tag = ""
        send("INVITE", 2, f"Authorization: {said}", body=body)
        peer.response(status)
        if status == 200:
            send("ACK", 2)
            send("BYE", 3)
            peer.response(200, "BYE")


def test_a_pbx_calls_a_domain_made_by_rest_before_and_after_a_restart(
    ringline: Installation, app: Application, number: str
) -> None:
    to = f"sales-{number}"
    app.answers(to, [talk("Hello PBX, here is your domain.")])
    acme = {"name": "rest-made", "application_id": APPLICATION_ID, "digest_auth": True}
    assert _asks(ringline, "POST", "/v1/psip", acme).status_code == 201
    path = "/v1/psip/rest-made/users"
    assert _asks(ringline, "POST", path, {"key": USER, "secret": SECRET}).json() == {"key": USER}
    (endpoint,) = _asks(ringline, "GET", "/v1/psip/rest-made/endpoints").json()
    user, _, host = endpoint["uri"].removeprefix("sip:").partition("@")
    assert user == USER
    assert host.startswith("rest-made.sip.")
    _calls(ringline, host, to=to, status=200)
    assert app.wait("/answer", to=to)["endpoint_type"] == "sip"

    ringline.stop()
    ringline.start()
    _calls(ringline, host, to=to, status=200)
    assert _asks(ringline, "DELETE", "/v1/psip/rest-made/users/" + USER).status_code == 204
    _calls(ringline, host, to=to, status=401)
    assert _asks(ringline, "DELETE", "/v1/psip/rest-made").status_code == 204
    assert _asks(ringline, "GET", "/v1/psip").json() == []
