"""Settings for encrypted and browsers' SIP: what does not fit together is told, and where others reach us."""

from __future__ import annotations

from pathlib import Path

import pytest

from ringline.base import ConfigError
from ringline.server.settings import Settings

DOMAIN = (
    '[account]\napi_key = "abcd1234"\napi_secret = "Api-Secret-Of-Tests-1"\nsignature_secret = "' + "s" * 40 + '"\n'
)
DOMAIN += '[[applications]]\nid = "0b9d0c55-2222-4333-8444-955566677788"\nname = "shop"\n'
DOMAIN += '[[domains]]\nname = "acme"\napplication = "shop"\ndigest_auth = true\n'


def read(tmp_path: Path, text: str) -> Settings:
    file = tmp_path / "ringline.toml"
    file.write_text(text)
    return Settings.load(file, {})


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[sip]\nwss_port = 5060\n", "must be another port than that of TCP"),
        ("[sip]\ntls_port = 5061\nwss_port = 5061\n", "must be another port than sip.tls_port"),
        ("[sip]\nwss_port = 7443\nws_port = 7443\n", "must be another port than sip.wss_port"),
        ('[sip]\nws_origins = ["phone.example.com"]\n', "ws_origins"),
        (DOMAIN + 'tls = "required"\n', "needs sip.tls_port or sip.wss_port: nobody could call"),
        (DOMAIN + 'tls = "off"\nsrtp = "required"\n', "keys would be read on their way"),
        ('[public]\nstun = "stun.example.com"\n', "nobody outside sees 127.0.0.1"),
        ('[sip]\nbind = "0.0.0.0"\n', "is needed when sip.bind is 0.0.0.0"),
    ],
)
def test_what_does_not_fit_together_is_told(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        read(tmp_path, text)


def test_browsers_reach_us_at_ports_of_their_own(tmp_path: Path) -> None:
    settings = read(tmp_path, '[public]\nsip_host = "sip.example.com"\n[sip]\nwss_port = 7443\nws_port = 7080\n')
    contacts = settings.sip_contacts()
    assert (contacts["wss"], contacts["ws"]) == (("sip.example.com", 7443), ("sip.example.com", 7080))
    assert settings.sip_transports() == ("udp", "tcp")  # nobody is called over a WebSocket that is not open


def test_a_stun_server_stands_in_for_an_address(tmp_path: Path) -> None:
    text = '[sip]\nbind = "0.0.0.0"\n[media]\nbind = "0.0.0.0"\n[public]\nstun = "stun.example.com:3478"\n'
    assert read(tmp_path, text).public.stun == "stun.example.com:3478"
