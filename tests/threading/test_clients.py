"""Each kind of evidence is enough alone, whatever program the answer was written with, and without it there is none."""

from __future__ import annotations

from typing import get_args

import pytest

from gateway.decide.facts import EvidenceKind
from gateway.parse import parse
from gateway.parse.commands import Asked, read_commands
from tests.harness import Gateway
from tests.threading.clients import CLIENTS, SUBJECT, WORDS, Client, answer, conversation

TAG = "HO#1001"
# The number of another system is in the mails of that system alone: tests/archives.
KINDS: tuple[EvidenceKind, ...] = tuple(kind for kind in get_args(EvidenceKind) if kind != "old_number")
each_client = pytest.mark.parametrize(
    "client",
    [c if c.name in ("gmail", "outlook", "apple mail") else pytest.param(c, marks=pytest.mark.slow) for c in CLIENTS],
    ids=lambda client: client.name,
)


@pytest.mark.req("BR-02")
@pytest.mark.parametrize("kind", KINDS)
@each_client
def test_one_piece_of_evidence_is_enough_in_the_mail_of_every_client(
    gateway: Gateway, client: Client, kind: EvidenceKind
) -> None:
    sent = conversation(gateway)
    raw, to = answer(client, sent, {kind})
    row = gateway.receive(raw, to)
    assert (row["outcome"], row["ticket"]) == ("reply", TAG), row["reason"]
    assert row["reason"].startswith(kind)
    assert gateway.ticket(TAG)["messages"][-1]["text"] == WORDS
    raw, to = answer(client, sent, set())
    row = gateway.receive(raw, to)
    assert (row["outcome"], row["ticket"]) == ("new", "HO#1002"), row["reason"]


@each_client
def test_the_answer_as_the_client_sends_it_is_on_its_ticket_and_proved(gateway: Gateway, client: Client) -> None:
    raw, to = answer(client, conversation(gateway), set(KINDS))
    row = gateway.receive(raw, to)
    assert (row["outcome"], row["ticket"]) == ("reply", TAG)
    assert gateway.ticket(TAG)["flags"] == []


@each_client
def test_without_evidence_the_subject_of_the_new_ticket_is_the_customers_own(gateway: Gateway, client: Client) -> None:
    sent = conversation(gateway)
    gateway.receive(*answer(client, sent, set()))
    theirs = "[Ticket 55] Re: " if client.name == "a ticket system" else ""
    assert gateway.ticket("HO#1002")["subject"] == theirs + SUBJECT


@each_client
def test_a_command_stands_first_in_the_reply_of_every_client(gateway: Gateway, client: Client) -> None:
    raw, _ = answer(client, conversation(gateway), set(KINDS), "#close")
    asked = read_commands(parse(raw).reply)
    assert (asked.commands, asked.unknown, asked.problems) == ((Asked("close"),), (), ())
    assert "restart" not in asked.text
