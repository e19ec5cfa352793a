"""The book of applications, numbers and accounts, and what is written about them."""

from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ringline import accounts
from ringline.accounts import (
    Account,
    Application,
    ApplicationSettings,
    Directory,
    KeyCache,
    Number,
    PublicKeyError,
    RtcCapability,
    VoiceCapability,
    answer_webhook,
    application_from_document,
    application_to_document,
    event_webhook,
    make_key_pair,
    make_secret,
    read_basic,
    read_public_key,
)
from ringline.base import ApplicationId

A, B = ApplicationId("a"), ApplicationId("b")


def test_the_front_door_is_sorted_and_true() -> None:
    assert accounts.__all__ == sorted(accounts.__all__, key=lambda name: (not name.isupper(), name[0].islower(), name))
    assert all(hasattr(accounts, name) for name in accounts.__all__)


def test_numbers_lead_to_applications() -> None:
    book = Directory(
        applications=[Application(id=A, name="a")],
        numbers=[Number(msisdn="442079460000", country="GB", application_id=A), Number(msisdn="442079460001")],
    )
    assert book.application_of("442079460000") == A
    assert book.application_of("442079460001") is None
    assert book.application_of("1") is None
    assert book.owns("442079460001")
    assert not book.owns("1")
    assert [one.msisdn for one in book.numbers_of(A)] == ["442079460000"]
    assert book.numbers_of(B) == ()


def test_dropping_an_application_frees_its_numbers() -> None:
    book = Directory(
        applications=[Application(id=A, name="a"), Application(id=B, name="b")],
        numbers=[Number(msisdn="1001", application_id=A), Number(msisdn="1002", application_id=B)],
    )
    before = book.applications()
    assert book.drop_application(A) == (Number(msisdn="1001"),)
    assert book.number("1001") == Number(msisdn="1001")
    assert (list(book.applications()), list(before)) == ([B], [A, B])
    assert book.drop_application(A) == ()


def test_changes_are_seen_at_once_and_old_views_stay() -> None:
    book = Directory()
    old = book.numbers()
    book.put_number(Number(msisdn="1001", application_id=A))
    book.put_application(Application(id=A, name="one"))
    book.put_application(Application(id=A, name="two"))
    assert (len(old), book.application_of("1001"), len(book.applications())) == (0, A, 1)
    application = book.application(A)
    assert application is not None
    assert application.name == "two"
    book.drop_number("1001")
    book.drop_number("1001")
    assert book.numbers_of(A) == ()


def test_either_of_two_secrets_opens_the_account() -> None:
    account = Account(
        api_key="k1",
        secrets=tuple(
            make_secret(value, api_key="k1", realm="ringline", id=value, salt=value.encode())
            for value in ("old", "new")
        ),
        signature_secret="sign",
    )
    book = Directory(accounts=[account])
    assert book.authenticate("k1", "old") is account
    assert book.authenticate("k1", "new") is account
    assert book.authenticate("k1", "") is None
    assert book.authenticate("k2", "old") is None
    assert book.account("k1") is account
    assert list(book.accounts()) == ["k1"]
    assert account.secrets[0].hash not in repr(account)
    assert account.secrets[0].sums["MD5"] not in repr(account)
    assert "sign'" not in repr(account)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Basic azE6c2VjcmV0", ("k1", "secret")),
        ("basic  azE6YTpi", ("k1", "a:b")),
        ("Basic azE=", None),
        ("Basic %%%", None),
        ("Basic /w==", None),
        ("Bearer azE6c2VjcmV0", None),
        ("", None),
        (None, None),
    ],
)
def test_basic_credentials(header: str | None, expected: tuple[str, str] | None) -> None:
    assert read_basic(header) == expected


def test_an_application_survives_being_written_down() -> None:
    application = Application(
        id=A,
        name="Front desk",
        public_key="PEM",
        voice=VoiceCapability(
            answer_url=answer_webhook("https://desk.example/answer"),
            event_url=event_webhook("https://desk.example/event", socket_timeout_ms=3000),
            signed_callbacks=False,
            region="eu-west",
        ),
        rtc=RtcCapability(event_url=event_webhook("https://desk.example/rtc")),
        settings=ApplicationSettings(answer_fields="minimal"),
        other_capabilities='{"vbc": {}}',
    )
    document = json.loads(json.dumps(application_to_document(application)))
    assert application_from_document(document) == application
    assert application_from_document({**document, "newer": 1}) == application
    assert application_from_document({"id": "a", "name": "n"}) == Application(id=A, name="n")


@pytest.mark.parametrize("document", [{}, {"id": "a"}, {"id": "a", "name": "n", "voice": {"answer_url": {"x": 1}}}])
def test_what_is_no_application_says_so(document: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="not an application document"):
        application_from_document(document)


def test_a_fresh_pair_is_accepted_and_kept_secret() -> None:
    pair = make_key_pair()
    assert pair.private_key.startswith("-----BEGIN PRIVATE KEY-----")
    assert read_public_key("\n" + pair.public_key + "  ") == pair.public_key
    assert "PRIVATE" not in repr(pair)
    with pytest.raises(PublicKeyError, match="private key"):
        read_public_key(pair.private_key)


@pytest.mark.parametrize(
    ("pem", "why"),
    [
        ("", "PEM"),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "PEM"),
        ("x" * 20_000, "too long"),
        (
            "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n"
            "-----END PUBLIC KEY-----",
            "not an RSA key",
        ),
    ],
)
def test_unusable_keys_are_refused_with_a_reason(pem: str, why: str) -> None:
    with pytest.raises(PublicKeyError, match=why):
        read_public_key(pem)


def test_short_keys_are_refused() -> None:
    short = rsa.generate_private_key(65537, 1024).public_key()
    with pytest.raises(PublicKeyError, match="2048"):
        read_public_key(short.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode())


def test_the_key_cache_is_bounded() -> None:
    cache = KeyCache(size=1)
    one, two = make_key_pair().public_key, make_key_pair().public_key
    assert cache.get(one) is cache.get(one)
    cache.get(two)
    assert len(cache) == 1
