"""The sample of a source: the rows with the lowest hashes under purpose "sample", whole groups where a group is given."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlspec.runtime import query, table
from mlspec.runtime.context import StageContext
from mlspec.runtime.errors import StageError
from mlspec.runtime.prepare.places import largest_remainder, place, share_of

if TYPE_CHECKING:
    import duckdb


def write_sample(context: StageContext, connection: duckdb.DuckDBPyConnection, rows: Path) -> None:
    """Write the output `sampled` from the written `rows`; rows keep their numbers and their order."""
    config = context.config
    share = share_of(config["sample"])
    total = int(table.head(rows)["rows"])
    kept = largest_remainder(total, [share, 1 - share])[0] if 0 < share <= 1 else 0
    if not kept:
        raise StageError(
            "MLS816", f"the sample of `{config['source']}` has no rows", f"{config['source']}.sample",
            expected="a share above 0 % and at most 100 % that keeps a row", found=f"{float(share):.4%} of {total:,} rows",
            help="raise `sample`, or leave it out",
        )  # fmt: skip
    folder = context.output("sampled")
    count = table.write_parquet(connection, _kept_rows(config, rows / table.ROWS, kept, share), folder / table.ROWS)
    head = table.head(rows)
    table.finish_table(folder, head["columns"], count, head["files"])


def _kept_rows(config: Any, rows: Path, kept: int, share: Fraction) -> Any:
    from mlspec.runtime.extract.stage import key_columns

    names = [str(config["group"])] if config.get("group") else [str(item["name"]) for item in key_columns(config["columns"])]
    hashed = {table.ROW: query.name(table.ROW), "place": place(int(config.get("seed", 0)), "sample", names)}
    number = query.window(query.call("row_number"), order=[query.name("place"), query.name(table.ROW)])
    ranked = query.select(
        {table.ROW: query.name(table.ROW), "rank": number}, query.select(hashed, query.read_parquet(str(rows)))
    )
    if config.get("group"):
        ranked = _whole_groups(hashed, rows)
    chosen = query.select({table.ROW: query.name(table.ROW)}, ranked, where=query.binary("<=", query.name("rank"), kept))
    inside = query.found_in(query.name(table.ROW), chosen)
    result = query.select(None, query.read_parquet(str(rows)), where=inside)
    return result.order_by(query.name(table.ROW), copy=False)


def _whole_groups(hashed: dict[str, Any], rows: Path) -> Any:
    """Each row ranked by the middle row of its group, groups in the order of their hashes."""
    places = query.select(hashed, query.read_parquet(str(rows)))
    before = query.window(query.call("count_star"), order=[query.name("place")])
    size = query.window(query.call("count_star"), by=[query.name("place")])
    middle = query.binary("-", before, query.call("floor", query.binary("/", size, 2)))
    return query.select({table.ROW: query.name(table.ROW), "rank": middle}, places)
