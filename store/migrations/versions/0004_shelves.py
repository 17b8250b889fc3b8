"""shelves"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "shelf",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("definition", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=True),
        sa.Column("equipment", sa.String(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("shelved_by", sa.String(), nullable=False),
        sa.Column("shelved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_by", sa.String(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "shelf_standing", "shelf", ["definition", "until"], unique=False, postgresql_where=sa.text("ended_at IS NULL")
    )
    # What is set beside an exception now means that the signal is with a parent; so far it was left from an on-delay.
    op.execute("UPDATE inbox SET definition = NULL, key = NULL WHERE definition IS NOT NULL AND status <> 'settling'")


def downgrade() -> None:
    """What was shelved is lost; signals that wait for the end of a shelf open then all the same."""
    op.drop_table("shelf")
