"""What a mail of 1 MB costs the door in CPU, stored and all, against a server that stores nothing."""

from __future__ import annotations

from benchmarks import mails
from benchmarks.children import Client, Server, client, server
from benchmarks.house import installation
from benchmarks.measure import Figure, compare
from benchmarks.servers import SINK, door, sink

_MAILS = 20


def measure() -> Figure:
    content = mails.large(1 << 20)
    with (
        installation(smtp_listen="127.0.0.1:0") as (config, _),
        server(door, config.file) as ours,
        server(sink) as reference,
        client() as peer,
    ):
        return compare(
            "1 MB mail accepted, durable", "", "ms CPU",
            lambda: _cpu(peer, ours, content),
            SINK,
            lambda: _cpu(peer, reference, content),
        )  # fmt: skip


def _cpu(peer: Client, at: Server, content: bytes) -> float:
    """Milliseconds of the server's CPU a mail."""
    before = at.cpu()
    peer.rate(at.port, _MAILS, 2, content)
    return (at.cpu() - before) / _MAILS * 1000
