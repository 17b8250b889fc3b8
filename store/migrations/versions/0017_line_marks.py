"""lines of the story by mark"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_MARKED = "mark <> ''"


def upgrade() -> None:
    op.add_column("timeline", sa.Column("mark", sa.String(), nullable=False, server_default=""))
    op.drop_constraint("timeline_pkey", "timeline", type_="primary")
    op.create_primary_key("timeline_pkey", "timeline", ["exception_id", "entry", "mark"])
    op.create_index(
        "timeline_mark", "timeline", ["exception_id", "mark"], unique=True, postgresql_where=sa.text(_MARKED)
    )


def downgrade() -> None:
    """Of two lines with one number the one that was written first stays."""
    op.drop_index("timeline_mark", "timeline")
    op.execute(
        "DELETE FROM timeline AS late USING timeline AS early WHERE early.exception_id = late.exception_id"
        " AND early.entry = late.entry AND (early.at, early.mark) < (late.at, late.mark)"
    )
    op.drop_constraint("timeline_pkey", "timeline", type_="primary")
    op.create_primary_key("timeline_pkey", "timeline", ["exception_id", "entry"])
    op.drop_column("timeline", "mark")
