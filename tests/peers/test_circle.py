"""The closed circle: what leaves by a real Postfix and lies in a real Dovecot is answered, fetched by IMAP, and threads."""

from __future__ import annotations

import json
import smtplib
from email import message_from_string, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.harness import mail
from tests.peers.dovecot import HAS_DOVECOT, PASSWORD, Dovecot
from tests.peers.postfix import Postfix, needs_postfix
from tests.running import Running

pytestmark = [pytest.mark.slow, needs_postfix, pytest.mark.skipif(not HAS_DOVECOT, reason="needs Dovecot")]
ALL_TO_DOVECOT = """
relay_domains = desk.test cust.test
recipient_delimiter = +
transport_maps = inline:{{ desk.test=lmtp:inet:[127.0.0.1]:{port}, cust.test=lmtp:inet:[127.0.0.1]:{port} }}
"""


def in_mailbox(dovecot: Dovecot, user: str, count: int, gateway: Running) -> list[EmailMessage]:
    """The mails of a mailbox, once there are so many."""
    gateway.wait_until(lambda: dovecot.count(user) >= count, 120)
    told = dovecot.doveadm("fetch", "-u", user, "text", "mailbox", "INBOX", "all")
    texts = told.replace("\f", "").split("text:\n")[1:]
    return [message_from_string(text, policy=policy.default) for text in texts]  # type: ignore[arg-type]


def answer_to(message: EmailMessage, text: str) -> EmailMessage:
    """As a mail program writes it."""
    answer = mail(text, to=str(message["Reply-To"]), subject=f"Re: {message['Subject']}")
    answer["In-Reply-To"] = answer["References"] = str(message["Message-ID"])
    return answer


def post(postfix: Postfix, message: EmailMessage, to: str) -> None:
    with smtplib.SMTP("127.0.0.1", postfix.port, timeout=60) as client:
        client.sendmail("anna@cust.test", [to], message.as_bytes())


def test_an_answer_to_what_left_comes_home_by_imap(tmp_path: Path) -> None:
    (tmp_path / "password").write_text(PASSWORD)
    with Dovecot() as dovecot, Postfix(ALL_TO_DOVECOT.format(port=dovecot.lmtp)) as postfix:
        mailbox = {
            "host": "127.0.0.1", "port": dovecot.imap, "tls": "off", "user": "support@desk.test",
            "password_file": str(tmp_path / "password"), "poll": 1,
        }  # fmt: skip
        relay = f"smtp://127.0.0.1:{postfix.port}?tls=off"
        desk = Running(tmp_path / "desk", "hosting", relay=relay, at_once=True, POSTERN_IMAP=json.dumps([mailbox]))
        with desk as gateway:
            gateway.load(agents=[{"email": "gina@cust.test", "name": "Gina", "desk": "hosting"}])
            post(postfix, mail("My printer smokes."), "support@desk.test")
            (confirmation,) = in_mailbox(dovecot, "anna@cust.test", 1, gateway)
            assert "+" in str(confirmation["Reply-To"])
            post(postfix, answer_to(confirmation, "It burns by now."), str(confirmation["Reply-To"]))
            gateway.wait_until(lambda: [row["outcome"] for row in gateway.json("journal")] == ["new", "reply"], 120)
            (ticket,) = gateway.json("tickets")
            assert {row["door"] for row in gateway.json("journal")} == {"imap"}

            gateway.run("reply", ticket["tag"], "--agent", "gina@cust.test", text="Please pull the plug.")
            both = in_mailbox(dovecot, "anna@cust.test", 2, gateway)
            post(postfix, answer_to(both[-1], "Done."), str(both[-1]["Reply-To"]))
            gateway.wait_until(lambda: len(gateway.json("journal")) == 3, 120)
            gateway.wait_until(lambda: len(gateway.json("ticket", ticket["tag"])["messages"]) == 4, 120)
            texts = [one["text"].strip() for one in gateway.json("ticket", ticket["tag"])["messages"]]
            assert texts == ["My printer smokes.", "It burns by now.", "Please pull the plug.", "Done."]
            assert not [one for one in postfix.deliveries() if one.status != "sent"]
