"""All tables, module by module from low to high: importing this file fills the metadata."""

import siyu.kernel.directory
import siyu.kernel.events.tables
import siyu.kernel.http.idempotency
import siyu.kernel.jobs
import siyu.kernel.timers  # noqa: F401
