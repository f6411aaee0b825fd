"""Every command but those about requests that wait, with the function that carries it out: these may wait themselves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from store.acts import (
    assets,
    care,
    consulting,
    conversation,
    delivery,
    granting,
    merging,
    moving,
    opening,
    preferring,
    probing,
    sifting,
    undoing,
    wishing,
)
from store.acts.conversation import Applied
from store.config import Config

HANDLERS: dict[type, Callable[[Connection, Config, Any, datetime], Applied]] = {
    **opening.HANDLERS,
    **conversation.HANDLERS, **care.HANDLERS, **moving.HANDLERS, **merging.HANDLERS, **sifting.HANDLERS, **consulting.HANDLERS,
    **undoing.HANDLERS, **delivery.HANDLERS, **preferring.HANDLERS, **wishing.HANDLERS, **assets.HANDLERS, **granting.HANDLERS,
    **probing.HANDLERS,
}  # fmt: skip
