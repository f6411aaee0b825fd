"""The list of a tar's members, read header by header (POSIX.1-2024 pax, and the GNU and old Unix forms)."""

from __future__ import annotations

from collections.abc import Iterator

from store.rules.filetypes.unsound import CUT_OFF, DAMAGED, TWO_FILES, Unsound, is_blank
from store.rules.filetypes.zips import Member

BLOCK = 512
_LONG = 1 << 20  # bytes of a name or of a pax header; programs write a few hundred
_LINKS, _DEVICES, _SAYS_MORE, _WITHOUT_CONTENT = b"12", b"346", b"xgLK", b"123456"


def read_tar(content: bytes, most: int) -> list[Member]:
    """The members; a link's target is one of its names. Raises Unsound for a broken one and for more than `most`."""
    if len(content) < BLOCK or len(content) % BLOCK:
        raise Unsound(CUT_OFF)
    members: list[Member] = []
    everywhere: dict[str, str] = {}  # what a global header says of all members behind it
    told: dict[str, str] = {}  # what the headers in front of a member say of it
    place = 0
    while place < len(content):
        block = content[place : place + BLOCK]
        if block.count(0) == BLOCK:
            break
        if not _is_sum_right(block):
            raise Unsound(DAMAGED)
        kind, start = block[156:157], place + BLOCK
        size = _number(block[124:136]) if kind not in _WITHOUT_CONTENT else 0
        if kind in _SAYS_MORE:
            end = start + min(size, _LONG)
            more = _pax(content[start:end]) if kind in b"xg" else _gnu(kind, content[start:end])
            everywhere, told = (everywhere | more, told) if kind == b"g" else (everywhere, told | more)
        else:
            if kind in _DEVICES:
                raise Unsound("there is something in it that is no file")
            told = everywhere | told
            size = int(told.get("size", size))
            declared = int(told.get("GNU.sparse.realsize") or told.get("GNU.sparse.size") or 0)
            if kind == b"S":
                declared, start = _number(block[483:495]), _behind_holes(content, block, start)
            targets = tuple(_targets(block, told)) if kind in _LINKS else ()
            members.append(
                Member(
                    tuple(_names(block, told)), max(size, declared), size, start, link=kind in _LINKS, targets=targets
                )
            )
            if len(members) > most:
                raise Unsound(f"there are more than {most} files in it")
            told = {}
        place = start + size + -size % BLOCK
        if place > len(content):
            raise Unsound(CUT_OFF)
    if not is_blank(content, place, len(content)):
        raise Unsound(TWO_FILES)
    return members


def _behind_holes(content: bytes, block: bytes, place: int) -> int:
    """Where the bytes of a sparse member begin: its list of holes may go on in blocks of their own (GNU)."""
    more = block[482]
    while more:
        more, place = content[place + 504], place + BLOCK
    return place


def _names(block: bytes, told: dict[str, str]) -> Iterator[str]:
    """What the header says and what the ones in front of it say: old programs know the first only."""
    name, prefix = _text(block[:100]), _text(block[345:500]) if block[257:263] == b"ustar\0" else ""
    yield f"{prefix}/{name}" if prefix else name
    yield from (told[key] for key in ("path", "GNU.sparse.name") if key in told)


def _targets(block: bytes, told: dict[str, str]) -> Iterator[str]:
    """Where a link leads, as seen from its own folder; a hard link names a member, as seen from the top."""
    for target in [_text(block[157:257]), *([told["linkpath"]] if "linkpath" in told else [])]:
        yield target if block[156:157] == b"2" else "//" + target


def _is_sum_right(block: bytes) -> bool:
    try:
        return _number(block[148:156]) == sum(block) - sum(block[148:156]) + 8 * 32
    except Unsound:
        return False


def _number(field: bytes) -> int:
    """Octal digits, or a binary number that did not fit as such (GNU)."""
    if field[0] & 0x80:
        if field[0] & 0x40:
            raise Unsound(DAMAGED)
        return int.from_bytes(field, "big") - (0x80 << 8 * (len(field) - 1))
    digits = field.split(b"\0")[0].strip()
    if digits.strip(b"01234567"):
        raise Unsound(DAMAGED)
    return int(digits or b"0", 8)


def _pax(data: bytes) -> dict[str, str]:
    """The records `length key=value` of an extended header."""
    told: dict[str, str] = {}
    place = 0
    while place < len(data):
        length = data[place : place + 20].split(b" ")[0]
        if not length.isdigit() or not 5 <= int(length) <= len(data) - place:
            raise Unsound(DAMAGED)
        key, is_pair, value = data[place + len(length) + 1 : place + int(length) - 1].partition(b"=")
        if not is_pair:
            raise Unsound(DAMAGED)
        told[_text(key)] = value.decode("utf-8", "replace")
        place += int(length)
    if any(key in told and not told[key].isdecimal() for key in ("size", "GNU.sparse.realsize", "GNU.sparse.size")):
        raise Unsound(DAMAGED)
    return told


def _gnu(kind: bytes, data: bytes) -> dict[str, str]:
    return {"path" if kind == b"L" else "linkpath": _text(data)}


def _text(field: bytes) -> str:
    return field.split(b"\0")[0].decode("utf-8", "replace")
