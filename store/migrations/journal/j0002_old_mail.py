"""the terms on which mail of an archive was taken"""

from alembic import op

revision = "j0002"
down_revision = "j0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE received ADD COLUMN old JSON")  # as a statement of its own, see m0002
