"""Import files that expire."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Files from before lie unsealed: they expire now, and with them their reports."""
    op.execute("alter table catalogue_imports add column expires_at timestamptz")
    op.execute("alter table catalogue_imports add column expired_at timestamptz")
    op.execute("update catalogue_imports set expires_at = now()")
    op.execute(
        """insert into timers (brand_id, kind, subject, due_at, data)
           select brand_id, 'catalogue.import_expires', id, now(), '{}' from catalogue_imports"""
    )
