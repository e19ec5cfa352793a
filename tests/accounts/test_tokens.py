"""Bearer tokens: every case an API client or a stranger may bring."""

from __future__ import annotations

import base64
import hmac
import json
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from ringline.accounts import Application, KeyPair, Token, TokenFault, TokenVerifier, VoiceCapability, make_key_pair
from ringline.base import ApplicationId

NOW = datetime(2026, 3, 2, 9, 15, 30, tzinfo=UTC)
T = int(NOW.timestamp())
APP = ApplicationId("0b9d0c55-2222-4333-8444-955566677788")
OTHER = ApplicationId("1c9d0c55-2222-4333-8444-955566677788")


@cache
def keys(which: str) -> KeyPair:
    return make_key_pair()


@cache
def book() -> dict[ApplicationId, Application]:
    applications = [
        Application(id=APP, name="Front desk", public_key=keys("app").public_key, voice=VoiceCapability()),
        Application(id=OTHER, name="Other", public_key=keys("other").public_key),
    ]
    return {one.id: one for one in applications}


@cache
def verifier() -> TokenVerifier:
    return TokenVerifier(lambda key: book().get(key), user_exists=lambda app, name: (app, name) == (APP, "alice"))


def claims(**changes: Any) -> dict[str, Any]:
    """Usual claims; `None` takes one away."""
    usual = {"application_id": APP, "iat": T, "jti": "a-1", "exp": T + 900, **changes}
    return {name: value for name, value in usual.items() if value is not None}


def sign(content: Any, *, which: str = "app", header: dict[str, Any] | None = None) -> str:
    """Sign any JSON, also what no library would let through."""
    head = {"typ": "JWT", "alg": "RS256"} if header is None else header
    text = ".".join(_b64(json.dumps(part).encode()) for part in (head, content))
    private = serialization.load_pem_private_key(keys(which).private_key.encode(), None)
    assert isinstance(private, rsa.RSAPrivateKey)
    return text + "." + _b64(private.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))


def check(token: str | None, *, scheme: str = "Bearer ") -> Token | TokenFault:
    return verifier().verify(None if token is None else scheme + token, wallclock=NOW)


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def test_a_usual_token_opens_its_application() -> None:
    token = check(sign(claims()))
    assert isinstance(token, Token)
    assert (token.application.name, token.sub, token.jti, token.acl) == ("Front desk", None, "a-1", None)
    assert token.may("/v1/calls", "POST")


def test_a_token_of_an_ordinary_library_is_accepted_twice() -> None:
    token = jwt.encode(claims(), keys("app").private_key, algorithm="RS256")
    assert isinstance(check(token), Token)
    assert isinstance(check(token), Token)


@pytest.mark.parametrize("header", [None, "", "   "])
def test_no_header_is_a_missing_token(header: str | None) -> None:
    assert verifier().verify(header, wallclock=NOW) is TokenFault.MISSING


@pytest.mark.parametrize("scheme", ["bearer ", "BEARER ", "Bearer   "])
def test_the_scheme_is_read_in_any_case(scheme: str) -> None:
    assert isinstance(check(sign(claims()), scheme=scheme), Token)


@pytest.mark.parametrize("scheme", ["Basic ", "", "Token "])
def test_another_scheme_is_invalid(scheme: str) -> None:
    assert check(sign(claims()), scheme=scheme) is TokenFault.INVALID


@pytest.mark.parametrize(
    "times",
    [
        {"exp": None, "iat": T - 14 * 60},
        {"exp": None, "iat": T - 900 - 60},
        {"iat": T + 59, "exp": None},
        {"exp": str(T + 60)},
        {"exp": T + 60.5},
        {"iat": str(T), "nbf": float(T)},
        {"exp": T + 86400},
        {"exp": T - 59, "iat": T - 100},
        {"exp": T + 1},
        {"nbf": T + 59},
    ],
)
def test_times_within_the_rules_are_accepted(times: dict[str, Any]) -> None:
    assert isinstance(check(sign(claims(**times))), Token)


@pytest.mark.parametrize(
    "times", [{"exp": None, "iat": T - 961}, {"exp": None, "iat": T - 16 * 60 - 1}, {"exp": T - 61, "iat": T - 900}]
)
def test_old_tokens_are_expired(times: dict[str, Any]) -> None:
    assert check(sign(claims(**times))) is TokenFault.EXPIRED


@pytest.mark.parametrize(
    "wrong",
    [
        {"iat": T + 61, "exp": None},
        {"nbf": T + 61},
        {"exp": T + 86401},
        {"exp": T},
        {"exp": T - 1},
        {"iat": None},
        {"jti": None},
        {"jti": ""},
        {"jti": 7},
        {"iat": True},
        {"iat": "soon"},
        {"iat": "nan"},
        {"iat": 10**400},
        {"exp": "inf"},
        {"exp": [T]},
        {"nbf": {}},
        {"application_id": None},
        {"application_id": 7},
        {"application_id": "0b9d0c55-0000-4333-8444-955566677788"},
        {"acl": []},
        {"acl": {}},
        {"acl": {"paths": []}},
        {"acl": "all"},
        {"sub": "mallory"},
        {"sub": 7},
    ],
)
def test_claims_that_cannot_be_are_invalid(wrong: dict[str, Any]) -> None:
    assert check(sign(claims(**wrong))) is TokenFault.INVALID


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none"},
        {"alg": "HS256"},
        {"alg": "RS512"},
        {"alg": "rs256"},
        {"alg": ["RS256"]},
        {},
        {"alg": "RS256", "crit": ["b64"], "b64": False},
        {"alg": "RS256", "crit": ["exp"]},
    ],
)
def test_only_rs256_without_critical_extensions_is_verified(header: dict[str, Any]) -> None:
    assert check(sign(claims(), header=header)) is TokenFault.INVALID


@pytest.mark.parametrize("extra", [{"kid": "k1"}, {"jku": "https://evil.example/keys"}, {"typ": "at+jwt"}, {"jwk": {}}])
def test_other_header_fields_change_nothing(extra: dict[str, Any]) -> None:
    assert isinstance(check(sign(claims(), header={"alg": "RS256", **extra})), Token)


def test_an_unsigned_token_is_invalid() -> None:
    token = jwt.encode(claims(), "", algorithm="none")
    assert check(token) is TokenFault.INVALID


def test_the_public_key_is_no_hmac_secret() -> None:
    text = _b64(b'{"alg":"HS256","typ":"JWT"}') + "." + _b64(json.dumps(claims()).encode())
    signature = hmac.digest(keys("app").public_key.encode(), text.encode(), "sha256")
    assert check(f"{text}.{_b64(signature)}") is TokenFault.INVALID


def test_the_key_of_another_application_is_a_wrong_key() -> None:
    assert check(sign(claims(), which="other")) is TokenFault.INVALID


def test_a_changed_payload_breaks_the_signature() -> None:
    head, _, signature = sign(claims()).split(".")
    forged = _b64(json.dumps(claims(jti="other")).encode())
    assert check(f"{head}.{forged}.{signature}") is TokenFault.INVALID


@pytest.mark.parametrize("content", [[], "text", 7, None])
def test_a_payload_that_is_no_object_is_invalid(content: Any) -> None:
    assert check(sign(content)) is TokenFault.INVALID


def test_a_token_longer_than_8_kib_is_not_read() -> None:
    assert check(sign(claims(padding="x" * 8192))) is TokenFault.INVALID


def test_deep_json_is_refused_politely() -> None:
    part = _b64(b"[" * 2500)
    assert check(f"{part}.{part}.x") is TokenFault.INVALID
    head = _b64(b'{"alg":"RS256"}')
    deep = _b64(b'{"a":' * 600)
    assert check(f"{head}.{deep}.x") is TokenFault.INVALID


def test_a_user_token_without_acl_reaches_what_the_client_needs_and_no_calls() -> None:
    token = check(sign(claims(sub="alice")))
    assert isinstance(token, Token)
    assert token.sub == "alice"
    assert token.may("/v1/users/USR-1", "GET")
    assert not token.may("/v1/calls", "GET")
    assert not token.may("/v1/files/1", "GET")


def test_a_user_token_reaches_calls_only_where_its_acl_names_them() -> None:
    wide = check(sign(claims(sub="alice", acl={"paths": {"/**": {}}})))
    named = check(sign(claims(sub="alice", acl={"paths": {"/*/calls/**": {}}})))
    assert isinstance(wide, Token)
    assert isinstance(named, Token)
    assert (wide.may("/v1/users", "GET"), wide.may("/v1/calls", "GET")) == (True, False)
    assert named.may("/v1/calls", "GET")


def test_an_empty_acl_allows_nothing() -> None:
    token = check(sign(claims(acl={"paths": {}})))
    assert isinstance(token, Token)
    assert not token.may("/v1/calls", "GET")


def test_a_token_can_be_made_good_for_one_use() -> None:
    strict = TokenVerifier(lambda key: book().get(key), reject_replays=True)
    once = sign(claims())
    assert isinstance(strict.verify_token(once, wallclock=NOW), Token)
    assert strict.verify_token(once, wallclock=NOW) is TokenFault.INVALID
    assert isinstance(strict.verify_token(sign(claims(jti="a-2")), wallclock=NOW), Token)
    other = sign(claims(application_id=OTHER), which="other")
    assert isinstance(strict.verify_token(other, wallclock=NOW), Token)
    later = claims(iat=T + 2000, exp=T + 2900)
    assert isinstance(strict.verify_token(sign(later), wallclock=NOW + timedelta(seconds=2000)), Token)


def test_a_replaced_key_ends_old_tokens_at_once() -> None:
    applications = dict(book())
    mine = TokenVerifier(applications.get)
    token = sign(claims())
    assert isinstance(mine.verify_token(token, wallclock=NOW), Token)
    applications[APP] = Application(id=APP, name="Front desk", public_key=keys("other").public_key)
    assert mine.verify_token(token, wallclock=NOW) is TokenFault.INVALID
    applications[APP] = Application(id=APP, name="Front desk")
    assert mine.verify_token(token, wallclock=NOW) is TokenFault.INVALID


@settings(deadline=None)
@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda data: data.decode("latin-1")))
def test_noise_is_invalid_and_never_an_error(noise: str) -> None:
    assert not isinstance(verifier().verify(noise, wallclock=NOW), Token)
    assert verifier().verify_token(f"{noise}.{noise}.{noise}", wallclock=NOW) is TokenFault.INVALID


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 1200), st.characters(min_codepoint=33, max_codepoint=126))
def test_one_changed_character_is_never_accepted_as_another_token(at: int, other: str) -> None:
    token = sign(claims())
    at %= len(token)
    changed = token[:at] + other + token[at + 1 :]
    assert changed == token or not isinstance(check(changed), Token)
