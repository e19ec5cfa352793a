"""SIP without sockets: messages, framing, transactions, dialogs, digest (RFC 3261 and its amendments)."""

from ringline.sip.address import NameAddr, split_list
from ringline.sip.client import (
    Answer,
    ClientOutput,
    InviteClient,
    NonInviteClient,
    Transmit,
    Unanswered,
    cancel_request,
    failure_ack,
)
from ringline.sip.dialog import Dialog, respond
from ringline.sip.digest import DigestWords, digest_response
from ringline.sip.digest_client import Credentials, DigestClient
from ringline.sip.digest_server import DigestServer, Missing, Stale, Verified, Wrong
from ringline.sip.flow import Destination, Flow
from ringline.sip.headers import Headers, is_free_name
from ringline.sip.message import MAX_MESSAGE, Message, Request, Response, parse, salvage
from ringline.sip.params import Params
from ringline.sip.reason import read_reason, status_text, write_reason
from ringline.sip.server import AckArrived, InviteServer, NonInviteServer, ServerOutput, Undelivered
from ringline.sip.stream import PING, PONG, StreamParser
from ringline.sip.table import Action, Input, Machine, State, Table, draw
from ringline.sip.tables import TABLES
from ringline.sip.timers import Timers
from ringline.sip.uri import Uri
from ringline.sip.via import MAGIC_COOKIE, Via

__all__ = [
    "MAGIC_COOKIE",
    "MAX_MESSAGE",
    "PING",
    "PONG",
    "TABLES",
    "AckArrived",
    "Action",
    "Answer",
    "ClientOutput",
    "Credentials",
    "Destination",
    "Dialog",
    "DigestClient",
    "DigestServer",
    "DigestWords",
    "Flow",
    "Headers",
    "Input",
    "InviteClient",
    "InviteServer",
    "Machine",
    "Message",
    "Missing",
    "NameAddr",
    "NonInviteClient",
    "NonInviteServer",
    "Params",
    "Request",
    "Response",
    "ServerOutput",
    "Stale",
    "State",
    "StreamParser",
    "Table",
    "Timers",
    "Transmit",
    "Unanswered",
    "Undelivered",
    "Uri",
    "Verified",
    "Via",
    "Wrong",
    "cancel_request",
    "digest_response",
    "draw",
    "failure_ack",
    "is_free_name",
    "parse",
    "read_reason",
    "respond",
    "salvage",
    "split_list",
    "status_text",
    "write_reason",
]
