"""SIPp and Ringline in what goes beyond RFC 3261's core: 100rel, UPDATE, session timers, forks, registrations."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from . import digest
from .application import Application
from .ears import Ear, longest_gap_s, spoken_s
from .installation import DESK_PASSWORD, Installation
from .ports import free_port
from .scripts import LONG_TALK, connect, talk
from .sipp import Sipp, header, session, status_of

pytestmark = pytest.mark.interop

DESKS_NUMBER = "442079460901"
OTHER_BRANCH = """Via:[$via]
From:[$from]
To:[$to];tag=[pid]v[call_number]
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:other@[local_ip]:[local_port];transport=[transport]>"""
OF_CALLEE = """Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From:[$to];tag=[pid]u[call_number]
To:[$from]
Call-ID: [call_id]
Max-Forwards: 70
Contact: <sip:phone@[local_ip]:[local_port]>"""
"The headers of a request that a callee of SIPp's sends in the dialog."
REGISTRATION = """Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:desk@[remote_ip]:[remote_port]>;tag=[pid]t[call_number]
To: <sip:desk@[remote_ip]:[remote_port]>
Call-ID: [call_id]
Max-Forwards: 70"""
REFRESHES = {
    "UPDATE": {
        "refresh": "UPDATE",
        "allows": ", UPDATE",
        "refresh_body": "Content-Length: 0\n\n",
        "repeated": "",
        "acknowledged": "",
    },
    "re-INVITE": {
        "refresh": "INVITE",
        "allows": "",
        "refresh_body": "Content-Type: application/sdp\nContent-Length: [len]\n\n%sdp%",
        "repeated": ' retrans="500"',
        "acknowledged": '<recv request="ACK"/>',
    },
}


@pytest.fixture(scope="module")
def refreshed(
    _shared: tuple[Installation, Application], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, tuple[str, Sipp]]]:
    """Calls that are refreshed after 45 s, begun before all other tests here: only then the waiting costs nothing."""
    found: dict[str, tuple[str, Sipp]] = {}
    folder = tmp_path_factory.mktemp("refreshed")
    phones = {
        name: Sipp("answer_and_be_refreshed", folder, fill={**fill, "update_headers": OF_CALLEE}, timeout_s=70)
        for name, fill in REFRESHES.items()
    }
    try:
        for name, sipp in phones.items():
            sipp.__enter__()
            found[name] = (call_sip(_shared[0], sipp, {"action": "conversation", "name": f"refreshed by {name}"}), sipp)
        yield found
    finally:
        for sipp in phones.values():
            sipp.__exit__(None, None, None)


@pytest.fixture(autouse=True)
def _begin_early(refreshed: dict[str, tuple[str, Sipp]]) -> None:
    """Let every test begin after those calls."""


def call_sip(ringline: Installation, sipp: Sipp, action: dict[str, object]) -> str:
    return ringline.call({"type": "sip", "uri": f"sip:callee@127.0.0.1:{sipp.port}"}, [action])


def _to_desk(ringline: Installation) -> str:
    return ringline.call({"type": "phone", "number": DESKS_NUMBER}, [talk("Hello desk.")])


def _directions(messages: list[str]) -> list[str]:
    """The directions of the audio, one message after the other; repeats of a message, word for word, count once."""
    words = ("sendrecv", "sendonly", "recvonly", "inactive")
    told = [each for each in dict.fromkeys(messages) if "m=audio" in each]
    return [next(word for word in words if f"a={word}" in each) for each in told]


# ── 100rel ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_caller_who_insists_on_prack_gets_reliable_responses(
    ringline: Installation, app: Application, number: str, tmp_path: Path
) -> None:
    app.answers(number, [talk("Everything has arrived.")])
    with (
        Ear() as ear,
        Sipp("call_reliably", tmp_path, to=ringline.sip_address, number=number, fill={"rtp_port": ear.port}) as sipp,
    ):
        sipp.good()
        assert ear.spoken_s() > 0.8
    app.wait_statuses(app.wait("/answer", to=number)["uuid"], "started", "ringing", "answered", "completed")


def test_early_media_that_must_arrive_is_acknowledged(ringline: Installation, app: Application, tmp_path: Path) -> None:
    with Sipp("answer_reliably", tmp_path) as sipp:
        leg = call_sip(ringline, sipp, talk("You were heard early."))
        sipp.good()
    app.wait_statuses(leg, "started", "ringing", "answered", "completed")


def test_reliable_responses_survive_the_loss_of_messages(
    ringline: Installation, app: Application, number: str, tmp_path: Path
) -> None:
    app.answers(number, [talk("Lost, repeated, acknowledged.")])
    with Sipp(
        *("call_reliably", tmp_path),
        to=ringline.sip_address,
        number=number,
        calls=8,
        options=["-lost", "10"],
        timeout_s=45,
    ) as sipp:
        sipp.finish()
    # SIPp counts a call as failed when a repeat comes where it expects the next step; Ringline must end every leg.
    for leg in sorted({request.fields["uuid"] for request in app.requests("/answer", to=number)}):
        app.wait("/event", uuid=leg, status="completed", within_s=45)


# ── UPDATE ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_audio_stops_and_comes_back_by_update(
    ringline: Installation, app: Application, number: str, tmp_path: Path
) -> None:
    app.answers(number, [LONG_TALK])
    with Ear() as ear:
        fill = {
            "rtp_port": ear.port,
            "hold_sdp": session("inactive", port=ear.port, version=2),
            "back_sdp": session(port=ear.port, version=3),
        }
        with Sipp("call_and_update", tmp_path, to=ringline.sip_address, number=number, fill=fill) as sipp:
            sipp.good()
        packets = ear.packets
    assert _directions([each for each in sipp.received() if status_of(each) == 200]) == [
        "sendrecv",
        "inactive",
        "sendrecv",
    ]
    gap = longest_gap_s(packets)
    assert 1.0 < gap < 1.6
    held = next(at for at, one in enumerate(packets[1:], 1) if one.at - packets[at - 1].at == gap)
    assert min(spoken_s(packets[:held]), spoken_s(packets[held:])) > 0.3


def test_a_callee_may_hold_by_update_too(ringline: Installation, app: Application, tmp_path: Path) -> None:
    fill = {"hold_sdp": session("sendonly", version=2), "update_headers": OF_CALLEE}
    with Sipp("answer_and_update", tmp_path, fill=fill) as sipp:
        leg = call_sip(ringline, sipp, LONG_TALK)
        sipp.good()
    assert _directions([each for each in sipp.received() if status_of(each) == 200]) == ["recvonly"]
    app.wait_statuses(leg, "started", "answered", "completed")


# ── session timers ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("refresher", ["uac", "uas"])
def test_a_session_timer_is_agreed_upon(
    ringline: Installation, app: Application, number: str, tmp_path: Path, refresher: str
) -> None:
    app.answers(number, [talk("The timer runs.")])
    fill = {"refresher": refresher}
    with Sipp("call_with_timer", tmp_path, to=ringline.sip_address, number=number, fill=fill) as sipp:
        sipp.good()
    answered = next(each for each in sipp.received() if status_of(each) == 200)
    assert ("timer" in (header(answered, "Require") or "")) == (refresher == "uac")
    app.wait_statuses(app.wait("/answer", to=number)["uuid"], "started", "ringing", "answered", "completed")


# ── forks ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_of_two_phones_behind_a_proxy_that_both_answer_one_is_hung_up(
    ringline: Installation, app: Application, tmp_path: Path
) -> None:
    with Sipp("fork", tmp_path, fill={"second": OTHER_BRANCH}) as sipp:
        leg = call_sip(ringline, sipp, talk("One of you is enough."))
        sipp.good()
    app.wait_statuses(leg, "started", "ringing", "answered", "completed")


def test_a_caller_is_joined_with_the_branch_that_answered_first(
    ringline: Installation, app: Application, number: str, tmp_path: Path
) -> None:
    with Sipp("fork", tmp_path, fill={"second": OTHER_BRANCH}) as callee:
        app.answers(number, [connect(f"sip:callee@127.0.0.1:{callee.port}", limit=2)])
        with Sipp("call", tmp_path, to=ringline.sip_address, number=number) as caller:
            caller.good()
        callee.good()


# ── registrations ──────────────────────────────────────────────────────────────────────────────────────────────────


def _register(ringline: Installation, folder: Path, binding: str, **more: object) -> Sipp:
    fill = {"registration": REGISTRATION, "binding": binding, "user": "desk", "password": DESK_PASSWORD}
    status = {"status": 200, **more}
    with Sipp("register", folder, to=ringline.sip_address, fill={**fill, **status}) as sipp:
        return sipp.good()


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_registered_phone_is_called_until_it_takes_its_registration_back(
    ringline: Installation, app: Application, tmp_path: Path, transport: str
) -> None:
    port = free_port()
    contact = f"Contact: <sip:desk@127.0.0.1:{port};transport={transport}>"
    registered = _register(ringline, tmp_path, f"{contact}\nExpires: 120")
    answered = next(each for each in registered.received() if status_of(each) == 200)
    assert f"127.0.0.1:{port}" in (header(answered, "Contact") or "")
    assert "expires=120" in (header(answered, "Contact") or "")
    with Sipp("answer", tmp_path, port=port, transport="u1" if transport == "udp" else "t1") as phone:
        time.sleep(0 if transport == "udp" else 0.5)  # nothing tells when SIPp has begun to listen over TCP
        leg = _to_desk(ringline)
        phone.good()
    app.wait_statuses(leg, "started", "ringing", "answered", "completed")
    _register(ringline, tmp_path, f"{contact};expires=0")
    app.wait_statuses(_to_desk(ringline), "started", "unanswered")


def test_a_registration_may_not_be_shorter_than_a_minute(ringline: Installation, tmp_path: Path) -> None:
    binding = f"Contact: <sip:desk@127.0.0.1:{free_port()}>\nExpires: 10"
    refused = _register(ringline, tmp_path, binding, status=423)
    brief = next(each for each in refused.received() if status_of(each) == 423)
    assert header(brief, "Min-Expires") == "60"


def test_ringline_shows_its_password_to_a_provider_it_registers_with(app: Application, tmp_path: Path) -> None:
    server = Installation(tmp_path / "server", app.url)
    with Sipp("registrar", tmp_path, calls=2) as provider:
        server.write_settings(
            more=f"""
[[trunks]]
name = "provider"
host = "127.0.0.1"
port = {provider.port}
username = "account-7"
password = "of the provider"
register = true
prefixes = ["999"]
"""
        )
        try:
            server.start()
            provider_heard = _wait_for_registers(provider, 2)
        finally:
            server.stop()
    shown = digest.read(header(provider_heard[1], "Authorization") or "")
    assert shown["username"] == "account-7"
    assert shown["response"] == digest.response(shown, method="REGISTER", user="account-7", password="of the provider")


def _wait_for_registers(provider: Sipp, count: int) -> list[str]:
    end = time.monotonic() + 10
    while len(found := [each for each in provider.received() if each.startswith("REGISTER ")]) < count:
        assert time.monotonic() < end, f"there came {len(found)} REGISTERs"
        time.sleep(0.05)
    return found


# ── what had to wait ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("by", list(REFRESHES))
def test_a_session_is_refreshed_at_half_time(app: Application, refreshed: dict[str, tuple[str, Sipp]], by: str) -> None:
    leg, sipp = refreshed[by]
    assert sipp.finish() == 0, sipp.story()
    end = app.wait("/event", uuid=leg, status="completed")
    assert end["disconnected_by"] == "user"
    assert int(end["duration"]) >= 44
