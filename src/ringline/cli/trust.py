"""`ringline trust`: a certificate of our own for HTTPS, and how the official client libraries are pointed here."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Final
from urllib.parse import urlsplit

import typer

from ringline.cli._console import plain_errors, say
from ringline.cli._installation import ConfigOption, Installation, UrlOption, installation
from ringline.server.certificates import OFFICIAL_HOSTS, certificate_names, ensure_certificates

_WAYS: Final = {
    "python": """\
# Python (vonage 4): always https; the library trusts the file REQUESTS_CA_BUNDLE names
#   export REQUESTS_CA_BUNDLE={ca}
client = Vonage(
    Auth(application_id=APP_ID, private_key="private.key", api_key=KEY, api_secret=SECRET),
    HttpClientOptions(api_host="{https_host}", rest_host="{https_host}"))
""",
    "node": """\
// Node (@vonage/server-sdk 3); for https: export NODE_EXTRA_CA_CERTS={ca}
const vonage = new Vonage(
  {{ applicationId, privateKey: 'private.key', apiKey, apiSecret }},
  {{ apiHost: '{http}', restHost: '{http}' }});
""",
    "java": """\
// Java (com.vonage:server-sdk 9)
VonageClient client = VonageClient.builder()
    .applicationId(APP_ID).privateKeyPath("private.key").apiKey(KEY).apiSecret(SECRET)
    .httpConfig(HttpConfig.builder().baseUri("{http}").build()).build();
""",
    "php": """\
// PHP (vonage/client)
$client = new Vonage\\Client($credentials, ['base_api_url' => '{http}', 'base_rest_url' => '{http}']);
""",
    "ruby": """\
# Ruby (vonage): always https
client = Vonage::Client.new(application_id: APP_ID, private_key: File.read('private.key'),
  api_key: KEY, api_secret: SECRET, api_host: '{https_host}', rest_host: '{https_host}',
  http: {{ ca_file: '{ca}' }})
""",
    "dotnet": """\
// .NET (Vonage): appsettings.json
{{"vonage": {{"Url.Api": "{http}", "Url.Rest": "{http}", "Application.Id": "…", "Application.Key": "…"}}}}
""",
    "go": """\
// Go (vonage-go-sdk)
client := vonage.NewVoiceClient(auth)
client.Config.BasePath = "{http}/v1/calls"
""",
}


_UNCHANGED: Final = """\
# Programs that cannot be pointed (the official command line, the recording download of Python, Node, Java and .NET)
#   one program: ringline run -- COMMAND
#   a whole machine or network: server.https_port = 443, public.file_base_url = "https://api.nexmo.com", in /etc/hosts
#   (or private DNS, or container aliases)
{address}  {hosts}
#   and, for each language, the authority to trust:
#     Python   export REQUESTS_CA_BUNDLE={ca}
#     Node     export NODE_EXTRA_CA_CERTS={ca}
#     Ruby, Go, .NET   export SSL_CERT_FILE={ca}
#     Java     keytool -importcert -noprompt -alias ringline -file {ca} -cacerts
#     PHP      curl.cainfo={ca} in php.ini
"""


def trust(
    language: Annotated[str | None, typer.Argument(help="One of: " + ", ".join(_WAYS))] = None,
    config: ConfigOption = None,
    url: UrlOption = None,
) -> None:
    """Make the certificate that this installation serves HTTPS with, if there is none yet, and print how each official
    client library is pointed here and made to trust it.
    """
    if language is not None and language not in _WAYS:
        raise typer.BadParameter("must be one of " + ", ".join(_WAYS), param_hint="LANGUAGE")
    with plain_errors():
        here = installation(config)
        addresses = here.addresses(url)
        _make_certificate(here)
    host = urlsplit(addresses.https).netloc if addresses.https else "HOST:HTTPS_PORT"
    for name, text in _WAYS.items():
        if language in (None, name):
            say(text.format(ca=here.ca_file, https_host=host, http=addresses.http or addresses.https))
    if language is None:
        address = urlsplit(f"//{host}").hostname if addresses.https else "ADDRESS"
        say(_UNCHANGED.format(ca=here.ca_file, address=address, hosts=" ".join(OFFICIAL_HOSTS)))
    if addresses.https is None:
        say("This installation has no https yet: set server.https_port (Python and Ruby need it).", style="yellow")


def _make_certificate(here: Installation) -> None:
    """Make the authority and the server's certificate, unless the settings name one made elsewhere."""
    settings = here.settings
    if settings.server.cert_file is None:
        ensure_certificates(settings.certificates_dir(), names=certificate_names(settings), now=datetime.now(UTC))
