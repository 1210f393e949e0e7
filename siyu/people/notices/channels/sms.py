"""Text messages through a gateway that speaks plain HTTP: POST JSON {key, to, text}, answered with 2xx.

A gateway that sees a key again must not send again. 400, 410, 413 and 422 refuse a message for good; anything else
(no answer, 401, 429, 5xx …) is tried again.
"""

import msgspec

from siyu.kernel.egress import Egress, EgressRefused
from siyu.people.notices.ports import Later, Letter, Never

_FOR_GOOD = (400, 410, 413, 422)
_TIMEOUT_S = 5.0


class SmsGateway:
    """Hands messages to the gateway at ``url``; ``token`` goes along as bearer."""

    def __init__(self, egress: Egress, url: str, token: str = "") -> None:
        self._egress, self._url, self._token = egress, url, token

    async def send(self, letter: Letter) -> None:
        """See ``Channel``."""
        headers = {"Content-Type": "application/json", "Idempotency-Key": letter.key}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        body = msgspec.json.encode({"key": letter.key, "to": letter.to, "text": letter.text})
        try:
            answer = await self._egress.fetch(
                self._url,
                method="POST",
                headers=headers,
                content=body,
                max_bytes=100_000,
                timeout_s=_TIMEOUT_S,
            )
        except EgressRefused:  # its facts hold the gateway's address
            raise Later("unreachable") from None
        if answer.status in _FOR_GOOD:
            raise Never(f"gateway_{answer.status}")
        if not 200 <= answer.status < 300:
            raise Later(f"gateway_{answer.status}")
