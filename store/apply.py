"""Applies commands: each in the caller's transaction, with its events and its outbox rows. The one way to change a ticket."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from store.acts import handlers, parking
from store.acts.conversation import Applied
from store.commands import Command
from store.config import Config

__all__ = ["Applied", "apply"]

_HANDLERS: dict[type, Callable[[Connection, Config, Any, datetime], Applied]] = {
    **handlers.HANDLERS, **parking.HANDLERS,
}  # fmt: skip


def apply(connection: Connection, config: Config, command: Command, now: datetime) -> Applied:
    """Carries a command out. Raises NotFound when it names a ticket that does not exist, BadInput when it cannot be done."""
    return _HANDLERS[type(command)](connection, config, command, now)
