"""`ringline certs`: how the official client libraries are pointed at this installation."""

from __future__ import annotations

from typing import Annotated, Final
from urllib.parse import urlsplit

import typer

from ringline.cli._console import plain_errors, say
from ringline.cli._installation import ConfigOption, UrlOption, installation

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


def certs(
    language: Annotated[str | None, typer.Argument(help="One of: " + ", ".join(_WAYS))] = None,
    config: ConfigOption = None,
    url: UrlOption = None,
) -> None:
    """Print how to point each official client library at this installation, and which certificate it must trust."""
    if language is not None and language not in _WAYS:
        raise typer.BadParameter("must be one of " + ", ".join(_WAYS), param_hint="LANGUAGE")
    with plain_errors():
        here = installation(config)
        addresses = here.addresses(url)
    for name, text in _WAYS.items():
        if language in (None, name):
            host = urlsplit(addresses.https).netloc if addresses.https else "HOST:HTTPS_PORT"
            say(text.format(ca=here.ca_file, https_host=host, http=addresses.http or addresses.https))
    if addresses.https is None:
        say("This installation has no https yet: set server.https_port (Python and Ruby need it).", style="yellow")
    elif not here.ca_file.is_file():
        say(f"The authority's certificate appears as {here.ca_file} at the first start.", style="yellow")
