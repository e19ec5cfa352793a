"""What is under way for legs: prompts, keys, recordings, listening, detection, payments.

Each is begun by a command of a heart, and its result goes back as an event under the command's id.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ringline.accounts import Directory
from ringline.base import Clock, ConversationId, EffectId, LegId
from ringline.calls import commands, events
from ringline.calls.commands import Command
from ringline.calls.events import Event
from ringline.calls.facts import LegView
from ringline.calls.figures import MediaFigures
from ringline.engine import ports
from ringline.engine.cashier import Cashier
from ringline.engine.delivery.hooks import Hooks
from ringline.engine.outside import Outside
from ringline.engine.rooms import RoomOwner
from ringline.engine.sound.barge_in import BargeIns
from ringline.engine.sound.detection import Detections
from ringline.engine.sound.listening import Listeners
from ringline.engine.sound.prompts import Prompts
from ringline.engine.sound.recorder import Recorder
from ringline.engine.sound.speaking import Speaking
from ringline.engine.sound.transcriptions import Transcriptions

MediaWatcher = Callable[[ports.MediaConnected | ports.MediaInterrupted], None]


class Effects:
    """Everything under way for the legs and conversations of one engine."""

    def __init__(
        self,
        outside: Outside,
        directory: Directory,
        hooks: Hooks,
        *,
        clock: Clock,
        file_url: str,
        report: Callable[[Event], None],
        report_of_room: Callable[[ConversationId, Event], None],
        trace: Callable[[LegId, dict[str, Any]], None],
    ) -> None:
        """`report` takes a leg's event, `report_of_room` one that may be a conversation's own; `trace` notes something
        in a leg's journal. `file_url` is where recordings are fetched, with `{id}` in place of the file's id.
        """
        self._media = outside.media
        self._report = report
        self._trace = trace
        self._prompts = Prompts(
            ear_of=lambda listening: self._listeners.ear(listening),
            media=outside.media,
            voice=outside.voice,
            files=outside.files,
            clock=clock,
            report=report_of_room,
        )
        self.recorder = Recorder(
            media=outside.media,
            recordings=outside.recordings,
            store=outside.store,
            clock=clock,
            file_url=file_url,
            report=report_of_room,
        )
        self._barge_ins = BargeIns(clock=clock, trace=trace)
        self.transcriptions = Transcriptions(
            transcriber=outside.transcriber,
            recordings=outside.recordings,
            store=outside.store,
            clock=clock,
            file_url=file_url,
            tell=hooks.tell,
        )
        self._detections = Detections(outside.detector, report=report, trace=trace)
        self._cashier = Cashier(payments=outside.payments, clock=clock, report=report)
        self._listeners = Listeners(
            recogniser=outside.recogniser,
            recordings=outside.recordings,
            store=outside.store,
            file_url=file_url,
            barred=self._cashier.is_open,
            report=report,
        )
        self._cashier.on_open = self._listeners.deafen
        self._speaking = Speaking(media=outside.media, directory=directory, report=report)
        self._sent_keys: dict[EffectId, LegId] = {}
        self._watched: dict[EffectId, LegId] = {}
        self._media_watchers: list[MediaWatcher] = []
        outside.media.listen(self._heard)

    def watch_media(self, watcher: MediaWatcher) -> None:
        """Be told when the way to a browser stands or is lost, of legs that have no call yet, too."""
        self._media_watchers.append(watcher)

    def follow(self, view: LegView) -> None:
        """Take a change of a leg's record: who has answered may be watched for speech."""
        self._speaking.follow(view)

    def takes(self, key: events.KeyDown | events.KeyReleased) -> bool:
        """Whether a key is a digit of a card, which nobody else may see."""
        return self._cashier.takes(key)

    # ── commands ───────────────────────────────────────────────────────────────────────────────────────────────────

    def carry_out(self, room: RoomOwner, command: Command) -> None:
        """Begin, change or end what a heart wants begun, changed or ended."""
        media = self._media
        application = room.heart.room.application.id
        match command:
            case commands.Play():
                self._prompts.play(room.id, command, application=application)
            case commands.StopPlay(effect=effect):
                self._barge_ins.cut(effect, room.working_on)
                self._prompts.stop(effect)
            case commands.SendKeys(effect=effect, leg=leg, digits=digits):
                self._sent_keys[effect] = leg
                media.send_keys(effect, leg, digits)
            case commands.WatchSilence(effect=effect, leg=leg, seconds=seconds):
                self._watched[effect] = leg
                media.watch_silence(effect, leg, seconds)
            case commands.Unwatch(effect=effect):
                self._watched.pop(effect, None)
                media.unwatch(effect)
            case commands.Detect():
                self._detections.start(command)
            case commands.StopDetecting(effect=effect):
                self._detections.stop(effect)
            case commands.StartRecording():
                self.recorder.start(room.id, application, command)
            case commands.PauseRecording(effect=effect, paused=paused):
                self.recorder.pause(effect, paused=paused)
            case commands.StopRecording(effect=effect):
                self.recorder.stop(effect)
            case commands.Transcribe():
                self.transcriptions.start(room.id, application, command)
            case commands.Listen():
                self._listeners.listen(application, command)
            case commands.StopListening(effect=effect, finish=finish):
                self._listeners.stop(effect, finish=finish)
            case commands.OpenPayment() | commands.CollectCard() | commands.ChargeCard() | commands.ClosePayment():
                self._cashier.carry_out(room.id, application, command)
            case commands.Arrange(hears=hears, muted=muted, crowd=crowd, silent=silent):
                plan = dict.fromkeys(crowd, frozenset(crowd).difference(silent))
                plan.update((leg, frozenset(heard)) for leg, heard in hears)
                media.arrange(room.id, plan, muted=frozenset(muted))
            case _:
                raise AssertionError(f"nobody carries out {type(command).__name__}")

    def drop_leg(self, leg: LegId) -> None:
        """The leg is gone: end what was under way for it, and wait for no result."""
        self._prompts.drop_owned_by(leg)
        self._listeners.drop(leg)
        self._cashier.drop(leg)
        self._detections.drop_owned_by(leg)
        self._barge_ins.drop(leg)
        for awaited in (self._sent_keys, self._watched):
            for effect in [effect for effect, owner in awaited.items() if owner == leg]:
                del awaited[effect]

    def drop_room(self, room: RoomOwner) -> None:
        """The conversation broke: nobody hears anybody in it any more, and its recordings end."""
        self._media.arrange(room.id, {})
        for effect in list(room.heart.room.recordings):
            self.recorder.stop(effect)

    # ── what the media core tells ──────────────────────────────────────────────────────────────────────────────────

    def _heard(self, event: ports.MediaEvent) -> None:
        match event:
            case ports.KeyDown(leg=leg, digit=digit):
                self._report(events.KeyDown(leg=leg, digit=digit))
            case ports.KeyReleased(leg=leg, digit=digit, held_ms=held):
                self._report(events.KeyReleased(leg=leg, digit=digit, held_ms=held))
            case ports.PlaybackFinished():
                self._barge_ins.finished(event)
                self._prompts.finished(event)
            case ports.KeysSent(keys=effect):
                leg_of_keys = self._sent_keys.pop(effect, None)
                if leg_of_keys is not None:
                    self._report(events.KeysSent(effect=effect, leg=leg_of_keys))
            case ports.SilenceReached(watch=effect):
                watched = self._watched.pop(effect, None)
                if watched is not None:
                    self._report(events.SilenceFound(effect=effect, leg=watched))
            case ports.SpeechStarted() | ports.SpeechStopped():
                self._speaking.heard(event)
            case ports.MediaTimeout(leg=leg):
                self._report(events.LegLost(leg=leg, why="no audio came any more"))
            case ports.LegMediaFailed(leg=leg, why=why):
                self._report(events.LegLost(leg=leg, why=why))
            case ports.MediaConnected() | ports.MediaInterrupted():
                for watcher in self._media_watchers:
                    watcher(event)
            case ports.AudioStarted(leg=leg):
                self._trace(leg, {"what": "audio", "text": "first audio from the far end"})

    def measure(self, leg: LegId) -> MediaFigures | None:
        """What a leg's audio has amounted to so far; None when it has none."""
        counted = self._media.counters(leg)
        if counted is None:
            return None
        barge_ins, barge_in_ms = self._barge_ins.figures(leg)
        return MediaFigures(
            leg=leg,
            packets_received=counted.packets_received,
            packets_lost=counted.packets_lost,
            packets_late=counted.packets_late,
            jitter_ms=round(counted.jitter_ms, 3),
            opinion=round(counted.opinion, 3) if counted.opinion is not None else None,
            bytes_in=counted.bytes_in,
            bytes_out=counted.bytes_out,
            barge_ins=barge_ins,
            barge_in_ms=barge_in_ms,
        )

    # ── the end ────────────────────────────────────────────────────────────────────────────────────────────────────

    def busy(self) -> dict[str, int]:
        """How many of each kind are under way, in words for people."""
        return {
            "prompts": self._prompts.busy,
            "recordings": self.recorder.busy,
            "transcriptions": self.transcriptions.busy,
            "keys being sent": len(self._sent_keys),
            "silence watches": len(self._watched),
            "listeners": self._listeners.busy,
            "payments": self._cashier.busy,
            "detections": self._detections.busy,
            "voices watched": self._speaking.busy,
        }

    async def drained(self) -> None:
        """Wait until payments are decided and recordings stored; what is not written down yet is left."""
        await self._cashier.drained()
        await self.recorder.drained()
        self.transcriptions.close()

    def close(self) -> None:
        """End everything now."""
        self.transcriptions.close()
        self._prompts.close()
        self._listeners.close()
        self._cashier.close()
        self._speaking.close()
