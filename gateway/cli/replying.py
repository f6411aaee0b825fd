"""A staff reply, note or close from the command line."""

from __future__ import annotations

from gateway.cli.agents import find_work
from store import views
from store.apply import apply
from store.clock import now
from store.commands import AddNote, CloseTicket, Command, NewMessage, SupportReply
from store.config import Config
from store.database import Store
from store.errors import BadInput


def write_reply(
    store: Store, config: Config, tag: str, agent: str, text: str, *, wait: bool | None, note: bool, close: bool
) -> str:  # fmt: skip
    """Carries it out; a sentence of what was done. Raises BadInput or NotFound, nothing changed."""
    with store.write() as connection:
        row, desk, author = find_work(connection, config, tag, agent)
        message = NewMessage(author, text, channel="cli")
        must_wait = desk.staff_reply_default == "wait" if wait is None else wait
        command: Command
        if not text and close and not note:
            command = CloseTicket(row.id, author, "support")
        elif not text:
            raise BadInput("there is nothing on standard input to send")
        elif note:
            command = AddNote(row.id, message)
        else:
            command = SupportReply(row.id, message, wait=must_wait, close=close)
        apply(connection, config, command, now())
        if note and close:
            apply(connection, config, CloseTicket(row.id, author, "support"), now())
        row = views.ticket_row(connection, row.id)
        told = views.ticket(connection, config, row)
    return f"{told['tag']} is now {told['label']}"
