"""audit: seals, heads, personal values, holds, checkpoints; nothing of it is changed or removed"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_FUNCTIONS = (
    """
    CREATE FUNCTION audit_stays() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'the audit is never changed or removed';
    END $$
    """,
    # What a signed checkpoint covers was exported, and goes unless a hold wants it.
    """
    CREATE FUNCTION audit_may_go(upto bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
        SELECT EXISTS (SELECT 1 FROM audit_checkpoint WHERE number >= upto)
            AND NOT EXISTS (SELECT 1 FROM audit_hold WHERE lifted_at IS NULL AND since <= upto)
    $$
    """,
    """
    CREATE FUNCTION audit_number_goes() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF audit_may_go(OLD.number) THEN RETURN OLD; END IF;
        RAISE EXCEPTION 'the audit is never changed or removed: archive it first, and lift the holds on it';
    END $$
    """,
    """
    CREATE FUNCTION audit_record_goes() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE place bigint;
    BEGIN
        SELECT number INTO place FROM audit_seal WHERE record_id = OLD.id;
        IF place IS NOT NULL AND audit_may_go(place) THEN RETURN OLD; END IF;
        RAISE EXCEPTION 'the audit is never changed or removed: archive it first, and lift the holds on it';
    END $$
    """,
    """
    CREATE FUNCTION audit_personal_goes() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT 1 FROM audit_hold WHERE lifted_at IS NULL AND subject IN ('', OLD.person)) THEN
            RAISE EXCEPTION 'a legal hold keeps what is known about %', OLD.person;
        END IF;
        RETURN OLD;
    END $$
    """,
    """
    CREATE FUNCTION audit_hold_is_lifted() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF OLD.lifted_at IS NOT NULL OR (OLD.id, OLD.subject, OLD.since, OLD.reason, OLD.placed_by, OLD.placed_at)
            IS DISTINCT FROM (NEW.id, NEW.subject, NEW.since, NEW.reason, NEW.placed_by, NEW.placed_at) THEN
            RAISE EXCEPTION 'a legal hold is only lifted, once';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE FUNCTION audit_waits() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO audit_pending (record_id) SELECT id FROM added;
        RETURN NULL;
    END $$
    """,
)
_NAMES = ("stays()", "number_goes()", "record_goes()", "personal_goes()", "hold_is_lifted()", "waits()")
_KEPT = ("audit", "audit_seal", "audit_head", "audit_personal", "audit_hold", "audit_checkpoint")
_GOES = {
    "audit": "audit_record_goes",
    "audit_seal": "audit_number_goes",
    "audit_head": "audit_number_goes",
    "audit_personal": "audit_personal_goes",
    "audit_hold": "audit_stays",
    "audit_checkpoint": "audit_stays",
}
_WAITS = """
CREATE TRIGGER audit_waits AFTER INSERT ON audit REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION audit_waits()
"""


def upgrade() -> None:
    _tables()
    for name in ("subject", "actor", "kind"):
        op.create_index(f"audit_{name}", "audit", [name])
    op.create_index("ix_audit_personal_person", "audit_personal", ["person"])
    for function in _FUNCTIONS:
        op.execute(function)
    op.execute("INSERT INTO audit_pending (record_id) SELECT id FROM audit")
    op.execute(_WAITS)
    for table in _KEPT:
        changed = "audit_hold_is_lifted" if table == "audit_hold" else "audit_stays"
        op.execute(
            f"CREATE TRIGGER {table}_unchanged BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION {changed}()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_kept BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {_GOES[table]}()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_whole BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION audit_stays()"
        )


def _tables() -> None:
    number, text = sa.BigInteger(), sa.String()
    when = sa.DateTime(timezone=True)
    op.create_table("audit_pending", sa.Column("record_id", number, autoincrement=False, primary_key=True))
    op.create_table(
        "audit_seal",
        sa.Column("number", number, autoincrement=False, primary_key=True),
        sa.Column("record_id", number, nullable=False, unique=True),
        *(sa.Column(name, text, nullable=False) for name in ("digest", "hash")),
        sa.Column("sealed_at", when, nullable=False),
    )
    signed = ("hash", "key", "signature")
    op.create_table(
        "audit_head",
        sa.Column("number", number, autoincrement=False, primary_key=True),
        sa.Column("at", when, nullable=False),
        sa.Column("after", number, nullable=False),
        *(sa.Column(name, text, nullable=False) for name in signed),
    )
    op.create_table(
        "audit_checkpoint",
        sa.Column("number", number, autoincrement=False, primary_key=True),
        sa.Column("at", when, nullable=False),
        sa.Column("after", number, nullable=False),
        *(sa.Column(name, text, nullable=False) for name in (*signed, "file_hash", "by")),
        sa.Column("records", number, nullable=False),
    )
    op.create_table(
        "audit_personal",
        sa.Column("commitment", text, primary_key=True),
        sa.Column("person", text, nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("salt", text, nullable=False),
    )
    op.create_table(
        "audit_hold",
        sa.Column("id", number, sa.Identity(), primary_key=True),
        sa.Column("subject", text, nullable=False),
        sa.Column("since", number, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("placed_by", text, nullable=False),
        sa.Column("placed_at", when, nullable=False),
        sa.Column("lifted_by", text, nullable=True),
        sa.Column("lifted_at", when, nullable=True),
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER audit_waits ON audit")
    for name in ("unchanged", "kept", "whole"):
        op.execute(f"DROP TRIGGER audit_{name} ON audit")
    for table in ("audit_pending", *_KEPT[1:]):
        op.drop_table(table)
    for name in _NAMES:
        op.execute(f"DROP FUNCTION audit_{name}")
    op.execute("DROP FUNCTION audit_may_go(bigint)")
    for name in ("subject", "actor", "kind"):
        op.drop_index(f"audit_{name}", "audit")
