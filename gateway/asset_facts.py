"""What a mail has to do with assets: the alert it answers, the devices it names."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlalchemy import Connection

from gateway.decide.facts import AlertAnswered
from gateway.parse.parsed import Parsed
from store import alerts, assets
from store.rules.desk import Desk
from store.rules.people import PersonFacts
from store.rules.tokens import Token

_MOST_WORDS = 10
_WORD = re.compile(r"[^\s,;:()\[\]\"'“”!?]{2,64}")


def alert_answered(
    connection: Connection, desk: Desk, tokens: Sequence[Token], own: dict[str, Token], on_ticket: bool
) -> AlertAnswered | None:  # fmt: skip
    """The alert that is answered: by its signed address, or by its Message-ID where nothing names a ticket."""
    acts = [token for token in tokens if token.kind in ("renew", "cancel")]
    signed = acts or [token for token in tokens if token.kind == "alert"]
    by_id = [] if on_ticket else list(own.values())
    for token in (*signed, *by_id):
        which = {"event": token.id} if token.kind == "copy" else {"alert": token.id}
        found = alerts.find(connection, desk.name, **which)
        if found is not None and found.person == token.person:
            action = acts[0].kind if len({act.kind for act in acts}) == 1 else "reply"
            return AlertAnswered(found.id, found.person, action, found.devices)  # type: ignore[arg-type]
    return None


def assets_named(
    connection: Connection, desk: Desk, parsed: Parsed, sender: PersonFacts | None, on_ticket: bool
) -> tuple[int, ...]:  # fmt: skip
    """The assets it names (DV-37): by a line of its text, or in the subject of new mail by a word with a digit."""
    if sender is None or not sender.organizations:
        return ()
    words = [word for word in (parsed.fields.device, parsed.fields.serial) if word]
    if not on_ticket:
        said = (word.rstrip(".") for word in _WORD.findall(parsed.subject))
        words += [word for word in said if any(map(str.isdigit, word))][:_MOST_WORDS]
    return assets.named(connection, desk.name, sender, words) if words else ()
