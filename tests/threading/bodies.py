"""How mail programs put the mail they answer below an answer: (text, HTML or nothing)."""

from __future__ import annotations

from html import escape

DAY = "Mon, Mar 2, 2026 at 11:00 AM"
DESK = "Example Hosting"


def gmail(words: str, old: str, address: str) -> tuple[str, str]:
    text = f"{words}\n\nOn {DAY} {DESK} <\n{address}> wrote:\n\n{_quoted(old)}"
    html = (
        f'<div dir="ltr">{_html(words)}</div><br><div class="gmail_quote gmail_quote_container"><div dir="ltr" '
        f'class="gmail_attr">On {DAY} {DESK} &lt;<a href="mailto:{address}">{address}</a>&gt; wrote:<br></div><blockquote '
        f'class="gmail_quote" style="margin:0px 0px 0px 0.8ex;border-left:1px solid">{_html(old)}</blockquote></div>'
    )
    return text, html


def outlook(words: str, old: str, address: str) -> tuple[str, str]:
    head = [
        ("Von", f"{DESK} <{address}>"),
        ("Gesendet", "Montag, 2. März 2026 11:00"),
        ("An", "Anna"),
        ("Betreff", "Re: x"),
    ]
    text = f"{words}\n\n" + "".join(f"{name}: {value}\n" for name, value in head) + f"\n{old}"
    block = "<br>".join(f"<b>{name}:</b> {escape(value)}" for name, value in head)
    html = (
        f'<html xmlns:o="urn:schemas-microsoft-com:office:office"><body lang=DE><div class=WordSection1>'
        f"<p class=MsoNormal>{_html(words)}<o:p></o:p></p><p class=MsoNormal><o:p>&nbsp;</o:p></p><div style='border:none;"
        f"border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm'><p class=MsoNormal>{block}</p></div>"
        f"<p class=MsoNormal>{_html(old)}</p></div></body></html>"
    )
    return text, html


def outlook_web(words: str, old: str, address: str) -> tuple[str, str]:
    head = f"From: {DESK} <{address}>\nSent: Monday, March 2, 2026 11:00 AM\nTo: Anna\nSubject: x\n"
    block = "<br>".join(
        f"<b>{line.partition(':')[0]}:</b>{escape(line.partition(':')[2])}" for line in head.splitlines()
    )
    html = (
        f'<html><body><div class="elementToProof" style="font-family: Aptos">{_html(words)}</div><div id="appendonsend"></div>'
        f'<hr style="display:inline-block;width:98%"><div id="divRplyFwdMsg" dir="ltr"><font>{block}</font></div>{_html(old)}</body></html>'
    )
    return f"{words}\n\n________________________________\n{head}\n{old}", html


def outlook_mobile(words: str, old: str, address: str) -> tuple[str, str]:
    text, _ = outlook_web(f"{words}\n\nGet Outlook for iOS<https://aka.ms/o0ukef>", old, address)
    html = (
        f'<html><body><div dir="ltr">{_html(words)}</div><div id="ms-outlook-mobile-signature">Get <a href="https://aka.ms/o0ukef">'
        f'Outlook for iOS</a></div><div id="mail-editor-reference-message-container"><hr><div><b>From:</b> {DESK}<br><b>Sent:</b> '
        f"Monday, March 2, 2026 11:00:00 AM<br><b>To:</b> Anna<br><b>Subject:</b> x</div>{_html(old)}</div></body></html>"
    )
    return text, html


def apple(words: str, old: str, address: str) -> tuple[str, str]:
    return f"{words}\n\n> On 2 Mar 2026, at 11:00, {DESK} <{address}> wrote:\n> \n{_quoted(old)}", ""


def ios(words: str, old: str, address: str) -> tuple[str, str]:
    return (
        f"{words}\n\nSent from my iPhone\n\n> On Mar 2, 2026, at 11:00, {DESK} <{address}> wrote:\n> \n{_quoted(old)}",
        "",
    )


def thunderbird(words: str, old: str, address: str) -> tuple[str, str]:
    return f"{words}\n\nOn 02/03/2026 11:00, {DESK} wrote:\n{_quoted(old)}\n\n-- \nAnna", ""


def yahoo(words: str, old: str, address: str) -> tuple[str, str]:
    said = f"On Monday, March 2, 2026 at 11:00:00 AM GMT+1, {DESK} <{address}> wrote:"
    html = (
        f'<div class="ydp1yahoo-style-wrap"><div dir="ltr">{_html(words)}</div></div><div id="yahoo_quoted_1" class="yahoo_quoted">'
        f"<div><div>{escape(said)}</div><div><br></div><div>{_html(old)}</div></div></div>"
    )
    return f" {words}\n\n    {said}  \n \n {_quoted(old)}", html


def proton(words: str, old: str, address: str) -> tuple[str, str]:
    said = f"On Monday, March 2nd, 2026 at 11:00 AM, {DESK} <{address}> wrote:"
    html = (
        f'<div style="font-family: Arial">{_html(words)}</div><div class="protonmail_quote">{escape(said)}<br>'
        f'<blockquote class="protonmail_quote" type="cite">{_html(old)}</blockquote></div>'
    )
    return f"{words}\n\n{said}\n\n{_quoted(old)}", html


def notes(words: str, old: str, address: str) -> tuple[str, str]:
    head = f"Von:\t{DESK} <{address}>\nAn:\tAnna\nDatum:\t02.03.2026 11:00\nBetreff:\tx"
    return f"{words}\n\n\n\n{head}\n\n\n\n{old}", ""


def zimbra(words: str, old: str, address: str) -> tuple[str, str]:
    head = (
        f'From: "{DESK}" <{address}>\nTo: "anna" <anna@cust.test>\nSent: Monday, March 2, 2026 11:00:00 AM\nSubject: x'
    )
    html = (
        f'<html><body><div style="font-family: arial">{_html(words)}</div><hr id="zwchr" data-marker="__DIVIDER__"><div '
        f'data-marker="__HEADERS__"><b>From: </b>{DESK}<br><b>To: </b>anna<br><b>Sent: </b>Monday, March 2, 2026 11:00:00 AM<br>'
        f'<b>Subject: </b>x<br></div><div data-marker="__QUOTED_TEXT__">{_html(old)}</div></body></html>'
    )
    return f"{words}\n\n----- Original Message -----\n{head}\n\n{old}", html


def ticket_system(words: str, old: str, address: str) -> tuple[str, str]:
    return f"{words}\n\nOn Mon Mar 02 11:00:00 2026, {address} wrote:\n{_quoted(old)}\n", ""


def _quoted(old: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in old.splitlines())


def _html(text: str) -> str:
    return escape(text).replace("\n", "<br>\r\n")
