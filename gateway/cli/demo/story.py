"""The story, act by act: each step is taken, the gateway comes to rest, each step is compared with its end."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage

from gateway.cli.demo.checking import Became, Books, Row, check_door, check_end, check_inside, check_whole
from gateway.cli.demo.composing import compose, envelope
from gateway.cli.demo.first_act import FIRST_ACT
from gateway.cli.demo.house import House, Trouble
from gateway.cli.demo.later_acts import SECOND_ACT, THIRD_ACT
from gateway.cli.demo.post import deliver, message_id, sent_mails
from gateway.cli.demo.sample import Act, End, Sample, Sent, StaffReply, Step

ACTS = (FIRST_ACT, SECOND_ACT, THIRD_ACT)
SAMPLES = tuple(step for act in ACTS for step in act.steps if isinstance(step, Sample))


@dataclass(frozen=True, slots=True)
class _Taken:
    """A step that was taken: the answer of the door, and by what its rows are found."""

    step: Step
    door: str
    sender: str
    id: str = ""
    answered: str = ""


class Story:
    """What has happened so far; `became` is what the tables show."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.now = datetime.now(UTC).replace(microsecond=0)
        self.named: dict[str, str] = {}  # tickets, by the name that the story gives them
        self.became: list[Became] = []
        self.books = Books((), {}, (), (), {})
        self.details: dict[str, Row] = {}
        self._used: set[int] = set()  # journal rows that belong to a step already

    def play(self, act: Act, taken: Callable[[], None] = lambda: None) -> None:
        """Takes every step of an act, waits for rest, compares. Calls `taken` after each step."""
        done: list[_Taken] = []
        with ThreadPoolExecutor(2) as pool:  # a command spends most of its time on its own start
            replies = {step.name: pool.submit(self._reply, step) for step in act.steps if isinstance(step, StaffReply)}
            for step in act.steps:
                done.append(self._send(step) if isinstance(step, Sample) else replies[step.name].result())
                taken()
        self.house.postern("drain", "--timeout", "60")
        self._read()
        for it in done:
            for became in self._settle(it):
                self._check(became, it)
                self.became.append(became)

    def look_inside(self, read: Callable[[], None] = lambda: None) -> None:
        """Reads the tickets whose messages and files matter, each a command of its own, and compares those."""
        looked_at = sorted({b.ticket for b in self.became if b.ticket and b.end and b.end.looks_inside})

        def look(tag: str) -> Row:
            details: Row = self.house.read("ticket", tag)
            read()
            return details

        with ThreadPoolExecutor(3) as pool:
            self.details = dict(zip(looked_at, pool.map(look, looked_at), strict=True))
        for became in self.became:
            if became.end and became.end.looks_inside and became.ticket in self.details:
                check_inside(became, self.details[became.ticket], self.named)

    def whole(self) -> list[str]:
        """What is wrong with the ledgers as a whole."""
        rows = sum(len(sample.ends) for sample in SAMPLES)
        replies = [step for act in ACTS for step in act.steps if isinstance(step, StaffReply)]
        notes = [" ".join(reply.text.split()) for reply in replies if "--note" in reply.options]
        return check_whole(self.books, rows, [*notes, *(sample.hides for sample in SAMPLES if sample.hides)])

    def _send(self, sample: Sample) -> _Taken:
        answered = self._answered(sample.answers) if sample.answers else None
        tag = self.named.get(sample.answers.ticket, "") if sample.answers else ""
        sender, recipients = envelope(sample, answered)
        raw = compose(sample, self.now, answered, tag)
        door = deliver(self.house.smtp_port, sender, recipients, raw)
        return _Taken(sample, door, sender, message_id(raw), message_id(answered.as_bytes()) if answered else "")

    def _reply(self, step: StaffReply) -> _Taken:
        tag = self.named.get(step.end.ticket, "")
        self.house.postern("reply", tag, "--agent", step.agent, *step.options, text=step.text)
        return _Taken(step, "postern reply", step.agent)

    def _answered(self, wanted: Sent) -> EmailMessage:
        """The newest mail that went out to somebody about a ticket. Raises Trouble when there is none."""
        tag = self.named.get(wanted.ticket, "")
        for row in reversed(self.books.outbox):
            if (row["ticket"], row["recipient"], row["template"]) == (tag, wanted.recipient, wanted.template):
                mail = self.books.sent.get(row["message_id"].strip("<>"))
                if mail is not None:
                    return mail
        raise Trouble(f"no {wanted.template} went out to {wanted.recipient} about {wanted.ticket} {tag}".rstrip())

    def _read(self) -> None:
        known = {row["id"] for row in self.books.outbox}
        with ThreadPoolExecutor(3) as pool:
            journal, tickets, outbox = pool.map(self.house.read, ("journal", "tickets", "outbox"))
        fresh = [row for row in outbox if row["id"] not in known]
        by_tag = {ticket["tag"]: ticket for ticket in tickets}
        sent = sent_mails(self.house.maildir)
        self.books = Books(journal, by_tag, outbox, fresh, sent)

    def _settle(self, taken: _Taken) -> list[Became]:
        """What became of a step, one for each desk, or one alone when the door was to refuse it."""
        step = taken.step
        if isinstance(step, StaffReply):
            return [Became(step, step.end, taken.door, step.end.outcome, "", self.named.get(step.end.ticket, ""))]
        settled = [Became(step, end, taken.door) for end in step.ends] or [Became(step, None, taken.door)]
        for became in settled:
            end = became.end
            row = self._row(taken.id, end) if end else None
            if end is None or row is None:
                continue
            became.outcome, became.ticket = row["outcome"] or "", row["ticket"] or ""
            became.rule = row.get("rule") or row["reason"] or ""
            if end.outcome == "new" and became.ticket:
                self.named[step.opens(end)] = became.ticket
        return settled

    def _row(self, id_: str, end: End) -> Row | None:
        """The first journal row of that mail and desk which no earlier step has claimed."""
        for row in self.books.journal:
            if row["id"] not in self._used and (row["message_id"] or "").strip("<>") == id_ and row["desk"] == end.desk:
                self._used.add(row["id"])
                return row
        return None

    def _check(self, became: Became, taken: _Taken) -> None:
        became.label = self.books.tickets.get(became.ticket, {}).get("label", "")
        if isinstance(became.step, Sample):
            check_door(became, became.step.door)
        if became.end:
            check_end(became, self.named, self.books, taken.sender, taken.answered)
