"""A door as a listener, here the SMTP one: opens, runs until it is told to stop, and lets running messages end (threats A)."""

from __future__ import annotations

import asyncio
import re
import signal
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import aiosmtpd

from gateway.answers import Answer, log
from gateway.smtp_login import Logins, SigningConversation, logins_of
from gateway.smtp_protocol import Conversation
from gateway.smtp_reception import WORK, Reception, Writer
from store.config import Config, host_and_port
from store.database import Store
from store.errors import ConfigError
from store.journal_writer import JournalWriter

GRACE = 20.0  # seconds for running messages at the end
BRIEF = 3.0  # the same where none of them can be stored any more
BACKLOG = 1024  # connections that wait to be accepted
_OLDEST_AIOSMTPD = (1, 4, 6)  # before: smuggling and STARTTLS injection (CVE-2024-27305, CVE-2024-34083)


class Door:
    """The listener. `journal`, `free` and `work_seconds` may be given by a test; `at_failure` see `Reception`."""

    kind = "smtp"
    conversation: type[Conversation] = SigningConversation

    def __init__(
        self,
        config: Config,
        journal: Writer,
        *,
        free: Callable[[], int] | None = None,
        work_seconds: float = WORK,
        at_failure: Callable[[], object] = lambda: None,
        logins: Logins | None = None,
    ) -> None:
        check_library(aiosmtpd.__version__)
        self._config = config
        self._key = f"{config.file}: {self.kind}.listen"
        self.place = self.find(config)
        self._tls = self.tls(config)
        self._name = re.sub(r"[^A-Za-z0-9.-]", "-", socket.gethostname()) or "localhost"
        self.reception = Reception(
            config, journal, door=self.kind, name=self._name, tls=self._tls is not None, free=free,
            work_seconds=work_seconds, at_failure=at_failure, logins=logins,
        )  # fmt: skip
        self._server: asyncio.Server | None = None

    def find(self, config: Config) -> tuple[str, int] | Path:
        """Where to listen. Raises ConfigError."""
        return host_and_port(config.settings.smtp.listen, self._key)

    def tls(self, config: Config) -> ssl.SSLContext | None:
        """What STARTTLS needs, None where it is not offered. Raises ConfigError."""
        return tls_context(config)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port listened on; the real port where 0 was asked for."""
        assert self._server is not None
        host, port = self._server.sockets[0].getsockname()[:2]
        return host, port

    async def start(self) -> None:
        """Listens. Raises ConfigError when the address cannot be had."""
        loop = asyncio.get_running_loop()
        try:
            self._server = await self.listen(
                loop, lambda: self.conversation(self.reception, self._name, self._tls, loop)
            )
        except OSError as error:
            place = self.place if isinstance(self.place, Path) else "{}:{}".format(*self.place)
            raise ConfigError(f"{self._key}: cannot listen on {place}: {error.strerror or error}") from None
        shown = self.place if isinstance(self.place, Path) else "{}:{}".format(*self.address)
        log.info("%s door open on %s", self.kind.upper(), shown)

    async def listen(self, loop: asyncio.AbstractEventLoop, peer: Callable[[], Conversation]) -> asyncio.Server:
        """Opens the place for peers. Raises OSError."""
        assert not isinstance(self.place, Path)
        host, port = self.place
        return await loop.create_server(peer, host or None, port, backlog=BACKLOG)

    async def stop(self, grace: float = GRACE) -> None:
        """Accepts no more, says 421 to the idle and lets running messages end within `grace` seconds."""
        if self._server is not None:
            self._server.close()
        for conversation in list(self.reception.conversations):
            conversation.say_goodbye(Answer.SHUTTING_DOWN)
        await self._empty(grace)
        for conversation in list(self.reception.conversations):
            conversation.abort()
        await self._empty(1.0)
        log.info("%s door closed", self.kind.upper())

    async def _empty(self, seconds: float) -> None:
        """Waits until nobody is connected, this long at most."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while self.reception.conversations and loop.time() < end:
            await asyncio.sleep(0.02)


async def serve(config: Config, store: Store, *, stop: asyncio.Event | None = None, kind: type[Door] = Door) -> None:
    """Runs the door until `stop` is set; without one, until SIGTERM or SIGINT.

    Raises ConfigError, and DiskFailed when the disk has failed: whoever waited was told 451, all others 421 (threats 88).
    """
    if stop is None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
    journal = JournalWriter(store)
    try:
        door = kind(config, journal, at_failure=stop.set, logins=logins_of(config, store))
        await door.start()
        await stop.wait()
        await door.stop(BRIEF if door.reception.failure else GRACE)
        if door.reception.failure:
            raise door.reception.failure
    finally:
        await asyncio.to_thread(journal.close)


def run(
    config: Config, store: Store, pulse: Callable[[], None] = lambda: None, kind: type[Door] = Door
) -> None:  # fmt: skip
    """The door as a process of its own, on uvloop where there is one. Raises ConfigError and DiskFailed.

    `pulse` is called each second while its loop comes round.
    """

    async def beating() -> None:
        heart = asyncio.create_task(_beat(pulse))
        try:
            await serve(config, store, kind=kind)
        finally:
            heart.cancel()

    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(beating())


async def _beat(pulse: Callable[[], None]) -> None:
    while True:
        pulse()
        await asyncio.sleep(1)


@contextmanager
def background(
    config: Config,
    store: Store,
    *,
    journal: Writer | None = None,
    free: Callable[[], int] | None = None,
    work_seconds: float = WORK,
    grace: float = GRACE,
    uvloop: bool = True,
    kind: type[Door] = Door,
) -> Iterator[Door]:
    """The door in a thread of this process, for as long as the block runs. Raises ConfigError."""
    own = None if journal else JournalWriter(store)
    writer = journal or own
    assert writer is not None
    try:
        with asyncio.Runner(loop_factory=loop_factory() if uvloop else None) as runner:
            loop = runner.get_loop()

            async def open_door() -> Door:
                logins = logins_of(config, store)
                door = kind(config, writer, free=free, work_seconds=work_seconds, logins=logins)
                await door.start()
                return door

            door = runner.run(open_door())
            thread = threading.Thread(target=loop.run_forever, name=door.kind, daemon=True)
            thread.start()
            try:
                yield door
            finally:
                asyncio.run_coroutine_threadsafe(door.stop(grace), loop).result()
                loop.call_soon_threadsafe(loop.stop)
                thread.join()
    finally:
        if own is not None:
            own.close()


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's loop, or None for the standard one where uvloop is missing."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


def tls_context(config: Config) -> ssl.SSLContext | None:
    """The TLS side of `tls_cert` and `tls_key`, relative to the file's folder; None without. Raises ConfigError."""
    settings = config.settings.smtp
    if settings.tls_cert is None and settings.tls_key is None:
        return None
    if settings.tls_cert is None or settings.tls_key is None:
        raise ConfigError(f"{config.file}: smtp: tls_cert and tls_key belong together, one is missing")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(config.folder / settings.tls_cert, config.folder / settings.tls_key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"{config.file}: smtp.tls_cert, smtp.tls_key: cannot be used: {error}") from None
    return context


def check_library(version: str) -> None:
    """Raises ConfigError for an aiosmtpd with known holes."""
    found = tuple(int(part) for part in re.findall(r"\d+", version)[:3])
    if found < _OLDEST_AIOSMTPD:
        wanted = ".".join(map(str, _OLDEST_AIOSMTPD))
        raise ConfigError(f"aiosmtpd {version} is installed; expected {wanted} or newer")
