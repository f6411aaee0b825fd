"""HTML mail cleaned: what is left holds nothing but harmless mark-up, links and the message's own images.

Images from elsewhere are kept as `data-src` with their address in base64, which no program loads or takes for a link,
until a reader asks for them.
"""

from __future__ import annotations

import html
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from urllib.parse import unquote

import nh3

from gateway.parse.plain import read_text

MAX_HTML = 1_000_000
MAX_DEPTH = 100
# HTML parsers compare each attribute of an element with all before it, and look through all that stands before a table
# to put there what may not be inside.
MAX_ATTRIBUTES = 20_000
MAX_TAGS_WITH_TABLE = 40_000
# nh3 takes quadratic time for references within one text.
MAX_REFERENCES = 50_000
# HTML parsers open every unclosed formatting element anew in each block (HTML section 13.2.4.3).
MAX_REOPENED = 200_000
MAX_REPEATED = 4_000_000
MAX_ROUNDS = 4

_TAGS = {
    "a", "abbr", "address", "b", "big", "blockquote", "br", "caption", "center", "cite", "code", "col", "colgroup",
    "dd", "del", "div", "dl", "dt", "em", "font", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "ins", "kbd",
    "li", "ol", "p", "pre", "q", "s", "samp", "small", "span", "strike", "strong", "sub", "sup", "table", "tbody", "td",
    "tfoot", "th", "thead", "tr", "tt", "u", "ul", "var",
}  # fmt: skip
_ATTRIBUTES = {
    "*": {"dir", "lang", "title", "align", "valign"},
    "a": {"href"},
    "img": {"src", "data-src", "alt", "width", "height"},
    "td": {"colspan", "rowspan", "width"},
    "th": {"colspan", "rowspan", "width"},
    "table": {"border", "cellpadding", "cellspacing", "width"},
    "font": {"color"},
    "ol": {"start", "type"},
}
_CID = re.compile(r"cid:[A-Za-z0-9.@_$%+=~!#-]{1,300}\Z", re.IGNORECASE)
_LINK = re.compile(r"(?:https?|mailto):", re.IGNORECASE)
_REMOTE = re.compile(r"https?://[^\s\\<>\"']{1,2000}\Z", re.IGNORECASE)
_REMOTE_SRC = re.compile(
    r"""(<img\b[^<>]{0,4000}?[\s"'/])src\s{0,9}=\s{0,9}"""
    r"""(?:"\s{0,9}(https?:[^"<>]{1,2000})"|'\s{0,9}(https?:[^'<>]{1,2000})'|(https?:[^\s"'<>]{1,2000}))""",
    re.IGNORECASE,
)
_KEPT_SRC = re.compile(r'(<img\b[^<>]*? )data-src="([A-Za-z0-9_=-]{1,12000})"')
_FORMATTING = frozenset(
    {"a", "b", "big", "code", "em", "font", "i", "s", "small", "strike", "strong", "tt", "u", "nobr"}
)
# Elements without an end tag, or whose end tag may be left out, do not nest when repeated.
_SELF_CLOSING = frozenset({
    "br", "hr", "img", "input", "meta", "link", "area", "base", "col", "embed", "source", "track", "wbr",
    "p", "li", "td", "th", "tr", "dt", "dd", "tbody", "thead", "tfoot", "option",
})  # fmt: skip


def clean_html(source: str) -> str:
    """HTML safe to show, which cleaning once more leaves as it is; too big or too deep a source is shown as its text."""
    cleaner = _Cleaner(_keep)
    for _ in range(MAX_ROUNDS):
        cleaned = cleaner.clean(_REMOTE_SRC.sub(_hold_back, source)) if _is_bearable(source) else None
        if cleaned == source:
            return cleaned
        if cleaned is None:
            break
        source = cleaned
    return escape_text(re.sub(r"[^\S\n]+", " ", read_text(source)[:MAX_HTML]).replace("\0", ""))


def has_remote_images(cleaned: str) -> bool:
    """Whether cleaned HTML keeps images that would be fetched from elsewhere."""
    return bool(_KEPT_SRC.search(cleaned))


def show_html(cleaned: str, images: Mapping[str, str], remote: bool) -> str:
    """Cleaned HTML for a page; `images` has the addresses of its own images by Content-ID in lower case.

    With `remote` images from elsewhere are loaded, by https alone: http reaches devices in the reader's own network.
    """

    def show(tag: str, name: str, value: str) -> str | None:
        if name == "data-src":
            return None
        if name != "src":
            return _keep(tag, name, value)
        if _CID.match(value):
            return images.get(unquote(value[4:]).lower())
        return re.sub(r"(?i)^http:", "https:", value) if remote and _REMOTE.match(value) else None

    return _Cleaner(show).clean(_KEPT_SRC.sub(_give_back, cleaned) if remote else cleaned) or ""


def _hold_back(found: re.Match[str]) -> str:
    address = html.unescape(found[2] or found[3] or found[4]).strip()
    return f'{found[1]}data-src="{urlsafe_b64encode(address.encode("utf-8", "replace")).decode()}"'


def _give_back(found: re.Match[str]) -> str:
    return f'{found[1]}src="{html.escape(_address(found[2]))}"'


def _address(held: str) -> str:
    """The address that was held back, empty when it is none."""
    try:
        address = urlsafe_b64decode(held).decode()
    except ValueError:
        return ""
    return address if _REMOTE.match(address) else ""


def _is_bearable(source: str) -> bool:
    tags = source.count("<")
    if len(source) > MAX_HTML or source.count("&") > MAX_REFERENCES or _has_crowded_tag(source):
        return False
    if tags <= MAX_DEPTH:
        return True
    if tags > MAX_TAGS_WITH_TABLE and "<table" in source.lower():
        return False
    deepest, formatting = _depth(source)
    return deepest <= MAX_DEPTH and formatting * tags <= MAX_REOPENED


def _has_crowded_tag(source: str) -> bool:
    longest = (part for part in source.split(">") if len(part) > MAX_ATTRIBUTES)
    return any(sum(map(part[part.find("<") :].count, " \t\n\f/\"'")) > MAX_ATTRIBUTES for part in longest)


class _Meter:
    """Passes attributes on to `judge`, which gives the value to keep for (tag, attribute, value), and counts their length."""

    def __init__(self, judge: Callable[[str, str, str], str | None]) -> None:
        self._judge = judge
        self.spent = 0

    def measure(self, tag: str, name: str, value: str) -> str | None:
        self.spent += len(value)
        return self._judge(tag, name, value) if self.spent <= MAX_REPEATED else None


class _Cleaner:
    """The allow-list, made once for all rounds."""

    def __init__(self, judge: Callable[[str, str, str], str | None]) -> None:
        # The collector of cycles does not see into the allow-list: what it holds must not hold it.
        self._meter = _Meter(judge)
        self._allow_list = nh3.Cleaner(
            tags=_TAGS,
            clean_content_tags={"script", "style", "title", "template", "noscript", "iframe", "object", "svg", "math"},
            attributes=_ATTRIBUTES,
            attribute_filter=self._meter.measure,
            url_schemes={"http", "https", "mailto", "cid"},
            link_rel="noopener noreferrer nofollow",
            strip_comments=True,
        )

    def clean(self, source: str) -> str | None:
        """The allow-list applied; None when reopened elements repeat their attributes beyond measure."""
        self._meter.spent = 0
        cleaned = self._allow_list.clean(source)
        return cleaned if self._meter.spent <= MAX_REPEATED else None


def escape_text(text: str) -> str:
    """Plain text as HTML that looks the same."""
    return '<p dir="auto">' + html.escape(text, quote=False).replace("\n", "<br>") + "</p>"


def _keep(tag: str, name: str, value: str) -> str | None:
    if name == "src":
        return value if tag == "img" and _CID.match(value) and ".." not in value else None
    if name == "data-src":
        return value if _address(value) else None
    if name == "href":
        return value if _LINK.match(value) else None
    return value if len(value) <= 1_000 else None


def _depth(source: str) -> tuple[int, int]:
    """(the deepest nesting, the most formatting elements open at once); an end tag closes only its own kind."""
    counts: dict[str, int] = {}
    depth = deepest = formatting = most = 0
    for match in re.finditer(r"<(/?)([A-Za-z][A-Za-z0-9:-]{0,30})", source):
        name = match[2].lower()
        if name in _SELF_CLOSING:
            continue
        now = counts.get(name, 0)
        if match[1] and not now:
            continue
        step = -1 if match[1] else 1
        counts[name] = now + step
        depth += step
        deepest = max(deepest, depth)
        if name in _FORMATTING:
            formatting += step
            most = max(most, formatting)
    return deepest, most
