"""Sessions: who may have one, what a client misses and gets, and that nothing grows without bound."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ringline.base import ApplicationId, SeededRandom
from ringline.rtc import MOST_KEPT, Drop, Over, Owner, Send, Session, Sessions
from ringline.rtc.packets import Ack, Disconnect, Packet, Said

ALICE = Owner(application=ApplicationId("app"), user="USR-alice", name="alice")
MALLORY = Owner(application=ApplicationId("app"), user="USR-mallory", name="mallory")
NAMESAKE = Owner(application=ApplicationId("other"), user="USR-alice", name="alice")


def make(**options: Any) -> Sessions:
    return Sessions(SeededRandom(b"sessions"), **options)


def drained(sessions: Sessions) -> list[Send | Drop | Over]:
    found = []
    while (out := sessions.poll()) is not None:
        found.append(out)
    return found


def logged_in(sessions: Sessions, owner: Owner = ALICE, *, channel: int = 1, confirms: bool = True) -> Session:
    found = sessions.log_in(owner, channel=channel, expires=1e9, confirms=confirms, wanted=None, now=0)
    assert found is not None
    sessions.greet(found[0], api_key="key")
    drained(sessions)
    return found[0]


def back(sessions: Sessions, session: str, owner: Owner = ALICE, *, channel: int = 2) -> list[str]:
    """Come back to a session; the frames that follow."""
    found = sessions.log_in(owner, channel=channel, expires=1e9, confirms=False, wanted=session, now=0)
    if found is not None:
        sessions.greet(found[0], api_key="key")
    return [out.frame for out in drained(sessions) if isinstance(out, Send)]


def test_what_was_not_confirmed_comes_again_in_order() -> None:
    sessions = make()
    session = logged_in(sessions)
    for number in range(3):
        sessions.tell(session, "event", {"id": number})
    assert next(out.frame for out in drained(sessions) if isinstance(out, Send)) == '421["event",{"id":0}]'
    sessions.received(1, Ack(1), now=0)
    sessions.lost(1, now=0)
    sessions.tell(session, "event", {"id": 3})
    assert drained(sessions) == []
    frames = back(sessions, session.id)
    assert frames[0].startswith('42["session:success"')
    assert frames[1:] == ['422["event",{"id":1}]', '423["event",{"id":2}]', '424["event",{"id":3}]']
    sessions.received(2, Ack(4), now=0)
    assert session.kept == 0


def test_a_client_that_confirms_nothing_gets_what_was_told_while_it_was_away() -> None:
    sessions = make()
    session = logged_in(sessions, confirms=False)
    sessions.tell(session, "event", {"id": 1})
    drained(sessions)
    sessions.lost(1, now=0)
    sessions.tell(session, "event", {"id": 2})
    assert back(sessions, session.id)[1:] == ['42["event",{"id":2}]']
    assert session.kept == 0


def test_the_sessions_of_others_cannot_be_taken() -> None:
    sessions = make()
    session = logged_in(sessions)
    for stranger in (MALLORY, NAMESAKE):
        (frame,) = back(sessions, session.id, stranger)
        assert frame == '42["session:invalid",{"body":{}}]'
    assert back(sessions, "SES-unknown", MALLORY) == ['42["session:invalid",{"body":{}}]']
    assert session.channel == 1


def test_a_session_that_is_too_far_behind_is_over() -> None:
    sessions = make()
    session = logged_in(sessions)
    sessions.lost(1, now=0)
    for number in range(MOST_KEPT + 10):
        sessions.tell(session, "event", {"id": number})
    assert [out.why for out in drained(sessions) if isinstance(out, Over)] == ["it was too far behind"]
    assert len(sessions) == 0
    sessions.tell(session, "event", {})
    assert drained(sessions) == []


def test_a_session_without_a_socket_is_over_after_its_grace() -> None:
    sessions = make(grace_s=30)
    session = logged_in(sessions)
    sessions.lost(1, now=100)
    assert sessions.deadline() == 130
    sessions.tick(now=129)
    assert drained(sessions) == []
    sessions.tick(now=130)
    assert drained(sessions) == [Over(session, "did not come back")]


def test_a_token_that_ends_disconnects() -> None:
    sessions = make()
    session = logged_in(sessions)
    sessions.refresh(session, 2e9)
    sessions.expire(wallclock=1.5e9, leeway_s=60)
    assert drained(sessions) == []
    sessions.expire(wallclock=2e9 + 60, leeway_s=60)
    assert drained(sessions) == [Send(1, "41"), Drop(1), Over(session, "its token has expired")]


acts = st.lists(
    st.one_of(
        st.tuples(st.just("log in"), st.sampled_from([ALICE, MALLORY]), st.integers(0, 3)),
        st.tuples(st.just("lost"), st.integers(0, 40), st.just(0)),
        st.tuples(st.just("says"), st.integers(0, 40), st.integers(0, 20)),
        st.tuples(st.just("logs out"), st.integers(0, 40), st.just(0)),
        st.tuples(st.just("leaves"), st.integers(0, 40), st.just(0)),
        st.tuples(st.just("told"), st.integers(0, 5), st.just(0)),
        st.tuples(st.just("time"), st.integers(0, 40), st.just(0)),
    ),
    max_size=60,
)


@settings(max_examples=150)
@given(acts)
def test_whatever_clients_do_the_books_agree(given_acts: list[tuple[Any, ...]]) -> None:
    sessions = make(grace_s=20, per_user=3)
    now, channel = 0.0, 0
    known: list[Session] = []
    for act, one, other in given_acts:
        packet: Packet
        match act:
            case "log in":
                channel += 1
                wanted = known[other % len(known)].id if other and known else None
                found = sessions.log_in(one, channel=channel, expires=1e9, confirms=True, wanted=wanted, now=now)
                if found is not None:
                    known.append(found[0])
                    sessions.greet(found[0], api_key="key")
            case "lost":
                sessions.lost(one, now=now)
            case "says":
                sessions.received(one, Ack(other), now=now)
            case "logs out":
                packet = Said("session:logout", {})
                sessions.received(one, packet, now=now)
            case "leaves":
                sessions.received(one, Disconnect(), now=now)
            case "told" if known:
                sessions.tell(known[one % len(known)], "event", {"id": 1})
            case "time":
                now += one
                sessions.tick(now=now)
        for out in drained(sessions):
            if isinstance(out, Over):
                assert sessions.get(out.session.id) is None
        for owner in (ALICE, MALLORY):
            mine = sessions.of(owner.application, owner.user)
            assert len(mine) <= 3
            for session in mine:
                assert session.owner == owner
                assert sessions.get(session.id) is session
                assert (session.channel is None) == (session.away_until is not None)
                if session.channel is not None:
                    assert sessions.on(session.channel) is session
