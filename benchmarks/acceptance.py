"""Small mails durably accepted a second, against a server that stores nothing."""

from __future__ import annotations

from benchmarks import mails
from benchmarks.children import client, server
from benchmarks.house import installation
from benchmarks.measure import Figure, compare
from benchmarks.servers import SINK, door, sink

_CONNECTIONS = 32
_MAILS = 1000


def measure() -> Figure:
    content = mails.small(0)
    with (
        installation(smtp_listen="127.0.0.1:0") as (config, _),
        server(door, config.file) as ours,
        server(sink) as reference,
        client() as peer,
    ):
        return compare(
            "small mail accepted, durable", ">= 1.5", "mails/s",
            lambda: peer.rate(ours.port, _MAILS, _CONNECTIONS, content),
            SINK,
            lambda: peer.rate(reference.port, _MAILS, _CONNECTIONS, content),
        )  # fmt: skip
