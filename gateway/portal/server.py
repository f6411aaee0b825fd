"""The portal as a process: listens, answers, and lets running answers end when it is told to stop."""

from __future__ import annotations

import logging
import signal
import socket
import threading
from collections.abc import Callable

import uvicorn
from starlette.applications import Starlette

from gateway.portal.app import create_app
from store import passwords
from store.config import Config, host_and_port
from store.database import Store
from store.errors import ConfigError

GRACE = 20  # seconds for running answers at the end
log = logging.getLogger("postern.portal")


def run(config: Config, store: Store, pulse: Callable[[], None] = lambda: None) -> None:
    """Serves the portal until SIGTERM or SIGINT, then returns; `pulse` is called each second while its loop comes round.

    Raises ConfigError when it cannot listen.
    """
    with listener(config) as listening:
        app = create_app(config, store)
        server = make_server(app, pulse)
        if threading.current_thread() is threading.main_thread():
            # uvicorn hands the signal on when it has stopped; the process then ends here, not by the signal.
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: setattr(server, "should_exit", True))
        log.info("portal open on http://%s:%s", *listening.getsockname()[:2])
        try:
            server.run([listening])
        finally:
            app.state.portal.judge.close()
        log.info("portal closed")


def make_server(app: Starlette, pulse: Callable[[], None] = lambda: None) -> uvicorn.Server:
    """The server, not yet listening. No Server header; requests are logged by the portal, without their queries."""

    async def notify() -> None:
        pulse()

    passwords.matches("", None)  # makes the hash that unknown addresses are compared with: a slow first try would tell
    return uvicorn.Server(
        uvicorn.Config(
            app, server_header=False, access_log=False, log_config=None, lifespan="off",
            timeout_graceful_shutdown=GRACE, timeout_keep_alive=15, ws="none", callback_notify=notify,
            timeout_notify=1,
        )
    )  # fmt: skip


def listener(config: Config) -> socket.socket:
    """A socket on `[portal] listen`. Raises ConfigError when the address cannot be had."""
    value = config.settings.portal.listen
    host, port = host_and_port(value, "portal.listen")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        raise ConfigError(f"portal.listen: cannot listen on {value}: {error.strerror or error}") from None
