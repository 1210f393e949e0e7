"""The ledger, and in it every payment, sale and refund that the order book already tells (ADR 7).

The statements stand in ``0007_ledger.sql``, parted by lines of dashes. Account ids are made there as ``Account.id`` makes them.
"""

from pathlib import Path

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Make the tables, then take the history over in sets; what was booked when stays so."""
    script = Path(__file__).with_name("0007_ledger.sql").read_text()
    for statement in script.split("\n----\n"):
        op.get_bind().exec_driver_sql(statement)
