"""A mail server that hands mail to the gateway: over and over until it hears 250, and logs what it heard."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from tests.crash.records import Sent

_PAUSE = 0.005  # seconds between attempts


@dataclass(frozen=True)
class Route:
    """The envelope: `recipients` are (address, desk)."""

    sender: str
    recipients: tuple[tuple[str, str], ...]
    lmtp: bool = False
    imap: bool = False  # it lies in a mailbox until it is fetched


class _Refused(Exception):
    pass


async def deliver(
    mail: Sent, route: Route, port: Callable[[bool], Awaitable[int]], sent: Callable[[], object], patience: int | None
) -> None:
    """Sends until all desks have said 250, or `patience` attempts failed. `port` waits for a door that listens."""
    attempts = 0
    while missing := [(address, desk) for address, desk in route.recipients if desk not in mail.accepted]:
        if attempts == patience:
            return
        attempts += 1
        try:
            await _attempt(await port(route.lmtp), mail, route, missing, sent)
        except _Refused as error:
            mail.refused = str(error)
            return
        except (OSError, asyncio.IncompleteReadError) as error:
            mail.answers.append(f"- {type(error).__name__}")
        await asyncio.sleep(_PAUSE)


async def _attempt(
    port: int, mail: Sent, route: Route, recipients: Sequence[tuple[str, str]], sent: Callable[[], object]
) -> None:
    """One conversation; what is heard after the dot goes into the log at once, whatever becomes of the connection.

    Raises OSError or IncompleteReadError when cut off.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    try:
        await _reply(reader, "220")
        await _say(writer, reader, "LHLO mx.test" if route.lmtp else "EHLO mx.test")
        await _say(writer, reader, f"MAIL FROM:<{route.sender}>")
        for address, _ in recipients:
            await _say(writer, reader, f"RCPT TO:<{address}>")
        await _say(writer, reader, "DATA", "354")
        writer.write((b"\r\n" + mail.raw).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n")
        mail.begun = True
        sent()
        desks = [{desk} for _, desk in recipients]
        for spoken_for in desks if route.lmtp else [set().union(*desks)]:
            answer = await _reply(reader)
            mail.answers.append(answer)
            if answer.startswith("250"):
                mail.accepted |= spoken_for
            elif answer.startswith("5"):
                raise _Refused(answer)
    finally:
        writer.close()


async def _say(writer: asyncio.StreamWriter, reader: asyncio.StreamReader, line: str, wanted: str = "250") -> None:
    writer.write(line.encode() + b"\r\n")
    await _reply(reader, wanted)


async def _reply(reader: asyncio.StreamReader, wanted: str = "") -> str:
    """The last line of a reply. Raises ConnectionError for a temporary refusal where another answer is wanted."""
    while True:
        line = (await reader.readuntil(b"\r\n")).decode().strip()
        if line[3:4] != "-":
            break
    if wanted and not line.startswith(wanted):
        raise (_Refused if line.startswith("5") else ConnectionError)(line)
    return line
