"""Examples as modules, and the official library sent to the REST API of a switchboard."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from flask import Flask
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from vonage import Auth, HttpClientOptions, Vonage

from ringline.testing import Switchboard, WebApplication

EXAMPLES = Path(__file__).parents[2] / "examples"


class _Plain(HTTPAdapter):
    """Takes what the library sends by https to where plain http is spoken."""

    def send(self, request: PreparedRequest, *args: Any, **options: Any) -> Response:
        assert request.url is not None
        request.url = request.url.replace("https://", "http://", 1)
        return super().send(request, *args, **options)


Start = Callable[[Switchboard, Callable[[Vonage, str], Flask]], tuple[WebApplication, Flask]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts an example that places calls: with a client of the official library, which talks to the switchboard's own
    REST API, and with the number of its application."""
    made: list[Vonage] = []

    def begin(board: Switchboard, create_app: Callable[[Vonage, str], Flask]) -> tuple[WebApplication, Flask]:
        def wsgi(environ: Any, start_response: Any) -> Iterable[bytes]:
            return flask(environ, start_response)

        app = board.application(wsgi=wsgi)
        host = board.rest.url.removeprefix("http://")
        library = Vonage(
            Auth(application_id=app.id, private_key=app.private_key), HttpClientOptions(api_host=host, rest_host=host)
        )
        library.http_client._session.mount("https://", _Plain())
        made.append(library)
        flask = create_app(library, app.number)
        return app, flask

    yield begin
    for one in made:
        one.http_client._session.close()


@pytest.fixture
def example(request: pytest.FixtureRequest) -> ModuleType:
    """The example that a test module is about, from its name: `test_ivr.py` is about `examples/ivr.py`."""
    name = Path(request.path).stem.removeprefix("test_")
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[spec.name]
        raise
    return module
