"""The folders at other servers that mail is fetched from: how far each is read, how it does, and what was left in it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from store.tables.columns import Id, moment, reference, row_id, words


class Folder(SQLModel, table=True):
    """A folder of an account: every mail up to `uid` of this `uidvalidity` is settled (RFC 3501 2.3.1.1).

    `checked`: when mail of it was last settled or it was read to its end; `trouble`: why not since, in words; `told`:
    when people were told of it.
    """

    __tablename__ = "folder"
    __table_args__ = (UniqueConstraint("account", "folder"),)
    id: int | None = row_id()
    account: str
    folder: str
    uidvalidity: int = Field(sa_type=Id, default=0)
    uid: int = Field(sa_type=Id, default=0)
    since: datetime = moment()
    checked: datetime | None = moment(null=True)
    trouble: str = words()
    told: datetime | None = moment(null=True)


class LeftMail(SQLModel, table=True):
    """A mail that lies in its folder and is not in the journal; somebody should look."""

    __tablename__ = "left_mail"
    __table_args__ = (UniqueConstraint("folder_id", "uid"),)
    id: int | None = row_id()
    folder_id: int = reference("folder", index=False)
    uid: int = Field(sa_type=Id)
    size: int = Field(sa_type=Id)
    sender: str = words()
    why: str = words()
    tries: int = 1
    at: datetime = moment()
    told: datetime | None = moment(null=True)
