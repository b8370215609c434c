"""The sample of a source: the rows with the lowest hashes under purpose "sample", whole groups where a group is given."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlspec.runtime import query, table
from mlspec.runtime.context import StageContext
from mlspec.runtime.errors import StageError
from mlspec.runtime.prepare.places import largest_remainder, place, share_of
from mlspec.runtime.prepare.thresholds import find_cuts

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
    count = table.write_parquet(connection, _kept_rows(connection, config, rows / table.ROWS), folder / table.ROWS)
    head = table.head(rows)
    table.finish_table(folder, head["columns"], count, head["files"])


def _kept_rows(connection: duckdb.DuckDBPyConnection, config: Any, rows: Path) -> Any:
    """The rows up to the last hash of the sample, as they are read."""
    from mlspec.runtime.extract.stage import key_columns

    names = [str(config["group"])] if config.get("group") else [str(item["name"]) for item in key_columns(config["columns"])]
    hashed, source = place(int(config.get("seed", 0)), "sample", names), query.read_parquet(str(rows))
    share = share_of(config["sample"])
    placed = query.select({"stratum": "", "place": hashed}, source)
    (cut, *_) = find_cuts(connection, placed, [""], [share, 1 - share])
    return query.select(None, source.copy(), where=query.binary("<=", hashed.copy(), cut.last))
