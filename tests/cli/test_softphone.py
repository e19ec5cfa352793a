"""The phone in the terminal, on real sockets: two of them call each other."""

from __future__ import annotations

import asyncio
import socket
import wave
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest

from ringline.base import ConfigError
from ringline.cli.softphone import Happening, SoftCall, Softphone
from ringline.testing.audio import has_tone, level_dbfs, tone

PATIENCE_S = 10.0


@asynccontextmanager
async def _pair(
    take: Callable[[SoftCall], None] | None, seen: list[Happening] | None = None
) -> AsyncIterator[tuple[Softphone, str]]:
    """A phone that calls, and the address of another one that does with calls what `take` says."""
    watch = seen.append if seen is not None else None
    async with asyncio.timeout(PATIENCE_S), Softphone(watch=watch) as bob, Softphone() as alice:
        bob.on_call = take
        yield alice, f"sip:bob@127.0.0.1:{bob.address[1]}"


def _channel(path: Path, number: int) -> bytes:
    with wave.open(str(path), "rb") as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
        return samples.reshape(-1, file.getnchannels())[:, number].tobytes()


def test_a_call_is_answered_heard_echoed_recorded_and_hung_up(tmp_path: Path) -> None:
    seen: list[Happening] = []
    tape = tmp_path / "tape.wav"

    async def scene() -> None:
        calls: list[SoftCall] = []

        def take(call: SoftCall) -> None:
            calls.append(call)
            call.answer()
            call.echo()

        async with _pair(take, seen) as (alice, address):
            call = await alice.dial(address, caller="447700900123")
            assert await call.answered()
            call.record(tape)
            await call.press("1#")
            await call.play(tone(700, 0.6))
            await asyncio.sleep(0.4)
            call.hang_up()
            outcome = await call.ended()
            assert (outcome.answered, outcome.by_far) == (True, False)
            await calls[0].ended()

    asyncio.run(scene())
    assert has_tone(_channel(tape, 0), 700), "the echo was not heard"
    assert has_tone(_channel(tape, 1), 700), "what was said was not recorded"
    assert [each.text[0] for each in seen if each.what == "key"] == ["1", "#"]
    assert next(each.text for each in seen if each.what == "incoming") == "call from 447700900123"


def test_a_tone_is_heard_without_end(tmp_path: Path) -> None:
    tape = tmp_path / "tape.wav"

    async def scene() -> None:
        def take(call: SoftCall) -> None:
            call.answer()
            call.tone(440)

        async with _pair(take) as (alice, address):
            call = await alice.dial(address)
            assert await call.answered()
            call.record(tape)
            await asyncio.sleep(1.3)
            call.hang_up()

    asyncio.run(scene())
    heard = _channel(tape, 0)
    assert has_tone(heard[: len(heard) // 2], 440)
    assert level_dbfs(heard[-4000:]) == pytest.approx(-15, abs=2)


@pytest.mark.parametrize("status", [486, 603])
def test_a_refusal_tells_its_status(status: int) -> None:
    async def scene() -> None:
        async with _pair(lambda call: call.refuse(status)) as (alice, address):
            call = await alice.dial(address)
            assert not await call.answered()
            outcome = await call.ended()
            assert (outcome.answered, outcome.status) == (False, status)

    asyncio.run(scene())


def test_a_phone_that_expects_no_calls_refuses_them() -> None:
    async def scene() -> None:
        async with _pair(None) as (alice, address):
            outcome = await (await alice.dial(address)).ended()
            assert outcome.status == 480

    asyncio.run(scene())


def test_hanging_up_while_it_rings_lets_the_far_end_know() -> None:
    async def scene() -> None:
        ringing: asyncio.Queue[SoftCall] = asyncio.Queue()
        async with _pair(ringing.put_nowait) as (alice, address):
            call = await alice.dial(address)
            far = await ringing.get()
            call.hang_up()
            assert not await call.answered()
            outcome = await far.ended()
            assert (outcome.answered, outcome.by_far, outcome.text) == (False, True, "the caller gave up")

    asyncio.run(scene())


def test_stopping_the_phone_hangs_up_its_calls() -> None:
    async def scene() -> None:
        calls: list[SoftCall] = []

        def take(call: SoftCall) -> None:
            call.answer()
            calls.append(call)

        async with asyncio.timeout(PATIENCE_S), Softphone() as bob:
            bob.on_call = take
            async with Softphone() as alice:
                call = await alice.dial(f"sip:bob@127.0.0.1:{bob.address[1]}")
                assert await call.answered()
            assert call.outcome is not None
            assert (await calls[0].ended()).by_far

    asyncio.run(scene())


def test_commands_after_the_end_do_nothing(tmp_path: Path) -> None:
    async def scene() -> None:
        async with _pair(lambda call: call.answer()) as (alice, address):
            call = await alice.dial(address)
            assert await call.answered()
            call.hang_up()
            await call.press("1")
            await call.play(tone(700, 0.1))
            call.echo()
            call.tone(440)
            call.record(tmp_path / "late.wav")
            call.answer()
            call.hang_up()

    asyncio.run(scene())
    assert not (tmp_path / "late.wav").exists()


@pytest.mark.parametrize("uri", ["", "bob", "tel:+4420", "sips:bob@127.0.0.1", "sip:bob@bad host", "http://a/"])
def test_what_is_no_sip_address_is_refused(uri: str) -> None:
    async def scene() -> None:
        async with Softphone() as phone:
            with pytest.raises(ConfigError):
                await phone.dial(uri)

    asyncio.run(scene())


def test_a_port_in_use_is_said_so() -> None:
    async def scene() -> None:
        with socket.socket(type=socket.SOCK_DGRAM) as other:
            other.bind(("127.0.0.1", 0))
            with pytest.raises(ConfigError, match="--port"):
                await Softphone(port=other.getsockname()[1]).start()

    asyncio.run(scene())
