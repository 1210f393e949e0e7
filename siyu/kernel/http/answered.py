"""How requests were answered: two metrics that cost next to nothing to count and are put together when asked for."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator

from prometheus_client import REGISTRY
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Answered(Collector):
    """Counts by door, route and status. Only the event loop's thread counts, so nothing has to be locked."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str, int], list[float]] = {}
        """By door, route and status: answers by bucket, those above the last, and the sum of their seconds."""

    def count(self, door: str, route: str, status: int, seconds: float) -> None:
        """One more answer."""
        seen = self._seen.get((door, route, status))
        if seen is None:
            seen = self._seen[door, route, status] = [0.0] * (len(BUCKETS) + 2)
        seen[bisect_left(BUCKETS, seconds)] += 1
        seen[-1] += seconds

    def collect(self) -> Iterator[CounterMetricFamily | HistogramMetricFamily]:
        """What ``/metrics`` tells: ``siyu_http_requests_total{door,status}`` and ``siyu_http_seconds{door,route,status}``."""
        requests: dict[tuple[str, str], float] = defaultdict(float)
        timed: dict[tuple[str, str, str], list[float]] = {}
        for (door, route, status), seen in list(self._seen.items()):
            requests[door, str(status)] += sum(seen[:-1])
            labels = (door, route, f"{status // 100}xx")
            before = timed.get(labels, [0.0] * len(seen))
            timed[labels] = [a + b for a, b in zip(before, seen, strict=True)]
        counter = CounterMetricFamily(
            "siyu_http_requests", "Answered requests", labels=["door", "status"]
        )
        for labels, count in requests.items():
            counter.add_metric(labels, count)
        yield counter
        histogram = HistogramMetricFamily(
            "siyu_http_seconds",
            "Time to answer, by door, route (method and pattern, never the path itself) and class of status",
            labels=["door", "route", "status"],
        )
        for labels, seen in timed.items():
            upto: list[tuple[str, float]] = []
            so_far = 0.0
            for bound, count in zip((*map(float, BUCKETS), None), seen, strict=False):
                so_far += count
                upto.append(("+Inf" if bound is None else str(bound), so_far))
            histogram.add_metric(labels, upto, sum_value=seen[-1])
        yield histogram


answered = Answered()
REGISTRY.register(answered)
