"""The demo brand: its range, house, people and a year of business, drawn from a seed."""
