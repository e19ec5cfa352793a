"""What a wish for machine detection means: which mode holds the call up, and which looks for the beep."""

from __future__ import annotations

import pytest

from ringline.calls.detection import for_far_end, wished
from ringline.calls.state import Detection


@pytest.mark.parametrize(
    ("basic", "behavior", "mode", "waits", "wants_beep", "hangs_up"),
    [
        ("continue", None, None, True, False, False),
        ("hangup", None, None, True, False, True),
        (None, "continue", "detect", True, False, False),
        (None, "continue", "detect_beep", True, True, False),
        (None, "continue", "default", False, True, False),
        (None, "hangup", "detect", True, False, True),
        (None, "hangup", "detect_beep", True, False, True),
        (None, "hangup", "default", False, False, True),
        ("hangup", None, "default", False, True, False),
    ],
)
def test_each_setting_means_its_row_of_the_table(
    basic: str | None, behavior: str | None, mode: str | None, waits: bool, wants_beep: bool, hangs_up: bool
) -> None:
    detection = wished(basic, behavior, mode, None)
    assert detection is not None
    assert (detection.waits, detection.wants_beep, detection.hangs_up) == (waits, wants_beep, hangs_up)
    assert detection.beep_timeout_s == 45


def test_nothing_asked_for_is_nothing() -> None:
    assert wished(None, None, None, None) is None


@pytest.mark.parametrize(
    ("kind", "kept"), [("phone", True), ("sip", True), ("vbc", False), ("websocket", False), ("app", False)]
)
def test_only_phones_and_sip_addresses_are_listened_to(kind: str, kept: bool) -> None:
    assert (for_far_end(Detection(), kind) is not None) is kept


def test_the_basic_detection_looks_a_little_longer() -> None:
    basic, advanced = wished("continue", None, None, None), wished(None, "continue", "detect", None)
    assert basic is not None
    assert advanced is not None
    assert (basic.window_s, advanced.window_s) == (5.0, 4.5)
