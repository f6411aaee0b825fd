"""A clamd and an rspamd that answer as told, on a free port: real sockets, and neither knows a virus."""

from __future__ import annotations

import json
import socketserver
import struct
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Script:
    """What is answered, and what came. HANG: nothing, until the end."""

    answer: str = ""
    heard: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)


HANG = "hang"
DRIP = "drip"  # a byte now and then, and never an end


class _Server:
    """Runs a socketserver while it is entered."""

    def __init__(self, server: socketserver.TCPServer, script: Script) -> None:
        self.script, self._server = script, server
        server.daemon_threads = True  # type: ignore[attr-defined]
        self.place = f"127.0.0.1:{server.server_address[1]}"

    def __enter__(self) -> _Server:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.script.ended.set()
        self._server.shutdown()
        self._server.server_close()


def clamd(answer: str = "stream: OK") -> _Server:
    script = Script(answer)

    class Talk(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            assert self.rfile.read(10) == b"zINSTREAM\0"
            content = b""
            while size := struct.unpack("!L", self.rfile.read(4))[0]:
                content += self.rfile.read(size)
            script.heard.append(content)
            if script.answer == HANG:
                script.ended.wait(30)
            while script.answer == DRIP and not script.ended.wait(0.1):
                self.wfile.write(b"s")
            self.wfile.write(script.answer.encode() + b"\0")

    return _Server(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Talk), script)


def rspamd(**answer: Any) -> _Server:
    script = Script(json.dumps({"action": "no action", "score": 0.1} | answer))

    class Talk(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            script.heard.append(self.rfile.read(int(self.headers["Content-Length"])))
            script.headers.append(dict(self.headers))
            if script.answer == HANG:
                script.ended.wait(30)
                return
            self.send_response(200)
            self.end_headers()
            self.wfile.write(script.answer.encode())

        def log_message(self, *_: object) -> None:
            pass

    return _Server(ThreadingHTTPServer(("127.0.0.1", 0), Talk), script)
