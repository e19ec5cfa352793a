"""What is heard in a conversation, as events: prompts, recordings, keys and recognised speech."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ringline.base import EffectId, LegId, iso_ms
from ringline.calls import commands, events
from ringline.calls.commands import AudioFile, Source, Speech, Tone
from ringline.calls.facts import InputFact
from ringline.chronicle.ledger import Ledger
from ringline.chronicle.legs import LegStory

_NAMES: Final = {"talk": ("audio:say", "say_id"), "stream": ("audio:play", "play_id")}


@dataclass(slots=True)
class _Playing:
    kind: str
    member: str | None
    owner: LegId | None


@dataclass(slots=True)
class _Tape:
    event: int
    container: str
    member: str | None
    by_rest: bool
    closed: bool = False


class Sounds:
    """Prompts, recordings, keys and speech of one conversation."""

    def __init__(self, ledger: Ledger, legs: Mapping[LegId, LegStory]) -> None:
        self._ledger = ledger
        self._legs = legs
        self._playing: dict[EffectId, _Playing] = {}
        self._tapes: dict[EffectId, _Tape] = {}

    # ── prompts ────────────────────────────────────────────────────────────────────────────────────────────────────

    def asked(self, event: events.RoomPlayAsked) -> None:
        """REST plays something; it may have to wait for its turn, but it was asked for now."""
        body = _prompt_body(event.effect, event.source, loop=event.loop, level=event.level, queue=event.queue)
        self._began(event.effect, event.kind, event.member, None, body)

    def plays(self, command: commands.Play) -> None:
        """A prompt of a script, or hold music, begins."""
        if command.effect in self._playing or isinstance(command.source, Tone):
            return
        kind = "talk" if isinstance(command.source, Speech) else "stream"
        body = _prompt_body(command.effect, command.source, loop=command.loop, level=command.level, queue=False)
        self._began(command.effect, kind, self._member(command.owner), command.owner, body)

    def stopped(self, command: commands.StopPlay) -> None:
        self._over(command.effect, "stop")

    def stop_asked(self, event: events.RoomStopAsked) -> None:
        """REST stops one prompt or all of a kind. That it asked is told even if nothing plays any more."""
        name, key = _NAMES[event.kind]
        meant = [
            effect
            for effect, playing in self._playing.items()
            if playing.kind == event.kind and playing.owner is None and event.effect in (None, effect)
        ]
        for effect in meant:
            del self._playing[effect]
            self._ledger.tell(f"{name}:stop", {key: effect}, event.member)
        if not meant:
            self._ledger.tell(f"{name}:stop", {key: event.effect} if event.effect else {}, event.member)

    def play_ended(self, event: events.PlayEnded) -> None:
        self._over(event.effect, "stop" if event.failure or event.stopped else "done")

    def leg_left(self, leg: LegId) -> None:
        """What is still played for a leg that is gone will not be heard of any more."""
        for effect in [effect for effect, playing in self._playing.items() if playing.owner == leg]:
            self._over(effect, "stop")

    def _began(
        self, effect: EffectId, kind: str, member: str | None, owner: LegId | None, body: Mapping[str, Any]
    ) -> None:
        self._playing[effect] = _Playing(kind, member, owner)
        self._ledger.tell(_NAMES[kind][0], body, member)

    def _over(self, effect: EffectId, how: str) -> None:
        playing = self._playing.pop(effect, None)
        if playing is not None:
            name, key = _NAMES[playing.kind]
            self._ledger.tell(f"{name}:{how}", {key: effect}, playing.member)

    # ── recordings ─────────────────────────────────────────────────────────────────────────────────────────────────

    def recording_asked(self, event: events.RoomRecordAsked) -> None:
        body = _record_body(
            event.effect, event.container, event.channels, split=event.heard or event.channels > 1, wishes=event.wishes
        )
        body |= {"validity": event.keep_days, "beep_start": event.beep_start, "beep_stop": event.beep_stop}
        number = self._ledger.tell("audio:record", body, event.member)
        self._tapes[event.effect] = _Tape(number, event.container, event.member, by_rest=True)

    def records(self, command: commands.StartRecording) -> None:
        """A script begins to record; what REST asked for has been told already."""
        if command.effect in self._tapes:
            return
        split = command.heard_by is not None or command.channels > 1
        body = _record_body(command.effect, command.container, command.channels, split=split, wishes={})
        if command.transcription is not None:
            wish = command.transcription
            body["transcription"] = {
                "language": wish.language or "en-US",
                "sentiment_analysis": wish.sentiment,
            }
        number = self._ledger.tell("audio:record", body)
        self._tapes[command.effect] = _Tape(number, command.container, None, by_rest=False)

    def recording_stopped(self, command: commands.StopRecording) -> None:
        tape = self._tapes.get(command.effect)
        if tape is not None and not tape.closed:
            tape.closed = True
            self._ledger.tell("audio:record:stop", {"record_id": command.effect}, tape.member)

    def recording_stop_asked(self, event: events.RoomRecordStopAsked) -> None:
        """REST stops one recording or all of its own; told even if there is none any more."""
        meant = [
            (effect, tape)
            for effect, tape in self._tapes.items()
            if not tape.closed and (effect == event.effect or (event.effect is None and tape.by_rest))
        ]
        for effect, tape in meant:
            tape.closed = True
            self._ledger.tell("audio:record:stop", {"record_id": effect}, event.member or tape.member)
        if not meant:
            body = {"record_id": event.effect} if event.effect else {}
            self._ledger.tell("audio:record:stop", body, event.member)

    def recording_done(self, event: events.RecordingDone) -> None:
        tape = self._tapes.pop(event.effect, None)
        if tape is None:
            return
        body = {
            "event_id": tape.event,
            "recording_id": event.recording,
            "destination_url": event.url,
            "format": tape.container,
            "start_time": iso_ms(event.start_time),
            "end_time": iso_ms(event.end_time),
            "size": event.size,
        }
        self._ledger.tell("audio:record:done", body, tape.member)

    def recording_failed(self, event: events.RecordingFailed) -> None:
        self._tapes.pop(event.effect, None)

    # ── keys and speech ────────────────────────────────────────────────────────────────────────────────────────────

    def key(self, event: events.KeyReleased) -> None:
        """A key of a leg, told once."""
        leg = self._legs.get(event.leg)
        if leg is None or leg.view.answered_at is None:
            return
        leg.keys += 1
        body = {
            "digit": event.digit,
            "channel": leg.channel(),
            "dtmf_seq": leg.keys,
            "method": "in",
            "duration": event.held_ms,
        }
        self._ledger.tell("audio:dtmf", body, leg.member)

    def listens(self, command: commands.Listen) -> None:
        leg = self._legs.get(command.leg)
        if leg is not None:
            leg.ear = command.effect

    def input_told(self, fact: InputFact) -> None:
        """An input is over: if it listened, what was said is told."""
        leg = self._legs.get(fact.uuid)
        if leg is None or leg.ear is None:
            return
        heard, asr_id = fact.speech, leg.ear
        leg.ear = None
        results = [
            {"word": one.get("text", ""), "confidence": one.get("confidence", "")} for one in heard.get("results", ())
        ]
        asr: dict[str, Any] = {"asr_id": asr_id, "call_id": leg.view.uuid, "results": results}
        for name in ("timeout_reason", "error"):
            if heard.get(name) is not None:
                asr[name] = heard[name]
        self._ledger.tell("audio:asr:done", {"asr": asr, "channel": leg.channel()}, leg.member)
        if heard.get("recording_url"):
            kept = {"asr_id": asr_id, "call_id": leg.view.uuid, "destination_url": heard["recording_url"]}
            body = {"asr": {**kept, "format": "wav"}, "channel": leg.channel()}
            self._ledger.tell("audio:asr:record:done", body, leg.member)

    def _member(self, leg: LegId | None) -> str | None:
        story = self._legs.get(leg) if leg is not None else None
        return story.member if story is not None else None


def _prompt_body(effect: EffectId, source: Source, *, loop: int, level: float, queue: bool) -> dict[str, Any]:
    common: dict[str, Any] = {"loop": loop, "level": float(level), "queue": queue}
    match source:
        case Speech():
            return {
                "text": source.text,
                **common,
                "voice_name": source.voice_name,
                "language": source.language,
                "style": source.style,
                "premium": source.premium,
                "ssml": source.text.lstrip().startswith("<speak"),
                "say_id": effect,
            }
        case AudioFile(url=url):
            return {"stream_url": [url], **common, "play_id": effect}
        case Tone(name=name):
            return {"stream_url": [], "tone": name, **common, "play_id": effect}


def _record_body(
    effect: EffectId, container: str, channels: int, *, split: bool, wishes: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "recording_id": effect,
        "format": container,
        "validity": None,
        "streamed": False,
        "beep_start": False,
        "beep_stop": False,
        "detect_speech": False,
        "split": split,
        "multitrack": channels > 1,
        "channels": channels,
        "transcription": wishes.get("transcription"),
    }
