"""Bytes by their SHA-256, each written once and durable before anything refers to it (threats 49, 54)."""

from __future__ import annotations

import os
import tempfile
from hashlib import sha256
from pathlib import Path

from store import crash
from store.errors import NotFound


class Blobs:
    """A folder of content-addressed files, `ab/abcdef…`, mode 0600."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, content: bytes, digest: str | None = None) -> str:
        """Writes the bytes, durable when it returns; the SHA-256 in hex. Raises OSError (a full disk, say)."""
        digest = digest or sha256(content).hexdigest()
        path = self.path(digest)
        if path.exists() and path.stat().st_size == len(content):
            return digest
        if not path.parent.is_dir():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _sync_folder(self.folder)
        descriptor, draft = tempfile.mkstemp(prefix=".new-", dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as out:
                out.write(content)
                out.flush()
                crash.point("D2")
                os.fsync(out.fileno())
            os.replace(draft, path)
        except BaseException:
            Path(draft).unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)
        return digest

    def get(self, digest: str) -> bytes:
        """The bytes. Raises NotFound when the file is missing."""
        try:
            return self.path(digest).read_bytes()
        except FileNotFoundError:
            raise NotFound(f"the file {digest[:12]}… is missing from the store") from None

    def path(self, digest: str) -> Path:
        """Where the bytes lie; made of the digest alone, never of a sender's name."""
        if len(digest) != 64 or not set(digest) <= set("0123456789abcdef"):
            raise ValueError("not a SHA-256")
        return self.folder / digest[:2] / digest


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
