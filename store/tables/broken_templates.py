"""What is wrong with templates of a desk's own."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, SQLModel

from store.tables.columns import moment


class BrokenTemplate(SQLModel, table=True):
    """A fault met while a mail was made, with its place in the desk's folder of templates, and when it was met last."""

    __tablename__ = "broken_template"
    desk: str = Field(primary_key=True)
    fault: str = Field(primary_key=True)
    at: datetime = moment()
