"""authority"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    json, when = postgresql.JSONB(astext_type=sa.Text()), sa.DateTime(timezone=True)
    op.create_table(
        "delegation",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("from_person", sa.String(), nullable=False),
        sa.Column("to_person", sa.String(), nullable=False),
        sa.Column("actions", json, nullable=False),
        sa.Column("starts_at", when, nullable=False),
        sa.Column("ends_at", when, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", when, nullable=False),
        sa.Column("ended_by", sa.String(), nullable=True),
        sa.Column("ended_at", when, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    standing = sa.text("ended_at IS NULL")
    op.create_index("delegation_standing", "delegation", ["to_person", "ends_at"], postgresql_where=standing)
    op.create_table(
        "shown",
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("task_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("content", json, nullable=False),
        sa.Column("at", when, nullable=False),
        sa.PrimaryKeyConstraint("hash"),
    )
    op.create_index("shown_task", "shown", ["task_id"])
    op.create_table(
        "signature",
        *(sa.Column(name, sa.String(), nullable=False) for name in ("id", "exception_id", "task_id")),
        sa.Column("version", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("press", "verb", "person", "printed_name")),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("meaning", "method", "shown_hash")),
        sa.Column("statement", json, nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("at", when, nullable=False),
        sa.Column("decision", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("signature_exception", "signature", ["exception_id"])
    op.create_index("signature_press", "signature", ["person", "press"], unique=True)
    op.add_column("decision", sa.Column("granted", json, nullable=True))
    op.add_column("decision", sa.Column("signature", sa.String(), server_default="", nullable=False))


def downgrade() -> None:
    op.drop_column("decision", "signature")
    op.drop_column("decision", "granted")
    for table in ("signature", "shown", "delegation"):
        op.drop_table(table)
