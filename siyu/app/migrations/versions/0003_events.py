"""The event log in partitions: stretches of transaction numbers, made ahead, archived and dropped when they are old.

Why by transaction number and not by the calendar: docs/decisions/0005-event-log-partitions.md. The statements stand
in ``0003_events.sql``, parted by lines of dashes, because functions hold semicolons.
"""

from pathlib import Path

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Turn the table with its rows into the first partition; nothing is copied, what is heard stays heard."""
    script = Path(__file__).with_name("0003_events.sql").read_text()
    for statement in script.split("\n----\n"):
        op.execute(statement)
