"""Frames of the control channel: what is written, what is read, and what noise is worth."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringline.base import RemoteProtocolError
from ringline.rtc import packets


def test_the_first_frames_are_those_of_the_protocol() -> None:
    opened = packets.opening("abc")
    assert opened[0] == "0"
    told = json.loads(opened[1:])
    assert (told["sid"], told["upgrades"]) == ("abc", [])
    assert (told["pingInterval"], told["pingTimeout"]) == (25000, 20000)
    assert packets.connected("abc") == '40{"sid":"abc"}'
    assert packets.event("a", {"b": 1}) == '42["a",{"b":1}]'
    assert packets.event("a", {"b": "ä"}, 7) == '427["a",{"b":"ä"}]'


@pytest.mark.parametrize(
    ("frame", "packet"),
    [
        ("40", packets.Connect()),
        ("40{}", packets.Connect()),
        ("40/,", packets.Connect()),
        ('40{"token":"x"}', packets.Connect()),
        ("41", packets.Disconnect()),
        ("1", packets.Disconnect()),
        ("3", packets.Pong()),
        ("430[]", packets.Ack(0)),
        ("4317[]", packets.Ack(17)),
        ("2", packets.Noop("3")),
        ("6", packets.Noop()),
        ('42["session:logout",{"tid":"1","body":{}}]', packets.Said("session:logout", {"tid": "1", "body": {}})),
        ('425["x"]', packets.Said("x", {}, 5)),
        ('42["x",[1]]', packets.Said("x", {})),
    ],
)
def test_what_clients_say_is_read(frame: str, packet: packets.Packet) -> None:
    assert packets.read_packet(frame) == packet


@pytest.mark.parametrize(
    "frame",
    ["", "0", "4", "42", "42{}", "42[]", "42[1]", "42[", "43[]", "40/other,", "44{}", "451-[]", "42" + "[" * 60_000],
)
def test_what_is_no_frame_is_refused(frame: str) -> None:
    with pytest.raises(RemoteProtocolError):
        packets.read_packet(frame)


def test_a_frame_without_end_is_refused() -> None:
    with pytest.raises(RemoteProtocolError):
        packets.read_packet('42["x",{"y":"' + "z" * packets.LONGEST_FRAME + '"}]')


@given(st.text(max_size=300) | st.from_regex(r"\A4[0-4]\d{0,3}[\[{].{0,40}\Z"))
def test_noise_is_only_ever_refused_politely(noise: str) -> None:
    with suppress(RemoteProtocolError):
        packets.read_packet(noise)


@given(st.text(max_size=40), st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5), max_size=4))
def test_what_is_written_can_be_read(name: str, payload: dict[str, int | str]) -> None:
    said = packets.read_packet(packets.event(name, payload, 3))
    assert said == packets.Said(name, payload, 3)
