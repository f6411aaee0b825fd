"""what the clock remembers, and since when support waits for a customer"""

import sqlalchemy as sa
from alembic import op

revision = "m0009"
down_revision = "m0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "clock_mark",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    kind = "TIMESTAMP WITH TIME ZONE" if op.get_bind().dialect.name == "postgresql" else "DATETIME"
    for column in ("waiting_since", "reminded"):  # as statements of their own, see m0002
        op.execute(f"ALTER TABLE ticket ADD COLUMN {column} {kind}")
    op.execute("UPDATE ticket SET waiting_since = updated WHERE state = 'waiting_customer'")
    op.create_index("ticket_waiting", "ticket", ["waiting_since"])
