"""All tables, module by module from low to high: importing this file fills the metadata."""

import siyu.goods.catalogue.tables
import siyu.goods.stock.tables
import siyu.kernel.directory
import siyu.kernel.events.tables
import siyu.kernel.http.idempotency
import siyu.kernel.jobs
import siyu.kernel.timers  # noqa: F401
import siyu.goods.payments.tables  # noqa: F401
import siyu.people.brands.tables
import siyu.people.customers.tables
import siyu.people.staff.tables  # noqa: F401
import siyu.goods.orders.tables
import siyu.goods.pricing.tables  # noqa: F401
