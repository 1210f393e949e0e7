"""The audit closed in a chain: what was written down cannot be changed or taken out unnoticed."""
