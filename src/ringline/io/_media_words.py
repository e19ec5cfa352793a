"""What the media core's events and figures are called in the engine, and the engine's plans in the core."""

from __future__ import annotations

from hashlib import blake2b

from ringline._media import Counters, Event
from ringline.base import ConversationId, EffectId, LegId
from ringline.engine.ports import (
    AudioLevels,
    AudioStarted,
    KeyDown,
    KeyReleased,
    LegCounters,
    LegMediaFailed,
    MediaConnected,
    MediaEvent,
    MediaInterrupted,
    MediaTimeout,
    RtpPlan,
    SpeechStarted,
    SpeechStopped,
    Told,
    ToneHeard,
)


def leg_event(event: Event, leg: LegId) -> MediaEvent:
    """Name what has happened to a leg."""
    match event.kind:
        case "key_down":
            return KeyDown(leg=leg, digit=event.digit or "")
        case "key_released":
            return KeyReleased(leg=leg, digit=event.digit or "", held_ms=event.milliseconds)
        case "audio_started":
            return AudioStarted(leg=leg)
        case "media_timeout":
            return MediaTimeout(leg=leg)
        case "connected":
            return MediaConnected(leg=leg)
        case "interrupted":
            return MediaInterrupted(leg=leg, why=event.why)
        case _:
            return LegMediaFailed(leg=leg, why=event.why)


def observed(event: Event, watch: EffectId) -> Told:
    """Name what was heard by one who listens to a leg."""
    match event.kind:
        case "speech_started":
            return SpeechStarted(watch=watch, at_ms=event.at_ms)
        case "speech_stopped":
            return SpeechStopped(watch=watch, at_ms=event.at_ms, spoke_ms=event.milliseconds)
        case "tone_heard":
            return ToneHeard(watch=watch, at_ms=event.at_ms, tone=event.what, length_ms=event.milliseconds, hz=event.hz)
        case _:
            return AudioLevels(watch=watch, at_ms=event.at_ms, dbfs=tuple(event.levels), content=event.what)


def leg_counters(counters: Counters) -> LegCounters:
    """A leg's figures; what the core gives as zero for lack of a measurement is None."""
    return LegCounters(
        packets_received=counters.received,
        packets_sent=counters.sent,
        bytes_in=counters.bytes_in,
        bytes_out=counters.bytes_out,
        packets_lost=counters.lost,
        packets_late=counters.late,
        packets_malformed=counters.malformed,
        packets_foreign=counters.foreign,
        jitter_ms=counters.jitter_ms,
        keys_received=counters.keys,
        concealed_ms=counters.concealed_ms,
        delay_ms=counters.delay_ms,
        packets_handed_on=counters.handed_on,
        reports_sent=counters.reports,
        round_trip_ms=counters.round_trip_ms or None,
        far_loss=counters.far_loss,
        far_jitter_ms=counters.far_jitter_ms,
        opinion=counters.opinion or None,
        far_opinion=counters.far_opinion or None,
    )


def srtp_keys(plan: RtpPlan) -> tuple[str, bytes, str, bytes] | None:
    """Suite and key to send with, suite and key to receive with; None for plain audio."""
    keys = plan.srtp
    return None if keys is None else (keys.send_suite, keys.send_key, keys.receive_suite, keys.receive_key)


def room_number(room: ConversationId) -> int:
    """A room's number follows from its name, so that nothing must be remembered of it."""
    return int.from_bytes(blake2b(room.encode(), digest_size=8).digest(), "big")
