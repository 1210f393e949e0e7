"""The house: all tables of the first version."""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Run the frozen statements beside this file."""
    script = Path(__file__).with_name("0001_house.sql").read_text()
    for statement in script.split(";\n"):
        if statement.strip():
            op.execute(statement)
