"""Each hostile SMTP or LMTP dialogue of a folder's wire.json with the real doors of a fresh desk, against what it expects."""

from __future__ import annotations

import json
import re
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))
from gateway.lmtp import LmtpDoor
from gateway.smtp import Door, background
from store.config import Config
from store.database import open_store
from store.migrate import migrate
from store.settings import LmtpSection, SmtpSection
from tests.conftest import installation
from tests.doors.client import Peer
from tests.harness import Gateway

DOORS: dict[str, type[Door]] = {"smtp": Door, "lmtp": LmtpDoor}
QUIET = 0.3  # seconds without a byte after which a step has been answered
LONGEST = 4.0  # seconds a step may take to be answered at all
FREE = {"listen": "127.0.0.1:0"}


def main(folder: Path) -> int:
    dialogues = json.loads((folder / "wire.json").read_text(encoding="utf-8"))["dialogues"]
    wrong = {each["id"]: faults for each in dialogues if (faults := run(each))}
    print(f"{len(dialogues) - len(wrong)} of {len(dialogues)} dialogues end as expected")
    for name, faults in wrong.items():
        print(f"  {name}: {'; '.join(faults)}")
    return 1 if wrong else 0


def run(dialogue: dict[str, Any]) -> list[str]:
    """What is wrong at the end of one dialogue, on an installation of its own."""
    if dialogue["kind"] not in DOORS:
        return [f"unknown kind {dialogue['kind']}"]
    with tempfile.TemporaryDirectory() as where, ExitStack() as stack:
        made = installation(Path(where), ("hosting",))
        free = {"smtp": SmtpSection(**FREE), "lmtp": LmtpSection(**FREE)}
        config = Config(made.settings.model_copy(update=free), made.folder, made.file)
        store = open_store(config)
        stack.callback(store.close)
        migrate(config, store)
        gateway = Gateway(config, store)
        with background(config, store, kind=DOORS[dialogue["kind"]], grace=1) as door:
            with Peer(door.address, timeout=LONGEST) as peer:
                replies = [answers(peer, step) for step in dialogue["steps"]][-1]
            with Peer(door.address) as other:
                alive = other.ask("NOOP")[0].startswith("250")
        gateway.file()
        return list(check(dialogue, replies, gateway)) + ([] if alive else ["the door is dead"])


def answers(peer: Peer, step: str) -> list[str]:
    """The replies to one step, each by its last line; none when the door has closed or is silent."""
    found = b""
    try:
        peer.raw(step.encode("latin-1", "surrogateescape"))
        peer.socket.settimeout(LONGEST)
        while block := peer.socket.recv(1 << 16):
            found += block
            peer.socket.settimeout(QUIET)
    except (TimeoutError, ConnectionError):
        pass
    return re.findall(r"^(\d\d\d (?:.*))\r?$", found.decode("utf-8", "replace"), re.MULTILINE)


def check(dialogue: dict[str, Any], replies: list[str], gateway: Gateway):  # type: ignore[no-untyped-def]
    last = int(replies[-1][:3]) if replies else None
    if last not in dialogue["expect_last"]:
        yield f"last reply {last} for {dialogue['expect_last']}"
    if len(replies) != dialogue.get("last_reply_count", len(replies)):
        yield f"{len(replies)} replies for {dialogue['last_reply_count']}"
    yield from (f"reply {reply!r}" for reply in replies if re.search(r"Traceback|Error\(|\.py|Exception", reply))
    tickets = [gateway.ticket(ticket["tag"]) for ticket in gateway.tickets()]
    most = int(dialogue["accepted_messages"].lstrip("<="))
    least = 0 if dialogue["accepted_messages"].startswith("<=") else most
    for what, count in (
        ("journal rows", len(gateway.journal())),
        ("ticket messages", sum(len(ticket["messages"]) for ticket in tickets)),
    ):
        if not least <= count <= most:
            yield f"{count} {what} for {dialogue['accepted_messages']}"
    if forbidden := dialogue.get("forbid_subject"):
        yield from (f"subject {t['subject']!r}" for t in tickets if forbidden in t["subject"])


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
