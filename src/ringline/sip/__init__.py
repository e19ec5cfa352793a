"""SIP without sockets: messages, framing, transactions, dialogs, digest (RFC 3261 and its amendments)."""

from ringline.sip.address import NameAddr, split_list
from ringline.sip.admission import Admission, Admit, Challenge, Refuse
from ringline.sip.client import (
    Answer,
    ClientOutput,
    InviteClient,
    NonInviteClient,
    Unanswered,
    cancel_request,
    failure_ack,
)
from ringline.sip.contact import Contact, read_contacts, read_q
from ringline.sip.dialog import Dialog, respond
from ringline.sip.digest import DigestWords, KeptSums, digest_response
from ringline.sip.digest_client import Credentials, DigestClient
from ringline.sip.digest_server import DigestServer, Missing, Stale, Verified, Wrong
from ringline.sip.flow import Destination, Flow
from ringline.sip.headers import Headers, is_free_name
from ringline.sip.identity import (
    Diversion,
    HistoryEntry,
    asserted_identity,
    is_anonymous,
    privacy_wishes,
    read_diversions,
    read_history,
)
from ringline.sip.message import MAX_MESSAGE, Message, Request, Response, parse, parse_part, salvage
from ringline.sip.params import Params
from ringline.sip.place import Place, Places
from ringline.sip.reason import (
    Reason,
    q850_reason,
    read_reason,
    read_reasons,
    read_retry_after,
    status_text,
    write_reason,
)
from ringline.sip.refer import ReferWish, Replaces, read_refer, read_replaces
from ringline.sip.reliability import RAck, read_rack, reliable_number
from ringline.sip.server import AckArrived, InviteServer, NonInviteServer, ServerOutput, Undelivered
from ringline.sip.session_timer import (
    SHORTEST_S,
    SessionExpires,
    SessionTerms,
    TooBrief,
    accepted_terms,
    answer_terms,
    read_session_expires,
)
from ringline.sip.stream import PING, PONG, StreamParser
from ringline.sip.table import Action, Input, Machine, State, Table, draw
from ringline.sip.tables import TABLES
from ringline.sip.timers import Timers
from ringline.sip.transaction import Transmit
from ringline.sip.uri import Uri
from ringline.sip.via import MAGIC_COOKIE, Via

__all__ = [
    "MAGIC_COOKIE",
    "MAX_MESSAGE",
    "PING",
    "PONG",
    "SHORTEST_S",
    "TABLES",
    "AckArrived",
    "Action",
    "Admission",
    "Admit",
    "Answer",
    "Challenge",
    "ClientOutput",
    "Contact",
    "Credentials",
    "Destination",
    "Dialog",
    "DigestClient",
    "DigestServer",
    "DigestWords",
    "Diversion",
    "Flow",
    "Headers",
    "HistoryEntry",
    "Input",
    "InviteClient",
    "InviteServer",
    "KeptSums",
    "Machine",
    "Message",
    "Missing",
    "NameAddr",
    "NonInviteClient",
    "NonInviteServer",
    "Params",
    "Place",
    "Places",
    "RAck",
    "Reason",
    "ReferWish",
    "Refuse",
    "Replaces",
    "Request",
    "Response",
    "ServerOutput",
    "SessionExpires",
    "SessionTerms",
    "Stale",
    "State",
    "StreamParser",
    "Table",
    "Timers",
    "TooBrief",
    "Transmit",
    "Unanswered",
    "Undelivered",
    "Uri",
    "Verified",
    "Via",
    "Wrong",
    "accepted_terms",
    "answer_terms",
    "asserted_identity",
    "cancel_request",
    "digest_response",
    "draw",
    "failure_ack",
    "is_anonymous",
    "is_free_name",
    "parse",
    "parse_part",
    "privacy_wishes",
    "q850_reason",
    "read_contacts",
    "read_diversions",
    "read_history",
    "read_q",
    "read_rack",
    "read_reason",
    "read_reasons",
    "read_refer",
    "read_replaces",
    "read_retry_after",
    "read_session_expires",
    "reliable_number",
    "respond",
    "salvage",
    "split_list",
    "status_text",
    "write_reason",
]
