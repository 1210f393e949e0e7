"""Divisions, and the doors to a customer's address book."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, HeaderParameter, JSONBody, QueryParameter
from msgspec import Meta

from siyu.kernel.http import once
from siyu.people.customers import actions, queries, regions
from siyu.people.customers.actions import AddressIn
from siyu.people.customers.crowd import crowd_of
from siyu.people.customers.queries import AddressOut
from siyu.people.customers.visit import Shopper, Visit

LocaleText = dict[str, str]
Word = Annotated[str, Meta(max_length=200, pattern=r"^[^\x00]*$")]
Size = Annotated[int, QueryParameter(ge=1, le=100)]
Search = Annotated[str, QueryParameter(max_length=100, pattern=r"^[^\x00]*$")]
Key = Annotated[str | None, HeaderParameter(name="Idempotency-Key", max_length=64)]


class RegionOut(msgspec.Struct):
    code: str
    name: str
    is_district: bool


class RegionListOut(msgspec.Struct):
    items: list[RegionOut]


class AddressListOut(msgspec.Struct):
    items: list[AddressOut]


def _regions(parent: str) -> RegionListOut:
    below = regions.children(parent) if parent else regions.provinces()
    return RegionListOut(
        [RegionOut(one.code, one.name, regions.is_district(one.code)) for one in below]
    )


@get("/regions", tags=["shop"])
async def list_regions(parent: Search = "") -> RegionListOut:
    """Divisions below a code, provinces without one; an address ends where ``is_district`` is true."""
    return _regions(parent)


@get("/regions", tags=["customers"])
async def list_regions_for_staff(parent: Search = "") -> RegionListOut:
    """Divisions below a code, provinces without one."""
    return _regions(parent)


@get("/addresses", tags=["shop"])
async def list_addresses(visit: NamedDependency[Visit]) -> AddressListOut:
    """One's address book, the default first."""
    found = await queries.addresses(visit.session, visit.customer_id())
    return AddressListOut([AddressOut.of(address) for address in found])


@post("/addresses", tags=["shop"])
async def post_address(
    shopper: NamedDependency[Shopper], data: JSONBody[AddressIn], request_key: Key = None
) -> AddressOut:
    """Add an address. Refusals: customers.bad_phone, customers.too_many_addresses, http.invalid."""
    customer_id = shopper.customer_id()
    if request_key is None:
        write = actions.AddressWrite(customer_id, actions.checked_address(data))
        return AddressOut.of(await crowd_of(shopper.runtime).addresses.ask(shopper.brand.id, write))
    async with shopper.session() as session:
        write_once = await once(session, f"addresses/{customer_id}", request_key, data)
        if write_once.reference:
            earlier = UUID(write_once.reference["address_id"])
            return AddressOut.of(await queries.address(session, customer_id, earlier))
        made = await actions.save_address(session, customer_id, data)
        await write_once.done({"address_id": made.id})
    return AddressOut.of(made)


@put("/addresses/{address_id:uuid}", tags=["shop"])
async def put_address(
    visit: NamedDependency[Visit], address_id: FromPath[UUID], data: JSONBody[AddressIn]
) -> AddressOut:
    """Change an address."""
    return AddressOut.of(
        await actions.save_address(visit.session, visit.customer_id(), data, address_id)
    )


@delete("/addresses/{address_id:uuid}", tags=["shop"], status_code=204)
async def delete_address(visit: NamedDependency[Visit], address_id: FromPath[UUID]) -> None:
    """Remove an address."""
    await actions.drop_address(visit.session, visit.customer_id(), address_id)
