"""Requests as they go over the wire, and their signatures."""

from __future__ import annotations

import hashlib
import importlib
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ringline.webhooks
from ringline.base import SeededRandom
from ringline.webhooks import USER_AGENT, Hook, build_request, payload_hash, sign

NOW = datetime(2026, 3, 2, 9, 15, 30, 999_999, UTC)
SECRET = "0123456789abcdef0123456789abcdef"


def query_of(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True, strict_parsing=True))


def test_post_is_json_with_its_headers() -> None:
    request = build_request(Hook(url="https://a.example/e?x=1"), {"b": None, "a": "ü", "n": {"t": True}})
    assert (request.method, request.url) == ("POST", "https://a.example/e?x=1")
    assert request.body == '{"b":null,"a":"ü","n":{"t":true}}'.encode()
    assert dict(request.headers) == {
        "Content-Type": "application/json",
        "User-Agent": USER_AGENT,
        "Accept": "application/json",
    }
    assert USER_AGENT.startswith("ringline/")
    assert request.signed_bytes == request.body


def test_get_is_a_query_with_json_for_nested_values() -> None:
    payload = {
        "dtmf": {"digits": "1#", "timed_out": False},
        "speech": {"results": []},
        "custom": [1, "a"],
        "network": None,
        "yes": True,
        "no": False,
        "sip_code": 200,
        "from": "447700900000",
        "empty": "",
    }
    request = build_request(Hook(url="https://a.example/e?token=x&y", method="GET"), payload)
    assert request.body is None
    assert request.signed_bytes == b""
    assert "Content-Type" not in dict(request.headers)
    assert request.url.startswith("https://a.example/e?token=x&y&dtmf=")
    assert parse_qs(urlsplit(request.url).query, keep_blank_values=True) == {
        "token": ["x"],
        "y": [""],
        "dtmf": ['{"digits":"1#","timed_out":false}'],
        "speech": ['{"results":[]}'],
        "custom": ['[1,"a"]'],
        "yes": ["true"],
        "no": ["false"],
        "sip_code": ["200"],
        "from": ["447700900000"],
        "empty": [""],
    }


@pytest.mark.parametrize(
    ("url", "made"),
    [
        ("https://a/e", "https://a/e?to=1"),
        ("https://a/e?", "https://a/e?to=1"),
        ("https://a/e?x=y", "https://a/e?x=y&to=1"),
        ("https://a/e?x=y&", "https://a/e?x=y&to=1"),
        ("https://a/e#part", "https://a/e?to=1#part"),
        ("https://a/e?to=2", "https://a/e?to=2&to=1"),
        ("https://[::1/e", "https://[::1/e?to=1"),
    ],
)
def test_the_urls_own_query_is_kept(url: str, made: str) -> None:
    assert build_request(Hook(url=url, method="GET"), {"to": "1"}).url == made


def test_nothing_to_say_leaves_the_url_alone() -> None:
    assert build_request(Hook(url="https://a/e", method="GET"), {"network": None}).url == "https://a/e"


@given(st.dictionaries(st.text(min_size=1, max_size=5), st.text(max_size=10), max_size=4))
def test_any_text_survives_the_query(payload: dict[str, str]) -> None:
    request = build_request(Hook(url="https://a/e?first=1", method="GET"), payload)
    assert query_of(request.url) == {"first": "1", **payload}


def test_broken_characters_do_not_stop_a_webhook() -> None:
    payload = {"SipHeader_X-A": "a\udcff"}
    assert build_request(Hook(url="https://a"), payload).body == b'{"SipHeader_X-A":"a?"}'
    assert build_request(Hook(url="https://a", method="GET"), payload).url == "https://a?SipHeader_X-A=a%3F"


# ── signatures ─────────────────────────────────────────────────────────────────────────────────────────────────────


def token_for(body: bytes, secret: str = SECRET, random: SeededRandom | None = None) -> str:
    return sign(
        secret=secret,
        api_key="abcd1234",
        application_id="app-1",
        body=body,
        wallclock=NOW,
        random=random or SeededRandom(b"seed"),
    )


def claims_of(token: str) -> dict[str, Any]:
    return jwt.decode(token, SECRET, algorithms=["HS256"], options={"verify_iat": False})


def test_a_token_has_exactly_the_documented_claims() -> None:
    body = b'{"status":"started"}'
    token = token_for(body)
    claims = claims_of(token)
    assert len(claims.pop("jti")) == 36
    assert claims == {
        "iat": int(NOW.timestamp()),
        "iss": "Vonage",
        "payload_hash": hashlib.sha256(body).hexdigest(),
        "api_key": "abcd1234",
        "application_id": "app-1",
    }
    assert jwt.get_unverified_header(token) == {"alg": "HS256", "typ": "JWT"}


def test_the_official_helper_accepts_it() -> None:
    past = sign(
        secret=SECRET,
        api_key="abcd1234",
        application_id="app-1",
        body=b"{}",
        wallclock=datetime(2024, 1, 1, tzinfo=UTC),
        random=SeededRandom(b"seed"),
    )
    helper = importlib.import_module("vonage_jwt")  # it has no types
    assert helper.verify_signature(past, SECRET) is True
    assert helper.verify_signature(past, SECRET[::-1]) is False


def test_iat_is_rounded_down() -> None:
    assert claims_of(token_for(b""))["iat"] <= NOW.timestamp()


def test_get_is_signed_over_nothing() -> None:
    request = build_request(Hook(url="https://a", method="GET"), {"to": "1"})
    claims = claims_of(token_for(request.signed_bytes))
    assert claims["payload_hash"] == payload_hash(b"") == hashlib.sha256(b"").hexdigest()


def test_the_hash_is_of_the_bytes_that_are_sent() -> None:
    request = build_request(Hook(url="https://a"), {"text": "ünï", "n": 1})
    signed = request.authorized(token_for(request.signed_bytes))
    assert signed.body == request.body
    scheme, _, token = dict(signed.headers)["Authorization"].partition(" ")
    assert scheme == "Bearer"
    assert signed.body is not None
    assert claims_of(token)["payload_hash"] == hashlib.sha256(signed.body).hexdigest()


def test_every_request_has_its_own_id() -> None:
    random = SeededRandom(b"seed")
    first, second = (claims_of(token_for(b"", random=random))["jti"] for _ in range(2))
    assert first != second


@pytest.mark.parametrize("secret", ["x", "short secret", "-----BEGIN PUBLIC KEY-----", '{"kty":"oct"}'])
def test_any_secret_will_do_but_an_empty_one(secret: str) -> None:
    head, _, signature = token_for(b"", secret).rpartition(".")
    assert head
    assert signature
    with pytest.raises(ValueError, match="empty"):
        token_for(b"", "")


def test_requests_are_plain_json() -> None:
    body = build_request(Hook(url="https://a"), {"payload": {"deep": [None, 1.5, "x"]}}).body
    assert body is not None
    assert json.loads(body) == {"payload": {"deep": [None, 1.5, "x"]}}


def test_the_front_door_is_open() -> None:
    assert all(hasattr(ringline.webhooks, name) for name in ringline.webhooks.__all__)
