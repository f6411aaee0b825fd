"""Samples with a few bytes changed, lost or added: whatever comes, each mail gets its one outcome (threats 26)."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from store import outcomes
from tests.fakes import until
from tests.filer.readers import filer_with_children, receive
from tests.filer.test_children import children
from tests.harness import Gateway

SAMPLES = sorted((Path(__file__).parents[2] / "gateway/cli/demo/mails").glob("*.eml"))
TELLING = [
    b"\r\n",
    b"\n",
    b"\r",
    b"\0",
    b":",
    b";",
    b"=",
    b'"',
    b"<",
    b">",
    b"@",
    b"--",
    b"=?",
    b"?=",
    b"\xff",
    b"(",
    b"\\",
    b"%",
    b"[",
]


def mutant(seed: int) -> bytes:
    """A sample with one to fifty changes, the same for the same seed; half of them among its headers."""
    chance = random.Random(seed)
    raw = bytearray(chance.choice(SAMPLES).read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
    head = raw.find(b"\r\n\r\n")
    for _ in range(chance.randint(1, 50)):
        place = chance.randrange(head if head > 0 and chance.random() < 0.5 else len(raw) or 1)
        match chance.randrange(4):
            case 0:
                raw[place : place + 1] = bytes([chance.randrange(256)])
            case 1:
                del raw[place : place + chance.randint(1, 9)]
            case 2:
                raw[place:place] = chance.choice(TELLING)
            case 3:
                raw[place:place] = raw[place : place + chance.randint(1, 80)]
    return bytes(raw)


def file_mutants(gateway: Gateway, seeds: range) -> None:
    before = children()
    for seed in seeds:
        receive(gateway.store, mutant(seed))
    with filer_with_children(gateway.config, gateway.store) as filer:
        while filer.file_next():
            pass
    found = gateway.journal()
    assert len(found) == len(seeds)
    outcome = Counter(row["outcome"] for row in found)
    assert None not in outcome and not outcome["dead"], outcome
    assert outcome["new"] + outcome["reply"] > len(seeds) / 3  # a mutant is still a mail
    assert outcomes.count_unfiled(gateway.store) == 0
    unread = [t for t in gateway.tickets() if "unreadable" in t["flags"]]
    assert not unread  # no child died of any
    until(lambda: len(children() - before) <= 1)


@pytest.mark.threat(26)
def test_each_of_hundreds_of_mutants_has_its_outcome(gateway: Gateway) -> None:
    file_mutants(gateway, range(400))


@pytest.mark.threat(26)
@pytest.mark.parametrize(
    "many", [pytest.param(1_500, marks=pytest.mark.slow), pytest.param(20_000, marks=pytest.mark.long)]
)
def test_each_of_thousands_of_mutants_has_its_outcome(gateway: Gateway, many: int) -> None:
    file_mutants(gateway, range(1_000_000, 1_000_000 + many))
