"""Sign-in codes through the gateway of text messages."""

import asyncio
from uuid import UUID

from siyu.kernel.db import Database
from siyu.kernel.ids import new_id
from siyu.people import brands, customers
from siyu.people.notices.channels.sms import SmsGateway
from siyu.people.notices.ports import Later, Letter, Never
from siyu.people.notices.rules import NotDelivered

_PAUSES_S = (0.0, 0.5)


class SmsCodes:
    """Plugs ``customers.plugs.code_sender``."""

    def __init__(self, database: Database, gateway: SmsGateway) -> None:
        self._database, self._gateway = database, gateway

    async def send_code(self, brand_id: UUID, phone: str, code: str, locale: str) -> None:
        """Hand a code over at once, twice at most under one key: somebody waits for it. Raises ``NotDelivered``."""
        brand = await brands.brand_facts(self._database, brand_id)
        text = customers.code_text(brand, code, locale)
        letter = Letter(brand_id, f"code/{new_id()}", phone, "", text)
        for pause in _PAUSES_S:
            await asyncio.sleep(pause)
            try:
                await self._gateway.send(letter)
                return
            except Later:
                continue
            except Never:
                break
        raise NotDelivered
