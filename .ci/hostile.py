"""Each hostile message on a fresh desk: its outcome, requester, files and answers against what its manifest expects.

What the manifest says of all of them is looked at too: the raw mail kept, time and memory, one message on the ticket,
refused files named, no words of a program in what people read, and a desk that takes the next mail at once.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))
from gateway.smtp import background
from store import journal
from store.config import Config
from store.database import open_store
from store.migrate import migrate
from store.settings import SmtpSection
from tests.conftest import installation
from tests.doors.client import Peer, stuffed
from tests.harness import Gateway, mail

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
    if "smtp" in message["via"] and not raw.endswith(b"\r\n"):
        raw += b"\r\n"  # RFC 5321 4.1.1.4: the mail data ends with a line
    lines = Lines()
    logging.getLogger().addHandler(lines)
    before, start = forget_peak(), time.process_time()
    reply, row = bring(gateway, message, raw)
    seconds, grown = time.process_time() - start, peak() - before
    logging.getLogger().removeHandler(lines)
    ticket = gateway.ticket(row["ticket"]) if row["ticket"] else None
    faults = list(check(message["expect"], row, ticket, gateway, known, seconds))
    if int(reply[:3]) not in message["expect"]["smtp"]:
        faults.append(f"the door says {reply}")
    faults += [f"told {who}" for who in told_too_much(message, ticket, gateway, fixture)]
    faults += check_always(message["expect"], row, ticket, gateway, hashlib.sha256(raw).hexdigest(), where)
    if grown > message["expect"]["max_rss_growth_mb"]:
        faults.append(f"took {grown:.0f} MB")
    if lines.count > message["expect"].get("max_log_lines", 100):
        faults.append(f"wrote {lines.count} lines into the log")
    start = time.process_time()
    if gateway.receive(mail(sender="next@cust.test"))["outcome"] != "new" or time.process_time() - start > 1:
        faults.append("the next mail had to wait")
    store.close()
    return faults


def bring(gateway: Gateway, message: dict[str, Any], raw: bytes) -> tuple[str, dict[str, Any]]:
    """Sends it through the SMTP door where it can come by one, else through a pipe; the reply and its journal row."""
    envelope = message["envelope"]
    if "smtp" not in message["via"]:
        return "250", gateway.receive(raw, *envelope["rcpt_to"], sender=envelope["mail_from"], door="pipe")
    free = gateway.config.settings.model_copy(update={"smtp": SmtpSection(listen="127.0.0.1:0")})
    config = Config(free, gateway.config.folder, gateway.config.file)
    with background(config, gateway.store, grace=1) as door, Peer(door.address) as peer:
        peer.ask(
            "EHLO mx.test",
            f"MAIL FROM:<{envelope['mail_from']}>",
            *(f"RCPT TO:<{to}>" for to in envelope["rcpt_to"]),
            "DATA",
        )
        reply = peer.ask(stuffed(raw) + b".\r\n")[0]
    gateway.file()
    return reply, gateway.journal()[-1]


def told_too_much(message: dict[str, Any], ticket: Any, gateway: Gateway, fixture: dict[str, Any]) -> set[str]:
    """Who was mailed besides the staff, whoever opened the ticket and, for a reply, the people of the ticket."""
    may = {fixture["agent"], ticket["requester"] if ticket else ""}
    if message["expect"]["outcome"] == "ticket_append":
        may |= {fixture["ticket"]["owner"], *fixture["ticket"]["cc"]}
    return {row["recipient"] for row in gateway.outbox()} - may


class Lines(logging.Handler):
    """Counts what is written into the log."""

    count = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.count += 1


def forget_peak() -> float:
    """MB of memory this process has now; its peak is counted from here (Linux, proc(5))."""
    Path("/proc/self/clear_refs").write_text("5")
    return peak()


def peak() -> float:
    found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


def check_always(expect: dict[str, Any], row: dict[str, Any], ticket: Any, gateway: Gateway, sha256: str, where: Path):  # type: ignore[no-untyped-def]
    if expect["outcome"] == "refused":
        return
    kept = journal.row(gateway.store, row["id"]).raw
    if row["sha256"] != sha256 or hashlib.sha256(kept).hexdigest() != sha256:
        yield "the raw mail is another one"
    messages = ticket["messages"] if ticket else []
    mine = [m for m in messages if m["message_id"] != "n.1001@desk.test" and m["text"] not in ("It is broken.", "How?")]
    if len(mine) != 1 and expect["outcome"] not in ("duplicate", "recorded"):
        yield f"{len(mine)} messages on the ticket"
    refused = [f["filename"] for m in mine for f in m["attachments"] if f["verdict"] == "refused"]
    events = [e["new"] or "" for e in ticket["events"] if e["kind"] == "attachment_refused"] if ticket else []
    yield from (f"{name!r} is not named as refused" for name in refused if not any(name[:50] in e for e in events))
    read = json.dumps([row["reason"], ticket and ticket["events"], gateway.outbox()])
    yield from (f"people read {w!r}" for w in ("Traceback", ".py", str(where)) if w in read)


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
    if seconds > expect["max_seconds"]:
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
