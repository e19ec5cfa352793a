"""The heart under events nobody planned: whatever comes in which order, its promises hold.

One final state per leg, one webhook per state, every leg in exactly one conversation, nothing waits for a result that
will not come, every resource is released; and every journal, also that of a run that broke, runs again the same way.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ringline import ncco
from ringline.base import EffectId, LegId
from ringline.calls import commands, events, replay
from ringline.calls.conversation import Conversation
from ringline.calls.parties import Hook, Party
from ringline.calls.referrals import partner_of
from ringline.calls.status import FINAL

from .world import CARD, World

ALICE, BOB = Party(kind="phone", address="447700900001"), Party(kind="sip", address="sip:bob@example.com")
OUR_NUMBER = Party(kind="phone", address="442079460000")
BOT = Party(kind="websocket", address="wss://bot.example.org/", details={"headers": {"who": "bot"}})

MOST_LEGS = 6
_music = "https://app.example.org/music.mp3"
_seconds = st.sampled_from([0.0, 0.02, 0.4, 1.0, 3.0, 5.0, 11.0, 61.0, 7300.0])
_digits = st.sampled_from("0123456789*#A")


def _action(**options: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(options).map(
        lambda one: {key: value for key, value in one.items() if value is not None}
    )


def _just(action: str) -> st.SearchStrategy[str]:
    return st.just(action)


_maybe = st.booleans()
_input = _action(
    action=_just("input"),
    type=st.sampled_from([["dtmf"], ["dtmf"], ["speech"], ["dtmf", "speech"]]),
    dtmf=st.fixed_dictionaries({"maxDigits": st.integers(1, 3), "submitOnHash": _maybe}),
)
_endpoints: list[dict[str, Any]] = [
    {"type": "phone", "number": "447700900001"},
    {"type": "phone", "number": "447700900001", "dtmfAnswer": "1p#"},
    {"type": "phone", "number": "447700900001", "onAnswer": {"url": "https://app.example.org/whisper"}},
    {"type": "sip", "uri": "sip:bob@example.com"},
    {"type": "websocket", "uri": "wss://bot.example.org/", "content-type": "audio/l16;rate=16000"},
    {"type": "app", "user": "carol"},
]
_actions = st.one_of(
    _action(action=_just("talk"), text=_just("Hello."), loop=st.sampled_from([1, 2, 0])).map(lambda one: [one]),
    _action(action=_just("stream"), streamUrl=st.just([_music]), loop=st.sampled_from([1, 0])).map(lambda one: [one]),
    _input.map(lambda one: [one]),
    _input.map(lambda one: [{"action": "talk", "text": "Press one.", "bargeIn": True}, one]),
    st.just([{"action": "input", "type": ["dtmf"], "mode": "asynchronous"}]),
    _action(
        action=_just("record"),
        beepStart=_maybe,
        endOnKey=st.sampled_from([None, "#"]),
        endOnSilence=st.sampled_from([None, 3]),
        timeOut=st.sampled_from([None, 5]),
        split=st.sampled_from([None, "conversation"]),
    ).map(lambda one: [one]),
    _action(
        action=_just("connect"),
        endpoint=st.sampled_from(_endpoints).map(lambda one: [one]),
        timeout=st.sampled_from([None, 5]),
        limit=st.sampled_from([None, 10]),
        eventType=st.sampled_from([None, "synchronous"]),
        ringbackTone=st.sampled_from([None, _music]),
        machineDetection=st.sampled_from([None, None, "continue", "hangup"]),
        advancedMachineDetection=st.sampled_from(
            [None, None, {"mode": "default"}, {"mode": "detect_beep", "beep_timeout": 30}, {"behavior": "hangup"}]
        ),
    ).map(lambda one: [one]),
    _action(
        action=_just("conversation"),
        name=st.sampled_from(["red", "blue"]),
        startOnEnter=_maybe,
        endOnExit=_maybe,
        record=_maybe,
        musicOnHoldUrl=st.sampled_from([None, _music]),
    ).map(lambda one: [one]),
    _action(action=_just("notify"), payload=st.just({"a": 1}), eventUrl=st.just(["https://app.example.org/n"])).map(
        lambda one: [one]
    ),
    st.just([{"action": "pay", "amount": 9.99}]),
    _action(action=_just("wait"), timeout=st.sampled_from([0.1, 2, 30])).map(lambda one: [one]),
    st.integers(1, 8).map(
        lambda number: [{"action": "transfer", "conversationId": f"CON-00000000-0000-4000-8000-{number:012d}"}]
    ),
)


def _script(parts: list[list[dict[str, Any]]]) -> str:
    text = json.dumps([action for part in parts for action in part])
    return json.dumps(ncco.parse(text.encode()).to_json())


_scripts = st.lists(_actions, min_size=1, max_size=4).map(_script)


class AtRandom(RuleBasedStateMachine):
    """Chooses what happens next."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.recognised: set[EffectId] = set()
        "Machines the detector has told of, and whose tone it waits for."

    # ── calls begin ────────────────────────────────────────────────────────────────────────────────────────────────

    @precondition(lambda self: len(self.world.where) < MOST_LEGS)
    @rule()
    def somebody_calls(self) -> None:
        leg = self.world.new_leg()
        self.world.begins(leg, events.IncomingLeg(leg=leg, from_=ALICE, to=OUR_NUMBER))

    @precondition(lambda self: len(self.world.where) < MOST_LEGS)
    @rule(script=_scripts)
    def somebody_calls_and_all_goes_well(self, script: str) -> None:
        leg = self.world.new_leg()
        self.world.begins(leg, events.IncomingLeg(leg=leg, from_=ALICE, to=OUR_NUMBER))
        (effect,) = [one for one, due in self.world.pending.items() if getattr(due.command, "leg", None) == leg]
        del self.world.pending[effect]
        self.world.happens(leg, events.Instructions(effect=effect, leg=leg, script=script))
        self.everybody_picks_up()

    @precondition(lambda self: self.world.to_answer or self.world.dialled)
    @rule()
    def everybody_picks_up(self) -> None:
        for picking in (self.world.dialled, self.world.to_answer, self.world.dialled, self.world.to_answer):
            for leg in sorted(picking):
                picking.discard(leg)
                self.world.happens(leg, events.LegAnswered(leg=leg))

    @precondition(lambda self: len(self.world.where) < MOST_LEGS)
    @rule(
        to=st.sampled_from([ALICE, BOB, BOT]), script=st.one_of(st.none(), _scripts), keys=st.sampled_from(["", "1p"])
    )
    def the_application_calls(self, to: Party, script: str | None, keys: str) -> None:
        leg = self.world.new_leg()
        answer = Hook(url="https://app.example.org/answer", method="GET") if script is None else None
        event = events.OutgoingLeg(
            leg=leg, to=to, from_=OUR_NUMBER, script=script, answer=answer, event=None, dtmf_answer=keys
        )
        self.world.begins(leg, event)

    # ── far ends ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _dialled(self, data: st.DataObject) -> LegId:
        return data.draw(st.sampled_from(sorted(self.world.dialled)))

    @precondition(lambda self: self.world.dialled)
    @rule(data=st.data(), early=_maybe)
    def it_rings(self, data: st.DataObject, early: bool) -> None:
        leg = self._dialled(data)
        self.world.happens(leg, events.LegProgress(leg=leg, early_media=early))

    @precondition(lambda self: self.world.dialled)
    @rule(data=st.data())
    def it_is_answered(self, data: st.DataObject) -> None:
        leg = self._dialled(data)
        self.world.dialled.discard(leg)
        self.world.happens(leg, events.LegAnswered(leg=leg))

    @precondition(lambda self: self.world.dialled)
    @rule(data=st.data(), code=st.sampled_from([404, 408, 480, 486, 503, 603, None]))
    def it_fails(self, data: st.DataObject, code: int | None) -> None:
        leg = self._dialled(data)
        cause = "response" if code is not None else "no-response"
        self.world.happens(leg, events.LegFailed(leg=leg, cause=cause, sip_code=code))

    @precondition(lambda self: self.world.to_answer)
    @rule(data=st.data())
    def our_answer_is_out(self, data: st.DataObject) -> None:
        leg = data.draw(st.sampled_from(sorted(self.world.to_answer)))
        self.world.to_answer.discard(leg)
        self.world.happens(leg, events.LegAnswered(leg=leg))

    def _leg(self, data: st.DataObject) -> LegId:
        return data.draw(st.sampled_from(sorted(self.world.where)))

    @precondition(lambda self: self.world.where)
    @rule(data=st.data(), lost=st.sampled_from([False, False, True]))
    def somebody_is_gone(self, data: st.DataObject, lost: bool) -> None:
        leg = self._leg(data)
        self.world.happens(leg, events.LegLost(leg=leg, why="no audio") if lost else events.LegGone(leg=leg))

    @precondition(lambda self: 0 < len(self.world.where) < MOST_LEGS)
    @rule(data=st.data())
    def somebody_transfers_whom_he_talks_with(self, data: st.DataObject) -> None:
        leg = self._leg(data)
        self.world.happens(leg, events.ReferAsked(leg=leg, to=data.draw(st.sampled_from([ALICE, BOB]))))

    @precondition(lambda self: len(self.world.where) > 1)
    @rule(data=st.data())
    def somebody_brings_two_calls_together(self, data: st.DataObject) -> None:
        leg, other = self._leg(data), self._leg(data)
        older = self.world.where[other]
        if leg != other and self._talks(leg) and self._talks(other):
            self.world.happens(leg, events.HandedOver(leg=leg, conversation=older, asked=True))
            self.world.happens(other, events.HandedOver(leg=other, conversation=older))

    def _talks(self, leg: LegId) -> bool:
        heart = self.world.places[self.world.where[leg]].heart
        state = heart.leg(leg)
        return state is not None and state.up and partner_of(heart.room, state) is not None

    @precondition(lambda self: 0 < len(self.world.where) < MOST_LEGS)
    @rule(data=st.data())
    def another_phone_takes_a_call_over(self, data: st.DataObject) -> None:
        replaced, leg = self._leg(data), self.world.new_leg()
        self.world.where[leg] = self.world.where[replaced]
        event = events.LegReplaces(leg=leg, replaced=replaced, from_=ALICE, to=OUR_NUMBER)
        self.world.post(self.world.where[leg], event)

    @precondition(lambda self: self.world.where)
    @rule(data=st.data(), digit=_digits)
    def somebody_presses_a_key(self, data: st.DataObject, digit: str) -> None:
        leg = self._leg(data)
        if leg in self.world.paying:
            return
        self.world.happens(leg, events.KeyDown(leg=leg, digit=digit))
        self.world.happens(leg, events.KeyReleased(leg=leg, digit=digit, held_ms=100))

    # ── results ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _due(self, data: st.DataObject, kind: type[Any]) -> EffectId | None:
        found = self.world.of_kind(kind)
        return data.draw(st.sampled_from(found)) if found else None

    @precondition(lambda self: self.world.of_kind(commands.Ask))
    @rule(data=st.data(), script=st.one_of(st.none(), _scripts), faulty=_maybe)
    def the_application_answers(self, data: st.DataObject, script: str | None, faulty: bool) -> None:
        effect = self._due(data, commands.Ask)
        assert effect is not None
        leg = self.world.pending[effect].command.leg
        if faulty:
            reason = "Syntax error in NCCO. Invalid value type or action."
            self.world.happens(leg, events.InstructionsFaulty(effect=effect, leg=leg, reason=reason))
        self.world.pending.pop(effect, None)
        failed = script is None and faulty
        self.world.happens(leg, events.Instructions(effect=effect, leg=leg, script=script, failed=failed))

    @precondition(lambda self: self.world.of_kind(commands.Play))
    @rule(data=st.data(), failure=st.sampled_from([None, None, "Text-to-speech failed."]))
    def a_prompt_ends(self, data: st.DataObject, failure: str | None) -> None:
        effect = self._due(data, commands.Play)
        assert effect is not None
        self.world.ends_prompt(effect, failure)

    @precondition(lambda self: self.world.of_kind(commands.SendKeys))
    @rule(data=st.data())
    def keys_are_out(self, data: st.DataObject) -> None:
        effect = self._due(data, commands.SendKeys)
        assert effect is not None
        leg = self.world.pending.pop(effect).command.leg
        self.world.happens(leg, events.KeysSent(effect=effect, leg=leg))

    @precondition(lambda self: self.world.of_kind(commands.WatchSilence))
    @rule(data=st.data())
    def silence_is_found(self, data: st.DataObject) -> None:
        effect = self._due(data, commands.WatchSilence)
        assert effect is not None
        leg = self.world.pending.pop(effect).command.leg
        self.world.happens(leg, events.SilenceFound(effect=effect, leg=leg))

    @precondition(lambda self: self.world.of_kind(commands.Detect))
    @rule(data=st.data(), verdict=st.sampled_from(["human", "machine", "machine", "beep"]))
    def the_detector_hears(self, data: st.DataObject, verdict: str) -> None:
        effect = self._due(data, commands.Detect)
        assert effect is not None
        detect = self.world.pending[effect].command
        told = effect in self.recognised
        if detect.early or (verdict == "beep" and not told):
            return
        if not told and verdict == "machine" and detect.beep:
            self.recognised.add(effect)
        else:
            del self.world.pending[effect]
        event: events.Event = events.BeepHeard(effect=effect, leg=detect.leg)
        if not told:
            event = events.MachineVerdict(effect=effect, leg=detect.leg, verdict=verdict)
        self.world.happens(detect.leg, event)

    @precondition(lambda self: self.world.of_kind(commands.Listen))
    @rule(data=st.data(), what=st.sampled_from(["begins", "ends", "understood", "failed"]))
    def the_recogniser_hears(self, data: st.DataObject, what: str) -> None:
        effect = self._due(data, commands.Listen)
        assert effect is not None
        leg = self.world.pending[effect].command.leg
        if what == "begins":
            self.world.happens(leg, events.SpeechStarted(effect=effect, leg=leg))
        elif what == "ends":
            self.world.happens(leg, events.SpeechEnded(effect=effect, leg=leg))
        else:
            del self.world.pending[effect]
            results = (events.Alternative(text="sales", confidence="0.9"),) if what == "understood" else ()
            error = None if results else "ERR1: Failed to analyze audio"
            self.world.happens(leg, events.Recognised(effect=effect, leg=leg, results=results, error=error))

    @precondition(lambda self: any(self.world.of_kind(kind) for kind in CARD))
    @rule(data=st.data(), well=st.sampled_from([True, True, False]))
    def a_card_is_paid_with(self, data: st.DataObject, well: bool) -> None:
        effect = data.draw(st.sampled_from([one for kind in CARD for one in self.world.of_kind(kind)]))
        command = self.world.pending.pop(effect).command
        leg = command.leg
        match command:
            case commands.OpenPayment():
                event: events.Event = events.PaymentOpened(effect=effect, leg=leg, ready=well)
            case commands.CollectCard():
                self.world.happens(leg, events.CardKeyed(effect=effect, leg=leg))
                event = events.CardEntered(effect=effect, leg=leg, verdict="ok" if well else "Timeout")
            case _:
                event = events.CardCharged(effect=effect, leg=leg, outcome="charged" if well else "declined")
        self.world.happens(leg, event)

    @precondition(lambda self: self.world.where)
    @rule(data=st.data())
    def a_bot_drops_its_socket(self, data: st.DataObject) -> None:
        leg = self._leg(data)
        state = self.world.places[self.world.where[leg]].heart.leg(leg)
        assert state is not None
        if state.to.kind == "websocket" and state.up:
            self.world.happens(leg, events.LegDisconnected(leg=leg))

    @precondition(lambda self: self._stopped_recordings())
    @rule(data=st.data(), failed=_maybe)
    def a_recording_is_written(self, data: st.DataObject, failed: bool) -> None:
        self.world.finishes_recording(data.draw(st.sampled_from(self._stopped_recordings())), failed=failed)

    def _stopped_recordings(self) -> list[EffectId]:
        return [one for one in self.world.of_kind(commands.StartRecording) if self.world.pending[one].stopped]

    @precondition(lambda self: self.world.where)
    @rule(data=st.data(), script=_scripts)
    def a_result_comes_that_nobody_waits_for(self, data: st.DataObject, script: str) -> None:
        leg, stale = self._leg(data), EffectId("00000000-0000-4000-a000-000000000000")
        for event in (
            events.Instructions(effect=stale, leg=leg, script=script),
            events.PlayEnded(effect=stale, leg=leg),
            events.KeysSent(effect=stale, leg=leg),
            events.SilenceFound(effect=stale, leg=leg),
        ):
            self.world.happens(leg, event)

    # ── REST and time ──────────────────────────────────────────────────────────────────────────────────────────────

    @precondition(lambda self: self.world.where)
    @rule(data=st.data(), script=_scripts)
    def rest_steers(self, data: st.DataObject, script: str) -> None:
        leg = self._leg(data)
        hook = Hook(url="https://app.example.org/keys")
        wanted: list[events.Event] = [
            events.HangUpAsked(leg=leg),
            events.MuteAsked(leg=leg, muted=True),
            events.MuteAsked(leg=leg, muted=False),
            events.EarmuffAsked(leg=leg, earmuffed=True),
            events.TransferAsked(leg=leg, script=script, url=None),
            events.TransferAsked(leg=leg, script=None, url="https://app.example.org/transfer"),
            events.PlayAsked(leg=leg, kind="talk", source=commands.Speech(text="By REST."), loop=0),
            events.PlayAsked(leg=leg, kind="stream", source=commands.AudioFile(url=_music)),
            events.StopAsked(leg=leg, kind="talk"),
            events.StopAsked(leg=leg, kind="stream"),
            events.KeysAsked(leg=leg, digits="1p2"),
            events.ListenAsked(leg=leg, hook=hook),
            events.ListenAsked(leg=leg, hook=None),
        ]
        view = self.world.places[self.world.where[leg]].heart.leg(leg)
        assert view is not None
        event = data.draw(st.sampled_from(wanted))
        if view.up or isinstance(event, events.HangUpAsked | events.ListenAsked):  # the API refuses the others
            self.world.happens(leg, event)

    @rule(seconds=_seconds)
    def time_passes(self, seconds: float) -> None:
        self.world.passes(seconds)

    # ── what holds ─────────────────────────────────────────────────────────────────────────────────────────────────

    @invariant()
    def promises_hold(self) -> None:
        self.world.check()

    def teardown(self) -> None:
        """Everybody leaves, everything due comes to its end: nothing is left, and all of it can be run again."""
        world = self.world
        for leg in list(world.where):
            world.happens(leg, events.LegGone(leg=leg))
        for _ in range(100):
            if not world.pending:
                break
            for effect, due in list(world.pending.items()):
                if effect not in world.pending:
                    continue
                if isinstance(due.command, commands.Play):
                    world.ends_prompt(effect)
                elif isinstance(due.command, commands.StartRecording):
                    assert due.stopped, "a recording without legs goes on"
                    world.finishes_recording(effect)
                else:
                    raise AssertionError(f"{due.command} belongs to nobody")
        world.check()
        assert not world.where
        assert not world.pending
        for told in world.statuses.values():
            assert [status for status in told if status in FINAL] == told[-1:]
        for place in world.places.values():
            assert place.closed or place.heart.room.name is not None
            assert replay(json.loads(json.dumps(place.lines))) is None


AtRandom.TestCase.settings = settings(
    max_examples=80, stateful_step_count=60, deadline=None, suppress_health_check=list(HealthCheck)
)
TestTheHeart = AtRandom.TestCase


def test_the_journal_of_a_run_that_broke_breaks_again_in_the_same_place(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = Conversation.handle

    def broken(self: Conversation, event: events.Event, at: Any) -> list[commands.Command]:
        if isinstance(event, events.KeyDown) and event.digit == "7":
            raise ZeroDivisionError("seven")
        return honest(self, event, at)

    monkeypatch.setattr(Conversation, "handle", broken)
    world = World()
    leg = world.new_leg()
    world.begins(leg, events.IncomingLeg(leg=leg, from_=ALICE, to=OUR_NUMBER))
    world.happens(leg, events.KeyDown(leg=leg, digit="1"))
    with pytest.raises(ZeroDivisionError, match="seven"):
        world.happens(leg, events.KeyDown(leg=leg, digit="7"))
    (place,) = world.places.values()
    with pytest.raises(ZeroDivisionError, match="seven"):
        replay(json.loads(json.dumps(place.lines)))
