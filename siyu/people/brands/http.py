"""The console's doors to the brand and its units."""

from typing import Annotated, Literal, cast
from uuid import UUID

import msgspec
from litestar import delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, HeaderParameter, JSONBody
from msgspec import UNSET, Meta, UnsetType

from siyu.kernel.errors import Invalid
from siyu.kernel.http import once
from siyu.people.brands import actions, queries, write_keys
from siyu.people.brands.actions import BrandChange, StorePlace, UnitChange
from siyu.people.brands.ports import Desk
from siyu.people.brands.queries import BrandOut, Unit
from siyu.people.brands.rules import LocaleText

Line = Annotated[str, Meta(max_length=200, pattern=r"^[^\x00-\x1f]*$")]
Degrees = Annotated[float, Meta(ge=-180, le=180)]
UnitKind = Literal["hq", "region", "dealer", "franchisee", "store"]


class BrandPatchIn(msgspec.Struct, forbid_unknown_fields=True):
    name: LocaleText | UnsetType = UNSET
    theme_color: Line | UnsetType = UNSET
    privacy: LocaleText | UnsetType = UNSET
    service_phone: Annotated[str, Meta(max_length=30, pattern=r"^[0-9+() -]*$")] | UnsetType = UNSET
    locales: list[str] | UnsetType = UNSET
    default_locale: str | UnsetType = UNSET
    second_step_required: bool | UnsetType = UNSET


class StoreDetail(msgspec.Struct, forbid_unknown_fields=True):
    """What only stores have; latitude and longitude in degrees (WGS 84), kept to a millionth."""

    address: Line = ""
    district_code: Annotated[str, Meta(pattern=r"^([0-9]{6})?$")] = ""
    phone: Annotated[str, Meta(max_length=30, pattern=r"^[0-9+() -]*$")] = ""
    hours: LocaleText = {}
    latitude: Degrees | None = None
    longitude: Degrees | None = None
    pick_up: bool = False


class UnitOut(msgspec.Struct):
    id: UUID
    parent_id: UUID | None
    kind: UnitKind
    code: str
    name: LocaleText
    path: str
    store: StoreDetail | None
    closed: bool

    @classmethod
    def of(cls, unit: Unit) -> "UnitOut":
        """A unit as the console shows it."""
        store = None
        if unit.kind == "store":
            store = StoreDetail(
                unit.address,
                unit.district_code,
                unit.phone,
                unit.hours,
                unit.latitude_e6 / 1e6 if unit.latitude_e6 is not None else None,
                unit.longitude_e6 / 1e6 if unit.longitude_e6 is not None else None,
                unit.pick_up,
            )
        kind = cast("UnitKind", unit.kind)
        return cls(
            unit.id, unit.parent_id, kind, unit.code, unit.name, unit.path, store, unit.closed
        )


class UnitListOut(msgspec.Struct):
    items: list[UnitOut]


class UnitIn(msgspec.Struct, forbid_unknown_fields=True):
    parent_id: UUID
    kind: Literal["region", "dealer", "franchisee", "store"]
    code: Annotated[str, Meta(max_length=40)]
    name: LocaleText
    store: StoreDetail | None = None


class UnitPatchIn(msgspec.Struct, forbid_unknown_fields=True):
    parent_id: UUID | UnsetType | None = UNSET
    code: Annotated[str, Meta(max_length=40)] | UnsetType = UNSET
    name: LocaleText | UnsetType = UNSET
    store: StoreDetail | UnsetType | None = UNSET
    closed: bool | UnsetType = UNSET


class WriteKeyListOut(msgspec.Struct):
    """The brand's write keys."""

    items: list[write_keys.WriteKey]


class WriteKeyIn(msgspec.Struct, forbid_unknown_fields=True):
    """What the new key is for: lower-case letters, digits and hyphens."""

    name: Annotated[str, Meta(max_length=30)]


def _place(detail: StoreDetail) -> StorePlace:
    if (detail.latitude is None) != (detail.longitude is None) or abs(detail.latitude or 0) > 90:
        raise Invalid(
            errors=[
                {"path": "store.latitude", "message": "latitude within ±90 together with longitude"}
            ]
        )
    return StorePlace(
        address=detail.address,
        district_code=detail.district_code,
        phone=detail.phone,
        hours=detail.hours,
        latitude_e6=None if detail.latitude is None else round(detail.latitude * 1e6),
        longitude_e6=None if detail.longitude is None else round(detail.longitude * 1e6),
        pick_up=detail.pick_up,
    )


@get("/brand", tags=["brand"])
async def show_brand(desk: NamedDependency[Desk]) -> BrandOut:
    """The brand and its settings."""
    return BrandOut.of(await queries.facts_in(desk.session), desk.runtime.settings)


@patch("/brand", tags=["brand"])
async def patch_brand(desk: NamedDependency[Desk], data: JSONBody[BrandPatchIn]) -> BrandOut:
    """Change the brand's settings. A changed privacy text gets a new version, which shoppers accept anew."""
    desk.require("settings.edit")
    change = BrandChange(
        **{key: value for key, value in msgspec.structs.asdict(data).items() if value is not UNSET}
    )
    row, changed = await actions.change_brand(desk.session, change)
    if changed:
        await desk.audit(
            "brand.changed",
            subject_kind="brand",
            subject_id=row.brand_id,
            label=row.slug,
            facts={"fields": changed},
        )
    return BrandOut.of(queries.facts_of(row), desk.runtime.settings)


@get("/units", tags=["units"])
async def list_units(desk: NamedDependency[Desk]) -> UnitListOut:
    """The whole tree below one's own unit, in the order of paths."""
    return UnitListOut(
        [
            UnitOut.of(unit)
            for unit in await queries.units_within(desk.session, desk.staff.unit_path)
        ]
    )


@post("/units", tags=["units"])
async def post_unit(
    desk: NamedDependency[Desk],
    data: JSONBody[UnitIn],
    request_key: Annotated[
        str | None, HeaderParameter(name="Idempotency-Key", max_length=64)
    ] = None,
) -> UnitOut:
    """Add a unit below one of one's own subtree. Refusals: units.wrong_parent, units.code_taken, units.parent_closed."""
    desk.require("units.edit")
    write = (
        await once(desk.session, f"units/{desk.staff.id}", request_key, data)
        if request_key
        else None
    )
    if write and write.reference:
        row = await queries.unit_row(desk.session, UUID(write.reference["unit_id"]))
        return UnitOut.of(queries.unit_of(row))
    unit = await actions.add_unit(
        desk.session,
        parent_id=data.parent_id,
        kind=data.kind,
        code=data.code,
        name=data.name,
        store=_place(data.store) if data.store else None,
        within=desk.staff.unit_path,
    )
    if write:
        await write.done({"unit_id": unit.id})
    await desk.audit(
        "unit.added",
        subject_kind="unit",
        subject_id=unit.id,
        label=unit.code,
        facts={"kind": unit.kind},
    )
    return UnitOut.of(unit)


@patch("/units/{unit_id:uuid}", tags=["units"])
async def patch_unit(
    desk: NamedDependency[Desk], unit_id: FromPath[UUID], data: JSONBody[UnitPatchIn]
) -> UnitOut:
    """Change, move, close or open a unit. Refusals: units.cycle, units.wrong_parent, units.not_closable, units.code_taken."""
    desk.require("units.edit")
    own = await queries.unit_row(desk.session, unit_id, within=desk.staff.unit_path)
    if (
        own.path == desk.staff.unit_path
        and own.parent_id is not None
        and (data.closed is True or data.parent_id is not UNSET)
    ):
        raise Invalid(
            "Your own unit is moved and closed by somebody above you.", unit_id=str(unit_id)
        )
    change = UnitChange(
        parent_id=own.parent_id if data.parent_id is UNSET else data.parent_id,  # pyright: ignore[reportArgumentType]
        code=data.code,
        name=data.name,
        store=UNSET if data.store is UNSET or data.store is None else _place(data.store),
        closed=data.closed,
    )
    unit, changed = await actions.change_unit(
        desk.session, unit_id, change, within=desk.staff.unit_path
    )
    if changed:
        await desk.audit(
            "unit.changed",
            subject_kind="unit",
            subject_id=unit.id,
            label=unit.code,
            facts={"fields": changed},
        )
    return UnitOut.of(unit)


@get("/write-keys", tags=["brand"])
async def list_write_keys(desk: NamedDependency[Desk]) -> WriteKeyListOut:
    """Keys that may write tracking messages to this brand, the shop's own first."""
    desk.require("settings.edit")
    return WriteKeyListOut(await write_keys.write_keys(desk.session))


@post("/write-keys", tags=["brand"])
async def post_write_key(
    desk: NamedDependency[Desk], data: JSONBody[WriteKeyIn]
) -> write_keys.WriteKey:
    """Make a key. Refusals: brands.bad_key_name, brands.key_name_taken, brands.too_many_keys."""
    desk.require("settings.edit")
    made = await write_keys.make_write_key(desk.session, data.name)
    await desk.audit("write_key.made", subject_kind="write_key", label=made.name, facts={})
    return made


@delete("/write-keys/{name:str}", tags=["brand"], status_code=204)
async def delete_write_key(desk: NamedDependency[Desk], name: FromPath[str]) -> None:
    """Revoke a key by its name; within half a minute it is unknown. Refusals: brands.shop_key_stays, http.not_found."""
    desk.require("settings.edit")
    await write_keys.revoke_write_key(desk.session, name)
    await desk.audit("write_key.revoked", subject_kind="write_key", label=name, facts={})


console_routes = [
    show_brand, patch_brand, list_units, post_unit, patch_unit, list_write_keys, post_write_key, delete_write_key,
]  # fmt: skip
