"""Writes a first configuration: `postern.toml` with every setting explained, and the desk files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel

from store.config import Settings
from store.errors import BadInput
from templates.desks import desk_text, shipped


def write_configuration(folder: Path, desks: Sequence[str], domain: str) -> list[Path]:
    """Writes what is missing and returns it. Raises BadInput for an unknown desk, a bad domain or files that exist."""
    domain = domain.strip().lower().rstrip(".")
    if not domain or any(c in domain for c in "@ /\\"):
        raise BadInput(f"--domain: expected a mail domain such as example.com, got {domain!r}")
    for desk in desks:
        if desk not in shipped():
            raise BadInput(f"--desk: there is no desk {desk!r}; there are {', '.join(shipped())}")
    chosen = list(dict.fromkeys(desks)) or list(shipped())
    several = len(chosen) > 1
    files = {folder / "postern.toml": settings_text()}
    for desk in chosen:
        files[folder / "desks" / f"{desk}.toml"] = desk_text(desk, f"{desk}.{domain}" if several else domain)
    there = [path for path in files if path.exists()]
    if there:
        raise BadInput(f"{there[0]}: exists already and is never overwritten")
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return list(files)


def settings_text() -> str:
    """`postern.toml` with every key, its default and what it means, all commented out."""
    lines = ["# Postern. Every key is shown with its default; take the # away to change one.", ""]
    for name, field in Settings.model_fields.items():
        section = field.default
        if isinstance(section, BaseModel):
            lines += [f"[{name}]"]
            for key, inner in type(section).model_fields.items():
                lines += [f"# {inner.description}", f"# {key} = {_toml(inner.default)}"]
            lines += [""]
        else:
            lines[2:2] = [f"# {field.description}", f"# {name} = {_toml(section)}", ""]
    return "\n".join(lines)


def _toml(value: object) -> str:
    if value is None:
        return '""  # not set'
    return str(value) if isinstance(value, int | float) else f'"{value}"'
