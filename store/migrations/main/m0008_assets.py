"""assets, what is asked about them, and alerts"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "m0008"
down_revision = "m0007"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "asset",
        _row_id(),
        sa.Column("key", sa.String(), nullable=False),
        _refers("organization_id", "organization"),
        _refers("group_id", "groups", null=True),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("kind", "external_id", "state", "plan")),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("name", "model", "serial")),
        *(sa.Column(name, sa.Date(), nullable=True) for name in ("renewal_date", "contract_end", "confirmed_for")),
        *(sa.Column(name, sa.Date(), nullable=True) for name in ("missed", "effective")),
        sa.Column("anchor_day", sa.Integer(), nullable=True),
        _refers("confirmed_by", "person", null=True),
        _moment("confirmed_at", null=True),
        _moment("created"),
        _moment("updated"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    op.create_index("asset_due", "asset", ["state", "renewal_date"])
    op.create_index("asset_ending", "asset", ["state", "effective"])
    _index("asset", "organization_id", "group_id", "external_id")
    op.create_table(
        "asset_request",
        _row_id(),
        _refers("asset_id", "asset"),
        sa.Column("kind", sa.String(), nullable=False),
        _refers("ticket_id", "ticket", null=True),
        _refers("by_id", "person", null=True),
        _moment("at"),
        sa.Column("state", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    _index("asset_request", "asset_id", "ticket_id")
    op.create_table(
        "asset_event",
        _row_id(),
        _refers("asset_id", "asset"),
        sa.Column("kind", sa.String(), nullable=False),
        _refers("actor_id", "person", null=True),
        _moment("at"),
        sa.Column("old", sa.Text(), nullable=True),
        sa.Column("new", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    _index("asset_event", "asset_id")
    op.create_table(
        "ticket_asset",
        _row_id(),
        _refers("ticket_id", "ticket"),
        _refers("asset_id", "asset"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("ticket_id", "asset_id"),
    )
    _index("ticket_asset", "asset_id")
    op.create_table(
        "alert",
        _row_id(),
        _refers("event_id", "event"),
        _refers("person_id", "person"),
        sa.Column("desk", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        _moment("at"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("person_id", "desk", "day"),
    )
    _index("alert", "event_id")
    op.create_table(
        "alert_line",
        _row_id(),
        _refers("alert_id", "alert"),
        _refers("person_id", "person"),
        _refers("asset_id", "asset"),
        sa.Column("due", sa.Date(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("person_id", "asset_id", "due", "step"),
    )
    _index("alert_line", "alert_id", "asset_id")
    op.create_table(
        "invoice_entry",
        _row_id(),
        _refers("organization_id", "organization"),
        _refers("asset_id", "asset"),
        sa.Column("month", sa.String(), nullable=False),
        _moment("at"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("asset_id", "month"),
    )
    _index("invoice_entry", "organization_id")
    # As a statement of its own, see m0002.
    kind = "BIGINT" if op.get_bind().dialect.name == "postgresql" else "INTEGER"
    op.execute(f"ALTER TABLE ticket ADD COLUMN asset_id {kind} REFERENCES asset (id)")
    _index("ticket", "asset_id")


def _row_id() -> sa.Column[Any]:
    return sa.Column("id", _ID, autoincrement=True, nullable=False)


def _refers(column: str, table: str, null: bool = False) -> sa.Column[Any]:
    return sa.Column(column, _ID, sa.ForeignKey(f"{table}.id"), nullable=null)


def _moment(column: str, null: bool = False) -> sa.Column[Any]:
    return sa.Column(column, sa.DateTime(timezone=True), nullable=null)


def _index(table: str, *columns: str) -> None:
    for column in columns:
        op.create_index(f"ix_{table}_{column}", table, [column])
