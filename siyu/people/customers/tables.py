"""Rows of customers. What is personal is sealed (``siyu.kernel.vault``) and found by blind tokens."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from siyu.kernel.db import Base, OfBrand, within_brand
from siyu.kernel.ids import new_id


class DeviceRow(OfBrand, Base):
    """A browser or mini-program whose holder accepted the privacy text, with the touch that brought it."""

    __tablename__ = "devices"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    created_at: Mapped[datetime]
    customer_id: Mapped[UUID | None]
    """Who last signed in on it."""
    source: Mapped[str]
    scene: Mapped[str]
    link_id: Mapped[UUID | None]
    store_id: Mapped[UUID | None]
    guide_id: Mapped[UUID | None]

    __table_args__ = (
        within_brand("customers", "customer_id"),
        within_brand("units", "store_id"),
        within_brand("staff", "guide_id"),
        Index(None, "brand_id", "customer_id"),
    )


class CustomerRow(OfBrand, Base):
    """Somebody who signed in with a phone, or whom an import brought."""

    __tablename__ = "customers"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    seq: Mapped[int]
    """1, 2, 3 … within the brand without holes: positions in bitmaps."""
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    """``queries.Profile``: name and phone. Nothing once they were forgotten."""
    phone_token: Mapped[UUID | None]
    last4_token: Mapped[UUID | None]
    name_token: Mapped[UUID | None]
    forgotten_at: Mapped[datetime | None]
    locale: Mapped[str]
    joined_at: Mapped[datetime]
    source: Mapped[str]
    scene: Mapped[str]
    link_id: Mapped[UUID | None]
    store_id: Mapped[UUID | None]
    guide_id: Mapped[UUID | None]
    """Source, scene, link, store and guide of the first touch."""

    __table_args__ = (
        within_brand("units", "store_id"),
        within_brand("staff", "guide_id"),
        UniqueConstraint("brand_id", "phone_token"),
        UniqueConstraint("brand_id", "seq"),
        Index(None, "brand_id", "last4_token"),
        Index(None, "brand_id", "name_token"),
        Index(None, "brand_id", "joined_at", "id"),
        Index(None, "brand_id", "store_id", "joined_at", "id"),
    )


class CustomerCounterRow(OfBrand, Base):
    """The last ``seq`` given in the brand; locked only while customers are made."""

    __tablename__ = "customer_counters"
    last_seq: Mapped[int]


class ShopSessionRow(OfBrand, Base):
    """A visit's session, of a guest or of a customer. Only the SHA-256 of its token is kept."""

    __tablename__ = "shop_sessions"
    token_hash: Mapped[str] = mapped_column(primary_key=True)
    device_id: Mapped[UUID]
    customer_id: Mapped[UUID | None]
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]

    __table_args__ = (
        within_brand("devices", "device_id"),
        within_brand("customers", "customer_id"),
        Index(None, "brand_id", "device_id"),
        Index(None, "brand_id", "customer_id"),
    )


class PrivacyAcceptanceRow(OfBrand, Base):
    """Proof that the holder of a device accepted a version of the privacy text. Append only."""

    __tablename__ = "privacy_acceptances"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    device_id: Mapped[UUID]
    version: Mapped[str]
    locale: Mapped[str]
    at: Mapped[datetime]

    __table_args__ = (
        within_brand("devices", "device_id"),
        Index(None, "brand_id", "device_id"),
        {"info": {"app": "SELECT, INSERT"}},
    )


class SignInCodeRow(OfBrand, Base):
    """The one code that is out for a phone; both are kept as keyed hashes only."""

    __tablename__ = "sign_in_codes"
    phone_key: Mapped[str] = mapped_column(primary_key=True)
    code_hash: Mapped[str]
    sent_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    tries: Mapped[int]


class ContactRow(OfBrand, Base):
    """Somebody to send to, as it was written once; never changed, so that an order can point at it.

    It may be another person than the customer, but it is the customer's data: sealed with their key, and gone with it.
    """

    __tablename__ = "contacts"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    customer_id: Mapped[UUID]
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    """``queries.Written``: recipient, phone, street."""
    district_code: Mapped[str]
    phone_token: Mapped[UUID | None]
    last4_token: Mapped[UUID | None]
    name_token: Mapped[UUID | None]
    created_at: Mapped[datetime]

    __table_args__ = (
        within_brand("customers", "customer_id"),
        Index(None, "brand_id", "customer_id"),
        Index(None, "brand_id", "phone_token"),
        Index(None, "brand_id", "last4_token"),
        Index(None, "brand_id", "name_token"),
    )


class AddressRow(OfBrand, Base):
    """An entry of a customer's address book."""

    __tablename__ = "addresses"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    customer_id: Mapped[UUID]
    contact_id: Mapped[UUID]
    is_default: Mapped[bool]
    created_at: Mapped[datetime]

    __table_args__ = (
        within_brand("customers", "customer_id"),
        within_brand("contacts", "contact_id"),
        Index(None, "brand_id", "customer_id", "created_at"),
        Index(None, "brand_id", "contact_id"),
        Index(
            "addresses_one_default_key",
            "brand_id",
            "customer_id",
            unique=True,
            postgresql_where=text("is_default"),
        ),
    )


class DemoMessageRow(OfBrand, Base):
    """A text message that would have been sent; written and read in the demo profile only."""

    __tablename__ = "demo_messages"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    phone_token: Mapped[UUID]
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    """``queries.Said``, with the brand's own key."""
    at: Mapped[datetime]

    __table_args__ = (Index(None, "brand_id", "phone_token", "at"), Index(None, "brand_id", "at"))
