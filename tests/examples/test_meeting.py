"""The meeting example: waiting with music, the chair, a wrong PIN, the end for all, the recording."""

from __future__ import annotations

from types import ModuleType

from ringline.testing import Phone, Phones, Switchboard, WebApplication, scenario

MUSIC = "https://app.example.org/waiting.mp3"


async def enters(phone: Phone, app: WebApplication, keys: str, hears: str) -> None:
    await phone.dials(app.number)
    await phone.hears("Enter your PIN")
    phone.presses(keys)
    await phone.hears(hears, to_the_end=True)


@scenario
async def test_attendees_wait_for_the_chair_who_ends_the_meeting(
    board: Switchboard, phones: Phones, example: ModuleType
) -> None:
    anna, ben, chair, stranger = phones("anna", "ben", "chair", "stranger")
    board.files.has(MUSIC, seconds=30)
    flask = example.create_app("1234", MUSIC)
    app = board.application(wsgi=flask)

    await enters(anna, app, "#", "begins when the chair comes")
    await anna.hears(MUSIC)
    await enters(stranger, app, "99#", "This is not the PIN")
    await stranger.is_hung_up()
    await enters(ben, app, "#", "begins when the chair comes")
    assert not anna.can_hear(ben)

    await enters(chair, app, "1234", "You are the chair")
    assert await anna.can_talk_with(ben)
    assert await anna.can_talk_with(chair)
    assert anna.hears_now == []
    chair.hangs_up()
    await anna.is_hung_up()
    await ben.is_hung_up()
    await board.over()

    (recording,) = flask.test_client().get("/recordings").json
    assert "/v1/files/" in recording["url"]
    assert recording["bytes"] > 0
    assert app.errors() == []
