"""Small messages built for the tests of this folder."""

from __future__ import annotations

from gateway.parse import Parsed, parse


def mail(body: str = "Hello", **fields: str) -> bytes:
    """A message with the usual fields; underscores in names stand for dashes, an empty value leaves a field out."""
    head = {"From": "Ann Lee <ann@shop.test>", "To": "help@desk.test", "Subject": "Screen", **fields}
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in head.items() if value]
    return ("\n".join(lines) + "\n\n" + body).encode()


def multipart(*parts: str, kind: str = "mixed", boundary: str = "XX", **fields: str) -> bytes:
    """A multipart message; each part is its header and content as written."""
    body = "".join(f"--{boundary}\n{part}\n" for part in parts) + f"--{boundary}--\n"
    return mail(body, MIME_Version="1.0", Content_Type=f'multipart/{kind}; boundary="{boundary}"', **fields)


def read(body: str = "Hello", **fields: str) -> Parsed:
    """`mail`, parsed."""
    return parse(mail(body, **fields))


PDF = 'Content-Type: application/pdf; name="plan.pdf"\nContent-Transfer-Encoding: base64\n\nJVBERi0xLjQK'
TEXT = "Content-Type: text/plain; charset=utf-8\n\nThe lift is stuck."
