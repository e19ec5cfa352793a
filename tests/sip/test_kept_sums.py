"""A digest login against sums that are kept in place of a password (RFC 7616 section 3.4.2)."""

from __future__ import annotations

import pytest

from ringline.accounts import Account, make_secret
from ringline.base import SeededRandom
from ringline.sip import DigestServer, DigestWords, KeptSums, Verified, Wrong, digest_response

REALM = "ringline"


def account(*secrets: str, realm: str = REALM) -> Account:
    made = [make_secret(one, api_key="key1", realm=realm, id=one, salt=one.encode()) for one in secrets]
    return Account(api_key="key1", secrets=tuple(made), signature_secret="s")


def log_in(known: Account, password: str, algorithm: str) -> object:
    server = DigestServer(REALM, SeededRandom(b"digest"))
    challenge = DigestWords.parse(server.challenges("192.0.2.1", now=1.0)[0])
    nonce, nc, cnonce, uri = challenge.get("nonce"), "00000001", "c", "sip:ringline.example"
    response = digest_response(
        algorithm=algorithm,
        username="key1",
        realm=REALM,
        password=password,
        method="INVITE",
        uri=uri,
        nonce=nonce,
        nc=nc,
        cnonce=cnonce,
        qop="auth",
    )
    words = {"algorithm": algorithm, "username": "key1", "realm": REALM, "uri": uri, "response": response}
    words |= {"nonce": nonce, "nc": nc, "cnonce": cnonce, "qop": "auth"}
    header = "Digest " + ", ".join(f'{name}="{value}"' for name, value in words.items())
    sums = KeptSums(known.sip_sums(REALM))
    return server.verify([header], method="INVITE", source="192.0.2.1", secrets=lambda name: sums, now=2.0)


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
@pytest.mark.parametrize("password", ["First123", "Second45"])
def test_either_secret_of_an_account_logs_in(password: str, algorithm: str) -> None:
    assert log_in(account("First123", "Second45"), password, algorithm) == Verified("key1")


@pytest.mark.parametrize("password", ["Wrong123", "", "\0"])
def test_another_password_does_not(password: str) -> None:
    assert log_in(account("First123", "Second45"), password, "MD5") == Wrong()
    assert log_in(account(), password, "MD5") == Wrong()
    assert log_in(account("First123", realm="elsewhere"), password, "SHA-256") == Wrong()
