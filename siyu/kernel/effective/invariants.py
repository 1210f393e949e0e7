"""What must always be true of dated values."""

from siyu.kernel.checks import invariant


@invariant(
    "effective.awaited",
    sentence={
        "zh-CN": "每个还没开始、也没撤回的安排，到点都有人宣布。",
        "en": "Whatever is planned and not withdrawn is waited for, so that its start is stated.",
    },
)
def awaited() -> str:
    """Planned entries without their timer. The clock of the database stands in for the program's: an hour is spared."""
    return """
    select e.id, e.code, e.starts_at from effective_values e
    left join timers t on t.kind = 'effective.starts' and t.subject = e.id
    where e.withdrawn_at is null and e.starts_at > now() + interval '1 hour' and t.subject is null
    """
