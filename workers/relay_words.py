"""What goes wrong with the relay, in words: its own for the mail's row, ours for whoever looks after the gateway."""

from __future__ import annotations

import ssl

from workers.retry import NoSession

# What people read who look after the gateway, on a page that anybody may see.
LOGIN = "the relay refuses our login, or wants one; correct the user and the password in [relay] url"
TOKEN = "there is no access token for the relay; run `postern login` with the name in [relay] oauth"
GREETING = "the relay turns us away; ask whoever runs it whether it takes mail from this host"
STARTTLS = "the relay does not do STARTTLS; correct host and port in [relay] url, or use smtps://"
CERTIFICATE = (
    "the relay's certificate is not believed; name the relay in [relay] url as its certificate does, or have it renewed"
)
UNREACHABLE = "the relay is not reached or breaks off; see that it runs, and correct host and port in [relay] url"
TLS = "no safe connection to the relay comes about; correct host, port and tls= in [relay] url"


def reply_line(code: int, text: bytes) -> str:
    """A reply on one line."""
    said = f"{code} {' '.join(text.decode('utf-8', 'replace').split())}"
    return (said if said.isprintable() else "".join(filter(str.isprintable, said)))[:500]


def as_bytes(text: bytes | str) -> bytes:
    """What smtplib gives in either form."""
    return text if isinstance(text, bytes) else text.encode()


def reason(error: Exception) -> str:
    """Why a conversation came to nothing."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate not believed: {error.verify_message}"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def unsafe(what: str, error: ssl.SSLError) -> NoSession:
    """TLS did not come about."""
    remedy = CERTIFICATE if isinstance(error, ssl.SSLCertVerificationError) else TLS
    return NoSession(f"{what}: {reason(error)}", remedy)
