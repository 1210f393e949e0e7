"""Pictures: read from anywhere, kept as WebP in three sizes, served from an origin of their own."""
