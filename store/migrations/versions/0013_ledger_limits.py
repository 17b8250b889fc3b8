"""ledger_limits"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_INDEXES = {
    "ledger_trouble": (["system", "trouble"], "trouble <> ''"),
    "ledger_standing": (["definition", "drafted_at"], "standing_version <> ''"),
}


def upgrade() -> None:
    op.add_column("ledger", sa.Column("trouble", sa.String(), nullable=False, server_default=""))
    op.alter_column("ledger", "trouble", server_default=None)
    op.add_column("ledger", sa.Column("troubles", sa.Integer(), nullable=False, server_default="0"))
    op.alter_column("ledger", "troubles", server_default=None)
    op.add_column("ledger", sa.Column("free_since", sa.DateTime(timezone=True), nullable=True))
    op.add_column("ledger", sa.Column("impact", postgresql.JSONB(), nullable=True))
    for name, (columns, where) in _INDEXES.items():
        op.create_index(name, "ledger", columns, unique=False, postgresql_where=sa.text(where))


def downgrade() -> None:
    for name in _INDEXES:
        op.drop_index(name, table_name="ledger")
    for column in ("impact", "free_since", "troubles", "trouble"):
        op.drop_column("ledger", column)
