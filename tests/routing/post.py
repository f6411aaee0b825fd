"""The postman of the tests: takes what is due, composes it as a worker does, and answers as people do."""

from __future__ import annotations

from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from store import pending
from store.clock import now
from tests import one_row
from tests.harness import Gateway, mail
from workers.compose import compose


@dataclass(frozen=True)
class Sent:
    """A mail that went out, as its recipient has it."""

    recipient: str
    template: str
    envelope_from: str
    message: EmailMessage

    @property
    def text(self) -> str:
        part = self.message.get_body(("plain",))
        assert part is not None
        return str(part.get_content()).replace("\r\n", "\n")

    @property
    def html(self) -> str:
        part = self.message.get_body(("html",))
        assert part is not None
        return str(part.get_content())

    @property
    def reply_to(self) -> str:
        return str(self.message["Reply-To"].addresses[0].addr_spec)

    @property
    def close_address(self) -> str:
        """The address below the line that offers to close the ticket; empty when the mail offers nothing of the kind."""
        lines = self.text.split("\n")
        return next((lines[at + 1] for at, line in enumerate(lines) if line.startswith("Solved?")), "")

    @property
    def files(self) -> dict[str, bytes]:
        return {str(part.get_filename()): part.get_content() for part in self.message.iter_attachments()}


class Post:
    """Everything the gateway has mailed, oldest first."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.sent: list[Sent] = []

    def collect(self) -> list[Sent]:
        """Takes every mail that is due, as a worker and a relay that says yes; those taken now."""
        gateway, taken = self.gateway, []
        store, config = gateway.store, gateway.config
        while ids := pending.due(store, now(), 100):
            for id_ in ids:
                letter = one_row.claim(store, id_, "postman", now())
                if letter is None:
                    continue
                desk = config.desks[letter.facts["desk"]]
                made = compose(letter, desk, secret=config.secret, read_blob=store.blobs.get)
                one_row.accept(store, id_, "postman", "250 taken", now())
                read = message_from_bytes(made.content, policy=policy.default)
                assert isinstance(read, EmailMessage)
                taken.append(Sent(made.recipient, letter.template, made.envelope_from, read))
        self.sent += taken
        return taken

    def told(self) -> list[tuple[str, str]]:
        """Who gets which mail now, in order of the alphabet."""
        return sorted((one.recipient, one.template) for one in self.collect())

    def last(self, recipient: str, template: str) -> Sent:
        """The newest mail of that template to somebody; collects first."""
        self.collect()
        return next(one for one in reversed(self.sent) if (one.recipient, one.template) == (recipient, template))

    def answer(self, sent: Sent, text: str = "", *, to: str = "", quote: bool = True, **more: Any) -> dict[str, Any]:
        """Its recipient answers it to Reply-To, or writes `to` another address of the mail; the journal row."""
        place = to or sent.reply_to
        said = text + ("\n\n" + "\n".join(f"> {line}" for line in sent.text.split("\n")) if quote else "")
        subject = more.pop("subject", f"Re: {sent.message['Subject']}")
        sender = more.pop("sender", sent.recipient)
        files = more.pop("files", ())
        headers = {"In_Reply_To": str(sent.message["Message-ID"]), **more} if quote else more
        written = mail(said, sender=sender, to=place, subject=subject, **headers)
        for name, content, kind in files:
            main, _, sub = kind.partition("/")
            written.add_attachment(content, maintype=main, subtype=sub, filename=name)
        return self.gateway.receive(written, place, sender=sender)
