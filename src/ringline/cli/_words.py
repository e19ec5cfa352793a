"""What the heart's events and commands are called when people read them. Works on their JSON, of any version."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

Value = Mapping[str, Any]
Words = Callable[[Value], str]
_MOST_TEXT: Final = 60
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")


def event(value: Value) -> str:
    """Say what happened, in a few words."""
    return _say(value, _EVENTS)


def command(value: Value) -> str | None:
    """Say what was decided; None when it is house-keeping, or is told at another place of the timeline."""
    if value.get("=") in _QUIET:
        return None
    return _say(value, _COMMANDS)


def figures(value: Value) -> str:
    """What a leg's audio amounted to."""
    came, lost = int(value.get("packets_received", 0)), int(value.get("packets_lost", 0))
    share = 100 * lost / max(1, came + lost)
    told = [f"{came} packets came", f"{share:.1f} % lost", f"jitter {value.get('jitter_ms', 0)} ms"]
    if (opinion := value.get("opinion")) is not None:
        told.append(f"opinion {opinion}")
    if count := value.get("barge_ins"):
        times = "once" if count == 1 else f"{count} times"
        told.append(f"interrupted prompts {times}, silent after {value.get('barge_in_ms', 0)} ms at most")
    return ", ".join(told)


def actions(script: Any) -> list[str]:
    """The actions of a script given as JSON text, each in a few words."""
    try:
        document = json.loads(script) if isinstance(script, str) else None
    except ValueError:
        return []
    steps = document if isinstance(document, list) else [document]
    return [_action(step) for step in steps if isinstance(step, Mapping)]


def party(value: Any) -> str:
    """A far end: its address, with its kind unless it is a phone."""
    if not isinstance(value, Mapping):
        return "?"
    address = str(value.get("address") or "unknown")
    return address if value.get("kind") == "phone" else f"{value.get('kind', '?')} {address}"


def quoted(text: Any) -> str:
    """A text in quotation marks, cut to a length that fits in a line."""
    flat = " ".join(str(text).split())
    return f"“{flat[: _MOST_TEXT - 1]}…”" if len(flat) > _MOST_TEXT else f"“{flat}”"


def _say(value: Value, table: Mapping[str, Words]) -> str:
    name = str(value.get("=", "?"))
    words = table.get(name)
    return words(value) if words is not None else _HUMP.sub(" ", name).lower()


def _action(step: Value) -> str:
    name = str(step.get("action", "?"))
    match name:
        case "talk":
            return f"talk {quoted(step.get('text', ''))}"
        case "stream":
            return f"stream {_first(step.get('streamUrl'))}"
        case "input":
            return f"input {' and '.join(map(str, step.get('type', ['dtmf'])))}"
        case "connect":
            ends = step.get("endpoint")
            end = ends[0] if isinstance(ends, list) and ends else ends
            if not isinstance(end, Mapping):
                return "connect"
            where = next((end[key] for key in ("number", "uri", "user", "extension") if key in end), "")
            return f"connect to {end.get('type', '?')} {where}".rstrip()
        case "conversation":
            return f"conversation {quoted(step.get('name', ''))}"
        case "wait":
            return f"wait {step.get('timeout', 10)} s"
        case _:
            return name


def _first(value: Any) -> str:
    return str(value[0] if isinstance(value, list) and value else value or "")


def _hook(value: Any) -> str:
    return f"{value.get('method', 'POST')} {value.get('url', '?')}" if isinstance(value, Mapping) else "nobody"


def _source(value: Any) -> str:
    match value:
        case {"=": "Speech", "text": text}:
            language = value.get("language", "en-US")
            return quoted(text) + (f" in {language}" if language != "en-US" else "")
        case {"=": "AudioFile", "url": url}:
            return str(url)
        case {"=": "Tone", "name": name}:
            return f"the {name} tone"
        case _:
            return "something"


def _plays(value: Value) -> str:
    loop = value.get("loop", 1)
    times = "" if loop == 1 else " for ever" if loop == 0 else f" {loop} times"
    verb = "speaks" if (value.get("source") or {}).get("=") == "Speech" else "plays"
    whom = "" if value.get("leg") else " to everybody"
    return f"{verb} {_source(value.get('source'))}{times}{whom}"


def _played(value: Value) -> str:
    if value.get("failure"):
        return f"prompt failed: {value['failure']}"
    how = "prompt cut" if value.get("stopped") else "prompt played out"
    return f"{how} after {value.get('played_ms', 0) / 1000:.1f} s"


def _instructions(value: Value) -> str:
    if value.get("failed"):
        return f"no instructions from the application: {value.get('why') or 'no answer'}"
    if value.get("script") is None:
        return "the application says: go on"
    return "script: " + ", ".join(actions(value["script"]))


def _failed(value: Value) -> str:
    code = f" {value['sip_code']}" if value.get("sip_code") else ""
    why = f" ({value['why']})" if value.get("why") else ""
    return f"the call failed: {value.get('cause', '?')}{code}{why}"


def _judged(value: Value) -> str:
    who = "a machine has answered" if value.get("verdict") == "machine" else "a person has answered"
    return f"{who} ({value['why']})" if value.get("why") else who


def _records(value: Value) -> str:
    channels = value.get("channels", 1)
    return f"records as {value.get('container', '?')}, {channels} channel{'s' if channels != 1 else ''}"


def _moves(value: Value) -> str:
    match value.get("target"):
        case {"=": "Named", "name": name}:
            return f"moves to the conversation {quoted(name)}"
        case {"=": "Existing", "conversation": conversation}:
            return f"moves to {conversation}"
        case _:
            return "moves to a conversation of its own"


def _opened(value: Value) -> str:
    name = f" {quoted(value['name'])}" if value.get("name") else ""
    application = value.get("application") or {}
    return f"conversation{name} of application {application.get('id', '?')}"


_EVENTS: Final[dict[str, Words]] = {
    "Opened": _opened,
    "IncomingLeg": lambda it: f"incoming call from {party(it.get('from_'))} to {party(it.get('to'))}",
    "OutgoingLeg": lambda it: f"call asked for by REST, to {party(it.get('to'))} from {party(it.get('from_'))}",
    "LegArrived": lambda it: f"arrives from {it.get('source', '?')}",
    "LegProgress": lambda it: "rings" + (", and sends early audio" if it.get("early_media") else ""),
    "LegAnswered": lambda it: "answered",
    "LegFailed": _failed,
    "LegIdentified": lambda it: f"calls the user {quoted(it.get('person', {}).get('name', ''))}",
    "LegGone": lambda it: "the far end left" + (f" ({it['sip_code']})" if it.get("sip_code") else ""),
    "Orphaned": lambda it: "the process died; the call was ended by the next one",
    "SpeakingChanged": lambda it: "speaks" if it.get("speaks") else "is silent",
    "LegLost": lambda it: f"lost: {it.get('why', '?')}",
    "LegDisconnected": lambda it: f"the socket was dropped: {it.get('why') or 'no reason given'}",
    "MachineVerdict": _judged,
    "BeepHeard": lambda it: "the machine has beeped",
    "KeyDown": lambda it: f"key {it.get('digit', '?')} down",
    "KeyReleased": lambda it: f"key {it.get('digit', '?')} released after {it.get('held_ms', '?')} ms",
    "PlayEnded": _played,
    "KeysSent": lambda it: "keys sent",
    "SilenceFound": lambda it: "silence",
    "RecordingDone": lambda it: f"recording ready: {it.get('url', '?')} ({it.get('size', 0)} bytes)",
    "RecordingFailed": lambda it: f"recording failed: {it.get('why', '?')}",
    "Instructions": _instructions,
    "LegTroubled": lambda it: f"trouble: {it.get('reason', '?')}",
    "InstructionsFaulty": lambda it: f"bad script: {it.get('reason', '?')}",
    "HangUpAsked": lambda it: str(it.get("why", "hung up by REST")),
    "MuteAsked": lambda it: "REST: mute" if it.get("muted") else "REST: unmute",
    "EarmuffAsked": lambda it: "REST: earmuff" if it.get("earmuffed") else "REST: unearmuff",
    "TransferAsked": lambda it: f"REST: transfer to {it.get('url') or ', '.join(actions(it.get('script')))}",
    "PlayAsked": lambda it: f"REST: {it.get('kind', 'play')} {_source(it.get('source'))}",
    "StopAsked": lambda it: f"REST: stop {it.get('kind', 'play')}",
    "KeysAsked": lambda it: f"REST: send keys {it.get('digits', '')}",
    "ListenAsked": lambda it: f"REST: report keys to {_hook(it.get('hook'))}" if it.get("hook") else "REST: keys off",
    "Ticked": lambda it: "timer",
}

_COMMANDS: Final[dict[str, Words]] = {
    "Ask": lambda it: f"asks {_hook(it.get('hook'))}",
    "Dial": lambda it: f"dials {party(it.get('to'))}",
    "Alert": lambda it: "lets the caller hear ringing",
    "OpenEarly": lambda it: "opens early audio to the caller",
    "Answer": lambda it: "answers",
    "Release": lambda it: f"refuses with {it['sip_code']}" if it.get("sip_code") else "lets go",
    "SendKeys": lambda it: f"sends keys {it.get('digits', '')}",
    "ShowKey": lambda it: f"tells the socket of the key {it.get('digit', '?')}",
    "Play": _plays,
    "StopPlay": lambda it: "cuts a prompt",
    "WatchSilence": lambda it: f"waits for {it.get('seconds', '?')} s of silence",
    "Detect": lambda it: "listens for who has answered" + (", and for a beep" if it.get("beep") else ""),
    "StopDetecting": lambda it: "listens no longer for who has answered",
    "StartRecording": _records,
    "PauseRecording": lambda it: "records silence" if it.get("paused") else "records again",
    "StopRecording": lambda it: "closes the recording",
    "Move": _moves,
    "Close": lambda it: "the conversation is over",
}
# Webhooks are told when they go out, records with the status they bring; the rest says nothing to people.
_QUIET: Final = frozenset({"Tell", "Publish", "Unwatch", "Arrange"})
