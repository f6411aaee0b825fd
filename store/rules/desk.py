"""A desk: what its TOML file may say, as frozen values. Every difference between desks is a field here."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from store.rules.old_mail import check_pattern

Priority = Literal["low", "medium", "high", "urgent"]
# What a mail that opens a ticket is answered with.
Answer = Literal[
    "confirmation", "safety_ack", "access_ack", "login_help", "missing_info", "portal_nudge", "portal_hold",
    "portal_redirect", "held_ack", "follow_up", "activation_ack", "deactivation_ack", "renewal_confirmed", "command_refused",
]  # fmt: skip
FIELDS = ("model", "serial", "error_code", "ref", "area", "device", "service")
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

    address: str = Field(description="such as support@example.com")
    department: str = Field("Support", description="where its mail belongs")
    priority: Priority = Field("medium", description="low, medium, high or urgent")
    answer: Answer = Field("confirmation", description="the mail that answers new mail to it")
    everybody: bool = Field(
        False, description="takes mail of anybody, whatever `unknown_sender` says, and asks for no fields (A-24)"
    )
    probe: bool = Field(True, description="whether probes are sent to it, where `[canary] every` is set")
    alerts: tuple[str, ...] = Field((), description="on-call addresses that hear of new mail at once (EQ-63)")

    @field_validator("address")
    @classmethod
    def _lower(cls, value: str) -> str:
        local, at, domain = value.strip().lower().rpartition("@")
        if not (local and at and domain) or "+" in local:
            raise ValueError("expected an address like support@example.com, without a + part")
        return f"{local}@{domain}"


class Labels(Frozen):
    """The desk's own words for the states of a ticket (requirements S3, first match wins)."""

    new: str = Field("Open", description="nobody has looked at it")
    taken: str = Field("Open", description="support has taken it up")
    replied_by_customer: str = Field("Open", description="the customer wrote last, support has not taken it up")
    replied_by_customer_taken: str = Field("Open", description="the customer wrote last, support had taken it up")
    replied_by_support: str = Field("Open", description="support wrote last and needs no answer")
    waiting_customer: str = Field("Answered", description="support waits for the customer")
    closed: str = Field("Closed", description="closed by either side")


class Help(Frozen):
    """A sentence under a label that tells the customer whose turn it is; empty for none."""

    open: str = Field("", description="while it is support's turn")
    waiting_customer: str = Field("", description="while it is the customer's turn")
    closed: str = Field("", description="once it is closed")


class Notify(Frozen):
    """Who is told besides the people of the ticket (A-12)."""

    organization_admins: bool = Field(
        False, description="administrators of the requester's organisation get every update"
    )
    department_staff: bool = Field(True, description="the staff of the department hears of new mail")
    assignee: bool = Field(True, description="so does whoever a ticket is assigned to, of whatever department")
    burst: int = Field(
        4,
        ge=0,
        description="mails about one ticket to one of the staff within `burst_minutes`; what follows waits and becomes "
        "one mail; 0: no limit",
    )
    burst_minutes: int = Field(10, ge=1, le=1440, description="see `burst`; also how long what follows waits")
    new_per_hour: int = Field(
        60,
        ge=0,
        description="mails an hour about new tickets to one of the staff; the others become one mail; 0: no limit",
    )
    echo_actor: bool = Field(False, description="people are also told of what they did themselves")


class Files(Frozen):
    """Which attachments the desk takes (IN-18, IN-19)."""

    allowed: tuple[str, ...] = Field(THIRTEEN, description="file types, by name and by content")
    max_size: int = Field(FIFTEEN_MB, gt=0, description="bytes, decoded, inclusive, per file")

    @field_validator("allowed")
    @classmethod
    def _dotted(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(e.lower() if e.startswith(".") else f".{e.lower()}" for e in value)

    @property
    def largest_mail(self) -> int:
        """Bytes of a mail with a file of the largest size, in base64 and with room for all else (X-06)."""
        return self.max_size * 137 // 100 + 100_000


class Desk(Frozen):
    """One support desk. `name` is used in commands and the API, `key` in the ticket tag."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_-]{0,30}$", description="its name in commands and programs")
    key: str = Field(pattern=r"^[A-Z][A-Z0-9]{0,7}$", description="stands in the ticket tag, [HO#1042]")
    title: str = Field(description="the name people see in From and on pages")
    team: str = Field("support team", description="what the people who answer are called, as in “the support team”")
    noun: str = Field("ticket", description="what a ticket is called")
    language: str = Field(
        "en",
        description="language of people who have not said theirs: `en`, `de`, `fr`, `es` or `ja`; mails in any other are English",
    )
    timezone: str = Field("UTC", description="time zone of people who have not said theirs")
    preferred_channel: str = Field(
        "", description="a sentence every mail to customers carries, save those that send them to the portal"
    )
    guidance: str = Field("", description="what a customer should tell, said in the confirmation (IN-17)")
    templates: str = Field(
        "",
        description="folder with mail templates of its own, relative to this file; `postern templates check` reads them (BR-07)",
    )
    visibility: Literal["own", "organization"] = Field(
        "own", description="who sees a ticket: `own` its requester and CC people, `organization` everybody of it"
    )
    priority_field: bool = Field(False, description="a customer may mark a mail as important or not")
    mail_body: Literal["full", "excerpt", "link_only"] = Field(
        "full", description="how much of a message its mails to customers hold"
    )
    staff_reply_default: Literal["wait", "no_wait"] = Field(
        "wait", description="whether an answer by mail waits for the customer"
    )
    unknown_sender: Literal["accept", "hold", "topics"] = Field(
        "accept",
        description="mail of people nobody has vouched for: `accept`; `hold` it for staff, with an answer; `topics`: hold it "
        "but for mailboxes that take mail of everybody (A-24)",
    )
    general_mail: Literal["accept", "nudge", "hold", "redirect"] = Field(
        "accept",
        description="new mail to mailboxes that are neither urgent, nor for everybody, nor have an answer of their own: "
        "`accept`; `nudge`: with an answer that points to the portal; `hold`: held until it is complete there; `redirect`: no "
        "ticket, only an answer that says so (A-09)",
    )
    required_fields: tuple[str, ...] = Field(
        (), description="fields that new mail must name (`Model: X200`); what lacks is asked for (A-28)"
    )
    follow_up_after: int = Field(
        0, ge=0, description="days after which a reply to a closed ticket opens a new, linked one; 0: it reopens (A-03)"
    )
    old_numbers: tuple[str, ...] = Field(
        (),
        description="regular expressions of the ticket numbers of a system used before, each with one group, such as "
        "'\\[Ticket#(\\d+)\\]'; by them answers to its mails find the ticket that `postern import` made of theirs",
    )
    customer_close: bool = Field(True, description="whether customers may close their tickets (A-04)")
    domain_join: bool = Field(
        False, description="people who prove an address of an organisation's domain become its members (A-25)"
    )
    strangers_per_hour: int = Field(
        200, ge=0, description="automatic answers an hour to people nobody has vouched for, all together (threats 38)"
    )
    renewal_recipients: Literal["access_list", "admins_only"] = Field(
        "access_list",
        description="who is warned of renewals: `access_list` everybody with a right on the group, `admins_only` those of them "
        "who may act (A-16)",
    )
    alert_hour: int = Field(
        8, ge=0, le=23, description="hour of the day at which warnings of renewals leave, where the organisation is"
    )
    remind_after: int = Field(
        0,
        ge=0,
        description="days support waits for the customer before a mail reminds them, and between reminders; 0: none (EQ-69)",
    )
    held_expires: int = Field(
        0,
        ge=0,
        description="days held mail waits for staff before its ticket is closed, of which nobody is told; 0: for ever",
    )
    close_after: int = Field(
        0, ge=0, description="days support waits for the customer before the ticket is closed; 0: for ever"
    )
    group_admin_assign: bool = Field(
        True,
        description="whether administrators of a group give and take rights on it; else those of the organisation (A-18)",
    )
    bounces: str = Field("", description="where delivery reports return to; the first mailbox when empty")
    mailboxes: tuple[Mailbox, ...] = Field(min_length=1, description="the addresses of the desk, the main one first")
    labels: Labels = Labels()
    help: Help = Help()
    notify: Notify = Notify()
    files: Files = Files()

    @field_validator("required_fields")
    @classmethod
    def _fields(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := [name for name in value if name not in FIELDS]:
            raise ValueError(f"{unknown[0]!r} is no field; there are {', '.join(FIELDS)}")
        return value

    @field_validator("old_numbers")
    @classmethod
    def _patterns(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(check_pattern, value))

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
