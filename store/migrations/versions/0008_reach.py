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
    op.add_column("outbox", sa.Column("unwanted", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.alter_column("outbox", "unwanted", server_default=None)
    op.add_column("outbox", sa.Column("elsewhere_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("outbox", sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("outbox_reach", "outbox", ["reach"], unique=False)
    op.create_index("outbox_vendor", "outbox", ["vendor_id", "conversation"], unique=False)
    wrote = ["source", sa.text("(body ->> 'address')"), "received_at"]
    answers = sa.text("category = 'answer'")
    op.create_index("inbox_wrote", "inbox", wrote, unique=False, postgresql_where=answers)
    told = sa.text("purpose = 'notify' AND state = 'sent'")
    op.create_index("outbox_told", "outbox", ["channel", "address", "sent_at"], unique=False, postgresql_where=told)
    bound = sa.text("bundle IS NOT NULL")
    op.create_index("outbox_bundle", "outbox", ["bundle"], unique=False, postgresql_where=bound)
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
    op.drop_index("inbox_wrote", table_name="inbox")
    for index in ("outbox_bundle", "outbox_told", "outbox_vendor", "outbox_reach"):
        op.drop_index(index, table_name="outbox")
    for column in ("ended_at", "elsewhere_at", "unwanted", "bundle", "expires_at", "reach", "priority"):
        op.drop_column("outbox", column)
