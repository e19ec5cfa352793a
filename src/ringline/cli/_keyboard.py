"""Keys typed in the terminal become keys pressed in the call, at once and without Enter."""

from __future__ import annotations

import asyncio
import os
import sys
import termios
import tty
from typing import Final

from ringline.cli.softphone import SoftCall

_DIGITS: Final = frozenset("0123456789*#ABCD")
_HANG_UP: Final = frozenset("q\x04")


async def press_typed(call: SoftCall) -> None:
    """Press what is typed until cancelled; `q` and Ctrl-D hang up."""
    loop = asyncio.get_running_loop()
    typed: asyncio.Queue[str] = asyncio.Queue(maxsize=100)
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)

    def read() -> None:
        for key in os.read(descriptor, 64).decode("ascii", "ignore"):
            if not typed.full():
                typed.put_nowait(key)

    tty.setcbreak(descriptor)  # Ctrl-C still interrupts
    loop.add_reader(descriptor, read)
    try:
        while True:
            key = (await typed.get()).upper()
            if key in _DIGITS:
                await call.press(key)
            elif key.lower() in _HANG_UP:
                call.hang_up()
    finally:
        loop.remove_reader(descriptor)
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
