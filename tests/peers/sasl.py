"""The login server that Postfix asks: Dovecot's authentication protocol, version 1.1, for one user with one password."""

from __future__ import annotations

import base64
import socketserver
import threading
from types import TracebackType

_GREETING = (
    "VERSION\t1\t1\nMECH\tPLAIN\tplaintext\nMECH\tLOGIN\tplaintext\nSPID\t1\nCUID\t1\nCOOKIE\t0123456789abcdef\nDONE\n"
)


class Sasl:
    """Listens on a free port of 127.0.0.1 while it is entered; `password` may be changed meanwhile."""

    def __init__(self, user: str, password: str) -> None:
        self.user, self.password = user, password
        outer = self

        class Answers(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                self.wfile.write(_GREETING.encode())
                for line in self.rfile:
                    verb, _, rest = line.decode().rstrip("\n").partition("\t")
                    if verb == "AUTH":
                        self.wfile.write(outer.answer(rest.split("\t")).encode())

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Answers)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])

    def answer(self, words: list[str]) -> str:
        """What is said to AUTH with these parameters, its id first."""
        sent = next((word[5:] for word in words if word.startswith("resp=")), "")
        known = f"\0{self.user}\0{self.password}".encode()
        good = words[1] == "PLAIN" and base64.b64decode(sent) == known
        return f"OK\t{words[0]}\tuser={self.user}\n" if good else f"FAIL\t{words[0]}\tuser={self.user}\n"

    def __enter__(self) -> Sasl:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
