"""The contact centre once more, as the events of its conversations: every one of them, with its whole body."""

from __future__ import annotations

from ringline.chronicle import rtc_payload
from ringline.testing import (
    Phones,
    Switchboard,
    WebApplication,
    conversation,
    ncco,
    read_digits,
    scenario,
    talk,
)

from .golden import Plain, check


@scenario
async def test_the_contact_centre_as_conversation_events(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    user, agent = phones("user", "agent")
    app.answers(
        talk("Press 1 for sales, 2 for support.", barge_in=True), read_digits(max_digits=1, url=app.url("/input"))
    )
    app.replies("/input", ncco(talk("Connecting you to sales."), conversation("K")))
    app.replies("/survey", [talk("Thank you, good bye.")])
    await user.dials(app.number)
    await user.hears("Press 1")
    await user.presses("1")
    await user.hears("Connecting you", to_the_end=True)
    await app.calls(agent.number, ncco=[conversation("K")])
    await agent.rings()
    await agent.answers()
    assert await user.can_talk_with(agent)
    app.call(user.leg).mute()
    app.call(user.leg).unmute()
    agent.hangs_up()
    await board.passes(1)
    app.call(user.leg).transfer(talk("Rate us from 1 to 5."), read_digits(max_digits=1, url=app.url("/survey")))
    await user.hears("1 to 5.", to_the_end=True)
    await user.presses("5")
    await user.is_hung_up()
    await board.over()
    plain = Plain()
    lines = [
        plain.of(rtc_payload(entry, room, app.id)) for room in board.store.told for entry in board.store.events_of(room)
    ]
    check("contact_centre", lines)
