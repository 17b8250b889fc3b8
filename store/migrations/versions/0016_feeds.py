"""feeds"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def _when(name: str, *, nullable: bool = False) -> sa.Column[sa.DateTime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=False)


def upgrade() -> None:
    op.create_table(
        "schedule_feed",
        *(_text(name) for name in ("name", "kind", "host", "version", "error", "advice")),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("minutes", "stale_after")),
        *(_when(name) for name in ("added_at", "next_at")),
        *(_when(name, nullable=True) for name in ("asked_at", "claimed_at", "tried_at", "good_at", "changed_at")),
        *(sa.Column(name, postgresql.JSONB(), nullable=False) for name in ("notes", "schedules")),
        sa.PrimaryKeyConstraint("name"),
    )


def downgrade() -> None:
    op.drop_table("schedule_feed")
