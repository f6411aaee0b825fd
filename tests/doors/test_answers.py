"""Each answer is well formed, our own faults are temporary everywhere, and no error's text gets out."""

from __future__ import annotations

import logging
import re
import sqlite3
from errno import EDQUOT, ENOSPC

import pytest
from sqlalchemy.exc import OperationalError

from gateway import answers
from gateway.answers import NOT_OURS, Answer, trouble
from store.errors import DiskFailed, NoRoom, PosternError, Temporary
from store.rules.addressing import NotOurs

OURS = {
    Answer.TROUBLE, Answer.DISK_FULL, Answer.SHUTTING_DOWN, Answer.TOO_MANY_CONNECTIONS, Answer.TIMEOUT,
    Answer.TOO_MANY_RECIPIENTS,
}  # fmt: skip


@pytest.mark.parametrize("answer", Answer)
def test_a_reply_is_one_short_line_of_ascii(answer: Answer) -> None:
    assert re.fullmatch(r"[2345]\d\d ([245]\.\d\.\d )?[ -~]+", answer.line)
    assert len(answer.about("1") + "\r\n") <= 512  # RFC 5321 4.5.3.1.5
    assert not re.search(r"Error|Exception|Python|/", answer.line.replace("CR or LF", ""))


@pytest.mark.parametrize("answer", Answer)
def test_the_enhanced_code_agrees_with_the_reply(answer: Answer) -> None:
    enhanced = re.match(r"(\d)\d\d (\d)\.", answer.line)
    assert answer.code in {354} or (enhanced and enhanced[1] == enhanced[2])


@pytest.mark.threat(4)
@pytest.mark.threat(19)
@pytest.mark.parametrize("answer", Answer)
def test_what_may_be_tried_again_says_so_to_both(answer: Answer) -> None:
    assert (answer.exit == answers.TEMPFAIL) == (400 <= answer.code < 500)
    assert answer.exit in {answers.OK, answers.USAGE, answers.DATAERR, answers.NOUSER, answers.TEMPFAIL}
    assert answer not in OURS or answer.code < 500


def test_no_two_answers_are_the_same() -> None:
    assert len({answer.line for answer in Answer}) == len(Answer.__members__)


@pytest.mark.parametrize(
    ("verdict", "line", "exit_code"), [(NotOurs.UNKNOWN, "550 5.1.1", 67), (NotOurs.FOREIGN, "550 5.7.1", 67)]
)
def test_every_verdict_of_the_address_book_has_an_answer(verdict: NotOurs, line: str, exit_code: int) -> None:
    assert NOT_OURS[verdict].line.startswith(line) and NOT_OURS[verdict].exit == exit_code
    assert set(NOT_OURS) == set(NotOurs)


FAULTS = [
    OperationalError("INSERT INTO received", {"raw": b"canary"}, sqlite3.OperationalError("canary locked")),
    OSError(5, "Input/output error", "/var/canary"),
    DiskFailed("canary"),
    MemoryError("canary"),
    RecursionError("canary"),
    TimeoutError("canary"),
    ConnectionRefusedError("canary"),
]


@pytest.mark.threat(4)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_trouble_is_temporary_and_its_reference_leads_to_the_log(
    fault: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        line = trouble(fault, "DATA")
    found = re.fullmatch(r"451 4\.3\.0 try again later, ref ([0-9A-F]{6})", line)
    assert found and found[1] in caplog.text
    assert type(fault).__name__ in caplog.text
    assert "canary" not in caplog.text or isinstance(fault, PosternError)  # those texts are our own


@pytest.mark.threat(87)
@pytest.mark.parametrize("fault", [NoRoom("full"), OSError(ENOSPC, "canary"), OSError(EDQUOT, "canary", "/var")])
def test_a_full_disk_is_told_as_such(fault: Exception) -> None:
    assert trouble(fault, "DATA") == "452 4.3.1 not enough room here, try again later"


def test_the_log_has_the_chain_of_causes_and_only_our_own_words(caplog: pytest.LogCaptureFixture) -> None:
    try:
        try:
            raise ValueError("canary of a customer")
        except ValueError as error:
            raise Temporary("the disk is full or failing") from error
    except Temporary as error:
        trouble(error, "pipe")
    assert re.search(r"Temporary \(the disk is full or failing\) at \S+:\d+; from ValueError at \S+:\d+", caplog.text)
    assert "canary" not in caplog.text
