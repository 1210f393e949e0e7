"""The two embedded engines and whoever keeps processes alive; nothing here is needed with external URLs."""

from siyu.kernel.engines.clickhouse import (
    RunningClickHouse,
    answers,
    begin_clickhouse,
    clickhouse_command,
    start_clickhouse,
)
from siyu.kernel.engines.cluster import SPOOL, client_programs, give_to_server
from siyu.kernel.engines.host import (
    EngineRefused,
    FolderLock,
    Stamp,
    check_port,
    free_port,
    is_alive,
    secret_in,
    stamp_of,
    sync_folder,
)
from siyu.kernel.engines.postgres import Running, start_postgres
from siyu.kernel.engines.supervisor import (
    ChildSpec,
    Restart,
    Started,
    Supervisor,
    lock_home,
    stand_back,
)

__all__ = [
    "SPOOL",
    "ChildSpec",
    "EngineRefused",
    "FolderLock",
    "Restart",
    "Running",
    "RunningClickHouse",
    "Stamp",
    "Started",
    "Supervisor",
    "answers",
    "begin_clickhouse",
    "check_port",
    "clickhouse_command",
    "client_programs",
    "free_port",
    "give_to_server",
    "is_alive",
    "lock_home",
    "secret_in",
    "stamp_of",
    "stand_back",
    "start_clickhouse",
    "start_postgres",
    "sync_folder",
]
