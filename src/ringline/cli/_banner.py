"""What a starting platform says: where everything is."""

from __future__ import annotations

from collections.abc import Iterator

from ringline.io.store import open_database
from ringline.server.platform import Farewell
from ringline.server.sections import Limits
from ringline.server.settings import Settings, ephemeral_ports


def addresses(settings: Settings) -> Iterator[tuple[str, str]]:
    """Name and place of what others need to know."""
    server, sip = settings.server, settings.sip
    transports = " and ".join(name.upper() for name in settings.sip_transports() if name != "tls")
    if transports:
        yield "SIP", f"{settings.sip_host()}:{sip.port} ({transports})"
    if sip.tls_port is not None:
        yield "" if transports else "SIP", f"{settings.sip_host()}:{sip.tls_port} (TLS)"
    if sip.wss_port is not None:
        yield "", f"wss://{settings.sip_host()}:{sip.wss_port} (phones in browsers)"
    if sip.ws_port is not None:
        yield "", f"ws://127.0.0.1:{sip.ws_port} (phones in browsers, from this machine)"
    yield "REST", f"http://{server.http_bind}:{server.http_port}"
    if server.https_port is not None:
        yield "", f"https://{server.https_bind}:{server.https_port}"
        if server.cert_file is None:
            yield "", f"clients trust {settings.certificates_dir() / 'ca.pem'} (see `ringline trust`)"
    yield "limits", _limits(settings.limits)
    yield "audio", f"UDP {settings.media.port_min}-{settings.media.port_max} at {settings.media_host()}"
    yield "voice", " then ".join(map(_engine, settings.speech.engines))
    yield "journal", open_database(settings.store_url()).name
    yield "recordings", str(settings.data_dir / "recordings")


def warnings(settings: Settings) -> tuple[str, ...]:
    """What works, but is worth a word."""
    return settings.warnings(ephemeral_ports())


def goodbye(farewell: Farewell) -> list[str]:
    """What stopping did."""
    hung_up = farewell.calls_hung_up
    calls = f"{hung_up} call{'s' if hung_up != 1 else ''} hung up" if hung_up else "no call was up"
    return [f"stopped: {calls}, all webhooks sent or given up, all recordings kept", *farewell.notes]


def _limits(limits: Limits) -> str:
    """How often one may ask, so that nobody wonders where a 429 comes from."""
    rates = (
        (limits.calls_per_second, "new outbound calls a second per application"),
        (limits.requests_per_second, "other requests a second per application"),
        (limits.failed_logins_per_minute, "failed logins a minute per address"),
    )
    return ", ".join(f"{rate:g} {what}" for rate, what in rates if rate) or "none on how often REST is asked"


def _engine(name: str) -> str:
    return "espeak (espeak-ng, GPLv3, in worker processes of its own)" if name == "espeak" else name
