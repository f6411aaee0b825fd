"""Which attachments a desk takes: by every name a mail client could show, and by the leading bytes (IN-18, IN-19)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, Protocol

from store.rules.desk import Files

HEAD = 1024  # bytes of the start of a file that the checks below look at
MOST = 100  # files a message; the rest are listed as refused (threats 52)


class FileLike(Protocol):
    """What is needed to judge a file; `names` holds every name that a reader of the message could come to."""

    @property
    def filename(self) -> str: ...
    @property
    def names(self) -> tuple[str, ...]: ...
    @property
    def size(self) -> int: ...
    @property
    def head(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on a file, with a sentence for the sender when it is refused."""

    verdict: Literal["accepted", "refused"]
    reason: str | None = None


ACCEPTED = Judgement("accepted")


def judge(file: FileLike, rules: Files) -> Judgement:
    """Accepts a file when its size, all of its names and its first bytes agree with what the desk allows."""
    if file.size > rules.max_size:
        return Judgement("refused", f"larger than {rules.max_size // (1024 * 1024)} MB")
    endings = {_ending(name) for name in (file.filename, *file.names)}
    for ending in sorted(endings):
        if ending not in rules.allowed:
            kind = f"files of type {ending}" if ending else "files without a type"
            return Judgement("refused", f"{kind} are not accepted")
    for ending in sorted(endings):
        looks_right = _LOOKS.get(ending)
        if looks_right and not looks_right(file.head[:HEAD], file.size):
            return Judgement("refused", f"the content is not what {ending} says")
    return ACCEPTED


def judge_all(files: Iterable[FileLike], rules: Files) -> list[Judgement]:
    """Judges the files of one message, the hundred-and-first and later refused (threats 52)."""
    return [
        judge(file, rules) if place < MOST else Judgement("refused", f"more than {MOST} files in one message")
        for place, file in enumerate(files)
    ]


def allowed_text(rules: Files) -> str:
    """What the desk takes, in words for the sender of a refused file."""
    return f"{', '.join(rules.allowed)} up to {rules.max_size // (1024 * 1024)} MB each"


def _ending(name: str) -> str:
    stem, dot, ending = name.rpartition(".")
    return f".{ending.lower()}" if dot and (stem or ending) else ""


def _starts(*marks: bytes) -> Callable[[bytes, int], bool]:
    return lambda head, _size: head.startswith(marks)


def _is_pdf(head: bytes, _size: int) -> bool:
    return b"%PDF-" in head  # readers accept the mark anywhere in the first 1024 bytes


def _is_text(head: bytes, _size: int) -> bool:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    binary = head.startswith((b"MZ", b"\x7fELF", b"PK\x03\x04", b"%PDF-", b"\xd0\xcf\x11\xe0", b"\x89PNG", b"#!"))
    return not binary and b"\0" not in head


def _is_tar(head: bytes, size: int) -> bool:
    """A tar header whose checksum is right, which old archives without `ustar` have as well; or an empty archive."""
    block = head[:512]
    if len(block) < 512 or size % 512:
        return False
    if not block.strip(b"\0"):
        return True
    try:
        told = int(block[148:156].strip(b" \0") or b"-1", 8)
    except ValueError:
        return False
    return told == sum(block) - sum(block[148:156]) + 8 * 32


def _is_iso_media(head: bytes, _size: int) -> bool:
    return head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free")


_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_LOOKS: dict[str, Callable[[bytes, int], bool]] = {
    ".doc": _starts(_OLE, b"{\\rtf"),
    ".xls": _starts(_OLE),
    ".docx": _starts(_ZIP[0]),
    ".xlsx": _starts(_ZIP[0]),
    ".zip": _starts(*_ZIP),
    ".tar": _is_tar,
    ".pdf": _is_pdf,
    ".txt": _is_text,
    ".csv": _is_text,
    ".bmp": _starts(b"BM"),
    ".jpg": _starts(b"\xff\xd8\xff"),
    ".jpeg": _starts(b"\xff\xd8\xff"),
    ".png": _starts(b"\x89PNG\r\n\x1a\n"),
    ".gif": _starts(b"GIF87a", b"GIF89a"),
    ".webm": _starts(b"\x1a\x45\xdf\xa3"),
    ".mp4": _is_iso_media,
    ".mov": _is_iso_media,
    ".heic": _is_iso_media,
}
