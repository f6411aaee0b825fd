"""One honest fake per edge: a relay that remembers everything and fails when told, and a clock that stands still."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

HANG = "hang"  # no answer until the relay is stopped
DROP = "drop"  # the connection ends without an answer
STAGES = ("CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "dot")


@dataclass(frozen=True, slots=True)
class TakenMail:
    """A mail as it came in. `answer` is what the sender heard: 250…, a refusal, or HANG and DROP for nothing."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    connection: int
    options: tuple[str, ...]
    answer: str

    @property
    def message_id(self) -> str:
        return str(message_from_bytes(self.content)["Message-ID"])


@dataclass(slots=True)
class _Rule:
    stage: str
    answer: str
    left: int
    to: str | None


class FakeRelay:
    """A real SMTP server on a free port of 127.0.0.1; a context manager.

    It takes each mail with 250 but for what `script` told it, and refuses a bare LF or a line of more than 998 bytes
    with 550. `tls` offers STARTTLS, `implicit` speaks TLS from the first byte. It may be stopped and started again.
    """

    def __init__(
        self,
        tls: ssl.SSLContext | None = None,
        implicit: ssl.SSLContext | None = None,
        login: tuple[str, str] | None = None,
        smtputf8: bool = True,
        size: int = 40 << 20,
        without: tuple[str, ...] = (),
        accept: Callable[[TakenMail], None] = lambda mail: None,
    ) -> None:
        self.host, self.port = "127.0.0.1", _free_port()
        self.heard: list[TakenMail] = []
        self.commands: list[tuple[int, str]] = []
        self.connections = 0
        self.tls, self.implicit, self.login = tls, implicit, login
        self.smtputf8, self.size, self.without, self._accept = smtputf8, size, without, accept
        self._rules: list[_Rule] = []
        self._lock = threading.Lock()
        self._running: _Loop | None = None

    @property
    def mails(self) -> list[TakenMail]:
        """What the relay has kept: all it said 250 to, and what it stored before it fell silent."""
        with self._lock:
            return [mail for mail in self.heard if mail.answer.startswith("250") or mail.answer in (HANG, DROP)]

    def verbs(self, connection: int | None = None) -> list[str]:
        """The commands heard, of one connection (from 1) or of all."""
        with self._lock:
            return [verb for number, verb in self.commands if connection in (None, number)]

    def script(self, stage: str, answer: str, times: int = 1, to: str | None = None) -> None:
        """The next `times` passings of a stage get this answer (a reply line, HANG or DROP); rules are used in order.

        `to` limits it to one recipient, from RCPT on. HANG and DROP at `dot` come after the mail is stored.
        """
        assert stage in STAGES
        with self._lock:
            self._rules.append(_Rule(stage, answer, times, to))

    def url(self, query: str = "") -> str:
        return f"smtp{'s' if self.implicit else ''}://{self.host}:{self.port}{query}"

    def start(self) -> FakeRelay:
        self._running = _Loop(self)
        return self

    def stop(self) -> None:
        """Closes the port and cuts every connection."""
        if self._running is not None:
            self._running.stop()
            self._running = None

    def __enter__(self) -> FakeRelay:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def wait(self, count: int, seconds: float = 30) -> list[TakenMail]:
        """The mails kept, once there are `count`; fails the test when that takes longer."""
        until(lambda: len(self.mails) >= count, seconds, lambda: f"{len(self.mails)} mails of {count}")
        return self.mails

    def answer(self, stage: str, recipients: tuple[str, ...] = ()) -> str | None:
        """What the script says at this passing."""
        with self._lock:
            for rule in self._rules:
                if rule.stage == stage and rule.left and (rule.to is None or rule.to in recipients):
                    rule.left -= 1
                    return rule.answer
        return None

    def note(self, connection: int, verb: str) -> None:
        with self._lock:
            self.commands.append((connection, verb))

    def keep(self, mail: TakenMail) -> None:
        with self._lock:
            self.heard.append(mail)
        self._accept(mail)

    def opened(self) -> int:
        with self._lock:
            self.connections += 1
            return self.connections


class _Loop:
    """The event loop of a running relay, in a thread of its own."""

    def __init__(self, relay: FakeRelay) -> None:
        self.relay, self.handler = relay, _Handler(relay)
        self.open: set[_Server] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fake relay", daemon=True)
        self._thread.start()
        self._server: asyncio.Server = self._run(
            self._loop.create_server(self._accept, relay.host, relay.port, ssl=relay.implicit)
        )

    def stop(self) -> None:
        """Closes the port and cuts every connection."""
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _accept(self) -> SMTP:
        relay = self.relay
        login = {"authenticator": _authenticator(relay.login), "auth_required": True} if relay.login else {}
        server = _Server(
            self.handler, enable_SMTPUTF8=relay.smtputf8, tls_context=relay.tls, hostname="relay.test", loop=self._loop,
            data_size_limit=relay.size, auth_require_tls=False, **login,
        )  # fmt: skip
        server.relay, server.number, server.running = relay, relay.opened(), self
        return server

    async def _end(self) -> None:
        self._server.close()
        for server in list(self.open):
            server.drop()
        mine = asyncio.current_task()
        others = [task for task in asyncio.all_tasks() if task is not mine]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _run(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)


class _Server(SMTP):  # type: ignore[misc]
    line_length_limit = 1 << 20  # we judge the length ourselves
    relay: FakeRelay
    number: int
    running: _Loop

    def drop(self) -> None:
        if self.transport is not None:
            self.transport.abort()

    async def _handle_client(self) -> None:
        self.running.open.add(self)
        try:
            answer = self.relay.answer("CONNECT")
            if answer is None:
                await super()._handle_client()
            elif await self.scripted(answer) is not None:
                self.transport.close()
        finally:
            self.running.open.discard(self)

    async def scripted(self, answer: str) -> str:
        """Says a scripted answer, or hangs or drops. Never returns from the latter two."""
        if answer in (HANG, DROP):
            if answer == DROP:
                self.drop()
            await asyncio.Event().wait()
        await self.push(answer)
        return answer

    async def smtp_DATA(self, arg: str) -> None:
        self.relay.note(self.number, "DATA")
        answer = self.relay.answer("DATA", tuple(self.envelope.rcpt_tos))
        if answer is None:
            await super().smtp_DATA(arg)
        else:
            await self.scripted(answer)

    async def smtp_RSET(self, arg: str) -> None:
        self.relay.note(self.number, "RSET")
        await super().smtp_RSET(arg)

    async def smtp_AUTH(self, arg: str) -> None:
        self.relay.note(self.number, "AUTH")
        await super().smtp_AUTH(arg)


class _Handler:
    def __init__(self, relay: FakeRelay) -> None:
        self._relay = relay

    async def handle_EHLO(
        self, server: _Server, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        self._relay.note(server.number, "EHLO")
        session.host_name = hostname
        if answer := await self._stage(server, "EHLO"):
            return [answer]
        return [line for line in responses if not line[4:].startswith(self._relay.without or ("-",))]

    async def handle_MAIL(
        self, server: _Server, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self._relay.note(server.number, "MAIL")
        if answer := await self._stage(server, "MAIL"):
            return answer
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 sender ok"

    async def handle_RCPT(
        self, server: _Server, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self._relay.note(server.number, "RCPT")
        if answer := await self._stage(server, "RCPT", (address,)):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 recipient ok"

    async def handle_DATA(self, server: _Server, session: Session, envelope: Envelope) -> str:
        content, recipients = bytes(envelope.original_content), tuple(envelope.rcpt_tos)
        answer = self._relay.answer("dot", recipients) or _fault(content) or "250 2.0.0 taken"
        options = tuple(str(option) for option in envelope.mail_options)
        sender = "" if envelope.mail_from == "<>" else envelope.mail_from
        self._relay.keep(TakenMail(sender, recipients, content, server.number, options, answer))
        if answer in (HANG, DROP):
            await server.scripted(answer)
        return answer

    async def _stage(self, server: _Server, stage: str, recipients: tuple[str, ...] = ()) -> str | None:
        answer = self._relay.answer(stage, recipients)
        if answer in (HANG, DROP):
            await server.scripted(answer)
        return answer


def _fault(content: bytes) -> str | None:
    if re.search(rb"(?<!\r)\n|\r(?!\n)", content):
        return "550 5.6.0 bare LF or CR"
    if any(len(line) > 998 for line in content.split(b"\r\n")):
        return "550 5.6.0 line longer than 998"
    return None


def _authenticator(login: tuple[str, str]) -> Callable[..., AuthResult]:
    expected = tuple(part.encode() for part in login)

    def check(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=(data.login, data.password) == expected, handled=False)

    return check


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(fact: Callable[[], bool], seconds: float = 30, say: Callable[[], str] = lambda: "") -> None:
    """Waits for a fact; AssertionError with what `say` knows when it does not come true in time."""
    end = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < end, f"not within {seconds} s: {say()}"
        time.sleep(0.02)


class Clock:
    """A clock that moves only when told. Call it for the time; see `store.clock`."""

    def __init__(self, start: datetime = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)) -> None:
        self._now = start

    def __call__(self) -> datetime:
        return self._now

    def advance(self, **parts: float) -> datetime:
        """Moves on, `advance(hours=1)`; the new time."""
        self._now += timedelta(**parts)
        return self._now


def fair(seconds: float) -> float:
    """So many seconds, and as many times more as this machine has work for more processors than it has."""
    return seconds * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
