"""Conferences of more than 50: by setting, with the same rules."""

from __future__ import annotations

from typing import Any

from ringline.testing import Phone, Phones, Switchboard, WebApplication, conversation, scenario

MUSIC = "https://app.example.org/music.mp3"


async def joins(phone: Phone, app: WebApplication, **options: Any) -> None:
    app.answers(conversation("assembly", **options))
    await phone.dials(app.number)
    await app.hears_of("answered", phone.leg)


@scenario(conversation_legs=80)
async def test_eighty_wait_with_music_for_their_moderator_and_the_next_is_turned_away(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    board.files.has(MUSIC, seconds=20)
    members = phones(*(f"member{number}" for number in range(79)))
    chair, late = phones("chair", "late")
    for member in members:
        await joins(member, app, start_on_enter=False, music_on_hold_url=[MUSIC])
    first, second, last = members[0], members[1], members[-1]
    for one in (first, last):
        await one.hears(MUSIC)
    assert not first.can_hear(last)
    await joins(chair, app, end_on_exit=True)
    assert await first.can_talk_with(last)
    assert await chair.can_talk_with(last)
    assert first.hears_now == []

    board.call(app, last.leg).mute()
    board.call(app, second.leg).earmuff()
    await board.passes(0.1)
    assert not first.can_hear(last)
    assert last.can_hear(first)
    assert not second.can_hear(chair)
    assert chair.can_hear(second)
    board.call(app, last.leg).unmute()
    await board.passes(0.1)
    assert first.can_hear(last)

    app.answers(conversation("assembly"))
    await late.dials(app.number)
    await late.is_hung_up()
    assert await app.is_warned("Conversation participant limit reached.")
    chair.hangs_up()
    for member in members:
        await member.is_hung_up()
    await board.over()
