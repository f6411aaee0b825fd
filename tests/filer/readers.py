"""A filer with real parser children, and mails that do to these what a telling subject asks for."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from gateway.filer import Filer
from gateway.studying import Students, Studied, study_within_limits
from store import journal
from store.clock import now
from store.config import Config
from store.database import Store
from store.journal import Incoming
from tests.fakes import until
from tests.harness import mail


def read_or_suffer(raw: bytes, rules: Any, folder: Path, origin: Any = None, asking: Any = None) -> Studied:
    """The reader as it is, but for mails that ask for harm."""
    how, _, seconds = raw[:2000].partition(b"X-Suffer: ")[2].partition(b"\r\n")[0].partition(b" ")
    if how == b"die":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == b"sleep":
        time.sleep(float(seconds))
    if how == b"eat":
        _ = bytearray(2 << 30)
    while how == b"spin":
        pass
    return study_within_limits(raw, rules, folder, origin, asking)


class Suffering(Students):
    read = staticmethod(read_or_suffer)


@contextmanager
def filer_with_children(config: Config, store: Store, workers: int = 2) -> Iterator[Filer]:
    students = Suffering(store.blobs, workers)
    filer = Filer(config, store, students)
    until(lambda: students.ready)  # how long the first child takes to start says nothing of the mails
    try:
        yield filer
    finally:
        students.close()


def suffer(how: str, **headers: str) -> EmailMessage:
    return mail(X_Suffer=how, **headers)


def receive(store: Store, *messages: EmailMessage | bytes, at: datetime | None = None) -> list[int]:
    """Journals mails for the hosting desk; their journal ids."""
    rows = [
        Incoming(
            "smtp", at or now(), "envelope@cust.test", (("hosting", ("support@desk.test",)),),
            m if isinstance(m, bytes) else bytes(m).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"),
        )
        for m in messages
    ]  # fmt: skip
    return [id_ for ids in journal.append(store, rows) for id_ in ids]
