"""What somebody does with an asset from the command line, and how one is shown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection

from store import assets, organizations, people
from store.apply import apply
from store.clock import now
from store.commands import (
    AcknowledgeMissed,
    AskForAssets,
    Author,
    Command,
    CompleteActivation,
    MoveAsset,
    NewMessage,
    OpenTicket,
    RefuseActivation,
    Wish,
    WithdrawDeactivation,
)
from store.commands.assets import Action
from store.config import Config
from store.database import Store
from store.errors import BadInput, NotFound
from store.rules.assets import Plan
from store.rules.desk import Desk

_ASKED: dict[str, tuple[Action, str]] = {
    "activate": ("activate", "Activation"), "renew": ("renew", "Renewal"), "deactivate": ("deactivate", "Deactivation"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Details:
    """What an action may need besides the asset and who does it."""

    plan: Plan | None = None
    renewal: date | None = None
    end: date | None = None
    reason: str = ""
    group: str | None = None
    name: str = ""


def act(store: Store, config: Config, key: str, do: str, by: str, details: Details) -> None:
    """Does it. Raises BadInput or NotFound, which say why not; a refused request leaves its ticket, as by any other way."""
    with store.write() as connection:
        applied = apply(connection, config, _command(connection, config, key, do, Author(by), details), now())
    if applied.undone:
        raise BadInput(f"{key}: {applied.undone[0]}")


def _command(connection: Connection, config: Config, key: str, do: str, by: Author, details: Details) -> Command:
    if do in _ASKED:
        return _wish(connection, config, key, do, by, details)
    asset = assets.by_key(connection, key)
    match do:
        case "complete":
            plan = details.plan or asset.term.plan
            return CompleteActivation(asset.id, by, plan, details.renewal, details.end)
        case "refuse":
            if not details.reason.strip():
                raise BadInput("say why: --reason TEXT")
            return RefuseActivation(asset.id, by, details.reason.strip())
        case "withdraw":
            return WithdrawDeactivation(asset.id, by)
        case "acknowledge":
            return AcknowledgeMissed(asset.id, by)
        case _:
            return MoveAsset(asset.id, by, details.group)


def _wish(connection: Connection, config: Config, key: str, do: str, by: Author, details: Details) -> AskForAssets:
    """What a customer asks for, on a ticket of theirs."""
    action, title = _ASKED[do]
    person = people.find(connection, by.email)
    if person is None or not person.active:
        raise BadInput(f"--by: nobody active has the address {by.email}")
    try:
        asset = assets.by_key(connection, key)
        wish = Wish(action, asset.id, key=key)
        desk = config.desks[organizations.desk_of(connection, asset.organization)]
    except NotFound:
        if do != "activate":
            raise
        wish = Wish("register", key=key, name=details.name, plan=details.plan or "", group=details.group)
        desk = _desk_of(connection, config, person.organizations)
    mailbox = next((box for box in desk.mailboxes if box.answer == "activation_ack"), desk.main)
    message = NewMessage(Author(person.email, person.name), f"{title}: {key}", channel="cli")
    opening = OpenTicket(desk.name, f"{title}: {key}", message, mailbox.department, mailbox.priority, "cli")
    return AskForAssets(opening, (wish,), settles=True)


def _desk_of(connection: Connection, config: Config, memberships: tuple[tuple[int, str], ...]) -> Desk:
    """The desk of somebody's organisation."""
    for organization, _role in memberships:
        if (desk := organizations.desk_of(connection, organization)) in config.desks:
            return config.desks[desk]
    raise BadInput("--by: who registers a device belongs to an organisation")


def outline(told: dict[str, Any]) -> str:
    """An asset in lines for people."""
    shown = ("name", "kind", "model", "serial", "external_id", "organization", "group", "state", "plan", "renewal_date",
             "contract_end", "effective", "missed", "confirmed_by", "next_invoice")  # fmt: skip
    lines = [told["key"], *(f"  {name.replace('_', ' '):14} {told[name]}" for name in shown if told[name])]
    lines += [
        f"  {one['at'][:16]}  {one['kind']} {one['new'] or ''} {one['actor'] or ''}".rstrip() for one in told["events"]
    ]
    if told["tickets"]:
        lines.append(f"  tickets        {', '.join(told['tickets'])}")
    return "\n".join(lines)
