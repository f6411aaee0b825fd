"""Applies what staff do with tickets besides answering; the last of it can be undone for ten minutes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from store.acts.conversation import Applied
from store.config import Config

HANDLERS: dict[type, Callable[[Connection, Config, Any, datetime], Applied]] = {}
