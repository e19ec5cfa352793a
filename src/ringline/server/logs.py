"""How log records are written: for people in development, a JSON object per line elsewhere."""

from __future__ import annotations

import logging
import sys
from typing import Any, Final, Literal

import structlog

from ringline.base.log import FIELDS

Form = Literal["people", "json"]
_OURS: Final = "ringline"


def write_logs(form: Form, level: str = "INFO") -> None:
    """Send all log records to stderr: ours from `level` on, those of libraries from WARNING on."""
    renderer: Any = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=0, sort_keys=False)
        if form == "people"
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    stamp = structlog.processors.TimeStamper(fmt="%H:%M:%S" if form == "people" else "iso", utc=form == "json")
    processors: list[Any] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if form == "json":
        processors.append(structlog.processors.format_exc_info)
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.add_log_level, structlog.stdlib.add_logger_name, stamp, _take_fields],
        processors=[*processors, renderer],
    )
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger(_OURS).setLevel(level)


def _take_fields(logger: Any, name: str, event: Any) -> Any:
    """Put the facts of a record beside its message, as text: `Private` writes itself as `***`."""
    record = event.get("_record")
    for key, value in getattr(record, FIELDS, {}).items():
        plain = value is None or isinstance(value, str | int | float | bool)
        event.setdefault(key, value if plain else str(value))
    return event
