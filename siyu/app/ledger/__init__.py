"""The console's view of the ledger: statements, postings, and the explanation of any amount."""

from siyu.app.ledger.http import console_routes

__all__ = ["console_routes"]
