"""Settings: what they default to, how they are read, and how every mistake in them is named."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringline.accounts import Application, Number, make_key_pair
from ringline.base import ApplicationId, ConfigError
from ringline.routing import Admit, Inbound, Route
from ringline.server.books import make_directory, make_peers, make_places, make_routing, reload_directory
from ringline.server.settings import Settings, SettingsError, ephemeral_ports, find_file

APP = "0b9d0c55-2222-4333-8444-955566677788"
OTHER = "1c9d0c55-2222-4333-8444-955566677788"

ACCOUNT = """
[account]
api_key = "key1"
api_secret = "Secret12"
signature_secret = "0123456789abcdef0123456789abcdef"
"""

FULL = f"""
data_dir = "state"

[server]
http_bind = "0.0.0.0"
https_port = 8443
cert_file = "tls/cert.pem"
key_file = "/etc/tls/key.pem"

[public]
base_url = "https://voice.example/"
sip_host = "sip.voice.example"
media_host = "203.0.113.5"
file_url_suffix = "?x={{y}}"

[sip]
bind = "0.0.0.0"
[media]
bind = "::"
{ACCOUNT}
[[applications]]
id = "{APP.upper()}"
name = "Front desk"
public_key_file = "front.pem"
answer_url = "https://desk.example/answer?x=1"
event_url = "https://desk.example/event"
event_method = "get"
answer_fields = "minimal"

[[numbers]]
number = "+44 20 7946 0000"
application = "Front desk"
[[numbers]]
number = 1001
application = "{OTHER}"
[[numbers]]
number = "442079460001"

[[trunks]]
name = "carrier"
addresses = ["203.0.113.0/28"]
host = "sip.carrier.example"
prefixes = ["+44", 1]
username = "me"
password = "pw"
[[trunks]]
name = "pbx"
addresses = ["192.0.2.1"]

[[users]]
username = "bob"
extension = 101
contact = "sip:bob@127.0.0.1:5070"
[[users]]
username = "eve"
password = "e"
application = "Front desk"

[[domains]]
name = "localhost"
application = "Front desk"
acl = ["127.0.0.0/8"]
"""


@cache
def public_key() -> str:
    return make_key_pair().public_key


def write(directory: Path, text: str) -> Path:
    path = directory / "ringline.toml"
    path.write_text(text, encoding="utf-8")
    return path


def load(directory: Path, text: str, environment: Mapping[str, str] | None = None) -> Settings:
    return Settings.load(write(directory, text), environment or {})


def faults(directory: Path, text: str, environment: Mapping[str, str] | None = None) -> list[tuple[str, str]]:
    """Every fault as (key, reason); each must name the file or the environment."""
    with pytest.raises(SettingsError) as caught:
        load(directory, text, environment)
    for fault in caught.value.faults:
        assert fault.where in (str(directory / "ringline.toml"), "environment")
        assert f"{fault.where}: {fault.key}: {fault.why}" in str(caught.value).splitlines()
    return [(fault.key, fault.why) for fault in caught.value.faults]


# ── reading ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_without_anything_it_listens_on_loopback() -> None:
    found = Settings.load(None, {})
    assert (found.profile, found.server.http_bind, found.sip.bind, found.media.bind) == ("serve", *["127.0.0.1"] * 3)
    assert (found.limits.calls_per_second, found.webhooks.allow_private, found.account) == (3.0, False, None)
    assert found.base_url() == "http://127.0.0.1:8080"
    assert (found.sip_host(), found.media_host()) == ("127.0.0.1", "127.0.0.1")
    assert found.store_url() == "sqlite:///var/ringline.db"
    assert found.sip_transports() == ("udp", "tcp")
    assert found.warnings() == ()


def test_development_has_no_limits_and_keys_to_begin_with() -> None:
    found = Settings.load(None, {}, profile="dev")
    assert (found.limits.calls_per_second, found.limits.requests_per_second) == (0, 0)
    assert found.webhooks.allow_private
    assert found.account is not None
    assert found.account.api_key == "dev"
    assert found.warnings() == ()
    assert Settings.load(None, {"RINGLINE_PROFILE": "dev"}) == found


def test_what_is_set_overrules_the_profile(tmp_path: Path) -> None:
    found = load(tmp_path, 'profile = "dev"\n[limits]\ncalls_per_second = 7\n' + ACCOUNT)
    assert (found.limits.calls_per_second, found.limits.requests_per_second) == (7, 0)
    assert found.account is not None
    assert found.account.api_key == "key1"


def test_a_file_with_every_section_is_read_as_it_is_meant(tmp_path: Path) -> None:
    (tmp_path / "front.pem").write_text(public_key())
    found = load(tmp_path, FULL)
    assert found.data_dir == tmp_path / "state"
    assert (found.server.cert_file, found.server.key_file) == (tmp_path / "tls/cert.pem", Path("/etc/tls/key.pem"))
    assert (found.base_url(), found.sip_host()) == ("https://voice.example", "sip.voice.example")
    assert found.file_url().format(id="f1") == "https://voice.example/v1/files/f1?x={y}"
    assert [one.number for one in found.numbers] == ["442079460000", "1001", "442079460001"]
    assert found.applications[0].public_key == public_key()
    assert found.trunks[0].prefixes == ("44", "1")
    assert found.has_extensions()
    assert not Settings.load(None, {}).has_extensions()
    assert "Secret12" not in repr(found)
    assert "pw'" not in repr(found)


def test_the_environment_overrules_the_file(tmp_path: Path) -> None:
    found = load(
        tmp_path,
        '[sip]\nport = 5080\nrealm = "file"\n[[trunks]]\nname = "t"\nhost = "h"\nusername = "u"\n',
        {
            "RINGLINE_SIP__PORT": "5090",
            "RINGLINE_SIP__TCP": "false",
            "RINGLINE_DATA_DIR": "/srv/ringline",
            "RINGLINE_TRUNKS__0__PASSWORD": "p",
            "RINGLINE_USERS": '[{"username": "bob", "contact": "sip:bob@h"}]',
            "RINGLINE_SIP__REALM": "",
            "PATH": "/bin",
        },
    )
    assert (found.sip.port, found.sip.realm, found.sip_transports()) == (5090, "file", ("udp",))
    assert found.data_dir == Path("/srv/ringline")
    password = found.trunks[0].password
    assert password is not None
    assert password.get_secret_value() == "p"
    assert found.users[0].username == "bob"


def test_numbers_in_use_are_on_sale_too_once_they_are_given_back(tmp_path: Path) -> None:
    numbers = '[[numbers]]\nnumber = "442079460000"\n[[numbers]]\nnumber = "33123456789"\n'
    found = load(tmp_path, ACCOUNT + 'number_pool = ["442079460077", "442079460000"]\n' + numbers)
    assert found.numbers_on_sale() == ("442079460077", "442079460000", "33123456789")
    assert load(tmp_path, "").numbers_on_sale() == ()


def test_relative_paths_start_at_the_file(tmp_path: Path) -> None:
    assert load(tmp_path, "").data_dir == tmp_path / "var"
    assert load(tmp_path, '[store]\nurl = "sqlite:///x.db"').store_url() == f"sqlite:///{tmp_path}/x.db"
    assert load(tmp_path, '[store]\nurl = "sqlite:////x.db"').store_url() == "sqlite:////x.db"


def test_the_file_is_found_by_name_or_by_variable(tmp_path: Path) -> None:
    assert find_file({}, tmp_path) is None
    path = write(tmp_path, "")
    assert find_file({}, tmp_path) == path
    assert find_file({"RINGLINE_CONFIG": "/etc/ringline.toml"}, tmp_path) == Path("/etc/ringline.toml")


@pytest.mark.parametrize(
    ("bind", "url"), [("0.0.0.0", "http://127.0.0.1:8080"), ("::1", "http://[::1]:8080"), ("::", "http://[::1]:8080")]
)
def test_the_base_url_can_be_reached(bind: str, url: str) -> None:
    assert Settings.load(None, {"RINGLINE_SERVER__HTTP_BIND": bind}).base_url() == url


# ── mistakes ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "key", "why"),
    [
        ("[sip\n", "line 1, column 5", "Expected ']'"),
        ("a = 1\n\nb = = 2\n", "line 3, column 5", "Invalid value"),
        ("[sip]\nport = 1\nport = 2\n", "line 3, column 9", "overwrite"),
        ("a = [1,", "end of file", ""),
    ],
)
def test_wrong_syntax_names_the_line(tmp_path: Path, text: str, key: str, why: str) -> None:
    [(found_key, found_why)] = faults(tmp_path, text)
    assert found_key == key
    assert why in found_why


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone\.toml: file: No such file"):
        Settings.load(tmp_path / "gone.toml", {})
    with pytest.raises(ConfigError, match="directory"):
        Settings.load(tmp_path, {})
    path = tmp_path / "ringline.toml"
    path.write_bytes(b'a = "\xff"')
    with pytest.raises(ConfigError, match="UTF-8"):
        Settings.load(path, {})
    path.write_text("a = " + "[" * 100_000)
    with pytest.raises(ConfigError):
        Settings.load(path, {})


@pytest.mark.parametrize(
    ("text", "key", "why"),
    [
        ("[sip]\nprot = 5060", "sip.prot", "there is no such setting; did you mean sip.port?"),
        ("[sipp]\n", "sipp", "did you mean sip?"),
        ("[media]\nport_high = 20000", "media.port_high", "did you mean media.port_max?"),
        ("[server]\nport = 80", "server.port", "did you mean server.http_port or server.https_port?"),
        ('[[trunks]]\nname = "a"\nregisters = true', "trunks[0].registers", "did you mean trunks[0].register?"),
        (
            '[[trunks]]\nname = "a"\nhost = "h"\nadresses = []',
            "trunks[0].adresses",
            "did you mean trunks[0].addresses?",
        ),
        ("[webhooks]\nzzz = 1", "webhooks.zzz", "known are allow_private"),
        ('[sip]\nport = "many"', "sip.port", "valid integer"),
        ("[sip]\nport = 70000", "sip.port", "less than or equal to 65535"),
        ("sip = 1", "sip", "dictionary"),
        ("trunks = 1", "trunks", "tuple"),
        ('profile = "prod"', "profile", "'dev' or 'serve'"),
        ("profile = [1]", "profile", "'dev' or 'serve'"),
        ("unknown_variables = 1", "unknown_variables", "no such setting"),
        ("[account]\n", "account.api_key", "is needed"),
        ('[server]\nhttp_bind = "h:80"', "server.http_bind", "without a port"),
        ('[server]\nkey_file = "a.key"', "server.cert_file", "is needed with key_file"),
        ('[public]\nbase_url = "voice.example"', "public.base_url", "http://"),
        ('[public]\nbase_url = "http://[x"', "public.base_url", "not a URL"),
        ('[public]\nbase_url = "http://x/?a"', "public.base_url", "no query"),
        ('[public]\nmedia_host = "rtp.example"', "public.media_host", "must be an address"),
        ('[sip]\nbind = "localhost"', "sip.bind", "must be an address"),
        ('[sip]\nbind = "0.0.0.0"', "public.sip_host", "is needed when sip.bind is 0.0.0.0"),
        ('[media]\nbind = "::"', "public.media_host", "is needed when media.bind is ::"),
        ("[media]\nport_min = 20000\nport_max = 20000", "media.port_min", "below port_max"),
        ("[sip]\nudp = false\ntcp = false", "sip.udp", "cannot both be off"),
        ('[[numbers]]\nnumber = "alice"', "numbers[0].number", "2 to 15 digits"),
        ('[[numbers]]\nnumber = "101"\napplication = "Desk"', "numbers[0].application", "no application 'Desk'"),
        ("[[numbers]]\nnumber = 101\n[[numbers]]\nnumber = 101", "numbers[1].number", "101 is there twice"),
        ('[[trunks]]\nname = "a"', "trunks[0]", "needs a host"),
        ('[[trunks]]\nname = "a"\nhost = "h"\nusername = "u"', "trunks[0].username", "go together"),
        ('[[trunks]]\nname = "a"\nhost = "h"\ntransport = "sctp"', "trunks[0].transport", "'udp', 'tcp' or 'tls'"),
        ('[[trunks]]\nname = "a"\nhost = "h"\ntransport = "tls"', "trunks[0].transport", "needs sip.tls_port"),
        ('[sip]\ntls_port = 5061\ntls_cert_file = "a"', "sip.tls_key_file", "is needed with tls_cert_file"),
        ("[sip]\ntls_port = 5060", "sip.tls_port", "another port"),
        ('[sip]\ntcp = false\n[[trunks]]\nname = "a"\nhost = "h"\ntransport = "tcp"', "trunks[0].transport", "is off"),
        ('[[trunks]]\nname = "a"\nhost = "h"\nregister = true', "trunks[0].register", "needs a host to register with"),
        ('[[trunks]]\nname = "a"\nhost = "h"\nnumber_format = "national"', "trunks[0].number_format", "the country"),
        ('[[trunks]]\nname = "a"\nhost = "h"\n[trunks.headers]\nVia = "x"', "trunks[0].headers", "Ringline itself"),
        ('[[trunks]]\nname = "a"\nhost = "h"\ncodecs = ["MP3"]', "trunks[0].codecs[0]", "PCMA"),
        ('[[trunks]]\nname = "a"\nhost = "h"\nmax_calls = 0', "trunks[0].max_calls", "greater than or equal to 1"),
        ('[[sip.places]]\nnetworks = []\nsip_host = "h"', "sip.places[0].networks", "at least 1"),
        ('[[sip.places]]\nnetworks = ["x"]\nsip_host = "h"', "sip.places[0].networks[0]", "address or a network"),
        ('[[trunks]]\nname = "a"\naddresses = ["10.0.0.1/8"]', "trunks[0].addresses[0]", "address or a network"),
        ('[[trunks]]\nname = "a"\nhost = "h"\nprefixes = ["0x"]', "trunks[0].prefixes[0]", "first digits"),
        ('[[users]]\nusername = "bob"', "users[0]", "needs a password"),
        ('[[users]]\nusername = "bob"\ncontact = "bob"', "users[0].contact", "SIP URI"),
        ('[[users]]\nusername = "bob"\npassword = "p"\ndomain = "x"', "users[0].domain", "no domain 'x'"),
        ('[[domains]]\nname = "x"\napplication = "y"', "domains[0].application", "no application 'y'"),
        (ACCOUNT + '[[users]]\nusername = "key1"\npassword = "p"', "users[0].username", "api_key"),
        (f'[[applications]]\nid = "{APP}"\nname = "a"', "account", "is needed as soon as"),
        ('[[applications]]\nid = "1"\nname = "a"', "applications[0].id", "must be a UUID"),
        (
            ACCOUNT + f'[[applications]]\nid = "{APP}"\nname = "a"\npublic_key_file = "gone.pem"',
            "applications[0].public_key_file",
            "cannot read",
        ),
        (
            ACCOUNT + f'[[applications]]\nid = "{APP}"\nname = "a"\npublic_key = "x"\npublic_key_file = "gone.pem"',
            "applications[0].public_key_file",
            "not both",
        ),
        (
            ACCOUNT + f'[[applications]]\nid = "{APP}"\nname = "a"\npublic_key = "x"',
            "applications[0].public_key",
            "PEM",
        ),
        (
            ACCOUNT + f'[[applications]]\nid = "{APP}"\nname = "a"\nevent_socket_timeout_ms = 20000',
            "applications[0].event_socket_timeout_ms",
            "10000",
        ),
        ('profile = "dev"\n[server]\nhttp_bind = "0.0.0.0"', "account", "secrets of its own"),
    ],
)
def test_every_mistake_names_its_place_and_its_reason(tmp_path: Path, text: str, key: str, why: str) -> None:
    found = faults(tmp_path, text)
    assert [reason for place, reason in found if place == key and why in reason], found


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    found = faults(tmp_path, "[sip]\nport = -1\nx = 1\n[media]\nthreads = -1", {"RINGLINE_SIP__UDP": "maybe"})
    assert [key for key, _ in found] == ["sip.port", "RINGLINE_SIP__UDP", "sip.x", "media.threads"]


def test_a_misspelt_application_is_guessed(tmp_path: Path) -> None:
    text = f'{ACCOUNT}[[applications]]\nid = "{APP}"\nname = "Front desk"\n'
    text += '[[numbers]]\nnumber = 101\napplication = "Front dsk"'
    assert faults(tmp_path, text) == [
        ("numbers[0].application", "there is no application 'Front dsk'; did you mean 'Front desk'?")
    ]


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("RINGLINE_SIP__PROT", "1", "did you mean sip.port?"),
        ("RINGLINE_SIP__PORT__X", "1", "valid integer"),
        ("RINGLINE_TRUNKS__0__PASSWORD", "x", "names no setting, or no entry"),
        ("RINGLINE_TRUNKS", "[1", "looks like JSON"),
        ("RINGLINE_ACCOUNT__NUMBER_POOL", "101", "valid tuple"),
        ("RINGLINE_NOPE__X", "1", "no such setting"),
        ("RINGLINE_PROFILE", "x", "'dev' or 'serve'"),
    ],
)
def test_mistakes_in_the_environment_are_named_too(tmp_path: Path, name: str, value: str, why: str) -> None:
    found = faults(tmp_path, "", {name: value})
    assert any(why in reason for _, reason in found), found


def test_values_of_secrets_are_never_repeated(tmp_path: Path) -> None:
    account = '[account]\napi_key = "k"\napi_secret = ["hidden"]'
    user = '[[users]]\nusername = "u"\npassword = {a="hidden"}'
    for text in (account, user):
        assert "hidden" not in str(faults(tmp_path, text))


def test_variables_that_only_begin_like_ours_are_a_warning() -> None:
    found = Settings.load(None, {"RINGLINE_PORT": "tcp://10.0.0.1:80", "RINGLINE_SERVICE_HOST": "10.0.0.1"})
    assert [text.split()[0] for text in found.warnings()] == ["RINGLINE_PORT", "RINGLINE_SERVICE_HOST"]


def test_media_ports_of_the_kernel_are_a_warning(tmp_path: Path) -> None:
    kernel = tmp_path / "range"
    kernel.write_text("32768\t60999\n")
    ports = ephemeral_ports(kernel)
    assert ports == (32768, 60999)
    assert Settings.load(None, {}).warnings(ports) == ()
    [warning] = Settings.load(None, {"RINGLINE_MEDIA__PORT_MAX": "40000"}).warnings(ports)
    assert "10000-40000 overlap" in warning
    assert ephemeral_ports(tmp_path / "gone") is None
    kernel.write_text("x")
    assert ephemeral_ports(kernel) is None


def test_a_short_signature_secret_is_a_warning(tmp_path: Path) -> None:
    found = load(tmp_path, ACCOUNT, {"RINGLINE_ACCOUNT__SIGNATURE_SECRET": "short"})
    assert "signature_secret is shorter" in found.warnings()[0]


@given(st.dictionaries(st.text(max_size=30).map(lambda name: "RINGLINE_" + name), st.text(max_size=30), max_size=3))
@settings(max_examples=100)
def test_noise_in_the_environment_is_only_ever_refused_politely(environment: dict[str, str]) -> None:
    with suppress(ConfigError):
        Settings.load(None, environment)


# ── what is made of them ───────────────────────────────────────────────────────────────────────────────────────────


def test_the_books_follow_the_settings(tmp_path: Path) -> None:
    (tmp_path / "front.pem").write_text(public_key())
    found = load(tmp_path, FULL)
    book = make_directory(
        found,
        saved_applications=[
            Application(id=ApplicationId(OTHER), name="saved"),
            Application(id=ApplicationId(APP), name="overruled"),
        ],
        saved_numbers=[
            Number(msisdn="15551230002", application_id=ApplicationId(OTHER)),
            Number(msisdn="442079460001", application_id=ApplicationId(OTHER)),
            Number(msisdn="1001", application_id=ApplicationId(APP)),
        ],
    )
    desk = book.application(ApplicationId(APP))
    assert desk is not None
    assert desk.voice is not None
    assert desk.voice.answer_url is not None
    assert desk.voice.event_url is not None
    assert (desk.name, desk.public_key, desk.settings.answer_fields) == ("Front desk", public_key(), "minimal")
    assert (desk.voice.answer_url.http_method, desk.voice.answer_url.socket_timeout_ms) == ("GET", 5000)
    assert (desk.voice.event_url.http_method, desk.voice.event_url.socket_timeout_ms) == ("GET", 10_000)
    assert sorted(book.numbers()) == ["1001", "15551230002", "442079460000", "442079460001"]
    assert book.application_of("442079460001") == OTHER
    assert book.number("442079460000") == Number(msisdn="442079460000", country="GB", application_id=ApplicationId(APP))
    assert book.application_of("1001") == OTHER
    account = book.authenticate("key1", "Secret12")
    assert account is not None

    table = make_routing(found, book)
    assert table.admit(source="203.0.113.3", username=None, to_host="x") == Admit("trunk:carrier")
    assert table.admit(source="127.0.0.1", username=None, to_host="localhost") == Admit("domain:localhost")
    assert table.password_of("key1") is None
    assert account.sip_sums("ringline")["MD5"]
    inbound = table.inbound("user:eve", to_user="anything")
    assert isinstance(inbound, Inbound)
    assert inbound.application == APP
    out = table.phone_route("447700900123", caller="442079460000")
    assert isinstance(out, Route)
    assert out.from_uri == "sip:+442079460000@sip.voice.example"
    assert out.credentials is not None
    assert isinstance(table.phone_route("101", caller=None), Route)


def test_a_reload_changes_what_the_file_says_and_nothing_else(tmp_path: Path) -> None:
    def text(name: str, number: str) -> str:
        return f'{ACCOUNT}[[applications]]\nid = "{APP}"\nname = "{name}"\n[[numbers]]\nnumber = "{number}"\n'

    old = load(tmp_path, text("old", "1001"))
    saved = Number(msisdn="1003")
    kept = Application(id=ApplicationId(OTHER), name="saved")
    book = make_directory(old, saved_numbers=[saved], saved_applications=[kept])
    new = load(tmp_path, text("new", "1002"))
    reload_directory(book, old=old, new=new)
    application = book.application(ApplicationId(APP))
    assert application is not None
    assert application.name == "new"
    assert sorted(book.numbers()) == ["1002", "1003"]
    reload_directory(book, old=new, new=load(tmp_path, ACCOUNT))
    assert list(book.applications()) == [OTHER]
    assert sorted(book.numbers()) == ["1003"]


# ── trunks and places ──────────────────────────────────────────────────────────────────────────────────────────────

TRUNKS = """
[[trunks]]
name = "provider"
host = "sip.provider.example"
transport = "tcp"
username = "acct"
password = "s3cret"
register = true
register_expires_s = 300
options_s = 30
number_format = "00"
number_uri = "sip"
caller_number = "442079460000"
trust_identity = true
max_calls = 30
codecs = ["PCMU"]
[trunks.headers]
X-Account = "7"
[[trunks]]
name = "old"
host = "2001:db8::5"
strip_plus = true
[[sip.places]]
networks = ["10.0.0.0/8"]
sip_host = "10.0.0.5"
media_host = "10.0.0.6"
bind = "127.0.0.2"
"""


def test_everything_a_trunk_may_want_is_read(tmp_path: Path) -> None:
    file = tmp_path / "ringline.toml"
    file.write_text(TRUNKS)
    found = Settings.load(file, environment={})
    provider, old = found.trunks
    assert (provider.register_, provider.headers, old.strip_plus) == (True, {"X-Account": "7"}, True)
    (peer,) = make_peers(found)
    assert (peer.name, peer.uri, peer.aor) == (
        "provider",
        "sip:sip.provider.example;transport=tcp",
        "sip:acct@sip.provider.example",
    )
    assert (peer.registers, peer.expires_s, peer.ping_s) == (True, 300, 30)
    routing = make_routing(found, make_directory(found))
    way = routing.phone_route("447700900123", caller=None)
    assert isinstance(way, Route)
    assert (way.request_uri, way.codecs, way.caller) == (
        "sip:00447700900123@sip.provider.example;user=phone",
        ("PCMU",),
        "442079460000",
    )
    assert way.then[0].request_uri == "sip:447700900123@[2001:db8::5];user=phone"
    places = make_places(found)
    assert (places.of("10.1.1.1").media_host, places.of("8.8.8.8").media_host) == ("10.0.0.6", None)
