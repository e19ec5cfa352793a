"""SIP domains made by REST: they are in force at once, beside those of the settings and after a restart."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest
from tests.agent.test_registrar import Handset
from tests.agent.wire import SDP, Wire
from tests.api.world import APP, KEY, OTHER, World

from ringline.accounts import HostedDomain, make_domain_user
from ringline.agent import Failed, IncomingCall, InviteContext, OutgoingInvite, RegisterContext
from ringline.base import LegId
from ringline.routing import Admission, Inbound, Route
from ringline.server.books import make_directory, make_routing, reload_directory
from ringline.server.settings import Settings
from ringline.sip import Credentials, Destination, KeptSums

SETTINGS = f"""
[sip]
realm = "ringline.test"
[public]
sip_host = "example.net"
[[applications]]
id = "{OTHER}"
name = "office"
answer_url = "https://office.example/answer"
[[users]]
username = "desk"
password = "desk-secret"
domain = "office"
[[users]]
username = "lobby"
password = "lobby-secret"
[[domains]]
name = "office"
application = "office"
digest_auth = true
tls = "off"
"""


def load(tmp_path: Path, text: str = SETTINGS) -> Settings:
    file = tmp_path / "ringline.toml"
    file.write_text(text)
    return Settings.load(file, {}, profile="dev")


class Home:
    """The REST API, and a user agent that lets in who may by the routing table of the moment."""

    def __init__(self, tmp_path: Path) -> None:
        self.world = World(tmp_path).with_options(sip_realm="ringline.test", sip_host="example.net")
        self.settings = load(tmp_path)
        self.wire = Wire()
        self.phone = self.wire.phone(
            "home", "192.0.2.2", admit=self._admit, secrets=self._secret, registers=self._registers
        )
        self._caller = self.wire.phone("pbx", "198.51.100.7")
        self._handset = Handset(self.wire, self.phone, user="pbx-1")
        self._route()
        self.world.directory.domains.watch(self._route)
        self.calls = 0

    def asks(self, method: str, path: str, body: object = None) -> httpx.Response:
        async def ask() -> httpx.Response:
            async with self.world.operator() as client:
                return await client.request(method, path, json=body)

        return asyncio.run(ask())

    def makes(self, **changes: object) -> None:
        """Make the domain `acme` and its user `pbx-1`."""
        acme = {"name": "acme", "application_id": APP, "digest_auth": True, **changes}
        assert self.asks("POST", "/v1/psip", acme).status_code == 201
        assert self.asks("POST", "/v1/psip/acme/users", {"key": "pbx-1", "secret": "Größe-1"}).status_code == 201

    def is_called(self, uri: str = "sip:sales@acme.sip.example.net", *, secret: str = "Größe-1") -> int:
        """The status a caller gets who logs in as `pbx-1`; 100 while nobody answered yet."""
        self.calls += 1
        leg = LegId(f"call-{self.calls}")
        invite = OutgoingInvite(
            request_uri=uri,
            destinations=(Destination("udp", "192.0.2.2", 5060),),
            from_=("PBX", "sip:pbx-1@example.com"),
            to=uri,
            sdp=SDP,
            credentials=Credentials(username="pbx-1", password=secret),
        )
        self._caller.do(self._caller.agent.dial, leg, invite)
        self.wire.run(1)
        failed = [event.status or 0 for event in self._caller.all(Failed) if event.leg == leg]
        return failed[0] if failed else 100

    def registers(self, password: str) -> int:
        self._handset.credentials = Credentials(username="pbx-1", password=password)
        return self._handset.register().status

    def _route(self, gone: Sequence[str] = ()) -> None:
        directory = self.world.directory
        self.routing = make_routing(self.settings, directory, directory.domains.made())
        for user in gone:
            self.phone.agent.forget_bindings(user)

    def _admit(self, invite: InviteContext) -> Admission:
        host, source = invite.request_uri.host, invite.source.remote[0]
        return self.routing.admit(source=source, username=invite.username, to_host=host)

    def _registers(self, register: RegisterContext) -> Admission:
        source = register.source.remote[0]
        return self.routing.may_register(source=source, username=register.username, aor_user=register.aor_user)

    def _secret(self, username: str) -> str | KeptSums | None:
        return self.routing.password_of(username)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.mark.parametrize("host", ["acme.sip.example.net", "acme.sip-eu.example.net", "ACME.sip-us.example.net"])
def test_a_user_made_by_rest_calls_his_domain_and_reaches_its_application(home: Home, host: str) -> None:
    home.makes()
    assert home.is_called(f"sip:sales@{host}") == 100
    call = home.phone.one(IncomingCall)
    assert (call.identity, call.to_user, call.username) == ("domain:acme", "sales", "pbx-1")
    found = home.routing.inbound(call.identity, to_user=call.to_user)
    assert found == Inbound(application=APP, to="sales", number=None, endpoint_type="sip")


def test_a_wrong_secret_lets_nobody_in(home: Home) -> None:
    home.makes()
    assert home.is_called(secret="Groesse-1") == 401
    assert not home.phone.all(IncomingCall)


def test_a_new_secret_takes_the_place_of_the_old_one_at_once(home: Home) -> None:
    home.makes()
    assert home.asks("PUT", "/v1/psip/acme/users/pbx-1", {"secret": "Other-2"}).status_code == 200
    assert (home.is_called(), home.is_called(secret="Other-2")) == (401, 100)


def test_a_user_registers_until_he_is_deleted(home: Home) -> None:
    home.makes()
    assert (home.registers("wrong"), home.registers("Größe-1")) == (401, 200)
    assert len(home.phone.agent.bindings("pbx-1")) == 1
    assert home.asks("DELETE", "/v1/psip/acme/users/pbx-1").status_code == 204
    assert home.phone.agent.bindings("pbx-1") == ()
    assert (home.registers("Größe-1"), home.is_called()) == (401, 401)


def test_whoever_gets_the_name_of_a_deleted_user_does_not_get_his_phones(home: Home) -> None:
    home.makes()
    assert home.registers("Größe-1") == 200
    assert home.asks("PUT", "/v1/psip/acme", {"srtp": "always"}).status_code == 200
    assert len(home.phone.agent.bindings("pbx-1")) == 1
    assert home.asks("DELETE", "/v1/psip/acme").status_code == 204
    home.makes()
    assert home.phone.agent.bindings("pbx-1") == ()


def test_a_user_of_the_domain_is_called_where_he_registered(home: Home) -> None:
    home.makes()
    (endpoint,) = home.asks("GET", "/v1/psip/acme/endpoints").json()
    route = home.routing.sip_route(endpoint["uri"], caller=None, leg=LegId("out"))
    assert isinstance(route, Route)
    assert (route.user, route.to_uri) == ("pbx-1", "sip:pbx-1@acme.sip.example.net")


def test_an_acl_is_asked_beside_the_digest(home: Home) -> None:
    home.makes(acl=["203.0.113.0/28"])
    assert home.is_called() == 403
    assert home.asks("PUT", "/v1/psip/acme", {"acl": ["203.0.113.0/28", "198.51.100.7"]}).status_code == 200
    assert home.is_called() == 100


def test_a_domain_with_neither_acl_nor_digest_refuses_all_calls(home: Home) -> None:
    home.makes(digest_auth=False)
    assert home.is_called() == 403


@pytest.mark.parametrize(("tls", "status"), [("always", 403), ("optional", 100), ("never", 100)])
def test_the_words_of_tls_count(home: Home, tls: str, status: int) -> None:
    home.makes(tls=tls)
    assert home.is_called() == status


@pytest.mark.parametrize(("srtp", "policy"), [("always", "required"), ("optional", "optional"), ("never", "off")])
def test_the_words_of_srtp_count(home: Home, srtp: str, policy: str) -> None:
    home.makes(srtp=srtp)
    assert home.routing.srtp_of("domain:acme") == policy


@pytest.mark.parametrize("host", ["gone.sip.example.net", "gone.sip-ap.example.net", "GONE.sip-us.example.net."])
def test_a_domain_nobody_made_is_unknown(home: Home, host: str) -> None:
    home.makes()
    assert home.is_called(f"sip:sales@{host}") == 404


def test_a_deleted_domain_is_unknown(home: Home) -> None:
    home.makes()
    assert home.asks("DELETE", "/v1/psip/acme").status_code == 204
    assert home.is_called() == 404
    assert home.routing.password_of("pbx-1") is None


# ── beside the settings ──────────────────────────────────────────────────────────────────────────────────────────────


def saved(name: str = "acme", *, key: str = "pbx-1", realm: str = "ringline.test") -> HostedDomain:
    user = make_domain_user(key, "Secret", realm=realm)
    return HostedDomain(name=name, application_id=APP, digest_auth=True, users={key: user})


def test_domains_of_the_settings_are_shown_first_and_cannot_be_taken(tmp_path: Path) -> None:
    book = make_directory(load(tmp_path), saved_domains=[saved()])
    assert list(book.domains.all()) == ["office", "acme"]
    office = book.domains.get("office")
    assert office is not None
    assert (office.configured, office.application_id, office.tls, office.srtp) == (True, OTHER, "never", "optional")
    assert list(office.users) == ["desk"]
    assert [book.domains.is_taken(key) for key in ("desk", "lobby", "pbx-1", KEY)] == [True, True, True, False]


def test_a_reload_brings_and_takes_domains_of_the_settings_only(tmp_path: Path) -> None:
    old = load(tmp_path)
    book = make_directory(old, saved_domains=[saved()])
    new = load(
        tmp_path, SETTINGS.replace('"office"\napplication', '"branch"\napplication').replace('domain = "office"', "")
    )
    reload_directory(book, old=old, new=new)
    assert list(book.domains.all()) == ["branch", "acme"]
    assert [one.name for one in book.domains.made()] == ["acme"]


def test_what_the_settings_name_overrules_what_is_stored(tmp_path: Path) -> None:
    settings = load(tmp_path)
    book = make_directory(settings, saved_domains=[saved("office"), saved("acme", key="desk")])
    routing = make_routing(settings, book, book.domains.made())
    assert routing.password_of("desk") == "desk-secret"
    assert routing.inbound("domain:office", to_user="a") == Inbound(
        application=OTHER, to="a", number=None, endpoint_type="sip"
    )


def test_another_realm_makes_kept_sums_useless(tmp_path: Path) -> None:
    settings = load(tmp_path)
    book = make_directory(settings, saved_domains=[saved(realm="before")])
    assert make_routing(settings, book, book.domains.made()).password_of("pbx-1") is None
