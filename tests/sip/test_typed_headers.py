"""Headers that have a type of their own: read generously, written exactly."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringline.base import RemoteProtocolError
from ringline.sip import (
    Contact,
    Diversion,
    Headers,
    HistoryEntry,
    NameAddr,
    RAck,
    Reason,
    Response,
    Uri,
    Via,
    asserted_identity,
    is_anonymous,
    q850_reason,
    read_contacts,
    read_diversions,
    read_history,
    read_q,
    read_rack,
    read_reason,
    read_reasons,
    read_retry_after,
    reliable_number,
)
from ringline.sip.message import Request


def headers(*items: tuple[str, str]) -> Headers:
    return Headers(items)


# ── Contact ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "contact"),
    [
        ("<sip:a@b>", Contact(uri=Uri.parse("sip:a@b"))),
        ("sip:a@b;expires=60", Contact(uri=Uri.parse("sip:a@b"), expires=60)),
        ("<sip:a@b;ob>;q=0.7;expires=0", Contact(uri=Uri.parse("sip:a@b;ob"), q=0.7, expires=0)),
        (
            '"A, B" <sip:a@b>;+sip.instance="<urn:uuid:1>";reg-id=2',
            Contact(uri=Uri.parse("sip:a@b"), instance="<urn:uuid:1>", reg_id=2),
        ),
        ("<sip:a@b>;expires=soon;q=much", Contact(uri=Uri.parse("sip:a@b"), q=0.0)),
        ("<sip:a@b>;expires=99999999999999999999999", Contact(uri=Uri.parse("sip:a@b"), expires=2**32 - 1)),
    ],
)
def test_a_contact_is_read(text: str, contact: Contact) -> None:
    assert Contact.parse(text) == contact
    assert Contact.parse(str(contact)) == contact


def test_contacts_are_a_list_or_all_of_them() -> None:
    found = read_contacts(headers(("m", "<sip:a@b>, <sip:c@d>"), ("Contact", "<sip:e@f>")))
    assert found is not None
    assert [each.uri.user for each in found] == ["a", "c", "e"]
    assert read_contacts(headers(("Contact", "*"))) is None
    assert read_contacts(headers()) == []
    with pytest.raises(RemoteProtocolError):
        read_contacts(headers(("Contact", "*, <sip:a@b>")))


@pytest.mark.parametrize(
    ("text", "q"),
    [(None, 1.0), ("", 1.0), ("0.3", 0.3), ("7", 1.0), ("-1", 0.0), ("nan", 0.0), ("inf", 1.0), ("x", 0.0)],
)
def test_q_stays_between_nothing_and_one(text: str | None, q: float) -> None:
    assert read_q(text) == q


@given(st.text(max_size=200))
def test_any_contact_is_read_or_refused(text: str) -> None:
    try:
        read = Contact.parse(text)
    except RemoteProtocolError:
        return
    str(read)


# ── Reason, Retry-After ────────────────────────────────────────────────────────────────────────────────────────────


def test_reasons_are_read_whatever_their_order() -> None:
    found = headers(("Reason", 'SIP;cause=486;text="Busy, sorry", q.850 ; cause=17'))
    assert read_reasons(found) == (Reason("SIP", 486, "Busy, sorry"), Reason("Q.850", 17))
    assert read_reason(found) == ("Busy, sorry", 17)
    assert read_reason(headers(("Reason", "Q.850;cause=many"))) == (None, None)
    assert read_reason(headers()) == (None, None)


@pytest.mark.parametrize(
    ("status", "cause"), [(200, 16), (404, 1), (480, 18), (486, 17), (487, 16), (503, 34), (603, 21), (699, 127)]
)
def test_a_status_has_a_cause_in_the_telephone_network(status: int, cause: int) -> None:
    assert str(q850_reason(status)) == f"Q.850;cause={cause}"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120),
        ("18000;duration=3600", 18_000),
        ("120 (I'm in a meeting)", 120),
        ("9" * 9, 86_400),
        ("soon", None),
        ("", None),
        ("9" * 30, None),
    ],
)
def test_how_long_to_wait(text: str, seconds: int | None) -> None:
    assert read_retry_after(headers(("Retry-After", text))) == seconds


# ── who calls, and by what way ─────────────────────────────────────────────────────────────────────────────────────


def test_the_sip_identity_is_preferred_to_the_tel_one() -> None:
    both = headers(("P-Asserted-Identity", 'tel:+442079460000, "A" <sip:+442079460001@x>'))
    found = asserted_identity(both)
    assert found is not None
    assert found.uri.user == "+442079460001"
    only = asserted_identity(headers(("P-Asserted-Identity", "<tel:+442079460000>")))
    assert only is not None
    assert only.uri.user == "+442079460000"
    assert asserted_identity(headers(("P-Asserted-Identity", "<urn:x>"))) is None


@pytest.mark.parametrize(
    ("privacy", "from_", "hidden"),
    [
        ("id", "<sip:+44@x>", True),
        ("header;user", "<sip:+44@x>", True),
        ("none", "<sip:+44@x>", False),
        ("", "<sip:anonymous@anonymous.invalid>", True),
        ("", "<sip:x>", True),
    ],
)
def test_a_caller_hides_by_privacy_or_by_an_anonymous_name(privacy: str, from_: str, hidden: bool) -> None:
    assert is_anonymous(headers(("Privacy", privacy)), NameAddr.parse(from_)) is hidden


def test_forwardings_are_read_the_latest_first() -> None:
    found = read_diversions(
        headers(
            ("Diversion", '"Desk" <sip:+441@x>;reason=User-Busy;counter=2, <tel:+442>'),
            ("Diversion", "rubbish"),
        )
    )
    assert found == (
        Diversion(uri=Uri.parse("sip:+441@x"), display="Desk", reason="user-busy", counter=2),
        Diversion(uri=Uri.parse("tel:+442")),
    )


def test_history_tells_the_targets_and_why_they_were_left() -> None:
    found = read_history(
        headers(
            (
                "History-Info",
                "<sip:bob@x?Reason=SIP%3Bcause%3D302>;index=1, <sip:+442@y;cause=486>;index=1.1",
            ),
            ("History-Info", "<sip:+443@y>;index=1.2"),
        )
    )
    assert found == (
        HistoryEntry(uri=Uri.parse("sip:bob@x"), index="1", cause=302),
        HistoryEntry(uri=Uri.parse("sip:+442@y;cause=486"), index="1.1", cause=486),
        HistoryEntry(uri=Uri.parse("sip:+443@y"), index="1.2"),
    )


# ── reliable responses ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("text", ["", "1", "1 2", "x 1 INVITE", "1 x INVITE", "1 1 INVITE more", "9" * 11 + " 1 X"])
def test_a_broken_rack_is_refused(text: str) -> None:
    with pytest.raises(RemoteProtocolError):
        RAck.parse(text)


def test_rack_names_the_response_it_is_about() -> None:
    response = Response(status=183, reason="x")
    response.headers.add("CSeq", "7 INVITE")
    response.headers.add("RSeq", "41")
    assert reliable_number(response) is None
    response.headers.add("Require", "100rel")
    assert reliable_number(response) == 41
    request = Request(method="PRACK", uri="sip:x")
    request.headers.add("RAck", str(RAck.of(response, 41)))
    assert read_rack(request) == RAck(41, 7, "INVITE")
    final = Response(status=200, reason="x", headers=response.headers)
    assert reliable_number(final) is None


@pytest.mark.parametrize("kind", [Uri, Via, NameAddr])
def test_long_values_are_read_but_not_kept_in_memory(kind: type[Uri] | type[Via] | type[NameAddr]) -> None:
    module = sys.modules[kind.__module__]
    template = "SIP/2.0/UDP a.example;x={}" if kind is Via else "sip:{}@a.example"
    module._read.cache_clear()
    assert str(kind.parse(template.format("u" * 480))) == str(kind.parse(template.format("u" * 480)))
    assert str(kind.parse(template.format("u" * 481)))
    kept = module._read.cache_info().currsize
    for number in range(50):
        assert kind.parse(template.format(f"{number:0600}"))
    assert module._read.cache_info().currsize == kept
