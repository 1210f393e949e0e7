"""The ways out: a gateway of text messages, sign-in codes through it, e-mail through a real SMTP server on loopback."""

import asyncio
from uuid import uuid4

import msgspec
import pytest

from siyu.kernel import settings
from siyu.kernel.egress import Egress
from siyu.people import customers
from siyu.people.notices.channels import Mail, SmsCodes, SmsGateway
from siyu.people.notices.ports import Later, Letter, Never
from tests.people.customers.conftest import Shoppers, new_phone

LETTER = Letter(uuid4(), "order_paid/1", "guest@example.org", "试玉", "【试玉】已收到 ¥10.00")


async def test_the_gateway_gets_key_recipient_text_and_our_token(paid, send, gateway):
    shopper, order = await paid()
    await send()
    key = f"order_paid/{order['id']}"
    text = f"【试玉】已收到您的订单 {order['number']} 的付款 ¥10.00，我们正在备货。"
    assert gateway.heard == [{"key": key, "to": shopper.phone, "text": text}]
    assert f"idempotency-key: {key}" in gateway.heads[0].lower()
    assert "authorization: bearer gate-token" in gateway.heads[0].lower()


async def test_a_gateway_in_a_private_network_is_not_reached_outside_the_demo(gateway):
    egress = Egress()
    with pytest.raises(Later, match="unreachable"):
        await SmsGateway(egress, gateway.url).send(LETTER)
    await egress.close()
    assert gateway.heard == []


async def test_outside_the_demo_people_sign_in_by_a_code_from_the_gateway(
    app, brand, runtime, database, gateway, monkeypatch
):
    shoppers, phone, egress = Shoppers(app), new_phone(), Egress(allow_private=True)
    guest = await shoppers.guest(brand)
    production = msgspec.structs.replace(runtime.settings, profile="production")
    monkeypatch.setattr(runtime, "settings", production)
    codes = SmsCodes(database, SmsGateway(egress, gateway.url))
    monkeypatch.setattr(customers.plugs, "code_sender", codes)
    gateway.answers = [503, 200]
    assert (await guest.post("/api/shop/session/code", json={"phone": phone})).status_code == 202
    first, again = gateway.heard
    assert first == again and first["to"] == phone, (
        "a repetition is the same message under the same key"
    )
    code = next(word for word in first["text"].replace("，", " ").split() if word.isdigit())
    signed_in = await guest.post("/api/shop/session/verify", json={"phone": phone, "code": code})
    assert signed_in.status_code == 200, signed_in.text
    for client in shoppers.clients:
        await client.aclose()
    await egress.close()


async def test_a_code_that_cannot_be_sent_is_refused_without_naming_the_gateway(
    app, brand, runtime, database, gateway, monkeypatch
):
    shoppers, egress = Shoppers(app), Egress(allow_private=True)
    guest = await shoppers.guest(brand)
    production = msgspec.structs.replace(runtime.settings, profile="production")
    monkeypatch.setattr(runtime, "settings", production)
    codes = SmsCodes(database, SmsGateway(egress, gateway.url))
    monkeypatch.setattr(customers.plugs, "code_sender", codes)
    gateway.answers = [422]
    answer = await guest.post("/api/shop/session/code", json={"phone": new_phone()})
    assert (answer.status_code, answer.json()["code"]) == (503, "notices.not_delivered")
    assert "127.0.0.1" not in answer.text and len(gateway.heard) == 1
    for client in shoppers.clients:
        await client.aclose()
    await egress.close()


class MailServer:
    """Speaks enough of RFC 5321 to take letters; ``judge`` answers RCPT."""

    def __init__(self):
        self.letters, self.judge, self.port = [], "250 ok", 0

    async def talk(self, reader, writer):
        async def say(line):
            writer.write(f"{line}\r\n".encode())
            await writer.drain()

        await say("220 mail.test")
        while line := (await reader.readline()).decode().strip():
            word = line.split(":")[0].split()[0].upper()
            if word == "EHLO":
                await say("250 mail.test")
            elif word == "RCPT":
                await say(self.judge)
            elif word == "DATA":
                await say("354 go on")
                self.letters.append((await reader.readuntil(b"\r\n.\r\n")).decode())
                await say("250 taken")
            elif word == "QUIT":
                await say("221 bye")
                break
            else:
                await say("250 ok")
        writer.close()


@pytest.fixture
async def mail():
    made = MailServer()
    server = await asyncio.start_server(made.talk, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()


async def test_e_mail_arrives_and_a_repetition_bears_the_same_id(mail):
    channel = Mail(f"smtp://127.0.0.1:{mail.port}?from=shop@example.com")
    await channel.send(LETTER)
    await channel.send(LETTER)
    ids = {
        line
        for letter in mail.letters
        for line in letter.split("\r\n")
        if line.startswith("Message-ID")
    }
    assert len(mail.letters) == 2 and len(ids) == 1
    assert "To: guest@example.org" in mail.letters[0]


async def test_what_the_mail_server_says_is_told_apart(mail):
    channel = Mail(f"smtp://127.0.0.1:{mail.port}?from=shop@example.com")
    mail.judge = "550 nobody of that name"
    with pytest.raises(Never, match="mail_550"):
        await channel.send(LETTER)
    mail.judge = "450 come back later"
    with pytest.raises(Later, match="mail_450"):
        await channel.send(LETTER)
    with pytest.raises(Never, match="no_address"):
        await channel.send(msgspec.structs.replace(LETTER, to="a@b.cn\r\nBcc: all@b.cn"))
    with pytest.raises(Later, match="mail_not_encrypted"):
        await Mail(f"smtp://me:secret@127.0.0.1:{mail.port}?from=shop@example.com").send(LETTER)
    with pytest.raises(Later, match="unreachable"):
        await Mail("smtp://127.0.0.1:1?from=shop@example.com").send(LETTER)


def test_secrets_of_channels_are_masked_and_wrong_addresses_are_refused(tmp_path):
    assert settings.masked("sms_url", "https://g.cn/send?key=abc") == "https://g.cn/send?***"
    assert settings.masked("sms_token", "abc") == "***"
    assert "secret" not in settings.masked("smtp_url", "smtp://me:secret@m.cn:587?from=a@b.cn")
    home = {"SIYU_HOME": str(tmp_path)}
    for name, value in (
        ("SMS_URL", "ftp://x"),
        ("SMTP_URL", "https://x"),
        ("SMTP_URL", "smtp://x"),
    ):
        with pytest.raises(settings.SettingsRefused, match=name):
            settings.load({**home, f"SIYU_{name}": value})
