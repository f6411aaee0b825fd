"""What Outlook writes into Thread-Index ([MS-OXOMSG] 2.2.1.3): 22 bytes that a conversation has in common, then 5 a mail."""

from __future__ import annotations

from base64 import b64decode

_HEAD, _BLOCK = 22, 5
_LONGEST = 4000  # characters; answers to answers, a hundred and more deep


def read_conversation(value: str) -> str | None:
    """The first 22 bytes in hex; None for what is no Thread-Index. Raises ValueError for what is no base64."""
    text = "".join(value.split())
    if not text or len(text) > _LONGEST:
        return None
    raw = b64decode(text, validate=True)
    return raw[:_HEAD].hex() if len(raw) >= _HEAD and (len(raw) - _HEAD) % _BLOCK == 0 and raw[0] == 1 else None
