"""The invariants of a gateway that was killed and started again (threats, fault injection plan).

It reads the two SQLite files, the blob folder, and what the sender and the relay remember; nothing of the product, so
that no counter of the gateway's own can vouch for it.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from email.utils import getaddresses
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.crash.records import Allowance, Expected, Relayed, Sent

Row = dict[str, Any]
_KNOWN_FILES = re.compile(
    r"(postern|journal)\.db(-wal|-shm)?|secret|blobs/\.lock|(filer|worker|imap)-\d\.lock|(migrate|writing)\.lock"
)
_BLOB = re.compile(r"blobs/([0-9a-f]{2})/([0-9a-f]{64})")
_DRAFT = re.compile(r"blobs/[0-9a-f]{2}/\.new-\w+")
_SENT = ("accepted", "bounced")


def check(folder: Path, sent: Sequence[Sent], relayed: Sequence[Relayed], allowed: Allowance) -> list[str]:
    """What is violated in a data folder whose processes are dead, one line each; nothing when all is well."""
    return list(_Check(folder, sent, relayed, allowed).run())


@contextmanager
def opened(file: Path) -> Iterator[Callable[[str], list[Row]]]:
    """A way to ask a database, read-only; rows are dictionaries."""
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=5)) as connection:
        connection.row_factory = sqlite3.Row
        yield lambda query: [dict(row) for row in connection.execute(query)]


def read(file: Path, query: str) -> list[Row]:
    """The rows of one query."""
    with opened(file) as ask:
        return ask(query)


class _Check:
    def __init__(self, folder: Path, sent: Sequence[Sent], relayed: Sequence[Relayed], allowed: Allowance) -> None:
        self.folder, self.sent, self.relayed, self.allowed = folder, sent, relayed, allowed
        self.unsound: list[str] = []
        with opened(folder / "journal.db") as ask:
            self.unsound += _soundness("journal.db", ask)
            self.journal = ask(
                "SELECT j.id, j.desk, r.id AS received, r.sha256, r.size, r.raw, r.blob"
                " FROM journal j JOIN received r ON r.id = j.received_id ORDER BY j.id"
            )
        with opened(folder / "postern.db") as ask:
            self.unsound += _soundness("postern.db", ask)
            self.outcomes = {row["journal_id"]: row for row in ask("SELECT * FROM outcome")}
            self.tickets = {row["id"]: row for row in ask("SELECT * FROM ticket")}
            self.messages = ask("SELECT * FROM message")
            self.events = ask("SELECT * FROM event")
            self.attachments = ask("SELECT * FROM attachment")
            self.outbox = ask("SELECT * FROM outbox ORDER BY id")
            self.numbers = {row["desk"]: row["next"] for row in ask("SELECT * FROM ticket_number")}
        self.blobs = {digest: file for file, digest in self._blobs()}
        self.filed: dict[tuple[str, str], Row] = {}  # (mail, desk) to the outcome that counts

    def run(self) -> Iterator[str]:
        yield from self._database()  # first: what a broken file says is worth nothing
        yield from self._in()
        yield from self._whole()
        yield from self._out()
        yield from self._copies()
        yield from self._parked()
        yield from self._nothing_else()

    # INV-6

    def _database(self) -> Iterator[str]:
        yield from self.unsound
        numbers = Counter((row["desk"], row["number"]) for row in self.tickets.values())
        for (desk, number), times in numbers.items():
            if times > 1:
                yield f"INV-6 {desk} has {times} tickets with number {number}"
            if number >= self.numbers.get(desk, 0):
                yield f"INV-6 {desk} would give number {number} again"

    # INV-1

    def _in(self) -> Iterator[str]:
        told = {(mail.sha256, expected.desk) for mail in self.sent for expected in mail.expected}
        for row in self.journal:
            if (row["sha256"], row["desk"]) not in told:
                yield f"INV-1 journal row {row['id']} at {row['desk']} was sent by nobody"
        for stray in self.outcomes.keys() - {row["id"] for row in self.journal}:
            yield f"INV-1 outcome {stray} is of no journal row"
        for mail in self.sent:
            if mail.refused:
                yield f"INV-1 {mail.key} was refused for good: {mail.refused}"
            for expected in mail.expected:
                yield from self._once(mail, expected)

    def _once(self, mail: Sent, expected: Expected) -> Iterator[str]:
        name = f"{mail.key} at {expected.desk}"
        rows = [row for row in self.journal if (row["sha256"], row["desk"]) == (mail.sha256, expected.desk)]
        if not rows:
            if expected.desk in mail.accepted:
                yield f"INV-1 {name}: accepted and lost"
            return
        outcomes = [self.outcomes[row["id"]] for row in rows if row["id"] in self.outcomes]
        first = [outcome for outcome in outcomes if outcome["outcome"] != "duplicate"]
        ids = [row["id"] for row in rows]
        if len(first) != 1:
            yield f"INV-1 {name}: {len(first)} outcomes beside duplicates, of journal rows {ids}"
            return
        self.filed[mail.key, expected.desk] = first[0]
        messages = [message for message in self.messages if message["journal_id"] in ids]
        if len(messages) != expected.message:
            yield f"INV-1 {name}: {len(messages)} ticket messages of journal rows {ids}, expected {int(expected.message)}"
        elif messages and messages[0]["journal_id"] != first[0]["journal_id"]:
            yield f"INV-1 {name}: the message is of journal row {messages[0]['journal_id']}, a duplicate"
        if first[0]["outcome"] != expected.outcome:
            told = f"{first[0]['outcome']} ({first[0]['reason']})"
            yield f"INV-1 {name}: journal row {first[0]['journal_id']} became {told}, expected {expected.outcome}"

    # INV-2

    def _whole(self) -> Iterator[str]:
        for row in self.journal:
            raw = row["raw"] if row["blob"] is None else self._content(row["blob"])
            if raw is None or sha256(raw).hexdigest() != row["sha256"] or len(raw) != row["size"]:
                yield f"INV-2 journal row {row['id']}: its bytes are not those that were sent"
        for mail in self.sent:
            for expected in mail.expected:
                if outcome := self.filed.get((mail.key, expected.desk)):
                    yield from self._filed_whole(f"{mail.key} at {expected.desk}", expected, outcome)
        owned = {message["ticket_id"] for message in self.messages}
        for ticket in self.tickets.keys() - owned:
            yield f"INV-2 ticket {ticket} has no message"

    def _filed_whole(self, name: str, expected: Expected, outcome: Row) -> Iterator[str]:
        ticket = self.tickets.get(outcome["ticket_id"])
        if ticket is None:
            yield f"INV-2 {name}: no ticket {outcome['ticket_id']}"
            return
        if expected.on:
            other = self.filed.get((expected.on, expected.desk))
            if other is None or other["ticket_id"] != ticket["id"]:
                yield f"INV-2 {name}: on ticket {ticket['id']}, not on that of {expected.on}"
        elif not set(json.loads(ticket["flags"])) <= expected.flags:
            yield f"INV-2 {name}: ticket {ticket['id']} is flagged {ticket['flags']}"
        message = next((m for m in self.messages if m["journal_id"] == outcome["journal_id"]), None)
        if message is not None:
            if message["ticket_id"] != ticket["id"]:
                yield f"INV-2 {name}: message {message['id']} is on another ticket than its outcome says"
            yield from self._message_whole(name, expected, message)
        if expected.event:
            events = [e for e in self.events if e["kind"] == expected.event and e["ticket_id"] == ticket["id"]]
            if len(events) != 1:
                yield f"INV-2 {name}: {len(events)} events {expected.event} on ticket {ticket['id']}"

    def _message_whole(self, name: str, expected: Expected, message: Row) -> Iterator[str]:
        files = [a for a in self.attachments if a["message_id"] == message["id"]]
        if sorted((a["sha256"], a["verdict"]) for a in files) != sorted(expected.files):
            yield f"INV-2 {name}: message {message['id']} has files {[(a['filename'], a['verdict']) for a in files]}"
        for file in files:
            if file["verdict"] == "accepted" and self._content(file["sha256"]) is None:
                yield f"INV-2 {name}: the bytes of attachment {file['id']} are missing"
        events = {event["id"] for event in self.events if event["message_id"] == message["id"]}
        rows = sorted((row["recipient"], row["template"]) for row in self.outbox if row["event_id"] in events)
        if rows != sorted(expected.told):
            yield f"INV-2 {name}: message {message['id']} promises {rows}, expected {sorted(expected.told)}"

    # INV-3, INV-4

    def _out(self) -> Iterator[str]:
        promised = {row["header_id"]: row for row in self.outbox}
        taken = {mail.message_id for mail in self.relayed if mail.taken}
        for row in self.outbox:
            if row["state"] in _SENT and row["header_id"] not in taken:
                yield f"INV-3 outbox row {row['id']} ({row['template']} to {row['recipient']}) never reached the relay"
            if row["state"] in ("failed", "suppressed"):
                yield f"INV-3 outbox row {row['id']} to {row['recipient']} ended as {row['state']}: {row['reply']}"
        for mail in self.relayed:
            row = promised.get(mail.message_id)
            if row is None:
                yield f"INV-3 the relay has {mail.message_id} to {mail.recipient}, which no outbox row tells of"
                continue
            to = [address for _, address in getaddresses(mail.head.get_all("To", []))]
            if mail.recipient != row["recipient"] or to != [row["recipient"]]:
                yield f"INV-3 outbox row {row['id']} for {row['recipient']} went to {mail.recipient} with To: {to}"
        expected = Counter(r for sent in self.sent for e in sent.expected for r, _ in e.told if e.desk in sent.accepted)
        for recipient in {row["recipient"] for row in self.outbox} - expected.keys():
            if all(sent.accepted == {e.desk for e in sent.expected} for sent in self.sent):
                yield f"INV-3 {recipient} was promised mail, and nothing was for them"
        yield from self._in_order()

    def _in_order(self) -> Iterator[str]:
        """For one ticket and recipient mails leave in order."""
        place: dict[str, int] = {}
        for number, mail in enumerate(self.relayed):
            if mail.taken:
                place.setdefault(mail.message_id, number)
        lines = defaultdict(list)
        for row in self.outbox:
            if row["header_id"] in place:
                lines[row["ticket_id"], row["person_id"]].append(place[row["header_id"]])
        for (ticket, person), places in lines.items():
            if places != sorted(places):
                yield f"INV-3 mails of ticket {ticket} reached person {person} out of order"

    def _copies(self) -> Iterator[str]:
        copies: dict[str, list[Relayed]] = defaultdict(list)
        for mail in self.relayed:
            copies[mail.message_id].append(mail)
        more = 0
        for id_, mails in copies.items():
            if len({(mail.content, mail.sender, mail.recipient) for mail in mails}) > 1:
                yield f"INV-4 the {len(mails)} copies of {id_} differ"
            more += max(0, sum(mail.taken for mail in mails) - 1)
        if more > self.allowed.copies:
            twice = [id_ for id_, mails in copies.items() if sum(mail.taken for mail in mails) > 1]
            yield f"INV-4 {more} second copies, {self.allowed.copies} are excused: {twice}"

    # INV-5

    def _parked(self) -> Iterator[str]:
        for row in self.outbox:
            if row["state"] in ("due", "claimed", "deferred"):
                yield f"INV-5 outbox row {row['id']} to {row['recipient']} is still {row['state']}, {row['attempts']} attempts"
        for row in self.journal:
            outcome = self.outcomes.get(row["id"])
            if outcome is None or outcome["outcome"] is None:
                yield f"INV-5 journal row {row['id']} is not filed"
            elif outcome["outcome"] in ("dead", "refused", "held"):
                yield f"INV-5 journal row {row['id']} is parked as {outcome['outcome']}: {outcome['reason']}"
            elif "unreadable" in json.dumps(outcome["signals"]):
                yield f"INV-5 journal row {row['id']} could not be read in full"

    # What else lies in the data folder

    def _nothing_else(self) -> Iterator[str]:
        unfinished = any(mail.begun and mail.accepted != {e.desk for e in mail.expected} for mail in self.sent)
        wanted = {a["sha256"] for a in self.attachments if a["verdict"] == "accepted"}
        wanted |= {row["blob"] for row in self.journal if row["blob"]}
        for file in self.folder.rglob("*"):
            name = str(file.relative_to(self.folder))
            if file.is_dir() or _KNOWN_FILES.fullmatch(name):
                continue
            if found := _BLOB.fullmatch(name):
                if sha256(file.read_bytes()).hexdigest() != found[2]:
                    yield f"INV-2 {name} does not hold what its name says"
                elif found[2] not in wanted and not unfinished:
                    yield f"FILES {name} belongs to nothing"
            elif not (_DRAFT.fullmatch(name) and self.allowed.drafts):
                yield f"FILES {name} is not expected in the data folder"

    def _blobs(self) -> Iterator[tuple[Path, str]]:
        for file in (self.folder / "blobs").glob("??/*"):
            yield file, file.name

    def _content(self, digest: str) -> bytes | None:
        file = self.blobs.get(digest)
        return file.read_bytes() if file else None


def _soundness(name: str, ask: Callable[[str], list[Row]]) -> Iterator[str]:
    for pragma in ("integrity_check", "foreign_key_check"):
        told = ask(f"PRAGMA {pragma}")
        if told and list(told[0].values()) != ["ok"]:
            yield f"INV-6 {name}: {pragma}: {told[:3]}"
