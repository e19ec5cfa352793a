"""Digest authentication, both sides."""

from __future__ import annotations

import pytest

from ringline.base import SeededRandom
from ringline.sip import (
    Credentials,
    DigestClient,
    DigestServer,
    DigestWords,
    Missing,
    Request,
    Response,
    Stale,
    Verified,
    Wrong,
    digest_response,
)

SECRETS = {"joe": "s3cret"}.get


def server(**options: object) -> DigestServer:
    return DigestServer("ringline.test", SeededRandom(b"server"), **options)  # type: ignore[arg-type]


def challenged(values: list[str], status: int = 401) -> Response:
    response = Response(status=status)
    for value in values:
        response.headers.add("WWW-Authenticate" if status == 401 else "Proxy-Authenticate", value)
    return response


def answered(values: list[str], *, password: str = "s3cret", username: str = "joe") -> Request:
    request = Request(method="INVITE", uri="sip:bob@example.com")
    client = DigestClient(Credentials(username=username, password=password))
    assert client.authorize(request, challenged(values), SeededRandom(b"client"))
    return request


def verify(digest: DigestServer, request: Request, *, now: float = 1.0, source: str = "192.0.2.1") -> object:
    return digest.verify(request.headers.all("Authorization"), method="INVITE", source=source, secrets=SECRETS, now=now)


def test_the_example_of_rfc_7616() -> None:
    """Section 3.9.1, both algorithms."""

    def sum_(algorithm: str) -> str:
        return digest_response(
            algorithm=algorithm,
            username="Mufasa",
            realm="http-auth@example.org",
            password="Circle of Life",
            method="GET",
            uri="/dir/index.html",
            nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
            nc="00000001",
            cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
            qop="auth",
        )

    assert sum_("MD5") == "8ca523f5e9506fed4657c9700eebdbec"
    assert sum_("SHA-256") == "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"


@pytest.mark.parametrize("algorithms", [("MD5",), ("SHA-256",), ("MD5", "SHA-256")])
def test_the_right_password_is_verified(algorithms: tuple[str, ...]) -> None:
    digest = server(algorithms=algorithms)
    request = answered(digest.challenges("192.0.2.1", now=0))
    assert verify(digest, request) == Verified("joe")
    best = "SHA-256" if "SHA-256" in algorithms else "MD5"
    assert DigestWords.parse(request.headers.all("Authorization")[0]).algorithm == best


def test_a_wrong_password_and_an_unknown_name_look_alike() -> None:
    digest = server()
    challenge = digest.challenges("192.0.2.1", now=0)
    assert verify(digest, answered(challenge, password="guess")) == Wrong()
    assert verify(digest, answered(challenge, username="nobody")) == Wrong()


def test_the_same_answer_is_not_taken_twice() -> None:
    digest = server()
    request = answered(digest.challenges("192.0.2.1", now=0))
    assert verify(digest, request) == Verified("joe")
    assert verify(digest, request) == Stale()


def test_an_answer_without_qop_is_taken_once() -> None:
    """As RFC 2069 has it and pyVoIP 1.6 does: nothing counts the uses, so there is one."""
    digest = server()
    challenges = digest.challenges("192.0.2.1", now=0)
    bare = [value.replace(', qop="auth"', "") for value in challenges]
    request = answered(bare)
    assert "qop" not in request.headers.all("Authorization")[0]
    assert verify(digest, request) == Verified("joe")
    assert verify(digest, request) == Stale()
    assert verify(digest, answered(challenges)) == Stale()
    fresh = [value.replace(', qop="auth"', "") for value in digest.challenges("192.0.2.1", now=0)]
    assert verify(digest, answered(fresh, password="guess")) == Wrong()


def test_a_nonce_ages_and_belongs_to_one_address_and_one_server() -> None:
    digest = server()
    request = answered(digest.challenges("192.0.2.1", now=0))
    assert verify(digest, request, now=301) == Stale()
    assert verify(digest, request, source="192.0.2.9") == Stale()
    other = DigestServer("ringline.test", SeededRandom(b"other"))
    assert verify(other, request) == Stale()


def test_a_forgotten_nonce_cannot_be_used_again() -> None:
    digest = server(remembered=2)
    first = answered(digest.challenges("192.0.2.1", now=0))
    assert verify(digest, first) == Verified("joe")
    for moment in (1, 2, 3):
        assert verify(digest, answered(digest.challenges("192.0.2.1", now=moment)), now=moment) == Verified("joe")
    assert verify(digest, first, now=4) == Stale()


@pytest.mark.parametrize(
    "header",
    [
        "Basic abc",
        "Digest",
        'Digest realm="other", nonce="x"',
        'Digest username="joe", realm="ringline.test", nonce="zz", response="x"',
        "Digest " + "a=" * 3000,
        'Digest realm="ringline.test", nonce="' + "0" * 64 + '", nc=zzzzzzzz, qop=auth, cnonce="x", algorithm=ROT13',
    ],
)
def test_answers_that_make_no_sense_are_not_verified(header: str) -> None:
    request = Request(method="INVITE", uri="sip:x@y")
    request.headers.add("Authorization", header)
    assert verify(server(), request) in (Missing(), Stale())


def test_commas_in_quoted_values_do_not_part_them() -> None:
    words = DigestWords.parse('Digest realm="a, b", qop="auth,auth-int", nonce="n"')
    assert (words.get("realm"), words.qops) == ("a, b", ["auth", "auth-int"])


def test_a_client_answers_once_and_stale_challenges_twice_more() -> None:
    digest = server()
    client = DigestClient(Credentials(username="joe", password="s3cret"))
    fresh = challenged(digest.challenges("192.0.2.1", now=0))
    stale = challenged(digest.challenges("192.0.2.1", now=0, stale=True))
    request = Request(method="BYE", uri="sip:x@y")
    random = SeededRandom(b"x")
    assert client.authorize(request, fresh, random)
    assert not client.authorize(request, fresh, random)
    assert [client.authorize(request, stale, random) for _ in range(3)] == [True, True, False]


def test_a_client_answers_proxies_and_old_servers() -> None:
    client = DigestClient(Credentials(username="joe", password="s3cret", realm="r"))
    request = Request(method="INVITE", uri="sip:x@y")
    response = challenged(['Digest realm="q", nonce="1"', 'Digest realm="r", nonce="2", opaque="o"'], 407)
    assert client.authorize(request, response, SeededRandom(b"x"))
    words = DigestWords.parse(request.headers.all("Proxy-Authorization")[0])
    assert (words.get("nonce"), words.get("opaque"), words.get("qop"), words.get("uri")) == ("2", "o", "", "sip:x@y")


def test_a_password_is_not_shown() -> None:
    assert "s3cret" not in repr(Credentials(username="joe", password="s3cret"))
