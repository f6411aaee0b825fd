"""What is broken of a desk's own templates, as whoever watches the gateway sees it (BR-07)."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest

from store import broken_templates
from store.clock import now
from tests.harness import Gateway


@pytest.mark.req("BR-07")
def test_a_template_counts_as_broken_until_somebody_has_changed_the_folder(
    any_gateway: Gateway, tmp_path: Path
) -> None:
    own = tmp_path / "own"
    file = own / "cc_copy" / "body.txt"
    file.parent.mkdir(parents=True)
    file.write_text("{{ mail.nothing }}", encoding="utf-8")
    config, met = any_gateway.config, now()
    desk = config.desks["hosting"].model_copy(update={"templates": str(own)})
    config.desks["hosting"] = desk

    def faults() -> list[str]:
        with any_gateway.store.read() as connection:
            return [state.fault for state in broken_templates.states(connection, config)]

    def changed(path: Path, ago: timedelta) -> None:
        for one in (own, file.parent, *([file] if file.exists() else ())):
            os.utime(one, (0, 0))
        os.utime(path, (0, (met - ago).timestamp()))

    changed(file, timedelta(minutes=1))
    assert faults() == []
    for line in (1, 1, 3):
        broken_templates.note(any_gateway.store, desk, None, f"{file}:{line}: UndefinedError", met)
    assert faults() == ["cc_copy/body.txt:1: UndefinedError", "cc_copy/body.txt:3: UndefinedError"]
    changed(file, -timedelta(minutes=1))
    assert faults() == []
    broken_templates.note(any_gateway.store, desk, None, f"{file}:2: UndefinedError", met + timedelta(minutes=2))
    assert faults() == ["cc_copy/body.txt:2: UndefinedError"]
    file.unlink()
    changed(file.parent, -timedelta(minutes=3))
    assert faults() == []
    changed(file.parent, timedelta(minutes=1))
    assert faults() == ["cc_copy/body.txt:2: UndefinedError"]
    config.desks["hosting"] = desk.model_copy(update={"templates": ""})
    assert faults() == []
