"""One connection of the SMTP door: coming, going, deadlines and lines, without a word of what they mean."""

from __future__ import annotations

import asyncio
import math
import ssl
from collections import defaultdict
from typing import TYPE_CHECKING, Protocol, cast

from aiosmtpd.smtp import SMTP, Envelope

from gateway.answers import Answer
from gateway.smtp_data import Content, Memory
from gateway.smtp_limits import COMMAND_LINE

if TYPE_CHECKING:
    from store.logins import Known

_LINGER = 5.0  # seconds a good-bye may take to be read
_BRIEF = 0.2  # the same where the place was given to another already: such connections are in no count


class Letter(Envelope):
    """The envelope with what this door adds: the declared size, the routes by desk and the content as it came."""

    def __init__(self, memory: Memory) -> None:
        super().__init__()
        self.declared_size = 0
        self.routes: dict[str, dict[str, None]] = {}
        self.body = Content(memory)


class Logins(Protocol):
    """Who may sign in."""

    async def sign_in(self, address: str, password: str, client: str) -> Known | Answer:
        """The person, or what else is said. Raises Temporary."""


class Host(Protocol):
    """What a conversation needs of its door, besides aiosmtpd's handle_EHLO, handle_MAIL, handle_RCPT, handle_DATA."""

    memory: Memory
    max_size: int
    data_timeout: float
    work_seconds: float
    conversations: set[Connection]
    logins: Logins | None

    @property
    def command_timeout(self) -> float:
        """Seconds to wait for a command."""

    def is_proxy(self, address: str) -> bool:
        """Whether a peer at this address says for whom it speaks."""

    def enter(self, address: str) -> Answer | None:
        """Takes a place for a peer; the refusal when there is none."""

    def leave(self, address: str) -> None:
        """Frees the place that `enter` gave."""

    def trouble(self, error: BaseException, where: str) -> str:
        """The reply to a fault of our own."""

    def before_data(self, letter: Letter) -> Answer | None:
        """A refusal before 354, or None."""


class Connection(SMTP):
    """One connection. `busy` while a message is being read or stored."""

    line_length_limit = 1 << 16  # of the stream's buffer; commands and DATA have their own limits

    def __init__(self, host: Host, name: str, tls: ssl.SSLContext | None, loop: asyncio.AbstractEventLoop) -> None:
        self._host = host
        self.busy = False
        self._leaving = False
        self.login: Known | None = None  # who has signed in
        self._mistakes = 0
        self._refusals = 0
        self._peer = ""
        self._inside = self._counted = self._proxied = False
        self._heard = 0.0
        self._deadline = self._armed = self._data_until = 0.0
        self._abort: asyncio.TimerHandle | None = None
        self.command_size_limits = defaultdict(lambda: COMMAND_LINE)  # aiosmtpd adds to a dictionary all share
        super().__init__(
            host,
            hostname=name,
            data_size_limit=None,  # SIZE is announced and checked by the door, with an enhanced code
            enable_SMTPUTF8=True,
            tls_context=tls,
            timeout=host.command_timeout,
            auth_exclude_mechanism=("PLAIN", "LOGIN"),
            loop=loop,
        )

    # --- the connection ------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        peer = transport.get_extra_info("peername")
        self._peer = str(peer[0]) if isinstance(peer, tuple) else ""
        self._proxied = self._host.is_proxy(self._peer)
        if self._proxied:
            self._peer = ""  # counted with nobody until it has said for whom it speaks
        refusal = self._host.enter(self._peer)
        if refusal:
            cast(asyncio.WriteTransport, transport).write(f"{refusal.line}\r\n".encode())
            transport.close()
            return
        self._inside = self._counted = True
        self._host.conversations.add(self)
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        if self._data_until:
            self._wait_until(min(self.loop.time() + self._host.command_timeout, self._data_until))
        super().data_received(data)

    def eof_received(self) -> bool | None:
        """A peer that only stops sending still gets its answers; aiosmtpd would cancel what it asked for."""
        asyncio.StreamReaderProtocol.eof_received(self)
        return self.session is None or self.session.ssl is None  # TLS has no half-closed state to keep

    def connection_lost(self, error: Exception | None) -> None:
        if self._inside:
            self._leave()
            super().connection_lost(error)

    def _move_to(self, secure: asyncio.Transport) -> None:
        """Goes on over TLS, as a new session."""
        plain = cast(asyncio.Transport, self._writer.transport)
        self.transport = self._transport = secure
        self._writer._transport = self._reader._transport = secure  # type: ignore[attr-defined]
        if self._reader._paused:  # type: ignore[attr-defined]  # it was full once, and held back the old end
            secure.pause_reading()
            plain.resume_reading()
        peer = self.session.peer if self.session else None  # whom a proxy named, else the other end
        self.session = self._create_session()
        self.session.peer = peer
        self.session.ssl = {"cipher": secure.get_extra_info("cipher")}
        self._set_rset_state()  # type: ignore[no-untyped-call]

    def _leave(self) -> None:
        if self._inside:
            self._inside = False
            self._free_place()
            self._host.conversations.discard(self)
            for timer in (self._timeout_handle, self._abort):
                if timer is not None:
                    timer.cancel()

    def stands_for(self, address: str) -> Answer | None:
        """The peer speaks for this address: it takes that one's place, or the refusal is returned."""
        self._free_place()
        self._peer = address
        refusal = self._host.enter(address)
        self._counted = refusal is None
        return refusal

    def say_goodbye(self, answer: Answer) -> None:
        """Ends the conversation now, or after the running message."""
        if self.busy:
            self._leaving = True
        elif self.transport is not None:
            self._hang_up(answer)

    def silent(self) -> float:
        """Seconds since its last command; 0 while a message is read or stored, and for one that is on its way out."""
        return 0.0 if self.busy or self._leaving else self.loop.time() - self._heard

    def give_way(self, answer: Answer) -> None:
        """Ends the conversation; its place is free at once."""
        self._hang_up(answer, _BRIEF)
        self._free_place()

    def _free_place(self) -> None:
        if self._counted:
            self._counted = False
            self._host.leave(self._peer)

    def abort(self) -> None:
        """Ends the connection at once, without a word."""
        self._writer.transport.abort()

    def _hang_up(self, answer: Answer | None = None, linger: float = _LINGER) -> None:
        self._leaving = True
        if answer is not None and not self._writer.is_closing():
            self._writer.write(f"{answer.line}\r\n".encode())
        self._writer.close()
        if self._inside and self._abort is None:  # close waits for a peer that does not read
            linger = min(linger, self._host.command_timeout)
            self._abort = self.loop.call_later(linger, self._writer.transport.abort)

    # --- deadlines -----------------------------------------------------------------------------------------------

    def _reset_timeout(self, duration: float | None = None) -> None:
        self._heard = self.loop.time()
        self._wait_until(self._heard + (duration or self._host.command_timeout))

    def _wait_until(self, moment: float) -> None:
        """Moves the deadline; the timer itself is only made anew when it would ring too late."""
        self._deadline = moment
        if self._timeout_handle is None or moment < self._armed:
            if self._timeout_handle is not None:
                self._timeout_handle.cancel()
            self._armed = moment
            self._timeout_handle = self.loop.call_at(moment, self._timeout_cb)

    def _timeout_cb(self) -> None:
        self._armed = math.inf
        if self.loop.time() < self._deadline:
            self._wait_until(self._deadline)
        elif self.transport is not None:
            self._hang_up(Answer.TIMEOUT)
            if self._handler_coroutine is not None:
                self._handler_coroutine.cancel()

    # --- lines ---------------------------------------------------------------------------------------------------

    async def _read_command(self) -> bytes | None:
        """The next line with its end; what is longer than the buffer is shortened to that. None at the end."""
        start = b""
        while True:
            try:
                line = await self._reader.readuntil(b"\n")
                return start + line if start else line
            except asyncio.LimitOverrunError as error:
                start = (await self._reader.read(error.consumed))[: COMMAND_LINE + 1]
            except asyncio.IncompleteReadError:
                return None

    async def push(self, status: str | bytes) -> None:
        reply = status.encode() if isinstance(status, str) else status
        self._refusals += reply.startswith(b"5")
        self._writer.write(reply + b"\r\n")
        await self._writer.drain()

    def _create_envelope(self) -> Letter:
        self._discard_content()
        return Letter(self._host.memory)

    def _discard_content(self) -> None:
        if isinstance(self.envelope, Letter):
            self.envelope.body.discard()
