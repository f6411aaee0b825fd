"""The fake of one edge: an IMAP server that keeps its folders in memory, and does what a test tells it instead."""

from __future__ import annotations

import asyncio
import base64
import re
import ssl
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

CAPABILITIES = ("IMAP4rev1", "IDLE", "MOVE", "UIDPLUS", "AUTH=XOAUTH2")
_COMMAND = re.compile(r"(\S+) (UID )?(\S+) ?(.*)", re.IGNORECASE)


@dataclass
class Mail:
    """A mail of a folder."""

    raw: bytes
    flags: set[str] = field(default_factory=set)
    arrived: datetime = field(default_factory=lambda: datetime.now(UTC))
    size: int | None = None  # what the server says, where it does not say the truth


@dataclass
class Folder:
    uidvalidity: int
    next: int = 1
    mails: dict[int, Mail] = field(default_factory=dict)

    def add(self, mail: Mail) -> int:
        uid, self.next = self.next, self.next + 1
        self.mails[uid] = mail
        return uid


# Gets the connection, the tag, and what stands behind the command; True when it has said all there is to say.
Trick = Callable[["Connection", str, str], Awaitable[bool]]


class ImapServer:
    """Lives in one event loop; `Served` gives it a thread of its own. `tricks` by command, such as `FETCH`."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.folders = {"INBOX": Folder(1)}
        self.password = "secret"
        self.token = ""
        self.capabilities = CAPABILITIES
        self.tricks: dict[str, Trick] = {}
        self.heard: list[str] = []
        self.open_now = 0
        self.logins = 0
        self.port = 0
        self.on_change: Callable[[], None] = lambda: None  # a mail was marked or moved
        self._tls = tls
        self._connections: set[Connection] = set()
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self._tls, limit=1 << 20)
        self.port = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        assert self._server
        self._server.close()
        self.cut()

    def cut(self) -> None:
        """Ends all connections without a word."""
        for connection in list(self._connections):
            connection.writer.transport.abort()

    def put(self, *raws: bytes, folder: str = "INBOX", **more: Any) -> list[int]:
        """New mails; who waits by IDLE hears of them."""
        uids = [self.folders[folder].add(Mail(raw, **more)) for raw in raws]
        self.tell(folder)
        return uids

    def tell(self, folder: str = "INBOX") -> None:
        for connection in list(self._connections):
            if connection.idle and connection.name == folder:
                connection.say(f"* {len(self.folders[folder].mails)} EXISTS")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(self, reader, writer)
        self._connections.add(connection)
        self.open_now += 1
        try:
            await connection.run()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._connections.discard(connection)
            self.open_now -= 1
            writer.close()


class Connection:
    def __init__(self, server: ImapServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.server, self.reader, self.writer = server, reader, writer
        self.name = ""
        self.idle = False

    @property
    def folder(self) -> Folder:
        return self.server.folders[self.name]

    def say(self, *lines: str | bytes) -> None:
        for line in lines:
            self.writer.write((line if isinstance(line, bytes) else line.encode()) + b"\r\n")

    async def run(self) -> None:
        if await self._trick("GREETING", "*", ""):
            return
        self.say("* OK ready")
        while True:
            line = (await self.reader.readuntil(b"\r\n")).decode("utf-8", "replace").strip()
            found = _COMMAND.fullmatch(line)
            if not found:
                self.say("* BAD what")
                continue
            tag, _, verb, rest = found.groups()
            self.server.heard.append(line.partition(" ")[2])
            verb = verb.upper()
            if await self._trick(verb, tag, rest):
                continue
            method = getattr(self, f"do_{verb}", None)
            if method is None:
                self.say(f"{tag} BAD unknown")
            elif (answer := await method(tag, rest)) is not None:
                self.say(f"{tag} {answer}")
            await self.writer.drain()
            if verb == "LOGOUT":
                return

    async def _trick(self, verb: str, tag: str, rest: str) -> bool:
        trick = self.server.tricks.get(verb)
        return trick is not None and await trick(self, tag, rest)

    async def do_CAPABILITY(self, tag: str, rest: str) -> str:
        self.say(f"* CAPABILITY {' '.join(self.server.capabilities)}")
        return "OK done"

    async def do_NOOP(self, tag: str, rest: str) -> str:
        return "OK done"

    async def do_LOGOUT(self, tag: str, rest: str) -> str:
        self.say("* BYE")
        return "OK done"

    async def do_LOGIN(self, tag: str, rest: str) -> str:
        return self._logged_in(bool(rest.endswith(f'"{self.server.password}"')))

    async def do_AUTHENTICATE(self, tag: str, rest: str) -> str:
        self.say("+ ")
        said = base64.b64decode((await self.reader.readuntil(b"\r\n")).strip()).decode()
        good = bool(self.server.token) and f"auth=Bearer {self.server.token}\1\1" in said
        if not good:
            self.say("+ " + base64.b64encode(b'{"status":"401"}').decode())
            await self.reader.readuntil(b"\r\n")
        return self._logged_in(good)

    def _logged_in(self, good: bool) -> str:
        self.server.logins += good
        return "OK logged in" if good else "NO [AUTHENTICATIONFAILED] wrong password"

    async def do_LIST(self, tag: str, rest: str) -> str:
        name = rest.split()[-1].strip('"')
        if name in self.server.folders:
            self.say(f'* LIST () "/" "{name}"')
        return "OK done"

    async def do_CREATE(self, tag: str, rest: str) -> str:
        self.server.folders[rest.strip('"')] = Folder(len(self.server.folders) + 100)
        return "OK done"

    async def do_SELECT(self, tag: str, rest: str) -> str:
        name = rest.strip('"')
        if name not in self.server.folders:
            return "NO [NONEXISTENT] there is no such folder"
        self.name = name
        self.say(
            f"* {len(self.folder.mails)} EXISTS", f"* OK [UIDVALIDITY {self.folder.uidvalidity}] ok",
            f"* OK [UIDNEXT {self.folder.next}] ok",
        )  # fmt: skip
        return "OK [READ-WRITE] done"

    async def do_EXAMINE(self, tag: str, rest: str) -> str:
        return (await self.do_SELECT(tag, rest)).replace("READ-WRITE", "READ-ONLY")

    async def do_SEARCH(self, tag: str, rest: str) -> str:
        uids = self._named(rest.removeprefix("UID "))
        self.say(" ".join(["* SEARCH", *map(str, uids)]))
        return "OK done"

    async def do_FETCH(self, tag: str, rest: str) -> str:
        wanted, _, items = rest.partition(" ")
        for uid in self._named(wanted):
            self.say_mail(uid, items)
        return "OK done"

    def say_mail(self, uid: int, items: str) -> None:
        mail = self.folder.mails[uid]
        seq = list(self.folder.mails).index(uid) + 1
        if "BODY.PEEK[]" in items:
            self.say(b"* %d FETCH (UID %d BODY[] {%d}\r\n%b)" % (seq, uid, len(mail.raw), mail.raw))
        elif "HEADER.FIELDS" in items:
            wanted = items[items.index("(", items.index("FIELDS")) + 1 : items.index(")")].encode()
            lines = mail.raw.partition(b"\r\n\r\n")[0].split(b"\r\n")
            head = b"".join(line + b"\r\n" for line in lines if line.upper().startswith(wanted.upper() + b":"))
            name = b"BODY[HEADER.FIELDS (%b)]" % wanted
            self.say(b"* %d FETCH (UID %d %b {%d}\r\n%b)" % (seq, uid, name, len(head), head))
        else:
            size = len(mail.raw) if mail.size is None else mail.size
            at = mail.arrived.strftime("%d-%b-%Y %H:%M:%S +0000")
            self.say(f'* {seq} FETCH (UID {uid} RFC822.SIZE {size} INTERNALDATE "{at}")')

    async def do_STORE(self, tag: str, rest: str) -> str:
        wanted, _, what = rest.partition(" ")
        flags = set(what[what.index("(") + 1 : what.index(")")].split())
        for uid in self._named(wanted):
            self.folder.mails[uid].flags |= flags
        self.server.on_change()
        return "OK done"

    async def do_COPY(self, tag: str, rest: str) -> str:
        wanted, _, name = rest.partition(" ")
        if name.strip('"') not in self.server.folders:
            return "NO [TRYCREATE] there is no such folder"
        for uid in self._named(wanted):
            self.server.folders[name.strip('"')].add(self.folder.mails[uid])
        return "OK done"

    async def do_MOVE(self, tag: str, rest: str) -> str:
        answer = await self.do_COPY(tag, rest)
        if answer.startswith("OK"):
            for uid in self._named(rest.partition(" ")[0]):
                del self.folder.mails[uid]
            self.server.on_change()
        return answer

    async def do_EXPUNGE(self, tag: str, rest: str) -> str:
        for uid in self._named(rest):
            if "\\Deleted" in self.folder.mails[uid].flags:
                del self.folder.mails[uid]
        return "OK done"

    async def do_IDLE(self, tag: str, rest: str) -> str:
        self.idle = True
        self.say("+ idling")
        try:
            while (await self.reader.readuntil(b"\r\n")).strip().upper() != b"DONE":
                pass
        finally:
            self.idle = False
        return "OK done"

    def _named(self, wanted: str) -> list[int]:
        """The UIDs of a set that exist; `n:*` always holds the last one (RFC 3501 6.4.8)."""
        found: set[int] = set()
        mails = self.folder.mails
        for part in wanted.split(","):
            first, colon, last = part.partition(":")
            if last == "*":
                found |= {uid for uid in mails if uid >= int(first)} | ({max(mails)} if mails else set())
            else:
                found |= {uid for uid in mails if int(first) <= uid <= int(last if colon else first)}
        return sorted(found)


class Served(ImapServer):
    """A server in a thread of its own; a context manager. What tests do to it goes through `do`."""

    def __enter__(self) -> Served:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fake imap", daemon=True)
        self._thread.start()
        self.run(self.open())
        return self

    def __exit__(self, *_: object) -> None:
        self.run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def run(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    def do(self, work: Callable[[], Any]) -> Any:
        """Does something to the server between its own steps."""

        async def doing() -> Any:
            return work()

        return self.run(doing())

    def put(self, *raws: bytes, folder: str = "INBOX", **more: Any) -> list[int]:
        return list(self.do(lambda: ImapServer.put(self, *raws, folder=folder, **more)))

    async def _end(self) -> None:
        self.close()
        mine = asyncio.current_task()
        others = [task for task in asyncio.all_tasks() if task is not mine]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
