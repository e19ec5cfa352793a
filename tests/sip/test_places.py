"""Which of our addresses a far end is shown."""

from __future__ import annotations

import pytest

from ringline.sip import Place, Places

WORLD = Place(sip_host="sip.example.com")
INNER = Place(sip_host="10.0.0.5", networks=("10.0.0.0/8",), media_host="10.0.0.6")
LAB = Place(sip_host="10.9.0.5", networks=("10.9.0.0/16",))
SIX = Place(sip_host="2001:db8::5", networks=("::/0",))


@pytest.mark.parametrize(
    ("remote", "place"),
    [
        ("203.0.113.9", WORLD),
        ("10.1.2.3", INNER),
        ("10.9.2.3", LAB),
        ("2001:db8::77", SIX),
        ("fe80::1%eth0", SIX),
        ("not an address", WORLD),
    ],
)
def test_the_longest_network_decides(remote: str, place: Place) -> None:
    places = Places(WORLD, (INNER, LAB, SIX))
    assert places.of(remote) is place
    assert places.of(remote) is place


def test_memory_stays_bounded_whoever_asks() -> None:
    places = Places(WORLD, (INNER,))
    for number in range(10_000):
        places.of(f"198.51.{number // 250}.{number % 250}")
    assert len(places._known) <= 4096


def test_a_broken_network_is_refused() -> None:
    with pytest.raises(ValueError, match="does not appear"):
        Places(WORLD, (Place(sip_host="x", networks=("here",)),))
