"""Who is who: applications, keys, tokens, numbers and the account. Pure: no I/O, no clock."""

from ringline.accounts.account import Account, read_basic
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
from ringline.accounts.audit import AuditEntry
from ringline.accounts.directory import Directory
from ringline.accounts.documents import application_from_document, application_to_document
from ringline.accounts.hosted_domains import DomainUser, HostedDomain, HostedDomains, Wish, make_domain_user
from ringline.accounts.keys import KeyCache, KeyPair, PublicKeyError, make_key_pair, read_public_key
from ringline.accounts.limits import Bar, Emergency, Limits, Policy, Refusal, dear_kind
from ringline.accounts.numbers import Forward, Number
from ringline.accounts.prices import RateTable, RateTableError, Tariff, read_rates
from ringline.accounts.secrets import MOST_SECRETS, SALT_BYTES, KeptSecret, Secret, is_strong, make_secret
from ringline.accounts.tokens import Token, TokenFault, TokenVerifier
from ringline.accounts.users import User, UserNames

__all__ = [
    "MOST_SECRETS",
    "REGIONS",
    "SALT_BYTES",
    "Account",
    "Acl",
    "Application",
    "ApplicationSettings",
    "AuditEntry",
    "Bar",
    "Directory",
    "DomainUser",
    "Emergency",
    "Forward",
    "HostedDomain",
    "HostedDomains",
    "KeptSecret",
    "KeyCache",
    "KeyPair",
    "Limits",
    "Number",
    "Policy",
    "PublicKeyError",
    "RateTable",
    "RateTableError",
    "Refusal",
    "RtcCapability",
    "Secret",
    "Tariff",
    "Token",
    "TokenFault",
    "TokenVerifier",
    "User",
    "UserNames",
    "VoiceCapability",
    "Webhook",
    "Wish",
    "acl_of",
    "answer_webhook",
    "application_from_document",
    "application_to_document",
    "dear_kind",
    "event_webhook",
    "is_strong",
    "make_domain_user",
    "make_key_pair",
    "make_secret",
    "read_acl",
    "read_basic",
    "read_public_key",
    "read_rates",
]
