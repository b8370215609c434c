"""The tables of the AutoML figure, each with a label `y`: `python -m benchmarks.peers.automl_data NAME OUT`.

`income` and `late` are the tables that the specs ship; `made` is 200,000 rows of scikit-learn's generator.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

SHIPPED = Path(__file__).parents[2] / "specs/data"
ROWS, COLUMNS = 200_000, 20


def income() -> Any:
    """Adult: income above 50,000 dollars, asked without the sex, which a spec refuses as an input."""
    import pandas as pd

    frame = pd.read_parquet(SHIPPED / "census_income.parquet").drop(columns=["sex"])
    frame["y"] = frame.pop("income").map({"<=50K": "no", ">50K": "yes"})
    return frame


def late() -> Any:
    """Flights: more than 15 minutes late, from what is known a day before; of the times only month and day of the week."""
    import pandas as pd

    frame = pd.read_parquet(SHIPPED / "flights.parquet").drop(columns=["flight_id", "dep_delay"])
    times = frame.pop("scheduled_at")
    frame["month"], frame["weekday"] = times.dt.month.astype("int64"), times.dt.weekday.astype("int64")
    frame["y"] = (frame.pop("arr_delay") > 15).map({False: "no", True: "yes"})
    return frame


def made() -> Any:
    """Clusters on the corners of a cube, one row in twenty with a label by chance."""
    import pandas as pd
    from sklearn.datasets import make_classification

    numbers, labels = make_classification(
        ROWS, COLUMNS, n_informative=10, n_redundant=5, n_clusters_per_class=16, class_sep=0.8, flip_y=0.05, random_state=20
    )
    frame = pd.DataFrame(numbers, columns=[f"x{place}" for place in range(COLUMNS)])
    frame["y"] = pd.Series(labels).map({0: "no", 1: "yes"})
    return frame


if __name__ == "__main__":
    {"income": income, "late": late, "made": made}[sys.argv[1]]().to_parquet(sys.argv[2], index=False)
