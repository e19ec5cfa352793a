"""The adapter's own part: the stub, the life cycle, slow recordings, careless listeners."""

from __future__ import annotations

import ast
import asyncio
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

from ringline import _media
from ringline.base import ConversationId, EffectId, LegId, MediaError
from ringline.engine.ports import Media, MonoLayout, PlaybackFinished
from ringline.io import media as adapter
from ringline.testing.studio import Studio, Tape


def _stub_classes() -> Iterator[ast.ClassDef]:
    stub = Path(adapter.__file__).parent.parent / "_media.pyi"
    return (node for node in ast.parse(stub.read_text()).body if isinstance(node, ast.ClassDef))


def test_the_stub_names_exactly_what_the_module_has() -> None:
    described = {
        node.name: {
            item.name if isinstance(item, ast.FunctionDef) else ast.unparse(item.target)
            for item in node.body
            if isinstance(item, ast.FunctionDef | ast.AnnAssign)
        }
        for node in _stub_classes()
    }
    present = {
        name: {member for member in vars(value) if not member.startswith("_") or member == "__new__"}
        for name, value in vars(_media).items()
        if inspect.isclass(value)
    }
    assert {name: members - {"__new__"} for name, members in described.items()} == {
        name: members - {"__new__"} for name, members in present.items()
    }


def test_the_stub_names_every_argument() -> None:
    for node in _stub_classes():
        for item in node.body:
            if isinstance(item, ast.FunctionDef) and item.name != "__new__":
                described = [argument.arg for argument in item.args.args + item.args.kwonlyargs]
                signature = inspect.signature(getattr(getattr(_media, node.name), item.name))
                assert list(signature.parameters) == described, item.name


def test_the_adapter_is_what_the_engine_asks_for() -> None:
    wanted: Media = adapter.MediaCore()
    assert wanted.gauges() == {}


def test_before_the_start_and_after_the_end_it_refuses_politely() -> None:
    async def scenario() -> None:
        core = adapter.MediaCore(port_range=(42_000, 42_100))
        with pytest.raises(MediaError):
            core.open(LegId("a"))
        core.start(asyncio.get_running_loop())
        core.open(LegId("a"))
        core.shut_down()
        core.shut_down()
        with pytest.raises(MediaError):
            core.open(LegId("b"))

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("bind_ip", "port_range"),
    [
        ("nowhere", (42_000, 42_100)),
        ("192.0.2.1", (42_000, 42_100)),
        ("127.0.0.1", (42_001, 42_001)),
        ("127.0.0.1", (42_010, 42_000)),
        ("127.0.0.1", (-1, 5)),
        ("127.0.0.1", (1, 99_999)),
    ],
)
def test_settings_that_cannot_work_are_told_at_the_start(bind_ip: str, port_range: tuple[int, int]) -> None:
    async def scenario() -> None:
        core = adapter.MediaCore(bind_ip=bind_ip, port_range=port_range)
        with pytest.raises(MediaError):
            core.start(asyncio.get_running_loop())

    asyncio.run(scenario())


def test_the_advertised_address_goes_into_sdp() -> None:
    async def scenario() -> None:
        core = adapter.MediaCore(advertise_ip="203.0.113.7", port_range=(42_000, 42_100))
        core.start(asyncio.get_running_loop())
        assert core.open(LegId("a"))[0] == "203.0.113.7"
        core.shut_down()

    asyncio.run(scenario())


def test_a_listener_that_fails_does_not_cost_the_others_their_events(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        async with Studio() as studio:
            taken: list[object] = []
            everything = asyncio.Event()

            def listener(event: object) -> None:
                taken.append(event)
                if len(taken) == 3:
                    everything.set()
                raise RuntimeError("careless")

            studio.media.listen(listener)
            for _ in range(3):
                studio.play("nobody", b"")
            await asyncio.wait_for(everything.wait(), 5)
            assert all(isinstance(event, PlaybackFinished) for event in taken)

    asyncio.run(scenario())
    assert "media event was not taken" in caplog.text


def test_a_recording_that_fell_behind_is_told_how_much_it_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow:
        """Stands in for the core: a tap that lost 140 ms."""

        def __init__(self, **_settings: object) -> None:
            self.reads = [(b"\1\0" * 800, 140)]

        def fileno(self) -> int:
            return 0

        def record_mono(self, tap: int, room: int, rate_hz: int) -> None: ...
        def stop_tap(self, tap: int) -> None: ...
        def read_tap(self, tap: int) -> tuple[bytes, int]:
            return self.reads.pop()

    monkeypatch.setattr(adapter, "_Core", Slow)
    core = adapter.MediaCore()
    monkeypatch.setattr(core, "_core", Slow())
    tape = Tape()
    core.record(EffectId("tap"), ConversationId("CON-1"), MonoLayout(), tape)
    core.stop_recording(EffectId("tap"))
    assert (bytes(tape.pcm), tape.lost_ms) == (b"\1\0" * 800, 140)
