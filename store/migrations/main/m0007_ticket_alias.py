"""what another system called a ticket"""

import sqlalchemy as sa
from alembic import op

revision = "m0007"
down_revision = "m0006"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "ticket_alias",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("desk", sa.String(), nullable=False),
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("ticket_id", _ID, sa.ForeignKey("ticket.id"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("desk", "number", "system"),
    )
    op.create_index("ix_ticket_alias_ticket_id", "ticket_alias", ["ticket_id"])
