"""The SIP user agent: what dialogs mean for a leg, both ways."""

from ringline.agent.admission import Admission, Admit, Challenge, InviteContext, Refuse
from ringline.agent.config import AgentConfig, OutgoingInvite
from ringline.agent.events import (
    AgentEvent,
    Answered,
    Cancelled,
    Confirmed,
    Ended,
    Failed,
    IncomingCall,
    KeyByInfo,
    OfferAnswered,
    OfferReceived,
    OfferRefused,
    Provisional,
    Send,
    Traced,
)
from ringline.agent.user_agent import UserAgent

__all__ = [
    "Admission",
    "Admit",
    "AgentConfig",
    "AgentEvent",
    "Answered",
    "Cancelled",
    "Challenge",
    "Confirmed",
    "Ended",
    "Failed",
    "IncomingCall",
    "InviteContext",
    "KeyByInfo",
    "OfferAnswered",
    "OfferReceived",
    "OfferRefused",
    "OutgoingInvite",
    "Provisional",
    "Refuse",
    "Send",
    "Traced",
    "UserAgent",
]
