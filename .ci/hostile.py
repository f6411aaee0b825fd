"""Each hostile message on a fresh desk: its outcome, requester, files and answers against what its manifest expects."""

from __future__ import annotations

import json
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))
from store.database import open_store
from store.migrate import migrate
from tests.conftest import installation
from tests.harness import Gateway

OUTCOMES = {
    "ticket_new": {"new"}, "flagged_new": {"new", "held"}, "ticket_append": {"reply"},
    "recorded": {"auto", "bounce"}, "duplicate": {"duplicate"}, "refused": {"refused"},
}  # fmt: skip


def main(folder: Path) -> int:
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    wrong: dict[str, list[str]] = {}
    for message in manifest["messages"]:
        with tempfile.TemporaryDirectory() as where:
            if faults := run(message, manifest["fixture"], folder, Path(where)):
                wrong[message["id"]] = faults
    print(f"{len(manifest['messages']) - len(wrong)} of {len(manifest['messages'])} messages end as expected")
    for name, faults in wrong.items():
        print(f"  {name}: {'; '.join(faults)}")
    return 1 if wrong else 0


def run(message: dict[str, Any], fixture: dict[str, Any], folder: Path, where: Path) -> list[str]:
    config = installation(where, ("hosting",))
    store = open_store(config)
    migrate(config, store)
    gateway = Gateway(config, store)
    known = fixture["ticket"]
    gateway.load(
        people=[{"email": known["owner"]}],
        agents=[{"email": fixture["agent"], "desk": "hosting"}],
        tickets=[{
            "desk": "hosting", "number": known["number"], "subject": "Printer", "requester": known["owner"], "cc": known["cc"],
            "state": "waiting_customer", "messages": [
                {"from": known["owner"], "text": "It is broken."},
                {"from": fixture["agent"], "side": "support", "text": "How?", "message_id": known["message_id_of_last_notification"]},
            ],
        }],
    )  # fmt: skip
    raw = (folder / message["file"]).read_bytes()
    start = time.monotonic()
    row = gateway.receive(raw, *message["envelope"]["rcpt_to"], sender=message["envelope"]["mail_from"])
    seconds = time.monotonic() - start
    ticket = gateway.ticket(row["ticket"]) if row["ticket"] else None
    faults = list(check(message["expect"], row, ticket, gateway, known, seconds))
    store.close()
    return faults


def check(
    expect: dict[str, Any], row: dict[str, Any], ticket: Any, gateway: Gateway, known: dict[str, Any], seconds: float
):  # type: ignore[no-untyped-def]
    if row["outcome"] not in OUTCOMES[expect["outcome"]]:
        yield f"outcome {row['outcome']} ({row['reason']}) for {expect['outcome']}"
    flags = ticket["flags"] if ticket else []
    if expect["outcome"] in ("flagged_new", "ticket_new") and bool(flags) != (expect["outcome"] == "flagged_new"):
        yield f"flags {flags}"
    named = f"HO#{expect['ticket']}" if "ticket" in expect else None
    if named and row["ticket"] != named:
        yield f"ticket {row['ticket']} for {named}"
    if f"HO#{expect.get('appended_to_not')}" == row["ticket"]:
        yield "appended"
    if "requester" in expect and ticket["requester"] != expect["requester"]:
        yield f"requester {ticket['requester']}"
    if ticket and ticket["requester"] in expect.get("requester_not", ()):
        yield f"requester {ticket['requester']}"
    answers = [r for r in gateway.outbox() if r["template"] == "confirmation"]
    if "auto_reply" in expect and bool(answers) != expect["auto_reply"]:
        yield f"answered {bool(answers)}"
    told = {r["recipient"] for r in gateway.outbox()}
    if told & set(expect.get("notify_to_not", ())):
        yield f"told {told}"
    if seconds > expect.get("max_seconds", 5) + 1:
        yield f"took {seconds:.1f} s"
    if ticket is None:
        return
    message = ticket["messages"][-1]
    everything = "\n".join([message["text"], message["hidden"]])
    yield from (f"text lacks {w!r}" for w in expect.get("text_contains", ()) if w not in everything)
    yield from (f"text has {w!r}" for w in expect.get("text_not_contains", ()) if w in everything)
    if expect.get("subject_contains", "") not in ticket["subject"] or len(ticket["subject"]) > expect.get(
        "subject_max_len", 998
    ):
        yield f"subject {ticket['subject'][:80]!r}"
    yield from (f"subject has {w!r}" for w in expect.get("subject_not_contains", ()) if w in ticket["subject"])
    if len(ticket["cc"]) > expect.get("max_cc_imported", 100):
        yield f"{len(ticket['cc'])} on CC"
    kept = [f["filename"] for f in message["attachments"] if f["verdict"] == "accepted"]
    refused = [f["filename"] for f in message["attachments"] if f["verdict"] == "refused"]
    if len(kept) != expect.get("attachments_kept_count", len(kept)) or len(kept) > expect.get("max_attachments", 100):
        yield f"kept {kept}"
    if len(refused) != expect.get("attachments_refused_count", len(refused)):
        yield f"refused {refused}"
    yield from (f"did not keep {n}" for n in expect.get("attachments_kept", ()) if n not in kept)
    yield from (f"kept {n}" for n in expect.get("attachments_kept_not", ()) if n in kept)
    yield from (f"did not refuse {n}" for n in expect.get("attachments_refused", ()) if n not in refused)
    pattern = re.compile(expect.get("stored_name_pattern", ""), re.DOTALL)
    yield from (f"name {n!r}" for n in kept + refused if not pattern.search(n) or len(n) > 255)
    html = (message["html"] or "").lower()
    yield from (f"html has {w!r}" for w in expect.get("html_forbidden", ()) if w.lower() in html)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
