"""Remembers how somebody wants to be told, with an event that says what it was before."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from store.acts.conversation import Applied
from store.commands import Prefer
from store.config import Config
from store.preferences import choose, preferences
from store.rows import write_event


def _prefer(connection: Connection, config: Config, command: Prefer, now: datetime) -> Applied:
    before, wanted = preferences(connection, command.person), dict(command.choices)
    changed = {category: choice for category, choice in wanted.items() if before[category] != choice}
    if not changed:
        return Applied(None)
    choose(connection, command.person, changed)
    old, new = (" ".join(f"{name}={words[name]}" for name in changed) for words in (before, wanted))
    return Applied(None, event=write_event(connection, None, "preferences", command.person, now, old=old, new=new))


HANDLERS: dict[type, Callable[[Connection, Config, Any, datetime], Applied]] = {Prefer: _prefer}
