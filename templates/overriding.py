"""A desk's own templates, in a folder beside the shipped ones: sandboxed, always escaped, bounded, read anew when one changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from jinja2 import TemplateSyntaxError, nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment, safe_range

from templates.budget import spend

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


class _Counting(CodeGenerator):
    """Has the environment look on where a template repeats itself or joins texts."""

    def visit_For(self, node: nodes.For, frame: Frame) -> None:
        line = node.iter.lineno
        counted = nodes.EnvironmentAttribute("counted", lineno=line)
        node.iter = nodes.Call(counted, [node.iter], [], None, None, lineno=line)
        super().visit_For(node, frame)

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:
        self.write("environment.measured(")
        super().visit_Concat(node, frame)
        self.write(")")


class OwnEnvironment(ImmutableSandboxedEnvironment):
    """For templates people of a desk have written: neither code of ours nor unescaped values are within their reach.

    Whatever repeats, writes or multiplies is counted, so that none keeps a worker for ever: raises EndlessTemplate within
    a `budget`.
    """

    code_generator_class = _Counting
    intercepted_binops = frozenset({"*", "**", "+"})

    def __init__(self, **options: Any) -> None:
        super().__init__(finalize=self.measured, **options)
        self.add_extension(AlwaysEscaped)
        del self.filters["safe"], self.globals["lipsum"]
        self.globals["range"] = _range

    def counted(self, values: Iterable[Any]) -> Iterator[Any]:
        """What a loop goes through."""
        for value in values:
            spend(steps=1)
            yield value

    def measured(self, value: Any) -> Any:
        """What is written or was joined."""
        if isinstance(value, str):
            spend(signs=len(value))
        return value

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:
        """A call of a macro, a block, a method or a function."""
        spend(steps=1)
        return __self.measured(super().call(__context, __obj, *args, **kwargs))

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """An operation whose result may be much larger than what it is made of; asked before it is done."""
        spend(signs=_size_of(operator, left, right))
        return super().call_binop(context, operator, left, right)

    def join_path(self, template: str, parent: str) -> str:
        """The name of a file that another one takes in."""
        spend(steps=1)
        return super().join_path(template, parent)


def _range(*bounds: int) -> range:
    """As in a sandbox, and counted whole: filters go through it without a loop."""
    values = safe_range(*bounds)
    spend(steps=len(values))
    return values


def _size_of(operator: str, left: Any, right: Any) -> int:
    """Signs or bits of a result, about."""
    if isinstance(left, int) and isinstance(right, int):
        return left.bit_length() * max(right, 1) if operator == "**" else left.bit_length() + right.bit_length()
    sizes = [len(one) if hasattr(one, "__len__") else 0 for one in (left, right)]
    numbers = [one for one in (left, right) if isinstance(one, int)]
    return sum(sizes) * max(0, max(numbers, default=1)) if operator == "*" else sum(sizes)


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
