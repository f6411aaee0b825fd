"""Named instants at which a test may kill the process, as a power cut would. Nothing happens unless one is armed."""

from __future__ import annotations

import os
import signal
from collections import Counter

from store.errors import ConfigError

VARIABLE = "POSTERN_CRASH"  # NAME:N, the N-th passing of a point

POINTS = {
    # A door: until D5 the sender has no answer and will try again.
    "D1": "the final dot was read, nothing is written",
    "D2": "the bytes of a blob are written and not yet synced",
    "D3": "all blobs are durable, the journal's transaction has not begun",
    "D4": "the journal's rows are in, not committed",
    "D5": "the journal is committed, the sender has no answer",
    "D6": "the first recipient of an LMTP mail has an answer, the second has none",
    # The IMAP door: until the mark is set the mail lies in its folder as before.
    "M1": "a mail is fetched, nothing is written",
    "M3": "the journal is committed, the mail is not marked",
    "M4": "the mark is sent, the server has not answered",
    "M5": "the mail is marked or moved, the position is not saved",
    # The filer: the sender has long gone, so each of these must be made good by the next start.
    "F1": "the attempt is counted, nothing is parsed",
    "F2": "parsed, the files are in the blob store, the transaction has not begun",
    "F3": "the message is in, nobody is promised a mail of it",
    "F4": "all is in, not committed",
    "F5": "committed",
    "F6": "a new filer has found what a dead one had begun",
    # The worker: between O6 and O8 nobody can know whether the relay has the mail.
    "O2": "a row is due, no hint is given",
    "O3": "the hint is given, nobody has taken it",
    "O4": "the claim is committed",
    "O5": "the relay has taken the recipient",
    "O6": "the dot is sent, the relay has not answered",
    "O7": "the relay has taken the mail, nothing is written down",
    "O8": "the acceptance is in, not committed",
    "O9": "committed, the broker does not know",
    "O10": "the relay wants the mail later, the pause is not written down",
    "O11": "claims that ran out are given back, not committed",
}

_passed: Counter[str] = Counter()
_armed: tuple[str, int] | None = None


def arm(wanted: str) -> None:
    """Kills this process at a point, given as NAME:N; "" kills at none. Raises ConfigError for what is no point."""
    global _armed
    name, _, number = wanted.partition(":")
    if wanted and (name not in POINTS or not number.isascii() or not number.isdigit() or int(number) < 1):
        raise ConfigError(f"{VARIABLE}: expected NAME:N with NAME one of {', '.join(POINTS)}, got {wanted!r}")
    _passed.clear()
    _armed = (name, int(number)) if wanted else None


def armed() -> str:
    """What this process was armed with, as `arm` takes it, for a supervisor to hand on; "" for nothing."""
    return f"{_armed[0]}:{_armed[1]}" if _armed else ""


def point(name: str) -> None:
    """A passing of the point; the process ends here by SIGKILL when it is the armed one."""
    if _armed is None or name != _armed[0]:
        return
    _passed[name] += 1
    if _passed[name] == _armed[1]:
        os.kill(os.getpid(), signal.SIGKILL)
