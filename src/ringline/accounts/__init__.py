"""Who is who: applications, keys, tokens, numbers and the account. Pure: no I/O, no clock."""

from ringline.accounts.account import Account, Secret, read_basic
from ringline.accounts.acl import Acl, acl_of, read_acl
from ringline.accounts.applications import (
    REGIONS,
    Application,
    ApplicationSettings,
    RtcCapability,
    VoiceCapability,
    Webhook,
    answer_webhook,
    event_webhook,
)
from ringline.accounts.directory import Directory
from ringline.accounts.documents import application_from_document, application_to_document
from ringline.accounts.keys import KeyCache, KeyPair, PublicKeyError, make_key_pair, read_public_key
from ringline.accounts.numbers import Number
from ringline.accounts.tokens import Token, TokenFault, TokenVerifier

__all__ = [
    "REGIONS",
    "Account",
    "Acl",
    "Application",
    "ApplicationSettings",
    "Directory",
    "KeyCache",
    "KeyPair",
    "Number",
    "PublicKeyError",
    "RtcCapability",
    "Secret",
    "Token",
    "TokenFault",
    "TokenVerifier",
    "VoiceCapability",
    "Webhook",
    "acl_of",
    "answer_webhook",
    "application_from_document",
    "application_to_document",
    "event_webhook",
    "make_key_pair",
    "read_acl",
    "read_basic",
    "read_public_key",
]
