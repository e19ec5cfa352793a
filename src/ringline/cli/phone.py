"""`ringline phone`: a phone in the terminal, on Ringline's own SIP and media."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
import wave
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum, unique
from pathlib import Path
from typing import Annotated, Final, TypeVar

import numpy as np
import typer
from numpy.typing import NDArray

from ringline.base import ConfigError
from ringline.cli import _keyboard
from ringline.cli._console import FAILED, NO_ANSWER, OK, plain_errors, say
from ringline.cli._say import spoken
from ringline.cli.softphone import Happening, Privacy, SoftCall, Softphone

_SPAN = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|)")
_KEYS = re.compile(r"[0-9*#A-Dp]+")
_SILENT: Final = frozenset({408, 480, 487, 504})
"Statuses that say that nobody answered."


T = TypeVar("T")
Sound = tuple[bytes, int]
"16-bit mono samples, and their rate in Hz."


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the phone shall do in a call."""

    press: str | None = None
    press_after_s: float = 1.0
    say: str | None = None
    play: Path | None = None
    tone_hz: float | None = None
    echo: bool = False
    record: Path | None = None
    duration_s: float | None = None
    timeout_s: float = 60.0


@unique
class Srtp(StrEnum):
    """Whether audio is encrypted."""

    OFF = "off"
    OPTIONAL = "optional"
    REQUIRED = "required"


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Who the phone is, and where it is known."""

    user: str | None = None
    password: str | None = None
    caller: str | None = None
    registrar: str | None = None


def read_time(text: str) -> float:
    """Read a time such as `3s`, `500ms` or `2.5`."""
    found = _SPAN.fullmatch(text.strip())
    if found is None:
        raise typer.BadParameter("must be a time such as 3s, 500ms or 2.5")
    return float(found[1]) / (1000 if found[2] == "ms" else 1)


def read_keys(given: T) -> T:
    """Check keys to press, or several times keys when the option may be given several times."""
    texts = given if isinstance(given, list | tuple) else [given]
    if not all(text is None or _KEYS.fullmatch(str(text)) for text in texts):
        raise typer.BadParameter("may hold 0-9 * # A-D, and p for a pause of half a second")
    return given


def phone(
    target: Annotated[
        str | None, typer.Argument(metavar="SIP-ADDRESS", help="Whom to call, such as sip:442079460000@127.0.0.1:5060")
    ] = None,
    user: Annotated[str | None, typer.Option("--user", "-u", help="Name to log in with")] = None,
    password: Annotated[str | None, typer.Option("--password", help="Its password", envvar="PHONE_PASSWORD")] = None,
    caller: Annotated[str | None, typer.Option("--from", help="Number or name shown to the far end")] = None,
    answer: Annotated[bool, typer.Option("--answer", help="Wait for a call and answer it")] = False,
    register: Annotated[
        str | None, typer.Option(metavar="HOST[:PORT]", help="Log in there first, so that calls to --user come here")
    ] = None,
    tls: Annotated[bool, typer.Option("--tls", help="Speak TLS")] = False,
    ca: Annotated[
        Path | None, typer.Option("--ca", dir_okay=False, metavar="FILE", help="Believe these authorities (PEM), too")
    ] = None,
    insecure: Annotated[bool, typer.Option("--insecure", help="Take every certificate as it is")] = False,
    srtp: Annotated[
        Srtp | None, typer.Option(help="Encrypted audio; optional over TLS unless given", show_default="off")
    ] = None,
    bind: Annotated[str, typer.Option(help="Own address")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Own SIP port; 0 takes a free one")] = 0,
    press: Annotated[str | None, typer.Option(callback=read_keys, help="Keys to press; p is half a second")] = None,
    press_after: Annotated[float, typer.Option(parser=read_time, metavar="TIME", help="When, after the answer")] = "1s",  # type: ignore[assignment]
    say_: Annotated[str | None, typer.Option("--say", metavar="TEXT", help="Speak this")] = None,
    play: Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="Say this wav file")] = None,
    tone: Annotated[float | None, typer.Option(min=50, max=3900, metavar="HZ", help="Say a tone")] = None,
    echo: Annotated[bool, typer.Option("--echo", help="Say everything that is heard")] = False,
    record: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Record into a wav file: left heard, right said")
    ] = None,
    duration: Annotated[
        float | None, typer.Option(parser=read_time, metavar="TIME", help="Hang up so long after the answer")
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(parser=read_time, metavar="TIME", help="How long to wait for the answer (60s), or for a call"),
    ] = None,
) -> None:
    """A phone in the terminal: call a SIP address, or wait for a call. In a terminal, typed digits are pressed.

    Exit code 0: answered and ended. 1: refused or busy. 2: wrong options. 3: no answer.
    """
    if answer == (target is not None):
        raise typer.BadParameter("give a SIP address to call, or --answer", param_hint="SIP-ADDRESS")
    if register is not None and user is None:
        raise typer.BadParameter("needs --user", param_hint="--register")
    if not tls and (ca is not None or insecure):
        raise typer.BadParameter("goes with --tls", param_hint="--ca" if ca is not None else "--insecure")
    login = Login(user=user, password=password, caller=caller, registrar=register)
    secrecy = srtp or (Srtp.OPTIONAL if tls else Srtp.OFF)
    privacy = Privacy(tls=tls, ca_file=ca, unverified=insecure, srtp=secrecy.value)
    plan = Plan(
        press=press,
        press_after_s=press_after,
        say=say_,
        play=play,
        tone_hz=tone,
        echo=echo,
        record=record,
        duration_s=duration,
        timeout_s=60.0 if timeout is None else timeout,
    )
    with plain_errors():
        code = asyncio.run(_run(plan, target, login, privacy, bind, port, timeout))
    raise typer.Exit(code)


async def _run(
    plan: Plan,
    target: str | None,
    login: Login,
    privacy: Privacy,
    bind: str,
    port: int,
    wait_s: float | None,
) -> int:
    sounds = await _sounds(plan)
    async with Softphone(bind=bind, port=port, watch=_print, privacy=privacy) as device:
        if login.registrar is not None and login.user is not None:
            await device.register(login.registrar, username=login.user, password=login.password or "")
            say(f"registered as {login.user} at {login.registrar}")
        if target is None:
            host, own_port = device.address
            say(f"waiting for a call at sip:phone@{host}:{own_port}; Ctrl-C to stop")
            call = await _first_call(device, wait_s)
            if call is None:
                return NO_ANSWER
            call.answer()
        else:
            call = await device.dial(target, username=login.user, password=login.password, caller=login.caller)
        with at_signals(call.hang_up):
            return await _talk(call, plan, sounds)


async def _talk(call: SoftCall, plan: Plan, sounds: list[Sound]) -> int:
    """Do in a call what the plan says; return the exit code."""
    try:
        async with asyncio.timeout(plan.timeout_s):
            up = await call.answered()
    except TimeoutError:
        say(f"no answer within {plan.timeout_s:g} s")
        call.hang_up()
        return NO_ANSWER
    if not up:
        outcome = await call.ended()
        nobody = outcome.status is None or outcome.status in _SILENT
        return NO_ANSWER if nobody else FAILED
    work = [asyncio.create_task(_speak(call, plan, sounds)), asyncio.create_task(_keys_of(call, plan))]
    if plan.duration_s is not None:
        work.append(asyncio.create_task(_limit(call, plan.duration_s)))
    if sys.stdin.isatty():
        work.append(asyncio.create_task(_keyboard.press_typed(call)))
    try:
        await call.ended()
    finally:
        for task in work:
            task.cancel()
        results = await asyncio.gather(*work, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception):
            raise result
    if plan.record is not None:
        say(f"recorded in {plan.record}")
    return OK


async def _first_call(device: Softphone, timeout_s: float | None) -> SoftCall | None:
    coming: asyncio.Future[SoftCall] = asyncio.get_running_loop().create_future()

    def take(call: SoftCall) -> None:
        if coming.done():
            call.refuse(486)
        else:
            coming.set_result(call)

    device.on_call = take
    try:
        with at_signals(coming.cancel):
            async with asyncio.timeout(timeout_s):
                return await asyncio.shield(coming)
    except TimeoutError:
        say(f"nobody called within {timeout_s:g} s")
    except asyncio.CancelledError:
        if not coming.cancelled():
            raise
        say("stopped waiting")
    return None


@contextmanager
def at_signals(act: Callable[[], object]) -> Iterator[None]:
    """Let Ctrl-C and SIGTERM end things in good order."""
    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)
    with suppress(RuntimeError):  # only the main thread has signals
        for one in signals:
            loop.add_signal_handler(one, act)
    try:
        yield
    finally:
        with suppress(RuntimeError):
            for one in signals:
                loop.remove_signal_handler(one)


async def _sounds(plan: Plan) -> list[Sound]:
    """What shall be said, made ready before anybody is called.

    Raises:
        ConfigError: the file is no wav file.
        ProviderError: nothing can be spoken.
    """
    sounds = []
    if plan.play is not None:
        sounds.append(await asyncio.to_thread(read_wav, plan.play))
    if plan.say is not None:
        rate_hz, pcm = await spoken(plan.say)
        sounds.append((pcm, rate_hz))
    return sounds


async def _speak(call: SoftCall, plan: Plan, sounds: list[Sound]) -> None:
    try:
        if plan.record is not None:
            call.record(plan.record)
        if plan.echo:
            call.echo()
        if plan.tone_hz is not None:
            call.tone(plan.tone_hz)
        for pcm, rate_hz in sounds:
            await call.play(pcm, rate_hz)
    except OSError:  # the recording cannot be written: there is no use in going on
        call.hang_up()
        raise


async def _keys_of(call: SoftCall, plan: Plan) -> None:
    if plan.press:
        await asyncio.sleep(plan.press_after_s)
        await call.press(plan.press)


async def _limit(call: SoftCall, seconds: float) -> None:
    await asyncio.sleep(seconds)
    call.hang_up()


def read_wav(path: Path) -> tuple[bytes, int]:
    """The samples of a 16-bit wav file, channels mixed to one, and their rate.

    Raises:
        ConfigError: it is no such file.
    """
    rate_hz, channels = read_channels(path)
    return channels.mean(axis=0).astype("<i2").tobytes(), rate_hz


def read_channels(path: Path) -> tuple[int, NDArray[np.int16]]:
    """The rate of a 16-bit wav file, and its samples with a row for each channel.

    Raises:
        ConfigError: it is no such file.
    """
    try:
        with wave.open(str(path), "rb") as file:
            if file.getsampwidth() != 2:
                raise ConfigError("must have 16-bit samples", where="command line", key=str(path))
            samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
            return file.getframerate(), samples.reshape(-1, file.getnchannels()).T
    except (wave.Error, EOFError, ValueError) as error:
        raise ConfigError(f"is no wav file ({error})", where="command line", key=str(path)) from error


def _print(happening: Happening) -> None:
    say(f"{happening.at_s:8.3f}  {happening.what:<8} {happening.text}")
