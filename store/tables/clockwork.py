"""What the clock remembers of its rounds."""

from __future__ import annotations

from datetime import date, datetime

from sqlmodel import Field, SQLModel

from store.tables.columns import day as calendar_day
from store.tables.columns import moment


class ClockMark(SQLModel, table=True):
    """The day whose round of this name was done last, and when. Without it the round would be made again, and find nothing to do."""

    __tablename__ = "clock_mark"
    name: str = Field(primary_key=True)
    day: date = calendar_day()
    at: datetime = moment()
