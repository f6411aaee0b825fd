"""The one SMTP client of all benchmarks: connections that send one prepared mail, waiting for every answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

from gateway.smtp import loop_factory

_ENVELOPE = (b"MAIL FROM:<sender@customer.test>\r\n", b"RCPT TO:<support@desk.test>\r\n", b"DATA\r\n")
_ANSWERS = (b"250", b"250", b"354", b"250")
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def send_all(port: int, mails: int, connections: int, content: bytes) -> float:
    """Sends the mail so many times over connections that are already open; the seconds until the last 250."""
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(_send_all(port, mails, connections, content))


async def _send_all(port: int, mails: int, connections: int, content: bytes) -> float:
    lines = (*_ENVELOPE, content + b".\r\n")
    opened = await asyncio.gather(*(_connect(port) for _ in range(connections)))
    turns = iter(range(mails))
    start = time.monotonic()
    await asyncio.gather(*(_send(streams, lines, turns) for streams in opened))
    seconds = time.monotonic() - start
    for _, writer in opened:
        writer.close()
    return seconds


async def _connect(port: int) -> Streams:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await _hear(reader, b"220")
    writer.write(b"EHLO client.test\r\n")
    await _hear(reader, b"250")
    return reader, writer


async def _send(streams: Streams, lines: tuple[bytes, ...], turns: Iterator[int]) -> None:
    reader, writer = streams
    for _ in turns:
        for line, expected in zip(lines, _ANSWERS, strict=True):
            writer.write(line)
            await _hear(reader, expected)


async def _hear(reader: asyncio.StreamReader, expected: bytes) -> None:
    while (line := await reader.readline())[3:4] == b"-":
        pass
    if not line.startswith(expected):
        raise RuntimeError(f"expected {expected.decode()}, got {line.decode()!r}")
