"""The ticket tag in a subject, `[HO#1042]`, and the subject without it."""

from __future__ import annotations

import re
from collections import Counter

_LONGEST = 998  # characters of a subject that are looked at: no more is ever kept of one
# ASCII digits only, at most ten, no leading zero: int() would take other scripts' digits (threats 39, 46).
_KEY, _NUMBER = r"[A-Za-z][A-Za-z0-9]{0,7}", r"[1-9][0-9]{0,9}"
_MARK = r"\s*[#＃]\s*"
# Folding leaves blanks inside a tag; East Asian keyboards write the wide signs.
_TAG = rf"[\[［【]\s*({_KEY}){_MARK}({_NUMBER})\s*[\]］】]"
# Without brackets it must stand alone: no part of a word, an address, a decimal number or a broken tag.
_BEFORE = r"""(?<![^\s(（<"'“„«「,;:，、：])"""
_AFTER = r"""(?=[\s)）>"”»」;!?，、。：；！？]|[.,:](?![0-9A-Za-z])|-?\s|$)(?!\s+[0-9])"""
_BARE = rf"{_BEFORE}({_KEY})#({_NUMBER}){_AFTER}"
_FOUND = re.compile(rf"{_TAG}|{_BARE}")
_MENTION = re.compile(rf"(?<![A-Za-z0-9])({_KEY}){_MARK}")
_ONE = re.compile(rf"[\[［【]?\s*({_KEY})\s*[#＃-]\s*({_NUMBER})\s*[\]］】]?")

# Reply and forward prefixes as mail programs write them, by language.
_WORDS = (
    r"re|fwd?|aw|antw(?:ort)?|wg|sv|vs|vb|ang|odp|tr|res|enc|rv|rif|doorst|bls|atb|odg|ynt|yanıt|ilt|i̇lt|vá|"
    r"отв|ответ|пересл|відп|απ|πρθ|回复|回覆|答复|答覆|转发|轉寄|轉發|返信|転送|회신|답장|전달"
)
# Prefixes that are also words, drives or names ("R: drive is full", "Ref: 4711"): only before another prefix or a tag.
_WORDLIKE = r"r|i|ref|réf|ha|на|pd|vl|fs|tl|ct|trs|yml"
_COUNT = r"\s*(?:\[[0-9]{1,3}\]|\([0-9]{1,3}\)|[*^][0-9]{1,3})?\s*[:：]\s*"
_PREFIX = rf"(?:(?:{_WORDS}){_COUNT}|re[0-9]{{1,2}}\s*[:：]\s*)"
# What mail gateways put in front and no person types.
_GATE = (
    r"(?:\[ext(?:ern(?:al|e|o)?)?(?:[ -](?:e-?mail|mail|sender))?\]|\*{2,5}\s?(?:suspected )?spam\s?\*{2,5}|"
    r"\[suspected spam\]|\{spam\?\})\s*"
)
_FRONT = re.compile(
    rf"\s*(?:{_PREFIX}|{_GATE}|(?:(?:{_WORDLIKE}){_COUNT})+(?={_PREFIX}|{_GATE}|{_TAG}))", re.IGNORECASE
)
_ANSWER = re.compile(rf"\s*{_PREFIX}", re.IGNORECASE)
_ANY_TAG = re.compile(rf"(?:(?<!\w){_PREFIX})*{_TAG}", re.IGNORECASE)
_LEADING_TAG = re.compile(rf"\s*{_TAG}")


def tag(key: str, number: int) -> str:
    """The tag as it stands in subjects, `[HO#1042]` (requirements S5)."""
    return f"[{key}#{number}]"


def find_tags(subject: str) -> list[tuple[str, int]]:
    """Every tag in a decoded and unfolded subject, in order, as (desk key, number).

    A bare `HO#1042` counts when nothing else in the subject could be meant: no second number and no broken tag of its key.
    """
    subject = _one_line(subject)
    if not _may_have_tags(subject):
        return []
    found = [((m[1] or m[3]).upper(), int(m[2] or m[4]), bool(m[1])) for m in _FOUND.finditer(subject)]
    mentions = Counter(key.upper() for key in _MENTION.findall(subject))
    good = Counter(key for key, _, _ in found)
    numbers = Counter(key for key, _ in {(key, number) for key, number, _ in found})
    clear = {key for key in good if numbers[key] == 1 and mentions[key] == good[key]}
    return list(dict.fromkeys((key, number) for key, number, bracketed in found if bracketed or key in clear))


def read_tag(text: str) -> tuple[str, int] | None:
    """The ticket a text names and nothing else, as (desk key, number): `HO#12`, `[ho # 12]`, `HO-12`."""
    match = _ONE.fullmatch(text.strip())
    return (match[1].upper(), int(match[2])) if match else None


def base_subject(subject: str, key: str) -> str:
    """The customer's own words (HO-09): reply and forward prefixes, marks of gateways and tags of desk `key` taken off.

    Another system's `[INC#55]` stays, or its owner could not thread our answers.
    """
    text, at = _one_line(subject), 0
    while (match := _FRONT.match(text, at)) or ((match := _LEADING_TAG.match(text, at)) and match[1].upper() == key):
        at = match.end()
    rest = text[at:]
    if _may_have_tags(rest):
        rest = _ANY_TAG.sub(lambda found: " " if found[1].upper() == key else found[0], rest)
    return " ".join(rest.split())


def is_answer(subject: str) -> bool:
    """Whether it begins as the subjects of replies and forwarded mail do."""
    return _ANSWER.match(subject) is not None


def _may_have_tags(text: str) -> bool:
    return "#" in text or "＃" in text


def _one_line(subject: str) -> str:
    return " ".join(subject[:_LONGEST].split())
