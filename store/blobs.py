"""Bytes by their SHA-256, each written once and durable before anything refers to it (threats 49, 54)."""

from __future__ import annotations

import fcntl
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

from store import crash
from store.errors import NotFound, disk_trouble

_DRAFT = ".new-"  # how the name of a file begins that is being written
_LOCK = ".lock"
_RENEW = 600.0  # seconds after which bytes put again are made young again; much less than the age of what is swept
_SETTLING = 60.0  # seconds after which a file system has written a new name by itself


class Blobs:
    """A folder of content-addressed files, `ab/abcdef…`, mode 0600. It belongs to one installation."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, content: bytes, digest: str | None = None) -> str:
        """Writes the bytes, durable when it returns; the SHA-256 in hex.

        Bytes that are here already are made young again, so that `discard` leaves them to the caller. Raises NoRoom,
        DiskFailed after an I/O error (threats 87, 88), and OSError for any other trouble; nothing is left then.
        """
        digest = digest or sha256(content).hexdigest()
        with _sorted_errors():
            if not self._renew(digest, len(content)):
                self._write(content, self.path(digest))
        return digest

    def get(self, digest: str) -> bytes:
        """The bytes. Raises NotFound when the file is missing."""
        try:
            return self.path(digest).read_bytes()
        except FileNotFoundError:
            raise NotFound(f"the file {digest[:12]}… is missing from the store") from None

    def path(self, digest: str) -> Path:
        """Where the bytes lie; made of the digest alone, never of a sender's name."""
        if not _is_digest(digest):
            raise ValueError("not a SHA-256")
        return self.folder / digest[:2] / digest

    def shelves(self) -> Iterator[Path]:
        """The folders the files lie in, at most 256."""
        for number in range(256):
            shelf = self.folder / f"{number:02x}"
            if shelf.is_dir():
                yield shelf

    def old(self, shelf: Path, before: float) -> tuple[list[str], list[Path]]:
        """What nobody has put since a Unix time: the digests on one shelf, and drafts that were never finished."""
        digests, drafts = [], []
        with os.scandir(shelf) as entries:
            for entry in entries:
                if not (_is_digest(entry.name) or entry.name.startswith(_DRAFT)):
                    continue
                with suppress(FileNotFoundError):
                    if entry.stat(follow_symlinks=False).st_mtime < before:
                        if entry.name.startswith(_DRAFT):
                            drafts.append(Path(entry.path))
                        else:
                            digests.append(entry.name)
        return digests, drafts

    def discard(self, digest: str, before: float) -> bool:
        """Removes bytes nothing refers to, unless somebody has put them since; True when they are gone by this."""
        path = self.path(digest)
        with self._lock(fcntl.LOCK_EX), suppress(FileNotFoundError):
            if path.stat().st_mtime < before:
                path.unlink()
                return True
        return False

    def _renew(self, digest: str, size: int) -> bool:
        """True when the bytes are here; a file cut short by a crash is none."""
        path = self.path(digest)
        with self._lock(fcntl.LOCK_SH):
            try:
                found = path.stat()
                age = time.time() - found.st_mtime
                if found.st_size != size:
                    return False
                if age > _RENEW:
                    os.utime(path)
            except FileNotFoundError:
                return False
        if age < _SETTLING:  # whoever put them here may have died before its name was durable
            _sync_folder(path.parent)
        return True

    def _write(self, content: bytes, path: Path) -> None:
        if not path.parent.is_dir():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _sync_folder(self.folder)
        descriptor, draft = tempfile.mkstemp(prefix=_DRAFT, dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as out:
                out.write(content)
                out.flush()
                crash.point("D2")
                os.fsync(out.fileno())
            with self._lock(fcntl.LOCK_SH):
                os.replace(draft, path)
        except BaseException:
            Path(draft).unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)

    @contextmanager
    def _lock(self, kind: int) -> Iterator[None]:
        """Between looking at a file and acting on what was seen; never while bytes are written."""
        descriptor = os.open(self.folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, kind)
            yield
        finally:
            os.close(descriptor)


def _is_digest(name: str) -> bool:
    return len(name) == 64 and set(name) <= set("0123456789abcdef")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _sorted_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if trouble := disk_trouble(error):
            raise trouble from error
        raise
