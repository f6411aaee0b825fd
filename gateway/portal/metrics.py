"""What /healthz says as numbers, for Prometheus: no login, and nothing about tickets or people (threats 96)."""

from __future__ import annotations

from collections import Counter
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest
from starlette.requests import Request
from starlette.responses import Response

from gateway.portal.health import look


async def metrics(request: Request) -> Response:
    """GET /metrics. Always 200: what cannot be known is left out, and `postern_up` says whether all is well."""
    return Response(written(await look(request)), media_type=CONTENT_TYPE_LATEST)


def written(told: dict[str, Any]) -> bytes:
    """The text of a look. Made anew each time: what is gone from the settings leaves no number behind."""
    registry = CollectorRegistry(auto_describe=False)

    def gauge(name: str, meaning: str, *labels: str) -> Gauge:
        return Gauge(f"postern_{name}", meaning, labels, registry=registry)

    gauge("up", "1 when nobody needs to look").set(told["status"] == "ok")
    waiting = gauge("waiting", "Rows that wait in a ledger", "ledger")
    oldest = gauge("oldest_seconds", "How long the oldest row that is due has waited", "ledger")
    for ledger in ("journal", "outbox"):
        if told[ledger] is not None:
            waiting.labels(ledger).set(told[ledger]["waiting"])
            oldest.labels(ledger).set(told[ledger]["oldest_seconds"] or 0)
    for kind in ("part", "door"):
        up = gauge(f"{kind}_up", f"1 when the {kind} works", kind)
        for name, state in (told[f"{kind}s"] or {}).items():
            up.labels(name).set(state["up"])
    read = gauge("mailbox_up", "1 when the mailbox was read within two looks", "mailbox")
    since = gauge("mailbox_seconds_since_success", "How long ago the mailbox was read to its end", "mailbox")
    left = gauge("mailbox_left", "Mails that could not be fetched and wait for a person", "mailbox")
    for state in told.get("mailboxes", ()):
        read.labels(state["name"]).set(state["up"])
        left.labels(state["name"]).set(state["left"])
        if state["seconds_since_success"] is not None:
            since.labels(state["name"]).set(state["seconds_since_success"])
    back = gauge("probe_up", "0 when a probe to the mailbox stays away", "mailbox")
    filed = gauge("probe_seconds_since_filed", "How long ago a probe to the mailbox came back", "mailbox")
    took = gauge(
        "probe_seconds_to_ticket", "How long the last probe waited from its arrival until it was filed", "mailbox"
    )
    for state in told.get("probes", ()):
        back.labels(state["mailbox"]).set(state["up"])
        if state["seconds_to_ticket"] is not None:
            filed.labels(state["mailbox"]).set(state["seconds_since_filed"])
            took.labels(state["mailbox"]).set(state["seconds_to_ticket"])
    broken = gauge(
        "template_broken", "Faults of the desk's own templates, in whose place the shipped ones are used", "desk"
    )
    for desk, faults in Counter(state["desk"] for state in told.get("templates", ())).items():
        broken.labels(desk).set(faults)
    if "relay" in told:
        gauge("relay_up", "0 when the relay takes no mail of ours").set(told["relay"]["up"])
    asked = gauge("filter_up", "0 when mails are filed without the word of the filter", "filter")
    for name, state in told.get("filters", {}).items():
        asked.labels(name).set(state["up"])
    return bytes(generate_latest(registry))
