"""Virus and spam filters, asked while a mail is studied: clamd about each file, rspamd about the mail.

Neither ever stops a mail. One that is dead, slow or talks nonsense is left alone for a while and its mails are filed
without its word, which `postern explain` and the log say (threats 96).
"""

from __future__ import annotations

import http.client
import json
import queue
import socket
import struct
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from gateway.parse.parsed import File
from store.config import Config, host_and_port
from store.errors import ConfigError
from store.rules.files import Judgement

SECONDS = 4.0  # for all that one filter is asked about a mail
REST = 30.0  # seconds a filter that failed is left alone, by each child that reads mails
_BLOCK = 1 << 18
_SPAM = ("add header", "rewrite subject", "reject")  # rspamd's actions; "greylist" and "soft reject" are about traffic
_resting: dict[str, float] = {}  # filters, and until when
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Said:
    """What the filters said: each with its words, for `explain`; `failed` names those that could not be asked."""

    words: tuple[tuple[str, str], ...] = ()
    spam: bool = False
    failed: tuple[str, ...] = ()


SILENT = Said()


@dataclass(frozen=True, slots=True)
class Envelope:
    """What rspamd wants to know of how a mail came."""

    peer: str
    helo: str
    sender: str
    recipients: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Filters:
    """The filters of an installation; to be sent to a child process, hence plain values."""

    clamd: tuple[str, int] | Path | None = None
    rspamd: tuple[str, int] | None = None

    def __bool__(self) -> bool:
        return self.clamd is not None or self.rspamd is not None

    @classmethod
    def of(cls, config: Config) -> Filters:
        """Those that `[filter]` names. Raises ConfigError."""
        section = config.settings.filter
        clamd: tuple[str, int] | Path | None = None
        if section.clamd:
            in_file = "/" in section.clamd
            clamd = config.folder / section.clamd if in_file else host_and_port(section.clamd, "filter.clamd")
        if not section.rspamd:
            return cls(clamd)
        url = urlsplit(section.rspamd)
        if url.scheme != "http" or not url.hostname or url.path not in ("", "/"):
            raise ConfigError(f"{config.file}: filter.rspamd: expected http://HOST:PORT, got {section.rspamd!r}")
        return cls(clamd, (url.hostname, url.port or 11333))

    def ask(
        self, raw: bytes, files: Sequence[File], judgements: Sequence[Judgement], envelope: Envelope
    ) -> tuple[tuple[Judgement, ...], Said]:
        """The judgements on the files, those refused that clamd finds something in, and what was said. Never raises."""
        judged, words, spam, failed = tuple(judgements), dict[str, str](), False, list[str]()
        wanted = [place for place, one in enumerate(judged) if one.verdict == "accepted" and files[place].content]
        if self.clamd is not None and wanted:
            found = _asked("clamd", partial(_scan, self.clamd, [files[place].content for place in wanted]))
            if isinstance(found, str):
                failed.append("clamd")
                words["clamd"] = found
            else:
                names = dict(zip(wanted, found, strict=True))
                judged = tuple(_refused(one, names.get(place, "")) for place, one in enumerate(judged))
                words["clamd"] = ", ".join(filter(None, found)) or "nothing found"
        if self.rspamd is not None:
            told = _asked("rspamd", partial(_check, self.rspamd, raw, envelope))
            if isinstance(told, str):
                failed.append("rspamd")
                words["rspamd"] = told
            else:
                action, score = told
                words["rspamd"], spam = f"{action} ({score:.1f})", action in _SPAM
        return judged, Said(tuple(words.items()), spam, tuple(failed))


def _refused(judgement: Judgement, name: str) -> Judgement:
    return replace(judgement, verdict="refused", reason=f"it holds malware ({name})") if name else judgement


def _asked(name: str, work: Callable[[], T]) -> T | str:
    """What a filter answers, or why it does not. The work is left alone when its time is over, whatever it hangs at."""
    if time.monotonic() < _resting.get(name, 0.0):
        return "not asked: it did not answer a moment ago"
    answers: queue.SimpleQueue[T | Exception] = queue.SimpleQueue()

    def run() -> None:
        try:
            answers.put(work())
        except Exception as error:  # a filter may answer with anything
            answers.put(error)

    threading.Thread(target=run, daemon=True).start()
    try:
        answer = answers.get(timeout=SECONDS)
    except queue.Empty:
        answer = TimeoutError("no answer in time")
    if not isinstance(answer, Exception):
        return answer
    _resting[name] = time.monotonic() + REST
    return f"no answer: {answer}"


def _scan(place: tuple[str, int] | Path, contents: Sequence[bytes]) -> list[str]:
    """The name of what clamd finds in each, "" for nothing. Raises OSError and ValueError."""
    return [_scan_one(place, content) for content in contents]


def _scan_one(place: tuple[str, int] | Path, content: bytes) -> str:
    """INSTREAM of clamd(8): pieces with their length, an empty one at the end."""
    with _connected(place) as wire:
        wire.sendall(b"zINSTREAM\0")
        try:
            for start in range(0, len(content), _BLOCK):
                piece = content[start : start + _BLOCK]
                wire.sendall(struct.pack("!L", len(piece)) + piece)
            wire.sendall(struct.pack("!L", 0))
        except ConnectionError:
            pass  # what is larger than its StreamMaxLength it leaves, but not without a word
        answer = b""
        while not answer.endswith((b"\0", b"\n")) and (more := wire.recv(4096)):
            answer += more
    words = answer.decode("utf-8", "replace").strip("\0\n ")
    if words.endswith(" FOUND"):
        return words.removesuffix(" FOUND").removeprefix("stream: ")[:80]
    if words.endswith(" OK"):
        return ""
    raise ValueError(words[:200] or "the connection was closed")


def _connected(place: tuple[str, int] | Path) -> socket.socket:
    if not isinstance(place, Path):
        return socket.create_connection(place, SECONDS)
    wire = socket.socket(socket.AF_UNIX)
    wire.settimeout(SECONDS)
    wire.connect(str(place))
    return wire


def _check(place: tuple[str, int], raw: bytes, envelope: Envelope) -> tuple[str, float]:
    """rspamd's action and score. Raises OSError, http.client.HTTPException, ValueError and KeyError."""
    headers = {
        "IP": envelope.peer,
        "Helo": envelope.helo,
        "From": envelope.sender,
        "Rcpt": ",".join(envelope.recipients),
    }
    sent = {name: value for name, value in headers.items() if value and value.isascii() and value.isprintable()}
    connection = http.client.HTTPConnection(*place, timeout=SECONDS)
    try:
        connection.request("POST", "/checkv2", raw, sent)
        answer = connection.getresponse()
        told: dict[str, Any] = json.loads(answer.read(1 << 20))
    finally:
        connection.close()
    if answer.status != 200:
        raise ValueError(f"{answer.status} {told.get('error', '')}"[:200])
    return str(told["action"])[:40], float(told["score"])
