"""The console's view of dated values: what holds, what comes next, and who wanted it why."""

from siyu.app.effective.http import console_routes

__all__ = ["console_routes"]
