"""What is new in a reply and what is history: one pass over the lines, nothing is ever left out."""

from __future__ import annotations

import re

from gateway.parse.plain import QUOTE_MARK
from gateway.parse.quotes import (
    MAX_WRAP,
    count_header_block,
    find_attribution,
    is_dated_attribution,
    is_divider,
    is_forward_mark,
    is_original_mark,
    may_end_attribution,
)
from gateway.parse.tails import find_tail

# ">>> look here <<<" is an ornament.
_QUOTE = re.compile(r"^ {0,3}(?!>{3}[^<]*<{3,}\s*$)(?:[|] ?)?>")
_MAX_TAILS = 100
_MAX_ANNOUNCEMENT = 8
_MAX_REACH = 40
MAX_LINES = 20_000


def split_reply(text: str, passed_on: bool = False) -> tuple[str, str]:
    """(reply, hidden): every line of `text` is in exactly one of them, in order.

    `passed_on`: the subject says that the mail is forwarded, so what it copies below is news. A line that begins with
    `QUOTE_MARK` opens a quotation whatever it says; the mark is left out.
    """
    lines = text.split("\n")
    marks = {at for at, line in enumerate(lines) if line.startswith(QUOTE_MARK)}
    lines = [line.replace(QUOTE_MARK, "") for line in lines] if marks else lines
    shown = _mark(lines, marks, passed_on)
    reply = "\n".join(line for line, keep in zip(lines, shown, strict=True) if keep)
    hidden = "\n".join(line for line, keep in zip(lines, shown, strict=True) if not keep)
    if not reply.strip():
        # A bare quotation is itself the news.
        return _trim("\n".join(lines)), ""
    return _trim(reply), _trim(hidden)


def _trim(text: str) -> str:
    return re.sub(r"\n{4,}", "\n\n\n", text).strip("\n \t")


def _mark(lines: list[str], marks: set[int], passed_on: bool) -> list[bool]:
    shown = [True] * len(lines)
    at, news, tails = 0, False, 0
    announcing = bytearray(len(lines))
    for n, line in enumerate(lines[: MAX_LINES + MAX_WRAP]):
        if may_end_attribution(line):
            first = max(0, n + 1 - MAX_WRAP)
            announcing[first : n + 1] = b"\1" * (n + 1 - first)

    def count_attribution(at: int) -> int:
        return find_attribution(lines, at) if announcing[at] else 0

    def is_history(at: int) -> bool:
        line = lines[at]
        return bool(
            at in marks
            or _QUOTE.match(line)
            or is_original_mark(line)
            or is_forward_mark(line)
            or count_attribution(at)
            or count_header_block(lines, at)
        )

    while at < min(len(lines), MAX_LINES):
        line = lines[at]
        if at in marks and (end := _find_announced(lines, at, news, passed_on)) > at:
            _hide(shown, at, end)
            at = end
        elif not line.strip():
            at += 1
        elif _QUOTE.match(line):
            shown[at] = False
            at += 1
        elif (length := count_attribution(at)) > 0 and (
            _is_quote_next(lines, at + length) or is_dated_attribution(lines[at : at + length])
        ):
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
            if news and passed_on:
                break
            if news:
                _hide(shown, _step_back(lines, at), len(lines))
                break
            end = at + max(1, count_header_block(lines, at))
            _hide(shown, at, end)
            at = end
        elif tails < _MAX_TAILS and (end := find_tail(lines, at, is_history)) > at:
            _hide(shown, at, end)
            at, tails = end, tails + 1
        else:
            tails += line.startswith(("-", "_", "—"))
            news = news or not is_divider(line)
            at += 1
    _show_questions(lines, shown)
    return shown


def _show_questions(lines: list[str], shown: list[bool]) -> None:
    """Where answers stand between quoted lines, the quotation above each answer is shown, or nobody could follow."""
    filled = [at for at, line in enumerate(lines) if line.strip()]
    runs: list[tuple[bool, int, int]] = []  # (quoted, first line, line after the last)
    for at in filled:
        quoted = not shown[at] and bool(_QUOTE.match(lines[at]))
        if runs and runs[-1][0] == quoted:
            runs[-1] = (quoted, runs[-1][1], at + 1)
        else:
            runs.append((quoted, at, at + 1))
    answers = [n for n, (quoted, start, end) in enumerate(runs) if not quoted and n > 0 and any(shown[start:end])]
    if not any(n + 1 < len(runs) for n in answers):
        return
    for n in answers:
        _, start, end = runs[n - 1]
        shown[start:end] = [True] * (end - start)


def _hide(shown: list[bool], start: int, end: int) -> None:
    shown[start:end] = [False] * (end - start)


def _is_quote_next(lines: list[str], at: int) -> bool:
    return next((bool(_QUOTE.match(line)) for line in lines[at : at + 4] if line.strip()), False)


def _find_announced(lines: list[str], at: int, news: bool, passed_on: bool) -> int:
    """Where what the HTML marks as a quotation's beginning ends: at the quoted lines, else at the end of the mail.

    `at` when the mark says nothing new: forwarded mail, or no words of the writer stand above it.
    """
    filled = 0
    for end in range(at, min(len(lines), at + _MAX_REACH)):
        if not lines[end].strip() or is_divider(lines[end]):
            continue
        if is_forward_mark(lines[end]):
            return at
        if _QUOTE.match(lines[end]):
            return end if end > at else at
        filled += 1
        if filled > _MAX_ANNOUNCEMENT:
            break
    return len(lines) if news and not passed_on else at


def _step_back(lines: list[str], at: int) -> int:
    """A rule of dashes or underscores above the block belongs to it."""
    back = at
    while back > 0 and at - back < 3 and (not lines[back - 1].strip() or is_divider(lines[back - 1])):
        back -= 1
    return back if any(is_divider(line) for line in lines[back:at]) else at
