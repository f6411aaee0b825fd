"""Machines that answer machines: the automatic mails to one correspondent are bounded whatever headers survive (threats 36, 38)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parseaddr
from itertools import count
from pathlib import Path

import pytest

from gateway.filer import Filer
from gateway.studying import Students
from store import journal, pending
from store.clock import Clock
from store.journal import Incoming
from store.rules.fanout import ANSWERS
from store.schema import Outbox
from tests import one_row
from tests.conftest import installation
from tests.harness import PEOPLE, Gateway
from tests.stores import open_lightly
from workers.compose import compose

WEEK = timedelta(days=7)
START = datetime(2026, 3, 2, 8, tzinfo=UTC)
_serials = count(1)


@dataclass
class Time:
    now: datetime = START

    def __call__(self) -> datetime:
        return self.now


class House:
    """A gateway whose clock is ours; its mails are taken out as the relay would get them."""

    def __init__(self, folder: Path, domain: str, clock: Clock) -> None:
        config = installation(folder, ("hosting",), domain)
        self.store = open_lightly(config)
        self.clock, self.gateway = clock, Gateway(config, self.store)
        self.gateway.filer = Filer(config, self.store, Students(self.store.blobs, workers=0), clock)
        self.desk = config.desks["hosting"]

    def receive(self, raw: bytes, sender: str, to: str) -> None:
        journal.append(self.store, [Incoming("smtp", self.clock(), sender, (("hosting", (to,)),), raw)])
        self.gateway.file()

    def sent(self) -> Iterator[EmailMessage]:
        """What is due now, marked as taken."""
        for id_ in pending.due(self.store, self.clock(), 1000):
            letter = one_row.claim(self.store, id_, "test", self.clock())
            if letter is None:
                continue
            made = compose(
                letter,
                self.desk,
                secret=self.gateway.config.secret,
                read_blob=lambda digest: self.store.blobs.get(digest),
            )
            one_row.accept(self.store, id_, "test", "250 ok", self.clock())
            yield message_from_bytes(made.content, policy=policy.default)  # type: ignore[arg-type]

    def most_answers(self) -> int:
        """The most automatic answers any address got within 24 hours."""
        times: dict[str, list[datetime]] = defaultdict(list)
        with self.store.read() as connection:
            for row in connection.execute(
                Outbox.select().where(Outbox.c.template.in_(ANSWERS)).order_by(Outbox.c.created)
            ):
                times[row.recipient].append(row.created)
        return max(
            (sum(at <= other < at + timedelta(days=1) for other in all_) for all_ in times.values() for at in all_),
            default=0,
        )


@pytest.fixture
def clock() -> Time:
    return Time()


@pytest.fixture
def house(tmp_path: Path, clock: Time) -> Iterator[House]:
    made = House(tmp_path / "a", "desk.test", clock)
    made.gateway.load(**PEOPLE)
    yield made
    made.store.close()


def bare(sender: str, to: str, subject: str, body: str) -> bytes:
    """A mail of which nothing but the words is left."""
    return (
        f"From: {sender}\r\nTo: {to}\r\nSubject: {subject}\r\nMessage-ID: <{next(_serials)}@bot.test>\r\n"
        f"Date: Mon, 02 Mar 2026 10:00:00 +0000\r\n\r\n{body}\r\n"
    ).encode()


def text_of(message: EmailMessage) -> str:
    part = message.get_body(("plain",))
    assert part is not None
    return part.get_content().replace("\n", "\r\n")


@pytest.mark.threat(36)
def test_two_gateways_that_answer_each_other_stop(house: House, clock: Time, tmp_path: Path) -> None:
    """A week of mails between two desks, whose every header that tells a machine is taken off on the way."""
    other = House(tmp_path / "b", "other.test", clock)
    a, b = "support@desk.test", "support@other.test"
    while clock.now < START + WEEK:
        house.receive(bare(b, a, f"spark {next(_serials)}", "It does not work."), b, a)
        for _ in range(10):
            crossing = [(other, b, a, m) for m in house.sent() if parseaddr(str(m["To"]))[1] == b]
            crossing += [(house, a, b, m) for m in other.sent() if parseaddr(str(m["To"]))[1] == a]
            for where, to, sender, message in crossing:
                where.receive(bare(sender, to, f"changed {next(_serials)}", text_of(message)), sender, to)
            clock.now += timedelta(minutes=1)
        clock.now += timedelta(hours=4)
    other.store.close()
    assert 0 < house.most_answers() <= 3
    assert other.most_answers() <= 3


@pytest.mark.threat(36)
@pytest.mark.threat(38)
@pytest.mark.parametrize(
    ("known", "repeats", "back_to"),
    [
        (False, "our words", "the mailbox"), (False, "its own words", "the mailbox"), (False, "our words", "both addresses"),
        (False, "its own words", "both addresses"), (True, "our words", "both addresses"),
    ],
)  # fmt: skip
def test_an_echo_hears_three_times_a_day(house: House, clock: Time, known: bool, repeats: str, back_to: str) -> None:
    """It takes every header off, changes the subject, and writes back to whatever address it can find, for a week."""
    bot, desk = "anna@cust.test" if known else "bot@echo.test", "support@desk.test"
    waiting: list[tuple[str, str]] = []
    while clock.now < START + WEEK:
        if (
            not known or clock.now.hour == 8
        ):  # what starts it anew when it has stopped; a customer's own mails are answered
            waiting.append((desk, "We have received your mail."))
        for _ in range(4):
            for to, body in waiting:
                house.receive(bare(bot, to, f"subject {next(_serials)}", f"{body}\r\nat {clock.now:%H:%M}"), bot, to)
            waiting = []
            for message in house.sent():
                if parseaddr(str(message["To"]))[1] != bot:
                    continue
                body = text_of(message) if repeats == "our words" else "We have received your mail."
                waiting.append((desk, body))
                if back_to == "both addresses":
                    waiting.append((parseaddr(str(message["Reply-To"]))[1], body))
            clock.now += timedelta(minutes=3)
        clock.now += timedelta(hours=6) - timedelta(minutes=12)
    assert 0 < house.most_answers() <= (5 if known else 3)


@pytest.mark.threat(38)
def test_plus_addresses_of_one_mailbox_share_its_budget(house: House) -> None:
    for number in range(20):
        sender = f"victim+{number}@cust.test"
        house.receive(bare(sender, "support@desk.test", "x", f"mail {chr(97 + number)}"), sender, "support@desk.test")
    answered = Counter(who.partition("+")[0] for who, template in house.gateway.told() if template == "confirmation")
    assert answered == {"victim": 3}


def forged(victim: str) -> bytes:
    """A first mail whose author is a victim and whose every word is the forger's.

    But its Message-ID, which an answer names in headers that no reader sees (RFC 3834 section 3.1.5).
    """
    message = EmailMessage()
    message["From"], message["To"] = f"BUY-PILLS <{victim}>", "support@desk.test"
    message["Subject"], message["Message-ID"] = "BUY-PILLS", f"<{next(_serials)}@bot.test>"
    message.set_content("BUY-PILLS at evil.example")
    message.add_attachment(b"%PDF-1.4 BUY-PILLS", maintype="application", subtype="pdf", filename="BUY-PILLS.exe")
    return message.as_bytes(policy=policy.SMTP)


def words_of(message: EmailMessage) -> str:
    """Everything a reader could see, headers and texts, as it reads when decoded."""
    texts = [part.get_content() for part in message.walk() if part.get_content_maintype() == "text"]
    return "\n".join([*(f"{name}: {value}" for name, value in message.items()), *texts])


@pytest.mark.threat(38)
@pytest.mark.parametrize(("victims", "cap"), [(90, 25), pytest.param(10_000, None, marks=pytest.mark.long)])
def test_forged_first_mails_for_many_victims_stay_within_the_cap_and_carry_no_word_of_theirs(
    tmp_path: Path, clock: Time, victims: int, cap: int | None
) -> None:
    """One a second; at a desk where nobody works, so that every mail that goes out goes to a victim."""
    house = House(tmp_path, "desk.test", clock)
    if cap is not None:
        house.desk = house.desk.model_copy(update={"strangers_per_hour": cap})
        house.gateway.config.desks["hosting"] = house.desk
    cap, told = house.desk.strangers_per_hour, list[tuple[datetime, str]]()
    for start in range(0, victims, 50):
        some = [f"v{number}@victims.test" for number in range(start, min(start + 50, victims))]
        route = (("hosting", ("support@desk.test",)),)
        journal.append(house.store, [Incoming("smtp", clock(), victim, route, forged(victim)) for victim in some])
        house.gateway.file()
        for message in house.sent():
            told.append((clock(), parseaddr(str(message["To"]))[1]))
            assert "PILLS" not in words_of(message)
            assert "evil" not in words_of(message)
        clock.now += timedelta(seconds=50)
    assert len(house.gateway.tickets()) == victims
    house.store.close()
    assert len({victim for _, victim in told}) == len(told)
    hours = [sum(at <= other < at + timedelta(hours=1) for other, _ in told) for at, _ in told]
    assert max(hours) == cap
    assert len(told) <= cap * (1 + victims // 3600)
