"""Does what it is told with the official Python library, version 4.

A JSON array [name, arguments] a line in, an answer a line out; all is asked for as its own documentation writes it.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from vonage import Auth, HttpClientOptions, Vonage
from vonage_application import ApplicationConfig
from vonage_jwt import verify_signature
from vonage_numbers import ListOwnedNumbersFilter, UpdateNumberParams
from vonage_voice import AudioStreamOptions, CreateCallRequest, ListCallsFilter, Stream, Talk, TtsStreamOptions

vonage: Vonage


def connect(given: dict[str, str]) -> None:
    global vonage
    auth = Auth(
        application_id=given["application"],
        private_key=given["key"],
        api_key=given["apiKey"],
        api_secret=given["apiSecret"],
    )
    host = given.get("host")
    vonage = Vonage(auth, HttpClientOptions(api_host=host, rest_host=host)) if host else Vonage(auth)


def create(call: dict[str, Any]) -> Any:
    call = {"from_" if name == "from" else name: value for name, value in call.items()}
    return vonage.voice.create_call(CreateCallRequest(**call))


def every(criteria: dict[str, Any]) -> list[Any]:
    """All calls, page by page."""
    found: list[Any] = []
    index: int | None = 0
    while index is not None:
        calls, following = vonage.voice.list_calls(ListCallsFilter(**criteria, record_index=len(found)))
        found += calls
        index = following
    return found


def stream(uuid: str, url: str, loop: int, level: float) -> Any:
    return vonage.voice.play_audio_into_call(uuid, AudioStreamOptions(stream_url=[url], loop=loop, level=level))


def action(given: dict[str, Any]) -> Any:
    """An action as a model of the library; it sends nothing else in a transfer."""
    return {"stream": Stream, "talk": Talk}[given["action"]](**given)


COMMANDS: dict[str, Any] = {
    "connect": connect,
    "create": create,
    "get": lambda uuid: vonage.voice.get_call(uuid),
    "list": every,
    "hangup": lambda uuid: vonage.voice.hangup(uuid),
    "mute": lambda uuid: vonage.voice.mute(uuid),
    "unmute": lambda uuid: vonage.voice.unmute(uuid),
    "earmuff": lambda uuid: vonage.voice.earmuff(uuid),
    "unearmuff": lambda uuid: vonage.voice.unearmuff(uuid),
    "transferNcco": lambda uuid, ncco: vonage.voice.transfer_call_ncco(uuid, [action(one) for one in ncco]),
    "transferUrl": lambda uuid, url: vonage.voice.transfer_call_answer_url(uuid, url),
    "stream": stream,
    "stopStream": lambda uuid: vonage.voice.stop_audio_stream(uuid),
    "talk": lambda uuid, options: vonage.voice.play_tts_into_call(uuid, TtsStreamOptions(**options)),
    "stopTalk": lambda uuid: vonage.voice.stop_tts(uuid),
    "dtmf": lambda uuid, digits: vonage.voice.play_dtmf_into_call(uuid, digits),
    "download": lambda url, path: vonage.voice.download_recording(url, path),
    "verify": verify_signature,
    "makeApplication": lambda wish: vonage.application.create_application(ApplicationConfig(**wish)),
    "application": lambda id: vonage.application.get_application(id),
    "changeApplication": lambda wish: vonage.application.update_application(wish.pop("id"), ApplicationConfig(**wish)),
    "applications": lambda: vonage.application.list_applications()[0],
    "deleteApplication": lambda id: vonage.application.delete_application(id),
    "numbers": lambda given: {"numbers": vonage.numbers.list_owned_numbers(ListOwnedNumbersFilter(**given))[0]},
    "updateNumber": lambda given: vonage.numbers.update_number(UpdateNumberParams(**given)),
    "balance": lambda: vonage.account.get_balance(),
}


def plain(value: Any) -> Any:
    """Models of the library as JSON."""
    return value.model_dump(by_alias=True, exclude_none=True) if hasattr(value, "model_dump") else str(value)


for line in sys.stdin:
    name, given = json.loads(line)
    try:
        answer: dict[str, Any] = {"value": COMMANDS[name](*given)}
    except Exception as error:
        response = getattr(error, "response", None)
        status = response.status_code if response is not None else None
        answer = {"error": type(error).__name__, "status": status, "message": str(error)}
    sys.stdout.write(json.dumps(answer, default=plain) + "\n")
    sys.stdout.flush()
