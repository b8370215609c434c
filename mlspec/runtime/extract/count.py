"""How many rows a source reads of its files, for `mlspec lock --data`: by the readers of `extract`, so that both count alike."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlspec.runtime import query, table
from mlspec.runtime.extract import limits
from mlspec.runtime.extract.paths import check_unchanged, find_files
from mlspec.runtime.extract.reader import Input, unreadable
from mlspec.runtime.extract.stage import Load, malformed, open_load


def count_rows(config: Mapping[str, Any], root: Path) -> int:
    """The records of the files that the config of an `extract` stage names; StageError where one cannot be read.

    Values are not looked at, nor the images that an index names: a run may leave rows out, and reads no more than these.
    """
    where = f"{config['source']}.from"
    data = find_files(root, [str(path) for path in config["paths"]], where)
    with tempfile.TemporaryDirectory(prefix="mlspec-rows-") as folder:
        work = Path(folder)
        attach = data[0].path if config["format"] == "duckdb" else None
        with table.session([file.path for file in data], [work], work, attach=attach) as connection:
            rows = _count(open_load(config, connection, data, work))
    check_unchanged(data, where)
    limits.check_rows(rows, str(config["source"]))
    return rows


def _count(load: Load) -> int:
    import duckdb

    rows = 0
    for file, reader in zip(load.data, load.readers, strict=True):
        counted = query.select({"rows": query.call("count_star")}, reader.relation())
        try:
            # All of the result: the engine files the refused records when the scan is finished, not before.
            rows += int(load.connection.execute(query.render(counted)).fetchall()[0][0])
        except duckdb.OutOfMemoryException:
            raise
        except duckdb.Error as error:
            raise unreadable(Input(file, f"{load.source}.from", {}, (), Path()), error, "well-formed records") from error
    if refused := malformed(load):
        raise refused[0]
    return rows
