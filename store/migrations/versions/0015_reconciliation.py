"""reconciliation"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def _when(name: str, *, nullable: bool = False) -> sa.Column[sa.DateTime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _text(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.String(), nullable=False) for name in names]


def upgrade() -> None:
    op.create_table(
        "reconciliation",
        *_text("id", "system", "asked_by", "status"),
        _when("asked_at"),
        _when("since"),
        *(_when(name, nullable=True) for name in ("started_at", "alive_at", "ended_at")),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("compared", "unread", "booked")),
        sa.Column("found", postgresql.JSONB(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    waits = sa.text("status IN ('waiting', 'running')")
    op.create_index("reconciliation_waiting", "reconciliation", ["status"], postgresql_where=waits)
    op.create_index("reconciliation_when", "reconciliation", ["system", "asked_at"])
    op.create_table(
        "difference",
        *_text("id", "system", "kind", "key", "digest", "transaction_id", "exception_id"),
        sa.Column("documents", postgresql.JSONB(), nullable=False),
        sa.Column("fields", postgresql.JSONB(), nullable=False),
        _when("booked_at", nullable=True),
        _when("first_at"),
        _when("last_at"),
        *_text("first_run", "last_run", "state", "settled_by"),
        _when("settled_at", nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    still = sa.text("state = 'open'")
    op.create_index("difference_open", "difference", ["system", "kind", "key"], unique=True, postgresql_where=still)
    op.create_index("difference_first", "difference", ["first_at"])
    op.create_index("ix_difference_transaction_id", "difference", ["transaction_id"])
    op.create_index("ledger_posted", "ledger", ["system", "posted_at"])


def downgrade() -> None:
    op.drop_index("ledger_posted", table_name="ledger")
    op.drop_table("difference")
    op.drop_table("reconciliation")
