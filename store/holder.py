"""A name under which a process holds leases, its own again after a restart."""

from __future__ import annotations

import fcntl
import socket
from secrets import token_hex
from typing import IO

from store.config import Config
from store.errors import Temporary


class Holder:
    """The first free name of its kind, held by a lock on a file of the data folder.

    The lock ends with the process however it ends, so whoever gets it may free at once what the former bearer had
    claimed. The file holds a random part, which keeps apart hosts of one name that share only the database.
    """

    def __init__(self, config: Config, kind: str) -> None:
        config.prepare()
        for number in range(1000):
            file = (config.data / f"{kind}-{number}.lock").open("a+")
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.close()
                continue
            self._file = file
            self.value = f"{socket.gethostname()}:{number}:{_mark(file)}"
            return
        raise Temporary(f"a thousand processes of the kind {kind} run in this data folder already")

    def give_up(self) -> None:
        """Leaves the name to the next process."""
        self._file.close()


def _mark(file: IO[str]) -> str:
    file.seek(0)
    mark = file.read().strip()
    if not mark:
        mark = token_hex(4)
        file.write(mark)
        file.flush()
    return mark
