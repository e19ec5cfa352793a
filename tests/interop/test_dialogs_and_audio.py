"""What real phones do inside a call: other codecs and packet lengths, keys by other ways, changes, and silence."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from ringline.testing.audio import has_tone, level_dbfs, tone

from .application import Application
from .ears import Ear, longest_gap_s
from .installation import NUMBERS, Installation
from .scripts import LONG_TALK, connect, conversation, keys, talk
from .sipp import Sipp, session, status_of
from .sounds import channels, mixed, wav
from .wire import Peer

pytestmark = pytest.mark.interop


def answered(peer: Peer, body: str) -> str:
    """Call, wait for the answer, acknowledge it, and give it."""
    peer.send(peer.request("INVITE", body=body))
    message = peer.response(200, "INVITE")
    peer.send(peer.request("ACK", branch="ack"))
    return message


def hang_up(peer: Peer, cseq: int = 9) -> None:
    peer.send(peer.request("BYE", cseq=cseq, branch="bye"))
    peer.response(200, "BYE")


# ── codecs and packets ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("codec", "ptime", "octets"), [("PCMA", 20, 160), ("PCMU", 20, 160), ("PCMA", 30, 240), ("PCMU", 40, 320)]
)
def test_each_codec_and_packet_length(
    ringline: Installation, app: Application, number: str, codec: str, ptime: int, octets: int
) -> None:
    app.answers(number, [conversation(f"alone-{number}")])
    payload_type = {"PCMA": 8, "PCMU": 0}[codec]
    with Ear(codec=codec) as ear, Peer(ringline.sip_address, number=number) as peer:
        body = peer.sdp(port=ear.port).replace("a=ptime:20", f"a=ptime:{ptime}")
        body = body.replace("AVP 8 ", f"AVP {payload_type} ").replace("8 PCMA", f"{payload_type} {codec}")
        answer = answered(peer, body)
        assert f"m=audio {answer.partition('m=audio ')[2].split()[0]} RTP/AVP {payload_type} 101" in answer
        leg = app.wait("/answer", to=number)["uuid"]
        app.wait("/event", uuid=leg, status="answered")
        app.serves("/700.wav", wav(tone(700, 3)))
        assert ringline.request("PUT", f"/v1/calls/{leg}/stream", {"stream_url": [f"{app.url}/700.wav"]}).status == 200
        ear.until(lambda pcm: has_tone(pcm, 700, share=0.9))
        assert {len(one.payload) for one in ear.packets if one.payload_type == payload_type} == {octets}
        hang_up(peer)


def test_telephone_events_may_have_another_payload_type(ringline: Installation, app: Application, number: str) -> None:
    app.answers(number, [keys(2)])
    with Ear(dtmf_payload_type=96) as ear, Peer(ringline.sip_address, number=number) as peer:
        answer = answered(peer, peer.sdp(port=ear.port).replace("101", "96"))
        assert "a=rtpmap:96 telephone-event/8000" in answer
        ear.hears(0.1)
        ear.presses("4*")
        app.wait("/event", to=number, dtmf__digits="4*")
        peer.asked("BYE")


def test_keys_may_come_as_tones_when_no_events_were_agreed(
    ringline: Installation, app: Application, number: str
) -> None:
    app.answers(number, [keys(1)])
    with Ear() as ear, Peer(ringline.sip_address, number=number) as peer:
        body = peer.sdp(port=ear.port).replace(" 8 101", " 8")
        body = "".join(line for line in body.splitlines(keepends=True) if ":101" not in line)
        assert "telephone-event" not in answered(peer, body)
        ear.hears(0.1)
        low, high = tone(770, 0.2, level_db=-10), tone(1336, 0.2, level_db=-10)  # the key 5
        ear.says(mixed(low, high) + bytes(16_000))
        told = app.wait("/event", to=number, dtmf__digits="5")
        assert told["dtmf"]["timed_out"] is False
        peer.asked("BYE")


def test_keys_may_come_by_info(ringline: Installation, app: Application, number: str) -> None:
    app.answers(number, [keys(2)])
    with Peer(ringline.sip_address, number=number) as peer:
        answered(peer, peer.sdp(port=9))
        for cseq, (type_, body) in enumerate(
            [("application/dtmf-relay", "Signal=7\r\nDuration=160\r\n"), ("application/dtmf", "#")], start=2
        ):
            info = peer.request("INFO", cseq=cseq, branch=f"info{cseq}", body=body)
            peer.send(info.replace("application/sdp", type_))
            peer.response(200, "INFO")
        app.wait("/event", to=number, dtmf__digits="7#")
        peer.asked("BYE")


def test_audio_goes_to_where_it_comes_from(ringline: Installation, app: Application, number: str) -> None:
    """A phone behind a NAT names an address in its SDP that is not the one its packets come from."""
    app.answers(number, [LONG_TALK])
    with Ear() as named, Ear() as real, Peer(ringline.sip_address, number=number) as peer:
        answer = answered(peer, peer.sdp(port=named.port))
        named.hears(0.2)
        real.aims("127.0.0.1", int(answer.partition("m=audio ")[2].split()[0]))
        real.says(tone(440, 1))
        assert level_dbfs(real.hears(1)) > -45
        count = len(named.packets)
        real.hears(0.3)
        assert len(named.packets) == count
        hang_up(peer)


# ── changes ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_a_phone_moves_its_audio_elsewhere(ringline: Installation, app: Application, number: str, method: str) -> None:
    app.answers(number, [LONG_TALK])
    with Ear() as here, Ear() as there, Peer(ringline.sip_address, number=number) as peer:
        answered(peer, peer.sdp(port=here.port))
        here.hears(0.3)
        body = peer.sdp(port=there.port).replace("53655765 1 ", "53655765 2 ")
        peer.send(peer.request(method, cseq=2, branch="move", body=body))
        peer.response(200, method)
        if method == "INVITE":
            peer.send(peer.request("ACK", cseq=2, branch="ack2"))
        assert level_dbfs(there.hears(1)) > -45
        hang_up(peer)


def test_a_reinvite_without_sdp_gets_an_offer_and_keeps_the_audio(
    ringline: Installation, app: Application, number: str
) -> None:
    app.answers(number, [LONG_TALK])
    with Ear() as ear, Peer(ringline.sip_address, number=number) as peer:
        answered(peer, peer.sdp(port=ear.port))
        ear.hears(0.3)
        start = len(ear.packets)
        peer.send(peer.request("INVITE", cseq=2, branch="refresh"))
        offered = peer.response(200, "INVITE")
        assert "m=audio" in offered
        body = peer.sdp(port=ear.port).replace("53655765 1 ", "53655765 2 ")
        peer.send(peer.request("ACK", cseq=2, branch="ack2", body=body))
        ear.hears(0.5)
        assert longest_gap_s(ear.packets[start:]) < 0.25
        hang_up(peer)


def test_a_reinvite_with_an_impossible_offer_changes_nothing(
    ringline: Installation, app: Application, number: str
) -> None:
    app.answers(number, [LONG_TALK])
    with Ear() as ear, Peer(ringline.sip_address, number=number) as peer:
        answered(peer, peer.sdp(port=ear.port))
        body = peer.sdp(port=ear.port).replace("RTP/AVP 8 101", "RTP/AVP 18").replace("8 PCMA", "18 G729")
        peer.send(peer.request("INVITE", cseq=2, branch="g729", body=body))
        peer.response(488, "INVITE")
        peer.send(peer.request("ACK", cseq=2, branch="g729"))
        assert level_dbfs(ear.hears(1)) > -45
        hang_up(peer)


@pytest.mark.parametrize(
    ("method", "status"), [("REFER", 400), ("MESSAGE", 405), ("OPTIONS", 200), ("DANCE", 501), ("INFO", 200)]
)
def test_other_requests_in_a_call_get_an_answer_and_harm_nothing(
    ringline: Installation, app: Application, number: str, method: str, status: int
) -> None:
    app.answers(number, [LONG_TALK])
    with Peer(ringline.sip_address, number=number) as peer:
        answered(peer, peer.sdp(port=9))
        peer.send(peer.request(method, cseq=2, branch=method))
        assert status_of(peer.response(status, method)) == status
        hang_up(peer)
    leg = app.wait("/answer", to=number)["uuid"]
    app.wait_statuses(leg, "started", "ringing", "answered", "completed")


def test_requests_for_a_call_that_is_over_are_told_so(ringline: Installation, app: Application, number: str) -> None:
    app.answers(number, [LONG_TALK])
    with Peer(ringline.sip_address, number=number) as peer:
        answered(peer, peer.sdp(port=9))
        hang_up(peer)
        peer.send(peer.request("BYE", cseq=10, branch="bye2"))
        peer.response(481, "BYE")
        peer.send(peer.request("INVITE", cseq=11, branch="late", body=peer.sdp(port=9)))
        peer.response(481, "INVITE")
        peer.send(peer.request("ACK", cseq=11, branch="late"))


# ── silence ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_caller_whose_audio_stops_is_hung_up(app: Application, tmp_path: Path) -> None:
    number = NUMBERS[96]
    app.answers(number, [LONG_TALK])
    server = Installation(tmp_path / "server", app.url, media_timeout_s=2)
    try:
        server.start()
        with Ear() as ear, Peer(server.sip_address, number=number) as peer:
            answered(peer, peer.sdp(port=ear.port))
            ear.hears(0.1)
            ear.says(tone(440, 1))
            ear.hears(2.5)  # longer than the timeout: as long as he is heard, he stays
            ear.hushes()
            peer.asked("BYE", within_s=6)
        leg = app.wait("/answer", to=number)["uuid"]
        app.wait_statuses(leg, "started", "ringing", "answered", "completed")
    finally:
        server.stop()


def test_a_phone_that_answers_without_a_codec_in_common_is_let_go(
    ringline: Installation, app: Application, tmp_path: Path
) -> None:
    with Sipp("answer", tmp_path, fill={"sdp": session(codec="18 G729/8000")}) as sipp:
        leg = ringline.call({"type": "sip", "uri": f"sip:callee@127.0.0.1:{sipp.port}"}, [talk("Hello.")])
        sipp.good()  # acknowledged, and then hung up
    end = app.wait("/event", uuid=leg, status="failed")
    assert end["detail"] == "internal_error"


# ── rooms and recordings ─────────────────────────────────────────────────────────────────────────────────────────────


def test_three_phones_in_a_room_hear_each_other_and_are_recorded(
    ringline: Installation, app: Application, number: str
) -> None:
    app.answers(
        number,
        [{**conversation(f"three-{number}"), "record": True, "eventUrl": [f"{app.url}/recorded/{number}"]}],
    )
    tones = (440, 700, 1000)
    with ExitStack() as stack:
        ears = [stack.enter_context(Ear()) for _ in tones]
        peers = [stack.enter_context(Peer(ringline.sip_address, number=number)) for _ in tones]
        for ear, peer, hz in zip(ears, peers, tones, strict=True):
            answered(peer, peer.sdp(port=ear.port))
            ear.hears(0.1)
            ear.says(tone(hz, 1, level_db=-18))
        for ear, own in zip(ears, tones, strict=True):
            one, other = (hz for hz in tones if hz != own)
            ear.until(partial(_has_both, one, other))
            assert not has_tone(ear.hears(0.3), own, share=0.1)
        for peer in peers:
            hang_up(peer)
    told = app.wait(f"/recorded/{number}", recording_url=...)
    answer = ringline.request("GET", "/v1/" + told["recording_url"].partition("/v1/")[2])
    assert (answer.status, len(answer.body)) == (200, told["size"])


def _has_both(one: int, other: int, pcm: bytes) -> bool:
    return has_tone(pcm, one, share=0.3) and has_tone(pcm, other, share=0.3)


def test_each_side_of_a_call_is_recorded_apart(
    ringline: Installation, app: Application, number: str, tmp_path: Path
) -> None:
    with Ear() as callee_ear, Sipp("answer", tmp_path, fill={"rtp_port": callee_ear.port}) as callee:
        recorded = {"action": "record", "format": "wav", "split": "conversation", "channels": 2}
        app.answers(
            number,
            [
                {**recorded, "eventUrl": [f"{app.url}/recorded/{number}"]},
                connect(f"sip:callee@127.0.0.1:{callee.port}"),
            ],
        )
        with Ear() as caller_ear, Peer(ringline.sip_address, number=number) as peer:
            answered(peer, peer.sdp(port=caller_ear.port))
            room = app.wait("/answer", to=number)["conversation_uuid"]
            app.wait("/event", direction="outbound", status="answered", conversation_uuid=room)
            for ear, hz in ((caller_ear, 440), (callee_ear, 1000)):
                ear.hears(0.1)
                ear.says(tone(hz, 1))
            caller_ear.until(lambda pcm: has_tone(pcm, 1000))
            callee_ear.until(lambda pcm: has_tone(pcm, 440))
            caller_ear.hears(0.5)
            hang_up(peer)
        callee.good()
    told = app.wait(f"/recorded/{number}", recording_url=...)
    answer = ringline.request("GET", "/v1/" + told["recording_url"].partition("/v1/")[2])
    (left, right), rate = channels(answer.body)
    for side, own, other in ((left, 440, 1000), (right, 1000, 440)):
        assert has_tone(side, own, rate, share=0.9)
        assert not has_tone(side, other, rate, share=0.1)
