"""The demo's phone: messages lie beside its sign-in codes."""

from siyu.kernel.db import Database
from siyu.people import customers
from siyu.people.notices.ports import Letter


class DemoInbox:
    """Puts messages into the demo's inbox; the same key is there once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def send(self, letter: Letter) -> None:
        """See ``Channel``."""
        async with self._database.raw(letter.brand_id) as connection:
            await customers.put_demo_message(connection, letter.to, letter.text, key=letter.key)
