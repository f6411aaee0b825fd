"""Attachments: each decoded once, named safely, with every other name it could go by kept for judgement."""

from __future__ import annotations

import binascii
import hashlib
import re
import unicodedata
from email.message import Message
from typing import Any

from gateway.parse.headers import split_parameters
from gateway.parse.limits import ASIDE, NESTED
from gateway.parse.parsed import File
from gateway.parse.words import clean_line, decode_base64, decode_words, drop_invisible, join_parameters

MAX_NAME = 255

_UNSAFE = re.compile(r'[<>:"|?*\\/\x00-\x1f\x7f]+')
_ENDINGS = {
    "application/pdf": ".pdf", "application/zip": ".zip", "application/msword": ".doc",
    "application/vnd.ms-excel": ".xls",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx", "application/x-tar": ".tar",
    "application/json": ".json", "application/xml": ".xml", "application/rtf": ".rtf",
    "application/pgp-signature": ".asc",
    "application/pgp-keys": ".asc", "application/pkcs7-signature": ".p7s", "application/pkcs7-mime": ".p7m",
    "image/jpeg": ".jpg", "image/png": ".png", "image/gif": ".gif", "image/bmp": ".bmp", "image/webp": ".webp",
    "image/svg+xml": ".svg", "image/tiff": ".tif", "audio/mpeg": ".mp3", "audio/wav": ".wav", "video/mp4": ".mp4",
    "text/plain": ".txt", "text/html": ".html", "text/csv": ".csv", "text/calendar": ".ics", "text/vcard": ".vcf",
    "text/x-vcard": ".vcf", "text/rtf": ".rtf", "text/xml": ".xml", "message/rfc822": ".eml",
}  # fmt: skip


def read_type(part: Message) -> str:
    """type/subtype as the sender declared it, in lower case."""
    kind = part.get_content_type()
    return "message/" + kind.removeprefix(NESTED) if kind.startswith(NESTED) else kind


def read_disposition(part: Message) -> str:
    """The disposition such as "attachment" or "inline", empty when the part states none (RFC 2183)."""
    return split_parameters(_field(part, "content-disposition"))[0]


def read_parameters(part: Message) -> dict[str, str]:
    """The parameters of the content type by name in lower case; of one given twice the first."""
    return dict(reversed(split_parameters(_field(part, "content-type"))[1]))


def read_names(part: Message) -> list[str]:
    """All names of a part, the one to show first: filename before name, extended before plain."""
    _, disposition = split_parameters(_field(part, "content-disposition"))
    _, kind = split_parameters(_field(part, "content-type"))
    names = join_parameters(disposition, "filename")[::-1] + join_parameters(kind, "name")[::-1]
    return [name for name in dict.fromkeys(names) if name.strip()]


def _field(part: Message, name: str) -> str:
    """The first value as it stands; Message.get would put a sign of damage for every 8-bit byte."""
    value = next((str(raw) for key, raw in part.raw_items() if key.lower() == name.lower()), "")
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def read_content(part: Message, aside: list[memoryview]) -> bytes:
    """The decoded bytes of a leaf, its content inside or set aside; what cannot be decoded is kept as it came."""
    try:
        if part.get(ASIDE) is not None:
            return _decode_large(part, aside[int(_field(part, ASIDE))])
        data: Any = part.get_payload(decode=True)
    except Exception:  # any decoder's error: the bytes as they stand are better than none
        data = None
    if isinstance(data, bytes):
        return data
    payload: Any = part.get_payload()
    return payload.encode("utf-8", "surrogateescape") if isinstance(payload, str) else b""


def _decode_large(part: Message, content: memoryview) -> bytes:
    encoding = _field(part, "content-transfer-encoding").strip().lower()
    if encoding == "base64":
        return decode_base64(content)
    if encoding == "quoted-printable":
        return binascii.a2b_qp(content)
    if encoding in ("x-uuencode", "uuencode", "uue", "x-uue"):
        part.set_payload(bytes(content).decode("ascii", "surrogateescape"))
        data: Any = part.get_payload(decode=True)
        return bytes(data)
    return bytes(content)


def read_file(part: Message, content: bytes) -> File:
    """The part as an attachment."""
    kind = read_type(part)
    given = read_names(part)
    content_id = clean_line(decode_words(_field(part, "content-id")), 300).strip("<> ")
    names = tuple(dict.fromkeys(n for raw in given for n in _readings(raw)))
    return File(
        filename=make_safe(given[0] if given else "", kind),
        names=names,
        content_type=clean_line(kind, 200),
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        inline=read_disposition(part) != "attachment" and (bool(content_id) or read_disposition(part) == "inline"),
        content_id=content_id or None,
        content=content,
    )


def _readings(name: str) -> list[str]:
    """One name as programs read it: some stop at a NUL, some take `:` as the start of a stream's name."""
    whole = _settle(name)
    pieces = [_settle(piece) for piece in re.split("[\0\ufffd:]", name)[:10]]
    return [n for n in [whole, *pieces] if n]


def _settle(name: str) -> str:
    text = drop_invisible(unicodedata.normalize("NFKC", name[:10_000])).replace("\ufffd", "")
    return " ".join(text.split()).rstrip(". ")[-1_000:]


def make_safe(name: str, kind: str) -> str:
    """A name to show and to save under: no path, no control or format sign, 1 to 255 characters, extension kept."""
    text = _settle(name)
    text = re.split(r"[\\/]", text)[-1]
    text = _UNSAFE.sub("_", text).strip(". ") if not re.fullmatch(r"\.\w{1,10}", text) else "attachment" + text
    if not text.strip("_ "):
        text = ("message" if kind.startswith("message/") else "attachment") + _ENDINGS.get(kind, "")
    if len(text) > MAX_NAME or len(text.encode()) > MAX_NAME:
        stem, dot, ending = text.rpartition(".")
        tail = dot + ending if dot and len(ending.encode()) <= 20 else ""
        stem = (stem if tail else text).encode()[: MAX_NAME - len(tail.encode())].decode("utf-8", "ignore")
        text = stem.rstrip(". ") + tail
    return text
