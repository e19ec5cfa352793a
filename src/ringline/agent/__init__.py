"""The SIP user agent: what dialogs mean for a leg, both ways."""

from ringline.agent.admission import InviteContext, RegisterContext
from ringline.agent.bindings import Binding
from ringline.agent.config import AgentConfig, OutgoingInvite, PeerSpec
from ringline.agent.events import (
    AgentEvent,
    Answered,
    Cancelled,
    Confirmed,
    Ended,
    Failed,
    IncomingCall,
    KeyByInfo,
    Lookup,
    Notice,
    OfferAnswered,
    OfferReceived,
    OfferRefused,
    PeerState,
    Provisional,
    ReferReceived,
    Registered,
    Send,
    Traced,
)
from ringline.agent.flood import FloodLimits
from ringline.agent.remnants import Remnant
from ringline.agent.user_agent import UserAgent
from ringline.sip import Admission, Admit, Challenge, Refuse

__all__ = [
    "Admission",
    "Admit",
    "AgentConfig",
    "AgentEvent",
    "Answered",
    "Binding",
    "Cancelled",
    "Challenge",
    "Confirmed",
    "Ended",
    "Failed",
    "FloodLimits",
    "IncomingCall",
    "InviteContext",
    "KeyByInfo",
    "Lookup",
    "Notice",
    "OfferAnswered",
    "OfferReceived",
    "OfferRefused",
    "OutgoingInvite",
    "PeerSpec",
    "PeerState",
    "Provisional",
    "ReferReceived",
    "Refuse",
    "RegisterContext",
    "Registered",
    "Remnant",
    "Send",
    "Traced",
    "UserAgent",
]
