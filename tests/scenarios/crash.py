"""A process that dies in the middle of calls, and the next one that finds what it has left in the store."""

from __future__ import annotations

import asyncio

from ringline.engine.aftermath.recovery import Recovered, Recovery, in_hand
from ringline.engine.engine import Engine
from ringline.engine.outside import Outside
from ringline.testing import ScriptedDetector, ScriptedMedia, ScriptedRecogniser, Switchboard


async def crash_and_restart(board: Switchboard, *, down_s: float = 5.0) -> Recovered:
    """Kill the engine, let time pass, and start another one on the same store.

    Of the old one nothing reaches anybody any more: its timers, tasks and requests are stopped where they are.
    """
    dead = board.engine
    remains = await board.store.remains()
    lines = {room: list(journal) for room, journal in board.store.journals.items()}
    records = dict(board.store.records)
    dead.outside.media.listen(lambda event: None)
    dead.hooks.close()
    dead.effects.close()
    dead._conversations.close()
    await asyncio.sleep(down_s)
    # What the dying tasks still wrote was never written.
    board.store.journals, board.store.records = lines, records
    board.store.events = {event.event_id: event for event in remains.events}
    board.store.open_recordings = {one.recording: one for one in remains.recordings}
    board.store.open_transcriptions = {one.transcription: one for one in remains.transcriptions}
    board.media = board.exchange.media = ScriptedMedia(changed=board.pulse.beat)
    board.recogniser = ScriptedRecogniser(board.media)
    board.detector = ScriptedDetector(board.exchange.nature_of)
    old = dead.outside
    board.engine = Engine(
        Outside(
            media=board.media,
            voice=old.voice,
            files=old.files,
            recordings=old.recordings,
            http=old.http,
            store=board.store,
            detector=board.detector,
            recogniser=board.recogniser,
            transcriber=old.transcriber,
            payments=board.payments,
            chronicle=board.store,
        ),
        board.directory,
        dead.options,
        clock=board.clock,
        random=board.random,
    )
    board.exchange.attach(board.engine)
    sleepers, left_over = await board.store.sleepers(), in_hand(remains)
    board.engine.conversations.remember(one for one in sleepers if one.record.id not in left_over)
    recovered = await Recovery(board.engine, board.store).run(remains)
    board.engine.conversations.remember(one for one in sleepers if one.record.id in left_over)
    return recovered
