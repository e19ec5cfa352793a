"""Where registered users are outlives the process, in either database."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ringline.agent import Binding
from ringline.base import SystemClock
from ringline.engine.sip.registrations import Registrations
from ringline.io.store import SqlStore
from ringline.sip import Contact, Flow, Uri

NOW = datetime(2026, 3, 2, 9, 15, 30, tzinfo=UTC)


def test_rows_are_replaced_forgotten_and_lapse(place: str, tmp_path: Path) -> None:
    async def scene() -> None:
        store = SqlStore(place, data_dir=tmp_path)
        await store.start()
        store.write_bindings("joe", [{"uri": "sip:joe@a"}], NOW + timedelta(seconds=600))
        store.write_bindings("ann", [{"uri": "sip:ann@b"}], NOW + timedelta(seconds=60))
        store.write_bindings("joe", [{"uri": "sip:joe@c"}], NOW + timedelta(seconds=700))
        store.write_bindings("eve", [], NOW + timedelta(seconds=700))
        store.forget_bindings("eve")
        assert await store.bindings() == [("ann", [{"uri": "sip:ann@b"}]), ("joe", [{"uri": "sip:joe@c"}])]
        store.forget_lapsed_bindings(NOW + timedelta(seconds=60))
        await store.stop()
        store = SqlStore(place, data_dir=tmp_path)
        await store.start()
        assert await store.bindings() == [("joe", [{"uri": "sip:joe@c"}])]
        await store.stop()

    asyncio.run(scene())


class Agent:
    """A registrar with one user, in place of the SIP stack."""

    def __init__(self, *bindings: Binding) -> None:
        self.held: tuple[Binding, ...] = bindings

    def command(self, act: object) -> None:
        assert callable(act)
        act(self, SystemClock().now())

    def bindings(self, user: str) -> tuple[Binding, ...]:
        return self.held if user == "joe" else ()

    def restore_bindings(self, user: str, bindings: list[Binding], *, now: float) -> int:
        assert user == "joe"
        self.held = tuple(bindings)
        return len(bindings)


def test_the_registrar_of_the_next_process_gets_what_this_one_wrote(place: str, tmp_path: Path) -> None:
    clock = SystemClock()
    binding = Binding(
        contact=Contact(uri=Uri.parse("sip:joe@192.0.2.7"), q=0.5, instance="<urn:uuid:1>", reg_id=2),
        flow=Flow("udp", ("192.0.2.1", 5060), ("192.0.2.7", 5060)),
        expires_at=clock.now() + 600,
        call_id="c",
        cseq=7,
        path=("<sip:edge.example;lr>",),
    )

    async def scene() -> None:
        store = SqlStore(place, data_dir=tmp_path)
        await store.start()
        Registrations(Agent(binding), store, clock).changed("joe")
        await store.stop()
        store = SqlStore(place, data_dir=tmp_path)
        await store.start()
        heir = Agent()
        assert await Registrations(heir, store, clock).restore() == 1
        (found,) = heir.held
        assert abs(found.expires_at - binding.expires_at) < 0.1
        assert found.contact == binding.contact
        assert (found.flow, found.path, found.cseq, found.key) == (binding.flow, binding.path, 7, binding.key)
        heir.held = ()
        Registrations(heir, store, clock).changed("joe")
        assert await store.bindings() == []
        await store.stop()

    asyncio.run(scene())
