"""The two embedded engines and whoever keeps processes alive; nothing here is needed with external URLs."""

from siyu.kernel.engines.clickhouse import RunningClickHouse, start_clickhouse
from siyu.kernel.engines.errors import EngineRefused
from siyu.kernel.engines.postgres import Running, start_postgres

__all__ = ["EngineRefused", "Running", "RunningClickHouse", "start_clickhouse", "start_postgres"]
