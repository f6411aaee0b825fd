"""The relay that writes mails into a maildir instead of sending them: demonstration, tests, looking first."""

from __future__ import annotations

import os
import re
import time
from hashlib import sha256
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING

from store.errors import Temporary
from workers.relay_address import wire_address

if TYPE_CHECKING:
    from workers.compose import Mail

_MESSAGE_ID = re.compile(rb"^message-id:\s*(\S+)", re.IGNORECASE | re.MULTILINE)
_ABANDONED = 36 * 3600  # seconds; what the maildir convention allows a writer


class MaildirRelay:
    """A maildir of one's own. A second copy of a mail takes the place of the first."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for part in (folder, folder / "tmp", folder / "new", folder / "cur"):
            part.mkdir(mode=0o700, parents=True, exist_ok=True)
        for draft in (folder / "tmp").iterdir():
            if draft.stat().st_mtime < time.time() - _ABANDONED:
                draft.unlink(missing_ok=True)

    def send(self, mail: Mail) -> str:
        """Writes the mail, durable when it returns, its envelope on top. Raises Permanent, Temporary (a full disk)."""
        sender = wire_address(mail.envelope_from) if mail.envelope_from else ""
        envelope = f"X-Envelope-From: <{sender}>\r\nX-Envelope-To: <{wire_address(mail.recipient)}>\r\n".encode()
        name = _name(mail.content)
        try:
            self._write(name, envelope + mail.content)
        except OSError as error:
            raise Temporary(f"{self.folder} cannot be written: {error.strerror}") from error
        return f"250 written to new/{name}"

    def close(self) -> None:
        """Nothing is held open."""

    def _write(self, name: str, content: bytes) -> None:
        draft = self.folder / "tmp" / f"{name}.{os.getpid()}.{token_hex(4)}"
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as out:
                out.write(content)
                out.flush()
                os.fsync(out.fileno())
            os.replace(draft, self.folder / "new" / name)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        descriptor = os.open(self.folder / "new", os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _name(content: bytes) -> str:
    head = content.partition(b"\r\n\r\n")[0]
    found = _MESSAGE_ID.search(head)
    return sha256(found[1] if found else content).hexdigest()[:32] + ".postern"
