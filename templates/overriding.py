"""A desk's own templates, in a folder beside the shipped ones: sandboxed, always escaped, read anew when one changes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from jinja2 import TemplateSyntaxError
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream
from jinja2.sandbox import ImmutableSandboxedEnvironment

Stamp = tuple[tuple[str, int, int], ...]


class AlwaysEscaped(Extension):
    """Refuses to turn the escaping of HTML off: customers choose most of what a mail shows (BR-07)."""

    def filter_stream(self, stream: TokenStream) -> Iterator[Token]:
        opened = False
        for token in stream:
            if opened and token.test("name:autoescape"):
                raise TemplateSyntaxError("HTML is always escaped", token.lineno, stream.name, stream.filename)
            opened = token.type == "block_begin"
            yield token


class OwnEnvironment(ImmutableSandboxedEnvironment):
    """For templates people of a desk have written: neither code of ours nor unescaped values are within their reach."""

    def __init__(self, **options: object) -> None:
        super().__init__(**options)
        self.add_extension(AlwaysEscaped)
        del self.filters["safe"]


def files(folder: Path) -> Iterator[Path]:
    """What lies in the folder and in the folders of its templates, hidden files aside. Raises OSError without one."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        yield from files(path) if path.is_dir() else [path]


def stamp(folder: Path) -> Stamp:
    """What changes with any of the files. Raises OSError when the folder cannot be read."""
    told = ((path, path.stat()) for path in files(folder))
    return tuple((str(path), status.st_mtime_ns, status.st_size) for path, status in told)
