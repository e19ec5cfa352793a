"""File descriptors: a call needs two to four, and most systems give a program 1,024 until it asks for more."""

from __future__ import annotations

import resource
from typing import Final

from ringline.base import get_log

log = get_log(__name__)
_ENOUGH: Final = 1_048_576


def raise_file_limit() -> int:
    """Ask for as many file descriptors as the operator allows; return how many there are. Never lowers the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _ENOUGH if hard == resource.RLIM_INFINITY else min(hard, _ENOUGH)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return soft
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError) as error:
        log.warning("the limit of file descriptors stays as it is", limit=soft, why=str(error))
        return soft
    return wanted
