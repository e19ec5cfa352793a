"""What a user agent tells: small frozen values, about legs."""

from __future__ import annotations

from dataclasses import dataclass

from ringline.base import LegId
from ringline.sip import Destination, Diversion, Flow, HistoryEntry, NameAddr


class Notice:
    """What is told about no leg in particular: names, registrations, trunks."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Send:
    """Put these bytes on the wire."""

    data: bytes
    to: Flow | Destination


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingCall:
    """Somebody who was let in calls. 100 has been sent; `ring`, `progress`, `answer` or `refuse` it."""

    leg: LegId
    identity: str
    "What `admit` called the caller: a trunk, a user, an account."
    source: Flow
    request_uri: str
    to_user: str
    "Who is called: the user part of the Request-URI, unescaped; empty when it has none."
    to_host: str
    "The host of the Request-URI."
    header_user: str
    "The user part of To: the number, where the Request-URI is only our own registered contact."
    from_user: str
    from_host: str
    from_display: str
    anonymous: bool
    "The caller asked not to be named (RFC 3323), or gives no name."
    asserted: NameAddr | None = None
    "Who the network before us says he is (RFC 3325); worth as much as that network."
    diversions: tuple[Diversion, ...] = ()
    "How the call was forwarded before it came here, the latest first (RFC 5806)."
    history: tuple[HistoryEntry, ...] = ()
    "The targets it had before (RFC 7044)."
    headers: tuple[tuple[str, str], ...]
    "As they came, in order; credentials left out."
    sdp: bytes | None
    "The caller's offer; None when he wants ours."
    call_id: str
    username: str | None = None
    "Who has logged in for this call; None: nobody was asked to."
    replaces: LegId | None = None
    "The leg whose place the call is to take (RFC 3891); whether the caller may, has not been asked."


@dataclass(frozen=True, slots=True, kw_only=True)
class Provisional:
    """The far end says how far it is (180, 183 …); 100 is not told."""

    leg: LegId
    status: int
    sdp: bytes | None
    "Early media."


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The far end answered our call; the ACK is on its way."""

    leg: LegId
    sdp: bytes | None
    "Its answer; that of an earlier 183 when the 200 has none."
    call_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """The caller has acknowledged our answer."""

    leg: LegId
    sdp: bytes | None = None
    "His answer, when the offer was ours."


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """Our call came to nothing. Told once; nothing follows."""

    leg: LegId
    status: int | None
    "The final response; 487 after our own `hang_up`; None when there was no response at all."
    reason: str
    "The words of the status line or of the Reason header."
    q850: int | None
    "Cause of the telephone network, where the far end names one."
    why: str
    "`refused`, `timeout`, `unreachable` or `cancelled` (by us)."
    retry_after_s: int | None = None
    "Seconds the far end wants to be left alone, with a 503."


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """A caller gave up before we answered. Nothing follows."""

    leg: LegId
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A call is over: answered before, or an incoming one that we refused. Nothing follows."""

    leg: LegId
    by_far: bool
    "True when the far end hung up or vanished."
    status: int | None
    "200 for an ordinary BYE; the status that ended it otherwise (408 no ACK, 481, our refusal)."
    reason: str | None
    q850: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferReceived:
    """The far end changes the session (hold, new address). Answer with `accept_offer` or `refuse_offer`."""

    leg: LegId
    sdp: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferAnswered:
    """Our `offer` was accepted, or one repeated for a re-INVITE without SDP was answered."""

    leg: LegId
    sdp: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferRefused:
    """Our `offer` was refused; what was agreed before stays in force."""

    leg: LegId
    status: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyByInfo:
    """A key pressed, told by INFO."""

    leg: LegId
    digit: str
    "One of `0`-`9`, `*`, `#`, `A`-`D`."
    held_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferReceived:
    """The far end wants its call transferred (RFC 3515). Answer with `tell_referrer`; one at a time."""

    leg: LegId
    target: str
    "Who is to be called instead: a `sip`, `sips` or `tel` URI."
    replaces: LegId | None
    "Attended: the other leg, whose far end is to be connected (RFC 3891)."
    referred_by: str | None
    "Who says that he asks for it (RFC 3892), unproved."


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered(Notice):
    """A user registered, renewed or took back where he is, or a device of his has lapsed."""

    user: str
    "What `registers` called him."
    contacts: int
    "Devices he has now."


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerState(Notice):
    """A trunk under watch came up, went down, or our registration with it changed."""

    name: str
    up: bool
    "It answers, and has not asked to be left alone."
    registered: bool | None
    "Whether it knows where we are; None: it need not."
    why: str
    "What is wrong, for people; empty when all is well."


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup(Notice):
    """A host name has to be found (RFC 3263): answer with `UserAgent.found`, with nothing when it is unknown."""

    host: str
    "Lower case."
    port: int | None
    transport: str | None
    "Lower case; None: DNS decides."


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """A message came or went; repeats are not told. Holds neither SDP nor credentials."""

    leg: LegId | None
    direction: str
    "`in` or `out`."
    line: str
    "`INVITE sip:…` or `180 Ringing`."
    call_id: str
    flow: Flow | Destination


AgentEvent = (
    IncomingCall
    | Provisional
    | Answered
    | Confirmed
    | Failed
    | Cancelled
    | Ended
    | OfferReceived
    | OfferAnswered
    | OfferRefused
    | KeyByInfo
    | Lookup
    | PeerState
    | ReferReceived
    | Registered
    | Traced
)
