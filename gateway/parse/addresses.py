"""Mailboxes: a tolerant reading for show, a strict one for identity (RFC 5322 section 3.4, RFC 6532)."""

from __future__ import annotations

import re
import unicodedata
from email.utils import getaddresses

from gateway.parse.headers import Headers
from gateway.parse.parsed import Address
from gateway.parse.words import ENCODED_WORD, clean_line, decode_words

MAX_ADDRESSES = 1_000
MAX_FROM = 4_000

_UTF8 = "\x80-\ud7ff\ue000-\U0010ffff"
_ATOM = rf"[A-Za-z0-9!#$%&'*+/=?^_`{{|}}~{_UTF8}-]+"
_LOCAL = rf'(?:{_ATOM}(?:\.{_ATOM})*|"(?:[^"\\\r\n]|\\[^\r\n])*")'
_LABEL = rf"[A-Za-z0-9_{_UTF8}](?:[A-Za-z0-9_{_UTF8}-]*[A-Za-z0-9_{_UTF8}])?"
_DOMAIN = rf"(?:{_LABEL}(?:\.{_LABEL})*\.?|\[[A-Za-z0-9.:-]+\])"
_ADDR_SPEC = re.compile(rf"({_LOCAL})@({_DOMAIN})")
_LONE_WORD = re.compile(rf"(?:(?<=\s)|^){ENCODED_WORD.pattern}(?=\s)")
_ORDINARY = re.compile(r"[A-Za-z0-9 .@_+-]+")  # means nothing but itself wherever it stands
_ROUTE = re.compile(r"^@[^:<>]*:")


def read_list(values: list[str]) -> tuple[Address, ...]:
    """All mailboxes of a field's values, groups opened, at most MAX_ADDRESSES."""
    found: list[Address] = []
    for value in values:
        for item in split_items(value)[0]:
            address = _read_item(item)
            if address:
                found.append(address)
            if len(found) >= MAX_ADDRESSES:
                return tuple(found)
    return tuple(found)


def read_sender(headers: Headers) -> Address | None:
    """The one safe identity, None when the From field allows two readings."""
    values = headers.all("from")
    if len(values) != 1 or len(values[0]) > MAX_FROM:
        return None
    value = values[0].strip()
    items, grouped = split_items(value)
    if grouped or len(items) != 1:
        return None
    strict = _read_strict(items[0])
    try:
        # An encoded word standing alone is an atom of the name whatever signs it wrongly holds.
        others = [normalise_address(a) for _, a in getaddresses([_LONE_WORD.sub("x", value)]) if a]
    except Exception:  # the standard library raises anything here
        return None
    if strict is None or others != [strict.address]:
        return None
    local = strict.address.rpartition("@")[0]
    return strict if len(local) <= 64 and len(strict.address) <= 254 and "=?" not in strict.address else None


def read_mailbox(text: str) -> Address | None:
    """The one mailbox a text names beyond doubt (RFC 5322 section 3.4), `ADDRESS` or `Name <ADDRESS>`; else None."""
    items, grouped = split_items(text[:MAX_FROM])
    if grouped or len(items) != 1:
        return None
    display, address = items[0]
    return _read_strict((display, address.removeprefix("mailto:")))


def split_items(value: str) -> tuple[list[tuple[str, str]], bool]:
    """([(display text, address text)] for each list member, whether a group was seen); comments are left out."""
    items: list[tuple[str, str]] = []
    plain: list[str] = []
    angle: list[str] | None = None
    last_angle: str | None = None
    comment: list[str] = []
    depth = 0
    quoted = escaped = grouped = False

    def emit() -> None:
        nonlocal last_angle
        text = "".join(plain).strip()
        if last_angle is not None:
            items.append((text or "".join(comment), last_angle))
        elif text:
            items.append(("".join(comment), text) if "@" in text or not comment else (text, ""))
        plain.clear()
        comment.clear()
        last_angle = None

    after = 0
    while after < len(value):
        at, char, after = after, value[after], after + 1
        if not escaped and (run := _ORDINARY.match(value, at)):
            (comment if depth else angle if angle is not None else plain).append(run[0])
            after = run.end()
            continue
        if escaped:
            escaped = False
        elif char == "\\" and (quoted or depth):
            escaped = True
        elif depth:
            depth += (char == "(") - (char == ")")
            if not depth:
                continue
        elif quoted:
            quoted = char != '"'
        elif char == '"':
            quoted = True
        elif char == "(":
            depth = 1
            continue
        elif angle is not None:
            if char == ">":
                last_angle, angle = "".join(angle), None
                continue
        elif char == "<":
            angle = []
            continue
        elif char == "=" and (word := ENCODED_WORD.match(value, at)):
            plain.append(word[0])
            after = word.end()
            continue
        elif char == ":" and last_angle is None:
            grouped = True
            plain.clear()
            continue
        elif char in ",;":
            emit()
            continue
        (comment if depth else angle if angle is not None else plain).append(char)
        if len(items) > MAX_ADDRESSES * 2:
            break
    if angle is not None:
        last_angle = "".join(angle)
    emit()
    return items, grouped


def _read_strict(item: tuple[str, str]) -> Address | None:
    display, text = item
    match = _ADDR_SPEC.fullmatch(text.strip())
    if match is None or "=?" in text:
        return None
    address = normalise_address(text.strip())
    return Address(address, clean_name(display)) if address else None


def _read_item(item: tuple[str, str]) -> Address | None:
    display, text = item
    text = _ROUTE.sub("", text.strip()).strip()
    if text.lower().startswith("mailto:"):
        text = text[7:]
    if _ADDR_SPEC.fullmatch(text) is None:
        compact = re.sub(r"\s+", "", text[:2_000])
        if _ADDR_SPEC.fullmatch(compact):
            text = compact
        else:
            candidates = [w.strip("<>'\"()[],;") for w in decode_words(text[:2_000]).split()]
            spot = [w for w in candidates if _ADDR_SPEC.fullmatch(w) and "=?" not in w]
            if not spot:
                return None
            display, text = display or text.replace(spot[-1], ""), spot[-1]
    address = normalise_address(text)
    return Address(address, clean_name(display)) if address else None


def normalise_address(text: str) -> str:
    """local@domain in lower case, domain as A-labels without a final dot; empty when there is no such thing."""
    local, at, domain = text.strip().rpartition("@")
    if not at or not local or not domain or len(text) > 2_000:
        return ""
    domain = unicodedata.normalize("NFC", domain.rstrip(".").lower())
    if not domain.isascii():
        try:
            domain = domain[:255].encode("idna").decode("ascii").lower()
        except UnicodeError:
            domain = domain.encode("ascii", "backslashreplace").decode("ascii").replace("\\", "")
    if local.startswith('"') and local.endswith('"') and len(local) > 2:
        bare = re.sub(r"\\(.)", r"\1", local[1:-1])
        local = bare if re.fullmatch(rf"{_ATOM}(?:\.{_ATOM})*", bare) else local
    return clean_line(f"{unicodedata.normalize('NFC', local).lower()}@{domain}", 2_000)


def clean_name(text: str) -> str:
    """A display name as people read it: unquoted, decoded, one line."""
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1]
    text = re.sub(r"\\(.)", r"\1", text.replace('"', ""))
    return clean_line(decode_words(text), 200).strip("'\" ")
