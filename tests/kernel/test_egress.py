"""What leaves the house: never into a private network, never too much, never for too long. Real servers on loopback."""

import asyncio
import gzip
import ssl
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from siyu.kernel.egress import Egress, EgressRefused, is_public

Answer = Callable[[str, asyncio.StreamWriter], Awaitable[None]]


class Server:
    """A server that counts who came; ``asked`` holds the heads of the requests."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.asked: list[str] = []


@asynccontextmanager
async def serving(
    answer: Answer, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Server]:
    server = Server(port)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            server.asked.append(head)
            await answer(head, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client has had enough: that is what is tested
        finally:
            writer.close()

    listening = await asyncio.start_server(talk, host, port, ssl=tls)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()


def saying(body: bytes, head: str = "") -> Answer:
    """A server that says this, at once."""

    async def answer(_: str, writer: asyncio.StreamWriter) -> None:
        writer.write(
            f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n{head}\r\n".encode() + body
        )
        await writer.drain()

    return answer


@asynccontextmanager
async def egress(**how) -> AsyncIterator[Egress]:
    made = Egress(**how)
    try:
        yield made
    finally:
        await made.close()


@pytest.fixture
async def home() -> AsyncIterator[Egress]:
    """For whom loopback is the open world."""
    async with egress(allowed=lambda address: address.startswith("127.")) as made:
        yield made


@pytest.fixture
async def guarded() -> AsyncIterator[Egress]:
    """As in production."""
    async with egress() as made:
        yield made


PRIVATE = [
    *("127.0.0.1", "127.8.8.8", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254"),
    *("100.64.0.1", "0.0.0.0", "255.255.255.255", "224.0.0.1", "198.18.0.1", "240.0.0.1"),
    *("::1", "::", "fe80::1", "fc00::1", "fd12:3456::1", "ff02::1", "fec0::1", "2001:db8::1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:7f00:1", "::ffff:169.254.169.254"),
    *("64:ff9b::7f00:1", "64:ff9b::a00:1", "2002:7f00:1::", "2002:a00:1::1", "::7f00:1"),
    "2001:0:4136:e378:8000:63bf:f5ff:fffe",  # Teredo around 10.0.0.1
]
PUBLIC = ["1.1.1.1", "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_of_a_private_network_is_not_public_however_it_is_wrapped(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_open_internet_is_public(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "127.1", "0"),
        *("2130706433", "0x7f000001", "0177.0.0.1", "0x7f.1", "017700000001", "127.0.0.1."),
    ],
)
async def test_no_way_of_writing_loopback_leads_there(guarded, host):
    async with serving(saying(b"secret")) as server:
        with pytest.raises(EgressRefused):
            await guarded.fetch(f"http://{host}:{server.port}/", timeout_s=5)
        assert server.asked == []


@pytest.mark.parametrize("form", ["127.1", "2130706433", "0x7f.1"])
async def test_those_ways_do_lead_to_loopback_so_the_guard_is_needed(home, form):
    async with serving(saying(b"reached")) as server:
        assert (await home.fetch(f"http://{form}:{server.port}/")).body == b"reached"


@pytest.mark.parametrize(
    "url",
    [
        *("file:///etc/passwd", "ftp://example.com/", "gopher://example.com/", "data:,x", "", "x"),
        *("//example.com/", "http://", "http://[::1", "http://example.com:99999/"),
        *("http://example.com:0/", "http://user:pw@example.com/", "http://:pw@example.com/"),
        *("http://example.com\\@127.0.0.1/", "http://exa\nmple.com/", "javascript:alert(1)"),
    ],
)
async def test_an_address_of_another_kind_or_with_credentials_is_refused(guarded, url):
    with pytest.raises(EgressRefused) as refused:
        await guarded.fetch(url)
    assert (refused.value.status, refused.value.code) == (422, "egress.refused")


async def test_a_name_that_does_not_exist_is_told(guarded):
    with pytest.raises(EgressRefused, match="not known"):
        await guarded.fetch("http://does-not-exist.invalid/")


async def test_a_name_with_one_private_address_among_public_ones_is_refused():
    async def look_up(host: str, port: int) -> list[str]:
        return ["1.1.1.1", "10.0.0.7"]

    async with egress(look_up=look_up) as made:
        with pytest.raises(EgressRefused, match="private"):
            await made.fetch("http://mixed.example/")


async def test_the_second_answer_of_a_name_server_leads_nowhere_else():
    """DNS rebinding: the name is asked for once, and the connection goes to the address that was checked."""
    answers = iter([["127.0.0.1"], ["127.0.0.2"]])

    async def look_up(host: str, port: int) -> list[str]:
        return next(answers)

    async with (
        serving(saying(b"open")) as here,
        serving(saying(b"secret"), "127.0.0.2", here.port) as inside,
        egress(allowed=lambda address: address == "127.0.0.1", look_up=look_up) as made,
    ):
        url = f"http://rebinding.example:{here.port}/"
        assert (await made.fetch(url)).body == b"open"
        assert f"host: rebinding.example:{here.port}" in here.asked[0].lower()
        with pytest.raises(EgressRefused, match="private"):
            await made.fetch(url)
        assert inside.asked == []


async def test_a_redirect_is_handed_back_and_never_followed():
    async with serving(saying(b"secret"), "127.0.0.2") as inside:

        async def away(_: str, writer: asyncio.StreamWriter) -> None:
            where = f"http://127.0.0.2:{inside.port}/"
            writer.write(
                f"HTTP/1.1 302 Found\r\nLocation: {where}\r\nContent-Length: 0\r\n\r\n".encode()
            )

        async with (
            serving(away) as outside,
            egress(allowed=lambda address: address == "127.0.0.1") as made,
        ):
            answer = await made.fetch(f"http://127.0.0.1:{outside.port}/")
        assert (answer.status, answer.body) == (302, b"")
        assert inside.asked == []


async def test_exactly_as_much_as_allowed_comes_through_and_no_byte_more(home):
    async with serving(saying(b"x" * 5000)) as server:
        url = f"http://127.0.0.1:{server.port}/"
        assert len((await home.fetch(url, max_bytes=5000)).body) == 5000
        with pytest.raises(EgressRefused, match="larger"):
            await home.fetch(url, max_bytes=4999)


async def test_an_endless_answer_is_cut_off(home):
    sent = 0

    async def endless(_: str, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 65_536)
            sent += 65_536
            await writer.drain()

    async with serving(endless) as server:
        with pytest.raises(EgressRefused, match="larger"):
            await home.fetch(f"http://127.0.0.1:{server.port}/", max_bytes=100_000)
    assert sent < 20_000_000


@pytest.mark.parametrize("when", ["before the head", "in the body"])
async def test_whoever_is_too_slow_is_left(home, when):
    async def drip(_: str, writer: asyncio.StreamWriter) -> None:
        if when == "in the body":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _byte in range(40):  # a byte now and then keeps every single read from timing out
            if when == "in the body":
                writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)

    async with serving(drip) as server:
        began = asyncio.get_running_loop().time()
        with pytest.raises(EgressRefused, match="too long"):
            await home.fetch(f"http://127.0.0.1:{server.port}/", timeout_s=0.3)
        assert asyncio.get_running_loop().time() - began < 1.5


async def test_a_packed_answer_is_unpacked(home):
    packed = gzip.compress(b"jade " * 1000)
    async with serving(saying(packed, "Content-Encoding: gzip\r\n")) as server:
        answer = await home.fetch(f"http://127.0.0.1:{server.port}/")
    assert answer.body == b"jade " * 1000


async def test_a_bomb_is_refused_before_it_unfolds(home):
    """100 kB that hold 100 MB: no more than the allowed bytes are ever unpacked."""
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(100)) + packer.flush()
    assert len(bomb) < 150_000
    async with serving(saying(bomb, "Content-Encoding: gzip\r\n")) as server:
        with pytest.raises(EgressRefused, match="larger"):
            await home.fetch(f"http://127.0.0.1:{server.port}/", max_bytes=1_000_000)


@pytest.mark.parametrize("packing", ["gzip, gzip", "zstd", "br"])
async def test_a_packing_that_was_not_asked_for_is_refused(home, packing):
    async with serving(saying(b"xx", f"Content-Encoding: {packing}\r\n")) as server:
        with pytest.raises(EgressRefused, match="packed"):
            await home.fetch(f"http://127.0.0.1:{server.port}/")
    assert "accept-encoding: gzip\r\n" in server.asked[0].lower()


@pytest.mark.parametrize(
    "body",
    [b"no gzip at all", gzip.compress(b"x" * 9999)[:-12], gzip.compress(b"x") * 2],
    ids=[
        "not packed",
        "cut off",
        "two in one",
    ],  # gzip writes the time: workers must agree on the names
)
async def test_a_broken_packing_is_told_and_nothing_of_it_is_kept(home, body):
    async with serving(saying(body, "Content-Encoding: gzip\r\n")) as server:
        with pytest.raises(EgressRefused, match="unpacked"):
            await home.fetch(f"http://127.0.0.1:{server.port}/")


async def test_a_server_that_hangs_up_or_is_not_there_is_told(home):
    async def hang_up(_: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nxxx")

    async with serving(hang_up) as server:
        url = f"http://127.0.0.1:{server.port}/"
        with pytest.raises(EgressRefused, match="did not answer"):
            await home.fetch(url)
    with pytest.raises(EgressRefused, match="did not answer"):
        await home.fetch(url)


async def test_a_certificate_must_be_genuine_and_of_the_name_not_of_the_address(tmp_path):
    """TLS is bound to the name in the address, though the connection goes to a pinned number."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "pictures.example")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("pictures.example")]), False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (tmp_path / "c.pem").write_bytes(
        made.public_bytes(pem)
        + key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "c.pem")
    named: list[str | None] = []
    context.sni_callback = lambda _, server_name, __: named.append(server_name)

    async def look_up(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    async with (
        serving(saying(b"x"), tls=context) as server,
        egress(allowed=lambda _: True, look_up=look_up) as made_egress,
    ):
        with pytest.raises(EgressRefused, match="did not answer"):
            await made_egress.fetch(f"https://pictures.example:{server.port}/")
    assert named == ["pictures.example"] and server.asked == []


async def test_two_names_at_one_address_never_share_a_connection():
    """A kept connection was made for, and with TLS proven by, one name only."""
    came: list[list[str]] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append([])
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                came[-1].append(head.split("Host: ")[1].split(":")[0])
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx")
        writer.close()

    async def look_up(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    listening = await asyncio.start_server(talk, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    async with egress(allowed=lambda _: True, look_up=look_up) as made:
        for name in ("one.example", "two.example", "one.example"):
            assert (await made.fetch(f"http://{name}:{port}/")).body == b"x"
    listening.close()
    assert came == [["one.example"], ["two.example"], ["one.example"]]
