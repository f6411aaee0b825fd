"""A ticket that an agent opens for a customer from the command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway.cli.agents import find_agent, find_desk
from store import views
from store.apply import apply
from store.clock import now
from store.commands import Author, NewMessage, OpenTicket
from store.config import Config
from store.database import Store
from store.errors import BadInput
from store.rules.addressing import check_address
from store.rules.desk import Priority


def open_ticket(
    store: Store, config: Config, desk_name: str, customer: str, agent: str, subject: str, text: str,
    department: str | None, priority: Priority | None, cc: Sequence[str],
) -> dict[str, Any]:  # fmt: skip
    """The ticket, opened. Raises BadInput, nothing changed."""
    desk = find_desk(config, desk_name)
    known = sorted({mailbox.department for mailbox in desk.mailboxes})
    if department is not None and department not in known:
        raise BadInput(f"--department: there is no {department!r} at {desk.name}; there are {', '.join(known)}")
    mailbox = desk.mailbox_of(department) if department else desk.main
    with store.write() as connection:
        by = find_agent(connection, desk, agent)
        command = OpenTicket(
            desk.name, subject, NewMessage(Author(_checked("--for", customer)), text, channel="cli"), mailbox.department,
            priority or mailbox.priority, "cli", cc=tuple(Author(_checked("--cc", address)) for address in cc), by=by,
        )  # fmt: skip
        applied = apply(connection, config, command, now())
        assert applied.ticket is not None
        return views.ticket(connection, config, views.ticket_row(connection, applied.ticket))


def _checked(option: str, address: str) -> str:
    try:
        return check_address(address)
    except ValueError as error:
        raise BadInput(f"{option}: {error}, got {address!r}") from None
