"""ledger"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_TEXTS = ("definition", "reverses", "reversed_by", "requested_by", "approved_by", "reason")
_TIMES = ("previewed_at", "sent_at", "nudge_at", "read_back_at")
_DOCUMENTS = ("preview", "drift", "held", "read_back")
_INDEXES = ("ledger_objects", "ledger_status", "ledger_sent", "ledger_nudge")


def upgrade() -> None:
    op.add_column("ledger", sa.Column("seq", sa.BigInteger(), sa.Identity(), nullable=False))
    op.create_unique_constraint("ledger_seq_key", "ledger", ["seq"])
    for name in _TEXTS:
        op.add_column("ledger", sa.Column(name, sa.String(), nullable=False, server_default=""))
        op.alter_column("ledger", name, server_default=None)
    for name in _TIMES:
        op.add_column("ledger", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    for name in _DOCUMENTS:
        op.add_column("ledger", sa.Column(name, postgresql.JSONB(), nullable=True))
    op.add_column("ledger", sa.Column("objects", postgresql.JSONB(), nullable=False, server_default="[]"))
    op.alter_column("ledger", "objects", server_default=None)
    op.create_index("ledger_objects", "ledger", ["objects"], unique=False, postgresql_using="gin")
    op.create_index("ledger_status", "ledger", ["system", "status"], unique=False)
    op.create_index("ledger_sent", "ledger", ["system", "sent_at"], unique=False)
    wanted = sa.text("nudge_at IS NOT NULL")
    op.create_index("ledger_nudge", "ledger", ["nudge_at"], unique=False, postgresql_where=wanted)
    op.create_table(
        "posting_control",
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("data", postgresql.JSONB(), nullable=False),
        sa.Column("changed_by", sa.String(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("scope"),
    )
    op.create_table(
        "ledger_view",
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("query", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("person", "name"),
    )


def downgrade() -> None:
    op.drop_table("ledger_view")
    op.drop_table("posting_control")
    for index in _INDEXES:
        op.drop_index(index, table_name="ledger")
    for column in ("objects", *_DOCUMENTS, *_TIMES, *_TEXTS):
        op.drop_column("ledger", column)
    op.drop_constraint("ledger_seq_key", "ledger", type_="unique")
    op.drop_column("ledger", "seq")
