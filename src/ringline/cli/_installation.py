"""Which installation a command speaks to: its settings, its URL, its store, and the keys it is asked with."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple

import typer

from ringline.base import ConfigError
from ringline.cli._console import plain_errors
from ringline.cli._rest import ApplicationToken, Basic, Rest
from ringline.server.settings import Profile, Settings, find_file

NOTE: Final = "dev.json"
"Written into `data_dir` by `ringline dev` while it runs, so that other commands find it."

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", metavar="FILE", help="Settings file (default: ringline.toml here, if there is one)"),
]
UrlOption = Annotated[
    str | None, typer.Option("--url", metavar="URL", help="Base URL of the REST API (default: from the settings)")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class DevNote:
    """What `ringline dev` leaves for other commands of the same directory."""

    base_url: str
    https_url: str | None
    api_key: str
    api_secret: str
    application: str | None
    "The demo's id."
    key_file: str | None
    "Its private key."

    def write(self, data_dir: Path) -> None:
        data_dir.mkdir(parents=True, exist_ok=True)
        file = data_dir / NOTE
        file.unlink(missing_ok=True)
        with open(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as out:
            json.dump(asdict(self), out)

    @classmethod
    def read(cls, data_dir: Path) -> DevNote | None:
        """The note of a platform under development here; None when there is none."""
        try:
            found: dict[str, Any] = json.loads((data_dir / NOTE).read_text())
            return cls(**found)
        except (OSError, ValueError, TypeError):
            return None

    @staticmethod
    def remove(data_dir: Path) -> None:
        (data_dir / NOTE).unlink(missing_ok=True)


class Addresses(NamedTuple):
    """Base URLs of the REST API."""

    http: str | None
    https: str | None


class Installation:
    """The installation whose settings are here. Files are read when they are first needed."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._note = DevNote.read(settings.data_dir)

    @property
    def has_note(self) -> bool:
        """Whether `ringline dev` runs here."""
        return self._note is not None

    @property
    def has_demo(self) -> bool:
        """Whether it runs here with its demo."""
        return self._note is not None and self._note.application is not None

    @property
    def store(self) -> str:
        """The store's URL."""
        return self.settings.store_url()

    def account_rest(self, url: str | None) -> Rest:
        """The API with the account's key and secret.

        Raises:
            ConfigError: no account is configured.
        """
        account = self.settings.account
        if account is not None:
            basic = Basic(account.api_key, account.api_secret.get_secret_value())
        elif self._note is not None:
            basic = Basic(self._note.api_key, self._note.api_secret)
        else:
            raise ConfigError("is needed to use the REST API", where="settings", key="account.api_key")
        return Rest(self._url(url), basic, ca_file=self.ca_file)

    def application_rest(self, url: str | None, application: str | None, key: Path | None) -> Rest:
        """The API with an application's token; without names, as the demo of a running `ringline dev`.

        Raises:
            ConfigError: it is not known who asks, or the key cannot be used.
        """
        if application is None and key is None and self._note is not None and self._note.application is not None:
            application, key = self._note.application, Path(self._note.key_file or "")
        if application is None or key is None:
            why = "give --app and --key (without them the demo of a running `ringline dev` is used, but none runs here)"
            raise ConfigError(why, where="command line", key="--app")
        return Rest(self._url(url), ApplicationToken(application, key), ca_file=self.ca_file)

    def addresses(self, url: str | None = None) -> Addresses:
        """Where REST is, without and with TLS."""
        if url is not None:
            return Addresses(None, url) if url.startswith("https:") else Addresses(url, None)
        if self._note is not None:
            return Addresses(self._note.base_url, self._note.https_url)
        server = self.settings.server
        https = f"https://{server.https_bind}:{server.https_port}" if server.https_port is not None else None
        return Addresses(f"http://{server.http_bind}:{server.http_port}", https)

    def identity(self) -> dict[str, str]:
        """The names under which programs for the hosted service commonly find who they are, for a running `dev`."""
        note = self._note
        if note is None:
            return {}
        names = {"VONAGE_API_KEY": note.api_key, "VONAGE_API_SECRET": note.api_secret}
        if note.application is not None and note.key_file is not None:
            key_file = str(Path(note.key_file).absolute())
            names |= {
                "VONAGE_APPLICATION_ID": note.application,
                "VONAGE_PRIVATE_KEY": key_file,
                "VONAGE_APPLICATION_PRIVATE_KEY_PATH": key_file,
            }
        return names

    @property
    def ca_file(self) -> Path:
        """The certificate of the authority that Ringline makes for itself."""
        return self.settings.certificates_dir() / "ca.pem"

    def _url(self, url: str | None) -> str:
        return url or (self._note.base_url if self._note is not None else self.settings.base_url())


def load_settings(
    config: Path | None, *, profile: Profile | None = None, environment: Mapping[str, str] = os.environ
) -> Settings:
    """Read the settings a command was given, or finds.

    Raises:
        ConfigError: something in them is wrong.
    """
    return Settings.load(config or find_file(environment, Path()), environment, profile=profile)


def installation(config: Path | None) -> Installation:
    """The installation meant by `--config`; ends the command with a sentence when its settings are wrong."""
    with plain_errors():
        try:
            return Installation(load_settings(config))
        except ConfigError:
            # A file that is complete only together with the defaults of `ringline dev`, which runs here.
            with suppress(ConfigError):
                developing = Installation(load_settings(config, profile="dev"))
                if developing.has_note:
                    return developing
            raise
