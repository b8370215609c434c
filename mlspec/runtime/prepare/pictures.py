"""The features of a table that are images: pixels beside the values that the engine computed, some rows at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from mlspec.runtime import table
from mlspec.runtime.context import StageContext
from mlspec.runtime.image.render import column_of_form, renderer

_BLOCK = 16 << 20  # bytes of pixels that are written at once
_MOST = 1_024  # and rows


def write_pixels(
    context: StageContext,
    pictures: Sequence[Mapping[str, Any]],
    columns: Sequence[Mapping[str, Any]],
    values: Path,
    target: Path,
) -> None:
    """Write the table `values` again with the pixels of the features `pictures`, all in the order of the features."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    where, rows = context.block, table.rows_path(context.input("rows"))
    names = [f"f.{feature['name']}" for feature in context.config["features"]]
    renders = {
        f"f.{each['name']}": (column_of_form(each["value"]), renderer(each, columns, f"{where}.{each['name']}"))
        for each in pictures
    }
    sizes = {f"f.{each['name']}": math.prod(each["shape"]) for each in pictures}
    step = max(1, min(_MOST, _BLOCK // sum(sizes.values())))
    with pq.ParquetFile(values) as file:
        known = file.read(use_threads=False)
    kinds = {
        **{name: known.schema.field(name).type for name in known.schema.names},
        **{name: pa.binary(size) for name, size in sizes.items()},
    }
    schema = pa.schema([(name, kinds[name]) for name in (table.ROW, *names)])
    done = 0
    with ThreadPoolExecutor(max(1, context.threads)) as pool, pq.ParquetWriter(target, schema, compression="zstd") as writer:
        for batch in _batches(rows, sorted({column for column, _ in renders.values()}), step):
            some = known.slice(done, batch.num_rows)
            found = {
                name: pa.array(list(pool.map(render, batch.column(column).to_pylist())), kinds[name])
                for name, (column, render) in renders.items()
            }
            writer.write_table(pa.table([found[name] if name in found else some.column(name) for name in schema.names], schema))
            done += batch.num_rows
            context.progress(done, known.num_rows, "images")


def _batches(rows: Path, columns: Sequence[str], step: int) -> Iterator[Any]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(rows) as file:
        step = table.rows_at_once(file.metadata, step, columns)
        yield from file.iter_batches(batch_size=step, columns=list(columns), use_threads=False)
