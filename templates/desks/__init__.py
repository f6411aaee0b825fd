"""The five desks that ship, as text to be written into a new configuration."""

from __future__ import annotations

from importlib.resources import files


def shipped() -> tuple[str, ...]:
    """The names of the desks, in alphabetical order."""
    return tuple(sorted(f.name.removesuffix(".toml") for f in files(__name__).iterdir() if f.name.endswith(".toml")))


def desk_text(name: str, domain: str) -> str:
    """The desk file of that name with its mailboxes in a domain."""
    return (files(__name__) / f"{name}.toml").read_text(encoding="utf-8").replace("{domain}", domain)
