"""What one SMTP conversation means: aiosmtpd's commands behind stricter checks, with the replies of our table.

aiosmtpd keeps HELO, EHLO, MAIL, RCPT, RSET, NOOP and QUIT; the loop, DATA, STARTTLS and what fails is here.
"""

from __future__ import annotations

import asyncio
import logging
import re
import ssl
from collections.abc import Sequence
from typing import Any, ClassVar

from aiosmtpd.proxy_protocol import get_proxy
from aiosmtpd.smtp import SMTP

from gateway import smtp_address
from gateway.answers import Answer, log
from gateway.smtp_connection import Connection, Letter
from gateway.smtp_data import Content, DataReader
from gateway.smtp_limits import BAD_COMMANDS, COMMAND_LINE, REFUSALS
from store.errors import describe

logging.getLogger("mail.log").setLevel(logging.ERROR)  # aiosmtpd logs each line of a peer there (threats 94)

_HTTP = re.compile(rb"(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|TRACE|CONNECT)[ \t]|.*HTTP/[0-9.]+\r?\n", re.DOTALL)
_CONTROLS = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_BLOCK = 1 << 18
_HANDSHAKE = 30.0
PROXY_SECONDS = 10.0  # in which a proxy says for whom it speaks


class Conversation(Connection):
    """The commands of one connection."""

    protocol = "ESMTP"
    extensions: ClassVar[tuple[str, ...]] = ("PIPELINING",)
    commands: ClassVar[Sequence[str]]

    def __dir__(self) -> Sequence[str]:
        return self.commands  # aiosmtpd looks for commands in all attributes at each connection, twice

    async def _handle_client(self) -> None:
        try:
            await self._converse()
        except (ConnectionError, ssl.SSLError):
            pass  # the peer went away; nothing it was promised is open
        except Exception as error:
            log.error("conversation failed: %s", describe(error))
        finally:
            self._discard_content()
            self._hang_up()

    async def _converse(self) -> None:
        if self._proxied and not await self._meet_client():
            return
        await self.push(f"220 {self.hostname} {self.protocol}")
        while not self._leaving:
            line = await self._read_command()
            if line is None:
                return
            self._reset_timeout()
            mistake = await self._run(line)
            if mistake:
                self._mistakes += mistake is not Answer.BARE_LF_COMMAND
                if self._mistakes >= BAD_COMMANDS:
                    return self._hang_up(Answer.TOO_MANY_MISTAKES)
                await self.push(mistake.line)
            if self._refusals >= REFUSALS:
                return self._hang_up(Answer.TOO_MANY_MISTAKES)
        if not self._writer.is_closing():
            self._hang_up(Answer.SHUTTING_DOWN)

    async def _meet_client(self) -> bool:
        """Reads for whom a proxy speaks (PROXY protocol, version 1 or 2); False when that is all there is to do."""
        assert self.session is not None
        self._reset_timeout(PROXY_SECONDS)
        try:
            told = await get_proxy(self._reader)
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return False  # a look whether the port is open
        if not told.valid:
            log.error("a proxy does not say for whom it speaks: %s", told.error)
            return False
        # LOCAL and UNKNOWN: the proxy itself wants to know whether we are there.
        own = self._writer.get_extra_info("peername")
        address = str(told.src_addr or own[0])
        self.session.peer = (address, told.src_port or own[1])  # type: ignore[assignment]  # aiosmtpd says str
        if refusal := self.stands_for(address):
            self._hang_up(refusal)
            return False
        self._reset_timeout()
        return True

    async def _run(self, line: bytes) -> Answer | None:
        """Carries out a command line; what is wrong with the line itself is returned."""
        if len(line) > COMMAND_LINE:
            return Answer.LINE_TOO_LONG
        if _HTTP.match(line):
            self._hang_up(Answer.NOT_HTTP)
            return None
        if not line.endswith(b"\r\n"):
            return Answer.BARE_LF_COMMAND
        line = line[:-2]
        if _CONTROLS.search(line):
            return Answer.CONTROL_CHARACTER
        word, _, rest = line.partition(b" ")
        method = self._smtp_methods.get(word.upper().decode("latin-1"))
        if method is None:
            return Answer.UNKNOWN_COMMAND
        try:
            await method(rest.strip().decode("utf-8", "surrogateescape") or None)
        except ConnectionError:
            raise
        except Exception as error:
            await self.push(self._host.trouble(error, "a command"))
            if self.busy:
                self._hang_up()  # inside the content: what follows is no command
        return None

    async def _call_handler_hook(self, command: str, *arguments: Any) -> Any:
        """A hook of the door; whatever goes wrong in it is our fault and temporary (threats 4)."""
        try:
            return await super()._call_handler_hook(command, *arguments)
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise  # the connection is gone; else something we waited for was cancelled
            return self._host.trouble(error, command)
        except Exception as error:
            return self._host.trouble(error, command)

    def _getaddr(self, arg: str) -> smtp_address.Parsed:
        return smtp_address.path(arg, super()._getaddr)

    def _getparams(self, params: Any) -> dict[str, str | bool] | None:
        found = smtp_address.parameters(params)
        if found is not None:
            found.pop("SIZE", None)  # the door's
        return found

    async def smtp_STARTTLS(self, arg: str | None) -> None:
        """RFC 3207: what came in clear after the command is thrown away and the conversation starts anew."""
        if self.tls_context is None:
            return await self.push(Answer.NO_TLS.line)
        if arg:
            return await self.push(Answer.NO_ARGUMENT.line)
        assert self.session is not None and self.transport is not None
        if self.session.ssl is not None:
            return await self.push(Answer.TLS_ALREADY.line)
        self.busy = True  # nobody ends us with a word in clear
        await self.push(Answer.START_TLS.line)
        self._reader._buffer.clear()  # type: ignore[attr-defined]
        plain = self._writer.transport
        try:
            secure = await self.loop.start_tls(
                plain, self, self.tls_context, server_side=True, ssl_handshake_timeout=_HANDSHAKE
            )
            if secure is None:
                raise ConnectionResetError
            self._move_to(secure)
            self.busy = False
        except BaseException as error:  # whatever it is: nothing is said in clear, or in the old state, behind the 220
            plain.abort()
            self._leave()  # no connection_lost comes from a handshake that failed
            if not isinstance(error, Exception):
                raise
            if not isinstance(error, OSError):  # else the peer's doing, not our trouble
                log.error("STARTTLS failed: %s", describe(error))
            raise ConnectionResetError from error

    async def smtp_DATA(self, arg: str | None) -> None:
        """RFC 5321 4.1.1.4."""
        if await self.check_helo_needed():
            return
        letter = self.envelope
        assert isinstance(letter, Letter)
        if not letter.rcpt_tos:
            return await self.push(Answer.NO_MAIL_YET.line)
        if arg:
            return await self.push(Answer.NO_ARGUMENT.line)
        refusal = self._host.before_data(letter)
        if refusal:
            return await self.push(refusal.line)
        self.busy = True
        await self.push(Answer.SEND_DATA.line)
        reader = await self._read_content(letter.body)
        if reader.flaw:
            status = reader.flaw.line
        elif reader.fault:
            status = self._host.trouble(reader.fault, "DATA")
        else:
            status = await self._call_handler_hook("DATA")
        self._set_post_data_state()  # type: ignore[no-untyped-call]
        self._reset_timeout()
        await self._answer(letter, status)
        self.busy = False

    async def _answer(self, letter: Letter, status: str) -> None:
        """Says what became of the content."""
        await self.push(status)

    async def _read_content(self, content: Content) -> DataReader:
        """Reads up to the end mark; what was sent behind it stays in the stream."""
        reader = DataReader(self._host.max_size, content)
        self._data_until = self.loop.time() + self._host.data_timeout
        self._wait_until(min(self.loop.time() + self._host.command_timeout, self._data_until))
        rest = None
        while rest is None:
            block = await self._reader.read(_BLOCK)
            if not block:
                raise ConnectionResetError  # the end before the dot: nothing was accepted
            rest = reader.feed(block)
        self._reader._buffer[:0] = rest  # type: ignore[attr-defined]
        self._data_until = 0.0
        self._reset_timeout(self._host.work_seconds + self._host.command_timeout)
        return reader

    async def smtp_BDAT(self, arg: str | None) -> None:
        """Not offered; its payload follows unasked and must not be read as commands (RFC 3030)."""
        await self.push(Answer.NOT_IMPLEMENTED.line)
        self._hang_up()

    async def smtp_VRFY(self, arg: str | None) -> None:
        await self.push(Answer.CANNOT_VERIFY.line)

    async def smtp_EXPN(self, arg: str | None) -> None:
        await self.push(Answer.NOT_IMPLEMENTED.line)

    async def smtp_AUTH(self, arg: str | None) -> None:
        await self.push(Answer.NOT_IMPLEMENTED.line)

    async def smtp_HELP(self, arg: str | None) -> None:
        await self.push(Answer.HELP.line)


Conversation.commands = [name for name in {*vars(SMTP), *vars(Conversation)} if name.startswith("smtp_")]
