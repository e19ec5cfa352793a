"""The ear behind `input`: what it reports when, what an engine gets to hear, and what happens when engines fail."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field

import pytest

from ringline.base import EffectId, LegId, ProviderError
from ringline.engine.ports import (
    EarSink,
    HearingEvent,
    ListenRequest,
    Recognition,
    SpeechStarted,
    SpeechStopped,
    VoiceEnded,
    VoiceStarted,
)
from ringline.providers.recognition import EarRecogniser, Heard, Task

LEG = LegId("leg")
MS = 32


@dataclass
class FakeEars:
    """Ears whose leg says what the test wants, in audio time."""

    sinks: dict[EffectId, EarSink] = field(default_factory=dict)
    at_ms: int = 0
    sensitivity: int = 0

    def open_ear(
        self, ear: EffectId, leg: LegId, sink: EarSink, *, sensitivity: int = 90, rate_hz: int | None = None
    ) -> None:
        assert rate_hz == 16_000
        self.sensitivity = sensitivity
        self.sinks[ear] = sink

    def close_ear(self, ear: EffectId) -> None:
        self.sinks.pop(ear, None)

    def passes(self, ms: int, value: int = 0) -> None:
        """So much audio of one value, in pieces of 100 ms."""
        for _ in range(ms // 100):
            self.at_ms += 100
            for sink in list(self.sinks.values()):
                sink.write(value.to_bytes(2, "little") * (100 * MS // 2))

    def starts(self, ago_ms: int = 100) -> None:
        for ear, sink in list(self.sinks.items()):
            sink.told(SpeechStarted(watch=ear, at_ms=self.at_ms - ago_ms))

    def stops(self, ago_ms: int = 300) -> None:
        for ear, sink in list(self.sinks.items()):
            sink.told(SpeechStopped(watch=ear, at_ms=self.at_ms - ago_ms, spoke_ms=0))


@dataclass
class FakeStream:
    engine: FakeEngine
    audio: bytearray = field(default_factory=bytearray)
    pauses: int = 0
    cancelled: bool = False

    def feed(self, pcm: bytes) -> None:
        self.audio += pcm

    def pause(self) -> None:
        self.pauses += 1

    async def result(self) -> Sequence[Heard]:
        if self.engine.failure:
            raise ProviderError(self.engine.failure)
        return self.engine.understands

    def cancel(self) -> None:
        self.cancelled = True


@dataclass
class FakeEngine:
    name: str = "fake"
    needs_hints: bool = False
    languages: tuple[str, ...] = ("en-US",)
    understands: tuple[Heard, ...] = (Heard(text="yes", confidence=0.9),)
    failure: str = ""
    streams: list[FakeStream] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)
    trouble: str | None = None

    def knows(self, language: str) -> bool:
        return language in self.languages

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    def ready(self) -> str | None:
        return self.trouble

    def open(self, task: Task) -> FakeStream:
        self.tasks.append(task)
        self.streams.append(FakeStream(self))
        return self.streams[-1]


Scene = Callable[[FakeEars, EarRecogniser, list[HearingEvent]], Coroutine[None, None, None]]


def run(scene: Scene, *engines: FakeEngine) -> list[HearingEvent]:
    """Play a scene; give what was reported."""

    async def main() -> list[HearingEvent]:
        ears, told = FakeEars(), list[HearingEvent]()
        recogniser = EarRecogniser(ears, engines)
        await recogniser.start()
        await scene(ears, recogniser, told)
        for _ in range(10):
            await asyncio.sleep(0)
        assert ears.sinks == {}
        assert recogniser.busy == 0
        await recogniser.close()
        return told

    return asyncio.run(main())


def request(**more: object) -> ListenRequest:
    return ListenRequest(leg=LEG, language="en-US", hints=("yes", "no"), **more)  # type: ignore[arg-type]


def test_speech_is_told_with_its_beginning_and_its_end_and_then_what_it_was() -> None:
    engine = FakeEngine()

    async def scene(ears: FakeEars, recogniser: EarRecogniser, told: list[HearingEvent]) -> None:
        recogniser.listen(request(end_on_silence_s=1.0, sensitivity=40, keep_audio=True), told.append)
        assert ears.sensitivity == 40
        ears.passes(3000)
        ears.passes(100, 7)
        ears.starts()
        assert told == [VoiceStarted(ago_s=0.1)]
        ears.passes(900, 7)
        ears.passes(300)
        ears.stops()
        ears.passes(600)
        assert told[1:] == []
        ears.passes(100)
        assert told[1:] == [VoiceEnded()]

    told = run(scene, engine)
    assert isinstance(told[-1], Recognition)
    assert told[-1].results == (("yes", 0.9),)
    assert len(told[-1].audio) == (500 + 1000 + 1000) * MS
    (stream,) = engine.streams
    assert len(stream.audio) == (500 + 1000 + 300) * MS, "half a second before, and a little silence after"
    assert stream.pauses == 1
    assert engine.tasks == [Task(language="en-US", hints=("yes", "no"))]


def test_a_pause_shorter_than_asked_for_is_part_of_what_is_said() -> None:
    engine = FakeEngine()

    async def scene(ears: FakeEars, recogniser: EarRecogniser, told: list[HearingEvent]) -> None:
        recogniser.listen(request(end_on_silence_s=2.0), told.append)
        ears.passes(600, 7)
        ears.starts(600)
        ears.passes(900)
        ears.stops(900)
        ears.passes(500, 7)
        ears.starts(500)
        ears.passes(300)
        ears.stops()
        ears.passes(1700)

    told = run(scene, engine)
    assert [type(event) for event in told] == [VoiceStarted, VoiceEnded, Recognition]
    assert len(engine.streams[0].audio) == (600 + 900 + 500 + 300) * MS


def test_listening_that_is_finished_before_anybody_spoke_is_empty() -> None:
    async def scene(ears: FakeEars, recogniser: EarRecogniser, told: list[HearingEvent]) -> None:
        handle = recogniser.listen(request(keep_audio=True), told.append)
        ears.passes(2000)
        handle.finish()

    assert run(scene, FakeEngine()) == [Recognition()]


def test_after_a_cancel_nothing_follows() -> None:
    engine = FakeEngine()

    async def scene(ears: FakeEars, recogniser: EarRecogniser, told: list[HearingEvent]) -> None:
        handle = recogniser.listen(request(), told.append)
        ears.passes(500, 7)
        ears.starts()
        handle.cancel()
        ears.passes(5000)

    assert run(scene, engine) == [VoiceStarted(ago_s=0.1)]
    assert engine.streams[0].cancelled


def test_the_next_engine_hears_all_when_the_first_one_fails() -> None:
    first, second = FakeEngine(name="first", failure="it died"), FakeEngine(name="second")

    async def scene(ears: FakeEars, recogniser: EarRecogniser, told: list[HearingEvent]) -> None:
        handle = recogniser.listen(request(), told.append)
        ears.passes(1000, 7)
        ears.starts(1000)
        handle.finish()

    told = run(scene, first, second)
    assert told[-1] == Recognition(results=(("yes", 0.9),))
    assert second.streams[0].audio == first.streams[0].audio
    assert first.streams[0].cancelled


def test_when_all_engines_fail_the_reason_is_told() -> None:
    async def scene(ears: FakeEars, recogniser: EarRecogniser, told: list[HearingEvent]) -> None:
        handle = recogniser.listen(request(), told.append)
        ears.passes(1000, 7)
        ears.starts(1000)
        handle.finish()

    assert run(scene, FakeEngine(failure="it died"))[-1] == Recognition(failure="it died")


def test_an_engine_asked_for_by_name_is_preferred_and_an_unknown_one_is_not_missed() -> None:
    one, other = FakeEngine(name="one"), FakeEngine(name="other", understands=(Heard(text="no", confidence=0.5),))

    async def scene(ears: FakeEars, recogniser: EarRecogniser, told: list[HearingEvent]) -> None:
        for provider in ("other", "google"):
            handle = recogniser.listen(request(provider=provider), told.append)
            ears.passes(500, 7)
            for ear, sink in list(ears.sinks.items()):
                sink.told(SpeechStarted(watch=ear, at_ms=100))
            handle.finish()
            await asyncio.sleep(0.01)

    told = [event.results[0][0] for event in run(scene, one, other) if isinstance(event, Recognition)]
    assert told == ["no", "yes"]


def test_without_hints_an_engine_that_needs_them_understands_nothing() -> None:
    engine = FakeEngine(needs_hints=True)

    async def scene(ears: FakeEars, recogniser: EarRecogniser, told: list[HearingEvent]) -> None:
        recogniser.listen(ListenRequest(leg=LEG, language="en-US", end_on_silence_s=0.4), told.append)
        ears.passes(1000, 7)
        ears.starts(500)
        ears.passes(300)
        ears.stops()
        ears.passes(200)

    told = run(scene, engine)
    assert [type(event) for event in told] == [VoiceStarted, VoiceEnded, Recognition]
    assert told[-1] == Recognition()
    assert engine.tasks == []


def test_a_language_without_a_model_cannot_be_listened_to() -> None:
    async def scene(ears: FakeEars, recogniser: EarRecogniser, told: list[HearingEvent]) -> None:
        with pytest.raises(ProviderError, match="no engine has a model for de-DE"):
            recogniser.listen(ListenRequest(leg=LEG, language="de-DE"), told.append)

    assert run(scene, FakeEngine()) == []


def test_what_is_wrong_with_an_engine_is_told() -> None:
    assert EarRecogniser(FakeEars(), [FakeEngine(), FakeEngine(trouble="it is not there")]).ready() == "it is not there"


def test_somebody_who_never_stops_is_listened_to_for_a_bounded_time() -> None:
    engine = FakeEngine()

    async def scene(ears: FakeEars, recogniser: EarRecogniser, told: list[HearingEvent]) -> None:
        recogniser.listen(request(), told.append)
        ears.passes(500, 7)
        ears.starts()
        ears.passes(200_000, 7)

    assert isinstance(run(scene, engine)[-1], Recognition)
    assert len(engine.streams[0].audio) < 80_000 * MS
