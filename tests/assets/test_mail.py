"""Answers to a renewal alert: what the right person's word does, what the same words of all others do not, and questions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from store import outbox
from store.rows import insert_row, write_event
from store.rules.tokens import Kind, Token, sign
from store.schema import Alert, AlertLine, Asset, AssetRequest, Outbox
from tests.assets.house import BOSS, DORA, EVE, FLEET, GINA, GONE, NORA, SUE
from tests.harness import Gateway, mail

DESK = "support@devices.desk.test"
TODAY = datetime.now(UTC).date()
DEVICES = ("dev-1", "dev-2", "dev-3")


@pytest.fixture(autouse=True)
def due_soon(request: pytest.FixtureRequest) -> None:
    """Three of the devices are due in twenty days."""
    name = "any_fleet" if "any_fleet" in request.fixturenames else "fleet"
    gateway, due = request.getfixturevalue(name), str(TODAY + timedelta(days=20))
    assets = [{"key": key, "organization": "fleet", "renewal_date": due, "contract_end": due} for key in DEVICES]
    gateway.load(assets=assets)


def alert(gateway: Gateway, who: str, *keys: str) -> int:
    """The alert of today to somebody about these devices, as the clock writes it; its id."""
    with gateway.store.write() as connection:
        at, person = datetime.now(UTC), gateway.person(who)
        event = write_event(connection, None, "digest", None, at)
        values = {"event_id": event, "person_id": person, "desk": "devices", "day": TODAY, "at": at}
        id_ = insert_row(connection, Alert, values)
        for key in keys or DEVICES:
            asset = connection.execute(select(Asset.c.id, Asset.c.renewal_date).where(Asset.c.key == key)).one()
            line = {"alert_id": id_, "person_id": person, "asset_id": asset.id, "due": asset.renewal_date, "step": 21}
            connection.execute(insert(AlertLine).values(**line))
        copy = sign(Token("copy", event, person), gateway.config.secret)
        outbox.put(connection, [{
            "event_id": event, "person_id": person, "recipient": who, "template": "digest", "next_at": at, "created": at,
            "header_id": f"{copy}@devices.desk.test", "facts": {"desk": "devices"}, "ticket_id": None, "message_id": None,
        }])  # fmt: skip
    return id_


def address(gateway: Gateway, id_: int, who: str, kind: Kind = "alert") -> str:
    token = sign(Token(kind, id_, gateway.person(who)), gateway.config.secret)
    return DESK.replace("@", f"+{token}@")


def answer(gateway: Gateway, who: str, text: str, to: str, **headers: str) -> dict[str, Any]:
    return gateway.receive(mail(text, sender=f"X <{who}>", to=to, subject="Re: Renewals", **headers), to, sender=who)


def confirmed(gateway: Gateway) -> list[str]:
    return [key for key, row in rows(gateway).items() if row.confirmed_for]


def ending(gateway: Gateway) -> list[str]:
    return [key for key, row in rows(gateway).items() if row.state == "deactivation_pending"]


def rows(gateway: Gateway) -> dict[str, Any]:
    with gateway.store.read() as connection:
        return {row.key: row for row in connection.execute(select(*Asset.c).order_by(Asset.c.key))}


def told(gateway: Gateway, template: str) -> list[dict[str, Any]]:
    """What the last mail of a template says of each device."""
    with gateway.store.read() as connection:
        query = select(Outbox.c.facts).where(Outbox.c.template == template).order_by(Outbox.c.id.desc()).limit(1)
        found: list[dict[str, Any]] = connection.execute(query).scalar_one()["assets"]
        return found


def nothing_happened(gateway: Gateway) -> bool:
    with gateway.store.read() as connection:
        asked = connection.execute(select(AssetRequest.c.id)).first()
    return not confirmed(gateway) and not ending(gateway) and asked is None


@pytest.mark.req("DV-33")
@pytest.mark.req("DV-04")
@pytest.mark.req("DV-34")
@pytest.mark.req("X-02")
@pytest.mark.parametrize(
    ("text", "renewed", "cancelled"),
    [
        ("renew", "dev-1 dev-2 dev-3", ""),
        ("Renew.\n\nThanks, Boss", "dev-1 dev-2 dev-3", ""),
        ("#renew all please", "dev-1 dev-2 dev-3", ""),
        ("renew dev-1 dev-3", "dev-1 dev-3", ""),
        ("renew DEV-1 (Tracker 1), and S-1", "dev-1", ""),
        ("cancel dev-2", "", "dev-2"),
        ("cancel", "", "dev-1 dev-2 dev-3"),
        ("renew dev-1\ncancel dev-2, dev-3", "dev-1", "dev-2 dev-3"),
        ("renew dev-1 dev-99", "dev-1", ""),
        ("renew dev-4", "", ""),
    ],
)
def test_the_word_of_the_person_warned_is_done_for_each_device_it_names(
    fleet: Gateway, text: str, renewed: str, cancelled: str
) -> None:
    row = answer(fleet, BOSS, text, address(fleet, alert(fleet, BOSS), BOSS))
    assert row["outcome"] == ("new" if "Thanks" in text else "command")
    assert (confirmed(fleet), ending(fleet)) == (renewed.split(), cancelled.split())
    template = "renewal_confirmed" if renewed else "deactivation_ack" if cancelled else "command_refused"
    assert [one for one in fleet.told() if one[0] == BOSS and one[1] != "digest"] == [(BOSS, template)]
    named = [one["name"].split()[0] for one in told(fleet, template) if not one.get("why")]
    assert named == [*renewed.split(), *cancelled.split()]
    unknown = [word for word in ("dev-99", "dev-4") if word in text]
    assert [one["name"] for one in told(fleet, template) if one.get("why")] == unknown


@pytest.mark.req("DV-33")
@pytest.mark.parametrize("kind", ["renew", "cancel"])
@pytest.mark.parametrize("text", ["", "Yes, go on with these, as every year."])
def test_any_mail_to_the_address_of_an_action_is_the_act(any_fleet: Gateway, kind: Kind, text: str) -> None:
    answer(any_fleet, NORA, text, address(any_fleet, alert(any_fleet, NORA, "dev-1", "dev-2"), NORA, kind))
    acted, other = (confirmed, ending) if kind == "renew" else (ending, confirmed)
    assert (acted(any_fleet), other(any_fleet)) == (["dev-1", "dev-2"], [])


def test_words_at_the_top_say_which_even_at_the_address_of_an_action(fleet: Gateway) -> None:
    answer(fleet, BOSS, "renew dev-2", address(fleet, alert(fleet, BOSS), BOSS, "renew"))
    assert confirmed(fleet) == ["dev-2"]


def test_the_message_id_of_the_alert_is_proof_as_well(any_fleet: Gateway) -> None:
    alert(any_fleet, BOSS)
    with any_fleet.store.read() as connection:
        header = connection.execute(select(Outbox.c.header_id).where(Outbox.c.template == "digest")).scalar_one()
    answer(any_fleet, BOSS, "renew dev-1", DESK, In_Reply_To=f"<{header}>")
    assert confirmed(any_fleet) == ["dev-1"]


@pytest.mark.req("DV-79")
def test_a_group_admin_acts_on_their_devices_and_hears_of_the_others(fleet: Gateway) -> None:
    answer(fleet, DORA, "renew", address(fleet, alert(fleet, DORA), DORA))
    assert confirmed(fleet) == ["dev-2"]
    assert [(one["name"], bool(one.get("why"))) for one in told(fleet, "renewal_confirmed")] == [
        ("?", True),
        ("dev-2", False),
    ]


# --- the four rogues, and their kin


@pytest.mark.req("DV-80")
@pytest.mark.parametrize("text", ["renew", "cancel dev-1"])
def test_a_supervisor_is_warned_and_may_do_nothing_and_is_told_so(fleet: Gateway, text: str) -> None:
    answer(fleet, SUE, text, address(fleet, alert(fleet, SUE, "dev-1", "dev-2"), SUE))
    assert nothing_happened(fleet)
    assert [one for one in fleet.told() if one[1] != "digest"] == [(SUE, "command_refused")]
    whys = {one["why"] for one in told(fleet, "command_refused")}
    assert whys == {"Only an administrator of the organization or of its group may do this."}


@pytest.mark.req("DV-75")
@pytest.mark.req("DV-76")
@pytest.mark.parametrize("kind", ["alert", "renew", "cancel"])
def test_an_admin_who_is_inactive_by_now_does_nothing_and_hears_nothing(fleet: Gateway, kind: Kind) -> None:
    row = answer(fleet, GONE, "renew", address(fleet, alert(fleet, GONE), GONE, kind))
    assert nothing_happened(fleet) and row["outcome"] == "new"
    assert [one for one in fleet.told() if one[0] == GONE and one[1] != "digest"] == []
    assert "inactive-sender" in fleet.tickets()[0]["flags"]


@pytest.mark.req("X-02")
@pytest.mark.threat(40)
@pytest.mark.parametrize("kind", ["alert", "renew", "cancel"])
@pytest.mark.parametrize("who", [EVE, NORA, "mallory@evil.test"])
def test_somebody_elses_address_does_nothing_whoever_has_it(fleet: Gateway, kind: Kind, who: str) -> None:
    row = answer(fleet, who, "renew", address(fleet, alert(fleet, BOSS), BOSS, kind))
    assert nothing_happened(fleet) and row["outcome"] == "held"
    assert [one for one in fleet.told() if one[1] not in ("digest", "staff_notice")] == [(BOSS, "address_used")]
    assert {"held", "stranger"} <= set(fleet.tickets()[0]["flags"])
    assert (fleet.tickets()[0]["asset"], fleet.tickets()[0]["assets"]) == (None, [])


@pytest.mark.threat(39)
def test_whose_alert_it_is_hears_once_that_somebody_else_has_answered_it(any_fleet: Gateway) -> None:
    first = alert(any_fleet, BOSS)
    for kind in ("alert", "renew", "cancel"):
        answer(any_fleet, "mallory@evil.test", "renew", address(any_fleet, first, BOSS, kind))  # type: ignore[arg-type]
    assert any_fleet.told().count((BOSS, "address_used")) == 1
    with any_fleet.store.write() as connection:
        connection.execute(update(Alert).values(day=TODAY - timedelta(days=7)))
        connection.execute(update(AlertLine).values(step=28))
    second = alert(any_fleet, BOSS)
    answer(any_fleet, "mallory@evil.test", "renew", address(any_fleet, second, BOSS))
    assert any_fleet.told().count((BOSS, "address_used")) == 2
    assert "mallory@evil.test" not in {who for who, _template in any_fleet.told()}
    with any_fleet.store.read() as connection:
        rows = connection.execute(select(*Outbox.c).where(Outbox.c.template == "address_used")).all()
    assert {(row.ticket_id, row.facts["about"], row.facts["tag"]) for row in rows} == {(None, "mallory@evil.test", "")}


@pytest.mark.threat(39)
def test_nobody_is_told_of_an_answer_that_nobody_may_have_written(
    fleet: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    auth = fleet.config.settings.auth.model_copy(update={"trusted_host": "relay.desk.test"})
    monkeypatch.setattr(fleet.config, "settings", fleet.config.settings.model_copy(update={"auth": auth}))
    forged = "relay.desk.test; dmarc=fail header.from=fleet.test"
    row = answer(fleet, NORA, "renew", address(fleet, alert(fleet, BOSS), BOSS), Authentication_Results=forged)
    assert row["outcome"] == "held" and (BOSS, "address_used") not in fleet.told()


def test_who_is_inactive_is_not_told_of_it(fleet: Gateway) -> None:
    answer(fleet, "mallory@evil.test", "renew", address(fleet, alert(fleet, GONE), GONE))
    assert "address_used" not in {template for _who, template in fleet.told()}


@pytest.mark.req("X-02")
@pytest.mark.threat(40)
@pytest.mark.parametrize(("kind", "done"), [("alert", "renewed"), ("renew", "renewed"), ("cancel", "ended")])
def test_a_forged_from_only_asks_the_person_on_file_and_their_word_is_what_counts(
    fleet: Gateway, monkeypatch: pytest.MonkeyPatch, kind: Kind, done: str
) -> None:
    text = "" if kind != "alert" else "renew"
    trusted = "relay.desk.test; dmarc=fail header.from=fleet.test"
    auth = fleet.config.settings.auth.model_copy(update={"trusted_host": "relay.desk.test"})
    settings = fleet.config.settings.model_copy(update={"auth": auth})
    monkeypatch.setattr(fleet.config, "settings", settings)
    to = address(fleet, alert(fleet, BOSS), BOSS, kind)
    row = answer(fleet, BOSS, text, to, Authentication_Results=trusted)
    assert nothing_happened(fleet) and row["outcome"] == "held"
    assert [one for one in fleet.told() if one[0] == BOSS and one[1] != "digest"] == [(BOSS, "confirm_request")]
    with fleet.store.read() as connection:
        asked = connection.execute(select(Outbox.c.facts).where(Outbox.c.template == "confirm_request")).scalar_one()
    assert asked["about"] == "renew or end subscriptions"
    confirm = address(fleet, asked["confirms"], BOSS, "confirm")
    for who in (EVE, NORA):
        answer(fleet, who, "yes", confirm)
        assert nothing_happened(fleet)
    for _ in range(2):
        answer(fleet, BOSS, "it was me", confirm)
        assert (confirmed if done == "renewed" else ending)(fleet) == list(DEVICES)
    assert "held" not in next(one for one in fleet.tickets() if one["requester"] == BOSS)["flags"]
    templates = [one[1] for one in fleet.told() if one[0] == BOSS]
    assert templates.count("renewal_confirmed") + templates.count("deactivation_ack") == 1


@pytest.mark.req("X-02")
def test_without_an_address_of_the_alert_the_words_are_an_ordinary_mail(fleet: Gateway) -> None:
    alert(fleet, BOSS)
    row = answer(fleet, BOSS, "renew dev-1", DESK)
    assert row["outcome"] == "new" and nothing_happened(fleet)


@pytest.mark.req("X-04")
def test_a_machine_renews_nothing(fleet: Gateway) -> None:
    to = address(fleet, alert(fleet, BOSS), BOSS, "renew")
    row = answer(fleet, BOSS, "renew", to, Auto_Submitted="auto-replied")
    assert nothing_happened(fleet) and row["outcome"] in ("auto", "new", "held")


def test_the_same_mail_twice_is_done_once(any_fleet: Gateway) -> None:
    to = address(any_fleet, alert(any_fleet, BOSS), BOSS)
    message = mail("renew dev-1", sender=BOSS, to=to)
    assert [any_fleet.receive(message, to, sender=BOSS)["outcome"] for _ in range(2)] == ["command", "duplicate"]
    with any_fleet.store.read() as connection:
        assert len(connection.execute(select(AssetRequest.c.id)).all()) == 1


# --- questions, and devices that mails name


@pytest.mark.req("DV-37")
@pytest.mark.parametrize(
    "text", ["What does the new term cost?", "Cancel my dinner with you", "renewing sounds fine, but why?"]
)
def test_a_question_is_a_ticket_about_the_devices_and_changes_nothing(fleet: Gateway, text: str) -> None:
    row = answer(fleet, BOSS, text, address(fleet, alert(fleet, BOSS, "dev-1", "dev-3"), BOSS))
    ticket = fleet.ticket(row["ticket"])
    assert (row["outcome"], ticket["assets"], ticket["requester"]) == ("new", ["dev-1", "dev-3"], BOSS)
    assert nothing_happened(fleet) and (BOSS, "confirmation") in fleet.told()


def test_what_was_not_acted_on_is_still_due(fleet: Gateway) -> None:
    from store import assets
    from store.rules.terms import mark

    answer(fleet, BOSS, "renew dev-1", address(fleet, alert(fleet, BOSS), BOSS))
    due = [key for key, row in rows(fleet).items() if key in DEVICES and mark(assets.facts(row).term, TODAY) == "due"]
    assert due == ["dev-2", "dev-3"]


@pytest.mark.req("DV-37")
@pytest.mark.req("EQ-23")
@pytest.mark.parametrize(
    ("who", "subject", "text", "linked"),
    [
        (BOSS, "dev-1 is silent", "Hello", "dev-1"),
        (BOSS, "Trouble with EXT-1!", "Hello", "dev-1"),
        (BOSS, "Trouble", "Device: dev-3\n\nIt is silent.", "dev-3"),
        (BOSS, "Trouble", "Serial: S-1\n\nIt is silent.", "dev-1"),
        (SUE, "dev-2", "Hello", "dev-2"),
        (SUE, "dev-3", "Hello", None),
        (BOSS, "alien 1 alien", "Device: alien", None),
        (EVE, "dev-1", "Device: dev-1", None),
        ("mallory@evil.test", "dev-1", "Device: dev-1", None),
        (BOSS, "Nothing in particular", "Hello dev-1", None),
    ],
)
def test_a_mail_that_names_a_device_its_sender_sees_is_about_it(
    fleet: Gateway, who: str, subject: str, text: str, linked: str | None
) -> None:
    row = fleet.receive(mail(text, sender=who, to=DESK, subject=subject), DESK, sender=who)
    assert fleet.ticket(row["ticket"])["asset"] == linked


def test_a_later_reply_may_say_which_device_it_is(any_fleet: Gateway) -> None:
    row = any_fleet.receive(mail("It is silent.", sender=BOSS, to=DESK), DESK, sender=BOSS)
    to = any_fleet.reply_address(row["ticket"], BOSS, DESK)
    any_fleet.receive(mail("Device: dev-2", sender=BOSS, to=to), to, sender=BOSS)
    assert any_fleet.ticket(row["ticket"])["asset"] == "dev-2"


# --- activation by mail


ACTIVATIONS = "activations@devices.desk.test"


@pytest.mark.req("DV-14")
def test_a_mail_with_a_device_line_asks_for_its_activation(any_fleet: Gateway) -> None:
    text = "Device: LX-200, LX-201\n\nFor the north gate, please."
    row = any_fleet.receive(mail(text, sender=BOSS, to=ACTIVATIONS), ACTIVATIONS, sender=BOSS)
    assert [rows(any_fleet)[key].state for key in ("LX-200", "LX-201")] == ["activation_pending"] * 2
    assert (row["outcome"], any_fleet.ticket(row["ticket"])["assets"]) == ("new", ["LX-200", "LX-201"])
    assert [one for one in any_fleet.told() if one[0] in (BOSS, GINA)] == [
        (BOSS, "activation_ack"),
        (GINA, "staff_notice"),
    ]


@pytest.mark.req("DV-15")
def test_a_device_that_is_registered_is_pointed_to_by_mail(fleet: Gateway) -> None:
    fleet.receive(mail("Device: dev-1", sender=BOSS, to=ACTIVATIONS), ACTIVATIONS, sender=BOSS)
    assert told(fleet, "command_refused")[0]["link"] == "http://127.0.0.1:8080/asset/dev-1"
    assert rows(fleet)["dev-1"].state == "active" and len(rows(fleet)) == len(FLEET["assets"])


@pytest.mark.parametrize("who", [SUE, GONE, "mallory@evil.test"])
def test_nobody_else_registers_a_device_by_mail(fleet: Gateway, who: str) -> None:
    fleet.receive(mail("Device: LX-200", sender=who, to=ACTIVATIONS), ACTIVATIONS, sender=who)
    assert len(rows(fleet)) == len(FLEET["assets"])
    answers = [template for recipient, template in fleet.told() if recipient == who]
    assert answers == {SUE: ["command_refused"], GONE: []}.get(who, ["held_ack"])


def test_mail_for_activations_without_a_device_is_as_any_other(fleet: Gateway) -> None:
    fleet.receive(mail("Hello", sender=BOSS, to=ACTIVATIONS), ACTIVATIONS, sender=BOSS)
    assert (BOSS, "confirmation") in fleet.told()
