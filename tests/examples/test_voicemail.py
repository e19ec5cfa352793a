"""The voicemail example: a message ended by hash, one ended by silence, the list, the owner."""

from __future__ import annotations

from types import ModuleType

from ringline.testing import Phones, Switchboard, scenario


@scenario
async def test_messages_are_kept_and_told(board: Switchboard, phones: Phones, example: ModuleType) -> None:
    alice, bob, owner = phones("alice", "bob", "owner")
    flask = example.create_app(owner.number)
    app = board.application(wsgi=flask)

    await owner.dials(app.number)
    await owner.hears("You have no messages.", to_the_end=True)
    await owner.is_hung_up()

    await alice.dials(app.number)
    await alice.hears("Speak after the tone", to_the_end=True)
    await board.passes(1)
    await alice.says("Please call me back.", seconds=2)
    await alice.presses("#")
    await alice.hears("Your message has been kept.", to_the_end=True)
    await alice.is_hung_up()

    await bob.dials(app.number)
    await bob.hears("Speak after the tone", to_the_end=True)
    await bob.says("It is me.", seconds=1)
    await bob.hears("Your message has been kept.", to_the_end=True)
    await bob.is_hung_up()

    messages = flask.test_client().get("/messages").json
    assert [message["from"] for message in messages] == [alice.number, bob.number]
    assert all("/v1/files/" in message["url"] and message["bytes"] > 0 for message in messages)
    first, second = app.recordings()
    assert first["recording_uuid"] != second["recording_uuid"]

    await owner.dials(app.number)
    await owner.hears(f"You have 2 messages. The latest: {' '.join(alice.number)}", to_the_end=True)
    await owner.is_hung_up()
    assert app.errors() == []
