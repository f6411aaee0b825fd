"""Writes down which filters could not be asked. Apart from `filters`, because children that ask have no store."""

from __future__ import annotations

import logging
from datetime import datetime

from sqlalchemy import Connection

from gateway.filters import Said
from store import troubles

_WHY = "mails are filed without {0}; see that it runs, and where [filter] {0} says"
_memories = {name: troubles.Memory(name) for name in ("clamd", "rspamd")}
_log = logging.getLogger("postern.filer")


def note(connection: Connection, said: Said, now: datetime) -> None:
    """Writes down, and logs once a minute, that a filter is not there and mails are filed without its word; or that it is back."""
    for name, words in said.words:
        why = _WHY.format(name) if name in said.failed else None
        if why and _memories[name].is_news(why):
            _log.error("mails are filed without %s: %s", name, words)
        _memories[name].note(connection, why, now)
