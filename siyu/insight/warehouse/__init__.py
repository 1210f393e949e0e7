"""仓 – warehouse: behaviour and sales in ClickHouse, projected from the log and the tracking spool."""

from siyu.insight.warehouse.client import Warehouse, WarehouseAway
from siyu.insight.warehouse.filling import drain_spools, fill, lag_s, prepare, rebuild

__all__ = ["Warehouse", "WarehouseAway", "drain_spools", "fill", "lag_s", "prepare", "rebuild"]
