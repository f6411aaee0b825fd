"""Where the log goes and what a line looks like: one line each, no secrets, no mail, nothing that forges a line."""

from __future__ import annotations

import logging
import re
import sys

import structlog
from structlog.typing import EventDict, WrappedLogger

from store.errors import describe

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_QUIET = ("mail.log", "alembic", "dramatiq", "asyncio", "pebble", "uvicorn.error")


def set_up() -> None:
    """Sends all logging of this process to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Line("%(asctime)s %(levelname).1s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.ERROR)
    structlog.configure(
        processors=[structlog.stdlib.add_log_level, _places, _as_words],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


class _Line(logging.Formatter):
    """A record as one line; of an error its kind and the places it came through, never the values that were there."""

    def formatException(self, ei: object) -> str:
        return ""

    def format(self, record: logging.LogRecord) -> str:
        error = record.exc_info[1] if record.exc_info else None
        record.exc_info, record.exc_text = None, None
        line = super().format(record)
        return _CONTROL.sub(" ", f"{line} [{describe(error)}]" if error else line)


def _places(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    if event.pop("exc_info", None) and (error := sys.exc_info()[1]):
        event["error"] = describe(error)
    return event


def _as_words(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    event.pop("level", None)
    what = event.pop("event", "")
    return " ".join([str(what), *(f"{key}={value}" for key, value in event.items())])
