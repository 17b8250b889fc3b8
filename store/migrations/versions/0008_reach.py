"""reach"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("outbox", sa.Column("priority", sa.String(), nullable=False, server_default="medium"))
    op.alter_column("outbox", "priority", server_default=None)
    op.add_column("outbox", sa.Column("reach", sa.String(), nullable=True))
    op.add_column("outbox", sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("outbox", sa.Column("bundle", sa.String(), nullable=True))
    op.create_index("outbox_reach", "outbox", ["reach"], unique=False)
    op.create_table(
        "channel_health",
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("down_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("probe_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.String(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("channel"),
    )
    op.create_table(
        "stopped_address",
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("channel", "address"),
    )


def downgrade() -> None:
    op.drop_table("stopped_address")
    op.drop_table("channel_health")
    op.drop_index("outbox_reach", table_name="outbox")
    for column in ("bundle", "expires_at", "reach", "priority"):
        op.drop_column("outbox", column)
