"""The JSON of `postern load`: its shape, checked before anything is written; a mistake is named by its place."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, field_validator

from store.errors import BadInput
from store.rules.addressing import check_address
from store.rules.assets import AssetKind, AssetState, Plan
from store.rules.desk import Priority
from store.rules.pacing import Category, Choice
from store.rules.states import State

# Parts of the form that other versions understand.
_LATER = frozenset(
    [
        "warranties",
        "purchases",
        "invoices",
        "documents",
        "articles",
        "announcements",
        "components",
        "incidents",
        "cdrs",
    ]
)


class Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class OrganizationRow(Row):
    key: str = Field(min_length=1)
    desk: str
    name: str = ""
    domains: list[str] = []
    level: str = ""
    timezone: str = ""
    language: str = ""


class PersonRow(Row):
    email: str
    name: str = ""
    organization: str | None = None
    role: Literal["admin", "group_admin", "supervisor", "member"] = "member"
    status: Literal["active", "inactive", "invited"] = "active"
    password: str | None = None
    language: str = ""
    timezone: str = ""
    also: list[str] = []
    tell: dict[Category, Choice] = {}

    _email = field_validator("email")(check_address)


class AgentRow(Row):
    email: str
    name: str = ""
    desk: str
    departments: list[str] = []
    role: Literal["agent", "admin"] = "agent"
    password: str | None = None
    tell: dict[Category, Choice] = {}

    _email = field_validator("email")(check_address)


class GrantRow(Row):
    email: str
    right: Literal["admin", "supervisor"]

    _email = field_validator("email")(check_address)


class GroupRow(Row):
    key: str = Field(min_length=1)
    organization: str
    name: str = ""
    reference: str = ""
    parent: str | None = None
    enabled: bool = True
    grants: list[GrantRow] = []


class AssetRow(Row):
    key: str = Field(min_length=1)
    organization: str
    group: str | None = None
    kind: AssetKind = "device"
    name: str = ""
    model: str = ""
    serial: str = ""
    external_id: str = ""
    state: AssetState = "active"
    plan: Plan = ""
    renewal_date: date | None = None
    contract_end: date | None = None


class MessageRow(Row):
    from_: str = Field(alias="from")
    side: Literal["customer", "support", "system"] = "customer"
    at: AwareDatetime | None = None
    text: str = ""
    message_id: str | None = None
    note: bool = False

    _email = field_validator("from_")(check_address)


class TicketRow(Row):
    desk: str
    number: int | None = Field(None, ge=1, lt=2**31)
    subject: str = ""
    requester: str
    cc: list[str] = []
    department: str = ""
    priority: Priority | None = None
    state: State = "new"
    created: AwareDatetime | None = None
    messages: list[MessageRow] = []

    _email = field_validator("requester")(check_address)


class Loaded(Row):
    """The whole file."""

    organizations: list[OrganizationRow] = []
    people: list[PersonRow] = []
    agents: list[AgentRow] = []
    groups: list[GroupRow] = []
    assets: list[AssetRow] = []
    tickets: list[TicketRow] = []


def read_file(file: Path) -> Loaded:
    """The file, checked. Raises BadInput naming the place of the first mistake."""
    try:
        return Loaded(**json.loads(file.read_text(encoding="utf-8")))
    except OSError as error:
        raise BadInput(f"{file}: cannot be read: {error.strerror}") from None
    except (json.JSONDecodeError, UnicodeDecodeError, TypeError) as error:
        raise BadInput(f"{file}: no JSON object: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"]).lstrip(".")
        if len(first["loc"]) == 1 and first["loc"][0] in _LATER:
            raise BadInput(f"{file}: {place}: not supported by this version yet") from None
        message = "unknown key" if first["type"] == "extra_forbidden" else first["msg"].removeprefix("Value error, ")
        raise BadInput(f"{file}: {place}: {message}") from None
