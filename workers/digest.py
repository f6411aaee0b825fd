"""The lines of a digest, as its template shows them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from store.letters import Letter
from store.rules.desk import Desk
from templates.contexts import excerpt, one_line, readable
from templates.digests import Digest, DigestLine
from templates.figures import moment


def digest_of(letter: Letter, desk: Desk, policy: str, language: str, answer_to: Callable[[int], str]) -> Digest:
    """What the letter tells of, under the desk's text policy; `answer_to` makes the address to answer on a ticket."""
    facts = letter.facts
    alone = letter.ticket_id is not None
    staff = facts["role"] == "staff"

    def line(told: Mapping[str, Any]) -> DigestLine:
        def fact(name: str, longest: int = 250) -> str:
            return one_line(str(told.get(name) or ""), longest)

        # A mail about one ticket is read instead of the mails it stands for, so it holds all that those would.
        text = readable(told["text"]) if told["role"] == "staff" or policy != "link_only" else ""
        return DigestLine(
            tag=fact("tag"), subject=fact("subject"), label=fact("label"), change=told["change"], author=fact("author", 80),
            author_address=fact("author_address") if staff else "", by_support=bool(told["by_support"]),
            at=moment(told["at"], facts["timezone"], desk.timezone, language=language), text=text if alone else excerpt(text),
            link=fact("link", 2000), answer="" if alone else answer_to(told["ticket"]),
            priority=fact("priority") if staff and not alone else "",
        )  # fmt: skip

    unsubscribe = one_line(str(facts.get("unsubscribe") or ""), 2000)
    return Digest(tuple(map(line, facts.get("lines") or ())), int(facts.get("more") or 0), unsubscribe)
