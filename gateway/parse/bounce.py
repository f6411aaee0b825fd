"""Reports of mail that did not arrive: RFC 3464 blocks, then flufl.bounce, then addresses and codes in the text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from email import message_from_bytes, message_from_string

from flufl.bounce import all_failures

from gateway.parse.addresses import normalise_address, read_list
from gateway.parse.headers import Headers
from gateway.parse.parsed import Bounce, BouncedRecipient
from gateway.parse.told import find_told

MAX_RECIPIENTS = 1_000
MAX_FREE_TEXT = 50
MAX_IDS = 20
_SCAN_TEXT = 30_000

_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_REPLY_CODE = re.compile(r"(?<![\d.])([45]\d\d)[ -](?!\d)")
_MESSAGE_ID = re.compile(r"^[ \t>]*Message-ID:\s*<([^<>\s]{1,998})>", re.IGNORECASE | re.MULTILINE)
_EIGHT_BIT = re.compile(rb"[\x80-\xff]")
_DELIVERED = frozenset({"delivered", "relayed", "expanded"})
_DELAYED = re.compile(
    r"delay|warning|not (?:yet )?been delivered (?:yet|after)|will (?:be retried|retry|continue|keep)|"
    r"still being retried|deferred|no need to resend",
    re.IGNORECASE,
)
_FAILED = re.compile(
    r"undeliver|not (?:be )?deliver|returned|failed|failure|rejected|error|unable to deliver|could not|couldn't|"
    r"unknown user|user unknown|problem|message details|zustell|unbekannt|(?:pas|non|no|não) (?:\S+ ){0,3}(?:remis|entreg|recapit|"
    r"consegn)|niet (?:worden )?(?:bezorgd|afgeleverd)|inconnu|desconocid|sconosciut|не (?:\S+ )?доставл|配信|届け|送达|退信",
    re.IGNORECASE,
)
_SURELY_FAILED = re.compile(
    r"could ?n[o'’]t be delivered|undeliver(?:ed|able)|unable to deliver|delivery (?:has |to .{1,200}? )?failed|"
    r"nicht zugestellt werden|n['’]a pas pu être (?:remis|distribu)|no se (?:ha podido|pudo|puede) entregar|"
    r"non è stato possibile (?:consegnare|recapitare)|não (?:pôde|foi possível) (?:ser )?entreg|niet worden (?:bezorgd|afgeleverd)",
    re.IGNORECASE,
)
# The way was blocked, the mailbox may be fine.
_PASSING = re.compile(
    r"time[d ]*out|expired|connection refused|(?:could not|couldn't|unable to|did not accept our requests? to|refused to) connect|"
    r"no route to host|(?:host|network) (?:is )?(?:unreachable|down)|in (?:the )?queue too long|too long in (?:the )?queue|"
    r"failed \d+ (?:attempts|times)|after \d+(?:\.\d+)? (?:hours?|days?|attempts)\b|postponed",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Report:
    """What a message offers as evidence: delivery-status parts, its text, and the mails it sends back."""

    statuses: list[str] = field(default_factory=list)
    text: str = ""
    returned: list[str] = field(default_factory=list)


def read_bounce(headers: Headers, report: Report, raw: bytes) -> Bounce | None:
    """The recipients a mail system's report names, None when it is no report of a failure.

    To be called only for mail that a mail system seems to have written; `raw` is what flufl.bounce may read.
    """
    told = [r for status in report.statuses for r in _read_status(status)]
    quoted = re.sub(r"(?m)^[> ]+", "", report.text[:_SCAN_TEXT])
    if not told and "final-recipient:" in quoted.lower():
        told = list(_read_status(quoted))
    ids = _find_ids(report)
    if told:
        return Bounce(tuple(_merge(told))[:MAX_RECIPIENTS], ids)
    if report.statuses and re.search(r"(?im)^action:\s*(?:delivered|relayed|expanded)", "\n".join(report.statuses)):
        return None
    own = {a.address for a in read_list(headers.all("to"))} | {a.address for a in read_list(headers.all("from"))}
    named = [normalise_address(a.strip(" <>")) for v in headers.all("x-failed-recipients") for a in v.split(",")]
    permanent: dict[str, bool | None] = {address: None for address in named if address}
    if not permanent:
        asked = _ask_flufl(raw)
        unlikely = own | {i.lower() for i in ids}
        permanent = {a: p for a, p in asked.items() if a not in unlikely} or asked
    if not permanent:
        permanent = dict.fromkeys(find_told(report.text[:_SCAN_TEXT], report.returned, own)[:MAX_FREE_TEXT])
    if not permanent and not _FAILED.search(headers.first("subject") + "\n" + report.text[:2_000]):
        return None
    return Bounce(tuple(_describe(a, p, headers.first("subject"), report.text) for a, p in permanent.items()), ids)


def read_complaint(feedback: str, returned: Iterable[str]) -> Bounce | None:
    """Who called a mail unwanted (RFC 5965 section 3); None for feedback that is no complaint."""
    fields = message_from_string(feedback.strip("\n") + "\n\n")
    if str(fields.get("Feedback-Type") or "").strip().lower() not in ("abuse", "fraud", "opt-out", "other"):
        return None
    readers = map(_address, map(str, fields.get_all("Original-Rcpt-To") or ()))
    recipients = tuple(BouncedRecipient(reader) for reader in dict.fromkeys(readers) if reader)
    return Bounce(recipients[:MAX_RECIPIENTS], _find_ids(Report(returned=list(returned))), complaint=True)


def says_failed(text: str) -> bool:
    """Whether the text tells beyond doubt that a mail was not delivered."""
    return bool(_SURELY_FAILED.search(text[:2_000]))


def _find_ids(report: Report) -> tuple[str, ...]:
    """The Message-IDs of the mails a report returns; a note in its text about another mail counts last."""
    found = [i for mail in [*report.returned, report.text[:_SCAN_TEXT]] for i in _MESSAGE_ID.findall(mail)[:1]]
    return tuple(dict.fromkeys(found))[:MAX_IDS]


def _read_status(text: str) -> Iterable[BouncedRecipient]:
    for block in re.split(r"\n\s*\n", text)[: MAX_RECIPIENTS * 2]:
        fields = message_from_string(block.strip("\n") + "\n\n")
        final = _address(str(fields.get("Final-Recipient") or ""))
        original = _address(str(fields.get("Original-Recipient") or ""))
        action = str(fields.get("Action") or "").strip().lower().split(" ")[0]
        # A final address without a full domain is known on its own host only.
        address = final if "." in final.rpartition("@")[2] or not original else original
        if not address or action in _DELIVERED:
            continue
        codes = _STATUS.findall(str(fields.get("Status") or ""))
        better = [c for c in _STATUS.findall(str(fields.get("Diagnostic-Code") or "")) if not c.startswith("2")]
        status = codes[0] if codes else better[0] if better else None
        if status and status.endswith(".0.0") and better and better[0][0] == status[0]:
            status = better[0]
        if (
            better
            and action == "failed"
            and status
            and (status == "4.4.7" or (status[0] == "4" and better[0][0] == "5"))
        ):
            status = better[0]  # the last refusal tells more than that the time was up
        passing = status is None and _PASSING.search(str(fields.get("Diagnostic-Code") or ""))
        yield BouncedRecipient(address, status, False if passing else _is_permanent(action, status))


def _address(value: str) -> str:
    text = value.split(";", 1)[-1].strip().strip("<>").strip()
    text = re.sub(r"\s*\([^()]*\)\s*$", "", re.sub(r"^@[^:]*:", "", text)).strip("<> ")
    # A pipe or a file is where mail went on one host, not whom it was for.
    return "" if re.search(r"\s", text) or text.startswith(("|", "/")) else normalise_address(text)


def _is_permanent(action: str, status: str | None) -> bool | None:
    if action.startswith("delay") or (status or "").startswith("4"):
        return False
    if (status or "").startswith("5"):
        return True
    return True if action == "failed" else None


def _merge(recipients: list[BouncedRecipient]) -> list[BouncedRecipient]:
    by_address: dict[str, BouncedRecipient] = {}
    for item in recipients:
        by_address.setdefault(item.address, item)
    return list(by_address.values())


def _ask_flufl(raw: bytes) -> dict[str, bool | None]:
    try:
        # flufl.bounce expects fields that are plain strings, and a From that is filled.
        message = message_from_bytes(_EIGHT_BIT.sub(b"?", raw))
        if not message.get("From"):
            del message["From"]
            message["From"] = "mailer-daemon@localhost"
        temporary, permanent = all_failures(message)
    except Exception:  # it raises what the standard library raises, and more
        return {}
    found: dict[str, bool | None] = {}
    for group, lasting in ((permanent, True), (temporary, False)):
        for item in sorted(bytes(a) for a in group):
            if address := _address(item.decode("utf-8", "replace")):
                found.setdefault(address, lasting)
    return found


def _describe(address: str, lasting: bool | None, subject: str, text: str) -> BouncedRecipient:
    """The status nearest after the address in the text, else the first one, else what the finder said."""
    text = text[:_SCAN_TEXT]
    if _DELAYED.search(subject):
        lasting = False
    at = text.lower().find(address)
    for stretch in (text[at : at + 1_500] if at >= 0 else "", text):
        if found := _STATUS.search(stretch):
            return BouncedRecipient(address, found[1], lasting if found[1][0] == "2" else found[1][0] == "5")
        if code := _REPLY_CODE.search(stretch):
            return BouncedRecipient(address, None, code[1].startswith("5"))
    return BouncedRecipient(address, None, False if _PASSING.search(text) else lasting)
