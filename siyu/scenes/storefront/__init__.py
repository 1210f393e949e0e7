"""店铺 – storefront: pages made of blocks, with drafts, versions and the way back."""

from siyu.scenes.storefront.actions import publish, save_draft, set_page
from siyu.scenes.storefront.events import PagePublished
from siyu.scenes.storefront.rules import Block

__all__ = ["Block", "PagePublished", "publish", "save_draft", "set_page"]
