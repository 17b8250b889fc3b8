"""identity"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _limits()
    _log_ins()
    _tokens_and_enrolments()
    _contacts_and_sessions()


def _limits() -> None:
    op.create_table(
        "rate_limit",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("hits", sa.Integer(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("kind", "subject"),
    )
    op.create_index("ix_rate_limit_until", "rate_limit", ["until"], unique=False)
    op.create_table(
        "unknown_sender",
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("channel", "address"),
    )
    op.create_index("ix_unknown_sender_last_at", "unknown_sender", ["last_at"], unique=False)


def _log_ins() -> None:
    op.create_table(
        "totp",
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_step", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("person"),
    )
    op.create_table(
        "recovery_code",
        sa.Column("code_hash", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("code_hash"),
    )
    op.create_index("ix_recovery_code_person", "recovery_code", ["person"], unique=False)
    op.create_table(
        "identity",
        sa.Column("issuer", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("standing", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("bound_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("bound_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("issuer", "subject"),
    )
    op.create_index("ix_identity_person", "identity", ["person"], unique=False)
    op.create_table(
        "oidc_flow",
        sa.Column("state_hash", sa.String(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("state_hash"),
    )


def _tokens_and_enrolments() -> None:
    op.create_table(
        "api_token",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("scopes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("token_hash"),
    )
    op.create_index("ix_api_token_person", "api_token", ["person"], unique=False)
    op.create_table(
        "enrolment",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("code_hash", sa.String(), nullable=False),
        sa.Column("standing", sa.String(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("replaces", sa.String(), nullable=False),
        sa.Column("begun_by", sa.String(), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_enrolment_person", "enrolment", ["person"], unique=False)
    op.create_index("enrolment_standing", "enrolment", ["standing", "expires_at"], unique=False)


def _contacts_and_sessions() -> None:
    for name in ("verified_at", "usable_from"):
        op.add_column("contact", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    _text("contact", "verified_by", "")
    for name in ("seen_at", "confirmed_at"):
        op.add_column("console_session", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    for name, value in (("stage", "in"), ("by", "password"), ("number", ""), ("browser", ""), ("address", "")):
        _text("console_session", name, value)
    # A log-in made before has no number to be revoked by: people sign in again.
    op.execute("DELETE FROM console_session")
    op.create_index("ix_console_session_person", "console_session", ["person"], unique=False)


def _text(table: str, name: str, value: str) -> None:
    """A text column that rows have already: filled, then without a default, as the model says."""
    op.add_column(table, sa.Column(name, sa.String(), nullable=False, server_default=value))
    op.alter_column(table, name, server_default=None)


def downgrade() -> None:
    """Second factors, tokens and addresses on their way are lost; verified addresses stay."""
    op.drop_index("ix_console_session_person", table_name="console_session")
    for name in ("seen_at", "confirmed_at", "stage", "by", "number", "browser", "address"):
        op.drop_column("console_session", name)
    for name in ("verified_at", "verified_by", "usable_from"):
        op.drop_column("contact", name)
    for table in (
        "enrolment",
        "api_token",
        "oidc_flow",
        "identity",
        "recovery_code",
        "totp",
        "unknown_sender",
        "rate_limit",
    ):
        op.drop_table(table)
