"""`ringline simulate`: a caller who knows what he wants calls a running Ringline, for tests in any language."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from typer.core import TyperCommand

from ringline.base import ConfigError
from ringline.cli._console import FAILED, NO_ANSWER, OK, console, plain_errors, say
from ringline.cli._installation import ConfigOption, Installation, installation, load_settings
from ringline.cli._live import print_row
from ringline.cli._records import open_records
from ringline.cli._say import spoken
from ringline.cli._simulation import (
    Caller,
    Outcome,
    Press,
    Say,
    SimulationFailed,
    Step,
    WaitFor,
    missing,
    silence_in,
)
from ringline.cli._timeline import Row
from ringline.cli.demo import Demo
from ringline.cli.phone import at_signals, read_keys, read_time
from ringline.cli.softphone import SoftCall, Softphone

_MEDIA: Final = (21_600, 21_998)
_RINGING_S: Final = 60.0
_HEARING_S: Final = 30.0
"So long words are waited for."
_NOBODY: Final = frozenset({408, 480, 487, 504})
_STEPS: Final = ("press", "say_", "wait_for")


class InOrder(TyperCommand):
    """A command that knows in which order its repeatable options were given."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        _, _, order = self.make_parser(ctx).parse_args(args=list(args))
        ctx.meta[__name__] = [parameter.name for parameter in order if parameter.name in _STEPS]
        return super().parse_args(ctx, args)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What shall happen in the call."""

    to: str
    username: str
    password: str | None
    target: str
    steps: Sequence[tuple[str, str]]
    expected: Sequence[str]
    language: str
    hang_up_after_s: float | None
    limit_s: float
    record: Path | None


def simulate(
    ctx: typer.Context,
    to: Annotated[str, typer.Option("--to", metavar="NUMBER", help="The number to call")],
    from_: Annotated[
        str | None, typer.Option("--from", metavar="NUMBER", help="Call as the SIP user who has this number")
    ] = None,
    press: Annotated[
        list[str] | None,
        typer.Option(metavar="KEYS", callback=read_keys, help="Press keys once the prompt is over; p is a pause"),
    ] = None,
    say_: Annotated[
        list[str] | None, typer.Option("--say", metavar="TEXT", help="Say something once the prompt is over")
    ] = None,
    wait_for: Annotated[
        list[str] | None,
        typer.Option(metavar="TEXT", help="Wait until this is heard; the next step does not wait for the prompt's end"),
    ] = None,
    expect: Annotated[
        list[str] | None, typer.Option(metavar="TEXT", help="Fail unless this was heard at some time in the call")
    ] = None,
    hang_up_after: Annotated[
        float | None,
        typer.Option(parser=read_time, metavar="TIME", help="Hang up so long after the last step"),
    ] = None,
    limit: Annotated[
        float, typer.Option(parser=read_time, metavar="TIME", help="A call that goes on for longer has failed")
    ] = "120s",  # type: ignore[assignment]
    language: Annotated[str, typer.Option(help="Of what is said")] = "en-US",
    record: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Keep the audio in a wav file: left heard, right said")
    ] = None,
    user: Annotated[str | None, typer.Option("--user", "-u", help="SIP user to call as (default: the demo's)")] = None,
    password: Annotated[str | None, typer.Option("--password", help="His password", envvar="PHONE_PASSWORD")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON lines; the last one is the outcome")] = False,
    config: ConfigOption = None,
) -> None:
    """Call a number of the platform that runs here, press keys and speak in step with its prompts, and tell the story.

    The steps (--press, --say, --wait-for) are taken in the order in which they are given. Exit code 0: answered, every
    step taken, everything expected was heard. 1: not so, or refused. 2: wrong options. 3: no answer.
    """
    steps = _in_order(ctx.meta[__name__], {"press": press or [], "say_": say_ or [], "wait_for": wait_for or []})
    with plain_errors():
        here = _running(config)
        username, secret = _login(here, user, password, from_)
        sip = here.settings.sip
        plan = Plan(
            to=to,
            username=username,
            password=secret,
            target=f"sip:{to.removeprefix('+').replace(' ', '')}@{sip.bind}:{sip.port}",
            steps=steps,
            expected=expect or [],
            language=language,
            hang_up_after_s=hang_up_after,
            limit_s=limit,
            record=record,
        )
        outcome = asyncio.run(_simulate(plan, here.store, _json_row if as_json else _printer()))
    _report(outcome, as_json=as_json)
    raise typer.Exit(_exit_code(outcome))


async def _simulate(plan: Plan, store: str, tell: Callable[[Row], None]) -> Outcome:
    steps = [await _prepared(kind, value, plan.language) for kind, value in plan.steps]
    with open_records(store) as records:
        position = records.newest_line()
    with tempfile.TemporaryDirectory(prefix="ringline-simulate-") as folder:
        tape = plan.record or Path(folder) / "caller.wav"
        async with Softphone(media_ports=_MEDIA) as phone:
            call = await phone.dial(plan.target, username=plan.username, password=plan.password)
            hear_s = min(_HEARING_S, 0.9 * plan.limit_s)
            caller = Caller(call, store=store, position=position, tell=tell, hear_s=hear_s)
            story = asyncio.create_task(caller.follow())
            stopped = False

            def stop() -> None:
                nonlocal stopped
                stopped = True
                call.hang_up()

            try:
                with at_signals(stop):
                    outcome = await _lead(plan, call, caller, steps, tape)
                if stopped:
                    outcome.problems.append("stopped by a signal")
                call.hang_up()
                await caller.last_news()
            finally:
                story.cancel()
                with suppress(asyncio.CancelledError):
                    await story
        hearing = caller.hearing
        outcome.uuid = hearing.leg
        outcome.heard = [prompt.text for prompt in hearing.prompts]
        if outcome.answered:
            outcome.problems += missing(plan.expected, outcome.heard)
            silent = await asyncio.to_thread(silence_in, tape)
            if outcome.heard and silent:
                outcome.problems.append("nothing of what was played could be heard: the audio came in silent")
    return outcome


async def _lead(plan: Plan, call: SoftCall, caller: Caller, steps: Sequence[Step], tape: Path) -> Outcome:
    """Be the caller until the call is over, or has gone on for too long."""
    outcome = Outcome()
    with suppress(TimeoutError):
        async with asyncio.timeout(_RINGING_S):
            outcome.answered = await call.answered()
    if not outcome.answered:
        ended = call.outcome
        outcome.status = ended.status if ended is not None else None
        outcome.text = ended.text if ended is not None else f"no answer within {_RINGING_S:g} s"
        outcome.problems.append(f"the call was not answered: {outcome.text}")
        return outcome
    call.record(tape)
    try:
        async with asyncio.timeout(plan.limit_s):
            await caller.go(steps)
            if plan.hang_up_after_s is not None:
                with suppress(TimeoutError):
                    async with asyncio.timeout(plan.hang_up_after_s):
                        await call.ended()
                call.hang_up()
            outcome.text = (await call.ended()).text
    except TimeoutError:
        outcome.problems.append(f"the call went on for more than {plan.limit_s:g} s")
    except SimulationFailed as error:
        outcome.problems.append(str(error))
    return outcome


async def _prepared(kind: str, value: str, language: str) -> Step:
    """A step with its audio, made before anybody is called.

    Raises:
        ProviderError: nothing can be spoken.
    """
    match kind:
        case "press":
            return Press(value)
        case "say_":
            rate_hz, pcm = await spoken(value, language)
            return Say(value, pcm, rate_hz)
        case _:
            return WaitFor(value)


def _in_order(order: Sequence[str], given: dict[str, list[str]]) -> list[tuple[str, str]]:
    values = {kind: iter(texts) for kind, texts in given.items()}
    return [(kind, next(values[kind])) for kind in order]


def _running(config: Path | None) -> Installation:
    """The platform that runs here; `ringline dev` has defaults of its own."""
    found = installation(config)
    return Installation(load_settings(config, profile="dev")) if found.has_note else found


def _login(here: Installation, user: str | None, password: str | None, number: str | None) -> tuple[str, str | None]:
    """Who calls: the user named or with that number, or the demo's. Applications see him as the platform knows him.

    Raises:
        ConfigError: there is no such user, and it is not said how to log in.
    """
    if user is None and number is None and here.has_demo:
        demo = Demo(here.settings.data_dir)
        return demo.username, password or demo.password
    for section in here.settings.users:
        if section.password is not None and user in (None, section.username) and number in (None, section.number):
            return section.username, password or section.password.get_secret_value()
    if number is not None:
        raise ConfigError(
            "no SIP user of the settings has this number and a password", where="command line", key="--from"
        )
    if user is None:
        why = "name a SIP user to call as (without one the demo of a running `ringline dev` is used)"
        raise ConfigError(why, where="command line", key="--user")
    return user, password


def _printer() -> Callable[[Row], None]:
    out = console()
    return lambda row: print_row(out, row)


def _json_row(row: Row) -> None:
    fields = {"at": row.at.isoformat(), "leg": row.leg, "kind": row.kind, "text": row.text, "bad": row.bad}
    typer.echo(json.dumps(fields, ensure_ascii=False))


def _report(outcome: Outcome, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"kind": "outcome", "ok": not outcome.problems, **asdict(outcome)}, ensure_ascii=False))
        return
    for text in outcome.heard:
        say(f"heard  {text}")
    for problem in outcome.problems:
        say(f"✗ {problem}", style="bold red")
    if not outcome.problems:
        say(f"✓ the call went as it should: {outcome.text}", style="bold green")


def _exit_code(outcome: Outcome) -> int:
    if not outcome.problems:
        return OK
    nobody = not outcome.answered and (outcome.status is None or outcome.status in _NOBODY)
    return NO_ANSWER if nobody else FAILED
