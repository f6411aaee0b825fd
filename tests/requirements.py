"""Which requirement rows a test run has proved, written to `docs/requirements.md` after a whole run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parent.parent / "docs" / "requirements.md"
_ROW = re.compile(r"^\| ([A-Z]{1,2}-\d\d) \| (done|open) \| (.*?) \|$", re.MULTILINE)
_HEAD = """# Requirements and the tests that prove them

Written by the test run. A row is done when at least one test that names it ran and passed.

| id | state | tests |
| --- | --- | --- |
"""


def known_ids() -> list[str]:
    """Every requirement id, in the order of the page."""
    return [match[0] for match in _ROW.findall(PAGE.read_text(encoding="utf-8"))]


class Record:
    """Collects the rows named by tests that passed."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._proved: dict[str, set[str]] = {}
        self._unknown: set[str] = set()
        self._skipped = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for kind, value in report.user_properties:
            if kind == "req" and report.skipped:
                self._skipped = True
            elif kind == "req" and report.when == "call" and report.passed:
                name = report.nodeid.partition("[")[0].removeprefix("tests/")
                self._proved.setdefault(str(value), set()).add(name)

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        ids = known_ids()
        self._unknown = set(self._proved) - set(ids)
        if self._unknown:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        elif exitstatus == pytest.ExitCode.OK and self._is_whole_run():
            rows = [
                f"| {id_} | {'done' if id_ in self._proved else 'open'} | {'<br>'.join(sorted(self._proved.get(id_, ())))} |"
                for id_ in ids
            ]
            page = _HEAD + "\n".join(rows) + "\n"
            if page != PAGE.read_text(encoding="utf-8"):
                PAGE.write_text(page, encoding="utf-8")

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for id_ in sorted(self._unknown):
            terminalreporter.write_line(f"ERROR: a test names the requirement {id_}, which docs/requirements.md lacks")

    def _is_whole_run(self) -> bool:
        """Only a run of everything says what is open, with every part there; slow tests prove no rows of their own."""
        option = self._config.option
        chosen = option.keyword or getattr(option, "lf", False) or getattr(option, "deselect", None)
        whole = [Path(arg).resolve() for arg in self._config.args] == [PAGE.parent.parent / "tests"]
        return whole and not chosen and not self._skipped and option.markexpr in ("", "not slow")
