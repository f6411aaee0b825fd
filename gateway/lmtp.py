"""The LMTP door (RFC 2033) for a mail server beside us: the SMTP conversation with a reply for each recipient.

One mail is one journal transaction, whatever its recipients, so after the dot all of them get the same reply.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import socket
import ssl
from collections.abc import Callable
from errno import EADDRINUSE
from pathlib import Path

from gateway import smtp
from gateway.answers import Answer
from gateway.smtp_connection import Letter
from gateway.smtp_protocol import Conversation
from store import crash
from store.config import Config, host_and_port
from store.database import Store
from store.errors import ConfigError

_BARE = re.compile(r"(221|250|501|503|555) (?!\d\.)")
_ENHANCED = {"221": "2.0.0", "250": "2.0.0", "501": "5.5.4", "503": "5.5.1", "555": "5.5.4"}


class LmtpConversation(Conversation):
    """The commands of one LMTP connection."""

    protocol = "LMTP"
    extensions = (*Conversation.extensions, "ENHANCEDSTATUSCODES")
    commands = ("smtp_LHLO", *(name for name in Conversation.commands if name not in ("smtp_HELO", "smtp_EHLO")))

    async def smtp_LHLO(self, arg: str | None) -> None:
        """RFC 2033 4.1: means what EHLO means in SMTP."""
        if not arg:
            return await self.push(Answer.NO_NAME.line)
        await super().smtp_EHLO(arg)

    async def check_helo_needed(self, helo: str = "LHLO") -> bool:
        return bool(await super().check_helo_needed("LHLO"))

    async def push(self, status: str | bytes) -> None:
        """RFC 2033 5 wants enhanced codes (RFC 2034); aiosmtpd's own replies have none."""
        text = status if isinstance(status, str) else status.decode()
        if found := _BARE.match(text):
            text = f"{found[0]}{_ENHANCED[found[1]]} {text[found.end() :]}"
        await super().push(text)

    async def _answer(self, letter: Letter, status: str) -> None:
        """RFC 2033 4.2: one reply for each RCPT that was accepted, in order, also for an address given twice."""
        await self.push(status)
        if others := [status] * (len(letter.rcpt_tos) - 1):
            await asyncio.sleep(0)  # the first one is on its way
            crash.point("D6")
            await super().push("\r\n".join(others))


class LmtpDoor(smtp.Door):
    """The listener, on a port or a Unix socket. The limits are those of `[smtp]`."""

    kind = "lmtp"
    conversation = LmtpConversation

    def find(self, config: Config) -> tuple[str, int] | Path:
        """A value with a slash is the path of a socket, relative to the file's folder. Raises ConfigError."""
        listen = config.settings.lmtp.listen
        if not listen:
            raise ConfigError(f"{self._key}: is not set; expected HOST:PORT or the path of a Unix socket")
        return config.folder / listen if "/" in listen else host_and_port(listen, self._key)

    def tls(self, config: Config) -> ssl.SSLContext | None:
        """None: LMTP does not leave the machine or its private net (RFC 2033 3)."""
        return None

    async def listen(self, loop: asyncio.AbstractEventLoop, peer: Callable[[], Conversation]) -> asyncio.Server:
        """Opens the port, or the socket for its owner and group. Raises OSError."""
        if not isinstance(self.place, Path):
            return await super().listen(loop, peer)
        _remove_abandoned(self.place)
        with contextlib.ExitStack() as undo:
            sock = undo.enter_context(socket.socket(socket.AF_UNIX))
            sock.bind(str(self.place))
            self.place.chmod(0o660)  # nobody can connect before somebody listens
            server = await loop.create_unix_server(peer, sock=sock, backlog=smtp.BACKLOG)
            undo.pop_all()
        self._inode = self.place.stat().st_ino
        return server

    async def stop(self, grace: float = smtp.GRACE) -> None:
        """As the SMTP door, and takes the socket away unless another door has put its own there."""
        if isinstance(self.place, Path):
            with contextlib.suppress(OSError):
                if self.place.stat().st_ino == self._inode:
                    self.place.unlink()
        await super().stop(grace)


def _remove_abandoned(path: Path) -> None:
    """Takes a socket away on which nobody listens any more. Raises OSError when somebody does, or it is no socket."""
    if not path.is_socket():
        return
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise OSError(EADDRINUSE, os.strerror(EADDRINUSE))


def run(config: Config, store: Store, pulse: Callable[[], None] = lambda: None) -> None:
    """The door as a process of its own, as `gateway.smtp.run` does it. Raises ConfigError and DiskFailed."""
    smtp.run(config, store, pulse, LmtpDoor)
