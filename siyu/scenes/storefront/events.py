"""What the storefront states."""

from uuid import UUID

from siyu.kernel.events import Event


class PagePublished(Event, frozen=True, kw_only=True, tag="storefront.page_published/1"):
    """Shoppers see another version of a page now."""

    page_id: UUID
    key: str
    number: int
