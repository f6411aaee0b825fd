"""Gathers the facts the rules need, by three questions to the store. Reads only; decides nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from gateway.decide.facts import KINDS, Action, AlertAnswered, Evidence, EvidenceKind, Facts, ReportedMail
from gateway.parse import Parsed
from gateway.parse.authentication import Proof
from store import alerts, assets, people
from store import facts as ask
from store.config import Config
from store.facts import Asking
from store.journal import JournalRow
from store.pointers import Named, Pointers
from store.pointers import named as tickets_named
from store.rules.addressing import Place, normalise, without_extension
from store.rules.desk import Desk
from store.rules.gist import gist
from store.rules.people import PersonFacts, relation
from store.rules.tags import find_tags
from store.rules.tokens import Token, loop_mark, verify

_MOST_IDS = 50  # Message-IDs of In-Reply-To and References that are looked up
_MOST_TAGS = 10
_REDELIVERED = timedelta(days=5)  # how long a mail server tries (RFC 5321 4.5.4.1)
_EVER = datetime.fromisoformat("2000-01-01T00:00:00+00:00")
_ALL_ROWS = 2**62
_REMOTE_DOORS = ("smtp", "lmtp")  # doors whose envelope sender is known, so that an empty one is the null sender
_WORD = re.compile(r"[^\s,;:()\[\]\"'“”!?]{2,64}")
_SIGNED = re.compile(r"\+([a-z2-7]{20,50})@")


def look_up(
    connection: Connection, config: Config, row: JournalRow, parsed: Parsed, now: datetime, proof: Proof,
    rows_before: int = _ALL_ROWS,
) -> Facts:  # fmt: skip
    """The facts about one mail at the desk of its journal row, as of `now`.

    `rows_before`: journal rows from this one on did not exist yet, when past mail is decided anew.
    """
    desk = config.desks[row.desk]
    places = [p for p in map(config.addresses.locate, row.recipients) if isinstance(p, Place) and p.desk == desk.name]
    tokens = [token for place in places if (token := verify(place.extension, config.secret))]
    email = normalise(parsed.sender.address) if parsed.sender else ""
    sender = people.find(connection, email) if email else None
    ids = list(dict.fromkeys([*parsed.in_reply_to, *reversed(parsed.references)]))[:_MOST_IDS]
    own = {id_: token for id_ in ids if (token := own_id(id_, config.secret))}
    tags = [str(number) for key, number in find_tags(parsed.subject) if key == desk.key][:_MOST_TAGS]
    named = _named(connection, desk, tokens, ids, own, tags, parsed, sender, now)
    past = ask.past(connection, _asking(config, row, parsed, email, now, rows_before))
    evidence = tuple(_evidence(config, named, tokens, own, ids, tags, sender))
    return Facts(
        desk=desk,
        mailboxes=tuple(dict.fromkeys(place.mailbox for place in places)) or (desk.main,),
        now=now,
        null_sender=row.door in _REMOTE_DOORS and not row.sender,
        sender=sender,
        sender_is_desk=_is_desk(config, parsed),
        blocked=past.blocked,
        own_message=_is_own(config, parsed),
        holds_our_words=_holds_our_words(config, parsed),
        proof=proof,
        of_organization=_of_organization(connection, desk, sender, email, proof),
        duplicate_of=past.duplicate[0] if past.duplicate else None,
        duplicate_ticket=past.duplicate[1] if past.duplicate else None,
        duplicate_refused=past.refused,
        elsewhere=past.elsewhere,
        id_reused=past.id_reused,
        evidence=evidence,
        cited=_cited(parsed, own, named),
        reported=_reported(connection, desk, tokens, parsed, config.secret),
        alert=_alert(connection, desk, tokens, own, bool(evidence)),
        assets=_assets(connection, desk, parsed, sender, bool(evidence)),
        answers_today=past.answers_today,
        answers_this_hour=past.answers_this_hour,
        repeats=past.gists.count(gist(parsed.text)) if past.gists else 0,
        strangers_this_hour=past.strangers_this_hour,
    )


def _of_organization(
    connection: Connection, desk: Desk, sender: PersonFacts | None, email: str, proof: Proof
) -> bool:  # fmt: skip
    """One question more, for strangers at desks that hold their mail and take them by their domain."""
    if not (desk.domain_join and desk.unknown_sender != "accept" and email and proof.dmarc == "pass"):
        return False
    known = sender is not None and sender.confirmed
    return not known and people.organization_by_domain(connection, email, desk.name) is not None


def content_key(parsed: Parsed, row: JournalRow) -> str:
    """What makes two deliveries one mail. Without a Message-ID two people may well send equal bytes."""
    return parsed.content_hash if parsed.message_id else f"{parsed.content_hash}:{row.sender}"


def own_id(message_id: str, secret: bytes) -> Token | None:
    """The token in one of our own Message-IDs; None for everybody else's."""
    token = verify(message_id.partition("@")[0], secret)
    return token if token and token.kind == "copy" else None


def _asking(config: Config, row: JournalRow, parsed: Parsed, email: str, now: datetime, rows_before: int) -> Asking:
    return Asking(
        journal_id=row.id,
        desk=row.desk,
        desks=list(config.desks),
        content_key=content_key(parsed, row),
        # Without a Message-ID only of late: a nightly alarm may never vary.
        content_since=_EVER if parsed.message_id else now - _REDELIVERED,
        message_id=parsed.message_id,
        email=email,
        correspondent=without_extension(email),
        now=now,
        hour=now - timedelta(hours=1),
        day=now - timedelta(days=1),
        before=rows_before,
    )


def _is_own(config: Config, parsed: Parsed) -> bool:
    if parsed.loop_mark == loop_mark(config.secret):
        return True
    return bool(parsed.message_id and own_id(parsed.message_id, config.secret))


def _is_desk(config: Config, parsed: Parsed) -> bool:
    """By From alone: a forwarding service may well put a mailbox of ours into the envelope."""
    return any(who is not None and config.addresses.is_own(who.address) for who in (parsed.sender, parsed.from_))


def _holds_our_words(config: Config, parsed: Parsed) -> bool:
    """No header has to survive for it (threats 36): our mails carry links to their ticket and signed addresses."""
    return f"{config.base_url}/t/" in parsed.text or any(
        verify(extension, config.secret) for extension in _SIGNED.findall(parsed.text)[:5]
    )


def _named(
    connection: Connection, desk: Desk, tokens: Sequence[Token], ids: Sequence[str], own: dict[str, Token],
    numbers: Sequence[str], parsed: Parsed, sender: PersonFacts | None, now: datetime,
) -> list[Named]:  # fmt: skip
    """Every ticket the mail points at, in one question."""
    pointers = Pointers(
        tickets=[token.id for token in tokens if token.kind in ("reply", "close")],
        # Absence notes come to the envelope address too.
        events=[*(token.id for token in tokens if token.kind == "bounce"), *(token.id for token in own.values())],
        parked=[token.id for token in tokens if token.kind == "confirm"],
        message_ids=[id_ for id_ in ids if id_ not in own],
        numbers=[int(number) for number in numbers],
        roots=[id_ for id_ in ids if id_ not in own],
        own=parsed.message_id,
    )
    return tickets_named(connection, desk.name, pointers, sender.id if sender else None, now)


def _evidence(
    config: Config, named: Sequence[Named], tokens: Sequence[Token], own: dict[str, Token], ids: Sequence[str],
    numbers: Sequence[str], sender: PersonFacts | None,
) -> Iterable[Evidence]:  # fmt: skip
    """Strongest kind first (design 3); within a kind, tickets the sender has a part in come first (X-09)."""
    found: dict[EvidenceKind, list[Evidence]] = {kind: [] for kind in KINDS}
    by_key: dict[tuple[str, str], list[Named]] = {}
    for one in named:
        by_key.setdefault((one.kind, one.key), []).append(one)

    def add(kind: EvidenceKind, one: Named, token: Token | None = None) -> None:
        at_home = config.desks.get(one.ticket.desk)
        if at_home is None:
            return
        part = relation(sender, one.ticket, at_home)
        if part == "none" and one.consulted and sender is not None and sender.active:
            part = "consulted"
        action: Action = "reply"
        if token is not None and token.kind in ("close", "confirm"):
            action = "close" if token.kind == "close" else "confirm"
        found[kind].append(
            Evidence(
                kind, one.ticket, part, token.person if token else None, action,
                token.id if token and one.kind == "parked" else None,
                one.requester,
                one.number if one.number != one.ticket.number else None,
            )
        )  # fmt: skip

    table = {"reply": "ticket", "close": "ticket", "confirm": "parked", "bounce": "event", "copy": "event"}
    for token in sorted(tokens, key=lambda token: token.kind == "bounce"):
        for one in by_key.get((table.get(token.kind, ""), str(token.id)), ()):
            add("reply_address", one, token)
        for one in by_key.get(("settled", str(token.id)), ()) if token.kind == "confirm" else ():
            add("reply_address", one, token)
    for token in own.values():
        for one in by_key.get(("event", str(token.id)), ()):
            add("own_message_id", one, token)
    # In the order of the mail. Anybody can use a Message-ID again; of several tickets the one that had it first comes first.
    for pointer, kind, order in (("message_id", KINDS[2], ids), ("number", KINDS[3], numbers), ("root", KINDS[4], ())):
        mine = [one for one in named if one.kind == pointer]
        for one in sorted(mine, key=lambda one: order.index(one.key) if one.key in order else 0):
            add(kind, one)
    for evidences in found.values():
        yield from _once(sorted(evidences, key=lambda evidence: evidence.relation == "none"))


def _once(evidences: Sequence[Evidence]) -> Iterable[Evidence]:
    return dict.fromkeys(evidences)


def _cited(parsed: Parsed, own: dict[str, Token], named: Sequence[Named]) -> tuple[str, ...]:
    """What its root and the mails it answers are called, as far as no ticket holds them (design 3)."""
    held = {one.key for one in named if one.kind == "message_id"}
    ids = dict.fromkeys([*parsed.references, *parsed.in_reply_to])
    return tuple(id_ for id_ in ids if id_ not in own and id_ not in held)


def _alert(
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
            one = len({act.kind for act in acts}) == 1
            action = "reply" if not one else "renew" if acts[0].kind == "renew" else "cancel"
            return AlertAnswered(found.person, action, found.devices)  # type: ignore[arg-type]
    return None


def _assets(
    connection: Connection, desk: Desk, parsed: Parsed, sender: PersonFacts | None, on_ticket: bool
) -> tuple[int, ...]:  # fmt: skip
    """The assets it names (DV-37): by a line of its text, or in the subject of new mail by a word with a digit."""
    if sender is None or not sender.organizations:
        return ()
    words = [word for word in (parsed.fields.device, parsed.fields.serial) if word]
    if not on_ticket:
        said = (word.rstrip(".") for word in _WORD.findall(parsed.subject))
        words += [word for word in said if any(map(str.isdigit, word))][:_MOST_TAGS]
    return assets.named(connection, desk.name, sender, words) if words else ()


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
        if (ticket := ask.ticket_of_ids(connection, desk.name, [id_])) is not None:
            return ReportedMail(None, None, ticket, "somebody", False)  # who, nothing proves
    return None
