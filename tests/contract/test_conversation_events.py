"""The events of conversations (conversations reference, 4 to 6): each row of the table of types, seen at the RTC URL.

Some calls are made once; every test looks into what the application was told then.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

import pytest

from ringline.testing import (
    Phones,
    Switchboard,
    WebApplication,
    connect,
    conversation,
    ncco,
    read_digits,
    read_speech,
    record,
    scenario,
    stream,
    talk,
)

from .house import opened
from .rows import member

PERSON: Final = (
    "user.id user.user_id user.member_id user.name user.display_name user.image_url user.properties user.media"
)
ROOM: Final = "id name display_name image_url state timestamp.created timestamp.updated timestamp.destroyed"
CHANNEL: Final = "channel.id channel.type channel.to channel.from channel.headers channel.leg_ids"
QUALITY: Final = (
    "quality.mos_score quality.quality_percentage quality.jitter_min_var quality.jitter_max_var quality.flaw_total "
    "quality.jitter_loss_rate quality.jitter_burst_rate quality.packet_cnt quality.packet_loss_perc"
)
HANGUP: Final = (
    f"direction {CHANNEL} {QUALITY} bandwidth.byte_in bandwidth.byte_out reason.text reason.code reason.sip_code"
)
SETTINGS: Final = "media.audio media.audio_settings.enabled media.audio_settings.earmuffed media.audio_settings.muted"
TYPES: Final[Mapping[str, str]] = {
    "conversation:created": ROOM,
    "conversation:updated": ROOM,
    "conversation:deleted": ROOM,
    "member:invited": f"member_id cname conversation.conversation_id conversation.name conversation.display_name "
    f"conversation.image_url {PERSON} channel media timestamp.invited initiator.invited.isSystem invited_by "
    "invited_by_member",
    "member:joined": f"member_id {PERSON} {CHANNEL} timestamp.joined initiator.joined.isSystem",
    "member:left": f"member_id {PERSON} channel timestamp.left initiator.left.isSystem reason.code reason.text",
    "member:media": f"audio {SETTINGS} channel",
    "leg:status:update": "leg_id direction type status state.status statusHistory.0.conversation_id "
    "statusHistory.0.member_id statusHistory.0.status statusHistory.0.state statusHistory.0.date",
    "sip:ringing": f"direction {CHANNEL}",
    "sip:answered": f"direction {CHANNEL}",
    "sip:machine": "type confidence channel",
    "sip:amd_machine": "type confidence channel",
    "sip:hangup": HANGUP,
    "sip:status": "price rate duration to from network_code channel request_time start_time end_time status direction "
    "state",
    "rtc:answered": "direction channel",
    "rtc:hangup": HANGUP,
    "rtc:status": "duration start_time end_time mos price price_currency channel",
    "rtc:transfer": "was_member user_id transferred_from channel",
    "audio:play": "stream_url level loop queue play_id",
    "audio:play:stop": "play_id",
    "audio:play:done": "play_id",
    "audio:say": "text level loop queue voice_name language style premium ssml say_id",
    "audio:say:stop": "say_id",
    "audio:say:done": "say_id",
    "audio:dtmf": "digit channel dtmf_seq method duration",
    "audio:record": "recording_id format validity streamed beep_start beep_stop detect_speech split multitrack "
    "channels",
    "audio:record:stop": "record_id",
    "audio:record:done": "event_id recording_id destination_url format start_time end_time size",
    "audio:asr:done": "channel asr.asr_id asr.call_id asr.results.0.word asr.results.0.confidence",
    "audio:asr:record:done": "channel asr.asr_id asr.call_id asr.destination_url asr.format",
    "audio:mute:on": "rtc_id",
    "audio:mute:off": "rtc_id",
    "audio:earmuff:on": "rtc_id",
    "audio:earmuff:off": "rtc_id",
    "event:delete": "event_id",
}
ENVELOPE: Final = ("application_id", "conversation_id", "id", "type", "body", "timestamp", "_embedded")


@dataclass(slots=True)
class Told:
    """What the application heard at its RTC URL."""

    requests: list[dict[str, Any]] = field(default_factory=list)
    by_type: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))


@cache
def told() -> Told:
    """Make the calls, once for all tests."""
    found = Told()

    @scenario
    async def story(app: WebApplication, phones: Phones, board: Switchboard) -> None:
        async with opened(app, phones, board) as house, house.client() as rest:
            made = await house.make(rest, "spare", "/v1/conversations", {"name": "spare"})
            await rest.put(f"/v1/conversations/{made['id']}", json={"name": "other"})
            await rest.delete(f"/v1/conversations/{made['id']}")
            room = f"/v1/conversations/{house.names['room']}"
            custom = (await rest.post(f"{room}/events", json={"type": "custom:x", "body": {"a": 1}})).json()
            await rest.delete(f"{room}/events/{custom['id']}")
            for kind, body in (
                ("audio:say", {"text": "Good morning " * 20}),
                ("audio:say:stop", {}),
                ("audio:play", {"stream_url": [board.files.has("https://files.example/long.mp3", seconds=60)]}),
                ("audio:play:stop", {}),
                ("audio:record", {"format": "wav"}),
                ("audio:record:stop", {}),
                *((f"audio:{what}:{on}", {"rtc_id": house.names["leg"]}) for what in ("mute", "earmuff") for on in
                  ("on", "off")),
            ):  # fmt: skip
                answer = await rest.post(f"{room}/events", json={"type": kind, "body": body})
                assert answer.status_code == 201, answer.text
                await board.passes(1)
        await _calls(app, phones, board)
        found.requests = [one.json for one in app.requests if one.path == "/rtc"]

    story()
    for one in found.requests:
        found.by_type[one["type"]].append(one)
    return found


async def _calls(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    """A caller who speaks, presses keys, is connected to a phone and to an app user, and moves to a conference."""
    carol, dave = phones("carol", "dave")
    jamie = board.user("jamie")
    app.answers(
        talk("Welcome."),
        stream(board.files.has("https://files.example/short.mp3", seconds=1)),
        read_digits(max_digits=1),
        read_speech(save_audio=True, url=app.url("/spoken")),
        record(),
    )
    app.replies("/spoken", ncco(connect(dave.number), connect("app:jamie"), conversation("lounge")))
    dave.answers()
    jamie.answers()
    await carol.dials(app.number)
    await board.passes(4)
    await carol.presses("1")
    await board.passes(1)
    await carol.says("sales please")
    await board.passes(10)
    dave.hangs_up()
    await board.passes(5)
    jamie.hangs_up()
    await board.passes(5)
    carol.hangs_up()
    await board.over()
    for wish in ({"machine_detection": "continue"}, {"advanced_machine_detection": {"behavior": "continue"}}):
        dave.is_a_machine()
        dave.answers()
        await app.calls(dave.number, ncco=[talk("Hello.")], **wish)
        await board.over()


@pytest.mark.parametrize("kind", [pytest.param(kind, id=f"conversations 5.1 {kind}") for kind in TYPES])
def test_an_event_of_this_type_is_told_with_its_body(kind: str) -> None:
    events = told().by_type[kind]
    assert events, sorted(told().by_type)
    nothing = member({}, "x")
    whole = [one for one in events if all(member(one["body"], path) is not nothing for path in TYPES[kind].split())]
    assert whole, ([path for path in TYPES[kind].split() if member(events[0]["body"], path) is nothing], events[0])


@pytest.mark.parametrize("name", [pytest.param(name, id=f"conversations 6 {name}") for name in ENVELOPE])
def test_each_event_is_told_in_its_envelope(name: str) -> None:
    assert all(name in one for one in told().requests if name != "_embedded" or "from" in one)


def test_ids_count_up_without_a_gap_in_each_conversation() -> None:
    numbers: dict[str, list[int]] = defaultdict(list)
    for one in told().requests:
        numbers[one["conversation_id"]].append(one["id"])
    assert len(numbers) >= 5
    assert all(found == list(range(1, len(found) + 1)) for found in numbers.values())


def test_what_is_about_a_member_is_from_that_member() -> None:
    for one in told().requests:
        if one["type"].startswith(("member:", "sip:", "leg:")) and one.get("from"):
            assert one["_embedded"]["from_member"] == {"id": one["from"]}
            assert one["_embedded"]["from_user"]["id"].startswith("USR-")


def test_the_end_of_a_leg_is_told_in_the_published_order() -> None:
    for hangup in told().by_type["sip:hangup"]:
        room, who = hangup["conversation_id"], hangup["from"]
        mine = [one for one in told().requests if (one["conversation_id"], one.get("from")) == (room, who)]
        kinds = [one["type"] for one in mine[mine.index(hangup) :]]
        assert [one for one in kinds if one != "member:media"] == ["sip:hangup", "sip:status", "member:left"]


def test_signalling_is_not_sent_to_the_webhook() -> None:
    assert not {"rtc:answer", "ephemeral"} & set(told().by_type)
