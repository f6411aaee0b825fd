"""Uploaded files are judged by a child with limits: what they do to it, the portal does not feel (threats 34, 48)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256

import pytest

from gateway.filters import SILENT, Filters
from gateway.parse import File
from gateway.portal import judging
from gateway.portal.judging import UNREADABLE, Judge, Judged
from store.errors import Temporary
from store.rules.desk import Files
from store.rules.files import ACCEPTED, Judgement
from tests.filer.fake_filters import clamd
from tests.portal.house import PNG


def file(content: bytes = PNG, name: str = "Foto.png") -> File:
    return File(name, (name,), "image/png", len(content), sha256(content).hexdigest(), False, None, content)


@contextmanager
def judge(
    work: Callable[[Sequence[File], Files, Filters], Judged] | None = None, **filters: tuple[str, int]
) -> Iterator[Judge]:
    made = Judge(Filters(**filters), work)
    try:
        yield made
    finally:
        made.close()


def die(files: Sequence[File], _rules: Files, _filters: Filters) -> Judged:
    os._exit(3)


def spin(files: Sequence[File], rules: Files, filters: Filters) -> Judged:
    while files[0].content == b"harmful":
        pass
    return judging.judge(files, rules, filters)


def swell(files: Sequence[File], rules: Files, filters: Filters) -> Judged:
    if files[0].content == b"harmful":
        _ = bytearray(1 << 30)
    return judging.judge(files, rules, filters)


@pytest.mark.threat(34)
@pytest.mark.parametrize("work", [spin, swell])
def test_a_file_that_eats_time_or_memory_is_refused_and_the_next_one_judged(
    work: Callable[[Sequence[File], Files, Filters], Judged], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judging, "SECONDS", 1.0)
    with judge(work) as made:
        made.judge([file()], Files())
        refused = Judgement("refused", UNREADABLE)
        assert made.judge([file(b"harmful"), file()], Files()) == ((refused, refused), SILENT)
        monkeypatch.setattr(judging, "SECONDS", 60.0)
        assert made.judge([file()], Files()) == ((ACCEPTED,), SILENT)


@pytest.mark.threat(34)
def test_a_child_that_dies_takes_nobody_along(monkeypatch: pytest.MonkeyPatch) -> None:
    with judge(die) as made:
        for _ in range(2):
            try:
                judged, _said = made.judge([file()], Files())
            except Temporary:  # the child died before it was known whose it was
                continue
            assert judged == (Judgement("refused", UNREADABLE),)


@pytest.mark.threat(48)
def test_an_infected_file_is_refused_by_this_way_too() -> None:
    with clamd("stream: Win.Test.EICAR_HDB-1 FOUND") as scanner:
        host, _, port = scanner.place.rpartition(":")
        with judge(clamd=(host, int(port)), rspamd=("127.0.0.1", 1)) as made:
            judged, said = made.judge([file(), file(b"MZ", "a.exe")], Files())
    assert judged[0] == Judgement("refused", "it holds malware (Win.Test.EICAR_HDB-1)")
    assert judged[1].reason == "files of type .exe are not accepted"
    assert said.words == (("clamd", "Win.Test.EICAR_HDB-1"),)
    assert scanner.script.heard == [PNG]
