"""A bucket of an S3-compatible object store, by obstore (the extra `ringline[s3]`).

Large files go up in parts; what fails on the way is tried again for a while. What an object store may answer (wrong
keys, no such bucket, no room left) comes out as a `ProviderError` that says so in a sentence and holds no secret.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ringline.base import ConfigError, ProviderError

if TYPE_CHECKING:
    from obstore.store import ClientConfig, S3Config, S3Store

T = TypeVar("T")

_PART_BYTES: Final = 8 * 1024 * 1024
_PARTS_AT_ONCE: Final = 2
"16 MB of memory for an upload, whatever the size of its file."
_READ_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketAddress:
    """Which bucket, and how it is entered."""

    bucket: str
    prefix: str = ""
    "Put before all names, with a slash between."
    endpoint: str | None = None
    "Base URL of the object store; None: Amazon's of the region."
    region: str = "us-east-1"
    access_key: str | None = None
    "None: found where the environment keeps them (AWS_ACCESS_KEY_ID, an instance's role)."
    secret_key: str | None = field(default=None, repr=False)
    patience_s: float = 30.0
    "How long a request is tried again that fails for a reason which may pass."


class Bucket:
    """Files by name. Every method raises ProviderError: the store refuses, or is not there."""

    def __init__(self, address: BucketAddress) -> None:
        """Make the client; nothing is asked yet.

        Raises:
            ConfigError: the extra is not installed, or the address is none.
        """
        try:
            from obstore import exceptions
            from obstore.store import S3Store
        except ImportError as error:
            why = "needs the extra for it: pip install 'ringline[s3]'"
            raise ConfigError(why, where="settings", key="recordings.bucket") from error
        self._address = address
        self._errors = exceptions
        config: S3Config = {"region": address.region, "virtual_hosted_style_request": False}
        if address.endpoint is not None:
            config["endpoint"] = address.endpoint
        if address.access_key is not None and address.secret_key is not None:
            config["access_key_id"] = address.access_key
            config["secret_access_key"] = address.secret_key
        plain = address.endpoint is not None and address.endpoint.startswith("http://")
        client: ClientConfig = {"connect_timeout": timedelta(seconds=5), "timeout": timedelta(seconds=60)}
        if plain:
            client["allow_http"] = True
        try:
            self._store: S3Store = S3Store(
                address.bucket,
                prefix=address.prefix or None,
                config=config,
                client_options=client,
                retry_config={
                    "max_retries": 8,
                    "retry_timeout": timedelta(seconds=address.patience_s),
                    "backoff": {
                        "init_backoff": timedelta(milliseconds=200),
                        "max_backoff": timedelta(seconds=5),
                        "base": 2,
                    },
                },
            )
        except (exceptions.BaseError, ValueError) as error:
            why = f"cannot be used: {_first_line(error)}"
            raise ConfigError(why, where="settings", key="recordings.bucket") from error

    async def put(self, name: str, file: Path, media_type: str) -> None:
        """Store a file under a name; it is there as a whole or not at all."""
        from obstore import put_async

        await self._asking(
            lambda: put_async(
                self._store,
                name,
                file,
                attributes={"Content-Type": media_type},
                chunk_size=_PART_BYTES,
                max_concurrency=_PARTS_AT_ONCE,
            )
        )

    async def size(self, name: str) -> int | None:
        """How many bytes a file has; None when there is none of that name."""
        from obstore import head_async

        found = await self._asking(lambda: head_async(self._store, name), missing=None)
        return None if found is None else found["size"]

    async def read(self, name: str, start: int, end: int) -> AsyncIterator[bytes]:
        """Give the bytes from `start` up to `end`, in blocks."""
        from obstore import get_async

        if end <= start:
            return
        found = await self._asking(lambda: get_async(self._store, name, options={"range": (start, end)}))
        blocks = found.stream(min_chunk_size=_READ_BYTES)
        while True:
            block = await self._asking(lambda: _next(blocks))
            if not block:
                return
            yield bytes(block)

    async def remove(self, name: str) -> None:
        """Delete a file; no error when there is none."""
        from obstore import delete_async

        await self._asking(lambda: delete_async(self._store, name), missing=None)

    async def _asking(self, work: Callable[[], Coroutine[Any, Any, T]], *, missing: Any = ...) -> Any:
        """Do one request; `missing` is what to give when there is no such name."""
        errors = self._errors
        try:
            return await work()
        except (FileNotFoundError, errors.NotFoundError) as error:
            if missing is not ...:
                return missing
            raise ProviderError(f"the bucket {self._address.bucket!r} has no such file, or is not there") from error
        except (errors.PermissionDeniedError, errors.UnauthenticatedError) as error:
            raise ProviderError(f"the bucket {self._address.bucket!r} does not accept our keys") from error
        except (errors.BaseError, OSError) as error:
            why = _first_line(error)
            full = any(word in why for word in ("QuotaExceeded", "507", "StorageFull", "InsufficientStorage"))
            said = "is full" if full else f"cannot be used: {why}"
            raise ProviderError(f"the bucket {self._address.bucket!r} {said}", retryable=not full) from error


async def _next(blocks: Any) -> bytes:
    try:
        return bytes(await anext(blocks))
    except StopAsyncIteration:
        return b""


def _first_line(error: BaseException) -> str:
    """What an error says, without its debug print (which repeats the request)."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
