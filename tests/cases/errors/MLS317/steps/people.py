"""One row a person."""

import pyarrow as pa


def per_person(visits):
    found = visits.group_by("person").aggregate([("cost", "sum"), ("cost", "count"), ("left", "max")])
    return pa.table(
        {"person": found["person"], "spent": found["cost_sum"], "times": found["cost_count"], "left": found["left_max"]}
    )
