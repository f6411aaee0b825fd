"""The pure rules of the store: addresses, tokens, tags, files, who may, who is told."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.rules.addressing import AddressBook, NotOurs, Place, normalise
from store.rules.desk import FIFTEEN_MB, THIRTEEN, Desk, Files, Mailbox, Notify
from store.rules.fanout import TABLE, Change, ChangeKind, Concerned, Row, Template, fan_out
from store.rules.files import MOST, judge, judge_all
from store.rules.people import PersonFacts, TicketFacts, relation
from store.rules.tokens import Token, sign, verify
from tests.files.samples import SOUND, Sample

SECRET = b"s" * 32
HOSTING = Desk(
    name="hosting", key="HO", title="Hosting", bounces="no-reply@desk.test",
    mailboxes=(Mailbox(address="support@desk.test"), Mailbox(address="safety@desk.test", priority="urgent")),
)  # fmt: skip
MOVING = Desk(name="moving", key="MV", title="Moving", mailboxes=(Mailbox(address="support@moving.test"),))


# --- addresses


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("support@desk.test", "support@desk.test"),
        ("Support@DESK.test", "support@desk.test"),
        ("support+anything@desk.test", "support@desk.test"),
        ("no-reply+abc@desk.test", "no-reply@desk.test"),
        ("nobody@desk.test", NotOurs.UNKNOWN),
        ("x@elsewhere.test", NotOurs.FOREIGN),
        ("x%elsewhere.test@desk.test", NotOurs.FOREIGN),
        ("a!b@desk.test", NotOurs.FOREIGN),
        ("a@b@desk.test", NotOurs.FOREIGN),
        ("", NotOurs.FOREIGN),
    ],
)
def test_an_address_leads_to_its_mailbox_or_says_why_not(address: str, found: object) -> None:
    place = AddressBook.of([HOSTING, MOVING]).locate(address)
    assert (place.mailbox.address if isinstance(place, Place) else place) == found


def test_two_desks_cannot_claim_one_address() -> None:
    with pytest.raises(ValueError, match=r"support@desk\.test is a mailbox of both"):
        AddressBook.of([HOSTING, MOVING.model_copy(update={"mailboxes": HOSTING.mailboxes})])


def test_domains_are_compared_as_a_labels() -> None:
    assert normalise("Jörg@MÜNCHEN.example") == "jörg@xn--mnchen-3ya.example"
    assert normalise(" <Anna+x@Example.COM> ") == "anna+x@example.com"


# --- tokens


@given(st.sampled_from(["reply", "copy", "bounce"]), st.integers(0, 2**40), st.integers(0, 2**40))
def test_a_token_comes_back_whole_in_either_case(kind, number: int, person: int) -> None:
    token = Token(kind, number, person)
    text = sign(token, SECRET)
    assert verify(text, SECRET) == verify(text.upper(), SECRET) == token
    assert len(f"support+{text}") <= 64


def test_a_token_with_one_character_changed_is_no_token() -> None:
    text = sign(Token("reply", 1042, 7), SECRET)
    for place in range(len(text)):
        for letter in "abcdefghijklmnopqrstuvwxyz234567":
            if letter != text[place]:
                assert verify(text[:place] + letter + text[place + 1 :], SECRET) is None
    assert verify(text[:-1], SECRET) is None
    assert verify(text, b"another" * 5) is None


@given(st.text(max_size=60))
def test_no_text_makes_verify_raise(text: str) -> None:
    assert verify(text, SECRET) is None


# --- files


@pytest.mark.req("IN-18")
@pytest.mark.req("A-05")
@pytest.mark.req("A-08")
@pytest.mark.parametrize("ending", THIRTEEN)
def test_each_of_the_thirteen_types_is_accepted_in_either_case(ending: str) -> None:
    assert judge(Sample(f"file{ending}", SOUND[ending]), Files()).verdict == "accepted"
    assert judge(Sample(f"FILE{ending.upper()}", SOUND[ending]), Files()).verdict == "accepted"


@pytest.mark.req("IN-18")
@pytest.mark.threat(48)
@pytest.mark.parametrize(
    "sample",
    [
        Sample("setup.exe", b"MZ"),
        Sample("anim.gif", SOUND[".gif"]),
        Sample("clip.mp4", SOUND[".mp4"]),
        Sample("all.tar.gz", b"\x1f\x8b"),
        Sample("x.pdf.exe", b"MZ"),
        Sample("invoice.pdf", b"MZ\x90\0"),
        Sample("page.pdf", b"<html><script>"),
        Sample("notes.txt", b"MZ\x90\0"),
        Sample("noname", b"hello"),
        Sample(".htaccess", b"deny"),
        Sample("a.docx", SOUND[".pdf"]),
        Sample("a.tar", b"x" * 512),
        Sample("report.pdf", SOUND[".pdf"], names=("report.pdf", "report.exe")),
        Sample("report.pdf", SOUND[".pdf"], names=("report.pdf", ".htaccess")),
    ],
    ids=lambda sample: sample.filename,
)
def test_other_types_disguises_and_second_names_are_refused_with_a_reason(sample: Sample) -> None:
    judgement = judge(sample, Files())
    assert judgement.verdict == "refused"
    assert judgement.reason


def test_a_reading_of_a_name_that_opens_as_nothing_does_no_harm() -> None:
    assert (
        judge(Sample("Scan 12_30.pdf", SOUND[".pdf"], names=("Scan 12:30.pdf", "Scan 12", "30.pdf")), Files()).reason
        is None
    )
    assert judge(Sample("Scan", SOUND[".pdf"], names=("Scan", "30.pdf")), Files()).verdict == "refused"


def test_the_reason_repeats_a_type_and_no_sentence_of_the_sender() -> None:
    assert judge(Sample("a.exe", b"x"), Files()).reason == "files of type .exe are not accepted"
    words = judge(Sample("a.call 555 0100 at once", b"x"), Files()).reason
    assert words == "files of this type are not accepted"


@pytest.mark.req("IN-19")
@pytest.mark.req("A-06")
@pytest.mark.threat(52)
def test_fifteen_megabytes_are_taken_and_one_byte_more_is_not() -> None:
    full = b"a;b;c;d\n" * (FIFTEEN_MB // 8)
    assert len(full) == FIFTEEN_MB and judge(Sample("a.csv", full), Files()).verdict == "accepted"
    refused = judge(Sample("a.csv", full + b"x"), Files())
    assert (refused.verdict, refused.reason) == ("refused", "larger than 15 MB")


def test_an_empty_file_is_refused_in_its_own_words() -> None:
    for ending in THIRTEEN:
        assert judge(Sample(f"a{ending}", b""), Files()).reason == "the file is empty"


@pytest.mark.threat(52)
def test_the_hundred_and_first_file_is_refused() -> None:
    judgements = judge_all([Sample("a.txt", b"x")] * (MOST + 1), Files())
    assert [j.verdict for j in judgements] == ["accepted"] * MOST + ["refused"]


# --- who may


ANNA = PersonFacts(1, "anna@cust.test", "Anna", confirmed=True, organizations=((9, "member"),))
CARL = PersonFacts(2, "carl@third.test", "Carl", confirmed=True)
BOSS = PersonFacts(3, "boss@cust.test", "Boss", confirmed=True, organizations=((9, "admin"),))
MATE = PersonFacts(4, "mate@cust.test", "Mate", confirmed=True, organizations=((9, "member"),))
GINA = PersonFacts(5, "gina@desk.test", "Gina", confirmed=True, staff_of=("hosting",))
EVIL = PersonFacts(6, "evil@evil.test", "Evil")
GONE = PersonFacts(7, "gone@cust.test", "Gone", status="inactive", confirmed=True, organizations=((9, "admin"),))
TICKET = TicketFacts(1, "hosting", 1001, requester=1, organization=9, cc=frozenset({2}))


@pytest.mark.req("X-01")
@pytest.mark.req("A-11")
def test_who_is_what_to_a_ticket() -> None:
    open_desk = HOSTING.model_copy(update={"visibility": "organization"})
    people = (ANNA, CARL, BOSS, MATE, GINA, EVIL, GONE, None)
    assert [relation(p, TICKET, HOSTING) for p in people] == [
        "requester", "cc", "admin", "none", "staff", "none", "none", "none",
    ]  # fmt: skip
    assert relation(MATE, TICKET, open_desk) == "member"
    assert relation(GINA, TicketFacts(2, "moving", 1, 1, None, frozenset()), MOVING) == "none"
    assert relation(EVIL, TICKET, open_desk) == "none"


# --- who is told


def told(change: Change, desk: Desk = HOSTING, actor: PersonFacts | None = None, **changes: object) -> dict[str, str]:
    concerned = Concerned(ANNA, admins=(BOSS, GONE), cc=(CARL,), staff=(GINA,), actor=actor)
    return {n.person.name: n.template for n in fan_out(change, concerned, desk)}


def test_opening_confirms_to_the_opener_and_tells_the_department() -> None:
    assert told(Change("opened", ANNA.id), actor=ANNA) == {"Anna": "confirmation", "Gina": "staff_notice"}
    assert told(Change("opened", ANNA.id, answer=None), actor=ANNA) == {"Gina": "staff_notice"}


@pytest.mark.req("IN-20")
@pytest.mark.req("IN-21")
@pytest.mark.req("BR-05")
@pytest.mark.req("A-12")
def test_administrators_are_told_where_the_desk_says_so_and_inactive_ones_never() -> None:
    desk = HOSTING.model_copy(update={"notify": Notify(organization_admins=True)})
    assert told(Change("support_reply", GINA.id, True), desk, GINA) == {
        "Anna": "staff_reply", "Boss": "staff_reply", "Carl": "cc_copy",
    }  # fmt: skip


def test_nobody_hears_of_their_own_act_unless_the_desk_echoes() -> None:
    assert "Anna" not in told(Change("customer_reply", ANNA.id), actor=ANNA)
    echo = HOSTING.model_copy(update={"notify": Notify(echo_actor=True)})
    assert told(Change("customer_reply", ANNA.id), echo, ANNA)["Anna"] == "ticket_update"


def test_a_person_in_two_roles_gets_one_mail() -> None:
    concerned = Concerned(BOSS, admins=(BOSS,), cc=(BOSS, CARL), actor=GINA)
    desk = HOSTING.model_copy(update={"notify": Notify(organization_admins=True)})
    notices = fan_out(Change("support_reply", GINA.id, True), concerned, desk)
    assert [n.person.name for n in notices] == ["Boss", "Carl"]


def test_whom_the_writer_addressed_already_gets_no_copy() -> None:
    change = Change("customer_reply", ANNA.id, already=frozenset({CARL.email}))
    assert told(change, actor=ANNA) == {"Gina": "staff_notice"}


def test_a_stranger_cannot_have_us_mail_the_people_they_put_on_cc() -> None:
    stranger = Concerned(EVIL, cc=(CARL,), staff=(GINA,), actor=EVIL)
    notices = fan_out(Change("customer_reply", EVIL.id), stranger, HOSTING)
    assert [n.person.name for n in notices] == ["Gina"]


@pytest.mark.threat(47)
@pytest.mark.req("BR-05")
def test_notes_are_told_to_nobody() -> None:
    everything = Notify(organization_admins=True, echo_actor=True)
    assert told(Change("note", GINA.id, True), HOSTING.model_copy(update={"notify": everything}), GINA) == {}


@pytest.mark.threat(47)
def test_no_event_sends_a_customer_what_is_for_staff() -> None:
    """Of every row of the table: what is made for staff is for staff, and whoever wrote a note tells none of it."""
    for name, row in TABLE.items():
        assert not {row.requester, row.admin, row.cc} & {"staff_notice", "safety_alert"}, name
    note = TABLE["note"]
    assert {note.requester, note.admin, note.cc, note.staff, note.assignee, note.on_call, note.named} == {None}


def test_every_event_has_a_row_and_every_cell_a_template() -> None:
    assert set(TABLE) == {*get_args(ChangeKind), "closed_by_support"}
    cells = {getattr(row, role) for row in TABLE.values() for role in Row.__slots__ if role != "event"}
    assert cells - {None, "answer"} <= set(get_args(Template))


def test_whoever_a_ticket_is_assigned_to_hears_of_it_whatever_their_department() -> None:
    bill = PersonFacts(8, "bill@desk.test", "Bill", confirmed=True, staff_of=("hosting",))
    left = replace(bill, staff_of=())
    concerned = Concerned(ANNA, staff=(GINA,), actor=ANNA, assignee=bill)
    quiet = HOSTING.model_copy(update={"notify": Notify(department_staff=False)})
    neither = HOSTING.model_copy(update={"notify": Notify(department_staff=False, assignee=False)})

    def names(change: Change, around: Concerned = concerned, desk: Desk = HOSTING) -> list[str]:
        return [n.person.name for n in fan_out(change, around, desk)]

    for kind in ("customer_reply", "closed"):
        assert names(Change(kind, ANNA.id)) == ["Bill", "Gina"]
        assert names(Change(kind, ANNA.id), desk=quiet) == ["Bill"]
        assert names(Change(kind, ANNA.id), desk=neither) == []
    assert names(Change("customer_reply", ANNA.id), replace(concerned, staff=(GINA, bill))) == ["Bill", "Gina"]
    assert names(Change("customer_reply", ANNA.id), replace(concerned, assignee=left)) == ["Gina"]
    assert names(Change("support_reply", bill.id, True), concerned) == ["Anna"]


def test_staff_hear_that_a_ticket_has_become_more_urgent_where_nobody_is_on_call_too() -> None:
    assert told(Change("raised", ANNA.id), actor=ANNA) == {"Gina": "staff_notice"}


def test_a_replier_hears_of_refused_files_once_and_only_when_known() -> None:
    change = Change("customer_reply", ANNA.id, refused_files=True)
    assert told(change, actor=ANNA)["Anna"] == "attachment_refused"
    stranger = Concerned(EVIL, staff=(GINA,), actor=EVIL)
    notices = fan_out(Change("customer_reply", EVIL.id, refused_files=True), stranger, HOSTING)
    assert [n.person.name for n in notices] == ["Gina"]


def test_a_close_by_the_customer_is_told_to_the_staff() -> None:
    assert told(Change("closed", ANNA.id), actor=ANNA) == {"Carl": "ticket_closed", "Gina": "staff_notice"}
    assert told(Change("closed", GINA.id, True), actor=GINA) == {"Anna": "ticket_closed", "Carl": "ticket_closed"}
