"""A small login server, by TLS: Microsoft's device code and client credentials, Google's consent, refresh tokens."""

from __future__ import annotations

import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import trustme


class LoginServer:
    """A context manager. `ca` is a file with the certificate that must be believed; `tell` is called for each new token."""

    def __init__(self, folder: Path, tell: Any = lambda token: None) -> None:
        self.ca = folder / "login-ca.pem"
        self.tell = tell
        self.asked: list[dict[str, str]] = []
        self.lasts = 3600
        self.refuse = ""  # the error every request for a token gets
        self.down = False
        self.more: dict[str, Any] = {}  # what answers hold besides
        self.scope = "https://mail.google.com/"
        self._number = 0

    def __enter__(self) -> LoginServer:
        authority = trustme.CA()
        authority.cert_pem.write_to_path(self.ca)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").configure_cert(context)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"https://localhost:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path: str, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        if self.down:
            return 0, {}
        if path.endswith("/.well-known/openid-configuration"):
            base = f"{self.url}{path.partition('/.well-known')[0]}"
            return 200, {
                "issuer": base, "authorization_endpoint": f"{base}/authorize", "token_endpoint": f"{base}/token",
                "device_authorization_endpoint": f"{base}/devicecode",
            }  # fmt: skip
        self.asked.append(form)
        if path.endswith("/devicecode"):
            self.scope = form["scope"]
            return 200, {
                "user_code": "ABCD-EFGH", "device_code": "device", "verification_uri": f"{self.url}/device", "expires_in": 60,
                "interval": 1, "message": "Open the page and type ABCD-EFGH",
            }  # fmt: skip
        if self.refuse:
            return 400, {"error": self.refuse, "error_description": f"{self.refuse}: AADSTS no\r\nTrace ID: 1"}
        self._number += 1
        token = f"token-{self._number}"
        self.tell(token)
        told = {"token_type": "Bearer", "access_token": token, "expires_in": self.lasts, **self.more}
        if form.get("grant_type") != "client_credentials":
            told |= {"refresh_token": f"refresh-{self._number}", "scope": form.get("scope", self.scope)}
            # Microsoft's account of the person, by which its library finds the tokens again.
            told["client_info"] = "eyJ1aWQiOiJ1IiwidXRpZCI6InQifQ"
        return 200, told


def _handler(server: LoginServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._say(*server.answer(urlsplit(self.path).path, {}))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            self._say(*server.answer(self.path, {name: values[0] for name, values in parse_qs(body).items()}))

        def _say(self, status: int, told: dict[str, Any]) -> None:
            if server.down:
                self.close_connection = True
                return
            body = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    return Handler
