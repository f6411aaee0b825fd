"""open tickets"""

import sqlalchemy as sa
from alembic import op

revision = "m0003"
down_revision = "m0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    still_open = sa.text("state != 'closed'")
    op.create_index("ticket_open", "ticket", ["desk"], sqlite_where=still_open, postgresql_where=still_open)
