"""Archives of mail as bytes: mbox files, and maildirs with their folders. Nothing in a mail can stop the reading."""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from types import TracebackType

from gateway.pipe import headers_of
from store.errors import BadInput
from store.rules.old_mail import likely_time

_HEAD = 64 * 1024  # bytes of a mail that are looked at for its time
# RFC 4155 section 2: a line `From sender date` behind an empty one. That it names a time of day keeps out prose.
_FROM = re.compile(rb"(?:\A|(?<=\n)\r?\n)From [^\r\n]*\d\d:\d\d[^\r\n]*(?:\r?\n|\Z)")
_QUOTED = re.compile(rb"^>(>*From )", re.MULTILINE)
_INTERNAL = re.compile(rb"^Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA", re.MULTILINE)  # of UW-IMAP


@dataclass(frozen=True, slots=True)
class Entry:
    """A mail of an archive: where it lies there, in words, and when it was received or sent."""

    place: str
    at: datetime
    source: int  # of the paths given
    start: int = 0
    end: int | None = None  # None: a file of its own
    file: Path | None = None


class Archive:
    """The mails below some paths. A context manager: mbox files stay open in between."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths
        self._open = ExitStack()
        self._mboxes: dict[int, mmap.mmap] = {}

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._open.close()

    def entries(self, now: datetime) -> Iterator[Entry]:
        """Every mail in the order of the archive. Raises BadInput for a path that is neither an mbox nor a maildir."""
        for source, path in enumerate(self._paths):
            if path.is_dir():
                yield from _of_maildir(source, path, now)
            else:
                yield from self._of_mbox(source, path, now)

    def read(self, entry: Entry) -> bytes:
        """The mail as it was before it was put into the archive. Raises OSError."""
        if entry.file is not None:
            return entry.file.read_bytes()
        return _QUOTED.sub(rb"\1", self._mboxes[entry.source][entry.start : entry.end])

    def _of_mbox(self, source: int, path: Path, now: datetime) -> Iterator[Entry]:
        try:
            file = self._open.enter_context(path.open("rb"))
        except OSError as error:
            raise BadInput(f"{path}: {error.strerror}") from None
        if path.stat().st_size == 0:
            return
        content = self._open.enter_context(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        self._mboxes[source] = content
        found = _FROM.finditer(content)
        here = next(found, None)
        if here is None or content[: here.start()].strip():
            raise BadInput(f"{path}: neither a maildir nor an mbox file, which begins with a `From ` line")
        number = 0
        while here is not None:
            after = next(found, None)
            end = after.start() if after else _without_last_empty_line(content)
            number += 1
            head = content[here.end() : min(end, here.end() + _HEAD)]
            if not (number == 1 and _INTERNAL.search(head)):
                yield Entry(f"{path}, mail {number}", time_of(head, now), source, here.end(), max(end, here.end()))
            here = after


def _without_last_empty_line(content: mmap.mmap) -> int:
    tail = content[-3:]
    if tail.endswith(b"\n\r\n"):
        return len(content) - 2
    return len(content) - 1 if tail.endswith(b"\n\n") else len(content)


def _of_maildir(source: int, path: Path, now: datetime) -> Iterator[Entry]:
    folders = sorted(folder for name in ("cur", "new") for folder in path.rglob(name) if folder.is_dir())
    if not folders:
        raise BadInput(f"{path}: neither an mbox file nor a maildir, which has folders `cur` and `new`")
    for folder in folders:
        for file in sorted(folder.iterdir()):
            if file.is_file() and not file.name.startswith("."):
                with file.open("rb") as opened:
                    yield Entry(str(file), time_of(opened.read(_HEAD), now), source, file=file)


def time_of(head: bytes, now: datetime) -> datetime:
    """When the last server received a mail with this head, else when it says that it was sent, as far as that can be."""
    headers = list(headers_of(head))
    received = next((value.rpartition(";")[2] for name, value in headers if name == "received"), "")
    date = next((value for name, value in headers if name == "date"), "")
    return likely_time((_read(received), _read(date)), now)


def _read(value: str) -> datetime | None:
    try:
        at = parsedate_to_datetime(value[:200])
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (
        ValueError,
        TypeError,
        IndexError,
        OverflowError,
        OSError,
    ):  # whatever a mail makes the library stumble over
        return None
