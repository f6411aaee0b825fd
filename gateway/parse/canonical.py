"""The hash by which two deliveries of one mail are known to be the same."""

from __future__ import annotations

import hashlib
import re

_TRACE = re.compile(
    rb"(?:received|x-received|return-path|delivered-to|x-original-to|x-delivered-to|envelope-to|delivery-date|"
    rb"x-envelope-[!-9;-~]*|authentication-results|received-spf|arc-[!-9;-~]*|dkim-signature|resent-[!-9;-~]*|"
    rb"(?:x-)?status|x-(?:uid|keywords|imap(?:base)?)|x-mozilla-[!-9;-~]*|content-length|lines|"  # of the store of a mail server
    rb"x-(?:spam|virus|rspamd|ms-exchange|google|gm|forwarded|forefront|microsoft-antispam)[!-9;-~]*)[ \t]*:",
    re.IGNORECASE,
)
_BLOCK = 1 << 20
_MAX_HEAD = 1_000_000


def hash_message(raw: bytes) -> str:
    """SHA-256 of a message whose line ends are settled, as with CRLF and without the fields that delivery and keeping add."""
    digest = hashlib.sha256()
    end = raw.find(b"\n\n")
    crlf = raw.find(b"\n\r\n", 0, end if end >= 0 else len(raw))
    end = crlf if crlf >= 0 else end
    body = end + 1 if end >= 0 else len(raw)
    skipping = False
    at = 0
    while at < min(body, _MAX_HEAD):
        stop = raw.find(b"\n", at, body)
        line = raw[at : stop if stop >= 0 else body]
        if line[:1] not in (b" ", b"\t"):
            skipping = bool(_TRACE.match(line)) or (at == 0 and line.startswith(b"From "))
        if not skipping:
            digest.update(line.rstrip(b"\r") + b"\r\n")
        at += len(line) + 1
    for start in range(min(at, len(raw)), len(raw), _BLOCK):
        block = raw[start : start + _BLOCK]
        # A line end cut in two at a block's end must count once.
        if block.endswith(b"\r") and raw[start + _BLOCK : start + _BLOCK + 1] == b"\n":
            block = block[:-1]
        digest.update(block.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
    return digest.hexdigest()
