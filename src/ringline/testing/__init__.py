"""The public test kit: whole calls in virtual time, for testing an application's scripts or Ringline itself.

A test is a coroutine under `scenario`; it is given the application, phones and the switchboard by name, and pytest runs
it like any function. Nothing waits, nothing leaves the process, and two runs are the same.

    @scenario
    async def test_the_caller_reaches_sales(app, phones):
        alice, sales = phones("alice", "sales")
        app.answers(talk("Press one for sales.", barge_in=True), read_digits(max_digits=1))
        app.on_digits("1", reply=[connect(sales.number)])
        await alice.dials(app.number)
        await alice.hears("Press one")
        alice.presses("1")
        await sales.answers()
        assert await alice.can_talk_with(sales)

A test that is a plain function asks pytest for the fixture `ringline` instead (`ringline.testing.plain`), and an
application in Flask or FastAPI takes part as it is: `board.application(wsgi=app)`.

Beside it, `ringline.testing.rtp` and `ringline.testing.audio` have a phone over a real socket, tones and measures.
"""

from ringline.testing.application import WebApplication
from ringline.testing.calls import CallState, PhoneCall
from ringline.testing.captions import Caption, caption_of, captioned
from ringline.testing.clock import STARTS_AT, Deadlock, LoopFailure, VirtualClock, VirtualLoop, run_call
from ringline.testing.control import Call
from ringline.testing.detector import Nature, ScriptedDetector
from ringline.testing.exchange import Exchange
from ringline.testing.files import AudioFiles
from ringline.testing.media import ScriptedMedia
from ringline.testing.payments import ScriptedPayments
from ringline.testing.phones import Phone, Phones
from ringline.testing.plain import Ringline
from ringline.testing.recogniser import ScriptedRecogniser
from ringline.testing.recordings import MemoryRecordings, Recorded, Said
from ringline.testing.scenario import scenario
from ringline.testing.scripts import (
    Action,
    connect,
    conversation,
    listen_for_keys,
    notify,
    pay,
    read_digits,
    read_speech,
    record,
    stream,
    talk,
    transfer,
    wait,
)
from ringline.testing.sockets import SocketServer, User
from ringline.testing.sounds import Heard, Sound
from ringline.testing.store import MemoryStore
from ringline.testing.switchboard import NUMBER, PUBLIC_URL, SIGNATURE_SECRET, Switchboard
from ringline.testing.voice import SECONDS_PER_CHARACTER, TextVoice, spoken_s
from ringline.testing.web import FINE, HANGS, Received, Reply, Web, breaks, ncco, status, text
from ringline.testing.webrtc import ScriptedWebRtc

__all__ = [
    "FINE",
    "HANGS",
    "NUMBER",
    "PUBLIC_URL",
    "SECONDS_PER_CHARACTER",
    "SIGNATURE_SECRET",
    "STARTS_AT",
    "Action",
    "AudioFiles",
    "Call",
    "CallState",
    "Caption",
    "Deadlock",
    "Exchange",
    "Heard",
    "LoopFailure",
    "MemoryRecordings",
    "MemoryStore",
    "Nature",
    "Phone",
    "PhoneCall",
    "Phones",
    "Received",
    "Recorded",
    "Reply",
    "Ringline",
    "Said",
    "ScriptedDetector",
    "ScriptedMedia",
    "ScriptedPayments",
    "ScriptedRecogniser",
    "ScriptedWebRtc",
    "SocketServer",
    "Sound",
    "Switchboard",
    "TextVoice",
    "User",
    "VirtualClock",
    "VirtualLoop",
    "Web",
    "WebApplication",
    "breaks",
    "caption_of",
    "captioned",
    "connect",
    "conversation",
    "listen_for_keys",
    "ncco",
    "notify",
    "pay",
    "read_digits",
    "read_speech",
    "record",
    "run_call",
    "scenario",
    "spoken_s",
    "status",
    "stream",
    "talk",
    "text",
    "transfer",
    "wait",
]
