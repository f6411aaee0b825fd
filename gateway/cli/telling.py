"""The page that says who is told what, written from the table that decides it."""

from __future__ import annotations

from store.rules.desk import Notify
from store.rules.fanout import TABLE, Row

# Each role: its column of the table, who that is, and what has to hold.
ROLES = {
    "on_call": ("on call", "`alerts` of the mailbox the mail came to", "where the mailbox names any"),
    "requester": ("requester", "whom the ticket is of", "always"),
    "admin": ("administrators", "administrators of the requester's organisation", "`notify.organization_admins`"),
    "cc": ("CC", "people on the ticket's CC list", "always"),
    "assignee": ("assignee", "whoever it is assigned to and works at the desk", "`notify.assignee`"),
    "staff": ("department", "staff of its department; of the whole desk when nobody looks after that", "`notify.department_staff`"),
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
- An internal note is told to nobody. No customer can be, whatever the desk says (threats 47).
- Whose file was refused hears why: in the answer to new mail, else in an `attachment_refused`.
- Whom the writer's own mail went to needs no copy from us.
- Who lost their place meanwhile (taken off the CC list, off the staff) does not get what still waits (threats 85).
- What a stranger writes on a ticket goes to staff and to a requester who is known, and to nobody else.
"""


def telling_page() -> str:
    """The reference of who is told what, as Markdown."""
    columns = list(ROLES)
    head = ["| what happens | " + " | ".join(ROLES[name][0] for name in columns) + " |", "| --- " * (len(columns) + 1) + "|"]  # fmt: skip
    rows = [f"| {row.event} | " + " | ".join(_cell(row, name) for name in columns) + " |" for row in TABLE.values()]
    roles = ["| role | who that is | told when |", "| --- | --- | --- |"]
    roles += [f"| {title} | {who} | {rule} |" for title, who, rule in ROLES.values()]
    switches = [f"- `notify.{name}`: {field.description}" for name, field in Notify.model_fields.items()]
    parts = ["\n".join(lines) for lines in (head + rows, roles)]
    return f"{_HEAD}\n{parts[0]}\n\n{parts[1]}\n\nThe switches of a desk file:\n\n" + "\n".join(switches) + "\n"


def _cell(row: Row, role: str) -> str:
    template = getattr(row, role)
    return "its mailbox's `answer`" if template == "answer" else f"`{template}`" if template else ""
