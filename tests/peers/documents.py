"""The pages of docs/connect as tests read them: the blocks of a section, with ports and paths of the test put in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

FOLDER = Path(__file__).parent.parent.parent / "docs/connect"
_SECTION = re.compile(r"^## (.+)$", re.MULTILINE)
_BLOCK = re.compile(r"^```(\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Document:
    """One page, such as `postfix`; `put` is what of it becomes what in a test."""

    def __init__(self, name: str, put: Mapping[str, str] | None = None) -> None:
        text = (FOLDER / f"{name}.md").read_text()
        heads = list(_SECTION.finditer(text))
        ends = [*(head.start() for head in heads[1:]), len(text)]
        self._sections = {head[1]: text[head.end() : end] for head, end in zip(heads, ends, strict=True)}
        self._put = dict(put or {})

    def block(self, section: str, kind: str) -> str:
        """The blocks of a kind in a section, together; what is to be put in must be there, or the test tries another page."""
        found = "".join(text for named, text in _BLOCK.findall(self._sections[section]) if named == kind)
        assert found, f"no block {kind!r} in {section!r}"
        for old, new in self._put.items():
            found = found.replace(old, new)
        return found
