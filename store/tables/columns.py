"""The kinds of columns that tables are made of."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Date, DateTime, Integer, Table, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field

Id = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by itself only for INTEGER PRIMARY KEY


class Utc(TypeDecorator[datetime]):
    """An aware datetime in UTC; SQLite keeps it without zone, PostgreSQL as timestamptz."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without zone would be stored")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def row_id() -> Any:
    """The primary key, given by the database."""
    return Field(default=None, sa_column=Column(Id, primary_key=True, autoincrement=True))


def reference(table: str, null: bool = False, index: bool = True) -> Any:
    """The id of a row of another table."""
    return Field(default=None if null else ..., sa_type=Id, foreign_key=f"{table}.id", nullable=null, index=index)


def moment(null: bool = False) -> Any:
    """A time."""
    return Field(default=None if null else ..., sa_type=Utc, nullable=null)


def day(null: bool = False) -> Any:
    """A day of the calendar, in the time zone of whoever it is about (A-34)."""
    return Field(default=None if null else ..., sa_type=Date, nullable=null)


def json_value(default: Any = list) -> Any:
    """A list or, by `dict`, an object."""
    return Field(default_factory=default, sa_type=JSON, nullable=False)


def words(default: str | None = "") -> Any:
    """Text of any length; by None it may be absent."""
    return Field(default=default, sa_type=Text, nullable=default is None)


def core(model: Any) -> Table:
    """The table of a model, as SQLAlchemy Core sees it."""
    table: Table = model.__table__
    return table
