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
from store import broken_templates, folders, outcomes, parts, pending, probes, troubles
from store.config import Config, host_and_port
from store.errors import ConfigError, describe

LATE = 600  # seconds a row may wait before somebody should look
_PATIENCE = 1.0  # seconds a door may take to accept a connection
_ANSWER = 5.0  # seconds the database may take; less than a monitor waits
_EVERYWHERE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}


async def health(request: Request) -> Response:
    """GET /healthz: 200 when all is well, 503 when somebody should look; a filter that is away alone is `degraded` with 200."""
    told = await look(request)
    return JSONResponse(told, 503 if told.pop("red") else 200)


async def look(request: Request) -> dict[str, Any]:
    """How everything does, as /healthz says it."""
    portal = portal_of(request)
    doors = await _doors(portal.config)
    told: dict[str, Any] = {"status": "ok", "journal": None, "outbox": None, "parts": None}
    told |= await _answer_of_the_store(request, portal)
    elsewhere = told.pop("elsewhere", set())
    told["doors"] = {door: state | {"up": state["up"] or door in elsewhere} for door, state in doors.items()}
    waits = [told[ledger]["oldest_seconds"] or 0 for ledger in ("journal", "outbox") if told[ledger]]
    states = [
        *told["doors"].values(),
        *(told["parts"] or {}).values(),
        *told.get("mailboxes", ()),
        *told.get("probes", ()),
        *told.get("templates", ()),
        *([told["relay"]] if "relay" in told else []),
    ]
    told["red"] = (
        told["parts"] is None or max(waits, default=0) > LATE or not all(state["up"] for state in states)
    )  # fmt: skip
    if told["red"] or not all(state["up"] for state in told.get("filters", {}).values()):
        told["status"] = "degraded"
    return told


async def _answer_of_the_store(request: Request, portal: Portal) -> dict[str, Any]:
    """What it says, or nothing. One that hangs is asked only once at a time: each asking holds a connection and a thread."""
    asked: asyncio.Task[dict[str, Any]] | None = getattr(request.app.state, "health_asked", None)
    if asked is None or asked.done():
        asked = asyncio.create_task(to_thread.run_sync(_look, portal, abandon_on_cancel=True))
        request.app.state.health_asked = asked
    await asyncio.wait([asked], timeout=_ANSWER)
    if not asked.done():
        log.error("the store does not answer")
        return {}
    if error := asked.exception():
        log.error("the store cannot be read: %s", describe(error))
        return {}
    return asked.result()


def _look(portal: Portal) -> dict[str, Any]:
    """How much waits in the two ledgers, and since when the oldest of it; which parts show that they live."""
    now = portal.clock()
    waiting = outcomes.count_unfiled(portal.store)
    first = outcomes.oldest_unfiled(portal.store) if waiting else None
    due = pending.next_due(portal.store)
    with portal.store.read() as connection:
        up = parts.up(connection, now)
        sent = [_probe(state, now) for state in probes.states(connection, portal.config, now)]
        read = [_mailbox(state, now) for state in folders.states(connection, portal.config)]
        broken = [_template(state, now) for state in broken_templates.states(connection, portal.config)]
        wrong = troubles.states(connection)
    told: dict[str, Any] = {
        "journal": {"waiting": waiting, "oldest_seconds": _age(first, now) if first else None},
        "outbox": {
            "waiting": pending.busy(portal.store, now),
            "oldest_seconds": _age(due, now) if due is not None and due <= now else None,
        },
        "parts": {part: {"up": bool(hosts)} for part, hosts in up.items()},
        "elsewhere": {part for part, hosts in up.items() if hosts - {parts.this_host()}},
    }
    if read:
        told["mailboxes"] = read
    if sent:
        told["probes"] = sent
    if broken:
        told["templates"] = broken
    settings = portal.config.settings
    if not settings.relay.url.startswith("maildir:"):
        told["relay"] = _server(wrong.get("relay"), now)
    asked = [name for name in ("clamd", "rspamd") if getattr(settings.filter, name)]
    if asked:
        told["filters"] = {name: _server(wrong.get(name), now) for name in asked}
    return told


def _server(trouble: troubles.State | None, now: datetime) -> dict[str, Any]:
    """How a server does that we use: `trouble` says at once what is wrong and what to do; it is down when that lasts."""
    if trouble is None:
        return {"up": True, "seconds_of_trouble": None, "trouble": ""}
    return {"up": not trouble.lasts(now), "seconds_of_trouble": _age(trouble.since, now), "trouble": trouble.why}


def _mailbox(state: folders.State, now: datetime) -> dict[str, Any]:
    """What is to be known of a folder that mail is fetched from; `left`: mails that lie there and need a person."""
    silent = state.silent(now)
    return {
        "name": state.name,
        "up": state.up(now),
        "seconds_since_success": None if silent is None else int(silent),
        "trouble": state.trouble,
        "left": state.left,
    }


def _probe(state: probes.State, now: datetime) -> dict[str, Any]:
    """How the probes of a mailbox do; `seconds_to_ticket`: from arrival to filed, of the last that came back."""
    return {
        "mailbox": state.mailbox,
        "up": not state.late,
        "seconds_since_filed": None if state.filed is None else _age(state.filed, now),
        "seconds_to_ticket": state.seconds,
    }


def _template(state: broken_templates.State, now: datetime) -> dict[str, Any]:
    """What is broken of a desk's own templates, and how long ago a mail met it."""
    return {"desk": state.desk, "up": False, "fault": state.fault, "seconds_since_met": _age(state.met, now)}


def _age(since: datetime, now: datetime) -> int:
    return max(0, int((now - since).total_seconds()))


async def _doors(config: Config) -> dict[str, dict[str, Any]]:
    listen = {"smtp": config.settings.smtp.listen, "lmtp": config.settings.lmtp.listen}
    return {
        door: {"listen": place, "up": await _accepts(config, door, place)} for door, place in listen.items() if place
    }


async def _accepts(config: Config, door: str, listen: str) -> bool:
    """Whether something takes connections there: at HOST:PORT or, with a / in it, the path of a Unix socket."""
    try:
        if "/" in listen:
            connecting = asyncio.open_unix_connection(config.folder / listen)
        else:
            host, port = host_and_port(listen, f"{door}.listen")
            connecting = asyncio.open_connection(_EVERYWHERE.get(host, host), port)
        _, writer = await asyncio.wait_for(connecting, _PATIENCE)
    except (OSError, TimeoutError, ConfigError):
        return False
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return True
