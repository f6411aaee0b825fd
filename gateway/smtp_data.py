"""The content of DATA: bytes in, in any pieces, one message out. No sockets; RFC 5321 4.1.1.4 and 4.5.2."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import IO

from gateway.answers import Answer

END = b"\r\n.\r\n"
_DOT = END[:3]
_LONE_CR = re.compile(rb"\r(?!\n)")
_WORTH_SPOOLING = 256 * 1024  # bytes; below this a file costs more than it frees


class Memory:
    """What all unfinished messages of a door may hold in memory together; beyond it they go on in unnamed files."""

    def __init__(self, limit: int, folder: Path) -> None:
        self.free = limit
        self.folder = folder


class Content:
    """What was read of one message so far."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._pieces: list[bytes] = []
        self._held = 0
        self._file: IO[bytes] | None = None
        self.size = 0

    @property
    def spooled(self) -> bool:
        """True when the message did not fit into the memory there was."""
        return self._file is not None

    def add(self, piece: bytes) -> None:
        """Appends. Raises OSError when it must go to a file and cannot."""
        self.size += len(piece)
        if self._file is None and len(piece) > self._memory.free and self.size > _WORTH_SPOOLING:
            # Any process may end here; a file without a name leaves nothing to sweep.
            self._file = tempfile.TemporaryFile(dir=self._memory.folder)  # noqa: SIM115
            self._file.writelines(self._pieces)
            self._forget()
        if self._file is not None:
            self._file.write(piece)
            return
        self._pieces.append(piece)
        self._held += len(piece)
        self._memory.free -= len(piece)

    def take(self) -> bytes:
        """The whole message, once. What it holds of the shared memory is given back by `discard`, when it is stored."""
        if self._file is not None:
            self._file.seek(0)
            whole = self._file.read()
            self._file.close()
        else:
            whole = b"".join(self._pieces)
            self._pieces.clear()
        return whole

    def discard(self) -> None:
        """Frees memory and file; may be called twice."""
        self._forget()
        if self._file is not None:
            self._file.close()

    def _forget(self) -> None:
        self._memory.free += self._held
        self._held = 0
        self._pieces.clear()


class DataReader:
    """Finds the end mark across pieces and undoes dot-stuffing once, while the pieces come in.

    Only CRLF.CRLF ends a message. A bare CR or LF makes it a refusal: no two servers agree on what it means, which is
    how one mail becomes two. Lines may be of any length, and any other byte is content, NUL too.
    """

    def __init__(self, limit: int, content: Content) -> None:
        self._limit = limit
        self._pending = END[:2]  # the CRLF of the DATA line counts: a dot may be the very first byte
        self._first = True
        self.content = content
        self.flaw: Answer | None = None
        self.fault: OSError | None = None  # ours: the content could not be kept

    def feed(self, block: bytes) -> bytes | None:
        """Takes the next bytes. None while the end is not there yet, then what came behind it. Raises nothing."""
        window = self._pending + block
        dots = window.rfind(_DOT) >= 0  # rare, and rfind is the fastest of the searches
        end = window.find(END) if dots else -1
        if end >= 0:
            self._pending = b""
            self._add(window[: end + 2], dots)
            return window[end + len(END) :]
        kept = next((n for n in (4, 3, 2, 1) if window.endswith(END[:n])), 0)
        self._pending = window[len(window) - kept :]
        self._add(window[: len(window) - kept], dots)
        return None

    def _add(self, piece: bytes, dots: bool) -> None:
        """Takes a piece that no end mark, CRLF or stuffed dot reaches out of."""
        if self.flaw is None and (_LONE_CR.search(piece) or piece.count(b"\r") != piece.count(b"\n")):
            self._refuse(Answer.BARE_CR_OR_LF)
        if dots:
            piece = piece.replace(_DOT, b"\r\n")
        if self._first and piece:
            piece, self._first = piece[2:], False
        if self.content.size + len(piece) > self._limit and self.flaw is not Answer.TOO_LARGE:
            self._refuse(Answer.TOO_LARGE)
        if self.flaw is None and self.fault is None:
            try:
                self.content.add(piece)
            except OSError as error:  # the end is looked for all the same, or content would be read as commands
                self.fault = error
                self.content.discard()

    def _refuse(self, flaw: Answer) -> None:
        """From here on the bytes are only counted past."""
        self.flaw = flaw
        self.content.discard()
