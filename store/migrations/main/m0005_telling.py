"""conversations, how people want to be told, and what waits for a digest"""

import sqlalchemy as sa
from alembic import op

revision = "m0005"
down_revision = "m0004"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.execute("ALTER TABLE ticket ADD COLUMN conversation VARCHAR")  # as a statement of its own, see m0002
    op.create_table(
        "preference",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("person_id", _ID, sa.ForeignKey("person.id"), nullable=False),
        sa.Column("category", sa.String(), nullable=False),
        sa.Column("choice", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("person_id", "category"),
    )
    op.create_table(
        "gathered",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("event_id", _ID, sa.ForeignKey("event.id"), nullable=False),
        sa.Column("person_id", _ID, sa.ForeignKey("person.id"), nullable=False),
        sa.Column("desk", sa.String(), nullable=False),
        sa.Column("ticket_id", _ID, sa.ForeignKey("ticket.id"), nullable=False),
        sa.Column("message_id", _ID, sa.ForeignKey("message.id"), nullable=True),
        sa.Column("category", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("alone", sa.Boolean(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("due", sa.DateTime(timezone=True), nullable=False),
        sa.Column("digest", _ID, sa.ForeignKey("event.id"), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("event_id", "person_id"),
    )
    for column in ("person_id", "ticket_id"):
        op.create_index(f"ix_gathered_{column}", "gathered", [column])
    op.create_index("gathered_due", "gathered", ["digest", "due"])
