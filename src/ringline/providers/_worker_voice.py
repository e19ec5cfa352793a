"""What voices whose work is done by worker processes have in common."""

from __future__ import annotations

from ringline.base import ProviderError
from ringline.providers.contract import Workers


class WorkerVoice:
    """A voice with worker processes, or without any where its library is not installed."""

    not_installed: str
    "What is said to the operator then: which package is missing."
    title: str
    "The voice in a sentence that says that it does not work."
    _workers: Workers | None = None

    async def start(self) -> None:
        if self._workers is not None:
            await self._workers.start()

    async def close(self) -> None:
        if self._workers is not None:
            await self._workers.close()

    def ready(self) -> str | None:
        if self._workers is None:
            return self.not_installed
        trouble = self._workers.trouble()
        return None if trouble is None else f"{self.title} does not work: {trouble}"

    def workers(self) -> Workers:
        """Those who speak.

        Raises:
            ProviderError: it is not installed.
        """
        if self._workers is None:
            raise ProviderError(self.not_installed)
        return self._workers
