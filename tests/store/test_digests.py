"""Digests: what people chose, no storms on staff, each line told once, and nothing to whoever lost their place."""

from __future__ import annotations

import threading
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from gateway.cli.telling import prefer
from store import further, outbox
from store.clock import now
from store.commands import (
    AssignTicket,
    Author,
    CloseTicket,
    CustomerReply,
    MarkSpam,
    NewMessage,
    OpenTicket,
    Prefer,
    SetPriority,
)
from store.digests import send_due
from store.errors import BadInput, NotFound
from store.letters import Letter
from store.load_form import read_file
from store.preferences import preferences
from store.rules.desk import Notify
from store.rules.pacing import Pace, Recent, pace
from store.schema import Gathered, Membership, Message, Outbox, Staff
from tests import one_row
from tests.harness import Gateway
from workers.compose import Mail, compose

ANNA, BOSS, GINA, BILLY = "anna@cust.test", "boss@cust.test", "gina@desk.test", "billy@desk.test"
SOON, LATER = timedelta(minutes=11), timedelta(days=2)


class House:
    """The gateway of a test with one desk's rules, and what is told of what happens there."""

    def __init__(self, gateway: Gateway, **notify: Any) -> None:
        self.gateway, self.began = gateway, now()
        desks = gateway.config.desks
        rules = Notify(**({"organization_admins": True, "burst": 0, "new_per_hour": 0} | notify))
        desks["hosting"] = desks["hosting"].model_copy(update={"notify": rules})

    def opens(self, subject: str = "Disk full", author: str = ANNA) -> int:
        command = OpenTicket(
            "hosting", subject, NewMessage(Author(author), f"About {subject}."), "Support", "medium", "x"
        )
        ticket = self.gateway.apply(command).ticket
        assert ticket
        return ticket

    def writes(self, ticket: int, text: str, author: str = ANNA) -> None:
        self.gateway.apply(CustomerReply(ticket, NewMessage(Author(author), text)))

    def prefers(self, email: str, **choices: Any) -> None:
        self.gateway.apply(Prefer(self.gateway.person(email), tuple(choices.items())))

    def sends(self, after: timedelta = LATER) -> int:
        """Runs the clock's job at a later moment; how many steps it took."""
        return len(list(send_due(self.gateway.config, self.gateway.store, self.began + after)))

    def told(self, email: str) -> list[str]:
        return [template for recipient, template in self.gateway.told() if recipient == email]

    def digests(self, email: str) -> list[list[str]]:
        """The texts in each digest to somebody."""
        query = select(Outbox.c.facts).where(Outbox.c.recipient == email, Outbox.c.template == "digest")
        with self.gateway.store.read() as connection:
            rows = connection.execute(query.order_by(Outbox.c.id)).scalars().all()
        return [[line["text"] for line in facts["lines"]] for facts in rows]

    def left_out(self) -> list[str]:
        with self.gateway.store.read() as connection:
            return list(connection.execute(select(Gathered.c.why).order_by(Gathered.c.id)).scalars())

    def changes(self, *statements: Any) -> None:
        with self.gateway.store.write() as connection:
            for statement in statements:
                connection.execute(statement)

    def claims(self, email: str) -> Letter | None:
        """The newest mail to somebody, as the worker takes it."""
        query = select(Outbox.c.id).where(Outbox.c.recipient == email, Outbox.c.state == "due")
        at = self.began + LATER
        with self.gateway.store.read() as connection:
            ids = list(connection.execute(query.order_by(Outbox.c.id)).scalars())
        for id_ in ids:
            if letter := one_row.claim(self.gateway.store, id_, "test", at):
                one_row.accept(self.gateway.store, id_, "test", "250 ok", at)
                if id_ == ids[-1]:
                    return letter
        return None

    def mail(self, email: str) -> Mail:
        letter = self.claims(email)
        assert letter
        desk, blobs = self.gateway.config.desks["hosting"], self.gateway.store.blobs
        return compose(letter, desk, secret=self.gateway.config.secret, read_blob=blobs.get)


# --- by choice


@pytest.mark.req("IN-21")
@pytest.mark.req("IN-22")
def test_an_administrator_who_wants_a_day_in_one_mail_gets_one_and_each_thing_once(any_gateway: Gateway) -> None:
    house = House(any_gateway)
    house.prefers(BOSS, organization="daily")
    ticket = house.opens()
    any_gateway.support_replies("HO#1001", "We look.")
    house.writes(ticket, "Thank you.")
    assert house.told(BOSS) == [] and house.told(ANNA) == ["confirmation", "staff_reply"]
    assert house.sends(timedelta(0)) == 0
    assert house.sends() == 1 and house.sends() == 0
    assert house.told(BOSS) == ["digest"]
    assert house.digests(BOSS) == [["About Disk full.", "We look.", "Thank you."]]
    content = house.mail(BOSS).content
    assert b"Subject: Example Hosting" in content or b"3 updates" in content
    house.writes(ticket, "One more.")
    house.sends(LATER * 2)
    assert house.digests(BOSS)[1:] == [["One more."]]


def test_two_clocks_at_once_make_one_digest(any_gateway: Gateway) -> None:
    house = House(any_gateway)
    house.prefers(BOSS, organization="hourly")
    for number in range(3):
        house.opens(f"Number {number}")
    clocks = [threading.Thread(target=house.sends) for _ in range(3)]
    for clock in clocks:
        clock.start()
    for clock in clocks:
        clock.join()
    assert house.digests(BOSS) == [[f"About Number {number}." for number in range(3)]]


@pytest.mark.req("IN-20")
def test_what_nobody_can_choose_against(gateway: Gateway) -> None:
    """Answers to one's own ticket, and what is for one alone."""
    house = House(gateway)
    everything = dict.fromkeys(("new_tickets", "replies", "organization", "copies", "updates"), "none")
    for email in (ANNA, BOSS, GINA):
        house.prefers(email, **everything)
    house.opens()
    gateway.support_replies("HO#1001", close=True)
    house.writes(1, "Not yet.", BOSS)
    assert house.told(ANNA) == ["confirmation", "ticket_closed"]
    assert house.told(BOSS) == house.told(GINA) == [] and house.sends() == 0


def test_a_choice_is_said_and_shown_by_command(gateway: Gateway) -> None:
    run = partial(prefer, gateway.store, gateway.config)
    assert run(GINA, ["replies=hourly", "new_tickets=none"])["replies"] == "hourly"
    held = {
        "new_tickets": "none",
        "replies": "hourly",
        "organization": "each",
        "copies": "each",
        "updates": "each",
        "renewals": "each",
        "colleagues": "each",
    }
    assert run(GINA, []) == held
    for wrong in ("replies", "replies=weekly", "everything=none", "=", ""):
        with pytest.raises(BadInput, match=r"expected one of new_tickets, .*hourly"):
            run(GINA, ["copies=none", wrong])
    with pytest.raises(NotFound, match="nobody has the address"):
        run("nobody@desk.test", [])
    assert run(GINA, []) == held


def test_a_choice_is_loaded_and_a_file_that_names_none_leaves_it(gateway: Gateway, tmp_path: Any) -> None:
    gateway.load(people=[{"email": BOSS, "tell": {"organization": "daily"}}])
    gateway.load(agents=[{"email": GINA, "desk": "hosting", "tell": {"replies": "hourly"}}])
    gateway.load(people=[{"email": BOSS}])
    with gateway.store.read() as connection:
        assert preferences(connection, gateway.person(BOSS))["organization"] == "daily"
        assert preferences(connection, gateway.person(GINA)) == {
            "new_tickets": "each", "replies": "hourly", "organization": "each", "copies": "each", "updates": "each", "renewals": "each",
            "colleagues": "each",
        }  # fmt: skip
    (tmp_path / "x.json").write_text('{"people": [{"email": "a@b.test", "tell": {"replies": "weekly"}}]}')
    with pytest.raises(BadInput, match=r"people\[0\].tell.replies"):
        read_file(tmp_path / "x.json")


def test_a_further_address_brings_what_waits_and_what_was_chosen(gateway: Gateway) -> None:
    house = House(gateway)
    house.opens(author="kim@home.test")
    house.prefers("kim@home.test", updates="daily")
    kim = gateway.person("kim@home.test")
    with gateway.store.write() as connection:
        further.add_address(connection, gateway.person(ANNA), "kim@home.test", now())
        assert preferences(connection, gateway.person(ANNA))["updates"] == "daily"
        assert preferences(connection, kim)["updates"] == "each"


# --- no storms


def test_what_follows_fast_on_one_ticket_is_one_mail_in_its_conversation(any_gateway: Gateway) -> None:
    house = House(any_gateway, burst=3)
    ticket = house.opens()
    for number in range(6):
        house.writes(ticket, f"Words {number}.")
    assert house.told(GINA) == ["staff_notice"] * 3
    assert house.sends(timedelta(minutes=5)) == 0
    house.sends(SOON)
    assert house.told(GINA) == ["staff_notice"] * 3 + ["digest"]
    assert house.digests(GINA) == [[f"Words {number}." for number in range(2, 6)]]
    mail = house.mail(GINA)
    assert b"Subject: [HO#1001] Disk full\r\n" in mail.content and b"Thread-Index: " in mail.content
    assert (
        b"Reply-To:" in mail.content and b"Importance" not in mail.content and b"List-Unsubscribe" not in mail.content
    )
    assert mail.content.count(b"In-Reply-To: ") == 1
    assert house.told(ANNA) == ["confirmation"]  # nobody is told of their own


def test_what_is_urgent_never_waits(gateway: Gateway) -> None:
    house = House(gateway, burst=1, new_per_hour=1)
    ticket = house.opens()
    gateway.apply(SetPriority(ticket, Author(GINA), "urgent"))
    for number in range(3):
        house.writes(ticket, f"Words {number}.")
    assert house.told(GINA) == ["staff_notice"] * 4


@pytest.mark.req("BR-09")
def test_a_flood_of_new_tickets_becomes_a_digest(any_gateway: Gateway) -> None:
    house = House(any_gateway, new_per_hour=2)
    for number in range(5):
        house.opens(f"Number {number}", f"p{number}@else.test")
    assert house.told(GINA) == ["staff_notice"] * 2
    assert house.sends(timedelta(hours=1)) >= 1
    assert house.digests(GINA) == [[f"About Number {number}." for number in range(2, 5)]]
    assert all(house.told(f"p{number}@else.test") == ["confirmation"] for number in range(5))


# --- nothing to whoever lost their place


@pytest.mark.threat(85)
def test_a_digest_leaves_out_what_its_reader_may_not_see_any_more(gateway: Gateway) -> None:
    house = House(gateway)
    house.prefers(BOSS, organization="daily")
    house.prefers(GINA, new_tickets="daily")
    house.prefers(BILLY, new_tickets="daily")
    spam = house.opens("Spam")
    house.opens()
    gateway.apply(MarkSpam(spam, Author(GINA)))
    house.changes(
        update(Membership).values(role="member"), delete(Staff).where(Staff.c.person_id == gateway.person(GINA))
    )
    house.sends()
    assert house.told(BOSS) == house.told(GINA) == []
    assert set(house.left_out()) == {"no longer on the ticket, or not active"}


def test_a_digest_leaves_out_spam_and_what_is_not_wanted_any_more(gateway: Gateway) -> None:
    house = House(gateway)
    house.prefers(BOSS, organization="daily")
    house.prefers(GINA, new_tickets="daily", replies="daily")
    gateway.apply(MarkSpam(house.opens("Spam"), Author(GINA)))
    house.writes(house.opens("Ham"), "Words.")
    house.prefers(GINA, replies="none")
    house.sends()
    assert house.digests(GINA) == [["About Ham."]]
    assert sorted(filter(None, house.left_out())) == ["marked as spam"] * 2 + ["not wanted"]


@pytest.mark.threat(85)
def test_a_place_lost_between_making_and_sending_makes_the_digest_anew(any_gateway: Gateway) -> None:
    house = House(any_gateway)
    any_gateway.load(
        organizations=[{"key": "other", "desk": "hosting"}],
        people=[
            {"email": BOSS, "organization": "other", "role": "admin", "tell": {"organization": "daily"}},
            {"email": "oda@other.test", "organization": "other"},
        ],
    )
    house.opens()
    house.opens("Other", "oda@other.test")
    house.sends()
    first = (
        select(Membership.c.organization_id).where(Membership.c.person_id == any_gateway.person(ANNA)).scalar_subquery()
    )
    house.changes(
        update(Membership)
        .where(Membership.c.role == "admin", Membership.c.organization_id == first)
        .values(role="member")
    )
    assert house.claims(BOSS) is None
    stale = next(row["id"] for row in any_gateway.outbox() if row["recipient"] == BOSS)
    with any_gateway.store.write() as connection:  # should staff send it again by hand
        assert outbox.resend(connection, stale, house.began)
    assert house.claims(BOSS) is None
    house.sends()
    assert house.digests(BOSS) == [["About Disk full.", "About Other."], ["About Other."]]
    assert house.claims(BOSS) is not None
    states = [row["state"] for row in any_gateway.outbox() if row["recipient"] == BOSS]
    assert states == ["suppressed", "accepted"]


@pytest.mark.threat(47)
def test_no_note_reaches_a_customer_by_a_digest_whatever_became_of_the_message(gateway: Gateway) -> None:
    house = House(gateway)
    house.prefers(BOSS, organization="daily")
    house.opens()
    house.changes(update(Message).values(note=True))
    house.sends()
    assert house.digests(BOSS) == [[""]]


@pytest.mark.parametrize("policy", ["full", "excerpt", "link_only"])
@pytest.mark.threat(47)
def test_the_text_policy_and_what_is_for_staff_hold_in_digests(gateway: Gateway, policy: str) -> None:
    house = House(gateway)
    desks = gateway.config.desks
    desks["hosting"] = desks["hosting"].model_copy(update={"mail_body": policy})
    house.prefers(BOSS, organization="daily")
    house.prefers(GINA, new_tickets="daily", replies="daily")
    house.writes(house.opens(), "Word " * 200)
    house.sends()
    for email, staff in ((BOSS, False), (GINA, True)):
        content = house.mail(email).content.decode()
        assert ("Word Word" in content) == (staff or policy != "link_only")
        assert ("Word " * 150 in content.replace("=\r\n", "").replace("\r\n", " ")) is False
        assert (ANNA in content) == staff


# --- when


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@pytest.mark.parametrize(
    ("moment", "zone", "due"),
    [
        ("2026-11-28T14:00+00:00", "UTC", "2026-11-29T08:00+00:00"),
        ("2026-11-28T14:00+00:00", "Europe/Berlin", "2026-11-29T07:00+00:00"),
        ("2026-11-28T06:59+00:00", "Europe/Berlin", "2026-11-28T07:00+00:00"),
        ("2026-11-28T07:00+00:00", "Europe/Berlin", "2026-11-29T07:00+00:00"),
        ("2026-03-28T12:00+00:00", "Europe/Berlin", "2026-03-29T06:00+00:00"),  # the night of summer time
        ("2026-10-24T12:00+00:00", "Europe/Berlin", "2026-10-25T07:00+00:00"),
        ("2028-02-28T23:30+00:00", "UTC", "2028-02-29T08:00+00:00"),
        ("2026-11-28T14:00+00:00", "Asia/Kolkata", "2026-11-29T02:30+00:00"),
        ("2026-11-28T14:00+00:00", "Nowhere/At all", "2026-11-29T08:00+00:00"),
        ("2026-11-28T14:00+00:00", "../etc/passwd", "2026-11-29T08:00+00:00"),
        ("2026-11-28T14:00+00:00", "", "2026-11-29T08:00+00:00"),
    ],
)
def test_a_day_ends_at_eight_in_the_morning_of_its_reader(moment: str, zone: str, due: str) -> None:
    assert pace("updates", "daily", False, Recent(), Notify(), at(moment), zone) == Pace(at(due))


def test_when_each_is_told() -> None:
    noon, rules = at("2026-11-28T12:10+00:00"), Notify(burst=3, burst_minutes=10, new_per_hour=5)
    one, soon, hour = Pace(), Pace(at("2026-11-28T12:20+00:00"), True), Pace(at("2026-11-28T13:00+00:00"))
    waits = Recent(waits_until=at("2026-11-28T12:15+00:00"))
    table: Collection[tuple[Any, Any, bool, Recent, Pace | None]] = [
        ("replies", "each", False, Recent(2), one), ("replies", "each", False, Recent(3), soon),
        ("replies", "each", True, Recent(99), one), ("replies", "each", False, waits, Pace(waits.waits_until, True)),
        ("replies", "hourly", False, Recent(), hour), ("replies", "none", True, Recent(), None),
        ("new_tickets", "each", False, Recent(0, 4), one), ("new_tickets", "each", False, Recent(0, 5), hour),
        ("organization", "each", False, Recent(99, 99), one), ("organization", "hourly", True, Recent(), hour),
    ]  # fmt: skip
    for about, choice, urgent, recent, due in table:
        assert pace(about, choice, urgent, recent, rules, noon, "UTC") == due, (about, choice)
    endless = Notify(burst=0, new_per_hour=0)
    for about in ("replies", "new_tickets"):
        assert pace(about, "each", False, Recent(999, 999), endless, noon, "UTC") == one  # type: ignore[arg-type]


def test_an_assignee_chooses_how_to_hear_of_what_colleagues_do(gateway: Gateway) -> None:
    house = House(gateway, department_staff=False)
    ticket = house.opens()
    gateway.apply(AssignTicket(ticket, Author(GINA), Author(BILLY)))
    house.prefers(BILLY, replies="none", new_tickets="none", colleagues="hourly")
    gateway.support_replies("HO#1001", "We look.")
    gateway.apply(CloseTicket(ticket, Author(GINA, "Gina"), "support"))
    house.sends()
    assert house.told(BILLY) == ["staff_notice", "digest"]  # that it is theirs nobody can choose against
    said = house.mail(BILLY).content.decode()
    assert "Gina answered" in said and "Gina closed it" in said
    house.prefers(BILLY, colleagues="none")
    gateway.support_replies("HO#1001", "Once more.")
    gateway.apply(AssignTicket(ticket, Author(GINA), None))
    assert house.told(BILLY) == ["staff_notice", "digest", "staff_notice"]


def test_colleagues_who_answer_fast_do_not_storm_the_assignee(gateway: Gateway) -> None:
    house = House(gateway, department_staff=False, burst=2)
    gateway.apply(AssignTicket(house.opens(), Author(GINA), Author(BILLY)))
    for number in range(4):
        gateway.support_replies("HO#1001", f"Step {number}.")
    house.sends(SOON)
    assert house.told(BILLY) == ["staff_notice", "staff_notice", "digest"]
    assert house.digests(BILLY) == [["Step 1.", "Step 2.", "Step 3."]]
