"""A probe mail that came back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from store import probes
from store.acts.conversation import Applied
from store.commands import RecordProbe
from store.config import Config


def _record(connection: Connection, config: Config, command: RecordProbe, now: datetime) -> Applied:
    probes.came_back(connection, config, command.probe, command.number, command.arrived, now)
    return Applied(None)


HANDLERS: dict[type, Callable[[Connection, Config, Any, datetime], Applied]] = {RecordProbe: _record}
