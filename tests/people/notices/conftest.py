"""A stall that sells, and a gateway of text messages on loopback that answers as it is told."""

import asyncio
from contextlib import suppress

import msgspec
import pytest

from siyu.kernel.egress import Egress
from siyu.people.notices import send_due
from siyu.people.notices.channels import SmsGateway
from siyu.people.notices.ports import plugs
from tests.goods.orders.conftest import Stall


class Gateway:
    """``heard`` holds what arrived; ``answers`` are statuses, first to last, the last for all that follow.

    ``silent`` takes messages and never answers; ``on_arrival`` is called before the answer.
    """

    def __init__(self):
        self.heard, self.heads, self.answers, self.silent, self.on_arrival, self.url = [], [], [200], False, None, ""  # fmt: skip

    async def talk(self, reader, writer):
        with suppress(OSError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            fields = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
            body = await reader.readexactly(int(fields["content-length"]))
            self.heads.append(head)
            self.heard.append(msgspec.json.decode(body))
            if self.on_arrival:
                self.on_arrival()
            while self.silent:
                await asyncio.sleep(0.05)
            status = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())  # fmt: skip
            await writer.drain()
        writer.close()


@pytest.fixture
async def gateway(monkeypatch):
    made = Gateway()
    server = await asyncio.start_server(made.talk, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/send"
    egress = Egress(allow_private=True)
    monkeypatch.setattr(plugs, "channels", {"sms": SmsGateway(egress, made.url, "gate-token")})
    yield made
    made.silent = False
    server.close()
    await egress.close()


@pytest.fixture
async def stall(app, database, brand):
    stall = Stall(app, database, brand)
    yield stall
    await stall.close()


@pytest.fixture
def send(database, brand):
    """Sends what is due in the brand."""
    return lambda: send_due(database, brand.id)


@pytest.fixture
def outbox(stall):
    """The brand's notices, oldest first."""
    return lambda: stall.fetch(
        "select id, key, kind, channel, state, attempts, error, sealed from notices order by created_at, id"
    )


@pytest.fixture
async def paid(stall):
    """``await paid()``: a shopper and an order that is paid; all events are heard."""

    async def pay(shopper=None, **more):
        shopper = shopper or await stall.shopper()
        placed = await shopper.ordered({await stall.sku(1000, 9): 1}, 1000, **more)
        await shopper.pay(placed["id"])
        await stall.settle()
        return shopper, placed

    return pay
