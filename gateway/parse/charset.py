"""Bytes to text: labels are looked up in a fixed list, because Python's codecs hold more than charsets."""

from __future__ import annotations

import re
from typing import Any

import cchardet

_DETECT_BYTES = 100_000

# Label without punctuation -> Python codec. GB2312 and friends are read by their supersets, as browsers do.
_CODECS = {
    "usascii": "ascii", "ascii": "ascii", "ansix341968": "ascii", "iso646us": "ascii",
    "utf8": "utf-8", "utf8mb4": "utf-8", "unicode11utf8": "utf-8", "utf7": "utf-7", "unicode11utf7": "utf-7",
    "utf16": "utf-16", "utf16le": "utf-16-le", "utf16be": "utf-16-be",
    "utf32": "utf-32", "utf32le": "utf-32-le", "utf32be": "utf-32-be",
    "latin1": "cp1252", "iso88591": "cp1252", "l1": "cp1252", "latin9": "iso8859-15", "ansi": "cp1252",
    "iso885911": "cp874", "tis620": "cp874", "iso88598i": "iso8859-8", "iso88598e": "iso8859-8", "iso88599": "cp1254",
    "gb2312": "gb18030", "gbk": "gb18030", "cp936": "gb18030", "xgbk": "gb18030", "gb18030": "gb18030",
    "euccn": "gb18030", "hzgb2312": "hz", "hz": "hz",
    "big5": "cp950", "cp950": "cp950", "big5hkscs": "big5hkscs", "cnbig5": "cp950", "xxbig5": "cp950",
    "iso2022jp": "iso2022_jp_2", "iso2022jp1": "iso2022_jp_2", "iso2022jp2": "iso2022_jp_2",
    "iso2022jp3": "iso2022_jp_3", "iso2022jp2004": "iso2022_jp_2004", "iso2022jpms": "iso2022_jp_ext",
    "cp50220": "iso2022_jp_ext", "cp50221": "iso2022_jp_ext",
    "shiftjis": "cp932", "sjis": "cp932", "xsjis": "cp932", "mskanji": "cp932", "cp932": "cp932", "windows31j": "cp932",
    "eucjp": "euc_jis_2004", "xeucjp": "euc_jis_2004",
    "euckr": "cp949", "ksc56011987": "cp949", "ksc5601": "cp949", "cp949": "cp949", "uhc": "cp949",
    "iso2022kr": "iso2022_kr", "johab": "johab",
    "koi8r": "koi8_r", "koi8u": "koi8_u", "koi8t": "koi8_t", "ptcp154": "ptcp154",
    "macintosh": "mac_roman", "macroman": "mac_roman", "xmacroman": "mac_roman", "xmaccyrillic": "mac_cyrillic",
    "xmacce": "mac_latin2", "xmacgreek": "mac_greek", "xmacturkish": "mac_turkish",
}  # fmt: skip
_CODECS.update({f"iso8859{n}": f"iso8859-{n}" for n in (2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16)})
_CODECS.update({f"latin{n}": f"iso8859-{m}" for n, m in ((2, 2), (3, 3), (4, 4), (6, 10), (7, 13), (8, 14), (10, 16))})
_CODECS.update({f"{p}{n}": f"cp{n}" for n in range(1250, 1259) for p in ("windows", "cp", "win", "xcp", "mswin")})
_CODECS.update({
    f"{p}{n}": f"cp{n}"
    for n in (437, 737, 775, 850, 852, 855, 857, 858, 860, 861, 862, 863, 864, 865, 866, 869, 874)
    for p in ("cp", "ibm", "windows", "")
})  # fmt: skip

# Windows charsets are often sent under the name of the ISO one; no letter stands where that has control characters.
_WINDOWS = {
    "iso8859-2": "cp1250", "iso8859-5": "cp1251", "iso8859-6": "cp1256", "iso8859-7": "cp1253", "iso8859-8": "cp1255",
    "iso8859-13": "cp1257", "iso8859-15": "cp1252",
}  # fmt: skip
_CONTROLS = re.compile("[\x80-\x9f]")
_HIGH_BYTES = 10  # fewer may be valid UTF-8 by chance
_KINDS = 6
_LATIN = frozenset({"cp1252", "iso8859-15", "iso8859-14", "mac_roman"})
_ESCAPES_ASCII = frozenset({"iso2022_jp_2", "iso2022_jp_3", "iso2022_jp_2004", "iso2022_jp_ext", "iso2022_kr", "hz"})
_ASCII = bytes(range(128))
_PAIR = re.compile(rb"[\xa1-\xfe]{2}")
_FEWEST_PAIRS = 5
_EUC_KANA, _EUC_HANGUL = (0xA4, 0xA5), range(0xB0, 0xC9)  # first bytes of the rows of JIS X 0208 and KS X 1001
_JAPANESE_ESCAPE = re.compile(rb"\x1b(?:\$[@B]|\(J|\(I)")
_BROKEN = re.compile(r"[\ud800-\udfff\x00]")


def find_codec(label: str) -> str | None:
    """The Python codec of a MIME charset label, None when it is not a known charset of mail (RFC 2978)."""
    return _CODECS.get(re.sub(r"[^a-z0-9]", "", label[:60].lower()))


def decode_bytes(data: bytes, label: str | None) -> tuple[str, bool]:
    """(text, True when the label was known and fitted); the text holds no NUL and no surrogates."""
    text, fits = _decode(data, label)
    return _BROKEN.sub("\ufffd", text).removeprefix("\ufeff"), fits


def _decode(data: bytes, label: str | None) -> tuple[str, bool]:
    codec = find_codec(label) if label else "ascii"
    if data.isascii() and (codec is None or codec in ("ascii", "utf-8", "cp1252")):
        # Many Japanese mailers send ISO-2022-JP without saying so.
        if _JAPANESE_ESCAPE.search(data):
            return data.decode("iso2022_jp_ext", "replace"), label is None
        return data.decode("ascii"), codec is not None
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) and codec not in ("utf-16", "utf-32"):
        return data.decode("utf-16", "replace"), False
    # Valid UTF-8 with 8-bit bytes is practically never anything else: lying labels are common, such luck is not.
    wide = codec is not None and codec.startswith(("utf-16", "utf-32"))
    if not wide and (codec is None or codec in ("ascii", "utf-8", "cp1252")):
        try:
            return data.decode("utf-8"), codec is not None
        except UnicodeDecodeError:
            pass
    elif not wide and codec not in _ESCAPES_ASCII and len(data.translate(None, _ASCII)) >= _HIGH_BYTES:
        try:
            return data.decode("utf-8"), False
        except UnicodeDecodeError:
            pass
    if codec not in (None, "ascii", "utf-8"):
        assert codec is not None
        try:
            text = data.decode(codec)
            if codec in _WINDOWS and _CONTROLS.search(text):
                return data.decode(_WINDOWS[codec]), False
            if codec in _LATIN and _reads_like_noise(text):
                return _detect(data)
            if not wide or _reads_like_text(text):
                return text, True
        except (UnicodeError, ValueError):
            if codec in _ESCAPES_ASCII or not wide:
                return _detect(data) if codec == "cp1252" else (data.decode(codec, "replace"), False)
    return _detect(data)


def _reads_like_noise(text: str) -> bool:
    """Whether most signs are beyond ASCII and of many kinds: western Europe writes so neither words nor rules of dashes."""
    signs = [c for c in text[:4000] if c > "\x7f" or c.isalpha()]
    high = [c for c in signs if c > "\x7f"]
    return len(high) >= _HIGH_BYTES and len(high) * 2 > len(signs) and len(set(high)) >= _KINDS


def _reads_like_text(text: str) -> bool:
    """False when bytes of another charset were forced into two- or four-byte units."""
    sample = text[:2000]
    return sum(c.isprintable() or c.isspace() for c in sample) >= 0.9 * len(sample)


def _find_rows(data: bytes) -> str | None:
    """The codec of EUC-JP or EUC-KR, known by the rows their letters stand in, which no Chinese text keeps to; a few words are enough."""
    leads = [pair[0] for pair in _PAIR.findall(data)]
    if len(leads) < _FEWEST_PAIRS or 2 * len(leads) != len(data.translate(None, _ASCII)):
        return None
    if sum(lead in _EUC_KANA for lead in leads) * 4 >= len(leads):
        return "euc_jis_2004"
    return "cp949" if sum(lead in _EUC_HANGUL for lead in leads) * 10 >= len(leads) * 9 else None


def _detect(data: bytes) -> tuple[str, bool]:
    try:
        return data.decode("utf-8"), False
    except UnicodeDecodeError:
        pass
    found: Any = cchardet.detect(data[:_DETECT_BYTES]) or {}
    codec = find_codec(found.get("encoding") or "") if (found.get("confidence") or 0) > 0.5 else None
    for candidate in (_find_rows(data[:_DETECT_BYTES]), codec, "cp1252"):
        try:
            if candidate and candidate not in ("ascii", "utf-8"):
                return data.decode(candidate), False
        except (UnicodeError, ValueError):
            continue
    damaged = data.decode("utf-8", "replace")
    return (damaged if damaged.count("\ufffd") * 20 < len(damaged) else data.decode("latin-1")), False
