"""For any content and any pieces it comes in, the reader gives back exactly what was sent, or refuses it whole."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.answers import Answer
from gateway.smtp_data import END, Content, DataReader, Memory
from tests.doors.client import stuffed

BODIES = st.lists(st.sampled_from([b".", b"\r\n", b"\r", b"\n", b"F", b"x", b"\0", b"."])).map(b"".join)
CUTS = st.lists(st.integers(0, 60), max_size=12)


def read(
    wire: bytes, cuts: list[int], limit: int = 1 << 20, memory: Memory | None = None
) -> tuple[DataReader, bytes | None]:
    """Feeds the wire in pieces of these sizes, then what is left; the reader and what it gave back."""
    reader = DataReader(limit, Content(memory or Memory(1 << 20, Path("."))))
    rest: bytes | None = None
    for cut in [*cuts, len(wire) + 1]:
        piece, wire = wire[:cut], wire[cut:]
        rest = reader.feed(piece)
        if rest is not None:
            return reader, rest + wire
    return reader, None


@pytest.mark.threat(1)
@pytest.mark.threat(8)
@settings(deadline=None, max_examples=400)
@given(body=BODIES, cuts=CUTS, behind=st.sampled_from([b"", b"QUIT\r\n", b".\r\n", b"\r\n.\r\n"]))
def test_what_comes_out_is_what_went_in(body: bytes, cuts: list[int], behind: bytes) -> None:
    body += b"\r\n"
    reader, rest = read(stuffed(body) + b".\r\n" + behind, cuts)
    assert rest == behind
    lone = body.replace(b"\r\n", b"")
    if b"\r" in lone or b"\n" in lone:
        assert reader.flaw is Answer.BARE_CR_OR_LF and reader.content.take() == b""
    else:
        assert reader.flaw is None and reader.content.take() == body


@pytest.mark.threat(1)
@settings(deadline=None, max_examples=200)
@given(wire=BODIES, cuts=CUTS)
def test_only_the_end_mark_ends_it(wire: bytes, cuts: list[int]) -> None:
    _, rest = read(wire, cuts)
    whole = b"\r\n" + wire
    assert (rest is not None) == (END in whole)
    assert rest is None or rest == whole.partition(END)[2]


@pytest.mark.threat(14)
@settings(deadline=None, max_examples=200)
@given(body=BODIES, cuts=CUTS, limit=st.integers(1, 40), free=st.integers(0, 30))
def test_the_limit_counts_what_is_stored(body: bytes, cuts: list[int], limit: int, free: int) -> None:
    body = body.replace(b"\r\n", b"F").replace(b"\r", b"F").replace(b"\n", b"F") + b"\r\n"
    memory = Memory(free, Path("."))
    reader, rest = read(stuffed(body) + b".\r\n", cuts, limit, memory)
    assert rest == b""
    assert (reader.flaw is Answer.TOO_LARGE) == (len(body) > limit)
    reader.content.discard()
    assert memory.free == free


def test_an_empty_message_is_one() -> None:
    reader, rest = read(b".\r\nNOOP\r\n", [1, 1])
    assert (rest, reader.content.take()) == (b"NOOP\r\n", b"")


@pytest.mark.threat(14)
def test_a_refused_message_is_not_kept() -> None:
    memory = Memory(1 << 20, Path("."))
    reader = DataReader(100_000, Content(memory))
    for _ in range(1000):
        assert reader.feed(b"x" * 5000) is None
        assert memory.free > (1 << 20) - 105_000
    assert reader.feed(b"\r\n.\r\nNOOP") == b"NOOP"
    assert reader.flaw is Answer.TOO_LARGE and memory.free == 1 << 20


@pytest.mark.threat(14)
def test_beyond_the_shared_memory_a_message_goes_on_in_a_file_that_nobody_has_to_sweep(tmp_path: Path) -> None:
    memory = Memory(600_000, tmp_path)
    body = b"".join(b"%06d\r\n" % n for n in range(150_000))
    small, large = Content(memory), Content(memory)
    small.add(b"y" * 1000)
    reader = DataReader(len(body), large)
    for start in range(0, len(body), 65_536):
        assert reader.feed(body[start : start + 65_536]) is None
    assert reader.feed(b".\r\n") == b""
    assert large.spooled and not small.spooled and list(tmp_path.iterdir()) == []
    assert memory.free == 599_000
    assert large.take() == body and small.take() == b"y" * 1000
    assert memory.free == 599_000  # what waits for its commit still counts
    for content in (large, small):
        content.discard()
    assert memory.free == 600_000


def test_a_file_that_fails_is_our_fault_and_the_end_is_still_found(tmp_path: Path) -> None:
    reader = DataReader(1 << 20, Content(Memory(0, tmp_path / "missing")))
    assert reader.feed(b"x" * 300_000) is None
    assert reader.feed(b"\r\n.\r\nNOOP\r\n") == b"NOOP\r\n"
    assert isinstance(reader.fault, OSError) and reader.flaw is None


@pytest.mark.parametrize("cut", range(1, 12))
def test_the_end_mark_is_found_across_any_border(cut: int) -> None:
    reader, rest = read(b"ab\r\n..\r\n.\r\nQ", [cut])
    assert (rest, reader.content.take()) == (b"Q", b"ab\r\n.\r\n")
