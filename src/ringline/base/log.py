"""Logging with facts as fields: `log.info("leg answered", leg=leg.id, codec="PCMA")`.

The message is a constant, facts are keyword fields, people's data is wrapped in `Private`. The standard library carries
the records; `ringline.server` decides how they are written.
"""

from __future__ import annotations

import logging
from typing import Any

FIELDS = "ringline_fields"
"Attribute of a `LogRecord` that holds the fields."


class Log:
    """A named logger whose calls take fields."""

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    def debug(self, message: str, **fields: Any) -> None:
        self._write(logging.DEBUG, message, fields)

    def info(self, message: str, **fields: Any) -> None:
        self._write(logging.INFO, message, fields)

    def warning(self, message: str, **fields: Any) -> None:
        self._write(logging.WARNING, message, fields)

    def error(self, message: str, *, exc: BaseException | None = None, **fields: Any) -> None:
        self._write(logging.ERROR, message, fields, exc)

    def _write(self, level: int, message: str, fields: dict[str, Any], exc: BaseException | None = None) -> None:
        if self._logger.isEnabledFor(level):
            self._logger.log(level, message, extra={FIELDS: fields}, exc_info=exc, stacklevel=3)


def get_log(name: str) -> Log:
    """The log of a module: `log = get_log(__name__)`."""
    return Log(name)
