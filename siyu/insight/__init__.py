"""What we know: tracking, warehouse, boards."""
