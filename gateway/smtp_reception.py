"""What the SMTP door answers at each step: aiosmtpd's hooks over the address book and the journal."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Protocol

from aiosmtpd.smtp import Session

from gateway.answers import NOT_OURS, Answer, log, trouble
from gateway.dnsbl import Blocklists
from gateway.networks import is_in
from gateway.smtp_address import fits, is_text, without_route
from gateway.smtp_connection import Connection, Letter, Logins
from gateway.smtp_data import Memory
from gateway.smtp_limits import HOPS, RECIPIENTS, SILENT, STRESS, Guests, free_bytes, hops, room_for
from gateway.smtp_login import MECHANISMS, writes_as_themselves
from store import clock, crash
from store.config import Config
from store.errors import DiskFailed, disk_trouble
from store.journal import SUBMISSION, Incoming
from store.rules.addressing import NotOurs, normalise

WORK = 30.0  # seconds for our own work after the dot; the peer waits 10 minutes (RFC 5321 4.5.3.2.6)
_MEMORY = 64 << 20


class Writer(Protocol):
    """The journal's writing end."""

    def submit(self, incoming: Incoming) -> Future[tuple[int, ...]]:
        """Queues a message; the future gives its ids once it is durable."""


class Reception:
    """One for all conversations of a door, by whose name (`smtp`, `lmtp`) the journal knows it.

    `logins`: by which staff may sign in; `free` tells the bytes left on the disk; `at_failure` is called once when the disk
    has failed, see `failure`.
    """

    def __init__(
        self,
        config: Config,
        journal: Writer,
        *,
        door: str,
        name: str,
        tls: bool,
        free: Callable[[], int] | None = None,
        work_seconds: float = WORK,
        at_failure: Callable[[], object] = lambda: None,
        logins: Logins | None = None,
    ) -> None:
        settings = config.settings.smtp
        self.logins = logins
        self._proxies = settings.proxies if door == "smtp" else ()
        self.lists: Blocklists | None = None
        if settings.dnsbl and door == "smtp":
            self.lists = Blocklists(settings.dnsbl, config.settings.auth.relays)
        self.guests = Guests(settings.max_connections, settings.max_per_client)
        self.memory = Memory(_MEMORY, config.data)
        self.max_size = settings.max_size
        self.data_timeout = settings.data_timeout
        self.work_seconds = work_seconds
        self.conversations: set[Connection] = set()
        self.failure: DiskFailed | None = None
        self._command_timeout = settings.command_timeout
        self._at_failure = at_failure
        self._door = door
        self._name = name
        self._tls = tls
        self._addresses = config.addresses
        self._journal = journal
        self._free = free or (lambda: free_bytes(config.data))
        self._spooled = asyncio.Semaphore(2)  # large messages are read back into memory this many at a time

    @property
    def command_timeout(self) -> float:
        """Seconds to wait for a command: a minute at most while the door is crowded (threats 18)."""
        return min(self._command_timeout, STRESS) if self.guests.crowded else self._command_timeout

    def is_proxy(self, address: str) -> bool:
        """Whether a peer at this address says for whom it speaks."""
        return bool(self._proxies) and is_in(address, self._proxies)

    def enter(self, address: str) -> Answer | None:
        """Takes a place; at a full door that of the peer that has been silent longest, if it has been for a while."""
        if self.guests.full and not self.guests.has_share(address):
            slowest = max(self.conversations, key=Connection.silent, default=None)
            if slowest is not None and slowest.silent() > SILENT:
                slowest.give_way(Answer.TOO_MANY_CONNECTIONS)
        return self.guests.enter(address)

    def leave(self, address: str) -> None:
        """Frees a place."""
        self.guests.leave(address)

    def trouble(self, error: BaseException, where: str) -> str:
        """The reply to a fault of our own. A disk that failed is the last one: the door must close (threats 88)."""
        if isinstance(disk_trouble(error), DiskFailed) and self.failure is None:
            self.failure = DiskFailed("the disk has failed, so this door ends; it may be started again")
            self.failure.__cause__ = error
            self._at_failure()
        return trouble(error, where)

    async def handle_EHLO(self, server: Any, session: Session, letter: Letter, name: str, _: list[str]) -> list[str]:
        """The extensions, as one write."""
        session.host_name = name
        offered = [*server.extensions, f"SIZE {self.max_size}", "8BITMIME", "SMTPUTF8"]
        if self._tls and session.ssl is None:
            offered.append("STARTTLS")
        if self.logins and session.ssl is not None:
            offered.append(MECHANISMS)
        lines = [self._name, *offered, "HELP"]
        return ["\r\n".join([f"250-{line}" for line in lines[:-1]] + [f"250 {lines[-1]}"])]

    async def handle_MAIL(self, server: Any, session: Session, letter: Letter, address: str, options: list[str]) -> str:
        """Checks the reverse path and SIZE (RFC 1870)."""
        size = next((o.partition("=")[2] for o in options if o == "SIZE" or o.startswith("SIZE=")), "0")
        if not (size.isascii() and size.isdigit() and len(size) <= 20):  # RFC 1870 4
            return Answer.BAD_PARAMETER.line
        if int(size) > self.max_size:
            return Answer.TOO_LARGE.line
        if refusal := _unfit(address, letter):
            return refusal.line
        if server.login and normalise(address) not in server.login.addresses:
            return Answer.NOT_YOURS.line
        letter.declared_size = int(size)
        letter.mail_from = without_route(address)
        letter.mail_options.extend(options)
        return Answer.SENDER_OK.line

    async def handle_RCPT(self, server: Any, session: Session, letter: Letter, address: str, options: list[str]) -> str:
        """Finds the mailbox; an address given twice is one recipient of its desk."""
        if len(letter.rcpt_tos) >= RECIPIENTS:
            return Answer.TOO_MANY_RECIPIENTS.line
        if refusal := _unfit(address, letter):
            return refusal.line
        place = self._addresses.locate(address)
        if isinstance(place, NotOurs):
            return NOT_OURS[place].line
        if self.lists and not server.login and session.peer and (found := await self.lists.find(session.peer[0])):
            return Answer.LISTED.about(found)
        letter.routes.setdefault(place.desk, {})[normalise(address)] = None
        letter.rcpt_tos.append(address)
        return Answer.RECIPIENT_OK.line

    def before_data(self, letter: Letter) -> Answer | None:
        """Refuses while nothing has been sent yet: a disk that is nearly full (threats 75)."""
        return None if room_for(letter.declared_size, self._free()) else Answer.DISK_FULL

    async def handle_DATA(self, server: Any, session: Session, letter: Letter) -> str:
        """The message was read whole: into the journal with it. A peer that left meanwhile stops nothing.

        Raises TimeoutError after `work_seconds`: nothing is written then, unless the commit had begun. That one goes on
        to its end, and when the sender tries again the filer finds a duplicate (see `JournalWriter`).
        """
        crash.point("D1")
        turn = self._spooled if letter.body.spooled else contextlib.nullcontext()
        future: Future[tuple[int, ...]] | None = None
        try:
            async with asyncio.timeout(self.work_seconds), turn:
                raw = letter.body.take()
                if hops(raw) > HOPS:
                    log.warning("mail loop refused, from %s", session.peer)
                    return Answer.LOOP.line
                if server.login and not writes_as_themselves(raw, server.login):
                    return Answer.NOT_YOURS.line
                future = self._journal.submit(self._incoming(session, letter, raw, server.login is not None))
                del raw
                await _settled(future)
        except TimeoutError:
            if future is not None:
                future.cancel()
            raise
        ids = future.result()
        crash.point("D5")
        return Answer.ACCEPTED.about(",".join(str(id_) for id_ in ids))

    def _incoming(self, session: Session, letter: Letter, raw: bytes, signed_in: bool) -> Incoming:
        return Incoming(
            door=SUBMISSION if signed_in else self._door,
            at=clock.now(),
            sender="" if letter.mail_from in (None, "<>") else str(letter.mail_from),
            routes=tuple((desk, tuple(addresses)) for desk, addresses in letter.routes.items()),
            raw=raw,
            peer=str(session.peer[0]) if isinstance(session.peer, tuple) else "",  # a Unix socket has none
            helo=_printable(session.host_name or ""),
        )


async def _settled(future: Future[tuple[int, ...]]) -> None:
    """Waits until the future is done. Cancelling us leaves it alone: a commit goes on without its sender."""
    loop = asyncio.get_running_loop()
    settled: asyncio.Future[None] = loop.create_future()

    def wake() -> None:
        if not settled.done():
            settled.set_result(None)

    def tell(_: Future[tuple[int, ...]]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(wake)

    future.add_done_callback(tell)
    await settled


def _unfit(address: str, letter: Letter) -> Answer | None:
    if not address.isascii() and not (letter.smtp_utf8 and is_text(address)):
        return Answer.NEEDS_SMTPUTF8
    return None if fits(address) else Answer.BAD_ADDRESS


def _printable(name: str) -> str:
    """The name of EHLO as it may be stored and shown; peers send anything."""
    return name.encode("utf-8", "replace").decode()[:255]
