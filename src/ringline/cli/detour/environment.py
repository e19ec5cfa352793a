"""What a program's environment must say so that its HTTPS comes by our proxy and trusts our certificate."""

from __future__ import annotations

import shlex
import ssl
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import NoEncryption, pkcs12
from cryptography.utils import CryptographyDeprecationWarning

_HERE: Final = Path(__file__).parent
_BUNDLES: Final = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE")
_LOCAL: Final = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Signpost:
    """Where the detour begins and ends."""

    proxy_port: int
    to: str
    "`host:port` of this installation's HTTPS."
    hosts: tuple[str, ...]
    "The official hosts."
    ca_file: Path
    "Our authority's certificate."


def environment_for(present: Mapping[str, str], sign: Signpost, folder: Path) -> dict[str, str]:
    """The program's environment: `present`, with the signs put up. Files they name are written into `folder`.

    Python, Go, .NET, PHP and curl go by the proxy; Node and Ruby, whose HTTPS knows none, by a file loaded first;
    Java by system properties. Every authority trusted before is trusted still.

    Raises:
        OSError: our authority's certificate is not there, or `folder` cannot be written.
    """
    proxy = f"http://127.0.0.1:{sign.proxy_port}"
    ours = sign.ca_file.read_text()
    bundle = folder / "authorities.pem"
    bundle.write_text(f"{_trusted(present)}\n{ours}")
    node_extra = folder / "node.pem"
    node_extra.write_text(f"{_text(present.get('NODE_EXTRA_CA_CERTS'))}\n{ours}")
    php = folder / "ringline.ini"
    php.write_text(f'curl.cainfo="{bundle}"\nopenssl.cafile="{bundle}"\n')
    java = folder / "authorities.p12"
    java.write_bytes(_java_store(bundle.read_bytes()))
    no_proxy = [present.get("no_proxy") or present.get("NO_PROXY") or "", *_LOCAL]
    told = {
        **dict.fromkeys(("HTTPS_PROXY", "https_proxy"), proxy),
        **dict.fromkeys(("NO_PROXY", "no_proxy"), ",".join(filter(None, no_proxy))),
        **dict.fromkeys(_BUNDLES, str(bundle)),
        "NODE_EXTRA_CA_CERTS": str(node_extra),
        "NODE_OPTIONS": _joined(present, "NODE_OPTIONS", f'--require "{_HERE / "node.cjs"}"'),
        "RUBYOPT": _joined(present, "RUBYOPT", f"-r{_HERE / 'ruby.rb'}"),
        "PHP_INI_SCAN_DIR": f"{present.get('PHP_INI_SCAN_DIR', '')}:{folder}",
        "JAVA_TOOL_OPTIONS": _joined(present, "JAVA_TOOL_OPTIONS", _java_properties(sign.proxy_port, java)),
        "RINGLINE_DETOUR_HOSTS": ",".join(sign.hosts),
        "RINGLINE_DETOUR_TO": sign.to,
    }
    return {**present, **told}


def _trusted(present: Mapping[str, str]) -> str:
    """The authorities the program trusts without us: those its environment names, else the system's."""
    named = next((present[name] for name in _BUNDLES if present.get(name)), None)
    return _text(named or ssl.get_default_verify_paths().cafile or ssl.get_default_verify_paths().openssl_cafile)


def _text(file: str | None) -> str:
    """A file's text; nothing where there is none."""
    path = Path(file) if file else None
    return path.read_text(errors="replace") if path is not None and path.is_file() else ""


def _joined(present: Mapping[str, str], name: str, more: str) -> str:
    return f"{present[name]} {more}" if present.get(name) else more


def _java_store(bundle: bytes) -> bytes:
    with warnings.catch_warnings():  # some old authorities break rules that have become stricter; they stay trusted
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        certificates = x509.load_pem_x509_certificates(bundle)
    entries = [pkcs12.PKCS12Certificate(one, f"ca{index}".encode()) for index, one in enumerate(certificates)]
    return pkcs12.serialize_java_truststore(entries, NoEncryption())


def _java_properties(proxy_port: int, store: Path) -> str:
    properties = {
        "https.proxyHost": "127.0.0.1",
        "https.proxyPort": str(proxy_port),
        "http.nonProxyHosts": "|".join(_LOCAL),
        "javax.net.ssl.trustStore": str(store),
        "javax.net.ssl.trustStoreType": "PKCS12",
        "javax.net.ssl.trustStorePassword": "",
    }
    return shlex.join(f"-D{name}={value}" for name, value in properties.items())
