"""How somebody wants to be told, and the page that says who is told what, written from the tables that decide it."""

from __future__ import annotations

from collections.abc import Sequence

from store import people
from store.apply import apply
from store.clock import now
from store.commands import Prefer
from store.config import Config
from store.database import Store
from store.errors import BadInput, NotFound
from store.preferences import preferences
from store.rules.desk import Notify
from store.rules.fanout import TABLE, Row
from store.rules.pacing import CATEGORIES, CHOICES, Category, Choice

# Each role: its column of the table, who that is, and what has to hold.
ROLES = {
    "on_call": ("on call", "`alerts` of the mailbox the mail came to", "where the mailbox names any"),
    "requester": ("requester", "whom the ticket is of", "always"),
    "admin": ("administrators", "administrators of the requester's organisation", "`notify.organization_admins`"),
    "cc": ("CC", "people on the ticket's CC list", "always"),
    "assignee": ("assignee", "whoever it is assigned to and works at the desk", "`notify.assignee`"),
    "staff": (
        "department",
        "staff of its department; of the whole desk when nobody looks after that; of an outsider's answer who asked and the "
        "assignee",
        "`notify.department_staff`",
    ),
    "named": ("the one named", "the one person the event is about", "always"),
}  # fmt: skip
_HEAD = """# Who is told what

`store/rules/fanout.py` decides it, and this page is printed from its table: a row for each event, a column for each
role, and in it the template of the mail (`templates/mail/`). A mail is one row of the outbox, written with the change
it tells of.

What holds everywhere:

- Nobody is told of what they did themselves, unless the desk says `notify.echo_actor`. A confirmation is an answer to
  whoever wrote and no such mail.
- Nobody is told twice: who has several roles gets the mail of the leftmost.
- Nobody inactive is told anything, neither when it happens nor when the mail is about to leave.
- An internal note is told to nobody, its ticket's assignee included: an answer to a notice goes to the customer, and what
  colleagues say among themselves must not. No customer can be told of one, whatever the desk says (threats 47).
- What the clock does is told to customers alone; an assignee hears of what people do.
- A mail says truly why its reader gets it: who is told for another reason than their place on the ticket is told that reason.
- Whose file was refused hears why: in the answer to new mail, else in an `attachment_refused`.
- Whom the writer's own mail went to needs no copy from us.
- Who lost their place meanwhile (taken off the CC list, off the staff) does not get what still waits (threats 85).
- That a mailbox cannot be read is told to the desk's administrators (`"role": "admin"` of an agent), to all its staff where
  there are none: once, and once when it is over.
- What a stranger writes on a ticket goes to staff and to a requester who is known, and to nobody else.
"""
_CHOOSING = """## What people choose

Each person may choose for each category how they are told: by `"tell": {"replies": "hourly"}` in `postern load`, by
`postern prefer ADDRESS replies=hourly`, or by the link of a digest, which ends it. Who has chosen nothing gets each mail at
once. There is no choosing against an answer to one's own ticket, an acknowledgement, what is assigned or no longer is, a
safety alert, and whatever is addressed to one person alone; nor does a choice change what somebody may see or do. An organisation's
administrator who has ended its mails is its administrator still."""
_STORMS = """## No storms on staff

After `notify.burst` mails about one ticket within `notify.burst_minutes`, what follows waits as long and becomes one mail, in
the ticket's own conversation. After `notify.new_per_hour` mails about new tickets, the next ones become one mail at the full
hour. What is urgent never waits. A digest tells of what its reader may still see when it leaves; what they lost their place
on, no longer want, or what turned out to be spam is left out, and `gathered` keeps why."""


def prefer(store: Store, config: Config, email: str, wanted: Sequence[str]) -> dict[Category, Choice]:
    """Remembers `category=choice` of a person; what holds then. Raises BadInput, nothing changed, or NotFound."""
    choices = tuple(map(_read_choice, wanted))
    with store.write() as connection:
        person = people.find(connection, email)
        if person is None:
            raise NotFound(f"nobody has the address {email}")
        apply(connection, config, Prefer(person.id, choices), now())
        return preferences(connection, person.id)


def _read_choice(text: str) -> tuple[Category, Choice]:
    name, _, word = text.partition("=")
    category = next((one for one in CATEGORIES if one == name.strip()), None)
    choice = next((one for one in CHOICES if one == word.strip()), None)
    if category is None or choice is None:
        raise BadInput(
            f"{text!r}: expected one of {', '.join(CATEGORIES)}, an equals sign and one of {', '.join(CHOICES)}"
        )
    return category, choice


def telling_page() -> str:
    """The reference of who is told what, as Markdown."""
    columns = list(ROLES)
    head = ["| what happens | " + " | ".join(ROLES[name][0] for name in columns) + " |", "| --- " * (len(columns) + 1) + "|"]  # fmt: skip
    rows = [f"| {row.event} | " + " | ".join(_cell(row, name) for name in columns) + " |" for row in TABLE.values()]
    roles = ["| role | who that is | told when |", "| --- | --- | --- |"]
    roles += [f"| {title} | {who} | {rule} |" for title, who, rule in ROLES.values()]
    switches = [f"- `notify.{name}`: {field.description}" for name, field in Notify.model_fields.items()]
    choices = ["| choice | what comes |", "| --- | --- |"]
    choices += [f"| `{name}` | {words} |" for name, words in CHOICES.items()]
    categories = ["| category | what it is about |", "| --- | --- |"]
    categories += [f"| `{name}` | {words} |" for name, words in CATEGORIES.items()]
    parts = [
        _HEAD,
        *("\n".join(lines) for lines in (head + rows, roles)),
        "The switches of a desk file:",
        "\n".join(switches),
    ]
    parts += [_CHOOSING, "\n".join(categories), "\n".join(choices), _STORMS]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _cell(row: Row, role: str) -> str:
    template = getattr(row, role)
    return "its mailbox's `answer`" if template == "answer" else f"`{template}`" if template else ""
