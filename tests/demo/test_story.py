"""The whole story against a real gateway."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.cli.demo import run


@pytest.mark.slow
def test_the_demo_ends_as_the_story_says_and_can_be_run_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert run(tmp_path / "demo", once=True) == 0, capsys.readouterr().out
    assert run(tmp_path / "demo", once=True) == 0, capsys.readouterr().out
