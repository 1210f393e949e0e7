"""siyu (私域): the self-hosted operating system for private-domain commerce."""
