"""Authentication-Results (RFC 8601): what our own trusted host found, and nobody else's claims (threats 41)."""

from __future__ import annotations

import re
from collections.abc import Sequence

_METHOD = re.compile(r";\s*dmarc\s*=\s*([a-z]+)", re.IGNORECASE)
_ASIDE = re.compile(r"\([^()]*\)|\"[^\"]*\"")  # comments and quoted strings, in which anybody may write anything


def dmarc_result(auth_results: Sequence[str], trusted_host: str | None) -> str | None:
    """The DMARC result in the topmost header, when the trusted host wrote that one; else None.

    Only the topmost counts: headers below it may have come with the mail.
    """
    if not trusted_host or not auth_results:
        return None
    top = _ASIDE.sub(" ", auth_results[0])
    host = top.split(";", 1)[0].split()
    if not host or host[0].lower() != trusted_host.lower():
        return None
    match = _METHOD.search(top)
    return match[1].lower() if match else None
