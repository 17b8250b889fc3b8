"""roster"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_WATCHED = ("person", "schedule", "schedule_override", "shift_swap", "absence", "site_document")
# Before the statement: the version's row is what all who change the roster wait for, so that none waits crosswise.
_FUNCTION = """
CREATE FUNCTION roster_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO roster_version (id, version) VALUES (1, gen_random_uuid()::text)
    ON CONFLICT (id) DO UPDATE SET version = excluded.version;
    RETURN NULL;
END
$$
"""


def upgrade() -> None:
    op.create_table(
        "roster_version",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "schedule",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "schedule_override",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("schedule", sa.String(), nullable=False),
        sa.Column("ends", sa.DateTime(timezone=True), nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("entered_by", sa.String(), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_schedule_override_schedule", "schedule_override", ["schedule"])
    op.create_table(
        "shift_swap",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("asker", sa.String(), nullable=False),
        sa.Column("taker", sa.String(), nullable=False),
        sa.Column("standing", sa.String(), nullable=False),
        sa.Column("ends", sa.DateTime(timezone=True), nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_by", sa.String(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_shift_swap_asker", "shift_swap", ["asker"])
    op.create_index("ix_shift_swap_taker", "shift_swap", ["taker"])
    op.create_table(
        "absence",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("ends", sa.DateTime(timezone=True), nullable=True),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("entered_by", sa.String(), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_absence_person", "absence", ["person"])
    op.create_table(
        "roster_feed",
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("token_hash"),
    )
    op.create_index("ix_roster_feed_subject", "roster_feed", ["subject"])
    op.execute(_FUNCTION)
    for table in _WATCHED:
        update = "UPDATE OF data" if table == "person" else "UPDATE"  # a password is not the roster's
        op.execute(
            f"CREATE TRIGGER {table}_is_roster BEFORE INSERT OR {update} OR DELETE OR TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION roster_changed()"
        )


def downgrade() -> None:
    """Schedules, overrides, swaps, absences and feeds are lost."""
    for table in _WATCHED:
        op.execute(f"DROP TRIGGER {table}_is_roster ON {table}")
    op.execute("DROP FUNCTION roster_changed()")
    for table in ("roster_feed", "absence", "shift_swap", "schedule_override", "schedule", "roster_version"):
        op.drop_table(table)
