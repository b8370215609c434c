"""What the visits of a customer come to."""

from __future__ import annotations

from typing import Any

import pyarrow as pa


def per_customer(visits: Any) -> Any:
    """One row a customer: items, visits and the newest one."""
    found = visits.group_by("customer").aggregate([("items", "sum"), ("items", "count"), ("at", "max")])
    columns = {"customer": "customer", "items": "items_sum", "times": "items_count", "newest": "at_max"}
    return pa.table({name: found[made] for name, made in columns.items()}).sort_by("customer")
