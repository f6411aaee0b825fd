"""What the demo sends, and what must become of it: the values that the acts are written in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class End:
    """What must have become of a step at one desk. An empty field is not compared.

    `ticket` is the name of the sample that opened the ticket, "" for none; a mail that opens one needs no name.
    `told` and `untold` are about mails of that ticket: (address, template), and addresses that get none at all;
    `says` are words that stand in each mail of `told`.
    """

    outcome: str
    desk: str
    ticket: str = ""
    label: str = ""
    priority: str = ""
    department: str = ""
    cc: tuple[str, ...] = ()
    flag: str = ""
    linked: str = ""
    side: str = ""
    accepted: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    told: tuple[tuple[str, str], ...] = ()
    untold: tuple[str, ...] = ()
    says: str = ""

    @property
    def looks_inside(self) -> bool:
        """True when the messages of the ticket have to be read as well."""
        return bool(self.accepted or self.refused or self.linked or self.side)


@dataclass(frozen=True, slots=True)
class Sent:
    """A mail of ours that really went out, which a later mail answers: whose ticket, to whom, from which template."""

    ticket: str
    recipient: str
    template: str


@dataclass(frozen=True, slots=True)
class Sample:
    """A mail for the SMTP door, from `mails/<stem>.eml` or a builder of `files`.

    `returned`: no text of its own, the mail of ours that it answers comes back as it went out. `hides`: words that must
    stand in no mail.
    """

    name: str
    shows: str
    sender: str
    to: tuple[str, ...]
    ends: tuple[End, ...]
    door: str = "250"
    answers: Sent | None = None
    file: str = ""
    returned: bool = False
    hides: str = ""

    @property
    def stem(self) -> str:
        """The name of its file, without the ending."""
        return self.file or self.name

    def opens(self, end: End) -> str:
        """The name under which later steps speak of the ticket that this mail opens at a desk."""
        return self.name if len(self.ends) == 1 else f"{self.name}@{end.desk}"


@dataclass(frozen=True, slots=True)
class StaffReply:
    """An answer of an agent through `postern reply`."""

    name: str
    shows: str
    agent: str
    text: str
    end: End
    options: tuple[str, ...] = ()


Step = Sample | StaffReply


@dataclass(frozen=True, slots=True)
class Act:
    """Steps that may be taken in one go; the gateway comes to rest before the next act."""

    title: str
    steps: tuple[Step, ...]
