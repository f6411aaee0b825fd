"""Gathers the facts the rules need: people, evidence, duplicates. Reads only; decides nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from gateway.decide.facts import Evidence, EvidenceKind, Facts, ReportedMail
from gateway.parse import Parsed
from gateway.parse.authentication import Proof
from store import facts as ask
from store import people
from store.config import Config
from store.journal import JournalRow
from store.rules.addressing import Place
from store.rules.desk import Desk
from store.rules.fanout import ANSWERS
from store.rules.people import PersonFacts, TicketFacts, relation
from store.rules.tags import find_tags
from store.rules.tokens import Token, loop_mark, verify

_MOST_IDS = 50  # Message-IDs of In-Reply-To and References that are looked up
_REDELIVERED = timedelta(days=5)  # how long a mail server tries (RFC 5321 4.5.4.1)
_REMOTE_DOORS = ("smtp", "lmtp")  # doors whose envelope sender is known, so that an empty one is the null sender


def look_up(
    connection: Connection, config: Config, row: JournalRow, parsed: Parsed, now: datetime, proof: Proof
) -> Facts:
    """The facts about one mail at the desk of its journal row."""
    desk = config.desks[row.desk]
    places = [p for p in map(config.addresses.locate, row.recipients) if isinstance(p, Place) and p.desk == desk.name]
    tokens = [token for place in places if (token := verify(place.extension, config.secret))]
    sender = people.find(connection, parsed.sender.address) if parsed.sender else None
    duplicate = _duplicate(connection, desk, parsed, row, now)
    day, hour = now - timedelta(days=1), now - timedelta(hours=1)
    return Facts(
        desk=desk,
        mailboxes=tuple(dict.fromkeys(place.mailbox for place in places)) or (desk.main,),
        null_sender=row.door in _REMOTE_DOORS and not row.sender,
        sender=sender,
        sender_is_desk=_is_desk(config, parsed),
        own_message=_is_own(config, parsed),
        dmarc_failed=proof.dmarc == "fail",
        proof=proof,
        duplicate_of=duplicate[0] if duplicate else None,
        duplicate_ticket=duplicate[1] if duplicate else None,
        evidence=tuple(_evidence(connection, config, desk, tokens, parsed, sender)),
        reported=_reported(connection, desk, tokens, parsed, config.secret),
        answers_today=ask.answers_since(connection, sender.id, ANSWERS, day) if sender else 0,
        answers_this_hour=ask.answers_since(connection, sender.id, ANSWERS, hour) if sender else 0,
    )


def content_key(parsed: Parsed, row: JournalRow) -> str:
    """What makes two deliveries one mail. Without a Message-ID two people may well send equal bytes."""
    return parsed.content_hash if parsed.message_id else f"{parsed.content_hash}:{row.sender}"


def own_id(message_id: str, secret: bytes) -> Token | None:
    """The token in one of our own Message-IDs; None for everybody else's."""
    token = verify(message_id.partition("@")[0], secret)
    return token if token and token.kind == "copy" else None


def _duplicate(
    connection: Connection, desk: Desk, parsed: Parsed, row: JournalRow, now: datetime
) -> tuple[int, int | None] | None:
    """An earlier row with the same content. Without a Message-ID only of late: a nightly alarm may never vary."""
    since = None if parsed.message_id else now - _REDELIVERED
    return ask.same_content(connection, desk.name, content_key(parsed, row), row.id, since)


def _is_own(config: Config, parsed: Parsed) -> bool:
    if parsed.loop_mark == loop_mark(config.secret):
        return True
    return bool(parsed.message_id and own_id(parsed.message_id, config.secret))


def _is_desk(config: Config, parsed: Parsed) -> bool:
    """By From alone: a forwarding service may well put a mailbox of ours into the envelope."""
    return any(who is not None and config.addresses.is_own(who.address) for who in (parsed.sender, parsed.from_))


def _evidence(
    connection: Connection, config: Config, desk: Desk, tokens: Sequence[Token], parsed: Parsed, sender: PersonFacts | None
) -> Iterable[Evidence]:  # fmt: skip
    """Strongest kind first (design 3); within a kind, tickets the sender has a part in come first (X-09)."""
    ids = list(dict.fromkeys([*parsed.in_reply_to, *reversed(parsed.references)]))[:_MOST_IDS]
    own = [token for id_ in ids if (token := own_id(id_, config.secret))]
    tags = [number for key, number in find_tags(parsed.subject) if key == desk.key]
    replies = [token for token in tokens if token.kind == "reply"]
    returned = [token for token in tokens if token.kind == "bounce"]  # absence notes come to the envelope address too
    found: list[tuple[EvidenceKind, TicketFacts | None, int | None]] = [
        *(("reply_address", ask.ticket(connection, token.id), token.person) for token in replies),
        *(("reply_address", ask.ticket_of_event(connection, token.id), token.person) for token in returned),
        *(("own_message_id", ask.ticket_of_event(connection, token.id), token.person) for token in own),
        *(("message_id", ticket, None) for ticket in ask.tickets_of_ids(connection, desk.name, ids)),
        *(("subject_tag", ask.ticket_by_number(connection, desk.name, number), None) for number in tags[:10]),
    ]
    kinds: list[EvidenceKind] = ["reply_address", "own_message_id", "message_id", "subject_tag"]
    for kind in kinds:
        mine = [
            Evidence(kind, ticket, relation(sender, ticket, desk), owner)
            for name, ticket, owner in found
            if name == kind and ticket is not None and ticket.desk == desk.name
        ]
        yield from sorted(mine, key=lambda evidence: evidence.relation == "none")


def _reported(
    connection: Connection, desk: Desk, tokens: Sequence[Token], parsed: Parsed, secret: bytes
) -> ReportedMail | None:  # fmt: skip
    """The mail of ours a delivery report is about: by its VERP address, else by the Message-ID it returns."""
    for token in tokens:
        if token.kind == "bounce" and (row := ask.mail_about(connection, token.id, token.person)):
            return ReportedMail(token.id, token.person, row.ticket_id, row.recipient, True)
    if parsed.bounce is None:
        return None
    for id_ in (*parsed.bounce.message_ids, *parsed.in_reply_to, *parsed.references):
        own = own_id(id_, secret)
        if own and (row := ask.mail_about(connection, own.id, own.person)):
            return ReportedMail(own.id, own.person, row.ticket_id, row.recipient, False)
        if found := ask.tickets_of_ids(connection, desk.name, [id_]):
            return ReportedMail(None, None, found[0].id, "somebody", False)  # who, nothing proves
    return None
