"""Shoppers at a brand's shop, signed in by the code that arrives in the demo's inbox."""

import re
import secrets

import httpx
import pytest

from tests.conftest import client_for


class Shoppers:
    """Makes visitors of a brand's shop."""

    def __init__(self, app):
        self.app, self.clients = app, []

    def visitor(self, brand):
        """Nobody yet."""
        client = client_for(self.app, brand.host)
        self.clients.append(client)
        return client

    async def guest(self, brand):
        """Somebody who accepted the privacy text."""
        client = self.visitor(brand)
        version = (await client.get("/api/shop/shop")).json()["privacy_version"]
        answer = await client.post("/api/shop/session/guest", json={"privacy_version": version})
        assert answer.status_code == 200, answer.text
        client.headers["X-CSRF-Token"] = answer.json()["csrf_token"]
        return client

    def elsewhere(self, guest, brand, address):
        """The guest's session, asking from another network address."""
        transport = httpx.ASGITransport(
            app=self.app, raise_app_exceptions=False, client=(address, 9)
        )
        client = httpx.AsyncClient(
            transport=transport,
            base_url=f"http://{brand.host}",
            headers=guest.headers,
            cookies=guest.cookies,
        )
        self.clients.append(client)
        return client

    async def code_for(self, client, phone):
        """Ask for a code and read it in the inbox."""
        sent = await client.post("/api/shop/session/code", json={"phone": phone})
        assert sent.status_code == 202, sent.text
        return await self.latest_code(client, phone)

    async def latest_code(self, client, phone):
        """The code of the newest message."""
        inbox = (await client.get("/api/shop/demo-inbox", params={"phone": phone})).json()["items"]
        return re.findall(r"\d{6}", inbox[0]["text"])[0]

    async def sign_in(self, client, phone):
        """Exchange a fresh code for a customer's session; the answer's body."""
        code = await self.code_for(client, phone)
        answer = await client.post("/api/shop/session/verify", json={"phone": phone, "code": code})
        assert answer.status_code == 200, answer.text
        client.headers["X-CSRF-Token"] = answer.json()["csrf_token"]
        return answer.json()

    async def customer(self, brand, phone=None):
        """Somebody who signed in."""
        client = await self.guest(brand)
        await self.sign_in(client, phone or new_phone())
        return client


def new_phone():
    """A mainland mobile number nobody in the tests has."""
    return f"139{secrets.randbelow(10**8):08d}"


@pytest.fixture
def phone():
    """A number nobody has yet."""
    return new_phone()


@pytest.fixture
async def shoppers(app):
    """Ways to have visitors, guests and customers."""
    made = Shoppers(app)
    yield made
    for client in made.clients:
        await client.aclose()
