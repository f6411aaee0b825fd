"""Writes a first configuration: `postern.toml` with every setting explained, and the desk files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from store.errors import BadInput
from store.rules.desk import Desk, Files, Help, Labels, Mailbox, Notify
from store.settings import Settings
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
        path.chmod(0o600)  # passwords of relays and databases will stand there
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
        elif (listed := _listed(field)) is not None:
            lines += [f"# {field.description}; as often as needed", f"#[[{name}]]"]
            for key, inner in listed.model_fields.items():
                # No blank behind the mark: one needs all of these or none.
                lines += [f"# {inner.description}", f"#{key} = {'' if inner.is_required() else _toml(inner.default)}"]
            lines += [""]
        else:
            lines[2:2] = [f"# {field.description}", f"# {name} = {_toml(section)}", ""]
    return "\n".join(lines)


def settings_page() -> str:
    """The reference of all settings and desk keys, as Markdown."""
    desk: dict[str, type[BaseModel]] = {
        "": Desk,
        "labels": Labels,
        "help": Help,
        "notify": Notify,
        "files": Files,
        "[mailboxes]": Mailbox,
    }
    tables = [f"## `[{name}]`\n\n{_table(_model(field))}" for name, field in _sections()]
    for name, field in Settings.model_fields.items():
        if (listed := _listed(field)) is not None:
            tables += [f"## `[[{name}]]`\n\n{field.description}; as often as needed.\n\n{_table(listed)}"]
    parts = [f"### `[{name}]`\n\n{_table(model)}" if name else _table(model) for name, model in desk.items()]
    return (
        "# Settings\n\n`postern init DIR` writes `postern.toml` and a file for each desk. Each setting may also be given as an\n"
        "environment variable: `POSTERN_SMTP__LISTEN` for `[smtp] listen`. A wrong or unknown key stops the start and is\n"
        "named with its file and what was expected.\n\n"
        + "\n\n".join(tables)
        + f"\n\n`desks` (default `{Settings.model_fields['desks'].default}`): {Settings.model_fields['desks'].description}.\n\n"
        + "## A desk file, `desks/NAME.toml`\n\n"
        + "\n\n".join(parts)
        + "\n"
    )


def _sections() -> list[tuple[str, FieldInfo]]:
    return [(name, field) for name, field in Settings.model_fields.items() if isinstance(field.default, BaseModel)]


def _listed(field: FieldInfo) -> type[BaseModel] | None:
    """The model of a section that may be there several times."""
    inner = get_args(field.annotation)
    return inner[0] if field.default == () and inner and issubclass(inner[0], BaseModel) else None


def _model(field: FieldInfo) -> type[BaseModel]:
    assert isinstance(field.default, BaseModel)
    return field.default.__class__


def _table(model: type[BaseModel]) -> str:
    rows = [
        f"| `{name}` | {_shown(field)} | {field.description} |"
        for name, field in model.model_fields.items()
        if not isinstance(field.default, BaseModel)
    ]
    return "\n".join(["| key | default | meaning |", "| --- | --- | --- |", *rows])


def _shown(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    if field.default in (None, "", ()):
        return "none"
    if isinstance(field.default, tuple):
        return " ".join(f"`{item}`" for item in field.default)
    return f"`{str(field.default).lower() if isinstance(field.default, bool) else field.default}`"


def _toml(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return str(value) if isinstance(value, int | float) else f'"{value}"'
