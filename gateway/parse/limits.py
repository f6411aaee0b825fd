"""What the MIME parser is allowed to see: bounded depth, parts and headers, with labels it can look up safely.

Nested messages stay whole: `message/...` is renamed so that they are read as files, byte for byte. The contents of the
parts are left out and kept beside, since the standard library reads line by line.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field

from gateway.parse.charset import find_codec
from gateway.parse.headers import Field, Headers, read_fields, split_parameters

MAX_DEPTH = 50
MAX_PARTS = 1_000
MAX_DASHED_LINES = 300_000
MAX_MISSING = 20
MAX_SMALL = 64 * 1024
# The standard library compares every line with every open boundary.
MAX_LINE_CHECKS = 4_000_000
ASIDE = "X-Content-Aside"
NESTED = "nested-message/"

# Trace fields are many and long, and read elsewhere.
_UNREAD = frozenset(
    {"received", "x-received", "authentication-results", "dkim-signature", "delivered-to", "bcc", ASIDE.lower()}
)
_PART_FIELDS = frozenset({"content-type", "content-transfer-encoding", "content-disposition", "content-id"})
_PART_HEAD_END = re.compile(rb"\n\r?\n")
_PART_HEAD_LIMIT = 200_000


@dataclass(frozen=True, slots=True)
class Bounded:
    """A message made safe to parse, the contents left out of it, and what was found wrong."""

    message: bytes
    aside: list[memoryview]
    defects: list[str]


@dataclass(slots=True)
class _Scan:
    """The state of one walk down the body: boundaries as sent and as written anew, innermost last, and the result."""

    depth_limit: int
    token: str
    largest: int
    open: list[bytes] = field(default_factory=list)
    written: list[bytes] = field(default_factory=list)
    containers: int = 0
    parts: int = 0
    missing: int = 0
    defects: list[str] = field(default_factory=list)
    out: list[bytes] = field(default_factory=list)
    aside: list[memoryview] = field(default_factory=list)
    in_leaf: bool = True

    def level_of(self, line: bytes) -> tuple[int, bool] | None:
        """(nesting level, whether it closes) when the line is a delimiter of an open boundary."""
        line = line.rstrip()
        for name, closes in ((line, False), (line.removesuffix(b"--"), line.endswith(b"--"))):
            if name in self.open:
                return len(self.open) - 1 - self.open[::-1].index(name), closes
        return None

    def put_head(self, head: tuple[bytes, bool]) -> None:
        self.out.append(head[0])
        self.in_leaf = not head[1]

    def put_content(self, body: bytes, start: int, end: int) -> None:
        """What stands between delimiters; the line end before one belongs to it (RFC 2046 section 5.1.1)."""
        if end - start <= (self.largest if self.in_leaf else MAX_SMALL):
            self.out.append(body[start:end] or b"\n")
            return
        if self.in_leaf:
            if end < len(body):
                end -= 2 if body[end - 2 : end] == b"\r\n" else 1
            self.out[-1] = self.out[-1][:-1] + f"{ASIDE}: {len(self.aside)}\n\n".encode()
            self.aside.append(memoryview(body)[start:end])
        self.out.append(b"\n")

    def put_delimiter(self, level: int, closes: bool) -> bool:
        self.out.append(b"--" + self.written[level] + (b"--\n" if closes else b"\n"))
        del self.open[level + (0 if closes else 1) :]
        del self.written[level + (0 if closes else 1) :]
        self.in_leaf = False
        return closes


def bound_message(headers: Headers, body: bytes, largest: int = 0) -> Bounded:
    """The message as any MIME parser reads it in bounded time; contents of more than `largest` bytes are set aside."""
    # A boundary made from the hash of the body cannot occur in the body, nor begin another one.
    token = hashlib.sha256(body).hexdigest()[:24]
    scan = _Scan(min(MAX_DEPTH, max(3, MAX_LINE_CHECKS // (body.count(b"\n") + 1))), token, largest)
    top = [f for f in headers.fields if f.name.lower() not in _UNREAD and not f.name.lower().startswith("arc-")]
    for name in ("content-type", "content-transfer-encoding"):
        if len(headers.all(name)) > 1:
            scan.defects.append("two-" + name + "s")
    if len(top) > 500:
        top = [f for f in top if not f.name.lower().startswith("x-")][:500]
    scan.put_head(_rewrite(top, scan, body, 0))
    at = _walk(scan, body)
    scan.put_content(body, at, len(body))
    return Bounded(b"".join(scan.out), scan.aside, list(dict.fromkeys(scan.defects)))


def _walk(scan: _Scan, body: bytes) -> int:
    """Write everything up to the last delimiter; returns where the rest begins."""
    unread = at = lines = 0
    while scan.open:
        start = _find_delimiter(body, at)
        if start < 0:
            break
        lines += 1
        if lines > MAX_DASHED_LINES:
            scan.defects.append("too-many-parts")
            break
        end = body.find(b"\n", start)
        end = at = len(body) if end < 0 else end + 1
        found = scan.level_of(body[start + 2 : min(end, start + 1_002)])
        if found is None:
            continue
        scan.put_content(body, unread, start)
        unread = end
        if scan.put_delimiter(*found):
            continue
        scan.parts += 1
        if scan.parts > MAX_PARTS:
            scan.defects.append("too-many-parts")
            return len(body)
        block, after = _cut_head(body, at)
        fields, used, _ = read_fields(block)
        unread = at = after if used is None else at + used
        scan.put_head(_rewrite([f for f in fields if f.name.lower() in _PART_FIELDS], scan, body, at))
    return unread


def _find_delimiter(body: bytes, at: int) -> int:
    """Where the next line that begins with two dashes starts, -1 when there is none; `at` starts a line."""
    return at if body.startswith(b"--", at) else body.find(b"\n--", at) + 1 or -1


def _cut_head(body: bytes, at: int) -> tuple[bytes, int]:
    """(a part's header block, offset of its content); a delimiter ends a header that has no empty line."""
    if body.startswith((b"\n", b"\r\n"), at):
        return b"", body.index(b"\n", at) + 1
    end = _PART_HEAD_END.search(body, at, at + _PART_HEAD_LIMIT)
    stop, after = (end.start() + 1, end.end()) if end else (len(body), len(body))
    dashes = _find_delimiter(body, at)
    if 0 <= dashes < stop:
        return body[at:dashes], dashes
    return (body[at:stop], after) if end or stop - at < _PART_HEAD_LIMIT else (b"", at)


def _rewrite(fields: list[Field], scan: _Scan, body: bytes, at: int) -> tuple[bytes, bool]:
    """(the header in one line a field, whether it opened a container)."""
    lines, kind, container, disposition = [], "", False, ""
    for item in fields:
        name, value = item.name.lower(), item.value
        if name == "content-type":
            if kind:
                continue
            value, container = _settle_type(value, scan, body, at)
            kind = value.split(";", 1)[0]
        elif name == "content-disposition":
            disposition = disposition or value[:20_000]
            continue
        lines.append((name, f"{item.name}: {value.strip()}"))
    # RFC 2045 section 6.4: a container has no encoding of its own.
    kept = [text for name, text in lines if not (container and name == "content-transfer-encoding")]
    if not container:
        stated, semicolon, rest = disposition.strip().partition(";")
        kept += [f"Content-Disposition: {stated}{semicolon}{rest}"] if stated else []
    return "".join(line + "\n" for line in kept).encode("utf-8", "replace") + b"\n", container


def _settle_type(value: str, scan: _Scan, body: bytes, at: int) -> tuple[str, bool]:
    main, pairs = split_parameters(value)
    main = re.sub(r"\s*\(.*|\s.*", "", main)
    if main.startswith("message/"):
        return NESTED + main[8:] + _write(pairs), False
    boundaries = [v for k, v in pairs if k == "boundary"] + [v for k, v in pairs if k.startswith("boundary*")]
    if main.startswith("multipart/"):
        if not boundaries and not (guess := _guess_boundary(body, at)):
            scan.defects.append("no-boundary")
            return "text/plain", False
        boundary = (boundaries[0] if boundaries else guess.decode("latin-1")).rstrip()
        if len(set(boundaries)) > 1 or "=?" in boundary:
            scan.defects.append("two-readings")
        wire = boundary.encode("utf-8", "replace")
        if scan.missing > MAX_MISSING or body.find(b"--" + wire, at) < 0:
            scan.missing += 1
            wire = _guess_boundary(body, at)
            scan.defects.append("wrong-boundary")
            if not wire:
                return "text/plain", False
        if len(scan.open) >= scan.depth_limit or not wire or len(wire) > 500:
            scan.defects.append("too-deep")
            return "text/plain", False
        scan.open.append(wire)
        scan.containers += 1
        scan.written.append(f"{scan.token}.{scan.containers}=".encode())
        rest = [(k, v) for k, v in pairs if not k.startswith(("boundary", "charset"))]
        return f'{main}; boundary="{scan.written[-1].decode()}"' + _write(rest[:20]), True
    if "/" not in main:
        main = "text/plain" if main in ("text", "plain", "") else "application/octet-stream"
    return main + _write(pairs, scan), False


def _write(pairs: list[tuple[str, str]], scan: _Scan | None = None) -> str:
    out, seen = [], False
    for key, value in pairs:
        if key.startswith("charset"):
            if scan is None or seen or key not in ("charset", "charset*"):
                continue
            seen = True
            label = value.split("'")[0] if key == "charset*" else value
            if find_codec(label) is None:
                scan.defects.append("unknown-charset")
                continue
            value, key = label, "charset"
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        out.append(f'; {key}="{escaped}"')
    return "".join(out)


_FIRST_DELIMITER = re.compile(rb"^--([^\r\n]{1,200}?)[ \t]*\r?\nContent-", re.MULTILINE | re.IGNORECASE)


def _guess_boundary(body: bytes, at: int) -> bytes:
    """The boundary in use when the declared one never occurs: the first delimiter followed by a part's header."""
    match = _FIRST_DELIMITER.search(body, at, at + MAX_SMALL)
    return match[1] if match else b""
