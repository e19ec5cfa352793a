"""What every room may use: errors, ids, clock, chance, log, redaction. Standard library only."""

from ringline.base.clock import Clock, Instant, SystemClock, iso_ms, iso_s
from ringline.base.errors import (
    ApiError,
    ConfigError,
    LocalProtocolError,
    MediaError,
    NegotiationError,
    ProtocolError,
    ProviderError,
    RemoteProtocolError,
    RinglineError,
)
from ringline.base.ids import (
    ApplicationId,
    ConversationId,
    EffectId,
    LegId,
    new_conversation_id,
    new_leg_id,
    read_leg_id,
)
from ringline.base.log import Log, get_log
from ringline.base.random import Random, SeededRandom, SystemRandom, integer, token, uuid4
from ringline.base.redaction import Private

__all__ = [
    "ApiError",
    "ApplicationId",
    "Clock",
    "ConfigError",
    "ConversationId",
    "EffectId",
    "Instant",
    "LegId",
    "LocalProtocolError",
    "Log",
    "MediaError",
    "NegotiationError",
    "Private",
    "ProtocolError",
    "ProviderError",
    "Random",
    "RemoteProtocolError",
    "RinglineError",
    "SeededRandom",
    "SystemClock",
    "SystemRandom",
    "get_log",
    "integer",
    "iso_ms",
    "iso_s",
    "new_conversation_id",
    "new_leg_id",
    "read_leg_id",
    "token",
    "uuid4",
]
