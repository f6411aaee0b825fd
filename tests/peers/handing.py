"""The page about Postfix with ports and paths of a test, and what must hold when it has handed its mails over."""

from __future__ import annotations

from collections import Counter

from store.database import Store
from tests.peers.documents import Document
from tests.peers.house import by_message_id, once_each
from tests.peers.postfix import Postfix
from tests.running import free_port

ROOM = "What every way needs"


class Lines:
    """A document with ports and paths of this test."""

    def __init__(self, **put: str) -> None:
        self.lmtp, self.smtp = free_port(), free_port()
        self._page = Document("postfix", {"2424": str(self.lmtp), "2525": str(self.smtp), **put})

    def main(self, section: str) -> str:
        return self._page.block(ROOM, "main.cf") + self._page.block(section, "main.cf")

    def master(self, section: str) -> str:
        return self._page.block(section, "master.cf")

    def toml(self, section: str) -> str:
        return self._page.block(section, "toml")


def assert_all_arrived(postfix: Postfix, store: Store, count: int) -> None:
    """The log says all, the journal has all, none twice."""
    sent = postfix.deliveries()
    assert Counter(one.status for one in sent) == {"sent": count}
    assert len({one.id for one in sent}) == count
    assert by_message_id(store) == once_each(count)
