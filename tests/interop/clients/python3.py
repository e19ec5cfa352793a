"""Does what it is told with the official Python library, version 3.

A JSON array [name, arguments] a line in, an answer a line out; all is asked for as the documents of its time write it.
"""

import json
import sys
from pathlib import Path
from typing import Any

import vonage

client: Any = None


def connect(given: dict[str, Any]) -> None:
    global client
    client = vonage.Client(
        application_id=given["application"], private_key=given["key"], key=given["apiKey"], secret=given["apiSecret"]
    )
    if "host" in given:
        client.host(given["host"])
        client.api_host(given["host"])


def every(criteria: dict[str, Any]) -> list[Any]:
    """All calls, page by page."""
    found: list[Any] = []
    while True:
        page = client.voice.get_calls({**criteria, "record_index": len(found)})
        found += page["_embedded"]["calls"]
        if "next" not in page["_links"]:
            return found


def stream(uuid: str, url: str, loop: int, level: float) -> Any:
    return client.voice.send_audio(uuid, stream_url=[url], loop=loop, level=str(level))


def transfer(uuid: str, **destination: Any) -> Any:
    return client.voice.update_call(uuid, action="transfer", destination={"type": "ncco", **destination})


COMMANDS: dict[str, Any] = {
    "connect": connect,
    "create": lambda call: client.voice.create_call(call),
    "get": lambda uuid: client.voice.get_call(uuid),
    "list": every,
    "hangup": lambda uuid: client.voice.update_call(uuid, action="hangup"),
    "mute": lambda uuid: client.voice.update_call(uuid, action="mute"),
    "unmute": lambda uuid: client.voice.update_call(uuid, action="unmute"),
    "earmuff": lambda uuid: client.voice.update_call(uuid, action="earmuff"),
    "unearmuff": lambda uuid: client.voice.update_call(uuid, action="unearmuff"),
    "transferNcco": lambda uuid, ncco: transfer(uuid, ncco=ncco),
    "transferUrl": lambda uuid, url: transfer(uuid, url=[url]),
    "stream": stream,
    "stopStream": lambda uuid: client.voice.stop_audio(uuid),
    "talk": lambda uuid, options: client.voice.send_speech(uuid, **options),
    "stopTalk": lambda uuid: client.voice.stop_speech(uuid),
    "dtmf": lambda uuid, digits: client.voice.send_dtmf(uuid, digits=digits),
    "download": lambda url, path: Path(path).write_bytes(client.voice.get_recording(url)),
    "verify": lambda token, secret: client.voice.verify_signature(token, secret),
    "makeApplication": lambda wish: client.application.create_application(wish),
    "application": lambda id: client.application.get_application(id),
    "changeApplication": lambda wish: client.application.update_application(wish.pop("id"), wish),
    "applications": lambda: client.application.list_applications(page_size=100)["_embedded"]["applications"],
    "deleteApplication": lambda id: client.application.delete_application(id),
    "numbers": lambda given: client.numbers.get_account_numbers(given),
    "updateNumber": lambda given: client.numbers.update_number(given),
    "makeUser": lambda *given: client.users.create_user(*given),
    "user": lambda user: client.users.get_user(user),
    "changeUser": lambda user, given: client.users.update_user(user, given),
    "users": lambda given: client.users.list_users(**given),
    "deleteUser": lambda user: client.users.delete_user(user),
    "balance": lambda: client.account.get_balance(),
}

for line in sys.stdin:
    name, given = json.loads(line)
    try:
        answer: dict[str, Any] = {"value": COMMANDS[name](*given)}
    except Exception as error:
        answer = {"error": type(error).__name__, "status": None, "message": str(error)}
    sys.stdout.write(json.dumps(answer, default=str) + "\n")
    sys.stdout.flush()
