"""Actions of an NCCO, short to write: `talk("Hello.", barge_in=True)`.

Options are given in snake case and become the NCCO's camelCase; `from_` is `from`.
"""

from __future__ import annotations

from typing import Any, Final

Action = dict[str, Any]

_SPELLED: Final = {"from_": "from", "time_out": "timeOut", "content_type": "content-type"}


def talk(text: str, **options: Any) -> Action:
    """Speak a text: `barge_in`, `loop`, `level`, `language`, `style`, `premium`."""
    return _action("talk", text=text, **options)


def stream(url: str, **options: Any) -> Action:
    """Play a file: `barge_in`, `loop`, `level`."""
    return _action("stream", stream_url=[url], **options)


def read_digits(
    *, max_digits: int = 4, time_out: float = 3, submit_on_hash: bool = False, url: str | None = None, **options: Any
) -> Action:
    """Collect keys; `url` is where they are reported."""
    settings = {"maxDigits": max_digits, "timeOut": time_out, "submitOnHash": submit_on_hash}
    return _action("input", type=["dtmf"], dtmf=settings, **_url(url), **options)


def read_speech(
    *,
    url: str | None = None,
    dtmf: dict[str, Any] | None = None,
    uuid: str | None = None,
    **speech: Any,
) -> Action:
    """Recognise speech: `end_on_silence`, `language`, `context`, `start_timeout`, `max_duration`, `save_audio` …

    With `dtmf` (its settings, such as `{"maxDigits": 1}`) keys are collected, too.
    """
    settings = {_spell(name): option for name, option in speech.items()}
    if uuid is not None:
        settings["uuid"] = [uuid]
    kinds: dict[str, Any] = {"type": ["speech"] if dtmf is None else ["dtmf", "speech"], "speech": settings}
    if dtmf is not None:
        kinds["dtmf"] = dtmf
    return _action("input", **kinds, **_url(url))


def pay(amount: float | str, *, url: str | None = None, **options: Any) -> Action:
    """Take a card payment by keypad: `currency`, `voice`, `prompts`."""
    return _action("pay", amount=amount, **_url(url), **options)


def listen_for_keys(url: str | None = None, **options: Any) -> Action:
    """Report every key from now on (an asynchronous `input`)."""
    return _action("input", type=["dtmf"], mode="asynchronous", **_url(url), **options)


def record(*, url: str | None = None, **options: Any) -> Action:
    """Record: `format`, `split`, `channels`, `end_on_silence`, `end_on_key`, `time_out`, `beep_start`."""
    return _action("record", **_url(url), **options)


def connect(to: str, *, url: str | None = None, endpoint: dict[str, Any] | None = None, **options: Any) -> Action:
    """Call a number or a SIP address: `from_`, `timeout`, `limit`, `event_type`, `ringback_tone`.

    `endpoint` holds further members of the endpoint object: `dtmfAnswer`, `onAnswer`, `headers` …
    """
    return _action("connect", endpoint=[endpoint_for(to, endpoint)], **_url(url), **options)


def conversation(name: str, *, url: str | None = None, **options: Any) -> Action:
    """Go to a named conversation: `start_on_enter`, `end_on_exit`, `music_on_hold_url`, `record`, `mute` …"""
    return _action("conversation", name=name, **_url(url), **options)


def notify(payload: Any, *, url: str | None = None, **options: Any) -> Action:
    """Send the application a payload."""
    return _action("notify", payload=payload, **_url(url), **options)


def transfer(conversation_id: str, **options: Any) -> Action:
    """Bring all legs to another conversation: `can_speak`, `can_hear`, `mute`."""
    return _action("transfer", conversation_id=conversation_id, **options)


def wait(seconds: float) -> Action:
    """Be silent for a while."""
    return _action("wait", timeout=seconds)


def endpoint_for(to: str, more: dict[str, Any] | None = None) -> dict[str, Any]:
    """The endpoint object for a number, `sip:…`, a WebSocket (`ws:…`), `app:` and a user, `vbc:` and an extension."""
    if to.startswith(("sip:", "sips:")):
        return {"type": "sip", "uri": to, **(more or {})}
    if to.startswith(("ws:", "wss:")):
        return {"type": "websocket", "uri": to, "content-type": "audio/l16;rate=16000", **(more or {})}
    if to.startswith("app:"):
        return {"type": "app", "user": to.removeprefix("app:"), **(more or {})}
    if to.startswith("vbc:"):
        return {"type": "vbc", "extension": to.removeprefix("vbc:"), **(more or {})}
    return {"type": "phone", "number": to, **(more or {})}


def _url(url: str | None) -> dict[str, Any]:
    return {} if url is None else {"event_url": [url]}


def _action(action: str, **options: Any) -> Action:
    return {"action": action, **{_spell(name): option for name, option in options.items()}}


def _spell(name: str) -> str:
    if name in _SPELLED:
        return _SPELLED[name]
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
