"""Mails in a real browser: nothing sticks out on a phone, and in the dark everything is light on dark."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from templates.languages import LANGUAGES
from templates.previewing import preview
from templates.render import render
from templates.samples import samples
from tests.portal.browser import Browser, chromium

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(chromium() is None, reason="NO CHROMIUM: the mails were not looked at in a browser"),
]

# The words of a page that stand with too little contrast on what is behind them (WCAG 2.2, 1.4.3).
FAINT = """(() => {
  const parse = colour => colour.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255).map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const behind = e => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor);
    if (c.length == 3 || c[3] > 0) return c } return [255, 255, 255] };
  const words = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), faint = [];
  while (words.nextNode()) { const e = words.currentNode.parentElement;
    if (!words.currentNode.data.trim() || !e.getClientRects().length) continue;
    const [a, b] = [light(parse(getComputedStyle(e).color)), light(behind(e))].sort((x, y) => y - x);
    if ((a + .05) / (b + .05) < 4.5) faint.push(words.currentNode.data.trim()) }
  return faint })()"""


def test_on_a_phone_and_in_the_dark_every_mail_can_be_read(tmp_path: Path) -> None:
    preview(tmp_path)
    wide, faint = set(), {}
    with Browser() as browser:
        for case in samples():
            for language in LANGUAGES:
                browser.look(380, dark=True)
                browser.open((tmp_path / f"{case}.{language}.html").as_uri())
                if browser.run("document.documentElement.scrollWidth") > 380:
                    wide.add((case, language))
                for dark in (True, False) if language == "en" else ():
                    browser.look(700, dark=dark)
                    faint[case, dark] = browser.run(FAINT)
    assert wide == set()
    assert {place: words for place, words in faint.items() if words} == {}


def test_what_has_no_blanks_is_wrapped_on_a_phone(tmp_path: Path) -> None:
    """Names, subjects, file names, labels, addresses and links of a length that is no screen's (BR-04)."""
    wide = []
    with Browser() as browser:
        browser.look(380)
        for case, context in samples().items():
            page = tmp_path / "mail.html"
            page.write_text(render(case.partition("-")[0], _endless(context)).html, encoding="utf-8")
            browser.open(page.as_uri())
            if browser.run("document.documentElement.scrollWidth") > 380:
                wide.append(case)
    assert wide == []


_SAID_BY_US = {"role", "change", "priority", "tag", "plan", "what", "day", "before", "after", "at", "flags"}


def _endless(value: Any, name: str = "") -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        told = {field.name: _endless(getattr(value, field.name), field.name) for field in fields(value)}
        return replace(value, **told)
    if isinstance(value, tuple):
        return tuple(_endless(one, name) for one in value)
    return f"{value}{'x' * 150}" if isinstance(value, str) and value and name not in _SAID_BY_US else value
