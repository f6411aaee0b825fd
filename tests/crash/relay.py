"""The relay of a round: takes mail by SMTP, remembers every byte and moment, and misbehaves when told."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from tests.crash.records import Relayed

_MOST = 64 << 20  # bytes of a mail


@dataclass(frozen=True)
class Mood:
    """What the relay does to the n-th mail it is offered, from 1; `drop` takes it and hangs up without a word."""

    later: frozenset[int] = frozenset()  # 451 after the dot
    later_at_rcpt: frozenset[int] = frozenset()  # 451 to the recipient; counts recipients offered
    drop: frozenset[int] = frozenset()
    delay: float = 0.0  # seconds between the dot and the answer


class Relay:
    """Listens on a port of its own until closed."""

    def __init__(self, mood: Mood, arrived: Callable[[], object] = lambda: None) -> None:
        self.log: list[Relayed] = []
        self.port = 0
        self._mood, self._arrived = mood, arrived
        self._recipients = 0
        self._news = asyncio.Event()
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=_MOST)
        self.port = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        if self._server:
            self._server.close()

    async def mail(self, recipient: str, about: str, number: int) -> Relayed:
        """The n-th mail to a person in the thread of a Message-ID, as soon as it is there."""
        while True:
            news = self._news
            seen: dict[str, Relayed] = {}
            for mail in self.log:
                if mail.taken and mail.recipient == recipient and about in str(mail.head["References"]):
                    seen.setdefault(mail.message_id, mail)
            if len(seen) >= number:
                return list(seen.values())[number - 1]
            await news.wait()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await self._converse(reader, writer)
        writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 relay.test\r\n")
        sender = recipient = ""
        while line := await reader.readline():
            words = line.decode().strip()
            verb = words[:4].upper()
            if verb == "MAIL":
                sender = _path(words)
            elif verb == "RCPT":
                self._recipients += 1
                recipient = _path(words)
                if self._recipients in self._mood.later_at_rcpt:
                    writer.write(b"451 4.7.1 greylisted\r\n")
                    continue
            elif verb == "DATA":
                writer.write(b"354 go on\r\n")
                content = (await reader.readuntil(b"\r\n.\r\n"))[:-3].replace(b"\r\n..", b"\r\n.")
                if not await self._take(sender, recipient, content, writer):
                    return
                continue
            elif verb == "QUIT":
                writer.write(b"221 bye\r\n")
                return
            writer.write(b"250 relay.test\r\n" if verb == "EHLO" else b"250 ok\r\n")

    async def _take(self, sender: str, recipient: str, content: bytes, writer: asyncio.StreamWriter) -> bool:
        """Logs a mail and answers; False when the connection is to be cut."""
        number = len(self.log) + 1
        taken = number not in self._mood.later
        self.log.append(Relayed(time.time(), sender, recipient, content, taken))
        news, self._news = self._news, asyncio.Event()
        news.set()
        self._arrived()
        if number in self._mood.drop:
            return False
        if self._mood.delay:
            await asyncio.sleep(self._mood.delay)
        writer.write(b"250 taken\r\n" if taken else b"451 4.3.0 not now\r\n")
        return True


def _path(words: str) -> str:
    return words.partition("<")[2].partition(">")[0]
