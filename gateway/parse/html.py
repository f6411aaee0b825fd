"""HTML mail cleaned: what is left holds nothing but harmless mark-up, links and the message's own images."""

from __future__ import annotations

import html
import re

import nh3

from gateway.parse.plain import read_text

MAX_HTML = 2_000_000
MAX_DEPTH = 100
# nh3 takes quadratic time for references within one text.
MAX_REFERENCES = 50_000

_TAGS = {
    "a", "abbr", "address", "b", "big", "blockquote", "br", "caption", "center", "cite", "code", "col", "colgroup",
    "dd", "del", "div", "dl", "dt", "em", "font", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "ins", "kbd",
    "li", "ol", "p", "pre", "q", "s", "samp", "small", "span", "strike", "strong", "sub", "sup", "table", "tbody", "td",
    "tfoot", "th", "thead", "tr", "tt", "u", "ul", "var",
}  # fmt: skip
_ATTRIBUTES = {
    "*": {"dir", "lang", "title", "align", "valign"},
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "td": {"colspan", "rowspan", "width"},
    "th": {"colspan", "rowspan", "width"},
    "table": {"border", "cellpadding", "cellspacing", "width"},
    "font": {"color"},
    "ol": {"start", "type"},
}
_CID = re.compile(r"cid:[A-Za-z0-9.@_$%+=~!#-]{1,300}\Z", re.IGNORECASE)
_LINK = re.compile(r"(?:https?|mailto):", re.IGNORECASE)
# Elements without an end tag, or whose end tag may be left out, do not nest when repeated.
_SELF_CLOSING = frozenset({
    "br", "hr", "img", "input", "meta", "link", "area", "base", "col", "embed", "source", "track", "wbr",
    "p", "li", "td", "th", "tr", "dt", "dd", "tbody", "thead", "tfoot", "option",
})  # fmt: skip


def clean_html(source: str) -> str:
    """HTML safe to show: an allow-list applied last; too big or too deep a source is shown as its text."""
    if len(source) > MAX_HTML or source.count("&") > MAX_REFERENCES or _depth(source) > MAX_DEPTH:
        return escape_text(read_text(source)[:MAX_HTML])
    return nh3.clean(
        source,
        tags=_TAGS,
        clean_content_tags={"script", "style", "title", "template", "noscript", "iframe", "object", "svg", "math"},
        attributes=_ATTRIBUTES,
        attribute_filter=_filter_attribute,
        url_schemes={"http", "https", "mailto", "cid"},
        link_rel="noopener noreferrer nofollow",
        strip_comments=True,
    )


def escape_text(text: str) -> str:
    """Plain text as HTML that looks the same."""
    return '<p dir="auto">' + html.escape(text, quote=False).replace("\n", "<br>") + "</p>"


def _filter_attribute(tag: str, name: str, value: str) -> str | None:
    if name == "src":
        return value if tag == "img" and _CID.match(value) and ".." not in value else None
    if name == "href":
        return value if _LINK.match(value) else None
    return value if len(value) <= 1_000 else None


def _depth(source: str) -> int:
    """The deepest nesting; an end tag closes only its own kind."""
    counts: dict[str, int] = {}
    depth = deepest = 0
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
    return deepest
