"""Files as a mail names them, and where its reader fetches those that are too large to travel with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from store.file_links import FETCH, FileLink
from store.letters import Letter, LetterFile
from templates.contexts import FileLine
from templates.figures import size
from workers.mime import safe_filename


def file_lines(
    files: Iterable[LetterFile], language: str, links: Mapping[int, str] | None = None
) -> tuple[FileLine, ...]:
    """A line for each; `links`: by the number of their attachments."""
    return tuple(
        FileLine(safe_filename(file), size(file.size, language), (links or {}).get(file.id, "")) for file in files
    )  # fmt: skip


def fetch_links(letter: Letter, secret: bytes) -> dict[int, str]:
    """Where this reader fetches the files of a letter without signing in, by the number of the attachment."""
    site = str(letter.facts.get("site") or "")
    if letter.ticket_id is None or not site:
        return {}
    return {
        file.id: FileLink(FETCH, letter.person_id, file.id, letter.ticket_id, letter.created).address(site, secret)
        for file in letter.files
        if file.id
    }
