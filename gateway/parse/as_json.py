"""The `parse` JSON form of a message."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gateway.parse.parsed import File, Parsed

Judge = Callable[[File], tuple[str, str | None]]


def as_json(parsed: Parsed, file: str, judge: Judge) -> dict[str, Any]:
    """`parsed` as plain values for json.dumps; `judge` gives each attachment's verdict and reason."""
    attachments = []
    for item in parsed.files:
        verdict, reason = judge(item)
        attachments.append({
            "filename": item.filename, "content_type": item.content_type, "size": item.size, "sha256": item.sha256,
            "inline": item.inline, "verdict": verdict, "reason": reason,
        })  # fmt: skip
    bounce = None
    if parsed.bounce and not parsed.bounce.complaint:
        told = parsed.bounce.recipients
        bounce = {"recipients": [{"address": r.address, "status": r.status, "permanent": r.permanent} for r in told]}
    return {
        "file": file,
        "message_id": parsed.message_id,
        "in_reply_to": list(parsed.in_reply_to),
        "references": list(parsed.references),
        "date": parsed.date.isoformat() if parsed.date else None,
        "from": parsed.from_.address if parsed.from_ else "",
        "from_name": parsed.from_.name if parsed.from_ else "",
        "to": [a.address for a in parsed.to],
        "cc": [a.address for a in parsed.cc],
        "reply_to": [a.address for a in parsed.reply_to],
        "subject": parsed.subject,
        "text": parsed.text,
        "reply": parsed.reply,
        "hidden": parsed.hidden,
        "html": parsed.html,
        "attachments": attachments,
        "auto": "own" if parsed.loop_mark else parsed.auto,
        "bounce": bounce,
        "defects": list(parsed.defects),
    }
