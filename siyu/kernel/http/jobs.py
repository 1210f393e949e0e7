"""A job on the console's wire: the same shape wherever a job is shown."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from siyu.kernel import clock
from siyu.kernel.jobs import JobRow


class JobOut(msgspec.Struct):
    """A job and how far it is."""

    id: UUID
    kind: str
    title: dict[str, str]
    state: str
    step: dict[str, str]
    done: int
    total: int | None
    rate_per_s: int | None
    eta_s: int | None
    failed: int
    has_report: bool
    error: str | None
    result: dict[str, Any]
    created_by: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @classmethod
    def of(cls, row: JobRow) -> "JobOut":
        """The wire form of a row; rate and time left while it runs."""
        rate = left = None
        if row.started_at is not None and row.done:
            seconds = max(
                ((row.finished_at or clock.now()) - row.started_at).total_seconds(), 0.001
            )
            rate = round(row.done / seconds)
            if row.state == "running" and row.total and rate:
                left = max(0, (row.total - row.done) // rate)
        return cls(
            row.id, row.kind, row.title, row.state, row.step, row.done, row.total, rate, left, row.failed,
            row.report_key is not None, row.error, row.result, row.created_by, row.created_at, row.started_at,
            row.finished_at,
        )  # fmt: skip
