"""场 – where people and goods meet: links, storefront."""
