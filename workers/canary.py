"""Sends probes through the whole route of each mailbox, and says so when one stays away (threats 96).

clock ─► relay ─► the mailbox's own address ─► whatever brings its mail ─► door ─► filer: outcome `auto`, reason `probe`
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from email.utils import format_datetime

from store import probes
from store.config import Config
from store.database import Store
from store.errors import Permanent, Temporary
from store.probes import Outgoing
from store.rules.tokens import loop_mark
from templates.probes import SUBJECT, TEXT
from workers.compose import Mail
from workers.relay import open_relay

_log = logging.getLogger("postern.canary")


def probe(config: Config, store: Store, now: datetime) -> Iterator[None]:
    """Sends what is due, then looks at what is out. Raises Temporary."""
    if not probes.mailboxes(config):
        return
    if due := probes.take_due(store, config, now):
        with closing(open_relay(config)) as relay:
            for one in due:
                try:
                    relay.send(_written(one, config.secret))
                except (Temporary, Permanent) as error:  # it stays away, and that is told
                    _log.warning("the probe to %s was not sent: %s", one.mailbox, error)
                yield
    with store.read() as connection:
        states = probes.states(connection, config, now)
    for state in states:
        with store.write() as connection:
            told = probes.tell(connection, config, state, now)
        if told and state.late:
            _log.error("the probe to %s has not come back since %s", state.mailbox, state.waiting)
        yield


def _written(one: Outgoing, secret: bytes) -> Mail:
    """The mail, from its mailbox to itself. That it may not be answered, and is ours, its headers say as well."""
    headers = {
        "From": one.mailbox, "To": one.mailbox, "Subject": f"{SUBJECT} {one.token}", "Date": format_datetime(one.at),
        "Message-ID": f"<{one.token}@{one.mailbox.rpartition('@')[2]}>", "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All", "X-Postern-Loop": loop_mark(secret), "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=us-ascii",
    }  # fmt: skip
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return Mail("", one.mailbox, f"{head}\r\n{TEXT}\r\n".encode("ascii"))
