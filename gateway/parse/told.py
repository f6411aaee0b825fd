"""Failed recipients told in free text, as mail systems without RFC 3464 write them."""

from __future__ import annotations

import re

from gateway.parse.addresses import normalise_address

_ADDR = r"([^\s<>()\[\]\"',;:|]{1,64}@[A-Za-z0-9.-]{1,253}[A-Za-z0-9])"
_RETURNED = re.compile(
    r"^[ \t]*(?:-{2,}[ \t]*(?:below this line|.{0,20}original message|returned message|.{0,20}copy of|"
    r".{0,10}unsent message|message (?:header|text))|"
    r"message headers follow|return-path:|received: |(?:original )?mail as follows)",
    re.IGNORECASE | re.MULTILINE,
)
_FORMS = tuple(
    re.compile(form, re.IGNORECASE | re.MULTILINE)
    for form in (
        rf"^[ \t]*<{_ADDR}>",
        rf"^[ \t]*{_ADDR}[ \t]*(?:$|[:\[(]|\.\.\.)",
        rf"\b[45]\d\d[ -](?:[45]\.\d+\.\d+ )?<{_ADDR}>",
        rf"\brcpt to:[ \t]*<?{_ADDR}",
        rf"(?:recipients?|address(?:es)?|(?:e-?)?mails?|message|delivery|delivered|mailbox|user|"
        rf"empfängers?|adressen?|destinataires?|destinat[aá]ri[oi]s?|ontvangers?|mottagare|modtagere?|odbiorc[ay]|получател\w+)"
        rf"\b[^\n@]{{0,80}}?[\s<:]{_ADDR}",
        rf"^[ \t]*to:?[ \t]*<?{_ADDR}",
    )
)
_TO = re.compile(rf"^[ \t>]*to:[^\n@]{{0,200}}?{_ADDR}", re.IGNORECASE | re.MULTILINE)
_HELPERS = re.compile(r"^(?:postmaster|mailer-daemon|support|abuse|helpdesk|noc|root)@", re.IGNORECASE)


def find_told(text: str, returned: list[str], own: set[str]) -> list[str]:
    """The addresses the surest form of words gives; `own` are the report's sender and reader, never a failure."""
    cut = _RETURNED.search(text)
    told, rest = (text[: cut.start()], text[cut.start() :]) if cut else (text, "")
    for form in _FORMS:
        if found := _keep(form.findall(told), own):
            return found
    for mail in [rest, *returned]:
        if found := _keep(_TO.findall(mail[:20_000]), own):
            return found[:1]
    return []


def _keep(addresses: list[str], own: set[str]) -> list[str]:
    settled = [normalise_address(address.rstrip(".")) for address in addresses]
    return [a for a in dict.fromkeys(settled) if a and a not in own and not _HELPERS.match(a)]
