"""What is new in a reply and what is history: one pass over the lines, nothing is ever left out."""

from __future__ import annotations

import re

from gateway.parse.quotes import (
    count_header_block,
    find_attribution,
    is_divider,
    is_forward_mark,
    is_original_mark,
)

_QUOTE = re.compile(r"^ {0,3}(?:[|] ?)?>")
_SIGNATURE = re.compile(r"^(?:--|—|––)[ \t\xa0]*$")
_DASHED_NAME = re.compile(r"^-{1,2} ?[A-Z]\w+(?: [A-Z]\w+){0,2}$")
_DEVICE = (
    r"(?:my |the |a )?(?:(?i:phone|mobile|cell|device|tablet|handheld|iphone|ipad|ipod|android|blackberry|"
    r"samsung|galaxy|outlook|yahoo|mail|mailbox|airmail|gmail|proton|windows|aol|aqua mail|\[?mail\]?)\b|"
    r"[A-Z]\w*[- ]?\d|[A-Z]\w+ [A-Z0-9])"
)
_SENT_FROM = re.compile(
    rf"^[ \t*_<(]*(?:(?i:sent) (?i:from|via|using|with|by) {_DEVICE}|"
    r"(?i:get (?:\[?outlook) for|from my (?:iphone|ipad|android|mobile|phone|blackberry)\b|von meinem .{1,40} gesendet|"
    r"gesendet (?:von|mit) |diese nachricht wurde von meinem |"
    r"envoy[ée] (?:de |depuis |à partir de )|enviado (?:desde |do |de |a partir )|inviato (?:da |dal )|"
    r"verzonden (?:vanaf|met|via) |verstuurd vanaf|wys[łl]ane z |skickat från |sendt fra |lähetetty |"
    r"отправлено (?:с|из) |надіслано з |poslat?né z |odesl[áa]no z |elküldve |"
    r"(?:iphone|ipad|android|私の).{0,10}から送信|发自我的|從我的 ?\w+))"
)
_FOOTER = re.compile(r"mailing list|unsubscribe|listinfo|https?://\S*list", re.IGNORECASE)
_MAX_SIGNATURE = 25
_MAX_FOOTER = 8
_MAX_TAILS = 100
MAX_LINES = 20_000


def split_reply(text: str) -> tuple[str, str]:
    """(reply, hidden): every line of `text` is in exactly one of them, in order."""
    lines = text.split("\n")
    shown = _mark(lines)
    reply = "\n".join(line for line, keep in zip(lines, shown, strict=True) if keep)
    hidden = "\n".join(line for line, keep in zip(lines, shown, strict=True) if not keep)
    if not reply.strip():
        # A bare quotation is itself the news.
        return _trim(text), ""
    return _trim(reply), _trim(hidden)


def _trim(text: str) -> str:
    return re.sub(r"\n{4,}", "\n\n\n", text).strip("\n \t")


def _mark(lines: list[str]) -> list[bool]:
    shown = [True] * len(lines)
    at, news, tails = 0, False, 0
    while at < min(len(lines), MAX_LINES):
        line = lines[at]
        if not line.strip():
            at += 1
        elif _QUOTE.match(line):
            shown[at] = False
            at += 1
        elif (length := find_attribution(lines, at)) > 0:
            if _is_quote_next(lines, at + length) or not news:
                _hide(shown, at, at + length)
                at += length
            else:
                _hide(shown, at, len(lines))
                break
        elif is_forward_mark(line):
            if not news:
                end = at + 1 + next((n for n, follows in enumerate(lines[at + 1 : at + 4]) if follows.strip()), 0)
                end += count_header_block(lines, end) if end < len(lines) else 0
                _hide(shown, at, end)
            break
        elif is_original_mark(line) or count_header_block(lines, at):
            if news:
                _hide(shown, _step_back(lines, at), len(lines))
                break
            end = at + max(1, count_header_block(lines, at))
            _hide(shown, at, end)
            at = end
        elif tails < _MAX_TAILS and (end := _find_tail(lines, at)) > at:
            _hide(shown, at, end)
            at, tails = end, tails + 1
        else:
            tails += line.startswith(("-", "_", "—"))
            news = news or not is_divider(line)
            at += 1
    return shown


def _hide(shown: list[bool], start: int, end: int) -> None:
    shown[start:end] = [False] * (end - start)


def _is_quote_next(lines: list[str], at: int) -> bool:
    return next((bool(_QUOTE.match(line)) for line in lines[at : at + 4] if line.strip()), False)


def _step_back(lines: list[str], at: int) -> int:
    """A rule of dashes or underscores above the block belongs to it."""
    back = at
    while back > 0 and at - back < 3 and (not lines[back - 1].strip() or is_divider(lines[back - 1])):
        back -= 1
    return back if any(is_divider(line) for line in lines[back:at]) else at


def _find_tail(lines: list[str], at: int) -> int:
    """Where a signature, device line or list footer beginning here ends; `at` when none begins."""
    line = lines[at]
    if len(line) > 200:
        return at
    if _SIGNATURE.match(line):
        return _signature_end(lines, at, _MAX_SIGNATURE)
    if _SENT_FROM.match(line):
        return at + 1
    if at > 0 and not lines[at - 1].strip() and _DASHED_NAME.match(line):
        end = _signature_end(lines, at, 0)
        return end if end > at else at
    if is_divider(line) and "_" in line:
        end = _signature_end(lines, at, _MAX_FOOTER)
        return end if any(_FOOTER.search(x[:500]) for x in lines[at:end]) else at
    return at


def _signature_end(lines: list[str], at: int, limit: int) -> int:
    """Where the tail stops: at the history below it or the end; `at` when it is too long to be one."""
    filled = 0
    for end in range(at + 1, len(lines)):
        line = lines[end]
        if not line.strip():
            continue
        if _QUOTE.match(line) or is_original_mark(line) or (is_divider(line) and limit == 0):
            return end
        if find_attribution(lines, end) or count_header_block(lines, end):
            return end
        filled += 1
        if filled > limit:
            return at
    return len(lines)
