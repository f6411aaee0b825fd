"""People, the organisations they belong to and the desks they work at."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from store.tables.columns import json_value, moment, reference, row_id, words


class Organization(SQLModel, table=True):
    __tablename__ = "organization"
    id: int | None = row_id()
    key: str = Field(unique=True)
    desk: str = Field(index=True)
    name: str = words()
    domains: list[str] = json_value()
    level: str = ""
    timezone: str = ""
    language: str = ""


class Person(SQLModel, table=True):
    """Anybody with an address. `vouched`: by `load` or staff; `confirmed`: that, or proved to read mail sent to it.

    `same_as`: a further address of the person named, who is meant wherever it turns up.
    """

    __tablename__ = "person"
    id: int | None = row_id()
    email: str = Field(unique=True)
    name: str = words()
    status: str = "active"
    confirmed: bool = False
    vouched: bool = False
    password: str | None = None
    language: str = ""
    timezone: str = ""
    same_as: int | None = reference("person", null=True)
    created: datetime = moment()


class Membership(SQLModel, table=True):
    __tablename__ = "membership"
    __table_args__ = (UniqueConstraint("person_id", "organization_id"),)
    id: int | None = row_id()
    person_id: int = reference("person")
    organization_id: int = reference("organization")
    role: str = "member"


class Staff(SQLModel, table=True):
    """A person who works at a desk; no departments listed means all of them."""

    __tablename__ = "staff"
    __table_args__ = (UniqueConstraint("person_id", "desk"),)
    id: int | None = row_id()
    person_id: int = reference("person")
    desk: str = Field(index=True)
    role: str = "agent"
    departments: list[str] = json_value()


class Group(SQLModel, table=True):
    __tablename__ = "groups"
    id: int | None = row_id()
    key: str = Field(unique=True)
    organization_id: int = reference("organization")
    parent_id: int | None = reference("groups", null=True)
    name: str = words()
    reference: str = words()
    enabled: bool = True


class Grant(SQLModel, table=True):
    __tablename__ = "grants"
    __table_args__ = (UniqueConstraint("person_id", "group_id"),)
    id: int | None = row_id()
    person_id: int = reference("person")
    group_id: int = reference("groups")
    right: str
