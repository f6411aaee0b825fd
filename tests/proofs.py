"""What a test run has proved, written to `docs/requirements.md` and `docs/threats.md` after a whole run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.threats import THREATS

DOCS = Path(__file__).parent.parent / "docs"
REQUIREMENTS = DOCS / "requirements.md"
DANGERS = DOCS / "threats.md"
MARKS = ("req", "threat")
_ROW = re.compile(r"^\| ([A-Z]{1,2}-\d\d) \| (done|open) \| (.*?) \|$", re.MULTILINE)
_REQUIREMENTS_HEAD = """# Requirements and the tests that prove them

Written by the test run. A row is done when at least one test that names it ran and passed.

| id | state | tests |
| --- | --- | --- |
"""
_DANGERS_HEAD = """# What must never happen, and the tests that would notice

Written by the test run. The numbers stand in comments as "threats 34". A case without a test is not defended yet, or its
defence is not proved.

| case | what must hold | tests |
| --- | --- | --- |
"""

Proved = dict[str, set[str]]


def known_ids() -> list[str]:
    """Every requirement id, in the order of the page."""
    return [match[0] for match in _ROW.findall(REQUIREMENTS.read_text(encoding="utf-8"))]


class Record:
    """Collects what is named by tests that passed."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._proved: dict[str, Proved] = {mark: {} for mark in MARKS}
        self._unknown: set[str] = set()
        self._skipped = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for kind, value in report.user_properties:
            if kind in MARKS and report.skipped:
                self._skipped = True
            elif kind in MARKS and report.when == "call" and report.passed:
                name = report.nodeid.partition("[")[0].removeprefix("tests/")
                self._proved[kind].setdefault(str(value), set()).add(name)

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        named = set(self._proved["req"]) | set(self._proved["threat"])
        self._unknown = named - set(known_ids()) - {str(number) for number in THREATS}
        if self._unknown:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        elif exitstatus == pytest.ExitCode.OK and self._is_whole_run():
            _write(REQUIREMENTS, requirements_page(self._proved["req"]))
            _write(DANGERS, dangers_page(self._proved["threat"]))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for id_ in sorted(self._unknown):
            terminalreporter.write_line(f"ERROR: a test names {id_}, which is no row of the requirements or threats")

    def _is_whole_run(self) -> bool:
        """Only a run of everything says what is open, with every part there; slow tests prove no rows of their own."""
        option = self._config.option
        chosen = (
            option.collectonly or option.keyword or getattr(option, "lf", False) or getattr(option, "deselect", None)
        )
        whole = [Path(arg).resolve() for arg in self._config.args] == [DOCS.parent / "tests"]
        return whole and not chosen and not self._skipped and option.markexpr in ("", "not slow and not long")


def requirements_page(proved: Proved) -> str:
    """The page of the requirement rows."""
    rows = [f"| {id_} | {'done' if id_ in proved else 'open'} | {_tests(proved, id_)} |" for id_ in known_ids()]
    return _REQUIREMENTS_HEAD + "\n".join(rows) + "\n"


def dangers_page(proved: Proved) -> str:
    """The page of the threats."""
    rows = [f"| {number} | {told} | {_tests(proved, str(number))} |" for number, told in THREATS.items()]
    return _DANGERS_HEAD + "\n".join(rows) + "\n"


def _tests(proved: Proved, id_: str) -> str:
    return "<br>".join(sorted(proved.get(id_, ())))


def _write(page: Path, text: str) -> None:
    if not page.exists() or page.read_text(encoding="utf-8") != text:
        page.write_text(text, encoding="utf-8")
