"""What must always be true of staff."""

from siyu.kernel.checks import invariant
from siyu.people.staff.chain.proving import BROKEN


@invariant(
    "staff.audit_chain",
    sentence={
        "zh-CN": "操作日志与封存它的链完全一致：没有一行被改、被删或被塞进来。",
        "en": "The audit is as its chain sealed it: no row was changed, removed or slipped in.",
    },
)
def audit_chain() -> str:
    """Rows and links that are not as they were sealed."""
    return BROKEN
