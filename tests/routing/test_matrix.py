"""Twelve ways to prove who one is, or not, times six acts: what is not proved takes no effect until its person says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.harness import Gateway, mail
from tests.routing.conftest import MX
from tests.routing.post import Post, Sent

HO = "support@hosting.desk.test"
ANNA, VERA, LUCA = "anna@cust.test", "vera@crew.test", "luca@crew.test"
PASS = {"Authentication_Results": f"{MX}; dmarc=pass header.from=x"}
FAIL = {"Authentication_Results": f"{MX}; dmarc=fail header.from=x"}
FOREIGN = {"Authentication_Results": "mx.evil.test; dmarc=pass header.from=x"}
NOTHING = {"Authentication_Results": f"{MX}; dmarc=none"}

Ticket = dict[str, Any]


def answers(ticket: Ticket) -> int:
    return sum(m["side"] == "support" and not m["note"] for m in ticket["messages"])


def closings(ticket: Ticket) -> int:
    return [e["kind"] for e in ticket["events"]].count("closed")


# act: (who, what the mail says, how often it took effect)
ACTS: dict[str, tuple[str, str, Callable[[Ticket], int]]] = {
    "customer closes": (ANNA, "#close", closings),
    "staff close": (VERA, "#close", closings),
    "staff answer": (VERA, "Press the green button.", answers),
    "staff assign": (VERA, "#assign me", lambda t: int(t["taken"])),
    "staff raise": (VERA, "#priority urgent", lambda t: int(t["priority"] == "urgent")),
    "staff department": (VERA, "#department Billing", lambda t: int(t["department"] == "Billing")),
    "staff merge": (VERA, "#merge HO#1002", lambda t: int(t["merged_into"] == "HO#1002")),
    "staff copy": (VERA, "#cc kim@other.test", lambda t: t["cc"].count("kim@other.test")),
}


def changed(address: str) -> str:
    """The address with one character of its token exchanged."""
    place = address.index("+") + 12
    return address[:place] + ("a" if address[place] != "a" else "b") + address[place + 1 :]


# way: (proved, the address written to, headers); of `own` the copy of this person, `other` of another, `far` of another ticket
WAYS: dict[str, tuple[bool, Callable[[Sent, Sent, Sent], str], Callable[[Sent], dict[str, str]]]] = {
    "the number alone": (False, lambda own, other, far: HO, lambda own: {}),
    "the number, DMARC passed": (False, lambda own, other, far: HO, lambda own: PASS),
    "the number, DMARC failed": (False, lambda own, other, far: HO, lambda own: FAIL),
    "the number, no DMARC record": (False, lambda own, other, far: HO, lambda own: NOTHING),
    "the number, a stranger says passed": (False, lambda own, other, far: HO, lambda own: FOREIGN),
    "the signed address": (True, lambda own, other, far: own.reply_to, lambda own: {}),
    "the signed address, DMARC passed": (True, lambda own, other, far: own.reply_to, lambda own: PASS),
    "the signed address, DMARC failed": (False, lambda own, other, far: own.reply_to, lambda own: FAIL),
    "the copy's Message-ID": (True, lambda own, other, far: HO, lambda own: {"In_Reply_To": str(own.message["Message-ID"])}),
    "the address of another person": (False, lambda own, other, far: other.reply_to, lambda own: {}),
    "the address of another ticket": (False, lambda own, other, far: far.reply_to, lambda own: {}),
    "the signed address, changed": (False, lambda own, other, far: changed(own.reply_to), lambda own: {}),
}  # fmt: skip
# A customer's domain disowns the mail and nothing in it was signed for them: a stranger's, who is not worth a question.
UNASKED = ("customer closes", "the number, DMARC failed")


def copies(post: Post, who: str) -> tuple[Sent, Sent, Sent]:
    """Of the two tickets: this person's own mail on the first, somebody else's, and their own on the second."""
    post.collect()
    template = "confirmation" if who == ANNA else "staff_notice"
    own, far = (
        next(s for s in post.sent if (s.recipient, s.template) == (who, template) and f"[HO#{n}]" in str(s.message["Subject"]))
        for n in (1001, 1002)
    )  # fmt: skip
    other = next(
        s
        for s in post.sent
        if s.recipient == (VERA if who == ANNA else ANNA) and "[HO#1001]" in str(s.message["Subject"])
    )
    return own, other, far


@pytest.mark.req("X-02")
@pytest.mark.threat(40)
@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize(
    "way", [way if place % 4 == 0 else pytest.param(way, marks=pytest.mark.slow) for place, way in enumerate(WAYS)]
)
def test_an_act_takes_effect_once_and_only_with_proof_or_the_persons_word(
    gateway: Gateway, post: Post, act: str, way: str
) -> None:
    who, text, effect = ACTS[act]
    proved, address, headers = WAYS[way]
    for subject in ("Printer", "Scanner"):
        gateway.receive(mail("It jams.", sender=f"Anna <{ANNA}>", to=HO, subject=subject), HO)
    own, other, far = copies(post, who)
    place = address(own, other, far)
    gateway.receive(
        mail(text, sender=who, to=place, subject="Re: [HO#1001] Printer", **headers(own)), place, sender=who
    )
    assert effect(gateway.ticket("HO#1001")) == int(proved)
    asked = [
        one
        for one in post.collect()
        if one.template == "confirm_request" and "[HO#1001]" in str(one.message["Subject"])
    ]
    asks = not proved and way != "the address of another ticket" and (act, way) != UNASKED
    assert [one.recipient for one in asked] == [who] * asks
    for _ in range(2):
        for one in asked:
            post.answer(one, "Yes.")
            assert effect(gateway.ticket("HO#1001")) == 1
    assert [e["kind"] for e in gateway.ticket("HO#1001")["events"]].count("confirmed") == len(asked)
    assert effect(gateway.ticket("HO#1001")) == int(proved or bool(asked))
    post.collect()
    answered = [
        one for one in post.sent if (one.recipient, one.template) == (ANNA, "staff_reply") and "HO#1001" in one.text
    ]
    assert len(answered) == int(act == "staff answer" and (proved or bool(asked)))
