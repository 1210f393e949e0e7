"""All tables: importing this file fills the metadata."""

import siyu.goods.catalogue.tables
import siyu.goods.fulfilment.tables
import siyu.goods.orders.tables
import siyu.goods.payments.tables
import siyu.goods.pricing.tables
import siyu.goods.stock.tables
import siyu.insight.tracking.tables
import siyu.kernel.directory
import siyu.kernel.effective.tables
import siyu.kernel.events.tables
import siyu.kernel.http.idempotency
import siyu.kernel.jobs
import siyu.kernel.ledger.tables
import siyu.kernel.slow
import siyu.kernel.timers
import siyu.kernel.vault.tables
import siyu.people.brands.tables
import siyu.people.customers.tables
import siyu.people.notices.tables
import siyu.people.staff.tables
import siyu.scenes.links.tables
import siyu.scenes.storefront.tables  # noqa: F401
