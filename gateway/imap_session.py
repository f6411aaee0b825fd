"""One login at an IMAP server: each step says in words what went wrong, and whether it is worth another try."""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from imapclient.exceptions import IMAPClientAbortError, IMAPClientError, LoginError

from gateway.imap_wire import Wire
from store.oauth.bearer import bearer
from store.settings import ImapSection

BODY = 600.0  # seconds for one mail
_HEAD = 64 * 1024
_AT_ONCE = 500  # mails asked after in one command
_TEMPORARY = re.compile(r"\[(UNAVAILABLE|INUSE|LIMIT|SERVERBUG)\]", re.IGNORECASE)  # RFC 5530


class Trouble(Exception):
    """Why a folder cannot be read now, in words for people. `lost`: the connection is gone, another one may do better."""

    def __init__(self, words: str, lost: bool = False) -> None:
        super().__init__(words)
        self.lost = lost


class Refused(Trouble):
    """Somebody has to change something: the password, the folder's name."""


class Unfetched(Exception):
    """This one mail is not to be had; the others may be."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A mail as the server lists it: `size` in bytes as it says, `arrived` at the server."""

    uid: int
    size: int
    arrived: datetime | None


class Session:
    """A connection that is logged in. `patience`: seconds each step may take."""

    def __init__(self, section: ImapSection, secret: Callable[[], str], patience: float) -> None:
        self._section = section
        value = secret()
        with _telling(f"at {section.host}"):
            self._wire = _connect(section, patience)
        try:
            with _telling("at the login"):
                self._secure()
                self._login(value)
                self._capabilities = {str(name, "ascii", "replace").upper() for name in self._wire.capabilities()}
        except BaseException:
            self.cut()
            raise

    def select(self) -> int:
        """Opens the folder and says its UIDVALIDITY; as often as wanted, so that a rename or a new folder shows."""
        section = self._section
        with _telling(f"at the folder {section.folder}"):
            self._wire.allow()
            try:
                answer = self._wire.select_folder(section.folder, readonly=section.after == "leave")
            except IMAPClientAbortError:
                raise
            except IMAPClientError as error:
                raise Refused(f"the folder {section.folder} is not there: {_words(error)}") from error
            value = answer.get(b"UIDVALIDITY")
        if not isinstance(value, int):
            raise Trouble(
                "the server does not say the UIDVALIDITY of the folder, without which no progress can be kept"
            )
        return value

    def uids_after(self, uid: int) -> list[int]:
        """The UIDs above one, in order."""
        with _telling("at the search"):
            self._wire.allow()
            # `n:*` always names the last mail, however small its UID (RFC 3501 6.4.8).
            return sorted(number for number in self._wire.search(["UID", f"{uid + 1}:*"]) if number > uid)

    def present(self, uids: Collection[int]) -> set[int]:
        """Those that are still in the folder."""
        with _telling("at the search"):
            self._wire.allow()
            return set(self._wire.search(["UID", ",".join(map(str, sorted(uids)))])) & set(uids)

    def listed(self, uids: Sequence[int]) -> Iterator[Listed]:
        """Size and arrival of mails, of those that are still there; the server is asked as they are taken."""
        for start in range(0, len(uids), _AT_ONCE):
            some = uids[start : start + _AT_ONCE]
            with _telling("at the list of mails"):
                self._wire.allow()
                told = self._wire.fetch(some, ["RFC822.SIZE", "INTERNALDATE"])
            for uid in some:
                if values := told.get(uid):
                    size, arrived = values.get(b"RFC822.SIZE"), values.get(b"INTERNALDATE")
                    yield Listed(
                        uid, size if isinstance(size, int) else 0, arrived if isinstance(arrived, datetime) else None
                    )

    def fetch(self, uid: int, largest: int) -> bytes:
        """A whole mail, unread as before. Raises Unfetched, and Trouble when the connection broke: nothing of it is kept."""
        return self._body(uid, "BODY.PEEK[]", largest)

    def message_ids(self, uids: Sequence[int]) -> dict[int, str]:
        """The Message-IDs of a few hundred mails, without <>, as far as they have one."""
        with _telling("at the list of mails"):
            self._wire.allow()
            told = self._wire.fetch(uids, ["BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)]"])
        lines = {
            uid: value for uid, values in told.items() for name, value in values.items() if name.startswith(b"BODY[")
        }
        return {uid: str(line, "utf-8", "replace").partition(":")[2].strip().strip("<>") for uid, line in lines.items()}

    def sender(self, uid: int) -> str:
        """The From line of a mail, for people to find it by; empty when it is not to be had."""
        try:
            return str(self._body(uid, "BODY.PEEK[HEADER.FIELDS (FROM)]", _HEAD), "utf-8", "replace")
        except Unfetched:
            return ""

    def _body(self, uid: int, item: str, largest: int) -> bytes:
        with _telling("at a mail"):
            self._wire.allow(BODY, largest)
            try:
                told = self._wire.fetch([uid], [item])
            except IMAPClientAbortError:
                raise
            except IMAPClientError as error:
                raise Unfetched(f"the server does not give it: {_words(error)}") from error
        for name, value in told.get(uid, {}).items():
            if name.startswith(b"BODY[") and isinstance(value, bytes):
                return value
        raise Unfetched("the server gives nothing of it")

    def finish(self, uids: Sequence[int]) -> None:
        """Marks or moves mails that are kept for good, as the settings say. Raises Trouble."""
        after = self._section.after
        if not uids or after == "leave":
            return
        with _telling("at the mark of a mail"):
            self._wire.allow()
            self._wire.marking(len(uids))
            try:
                if after == "seen":
                    self._wire.add_flags(uids, [rb"\Seen"], silent=True)
                else:
                    self._move(uids, after.removeprefix("move:"))
            finally:
                self._wire.marking(0)

    def _move(self, uids: Sequence[int], folder: str) -> None:
        move = self._wire.move if "MOVE" in self._capabilities else self._wire.copy
        try:
            move(uids, folder)
        except IMAPClientAbortError:
            raise
        except IMAPClientError as error:
            if self._wire.folder_exists(folder):
                raise Trouble(f"the mails cannot be moved to {folder}: {_words(error)}") from error
            self._wire.create_folder(folder)
            move(uids, folder)
        if move == self._wire.copy:
            self._wire.add_flags(uids, [rb"\Deleted", rb"\Seen"], silent=True)
            if "UIDPLUS" in self._capabilities:  # a plain EXPUNGE would take what others have marked as well
                self._wire.uid_expunge(uids)

    def wait(self, seconds: float, go_on: Callable[[], bool]) -> bool | None:
        """Waits for news by IDLE; whether there are any. None at once when the server knows no IDLE."""
        if "IDLE" not in self._capabilities:
            return None
        with _telling("while waiting for mail"):
            return self._wire.wait(seconds, go_on)

    def close(self) -> None:
        """Says good-bye; the folder is never closed by CLOSE, which would expunge what others have marked."""
        with _telling("at the end"):
            self._wire.allow(5)
            self._wire.logout()

    def cut(self) -> None:
        """Ends the connection at once, from any thread."""
        self._wire.cut()

    def _secure(self) -> None:
        if self._section.tls == "starttls":
            self._wire.allow()
            self._wire.starttls(ssl.create_default_context())

    def _login(self, secret: str) -> None:
        user = self._section.user
        self._wire.allow()
        try:
            if self._section.oauth is None:
                self._wire.login(user, secret)
            else:
                offered = [str(name[5:], "ascii") for name in self._wire.capabilities() if name.startswith(b"AUTH=")]
                mechanism, answers = bearer(user, secret, offered)
                rest = iter(answers)
                self._wire.sasl_login(mechanism, lambda _challenge: next(rest, ""))
        except LoginError as error:
            words = _words(error)
            kind = Trouble if _TEMPORARY.search(str(error)) else Refused
            raise kind(f"the login was refused: {words}") from error


def read_password(file: Path) -> str:
    """The first line of a password file. Raises Refused."""
    try:
        return file.read_text(encoding="utf-8").partition("\n")[0].strip("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"the file {file} cannot be read: {getattr(error, 'strerror', None) or error}") from error


def _connect(section: ImapSection, patience: float) -> Wire:
    context = ssl.create_default_context() if section.tls == "implicit" else None
    return Wire(section.host, section.port or (993 if context else 143), context, patience)


@contextmanager
def _telling(where: str) -> Iterator[None]:
    """What goes wrong in a step, as a Trouble; any answer that cannot be understood is one too."""
    try:
        yield
    except (Trouble, Unfetched):
        raise
    except TimeoutError as error:
        raise Trouble(f"the server did not answer in time, {where}", lost=True) from error
    except ssl.SSLCertVerificationError as error:
        raise Refused(f"the certificate is not believed: {error.verify_message}", lost=True) from error
    except IMAPClientAbortError as error:
        raise Trouble(f"the connection broke off {where}: {_words(error)}", lost=True) from error
    except OSError as error:
        raise Trouble(f"the server cannot be reached, {where}: {error.strerror or _words(error)}", lost=True) from error
    except IMAPClientError as error:
        raise Trouble(f"the server said no {where}: {_words(error)}", lost=True) from error
    except (ValueError, TypeError, LookupError, AttributeError, AssertionError) as error:
        raise Trouble(f"the server was not understood {where} ({type(error).__name__})", lost=True) from error


def _words(error: Exception) -> str:
    """What the server said, on one line of bounded length."""
    said = " ".join(str(error).split())
    if (quoted := re.search(r"""b(['"])(.*)\1""", said)) and quoted[2]:
        said = quoted[2]
    return "".join(char for char in said if char.isprintable())[:300]
