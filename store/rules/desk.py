"""A desk: what its TOML file may say, as frozen values. Every difference between desks is a field here."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

Priority = Literal["low", "medium", "high", "urgent"]
PRIORITIES: tuple[Priority, ...] = ("low", "medium", "high", "urgent")

# requirements IN-18: exactly these thirteen; "csv" means .csv.
THIRTEEN = (
    ".doc", ".docx", ".xls", ".xlsx", ".csv", ".txt", ".pdf", ".bmp", ".jpg", ".jpeg", ".png", ".tar", ".zip",
)  # fmt: skip
FIFTEEN_MB = 15 * 1024 * 1024  # requirements A-06: per file, decoded, inclusive


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Mailbox(Frozen):
    """An address of the desk and what mail to it means (BR-10)."""

    address: str
    department: str = "Support"
    priority: Priority = "medium"

    @field_validator("address")
    @classmethod
    def _lower(cls, value: str) -> str:
        local, at, domain = value.strip().lower().rpartition("@")
        if not (local and at and domain) or "+" in local:
            raise ValueError("expected an address like support@example.com, without a + part")
        return f"{local}@{domain}"


class Labels(Frozen):
    """The desk's own words for the states of a ticket (requirements S3, first match wins)."""

    new: str = "Open"
    taken: str = "Open"
    replied_by_customer: str = "Open"
    replied_by_customer_taken: str = "Open"
    replied_by_support: str = "Open"
    waiting_customer: str = "Answered"
    closed: str = "Closed"


class Help(Frozen):
    """A sentence under a label that tells the customer whose turn it is; empty for none."""

    open: str = ""
    waiting_customer: str = ""
    closed: str = ""


class Notify(Frozen):
    """Who is told besides the people of the ticket (A-12)."""

    organization_admins: bool = False
    department_staff: bool = True
    echo_actor: bool = False


class Files(Frozen):
    """Which attachments the desk takes (IN-18, IN-19)."""

    allowed: tuple[str, ...] = THIRTEEN
    max_size: int = Field(FIFTEEN_MB, gt=0, description="bytes, decoded, inclusive, per file")

    @field_validator("allowed")
    @classmethod
    def _dotted(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(e.lower() if e.startswith(".") else f".{e.lower()}" for e in value)


class Desk(Frozen):
    """One support desk. `name` is used in commands and the API, `key` in the ticket tag."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_-]{0,30}$")
    key: str = Field(pattern=r"^[A-Z][A-Z0-9]{0,7}$")
    title: str
    team: str = "Support"
    noun: str = "ticket"
    language: str = "en"
    timezone: str = "UTC"
    preferred_channel: str = ""
    guidance: str = ""
    visibility: Literal["own", "organization"] = "own"
    priority_field: bool = False
    mail_body: Literal["full", "excerpt", "link_only"] = "full"
    staff_reply_default: Literal["wait", "no_wait"] = "wait"
    bounces: str = ""
    mailboxes: tuple[Mailbox, ...] = Field(min_length=1)
    labels: Labels = Labels()
    help: Help = Help()
    notify: Notify = Notify()
    files: Files = Files()

    @field_validator("timezone")
    @classmethod
    def _zone(cls, value: str) -> str:
        if not value or value.startswith("/") or ".." in value:
            raise ValueError("expected a time zone such as Europe/Berlin")
        return value

    @property
    def main(self) -> Mailbox:
        """The mailbox that speaks for the desk when no department is known: the first one listed."""
        return self.mailboxes[0]

    @property
    def bounce_address(self) -> str:
        """Where delivery reports return to; tokens are added to it as a + part (VERP)."""
        return self.bounces or self.main.address

    def mailbox_of(self, department: str) -> Mailbox:
        """The address mails of a department are sent from (HO-07); the main one when it has none of its own."""
        return next((m for m in self.mailboxes if m.department == department), self.main)

    def addresses(self) -> frozenset[str]:
        """Every address that is the desk itself and so never a person (X-08)."""
        return frozenset([m.address for m in self.mailboxes] + [self.bounce_address])
