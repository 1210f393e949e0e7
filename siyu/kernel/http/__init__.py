"""What every door of the house shares: problem documents, paging, idempotency, limits, headers."""

from siyu.kernel.http.idempotency import (
    IdempotencyRow,
    KeyReused,
    Once,
    forget_old,
    keep_short,
    once,
)
from siyu.kernel.http.jobs import JobOut
from siyu.kernel.http.limits import Limiter, rate_limit
from siyu.kernel.http.paging import (
    BadCursor,
    SearchHeader,
    decode_cursor,
    encode_cursor,
    sought,
)
from siyu.kernel.http.problems import (
    Problem,
    exception_handlers,
    problem_of,
    send_failure,
    send_problem,
)
from siyu.kernel.http.proxies import Proxies
from siyu.kernel.http.surroundings import (
    Surroundings,
    add_request_id,
    client_address,
    headers_of,
    host_of,
    read_body,
    request_id_of,
    send_bytes,
)

__all__ = [
    "BadCursor",
    "IdempotencyRow",
    "JobOut",
    "KeyReused",
    "Limiter",
    "Once",
    "Problem",
    "Proxies",
    "SearchHeader",
    "Surroundings",
    "add_request_id",
    "client_address",
    "decode_cursor",
    "encode_cursor",
    "exception_handlers",
    "forget_old",
    "headers_of",
    "host_of",
    "keep_short",
    "once",
    "problem_of",
    "rate_limit",
    "read_body",
    "request_id_of",
    "send_bytes",
    "send_failure",
    "send_problem",
    "sought",
]
