"""The laws of a ticket's state and the five desks' words for it."""

from __future__ import annotations

import pytest

from gateway.cli.setup import write_configuration
from store.config import read_desk
from store.rules.desk import Desk
from store.rules.states import STATES, Condition, Happening, advance, help_text, label
from tests.conftest import DESKS

HAPPENINGS: dict[str, Happening] = {
    "C": "customer_reply",
    "S": "support_reply",
    "s": "support_reply_no_answer",
    "t": "take",
    "x": "close_by_customer",
    "X": "close_by_support",
    "n": "note",
}
# What happened after opening, the state it leads to, and the words of equipment, infrastructure, devices, moving and
# hosting for it. One sequence a line.
SEQUENCES = """
-    new               Open          | Waiting for Support  | Open     | Open                | Open
C    waiting_support   Open          | Waiting for Support  | Open     | Open                | Customer-Reply
n    new               Open          | Waiting for Support  | Open     | Open                | Open
t    in_progress       In Review     | Waiting for Support  | Open     | Open                | Open
tC   waiting_support   In Review     | Waiting for Support  | Open     | Open                | Customer-Reply
S    waiting_customer  Awaiting Info | Waiting for Customer | Answered | Awaiting your reply | Answered
s    in_progress       In Review     | Waiting for Support  | Open     | Open                | Answered
SC   waiting_support   In Review     | Waiting for Support  | Open     | Open                | Customer-Reply
SCt  in_progress       In Review     | Waiting for Support  | Open     | Open                | Customer-Reply
SCS  waiting_customer  Awaiting Info | Waiting for Customer | Answered | Awaiting your reply | Answered
x    closed            Resolved      | Closed               | Closed   | Solved              | Closed
X    closed            Resolved      | Closed               | Closed   | Solved              | Closed
SX   closed            Resolved      | Closed               | Closed   | Solved              | Closed
Sx   closed            Resolved      | Closed               | Closed   | Solved              | Closed
xC   waiting_support   Open          | Waiting for Support  | Open     | Open                | Customer-Reply
SXC  waiting_support   In Review     | Waiting for Support  | Open     | Open                | Customer-Reply
SXCS waiting_customer  Awaiting Info | Waiting for Customer | Answered | Awaiting your reply | Answered
XS   waiting_customer  Awaiting Info | Waiting for Customer | Answered | Awaiting your reply | Answered
XSC  waiting_support   In Review     | Waiting for Support  | Open     | Open                | Customer-Reply
Cx   closed            Resolved      | Closed               | Closed   | Solved              | Closed
SCXC waiting_support   In Review     | Waiting for Support  | Open     | Open                | Customer-Reply
sC   waiting_support   In Review     | Waiting for Support  | Open     | Open                | Customer-Reply
Xs   closed            Resolved      | Closed               | Closed   | Solved              | Closed
CS   waiting_customer  Awaiting Info | Waiting for Customer | Answered | Awaiting your reply | Answered
""".strip().splitlines()


@pytest.fixture(scope="module")
def desks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Desk]:
    folder = tmp_path_factory.mktemp("desks")
    write_configuration(folder, DESKS, "desk.test")
    return {name: read_desk(folder / "desks" / f"{name}.toml") for name in DESKS}


def after(happened: str) -> Condition:
    condition = Condition()
    for letter in happened.strip("-"):
        condition = advance(condition, HAPPENINGS[letter])
    return condition


@pytest.mark.req("EQ-34")
@pytest.mark.req("IN-31")
@pytest.mark.req("MV-23")
@pytest.mark.req("MV-24")
@pytest.mark.req("MV-25")
@pytest.mark.req("HO-10")
@pytest.mark.req("A-01")
@pytest.mark.req("A-02")
@pytest.mark.parametrize("line", SEQUENCES, ids=lambda line: line.split()[0])
def test_a_sequence_ends_in_the_state_and_words_of_every_desk(line: str, desks: dict[str, Desk]) -> None:
    happened, state, words = line.split(maxsplit=2)
    condition = after(happened)
    assert condition.state == state
    assert [label(condition, desks[name]) for name in DESKS] == [word.strip() for word in words.split("|")]


def test_every_happening_is_allowed_in_every_state() -> None:
    for state in STATES:
        for happening in HAPPENINGS.values():
            assert advance(Condition(state=state), happening).state in STATES


@pytest.mark.req("MV-24")
def test_the_moving_desk_says_whose_turn_it_is(desks: dict[str, Desk]) -> None:
    assert "waiting to hear back from you" in help_text(after("S"), desks["moving"])
    assert "No response needed" in help_text(after("C"), desks["moving"])
    assert "closed" in help_text(after("X"), desks["moving"])
