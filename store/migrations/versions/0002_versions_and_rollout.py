"""versions and rollout"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_IMMUTABLE = """
CREATE FUNCTION definition_version_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a published version is never changed or removed: publish another one';
END $$;
CREATE TRIGGER definition_version_stays BEFORE UPDATE OR DELETE ON definition_version
    FOR EACH ROW EXECUTE FUNCTION definition_version_stays();
CREATE TRIGGER definition_versions_stay BEFORE TRUNCATE ON definition_version
    FOR EACH STATEMENT EXECUTE FUNCTION definition_version_stays();
"""
_NUMBERS = """
UPDATE definition_version SET number = numbered.number, authors = jsonb_build_array(author)
FROM (
    SELECT version, row_number() OVER (PARTITION BY definition ORDER BY published_at, version) AS number
    FROM definition_version
) AS numbered
WHERE numbered.version = definition_version.version
"""
_LIVE = """
INSERT INTO rollout (definition, version, slot, areas, share, reason, started_by, started_at)
SELECT definition, version, 'live', '[]', 100, '', author, published_at FROM definition_version WHERE live
"""
_STILL_LIVE = """
UPDATE definition_version SET live = true
FROM rollout
WHERE rollout.version = definition_version.version AND rollout.slot = 'live' AND rollout.ended_at IS NULL
"""


def upgrade() -> None:
    _drafts()
    _rollouts()
    text = postgresql.JSONB(astext_type=sa.Text())
    op.add_column("definition_version", sa.Column("number", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("definition_version", sa.Column("base", sa.String(), nullable=True))
    op.add_column("definition_version", sa.Column("draft", sa.BigInteger(), nullable=True))
    op.add_column("definition_version", sa.Column("authors", text, nullable=False, server_default="[]"))
    op.add_column("definition_version", sa.Column("reason", sa.Text(), nullable=False, server_default=""))
    op.execute(_NUMBERS)
    op.execute(_LIVE)
    for column in ("number", "authors", "reason"):
        op.alter_column("definition_version", column, server_default=None)
    op.create_unique_constraint("version_number", "definition_version", ["definition", "number"])
    op.drop_index(op.f("ix_definition_version_live"), table_name="definition_version")
    op.drop_column("definition_version", "live")
    op.execute(_IMMUTABLE)


def _drafts() -> None:
    op.create_table(
        "definition_draft",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("definition", sa.String(), nullable=False),
        sa.Column("base", sa.String(), nullable=True),
        sa.Column("source_text", sa.Text(), nullable=False),
        sa.Column("rev", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("authors", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("changed_by", sa.String(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("submitted_by", sa.String(), nullable=True),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("version", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "draft_open",
        "definition_draft",
        ["definition"],
        unique=False,
        postgresql_where=sa.text("status IN ('draft', 'submitted')"),
    )


def _rollouts() -> None:
    op.create_table(
        "rollout",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("definition", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("slot", sa.String(), nullable=False),
        sa.Column("areas", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("share", sa.Integer(), nullable=False),
        sa.Column("replaces", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("started_by", sa.String(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_by", sa.String(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_rollout_definition"), "rollout", ["definition"], unique=False)
    op.create_index(
        "one_rollout", "rollout", ["definition", "slot"], unique=True, postgresql_where=sa.text("ended_at IS NULL")
    )
    op.create_table(
        "shadow_signal",
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("definition", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=True),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("version", "seq"),
    )


def downgrade() -> None:
    """Drafts, the history of rollouts and what a shadow saw are lost."""
    op.execute("DROP TRIGGER definition_version_stays ON definition_version")
    op.execute("DROP TRIGGER definition_versions_stay ON definition_version")
    op.execute("DROP FUNCTION definition_version_stays()")
    op.add_column("definition_version", sa.Column("live", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.execute(_STILL_LIVE)
    op.alter_column("definition_version", "live", server_default=None)
    op.create_index(op.f("ix_definition_version_live"), "definition_version", ["live"], unique=False)
    op.drop_constraint("version_number", "definition_version")
    for column in ("number", "base", "draft", "authors", "reason"):
        op.drop_column("definition_version", column)
    op.drop_table("shadow_signal")
    op.drop_table("rollout")
    op.drop_table("definition_draft")
