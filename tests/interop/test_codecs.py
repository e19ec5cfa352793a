"""Every codec that a softphone has: both ways, in rooms of mixed rates, offered by either side, with keys."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from ringline.testing.audio import has_tone

from .application import Application
from .baresip import Baresip
from .installation import NUMBERS, Installation
from .scripts import conversation, keys, talk

pytestmark = pytest.mark.interop

_CODECS = ("G722", "opus", "L16", "PCMA", "PCMU")
_WIDE = {"G722": "G722/16000/1", "opus": "opus/48000/2", "L16": "L16/16000/1"}


@pytest.fixture
def server(app: Application, tmp_path: Path) -> Iterator[Installation]:
    """A server that offers every codec."""
    server = Installation(tmp_path / "server", app.url, codecs=_CODECS)
    try:
        server.start()
        yield server
    finally:
        server.stop()


def _has(hz: int, pcm: bytes) -> bool:
    """The last second is this tone, for the most part."""
    return len(pcm) > 32_000 and has_tone(pcm[-16_000:], hz, share=0.9)


@pytest.mark.parametrize(
    ("one", "other"),
    [("G722", "G722"), ("opus", "opus"), ("L16", "G722"), ("G722", "PCMA"), ("opus", "PCMU"), ("opus", "G722")],
)
def test_two_phones_hear_each_other_whatever_each_speaks(
    server: Installation, app: Application, tmp_path: Path, one: str, other: str
) -> None:
    number = NUMBERS[1]
    app.answers(number, [conversation(f"{one}-{other}")])
    with (
        Baresip(tmp_path, user="one", tone_hz=440, codecs=_WIDE.get(one, one)) as first,
        Baresip(tmp_path, user="other", tone_hz=700, codecs=_WIDE.get(other, other)) as second,
    ):
        for phone in (first, second):
            phone.dials(f"sip:{number}@{server.sip_address}")
            phone.wait("CALL_ESTABLISHED")
        first.wait_heard(partial(_has, 700))
        second.wait_heard(partial(_has, 440))


@pytest.mark.parametrize("codec", sorted(_WIDE))
def test_what_ringline_offers_is_taken_and_keys_arrive(
    server: Installation, app: Application, tmp_path: Path, codec: str
) -> None:
    with Baresip(tmp_path, codecs=_WIDE[codec]) as phone:
        script = [talk("Please enter your code.", bargeIn=True), keys(3), talk("Thank you. Your code was right.")]
        leg = server.call({"type": "sip", "uri": phone.uri}, script)
        phone.wait("CALL_INCOMING")
        phone.accepts()
        phone.wait("CALL_ESTABLISHED")
        phone.wait_heard(lambda pcm: len(pcm) > 16_000)
        phone.presses("528")
        app.wait("/event", uuid=leg, dtmf__digits="528")
        phone.wait("CALL_CLOSED")
