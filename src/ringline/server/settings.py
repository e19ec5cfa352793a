"""Everything that can be set: read from `ringline.toml` and the environment, checked before anything starts."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Literal, get_args

from pydantic import BaseModel, PrivateAttr, ValidationError

from ringline.accounts import PublicKeyError, read_public_key
from ringline.base import ConfigError
from ringline.server.checks import DEV_API_KEY, DEV_API_SECRET, DEV_SIGNATURE_SECRET, contradictions
from ringline.server.entries import ApplicationSection, DomainSection, NumberSection, TrunkSection, UserSection
from ringline.server.nearest import nearest
from ringline.server.sections import (
    AccountSection,
    Auth,
    ClientsSection,
    Compat,
    EmergencySection,
    Limits,
    Media,
    MetricsSection,
    PaymentsSection,
    PricesSection,
    Public,
    RecognitionSection,
    RecordingsSection,
    RetentionSection,
    Section,
    Server,
    Sip,
    Speech,
    StoreSection,
    Webhooks,
    WebSockets,
)
from ringline.server.sources import OWN_NAMES, PREFIX, Location, Sources, dotted

FILE_NAME: Final = "ringline.toml"
Profile = Literal["dev", "serve"]

_PROFILES: Final[Mapping[str, Mapping[str, Any]]] = {
    "serve": {},
    "dev": {
        "limits": {"calls_per_second": 0, "requests_per_second": 0, "failed_logins_per_minute": 0, "drain_s": 5},
        "webhooks": {"allow_private": True},
        "account": {
            "api_key": DEV_API_KEY,
            "api_secret": DEV_API_SECRET,
            "signature_secret": DEV_SIGNATURE_SECRET,
        },
    },
}
_SQLITE: Final = "sqlite:///"
_HMAC_CHARACTERS: Final = 32
_EPHEMERAL: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")


class SettingsError(ConfigError):
    """One or more settings are wrong; its text has a line for each."""

    def __init__(self, faults: Iterable[ConfigError]) -> None:
        self.faults = tuple(faults)
        first = self.faults[0]
        super().__init__(first.why, where=first.where, key=first.key)
        self.args = ("\n".join(str(fault) for fault in self.faults),)


class Settings(Section):
    """The settings of one server."""

    profile: Profile = "serve"
    "`dev`: on the own machine, without limits and with well-known keys. `serve`: for others."
    data_dir: Path = Path("var")
    "Where journal, recordings and the speech cache are kept."
    server: Server = Server()
    public: Public = Public()
    sip: Sip = Sip()
    media: Media = Media()
    store: StoreSection = StoreSection()
    limits: Limits = Limits()
    emergency: EmergencySection = EmergencySection()
    prices: PricesSection = PricesSection()
    speech: Speech = Speech()
    recognition: RecognitionSection = RecognitionSection()
    webhooks: Webhooks = Webhooks()
    websockets: WebSockets = WebSockets()
    clients: ClientsSection = ClientsSection()
    payments: PaymentsSection = PaymentsSection()
    recordings: RecordingsSection = RecordingsSection()
    retention: RetentionSection = RetentionSection()
    auth: Auth = Auth()
    compat: Compat = Compat()
    metrics: MetricsSection = MetricsSection()
    account: AccountSection | None = None
    applications: tuple[ApplicationSection, ...] = ()
    numbers: tuple[NumberSection, ...] = ()
    trunks: tuple[TrunkSection, ...] = ()
    users: tuple[UserSection, ...] = ()
    domains: tuple[DomainSection, ...] = ()
    _unknown_variables: tuple[str, ...] = PrivateAttr(default=())

    @classmethod
    def load(cls, path: Path | None, environment: Mapping[str, str], *, profile: Profile | None = None) -> Settings:
        """Read the file (None: there is none), lay the environment over it, and check everything.

        The profile is the argument, else `RINGLINE_PROFILE`, else the file's `profile`, else `serve`. Relative paths
        start at the file's directory. A variable is `RINGLINE_SECTION__NAME`; lists are JSON (`RINGLINE_TRUNKS=[…]`),
        and `RINGLINE_TRUNKS__0__PASSWORD` sets one value of an entry in the file.

        Raises:
            SettingsError: all that is wrong, each with file (or environment), key and reason.
        """
        sources = Sources()
        try:
            if path is not None:
                sources.add_file(path)
        except ConfigError as error:
            raise SettingsError([error]) from error
        sources.add_environment(_known_variables(environment, sources))
        chosen = profile or environment.get("RINGLINE_PROFILE") or sources.tree.get("profile", "serve")
        sources.add_defaults(_PROFILES.get(chosen, {}) if isinstance(chosen, str) else {})
        sources.tree["profile"] = chosen
        _read_key_files(sources, path.parent if path is not None else Path())
        settings = _validated(sources)
        found = [_fault(sources, location, why) for location, why in contradictions(settings)]
        faults = [*sources.faults, *found]
        if faults:
            raise SettingsError(faults)
        settings = settings._rooted(path.parent if path is not None else Path())
        settings._unknown_variables = tuple(sources.unknown_variables)
        return settings

    # ── what follows from the settings ─────────────────────────────────────────────────────────────────────────────

    def base_url(self) -> str:
        """The base URL of REST as others reach it, without a slash at the end."""
        if self.public.base_url is not None:
            return self.public.base_url
        if self.server.https_port:
            return f"https://{_reachable(self.server.https_bind)}:{self.server.https_port}"
        return f"http://{_reachable(self.server.http_bind)}:{self.server.http_port}"

    def file_url(self) -> str:
        """The URL of a recording, with `{id}` in place of its id, for `str.format`."""
        base = self.public.file_base_url or self.base_url()
        base, suffix = (text.replace("{", "{{").replace("}", "}}") for text in (base, self.public.file_url_suffix))
        return f"{base}/v1/files/{{id}}{suffix}"

    def sip_host(self) -> str:
        """The host that stands in `From`, `Contact` and `Via`."""
        return self.public.sip_host or self.sip.bind

    def media_host(self) -> str:
        """The address that stands in SDP."""
        return self.public.media_host or self.media.bind

    def store_url(self) -> str:
        """The database."""
        return self.store.url or f"sqlite:///{self.data_dir / 'ringline.db'}"

    def certificates_dir(self) -> Path:
        """Where the certificate authority and certificate of our own making are."""
        return self.data_dir / "certificates"

    def has_extensions(self) -> bool:
        """Whether `vbc` endpoints can be called."""
        return any(user.extension is not None for user in self.users)

    def numbers_on_sale(self) -> tuple[str, ...]:
        """Every number of the installation, in use or not: one that is given back can be bought again."""
        pool = self.account.number_pool if self.account is not None else ()
        return tuple(dict.fromkeys((*pool, *(one.number for one in self.numbers))))

    def sip_transports(self) -> tuple[str, ...]:
        """The transports spoken, the preferred first."""
        sip = self.sip
        spoken = (("udp", sip.udp), ("tcp", sip.tcp), ("tls", sip.tls_port is not None))
        return tuple(name for name, on in spoken if on)

    def sip_contacts(self) -> dict[str, tuple[str, int]]:
        """Where others reach us, by transport."""
        ports = {"tls": self.sip.tls_port or 0}
        found = {name: (self.sip_host(), ports.get(name, self.sip.port)) for name in self.sip_transports()}
        for name, port in (("ws", self.sip.ws_port), ("wss", self.sip.wss_port)):
            if port is not None:
                found[name] = (self.sip_host(), port)
        return found

    def warnings(self, ephemeral: tuple[int, int] | None = None) -> tuple[str, ...]:
        """What works but is worth a word; `ephemeral` is what `ephemeral_ports` found."""
        found = [f"{name} is no setting of Ringline and is ignored" for name in self._unknown_variables]
        if ephemeral is not None and self.media.port_min <= ephemeral[1] and ephemeral[0] <= self.media.port_max:
            found.append(
                f"media ports {self.media.port_min}-{self.media.port_max} overlap the ports the kernel gives to "
                f"outgoing connections ({ephemeral[0]}-{ephemeral[1]}): calls may fail by chance; move one of them "
                "(media.port_min and media.port_max, or net.ipv4.ip_local_port_range)"
            )
        if self.account is not None and len(self.account.signature_secret.get_secret_value()) < _HMAC_CHARACTERS:
            found.append(f"account.signature_secret is shorter than {_HMAC_CHARACTERS} characters and can be guessed")
        return tuple(found)

    def _rooted(self, root: Path) -> Settings:
        """Let relative paths start at the settings file's directory."""
        server = self.server.model_copy(
            update={
                name: root / value
                for name, value in (("cert_file", self.server.cert_file), ("key_file", self.server.key_file))
                if value is not None
            }
        )
        names = ("tls_cert_file", "tls_key_file", "tls_ca_file")
        given = {name: getattr(self.sip, name) for name in names}
        sip = self.sip.model_copy(update={name: root / value for name, value in given.items() if value is not None})
        store = self.store
        if store.url is not None and store.url.startswith(_SQLITE) and not store.url.startswith(f"{_SQLITE}/"):
            store = store.model_copy(update={"url": f"{_SQLITE}{root / store.url.removeprefix(_SQLITE)}"})
        prices = self.prices
        if prices.file is not None:
            prices = prices.model_copy(update={"file": root / prices.file})
        websockets = self.websockets
        if websockets.ca_file is not None:
            websockets = websockets.model_copy(update={"ca_file": root / websockets.ca_file})
        speech = self.speech.model_copy(update={"options": _rooted_options(self.speech.options, root)})
        update = {
            "data_dir": root / self.data_dir,
            "websockets": websockets,
            "server": server,
            "sip": sip,
            "store": store,
            "prices": prices,
            "speech": speech,
        }
        return self.model_copy(update=update)


def _rooted_options(options: Mapping[str, Mapping[str, str]], root: Path) -> dict[str, dict[str, str]]:
    """What names files among the settings of speech engines: `…_file`, and the `voices` of Piper."""
    return {
        engine: {
            name: str(root / value) if name.endswith("_file") or name == "voices" else value
            for name, value in given.items()
        }
        for engine, given in options.items()
    }


def find_file(environment: Mapping[str, str], directory: Path) -> Path | None:
    """The settings file: what `RINGLINE_CONFIG` names, else `ringline.toml` in the directory if there is one."""
    named = environment.get("RINGLINE_CONFIG")
    if named:
        return Path(named)
    usual = directory / FILE_NAME
    return usual if usual.is_file() else None


def ephemeral_ports(path: Path = _EPHEMERAL) -> tuple[int, int] | None:
    """The ports the kernel gives to outgoing connections; None where it does not tell."""
    try:
        low, high = path.read_text().split()
        return int(low), int(high)
    except (OSError, ValueError):
        return None


def _known_variables(environment: Mapping[str, str], sources: Sources) -> dict[str, str]:
    """Leave out variables that merely begin like ours.

    Container platforms make some from the name of a service (`RINGLINE_PORT=tcp://…`); a name with `__` can only be
    meant for us, and is reported as an error when it names no setting.
    """
    kept = {}
    for name, value in environment.items():
        if not name.startswith(PREFIX) or name in OWN_NAMES:
            continue
        if "__" in name or name.removeprefix(PREFIX).lower() in Settings.model_fields:
            kept[name] = value
        else:
            sources.unknown_variables.append(name)
    return kept


def _read_key_files(sources: Sources, root: Path) -> None:
    """Put the content of `public_key_file`s in place of their names."""
    applications = sources.tree.get("applications")
    if not isinstance(applications, list):
        return
    for index, application in enumerate(applications):
        if not isinstance(application, dict) or not isinstance(application.get("public_key_file"), str):
            continue
        location: Location = ("applications", index, "public_key_file")
        if "public_key" in application:
            sources.faults.append(_fault(sources, location, "use public_key or public_key_file, not both"))
            continue
        file = root / application["public_key_file"]
        try:
            application["public_key"] = read_public_key(file.read_text())
        except PublicKeyError as error:
            sources.faults.append(_fault(sources, location, f"{file} {error}"))
        except (OSError, ValueError) as error:
            sources.faults.append(_fault(sources, location, f"cannot read {file}: {error}"))


def _validated(sources: Sources) -> Settings:
    try:
        return Settings.model_validate(sources.tree)
    except ValidationError as error:
        found = [_fault_of(sources, one["loc"], one["type"], one["msg"]) for one in error.errors()]
        told = {fault.key for fault in sources.faults}
        raise SettingsError([*sources.faults, *(fault for fault in found if fault.key not in told)]) from None


def _fault_of(sources: Sources, location: Location, kind: str, message: str) -> ConfigError:
    if kind == "extra_forbidden":
        known = _names_at(location[:-1])
        near = [dotted((*location[:-1], name)) for name in nearest(str(location[-1]), known)]
        hint = f"did you mean {' or '.join(near)}?" if near else f"known are {', '.join(known)}"
        return _fault(sources, location, f"there is no such setting; {hint}")
    if kind == "missing":
        return _fault(sources, location, "is needed")
    return _fault(sources, location, message.removeprefix("Value error, "))


def _fault(sources: Sources, location: Location, why: str) -> ConfigError:
    where, key = sources.place(location)
    return ConfigError(why, where=where, key=key)


def _names_at(location: Location) -> list[str]:
    """The settings that exist at a place in the tree."""
    model: type[BaseModel] = Settings
    for part in location:
        if isinstance(part, int):
            continue
        field = model.model_fields.get(part)
        inner = _models_in(field.annotation) if field is not None else []
        if not inner:
            return []
        model = inner[0]
    return [field.alias or name for name, field in model.model_fields.items()]


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in get_args(annotation) for model in _models_in(inner)]


def _reachable(bind: str) -> str:
    """An address to write into a URL for one that is bound."""
    try:
        address = ipaddress.ip_address(bind)
    except ValueError:
        return bind
    if address.is_unspecified:
        return "127.0.0.1" if address.version == 4 else "[::1]"
    return f"[{bind}]" if address.version == 6 else bind
