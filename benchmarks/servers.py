"""The SMTP servers that are measured: our door with its real journal, and the reference that stores nothing."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aiosmtpd.handlers import Sink
from aiosmtpd.smtp import SMTP, Envelope, Session

from gateway.smtp import background
from store.config import load
from store.database import open_store

_MESSAGE_ID = re.compile(rb"^Message-ID: <([^>]+)>", re.MULTILINE)
SINK = "stock aiosmtpd that stores nothing"


@contextmanager
def sink(handler: Any = Sink) -> Iterator[int]:
    """aiosmtpd as it comes, on the standard event loop; gives its port."""
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        server = runner.run(
            loop.create_server(lambda: SMTP(handler(), hostname="sink.test", loop=loop), "127.0.0.1", 0)
        )
        thread = threading.Thread(target=loop.run_forever, daemon=True)
        thread.start()
        yield server.sockets[0].getsockname()[1]
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


@contextmanager
def remembering_sink(heard: Path) -> Iterator[int]:
    """The same with a file of the Message-IDs it took, a line each."""
    with heard.open("a", buffering=1) as out:

        class Remembering:
            async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
                if found := _MESSAGE_ID.search(envelope.original_content or b""):
                    out.write(found[1].decode() + "\n")
                return "250 OK"

        with sink(Remembering) as port:
            yield port


@contextmanager
def door(file: Path) -> Iterator[int]:
    """Our door as the command runs it; gives its port."""
    config = load(file)
    store = open_store(config)
    with background(config, store, grace=0) as opened:
        yield opened.address[1]
    store.close()
