"""One conversation for each reader: what their mail programs group our mails by, from the first to the last of a ticket.

Gmail wants a cited Message-ID and an unchanged subject, Outlook a Thread-Index, Apple Mail a cited Message-ID.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select

from store import pending
from store.config import Config
from store.rules.conversation import make_head, make_index
from store.schema import Message, Ticket

_OPENING = (
    select(Message.c.message_id).where(Message.c.ticket_id == bindparam("ticket")).order_by(Message.c.id).limit(1)
)
_MERGED = (
    select(Ticket.c.id, Ticket.c.desk, Ticket.c.number, Ticket.c.subject, Ticket.c.conversation, Ticket.c.created)
    .where(Ticket.c.merged_into == bindparam("ticket"))
    .order_by(Ticket.c.id)
)


class Threads:
    """The conversations of a ticket; one look-up for all its readers."""

    def __init__(self, connection: Connection, config: Config, ticket: Any) -> None:
        self._connection, self._config, self._ticket = connection, config, ticket
        self._root = connection.execute(_OPENING, {"ticket": ticket.id}).scalar()
        self._merged: Sequence[Any] = connection.execute(_MERGED, {"ticket": ticket.id}).all()

    def facts(self, person_id: int, event_id: int, at: datetime, own_mail: str | None, outside: bool) -> dict[str, Any]:
        """What the mail about an event has of the conversation that this person sees.

        `own_mail`: the Message-ID of their mail that it answers. `outside`: they may not even see the Message-ID of what they
        have no sight of.
        """
        former = pending.former(self._connection, [self._ticket.id, *(one.id for one in self._merged)], person_id)
        ids = [row.header_id for row in former]
        root = None if outside else self._root
        # A client threads a mail under what it has seen: the person's own mail, or the last copy sent to this person.
        cited = [*([root] if root else []), *ids, *([own_mail] if own_mail else [])]
        home = self._home([row.tag for row in former])
        head = None if outside else home.conversation
        return {
            "tag": self._tag(home),
            "subject": home.subject,
            "in_reply_to": own_mail or (ids[-1] if ids else root),
            "references": list(dict.fromkeys(cited)),
            "thread_index": make_index(head or self.head(home), event_id, at),
        }

    def head(self, ticket: Any) -> str:
        """What the Thread-Index of a ticket begins with, where no mail has given it."""
        return make_head(self._config.secret, ticket.id, ticket.created)

    def _home(self, tags: Sequence[str]) -> Any:
        """The ticket whose conversation this reader is in: of one merged into this, if they have read of no other.

        Gmail begins a new conversation when the subject changes. Mail to the number of a merged ticket finds its way.
        """
        if self._tag(self._ticket) in tags:
            return self._ticket
        known = {self._tag(one): one for one in self._merged if one.desk == self._ticket.desk}
        return next((known[tag] for tag in reversed(tags) if tag in known), self._ticket)

    def _tag(self, ticket: Any) -> str:
        return f"{self._config.desks[ticket.desk].key}#{ticket.number}"
