"""Whether the gateway does its work, for a monitor: no login, and nothing about tickets or people (threats 96)."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime
from typing import Any

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gateway.portal.context import Portal, portal_of
from gateway.portal.guard import log
from store import outbox, outcomes
from store.config import host_and_port
from store.errors import ConfigError, describe

LATE = 600  # seconds a row may wait before somebody should look
_PATIENCE = 1.0  # seconds a door may take to accept a connection
_EVERYWHERE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}


async def health(request: Request) -> Response:
    """GET /healthz: 200 when all is well, 503 when somebody should look."""
    portal = portal_of(request)
    up = await _accepts(portal.config.settings.smtp.listen)
    told: dict[str, Any] = {"status": "ok", "journal": None, "outbox": None}
    try:
        told |= await to_thread.run_sync(_ledgers, portal)
    except Exception as error:
        log.error("the store cannot be read: %s", describe(error))
        told["status"] = "degraded"
    told["doors"] = {"smtp": {"listen": portal.config.settings.smtp.listen, "up": up}}
    ages = [told[ledger]["oldest_seconds"] or 0 for ledger in ("journal", "outbox") if told[ledger]]
    if not up or max(ages, default=0) > LATE:
        told["status"] = "degraded"
    return JSONResponse(told, 200 if told["status"] == "ok" else 503)


def _ledgers(portal: Portal) -> dict[str, Any]:
    """How much waits in the two ledgers, and since when the oldest of it."""
    now = portal.clock()
    waiting = outcomes.count_unfiled(portal.store)
    first = outcomes.oldest_unfiled(portal.store) if waiting else None
    due = outbox.next_due(portal.store)
    return {
        "journal": {"waiting": waiting, "oldest_seconds": _age(first, now) if first else None},
        "outbox": {
            "waiting": outbox.busy(portal.store, now),
            "oldest_seconds": _age(due, now) if due is not None and due <= now else None,
        },
    }


def _age(since: datetime, now: datetime) -> int:
    return max(0, int((now - since).total_seconds()))


async def _accepts(listen: str) -> bool:
    """Whether something takes connections there."""
    try:
        host, port = host_and_port(listen, "smtp.listen")
        connecting = asyncio.open_connection(_EVERYWHERE.get(host, host), port)
        _, writer = await asyncio.wait_for(connecting, _PATIENCE)
    except (OSError, TimeoutError, ConfigError):
        return False
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return True
