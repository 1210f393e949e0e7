"""Pictures: read from whatever somebody sends, made new as WebP in three sizes."""
