"""What every example needs to run on this machine: an application and a number at `ringline dev`, and a web server.

It does by REST what a developer does once by hand (`ringline apps create`, `ringline numbers add` and `link`).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from flask import Flask
from vonage import Auth, HttpClientOptions, Vonage
from vonage_application import ApplicationConfig, Capabilities, Voice, VoiceUrl, VoiceWebhooks
from vonage_numbers import NumberParams, UpdateNumberParams
from vonage_utils.errors import VonageError

SIP = os.environ.get("SIP_ADDRESS", "127.0.0.1:5060")
HOST = os.environ.get("API_HOST", "127.0.0.1:8443")
CA_FILE = Path(os.environ.get("CA_FILE", "var/certificates/ca.pem"))
"Whose certificates our platform shows."
PORT = int(os.environ.get("PORT", "3000"))
BOB = "442079460002"
"The number of Bob, whom `ringline dev` knows: be him with `ringline phone --answer --port 5070`."


def run(name: str, number: str, create_app: Callable[[Vonage, str], Flask]) -> None:
    """Register an application with a number, say how to call it, and serve it."""
    if CA_FILE.exists():
        os.environ["REQUESTS_CA_BUNDLE"] = str(CA_FILE)
    account = library(
        Auth(
            api_key=os.environ.get("API_KEY", "dev"),
            api_secret=os.environ.get("API_SECRET", "Development1"),
        )
    )
    client = register(account, name, number, f"http://127.0.0.1:{PORT}")
    sys.stdout.write(f"Call me:   ringline phone sip:{number}@{SIP} --user demo --password demo\nCtrl-C ends me.\n")
    create_app(client, number).run(port=PORT)


def library(auth: Auth) -> Vonage:
    """The official library, sent to our platform."""
    return Vonage(auth, HttpClientOptions(api_host=HOST, rest_host=HOST))


def register(account: Vonage, name: str, number: str, url: str) -> Vonage:
    """Make the application anew and give it the number; what comes back speaks for the application."""
    for old in account.application.list_applications()[0]:
        if old.name == name:
            account.application.delete_application(old.id)
    webhooks = VoiceWebhooks(
        answer_url=VoiceUrl(address=f"{url}/answer", http_method="GET"),
        event_url=VoiceUrl(address=f"{url}/event", http_method="POST"),
    )
    made = account.application.create_application(
        ApplicationConfig(name=name, capabilities=Capabilities(voice=Voice(webhooks=webhooks)))
    )
    with suppress(VonageError):  # it is ours already
        account.numbers.buy_number(NumberParams(country="GB", msisdn=number))
    account.numbers.update_number(UpdateNumberParams(country="GB", msisdn=number, app_id=made.id))
    return library(Auth(application_id=made.id, private_key=made.keys.private_key))
