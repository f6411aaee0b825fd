"""A letter to the mail it is: envelope, headers and what its template may know; same letter, equal bytes (design 5)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC
from email.utils import format_datetime
from pathlib import Path

from store.letters import Letter, LetterFile
from store.rules.desk import Answer, Desk
from store.rules.fanout import ANSWERS
from store.rules.tokens import Kind, Token, loop_mark
from templates.assets import asset_lines
from templates.checking import located
from templates.contexts import FileLine, MailContext, Picture, excerpt, field_line, one_line, readable
from templates.figures import moment
from templates.languages import ENGLISH, choose
from templates.phrases import NAMELESS
from templates.render import Rendered, render
from workers.addresses import mail_address, plus_address
from workers.digest import digest_of
from workers.files import fetch_links, file_lines
from workers.mime import encode_mailbox, encode_words, write_body
from workers.pictures import pictures
from workers.renewals import calendar_file, renewals_of

ATTACHING = frozenset({"staff_reply", "cc_copy", "ticket_closed", "staff_notice", "safety_alert", "outsider_question"})
# Our own words alone: whoever reads one of these may be another than who wrote to us (threats 38, 40).
WORDLESS = frozenset({"held_ack", "portal_redirect", "confirm_request", "request_refused", "address_used"})
# The sender hears what was refused, and the staff (T13).
REFUSING = ANSWERS - WORDLESS | {"staff_notice", "safety_alert"}
# Mails to which a person who may close the ticket may well answer that all is done.
CLOSING = frozenset(
    {
        "confirmation", "access_ack", "login_help", "missing_info", "portal_nudge", "follow_up", "staff_reply", "ticket_update",
    }
)  # fmt: skip
# They point to the portal themselves, and an answer to them does not do as well.
_ON_PORTAL = frozenset({"portal_redirect", "portal_hold"})
_FOR_LOCKED_OUT: frozenset[Answer] = frozenset({"access_ack", "login_help"})
MOST_ATTACHED = 18 * 1024 * 1024  # decoded; in base64 just under the 25 MB that large providers take
_MOST_REFERENCES = 30
_ID = re.compile(r"[!-;=?-~]{1,250}")  # printable ASCII without <>


@dataclass(frozen=True, slots=True)
class Mail:
    """What the relay is handed: the envelope and the whole message. `envelope_from` is empty for the null sender."""

    envelope_from: str
    recipient: str
    content: bytes
    fault: str = ""  # what is wrong with the desk's own template, in whose place the shipped one was used


def compose(
    letter: Letter, desk: Desk, *, secret: bytes, read_blob: Callable[[str], bytes], room: int = MOST_ATTACHED
) -> Mail:
    """The mail of a letter, with at most `room` bytes of files, decoded; the others are named beside the link.

    Raises Permanent for an address that no mail can go to or come from (threats 71).
    """
    recipient, sender = mail_address(letter.recipient), mail_address(letter.facts["from_address"])
    attached = _fitting(letter, desk, room)
    language = choose(letter.facts["language"], desk.language)
    files = [(file, read_blob(file.sha256)) for file in attached]
    shown = pictures(files, letter.header_id)
    if letter.template == "renewal_alert":
        files.append(calendar_file(letter, language))
    told = context(letter, desk, attached, secret, language, shown.values())
    rendered, fault = _render(letter.template, told, language, desk)
    head = "".join(
        f"{name}: {value}\r\n"
        for name, value in _headers(letter, desk, sender, recipient, rendered.subject, language, secret)
    )
    body = write_body(rendered, files, letter.header_id, {file: picture.cid for file, picture in shown.items()})
    envelope = "" if letter.template in ANSWERS else plus_address(
        mail_address(desk.bounce_address), Token("bounce", letter.event_id, letter.person_id), secret
    )  # fmt: skip
    return Mail(envelope, recipient, head.encode("ascii") + body, fault)


def _render(template: str, mail: MailContext, language: str, desk: Desk) -> tuple[Rendered, str]:
    """By the desk's own template; by the shipped one where that is broken, with what is wrong (BR-07)."""
    if not desk.templates:
        return render(template, mail, language), ""
    own = Path(desk.templates)
    try:
        return render(template, mail, language, own), ""
    except Exception as error:  # a template may do anything wrong, and its message may quote the mail
        fault = replace(located(own, template, error), what=type(error).__name__)
        return render(template, mail, language), f"{fault}"


def context(
    letter: Letter,
    desk: Desk,
    attached: Sequence[LetterFile],
    secret: bytes,
    language: str = ENGLISH,
    pictured: Iterable[Picture] = (),
) -> MailContext:
    """What the template gets to know: the letter under the desk's text policy, with nothing of a stranger's in it."""
    facts = letter.facts
    staff = facts["role"] == "staff"
    # Whoever has no place on the ticket may be somebody whom support once asked, and knows its number alone.
    outside = facts["role"] == "outsider" or (facts["role"] == "writer" and letter.template == "address_used")
    text = "" if letter.template in WORDLESS else readable(letter.text)
    # threats 38: what a stranger sent may be somebody else's words to them; support's own words to them are not.
    known = facts["known"] or staff
    secretive = not known and not (facts["by_support"] and (text or letter.files))
    policy = _policy(letter, desk)
    hidden = secretive or policy == "link_only"
    shown = "" if hidden else text
    told = excerpt(shown) if policy == "excerpt" else shown
    silent = hidden or letter.template in WORDLESS
    elsewhere = [] if silent else [file for file in letter.files if file not in attached]

    links = fetch_links(letter, secret) if letter.template in ATTACHING else {}

    def fact(name: str, longest: int = 250) -> str:
        return one_line(str(facts.get(name) or ""), longest)

    def lines(name: str) -> tuple[str, ...]:
        return tuple(one_line(str(value)) for value in facts.get(name) or ())

    return MailContext(
        desk=one_line(desk.title), team=one_line(desk.team), noun=one_line(desk.noun), guidance=desk.guidance,
        preferred_channel="" if outside or letter.template in _ON_PORTAL else one_line(desk.preferred_channel, 1000),
        tag=_tag(letter), subject="" if secretive or outside else fact("subject"),
        label="" if outside else fact("label"), label_changed=facts["label_changed"],
        help="" if outside else fact("help", 1000), link="" if outside else fact("link", 2000),
        former=fact("former") if known and not outside else "", close_address=_close_address(letter, secret),
        role=facts["role"], known=known, name=fact("recipient_name", 80) if known else "",
        change=facts["change"], author=fact("author", 80) if known or facts["by_support"] else "",
        author_address=fact("author_address") if staff else "", by_support=facts["by_support"],
        at=moment(facts["at"], facts["timezone"], desk.timezone, language=language),
        text=told, shortened=told != shown, withheld=text != "" and not shown, pictures=tuple(pictured),
        attached=file_lines(attached, language), elsewhere=file_lines(elsewhere, language, links),
        refused=() if secretive or letter.template not in REFUSING else tuple(
            FileLine(one_line(f["filename"], 120) or NAMELESS, one_line(f["reason"] or "not accepted"))
            for f in facts["refused"]
        ),
        allowed=fact("allowed", 1000), upload_link="" if secretive else fact("upload_link", 2000),
        missing=tuple(map(field_line, lines("missing"))), nudged=desk.general_mail == "nudge",
        topics=tuple(f"{one_line(box.department)}: {box.address}" for box in desk.mailboxes if box.everybody),
        asked=tuple(filter(None, fact("about", 1000).split("; "))) if letter.template == "confirm_request" else (),
        given_to=fact("about", 80) if staff and facts["change"] == "unassigned" else "",
        used_by=fact("about") if known and letter.template == "address_used" else "",
        problems=lines("problems") if known else (), commands=lines("commands"),
        password_link=fact("password_link", 2000) if known else "",
        password_code=fact("password_code") if known else "", code_page=fact("code_page", 2000) if known else "",
        priority=fact("priority") if staff else "", department=fact("department") if staff else "",
        origin=fact("origin") if staff else "", claims=fact("claims") if staff else "",
        flags=tuple(one_line(flag) for flag in facts["flags"]) if staff else (),
        assets=tuple(
            replace(line, name=one_line(line.name, 120), why=one_line(line.why, 500), link=one_line(line.link, 500))
            for line in asset_lines(facts.get("assets") or (), language)
        ) if known else (),
        renewals=renewals_of(letter, language, lambda kind: answer_address(letter, kind, secret)),
        digest=digest_of(letter, desk, policy, language, lambda ticket: plus_address(
            mail_address(facts["from_address"]), Token("reply", ticket, letter.person_id), secret
        )),
    )  # fmt: skip


def answer_address(letter: Letter, kind: Kind, secret: bytes) -> str:
    """Where an answer decides on the devices of an alert; empty for somebody who may decide on none of them."""
    facts = letter.facts
    if not any(device["acts"] for device in facts["devices"]):
        return ""
    return plus_address(mail_address(facts["from_address"]), Token(kind, facts["alert"], letter.person_id), secret)


def _fitting(letter: Letter, desk: Desk, room: int) -> tuple[LetterFile, ...]:
    """The files that travel with this mail; the template names the others beside the link."""
    facts = letter.facts
    hidden = _policy(letter, desk) == "link_only"
    if letter.template not in ATTACHING or hidden or not (facts["known"] or facts["by_support"]):
        return ()
    fitting = []
    for file in letter.files:
        if file.size <= room:
            room -= file.size
            fitting.append(file)
    return tuple(fitting)


def _policy(letter: Letter, desk: Desk) -> str:
    """How much of a message this mail may hold.

    Who cannot sign in must be able to settle the matter by mail alone (EQ-64); staff and people outside read all they are
    sent.
    """
    role, department = letter.facts["role"], str(letter.facts["department"])
    if role in ("staff", "outsider") or letter.template in _FOR_LOCKED_OUT:
        return "full"
    return "full" if desk.mailbox_of(department).answer in _FOR_LOCKED_OUT else desk.mail_body


def _close_address(letter: Letter, secret: bytes) -> str:
    """Where this person closes the ticket with any mail; nothing that follows links can do it (threats 63, 64)."""
    facts = letter.facts
    if letter.ticket_id is None or letter.template not in CLOSING or not facts.get("may_close") or facts.get("closed"):
        return ""
    return plus_address(mail_address(facts["from_address"]), Token("close", letter.ticket_id, letter.person_id), secret)


def _headers(
    letter: Letter, desk: Desk, sender: str, recipient: str, subject: str, language: str, secret: bytes
) -> list[tuple[str, str]]:
    """All but those of MIME, in the order in which people read them; each value encoded and folded."""
    facts = letter.facts
    tag = _tag(letter)
    subject = encode_words("Subject", subject if tag in subject else f"{tag} {subject}".strip())
    name = one_line(facts["recipient_name"] or "", 80) if facts["known"] else ""
    answer_to = sender
    if letter.template == "confirm_request":  # any answer is the act (threats 40)
        answer_to = plus_address(sender, Token("confirm", facts["confirms"], letter.person_id), secret)
    elif facts.get("alert"):
        answer_to = answer_address(letter, "alert", secret) or sender
    elif letter.ticket_id is not None:
        answer_to = plus_address(sender, Token("reply", letter.ticket_id, letter.person_id), secret)
    unsubscribe = one_line(facts.get("unsubscribe") or "", 900)
    before = _ids([facts["in_reply_to"] or ""])
    thread = _ids([*facts["references"], *before])
    headers = {
        "From": encode_mailbox("From", desk.title, sender),
        "To": encode_mailbox("To", name, recipient),
        "Reply-To": encode_mailbox("Reply-To", desk.title, answer_to),
        "Subject": subject,
        "Date": format_datetime(letter.created.astimezone(UTC)),
        "Message-ID": f"<{letter.header_id}>",
        "In-Reply-To": _listed(before),
        "References": _listed(thread[:1] + thread[1:][1 - _MOST_REFERENCES :]),
        "Thread-Topic": subject,
        "Thread-Index": facts.get("thread_index") or "",
        "List-Id": encode_mailbox("List-Id", desk.title, f"{desk.name}.{sender.rpartition('@')[2]}"),
        "List-Unsubscribe": f"<{unsubscribe}>" if unsubscribe else "",
        # RFC 8058 3.1: one click only over TLS
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click" if unsubscribe.startswith("https://") else "",
        # RFC 3834 5.2
        "Auto-Submitted": "auto-replied" if letter.template in ANSWERS else "auto-generated",
        "X-Auto-Response-Suppress": "All",
        # In a header: a word before the subject, gone or come, would begin a new conversation.
        "Importance": "high" if facts["role"] == "staff" and facts["priority"] in ("high", "urgent") else "",
        "X-Postern-Loop": loop_mark(secret),
        "Content-Language": language,
        "MIME-Version": "1.0",
    }
    return [(name, value) for name, value in headers.items() if value]


def _tag(letter: Letter) -> str:
    """With its brackets; empty for a mail about no one ticket."""
    tag = one_line(letter.facts["tag"])
    return f"[{tag}]" if tag else ""


def _ids(values: Iterable[str]) -> list[str]:
    """Message-IDs that may stand in a header, each once; a stranger's may hold anything."""
    return list(dict.fromkeys(value.strip("<>") for value in values if _ID.fullmatch(value.strip("<>"))))


def _listed(ids: list[str]) -> str:
    return "\r\n ".join(f"<{id_}>" for id_ in ids)
