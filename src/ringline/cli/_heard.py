"""What `ringline doctor` sees in the journals: calls of the last day whose far end was never heard."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from ringline.cli._looks import Ill
from ringline.cli._records import NoSuchCall, open_records
from ringline.engine.ports import JournalLine
from ringline.engine.sip.one_way import NOTHING_HEARD
from ringline.server.settings import Settings

_DAY: Final = timedelta(days=1)


def far_ends(settings: Settings, now: datetime | None = None) -> str:
    """Look whether the far ends of the last day's calls were heard; say what is good about it.

    Raises:
        Ill: some were not, and what our SDP named.
    """
    now = now or datetime.now(UTC)
    try:
        with open_records(settings.store_url()) as records:
            notes = records.audio_notes(now - _DAY)
    except NoSuchCall as error:
        return str(error)
    unheard: dict[str | None, JournalLine] = {}
    for line in notes:
        if str(line.data.get("text", "")).startswith(NOTHING_HEARD):
            unheard[line.leg] = line
        else:
            unheard.pop(line.leg, None)  # it came after all
    if not unheard:
        return "every far end was heard in the last day"
    last = list(unheard.values())[-1]
    calls = "one call" if len(unheard) == 1 else f"{len(unheard)} calls, the last of them"
    ports = f"UDP {settings.media.port_min}-{settings.media.port_max}"
    raise Ill(
        f"in {calls} {last.leg} at {last.wallclock:%H:%M} UTC: {last.data['text']}. Can they reach that address, "
        f"and are {ports} open there? If not, set public.media_host"
    )
