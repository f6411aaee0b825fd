"""What the documents say is what the program does."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli import app
from gateway.cli.setup import settings_page, settings_text
from gateway.cli.telling import telling_page
from gateway.decide import RULES
from store.settings import Settings

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"


@pytest.mark.parametrize(("name", "make"), [("settings", settings_page), ("telling", telling_page)])
def test_a_page_that_is_printed_is_up_to_date(name: str, make: Callable[[], str]) -> None:
    """POSTERN_GOLDEN=write makes it anew."""
    page = DOCS / f"{name}.md"
    if os.environ.get("POSTERN_GOLDEN") == "write":
        page.write_text(make(), encoding="utf-8")
    assert page.read_text(encoding="utf-8") == make()


def test_the_written_configuration_says_the_defaults() -> None:
    """With the comment marks taken from its settings the file means the same as an empty one."""
    spoken = re.sub(r"^# (?=[a-z_]+ = \S)", "", settings_text(), flags=re.MULTILINE)
    values = tomllib.loads(spoken)
    listed = {name for name, field in Settings.model_fields.items() if field.default == ()}
    assert set(values) == set(Settings.model_fields) - listed
    assert Settings(**values) == Settings()


def test_the_flow_page_names_every_rule_and_every_outcome() -> None:
    page = (DOCS / "flow.md").read_text(encoding="utf-8")
    for name, _judge, _reason in RULES:
        assert f"| {name} |" in page
    for outcome in ("new", "reply", "auto", "bounce", "command", "duplicate", "held", "refused", "dead"):
        assert f"| {outcome} |" in page


def test_every_command_has_a_help_text_and_stands_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    runner = CliRunner()
    groups = [("", app), *((f"{group.name} ", group.typer_instance) for group in app.registered_groups)]
    for group, command in ((name, one) for name, held in groups if held for one in held.registered_commands):
        assert command.callback is not None
        name = f"{group}{command.callback.__name__}"
        shown = runner.invoke(app, [*name.split(), "--help"])
        assert shown.exit_code == 0
        assert command.callback.__doc__ and command.callback.__doc__.splitlines()[0] in " ".join(shown.output.split())
        assert f"postern {name}" in readme, name


def test_the_lock_files_hold_hashes_and_no_addresses() -> None:
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert "://" not in text
        assert text.count("--hash=sha256:") > 50


@pytest.mark.parametrize("package", ["aiosmtpd", "mail-parser"])
@pytest.mark.threat(97)
def test_the_lock_file_is_never_below_the_safe_versions(package: str) -> None:
    floors = {"aiosmtpd": (1, 4, 6), "mail-parser": (4, 6, 2)}
    match = re.search(rf"^{package}==([\d.]+)", (ROOT / "requirements.lock").read_text(encoding="utf-8"), re.MULTILINE)
    assert match and tuple(map(int, match[1].split("."))) >= floors[package]
