"""Imports run one way, and what decides or reads mail reaches no I/O."""

from __future__ import annotations

from pathlib import Path

import pytest
from importlinter.cli import EXIT_STATUS_ERROR, EXIT_STATUS_SUCCESS, lint_imports

ROOT = Path(__file__).parent.parent


RULES = (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def lint(folder: Path, rules: str) -> int:
    (folder / "rules.toml").write_text(rules, encoding="utf-8")
    return lint_imports(config_filename=str(folder / "rules.toml"), no_cache=True)


def test_every_import_rule_holds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(ROOT)
    assert lint(tmp_path, RULES) == EXIT_STATUS_SUCCESS


def test_the_rules_notice_an_import_that_goes_the_wrong_way(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The check itself can fail: parsing may not import what deciding may."""
    monkeypatch.chdir(ROOT)
    assert lint(tmp_path, RULES.replace('"store.apply", ', '"store.apply", "store.rules.desk", ')) == EXIT_STATUS_ERROR


def test_no_file_in_the_rooms_is_longer_than_a_reader_can_hold() -> None:
    for room in ("gateway", "store", "workers", "templates"):
        for file in (ROOT / room).rglob("*.py"):
            if "migrations" in file.parts:
                continue
            lines = len(file.read_text(encoding="utf-8").splitlines())
            assert lines <= 270, f"{file.relative_to(ROOT)} has {lines} lines"
