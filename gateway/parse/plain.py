"""The readable text of HTML mail, by a scanner that passes over the source once."""

from __future__ import annotations

import html
import re

MAX_SOURCE = 8_000_000
# Leads a line with which quoted mail begins; decoded text never holds a NUL.
QUOTE_MARK = "\0"
# How programs mark what they quote: Outlook (web and new, desktop's rule), Gmail, Thunderbird, Yahoo, Proton, GMX, Zimbra.
_QUOTE_BEGINS = re.compile(
    r"""\bid\s*=\s*["']?(?:x_)*(?:divRplyFwdMsg|appendonsend|mail-editor-reference-message-container)\b"""
    r"""|\bclass\s*=\s*["']?[^"'>]{0,200}(?<![\w-])(?:x_)*(?:gmail_attr|moz-cite-prefix|yahoo_quoted|protonmail_quote)\b"""
    r"""|\bname\s*=\s*["']quote["']|\bdata-marker\s*=\s*["']?__QUOTED_TEXT__"""
    r"""|border-top:\s*solid\s+#(?:E1E1E1|B5C4DF)\s+1\.0pt""",
    re.IGNORECASE,
)
# Block quotes by which authors indent their own words (Gmail, Apple Mail).
_INDENT = re.compile(r"margin:\s*0(?:px)?\s+0(?:px)?\s+0(?:px)?\s+40px|webkit-indent-blockquote", re.IGNORECASE)

_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9:-]{0,30})((?:[^<>\"']|\"[^\"<]{0,20000}\"|'[^'<]{0,20000}')*)>?")
_SKIPPED = frozenset({"script", "style", "head", "title", "template", "noscript", "iframe", "object", "svg", "math"})
_BLOCKS = frozenset({
    "p", "div", "tr", "table", "ul", "ol", "li", "h1", "h2", "h3", "h4", "h5", "h6", "center", "section", "article",
    "header", "footer", "address", "dl", "dt", "dd", "form", "fieldset", "hr", "caption",
})  # fmt: skip
_SPACED = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "table", "dl"})


def read_text(source: str) -> str:
    """The readable text of a piece of HTML, in one pass; block quotes become lines led by `> `."""
    return read_marked(source).replace(QUOTE_MARK, "")


def marks_quotes(source: str) -> bool:
    """Whether the HTML says where quoted mail begins."""
    return _QUOTE_BEGINS.search(source[:MAX_SOURCE]) is not None


def read_marked(source: str) -> str:
    """`read_text` with `QUOTE_MARK` before each line at which the HTML says that quoted mail begins."""
    writer = _Writer()
    at, skipping, pre = 0, "", 0
    endless: set[str] = set()
    source = source[:MAX_SOURCE]
    while at < len(source):
        start = source.find("<", at)
        if start < 0:
            start = len(source)
        if not skipping and start > at:
            writer.add(source[at:start], pre > 0)
        if start == len(source):
            break
        at = _skip_declaration(source, start, endless)
        if at != start:
            continue
        match = _TAG.match(source, start)
        if match is None:
            if not skipping:
                writer.add("<", pre > 0)
            at = start + 1
            continue
        at = match.end()
        closing, name = match[1], match[2].lower()
        if skipping:
            skipping = "" if closing and name == skipping else skipping
        elif name in _SKIPPED and not closing:
            # An element that is never closed must not swallow the rest of the mail.
            skipping = name if _ends(source, name, at, endless) else ""
        elif name == "pre":
            pre = max(0, pre + (-1 if closing else 1))
            writer.end_block(True)
        else:
            writer.mark(name, bool(closing), match[3])
    return writer.text()


def _skip_declaration(source: str, start: int, endless: set[str]) -> int:
    if source.startswith("<!--", start):
        end = -1 if "!" in endless else source.find("-->", start + 4)
        if end < 0:
            endless.add("!")
        return end + 3 if end >= 0 else start + 4
    if source.startswith(("<!", "<?"), start):
        end = source.find(">", start, start + 2_000)
        return end + 1 if end >= 0 else start + 2
    return start


def _ends(source: str, name: str, at: int, endless: set[str]) -> bool:
    """Whether an end tag follows; a name without one is remembered, so that each is looked for once."""
    if name in endless:
        return False
    if re.compile(f"</{name}[\\s>/]", re.IGNORECASE).search(source, at):
        return True
    endless.add(name)
    return False


class _Writer:
    """Collects words into lines and lines into blocks."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._line: list[str] = []
        self._quotes = 0
        self._blank = True
        self._begins = False
        self._indents: list[bool] = []

    def add(self, text: str, verbatim: bool) -> None:
        text = html.unescape(text).replace("\xa0", " ").replace(QUOTE_MARK, "")
        if verbatim:
            first, *rest = text.split("\n")
            self._line.append(first)
            for line in rest:
                self._end_line()
                self._line.append(line)
        elif text.strip():
            lead = " " if text[0].isspace() else ""
            tail = " " if text[-1].isspace() else ""
            self._line.append(lead + " ".join(text.split()) + tail)
        elif text:
            self._line.append(" ")

    def mark(self, name: str, closing: bool, attributes: str) -> None:
        if name == "br":
            self._end_line()
        elif name == "blockquote":
            self.end_block(not closing)
            self._count_quotes(closing, attributes)
            self.end_block(closing)
        elif name in _BLOCKS:
            self.end_block(name in _SPACED)
            if not closing and attributes and not self._quotes and _QUOTE_BEGINS.search(attributes[:2_000]):
                self._begins = True
            if name == "li" and not closing:
                self._line.append("* ")
        elif name in ("td", "th") and closing:
            self._line.append(" ")
        elif name == "img" and not closing:
            alt = re.search(r"""\balt\s*=\s*(?:"([^"]*)"|'([^']*)')""", attributes[:2_000], re.IGNORECASE)
            if alt and (alt[1] or alt[2] or "").strip():
                self.add(f"[{(alt[1] or alt[2]).strip()}]", False)

    def _count_quotes(self, closing: bool, attributes: str) -> None:
        if closing:
            own = self._indents.pop() if self._indents else False
        else:
            own = bool(_INDENT.search(attributes[:2_000])) and "cite" not in attributes[:2_000].lower()
            if len(self._indents) < 10_000:
                self._indents.append(own)
        if not own:
            self._quotes = min(20, max(0, self._quotes + (-1 if closing else 1)))

    def end_block(self, spaced: bool) -> None:
        if "".join(self._line).strip():
            self._end_line()
        else:
            self._line.clear()
        if spaced and not self._blank:
            self._put("")

    def _end_line(self) -> None:
        self._put(re.sub(r"  +", " ", "".join(self._line)).strip())
        self._line.clear()

    def _put(self, line: str) -> None:
        self._blank = not line
        lead = ""
        if line and self._begins:
            lead, self._begins = "" if self._quotes else QUOTE_MARK, False
        self._lines.append(lead + (">" * self._quotes + (" " if line else "") if self._quotes else "") + line)

    def text(self) -> str:
        self.end_block(False)
        return re.sub(r"\n{3,}", "\n\n", "\n".join(self._lines)).strip("\n")
