"""Get what stands at a URL of the user's own, within limits of time and size."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from http.client import HTTPException, HTTPMessage
from typing import IO, Final
from urllib.parse import urlsplit

from ringline.base import RinglineError
from ringline.cli._console import USAGE, fail, plain_errors
from ringline.webhooks import USER_AGENT

TIMEOUT_S: Final = 10.0
"For everything together."
MAX_REDIRECTS: Final = 3
_BLOCK: Final = 65_536
_HERE: Final = ("localhost", "127.0.0.1", "::1")
"No proxy stands before these."


class FetchError(RinglineError):
    """It could not be had."""


class _Redirects(urllib.request.HTTPRedirectHandler):
    max_redirections = MAX_REDIRECTS

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        if not newurl.lower().startswith(("http://", "https://")):
            fp.close()
            raise FetchError(f"{req.full_url} leads to something that is no web address")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def fetch(url: str, *, most_bytes: int, timeout_s: float = TIMEOUT_S) -> bytes:
    """Give the body at an http or https URL; one sentence on stderr and exit code 2 when it cannot be had.

    No more than one byte beyond `most_bytes` is read, so that whoever checks the size sees that it is too long.
    """
    with plain_errors():
        try:
            return _get(url, most_bytes, timeout_s)
        except FetchError as error:
            fail(str(error), USAGE)


def _get(url: str, most_bytes: int, timeout_s: float) -> bytes:
    ends = time.monotonic() + timeout_s
    try:
        proxies = [urllib.request.ProxyHandler({})] if (urlsplit(url).hostname or "") in _HERE else []
        opener = urllib.request.build_opener(_Redirects(), *proxies)
        request = urllib.request.Request(url, headers={"User-Agent": USER_AGENT, "Accept": "application/json"})
        with opener.open(request, timeout=timeout_s) as response:
            body = bytearray()
            while len(body) <= most_bytes:
                if time.monotonic() > ends:
                    raise FetchError(f"{url} was not complete within {timeout_s:g} seconds")
                # One read of the socket at a time: a server that drips may not hold us longer than the limit.
                block = response.read1(min(_BLOCK, most_bytes + 1 - len(body)))
                if not block:
                    break
                body += block
            return bytes(body)
    except urllib.error.HTTPError as error:
        with error:
            raise FetchError(f"{url} answered {error.code}") from None
    except urllib.error.URLError as error:
        raise FetchError(f"{url} cannot be reached: {error.reason}") from None
    except TimeoutError:
        raise FetchError(f"{url} did not answer within {timeout_s:g} seconds") from None
    except (OSError, HTTPException, ValueError) as error:
        raise FetchError(f"{url} cannot be read: {error}") from None
