"""The actions a script is made of: one module each, found here by the NCCO model they run.

Adding an action means a module beside these and a line in `_MAKERS`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, cast

from ringline import ncco
from ringline.base import ConversationId, LegId
from ringline.calls.actions.base import Go, Replace, RunningAction, Step
from ringline.calls.actions.connect import Connecting
from ringline.calls.actions.conversation import Conferring
from ringline.calls.actions.input import Collecting, Listening, report_key
from ringline.calls.actions.notify import Notifying
from ringline.calls.actions.pay import CardPrompt, Paying
from ringline.calls.actions.prompt import Prompt, Prompting
from ringline.calls.actions.record import Recorder
from ringline.calls.actions.transfer import Transferring
from ringline.calls.actions.wait import Waiting
from ringline.calls.commands import AudioFile, Speech
from ringline.calls.detection import wished
from ringline.calls.listening import Ear, SpeechOptions
from ringline.calls.parties import Hook, Party, TranscriptionWish
from ringline.calls.state import Detection, Leg, Room

__all__ = [
    "RUNNING",
    "Collecting",
    "Conferring",
    "Connecting",
    "Go",
    "Replace",
    "RunningAction",
    "Step",
    "make",
    "party",
    "report_key",
]

RUNNING: Final[tuple[type[RunningAction], ...]] = (
    Collecting,
    Conferring,
    Connecting,
    Listening,
    Notifying,
    Paying,
    Prompting,
    Recorder,
    Transferring,
    Waiting,
)
"Every state an action can be written down in."


def make(room: Room, leg: Leg, script: Sequence[ncco.Action], position: int) -> tuple[RunningAction | None, int]:
    """Make the running state of the action at `position`, and tell how many actions of the script it covers.

    Interruptible prompts are one with the input they lead to: from the first prompt with barge-in on, all prompts up
    to the input can be interrupted, whatever they say themselves (NCCO reference: talk, bargeIn). None: this version
    cannot run the action.
    """
    first = script[position]
    if isinstance(first, ncco.Talk | ncco.Stream) and first.barge_in:
        end = position
        while end < len(script) and isinstance(script[end], ncco.Talk | ncco.Stream):
            end += 1
        prompts = tuple(_prompt(cast("ncco.Talk | ncco.Stream", one)) for one in script[position:end])
        collecting = _input(room, leg, cast("ncco.Input", script[end]))
        if isinstance(collecting, Collecting):
            collecting.prompts = prompts
            return collecting, end - position + 1
    maker = _MAKERS.get(type(first))
    return (maker(room, leg, first) if maker else None), 1


def party(endpoint: ncco.Endpoint) -> Party:
    """Turn an endpoint of a script or request into the far end of a leg."""
    match endpoint:
        case ncco.Phone():
            details: dict[str, Any] = {"shaken": endpoint.shaken} if endpoint.shaken else {}
        case ncco.Sip():
            standard = endpoint.standard_headers.user_to_user
            details = {
                "headers": endpoint.headers,
                "standard_headers": {"User-to-User": standard} if standard else {},
            }
            if endpoint.domain:
                details |= {"user": endpoint.user, "trunk": endpoint.domain}
        case ncco.WebSocket():
            details = {"content-type": endpoint.content_type, "headers": endpoint.headers}
            if endpoint.authorization is not None:
                details["authorization"] = {
                    "type": endpoint.authorization.type,
                    "value": endpoint.authorization.value,
                }
        case _:
            details = {}
    return Party(kind=endpoint.type, address=endpoint.address, details=details)


def _hook(url: str | None, method: str, leg: Leg) -> Hook | None:
    return Hook(url=url, method=method) if url else leg.event_hook


def _prompt(action: ncco.Talk | ncco.Stream) -> Prompt:
    if isinstance(action, ncco.Stream):
        source = AudioFile(url=action.stream_url)
        return Prompt(kind="stream", source=source, loop=action.loop, level=action.level)
    named = action.language is None and action.style is None
    speech = Speech(
        text=action.text,
        language=action.language or "en-US",
        style=action.style or 0,
        premium=action.premium,
        voice_name=action.voice_name if named else None,
        provider=action.provider,
        provider_options=(action.provider_options or {}) if action.provider else {},
    )
    return Prompt(kind="talk", source=speech, loop=action.loop, level=action.level)


def _prompting(_room: Room, _leg: Leg, action: Any) -> RunningAction:
    return Prompting(prompt=_prompt(action))


def _input(_room: Room, leg: Leg, action: ncco.Input) -> RunningAction:
    hook = _hook(action.event_url, action.event_method, leg)
    if action.mode == "asynchronous":
        return Listening(hook=hook)
    return Collecting(
        dtmf="dtmf" in action.type,
        ear=_ear(action.speech) if action.speech is not None else None,
        timeout_s=action.dtmf.timeout_s,
        max_digits=action.dtmf.max_digits,
        submit_on_hash=action.dtmf.submit_on_hash,
        hook=hook,
        legacy=action.oldest_form,
    )


def _ear(speech: ncco.SpeechSettings) -> Ear:
    options = SpeechOptions(
        uuid=LegId(speech.uuid) if speech.uuid else None,
        language=speech.language,
        hints=tuple(speech.context),
        end_on_silence_s=speech.end_on_silence_s,
        start_timeout_s=speech.start_timeout_s,
        max_duration_s=speech.max_duration_s,
        sensitivity=speech.sensitivity,
        save_audio=speech.save_audio,
        provider=speech.provider,
        provider_options=speech.provider_options or {},
    )
    return Ear(options=options)


def _pay(_room: Room, leg: Leg, action: ncco.Pay) -> RunningAction:
    url = action.event_url or (leg.event_hook.url if leg.event_hook is not None else None)
    prompts: dict[str, CardPrompt] = {
        prompt.type: CardPrompt(text=prompt.text, errors={name: error.text for name, error in prompt.errors.items()})
        for prompt in action.prompts
    }
    return Paying(
        amount=format(action.amount, "f"),
        currency=action.currency,
        hook=Hook(url=url) if url else None,
        language=action.voice.language or "en-US",
        style=action.voice.style,
        prompts=prompts,
    )


def _record(room: Room, leg: Leg, action: ncco.Record) -> RunningAction:
    channels = action.channels or (2 if action.split else 1)
    conditions = action.end_on_silence is not None or action.end_on_key is not None
    timed = action.timeout is not None and room.application.record_timeout_blocks
    return Recorder(
        container=action.format,
        channels=channels,
        heard=bool(action.split) and action.channels is None,
        hook=_hook(action.event_url, action.event_method, leg),
        end_on_silence_s=action.end_on_silence,
        end_on_key=action.end_on_key,
        limit_s=action.timeout,
        blocks=conditions or timed,
        beep=action.beep_start,
        transcription=_transcription(action.transcription),
    )


def _transcription(wish: ncco.Transcription | None) -> TranscriptionWish | None:
    if wish is None:
        return None
    hook = Hook(url=wish.event_url, method=wish.event_method) if wish.event_url else None
    return TranscriptionWish(language=wish.language, sentiment=wish.sentiment_analysis, hook=hook)


def _connect(room: Room, leg: Leg, action: ncco.Connect) -> RunningAction:
    endpoint = action.endpoint
    to = party(endpoint)
    caller = action.from_ or ""
    if action.random_from_number:
        caller = _nearest_number(room.application.numbers, to.address)
    on_answer = endpoint.on_answer if isinstance(endpoint, ncco.Phone) else None
    user_calls = to.kind == "app" and not caller and leg.direction == "inbound" and leg.from_.kind == "app"
    return Connecting(
        to=to,
        from_=leg.from_ if user_calls else Party(kind="phone", address=caller),
        ring_limit_s=action.timeout,
        length_limit_s=action.limit,
        dtmf_answer=endpoint.dtmf_answer if isinstance(endpoint, ncco.Phone) else "",
        on_answer=Hook(url=on_answer.url, method="GET") if on_answer else None,
        detection=_detection(action),
        synchronous=action.event_type == "synchronous",
        ringback_url=(on_answer.ringback_tone if on_answer else None) or action.ringback_tone,
        hook=Hook(url=action.event_url, method=action.event_method) if action.event_url else None,
    )


def _detection(action: ncco.Connect) -> Detection | None:
    advanced = action.advanced_machine_detection
    if advanced is None:
        return wished(action.machine_detection, None, None, None)
    return wished(None, advanced.behavior, advanced.mode, advanced.beep_timeout)


def _nearest_number(numbers: Sequence[str], destination: str) -> str:
    """The number that shares the longest beginning with the destination: the same country, if there is one."""

    def shared(number: str) -> int:
        length = 0
        for ours, theirs in zip(number, destination, strict=False):
            if ours != theirs:
                break
            length += 1
        return length

    return max(numbers, key=shared, default="")


def _conversation(_room: Room, _leg: Leg, action: ncco.Conversation) -> RunningAction:
    return Conferring(
        name=action.name,
        hold_music=action.music_on_hold_url,
        start_on_enter=action.start_on_enter,
        end_on_exit=action.end_on_exit,
        record=action.record,
        transcription=_transcription(action.transcription) if action.record else None,
        mute=action.mute,
        can_speak=_legs(action.can_speak),
        can_hear=_legs(action.can_hear),
        hook=Hook(url=action.event_url, method=action.event_method) if action.event_url else None,
    )


def _legs(uuids: Sequence[str] | None) -> tuple[LegId, ...] | None:
    return None if uuids is None else tuple(LegId(uuid) for uuid in uuids)


def _notify(_room: Room, leg: Leg, action: ncco.Notify) -> RunningAction:
    return Notifying(payload=action.payload, hook=_hook(action.event_url, action.event_method, leg))


def _transfer(_room: Room, _leg: Leg, action: ncco.Transfer) -> RunningAction:
    return Transferring(
        conversation=ConversationId(action.conversation_id),
        can_speak=_legs(action.can_speak),
        can_hear=_legs(action.can_hear),
        mute=action.mute,
    )


def _wait(_room: Room, _leg: Leg, action: ncco.Wait) -> RunningAction:
    return Waiting(seconds=action.timeout)


_MAKERS: Final[dict[type[Any], Callable[[Room, Leg, Any], RunningAction]]] = {
    ncco.Talk: _prompting,
    ncco.Stream: _prompting,
    ncco.Input: _input,
    ncco.Record: _record,
    ncco.Connect: _connect,
    ncco.Conversation: _conversation,
    ncco.Notify: _notify,
    ncco.Pay: _pay,
    ncco.Transfer: _transfer,
    ncco.Wait: _wait,
}
