"""The application of the measurement, as a process of its own: one sentence for a script, and an ear for events.

    python -m bench.calls.application [--host 127.0.0.1]

It prints its port, and then answers until it is told to stop. A request's signature is not checked: what an
application does with it is not what is measured.
"""

from __future__ import annotations

import argparse
import asyncio
import json

from aiohttp import web

SENTENCE = "Thank you for calling. Good bye."
_SCRIPT = json.dumps([{"action": "talk", "text": SENTENCE}]).encode()


async def main() -> None:
    arguments = argparse.ArgumentParser(description="The application of the measurement.")
    arguments.add_argument("--host", default="127.0.0.1")
    options = arguments.parse_args()
    counts = {"answer": 0, "event": 0, "unsigned": 0}

    def note(kind: str, request: web.BaseRequest) -> None:
        counts[kind] += 1
        counts["unsigned"] += not request.headers.get("Authorization", "").startswith("Bearer ")

    async def serve(request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/answer":
            note("answer", request)
            return web.Response(body=_SCRIPT, content_type="application/json")
        if request.path == "/counts":
            return web.json_response(counts)
        note("event", request)
        await request.read()
        return web.Response()

    runner = web.ServerRunner(web.Server(serve))
    await runner.setup()
    site = web.TCPSite(runner, options.host, 0, backlog=1024)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
