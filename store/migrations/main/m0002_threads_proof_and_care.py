"""threads, proof and care"""

import sqlalchemy as sa
from alembic import op

revision = "m0002"
down_revision = "m0001"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _add("event", "before", "JSON")
    _add("message", "dmarc", "VARCHAR")
    _add("outbox", "correspondent", "VARCHAR")
    _add("outbox", "gist", "VARCHAR")
    _add("outbox", "stranger_of", "VARCHAR")
    op.create_index("outbox_answers", "outbox", ["correspondent", "created"])
    op.create_index("outbox_strangers", "outbox", ["stranger_of", "created"])
    _add("person", "vouched", "BOOLEAN NOT NULL DEFAULT false")
    _refer("person", "same_as", "person")
    _add("ticket", "fields", "JSON NOT NULL DEFAULT '{}'")
    _add("ticket", "closed_at", "TIMESTAMP WITH TIME ZONE" if _server() else "DATETIME")
    _refer("ticket", "merged_into", "ticket")

    op.create_table(
        "blocked",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("desk", sa.String(), nullable=False),
        sa.Column("pattern", sa.String(), nullable=False),
        sa.Column("blocked_by", _ID, sa.ForeignKey("person.id"), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("desk", "pattern"),
    )
    op.create_table(
        "cited",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("desk", sa.String(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("ticket_id", _ID, sa.ForeignKey("ticket.id"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("desk", "message_id", "ticket_id"),
    )
    op.create_index("ix_cited_ticket_id", "cited", ["ticket_id"])
    op.create_table(
        "consulted",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("ticket_id", _ID, sa.ForeignKey("ticket.id"), nullable=False),
        sa.Column("person_id", _ID, sa.ForeignKey("person.id"), nullable=False),
        sa.Column("asked_by", _ID, sa.ForeignKey("person.id"), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("ticket_id", "person_id"),
    )
    op.create_index("ix_consulted_person_id", "consulted", ["person_id"])
    op.create_table(
        "parked",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("desk", sa.String(), nullable=False),
        sa.Column("ticket_id", _ID, sa.ForeignKey("ticket.id"), nullable=False),
        sa.Column("person_id", _ID, sa.ForeignKey("person.id"), nullable=False),
        sa.Column("journal_id", _ID, nullable=True),
        sa.Column("message_id", _ID, sa.ForeignKey("message.id"), nullable=True),
        sa.Column("asked", sa.JSON(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    for column in ("ticket_id", "person_id", "journal_id"):
        op.create_index(f"ix_parked_{column}", "parked", [column])


def _server() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def _add(table: str, column: str, kind: str) -> None:
    # As a statement of its own: Alembic's way on SQLite makes the table anew, which fails while others refer to it.
    op.execute(f'ALTER TABLE {table} ADD COLUMN "{column}" {kind}')


def _refer(table: str, column: str, other: str) -> None:
    _add(table, column, f"{'BIGINT' if _server() else 'INTEGER'} REFERENCES {other} (id)")
    op.create_index(f"ix_{table}_{column}", table, [column])
