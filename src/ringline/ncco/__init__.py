"""NCCO documents: reading scripts of call actions, telling what is wrong with them, writing them for the journal."""

from ringline.ncco.actions import ACTIONS, Action
from ringline.ncco.capabilities import forbid_extensions
from ringline.ncco.connect import AdvancedMachineDetection, Connect
from ringline.ncco.conversation import Conversation
from ringline.ncco.document import (
    MAX_ACTIONS,
    MAX_BYTES,
    Ncco,
    endpoint_from_json,
    from_json,
    looks_like_ncco,
    parse,
    write_action,
)
from ringline.ncco.endpoints import (
    ENDPOINTS,
    App,
    Authorization,
    Endpoint,
    OnAnswer,
    Phone,
    Sip,
    StandardHeaders,
    Vbc,
    WebSocket,
)
from ringline.ncco.errors import SYNTAX_ERROR, Fault, NccoError, Severity
from ringline.ncco.input import DtmfSettings, Input, SpeechSettings
from ringline.ncco.lint import lint
from ringline.ncco.notify import Notify
from ringline.ncco.pay import Pay, PayVoice, Prompt, PromptError
from ringline.ncco.record import Record
from ringline.ncco.schema import schema
from ringline.ncco.stream import Stream
from ringline.ncco.talk import MAX_SPOKEN_CHARACTERS, Talk, spoken_length
from ringline.ncco.transcription import Transcription
from ringline.ncco.transfer import Transfer
from ringline.ncco.wait import Wait

__all__ = [
    "ACTIONS",
    "ENDPOINTS",
    "MAX_ACTIONS",
    "MAX_BYTES",
    "MAX_SPOKEN_CHARACTERS",
    "SYNTAX_ERROR",
    "Action",
    "AdvancedMachineDetection",
    "App",
    "Authorization",
    "Connect",
    "Conversation",
    "DtmfSettings",
    "Endpoint",
    "Fault",
    "Input",
    "Ncco",
    "NccoError",
    "Notify",
    "OnAnswer",
    "Pay",
    "PayVoice",
    "Phone",
    "Prompt",
    "PromptError",
    "Record",
    "Severity",
    "Sip",
    "SpeechSettings",
    "StandardHeaders",
    "Stream",
    "Talk",
    "Transcription",
    "Transfer",
    "Vbc",
    "Wait",
    "WebSocket",
    "endpoint_from_json",
    "forbid_extensions",
    "from_json",
    "lint",
    "looks_like_ncco",
    "parse",
    "schema",
    "spoken_length",
    "write_action",
]
