"""人 – who: brands, staff, customers."""
