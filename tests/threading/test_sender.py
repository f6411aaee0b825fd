"""Whether this sender may write on the ticket they name, and what becomes of their mail when not (design 3)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from store import people, views
from store.clock import now
from store.config import Config
from store.schema import Ticket
from tests.harness import Gateway, mail
from tests.routing.post import Post

TAG = "HO#1001"


def desk_rule(config: Config, **changes: object) -> None:
    """Changes what the hosting desk's file says."""
    config.desks["hosting"] = config.desks["hosting"].model_copy(update=changes)


def trust(config: Config) -> None:
    auth = config.settings.auth.model_copy(update={"trusted_host": "mx.desk.test"})
    config.settings = config.settings.model_copy(update={"auth": auth})


# --- an address signed for somebody else


@pytest.mark.threat(39)
def test_a_forwarded_address_is_held_and_its_owner_hears_of_it_once(gateway: Gateway) -> None:
    gateway.receive(mail("the secret"))
    gateway.support_replies(TAG)
    to = gateway.reply_address(TAG, "anna@cust.test")
    before = len(gateway.told())
    for text in ("I have Anna's mail", "and I write again"):
        row = gateway.receive(mail(text, sender="M <mallory@evil.test>", subject="no tag"), to)
        assert (row["outcome"], row["ticket"] != TAG) == ("held", True)
    told = gateway.told()[before:]
    assert told.count(("anna@cust.test", "address_used")) == 1
    assert {who for who, _ in told} == {"anna@cust.test", "gina@desk.test"}
    ticket = gateway.ticket(TAG)
    assert (len(ticket["messages"]), ticket["state"]) == (2, "waiting_customer")
    assert gateway.ticket("HO#1002")["links"][0] == {"kind": "claims", "ticket": TAG}


def test_somebody_taken_off_a_ticket_gets_one_of_their_own(gateway: Gateway) -> None:
    gateway.receive(mail(Cc="carl@third.test"))
    to = gateway.reply_address(TAG, "carl@third.test")
    with gateway.store.write() as connection:
        connection.exec_driver_sql("DELETE FROM cc")
    row = gateway.receive(mail("still here", sender="carl@third.test", subject="x"), to)
    assert (row["outcome"], row["ticket"]) == ("new", "HO#1002")
    assert not [who for who, template in gateway.told() if template == "address_used"]


def test_an_inactive_person_is_marked_and_not_answered(gateway: Gateway) -> None:
    gateway.receive(mail(Cc="gone@cust.test"))
    told = len(gateway.told())
    row = gateway.receive(mail("hello", sender="gone@cust.test", subject=f"Re: [{TAG}]"))
    assert gateway.ticket(row["ticket"])["flags"] == ["inactive-sender", "stranger"]
    assert {who for who, _ in gateway.told()[told:]} == {"gina@desk.test"}


# --- services that prove an address to their customer (threats 43)


VERIFYING = (
    "Confirm your email address on {}",
    "{}: your verification code",
    "Chat: verification code {}",
    "Bestätigen Sie Ihre E-Mail-Adresse {}",
)


@pytest.mark.threat(43)
@pytest.mark.parametrize("subject", VERIFYING)
@pytest.mark.parametrize("service", ["feedback@chat.test", "no-reply@chat.test"])
@pytest.mark.parametrize("route", ["mailbox", "number", "number in address", "on cc", "signed address"])
def test_what_a_service_sends_to_the_mailbox_is_seen_by_staff_alone(
    gateway: Gateway, subject: str, service: str, route: str
) -> None:
    gateway.receive(mail(**({"Cc": service} if route == "on cc" else {})))
    to = {"number in address": "support+1001@desk.test"}.get(route, "support@desk.test")
    if route == "signed address":
        to = gateway.reply_address(TAG, "anna@cust.test")
    before = seen_by_anna(gateway)
    post = Post(gateway)
    post.collect()
    wanted = subject.format("your workspace" if route == "mailbox" else f"[{TAG}]")
    gateway.receive(mail("Your secret code is 471100.", sender=f"Chat <{service}>", subject=wanted), to)
    assert seen_by_anna(gateway) == before
    for sent in post.collect():
        assert sent.recipient == "gina@desk.test" or "471100" not in sent.message.as_string()
        assert sent.recipient == "gina@desk.test" or "code" not in str(sent.message["Subject"])


@pytest.mark.parametrize("subject", ["Re: [{}] Confirm your address", "[{}] please confirm my account"])
def test_somebody_on_cc_may_speak_of_proofs(gateway: Gateway, subject: str) -> None:
    gateway.receive(mail(Cc="carl@third.test"))
    gateway.receive(mail("Yes.", sender="carl@third.test", subject=subject.format(TAG)))
    assert [message["text"] for message in gateway.ticket(TAG)["messages"]] == ["Hello", "Yes."]


def seen_by_anna(gateway: Gateway) -> object:
    """All that the portal shows her, words and states."""
    with gateway.store.read() as connection:
        anna = people.facts(connection, [gateway.person("anna@cust.test")])[0]
        tags = [one["tag"] for one in views.tickets(connection, gateway.config, "hosting", visible_to=anna)]
        whole = [
            views.ticket(connection, gateway.config, views.find_ticket(connection, gateway.config, tag)[0])
            for tag in tags
        ]
    return [
        [(m["side"], m["text"]) for m in one["messages"] if not m["note"] and m["side"] != "system"] for one in whole
    ]


# --- people the desk does not know


@pytest.mark.req("A-24")
@pytest.mark.parametrize(
    ("rule", "mailbox", "outcome", "answer"),
    [
        ("accept", "support", "new", "confirmation"),
        ("hold", "support", "held", "held_ack"),
        ("hold", "safety", "new", "safety_ack"),
        ("topics", "billing", "held", "held_ack"),
        ("topics", "safety", "new", "safety_ack"),
    ],
)
def test_unknown_people_are_treated_as_the_desk_says(
    gateway: Gateway, rule: str, mailbox: str, outcome: str, answer: str
) -> None:
    boxes = tuple(
        box.model_copy(
            update={
                "everybody": box.address.startswith("safety"),
                "answer": "safety_ack" if box.address.startswith("safety") else "confirmation",
            }
        )
        for box in gateway.config.desks["hosting"].mailboxes
    )
    desk_rule(gateway.config, unknown_sender=rule, mailboxes=boxes)
    gateway.config.__dict__.pop("addresses", None)
    row = gateway.receive(mail(sender="new@nowhere.test"), f"{mailbox}@desk.test")
    assert row["outcome"] == outcome
    assert ("new@nowhere.test", answer) in gateway.told()
    assert ("held" in gateway.ticket(TAG)["flags"]) == (outcome == "held")
    known = gateway.receive(mail(sender="anna@cust.test"), f"{mailbox}@desk.test")
    assert known["outcome"] == "new"


# --- closed tickets


@pytest.mark.req("A-03")
@pytest.mark.parametrize(("days", "outcome"), [(29, "reply"), (31, "new")])
def test_a_reply_to_a_ticket_closed_long_ago_is_a_new_one_that_knows_it(
    gateway: Gateway, days: int, outcome: str
) -> None:
    desk_rule(gateway.config, follow_up_after=30)
    gateway.receive(mail("old words"))
    gateway.support_replies(TAG, close=True)
    with gateway.store.write() as connection:
        connection.execute(Ticket.update().values(closed_at=now() - timedelta(days=days)))
    row = gateway.receive(mail("again", subject=f"Re: [{TAG}] Printer broken"))
    assert row["outcome"] == outcome
    assert gateway.ticket(TAG)["state"] == ("closed" if outcome == "new" else "waiting_support")
    if outcome == "new":
        assert gateway.ticket(row["ticket"])["links"] == [{"kind": "follow_up", "ticket": TAG}]
        assert gateway.told()[-2:] == [("anna@cust.test", "follow_up"), ("gina@desk.test", "staff_notice")]


def test_a_closed_ticket_reopens_where_the_desk_says_nothing(gateway: Gateway) -> None:
    gateway.receive(mail())
    gateway.support_replies(TAG, close=True)
    gateway.receive(mail("again", subject=f"Re: [{TAG}]"))
    assert gateway.ticket(TAG)["state"] == "waiting_support"


# --- who joins (threats 42)


@pytest.mark.req("MV-15")
def test_people_in_to_join_where_our_mailbox_is_in_sight(gateway: Gateway) -> None:
    gateway.receive(mail(to="support@desk.test, Carl <carl@third.test>"))
    assert gateway.ticket(TAG)["cc"] == ["carl@third.test"]


def test_the_alias_by_which_a_mail_came_joins_nothing(gateway: Gateway) -> None:
    gateway.receive(mail(to="help@alias.test", Cc="carl@third.test"))
    assert gateway.ticket(TAG)["cc"] == ["carl@third.test"]


@pytest.mark.threat(42)
def test_copies_of_a_mail_that_fails_dmarc_join_nothing(gateway: Gateway) -> None:
    trust(gateway.config)
    gateway.receive(mail())
    forged = mail(
        "add my friend",
        subject="x",
        Cc="eve@evil.test",
        Authentication_Results="mx.desk.test; dmarc=fail header.from=cust.test",
    )
    gateway.receive(forged, gateway.reply_address(TAG, "anna@cust.test"))
    assert gateway.ticket(TAG)["cc"] == []


@pytest.mark.req("A-25")
@pytest.mark.parametrize(("verdict", "member"), [("pass", True), ("none", False)])
def test_a_proved_address_of_an_organisations_domain_is_its_member_where_the_desk_allows(
    gateway: Gateway, verdict: str, member: bool
) -> None:
    trust(gateway.config)
    desk_rule(gateway.config, domain_join=True)
    gateway.load(organizations=[{"key": "big", "desk": "hosting", "name": "Big", "domains": ["big.test"]}])
    header = f"mx.desk.test; dmarc={verdict} header.from=big.test"
    gateway.receive(mail(sender="carol@big.test", Authentication_Results=header))
    assert gateway.ticket(TAG)["organization"] == ("big" if member else None)


@pytest.mark.req("A-24")
@pytest.mark.req("A-25")
@pytest.mark.parametrize("policy", ["hold", "topics"])
def test_a_desk_that_holds_strangers_lets_a_proved_address_of_an_organisation_in_as_a_member(
    any_gateway: Gateway, policy: str
) -> None:
    trust(any_gateway.config)
    desk_rule(any_gateway.config, domain_join=True, unknown_sender=policy)
    any_gateway.load(organizations=[{"key": "big", "desk": "hosting", "name": "Big", "domains": ["big.test"]}])

    def write(sender: str, results: str, **more: str) -> tuple[str, str | None]:
        header = f"mx.desk.test; {results}"
        row = any_gateway.receive(
            mail(sender=sender, Authentication_Results=header, **more), "support@hosting.desk.test"
        )
        return row["outcome"], any_gateway.ticket(row["ticket"])["organization"]

    assert write("carol@big.test", "dmarc=pass header.from=big.test") == ("new", "big")
    assert ("carol@big.test", "confirmation") in any_gateway.told()
    assert write("carol@big.test", "dmarc=none header.from=big.test") == ("held", "big")  # each mail needs its proof
    assert write("dora@big.test", "spf=pass smtp.mailfrom=big.test") == ("held", None)
    assert write("dora@big.test", "dmarc=fail header.from=big.test") == ("new", None)  # flagged, and nobody is answered
    assert write("eve@sub.big.test", "dmarc=pass header.from=sub.big.test") == ("held", None)
    assert write("eve@evil.test", "dmarc=pass header.from=evil.test") == ("held", None)


@pytest.mark.threat(41)
def test_nobody_lets_themselves_in_by_a_header_of_their_own(gateway: Gateway) -> None:
    trust(gateway.config)
    desk_rule(gateway.config, domain_join=True, unknown_sender="hold")
    gateway.load(organizations=[{"key": "big", "desk": "hosting", "name": "Big", "domains": ["big.test"]}])
    header = "mx.evil.test; dmarc=pass header.from=big.test"
    row = gateway.receive(mail(sender="carol@big.test", Authentication_Results=header))
    assert (row["outcome"], gateway.ticket(row["ticket"])["organization"]) == ("held", None)


def test_plus_addresses_are_different_people(gateway: Gateway) -> None:
    gateway.receive(mail())
    row = gateway.receive(mail("x", sender="anna+shop@cust.test", subject=f"Re: [{TAG}]"))
    assert row["outcome"] == "new"
    assert gateway.ticket(row["ticket"])["requester"] == "anna+shop@cust.test"


# --- nothing is swallowed


@pytest.mark.threat(35)
def test_other_words_under_a_known_message_id_are_kept_and_marked(gateway: Gateway) -> None:
    gateway.receive(mail("one", Message_ID="<same@cust.test>"))
    row = gateway.receive(mail("two", Message_ID="<same@cust.test>"))
    assert (row["outcome"], gateway.ticket(row["ticket"])["flags"]) == ("new", ["message-id-reused"])


@pytest.mark.req("X-09")
def test_of_several_tags_the_first_of_this_desk_counts(gateway: Gateway) -> None:
    for _ in range(2):
        gateway.receive(mail())
    row = gateway.receive(mail("which?", subject="Fwd: [EQ#1002] [HO#1002] [HO#1001] x"))
    assert (row["outcome"], row["ticket"]) == ("reply", "HO#1002")
    assert gateway.ticket("HO#1002")["flags"] == ["evidence-disagrees"]


@pytest.mark.req("BR-10")
def test_one_mail_to_two_desks_is_two_tickets_that_know_each_other(any_gateway: Gateway) -> None:
    any_gateway.receive(mail(), "support@hosting.desk.test", "support@moving.desk.test")
    tags = sorted(ticket["tag"] for ticket in any_gateway.tickets())
    assert tags == ["HO#1001", "MV#1001"]
    kinds = {link["kind"] for tag in tags for link in any_gateway.ticket(tag)["links"]}
    assert kinds == {"same_mail", "same_mail by"}
