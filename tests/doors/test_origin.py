"""The doors answer and never write: no bounce, no loop, nothing for a forged sender (threats 9, 16)."""

from __future__ import annotations

import ast
import logging
from contextlib import ExitStack
from pathlib import Path

import pytest

from gateway.lmtp import LmtpDoor
from gateway.smtp import Door, background
from gateway.smtp_limits import HOPS
from store.config import Config
from store.database import Store
from store.journal import rows_after
from tests.doors.client import MAIL, Peer
from tests.doors.conftest import opened_as
from tests.doors.tracing import ROOT
from tests.harness import Gateway

DOORS = [*(ROOT / "gateway").glob("smtp*.py"), ROOT / "gateway/lmtp.py", ROOT / "gateway/pipe.py"]


@pytest.mark.threat(9)
def test_no_refusal_of_a_door_becomes_a_mail(config: Config, store: Store, gateway: Gateway) -> None:
    with (
        background(opened_as(config, smtp={"max_size": 22_000_000}), store) as door,
        Peer(door.address, timeout=20) as peer,
    ):
        peer.ask("EHLO c", "MAIL FROM:<victim@elsewhere.test>")
        told = peer.ask(
            "RCPT TO:<nobody@desk.test>", "RCPT TO:<x@elsewhere.test>", "RCPT TO:<x%elsewhere.test@desk.test>",
            "RCPT TO:<@desk.test:x@elsewhere.test>", "VRFY support", "EXPN staff", "RCPT TO:<support@desk.test>", "DATA",
        )  # fmt: skip
        assert [reply[:9] for reply in told] == [
            "550 5.1.1", "550 5.7.1", "550 5.7.1", "550 5.7.1", "252 2.5.0", "502 5.5.1", "250 2.1.5", "354 end w",
        ]  # fmt: skip
        assert "nobody" not in " ".join(told) and "support" not in " ".join(told)
        peer.raw(b"x" * 22_000_001 + b"\r\n.\r\n")
        assert peer.reply().startswith("552 5.3.4")
        peer.ask("MAIL FROM:<victim@elsewhere.test>", "RCPT TO:<support@desk.test>", "DATA")
        assert peer.ask(b"bare\nline\r\n.\r\n")[0].startswith("550 5.6.0")
    gateway.file()
    assert gateway.journal() == [] and gateway.outbox() == []


@pytest.mark.threat(9)
@pytest.mark.parametrize("file", DOORS, ids=lambda file: file.stem)
def test_a_door_knows_nobody_who_could_send(file: Path) -> None:
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
    senders = ("smtplib", "aiosmtplib", "workers", "store.outbox", "store.telling", "store.apply", "gateway.filer")
    assert not [name for name in names if name.startswith(senders)]


@pytest.mark.threat(16)
def test_a_mail_that_two_gateways_hand_each_other_ends_within_sixty_hops(
    config: Config, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """Each way from one to the other adds a Received line, as every mail server between them does (RFC 5321 4.4)."""
    config = opened_as(config, lmtp={"listen": "127.0.0.1:0"})
    content, told = MAIL, ""
    with ExitStack() as stack:
        doors = [stack.enter_context(background(config, store, kind=kind)) for kind in (Door, LmtpDoor)]
        first, second = (stack.enter_context(Peer(door.address)) for door in doors)
        second.hello = "LHLO c.test"
        stack.enter_context(caplog.at_level(logging.WARNING))
        for hop in range(60):
            told = (first, second)[hop % 2].deliver(content)
            if not told.startswith("250 "):
                break
            content = b"Received: from mx%d.test by mx.test;\r\n\tMon, 2 Nov 2026 09:00:00 +0000\r\n" % hop + content
    assert told.startswith("554 5.4.6 ") and hop == HOPS + 1
    assert len(rows_after(store, 0, 99)) == HOPS + 1
    assert [record.getMessage().startswith("mail loop refused") for record in caplog.records].count(True) == 1
