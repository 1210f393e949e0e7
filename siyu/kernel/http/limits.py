"""Rate limits of one process: token buckets, bounded in number. Limits that must hold across processes live in tables."""

import time
from collections import OrderedDict

from siyu.kernel.errors import TooMany


class Limiter:
    """At most ``per_minute`` calls a minute per key, in bursts of up to ``burst``."""

    def __init__(self, per_minute: int, burst: int | None = None, *, keys: int = 50_000) -> None:
        self._rate_per_s = per_minute / 60
        self._burst = float(burst or per_minute)
        self._keys = keys
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str, cost: int = 1) -> None:
        """Count a call. Raises ``TooMany`` with ``retry_after_s``."""
        now = time.monotonic()
        level, at = self._buckets.pop(key, (self._burst, now))
        level = min(self._burst, level + (now - at) * self._rate_per_s)
        if level < cost:
            self._buckets[key] = (level, now)
            raise TooMany(retry_after_s=max(1, round((cost - level) / self._rate_per_s)))
        self._buckets[key] = (level - cost, now)
        if len(self._buckets) > self._keys:
            self._buckets.popitem(last=False)


_named: dict[str, Limiter] = {}


def rate_limit(bucket: str, key: str, per_minute: int, burst: int | None = None) -> None:
    """Count a call in a named bucket. Raises ``TooMany``."""
    _named.setdefault(bucket, Limiter(per_minute, burst)).take(key)
