"""A source of images: an index of rows, each naming a file, and the files' bytes beside the values of the row.

Every image is decoded once here, so that no stage behind meets a broken one: what cannot be read is an error with its row and file,
or, up to a declared share, left out and counted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from mlspec.graph.canonical import digest_of
from mlspec.graph.errors import GraphError
from mlspec.graph.leaves import folder_files
from mlspec.runtime import table
from mlspec.runtime.context import StageContext
from mlspec.runtime.errors import StageError
from mlspec.runtime.extract.violations import is_masked
from mlspec.runtime.image.decode import MAX_BYTES, Unreadable, read

EXAMPLES = 5
_STEP = 256
_TOGETHER = 64 << 20
"""The bytes of files that are in memory at once; one that is larger is there alone."""

INDEX_FORMATS: Mapping[str, str] = {".csv": "csv", ".csv.gz": "csv", ".jsonl": "jsonl", ".parquet": "parquet"}


@dataclass
class LeftOut:
    """Rows whose image cannot be read: how many of how many, and the first of them."""

    rows: int = 0
    count: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, what: str) -> None:
        """One more."""
        self.count += 1
        if len(self.examples) < EXAMPLES:
            self.examples.append(what)


def index_format(path: str, where: str) -> str:
    """The format of an index, by its name; StageError MLS209 for another."""
    for ending, kind in INDEX_FORMATS.items():
        if path.endswith(ending):
            return kind
    raise StageError("MLS209", f"the index `{path}` is of no format that is read", where, expected=" ".join(INDEX_FORMATS), found=path,
                     help="write the index as CSV, JSON lines or parquet")  # fmt: skip


def as_paths(columns: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The columns as the index has them: of an image the name of its file."""
    return [{**column, "type": "string"} if column["type"] == "image" else dict(column) for column in columns]


def write_images(
    context: StageContext, columns: Sequence[Mapping[str, Any]], named: Path, target: Path
) -> tuple[int, dict[str, Any]]:
    """Write the rows of the table `named` with the bytes of the images in the place of their names; (rows, what is said of the folder).

    StageError MLS802 where more images than the source allows cannot be read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    config, where = context.config, f"{context.config['source']}.from"
    folder = Folder(context.project_root / str(config["images"]), _digests(context, where), where)
    images = [column for column in columns if column["type"] == "image"]
    left_out, written = LeftOut(), 0
    with pq.ParquetFile(named) as file:
        names = {str(column["name"]) for column in images}
        schema = pa.schema([(item.name, pa.binary() if item.name in names else item.type) for item in file.schema_arrow])
        total = file.metadata.num_rows
        with (
            ThreadPoolExecutor(max(1, context.threads)) as pool,
            pq.ParquetWriter(target, schema, compression="zstd") as writer,
        ):
            batches = file.iter_batches(batch_size=_STEP, use_threads=False)
            for batch in chain.from_iterable(_pieces(some, names, folder) for some in batches):
                kept = _kept(batch, images, folder, pool, left_out, config)
                count = len(kept[table.ROW])
                kept[table.ROW] = list(range(written, written + count))
                writer.write_table(pa.table([pa.array(kept[item.name], item.type) for item in schema], schema))
                written += count
                context.progress(left_out.rows, total, "images")
    allowed = float(config["options"].get("broken") or 0.0)
    _refuse(left_out, allowed, images, where)
    said: dict[str, Any] = {"path": f"{config['images']}/", "digest": digest_of(folder.digests), "bytes": folder.read}
    return written, said | (
        {"left_out": {"rows": left_out.count, "of": left_out.rows, "allowed": allowed, "examples": left_out.examples}}
        if left_out.count
        else {}
    )


@dataclass
class Folder:
    """The folder of the images, with the digest of each file when the stage began."""

    path: Path
    digests: Mapping[str, str]
    where: str
    read: int = 0

    def size_of(self, name: str) -> int:
        """The bytes of a file that are read; of one that is not there none."""
        try:
            return min((self.path / name).stat().st_size, MAX_BYTES) if name.removeprefix("./") in self.digests else 0
        except OSError:
            return 0

    def bytes_of(self, name: str) -> bytes:
        """The content of a file; Unreadable for one that is not there."""
        digest = self.digests.get(name.removeprefix("./"))
        if digest is None:
            raise Unreadable("no such file in the folder")
        try:
            with (self.path / name).open("rb") as file:
                data = file.read(MAX_BYTES + 1)
        except OSError as error:
            raise StageError("MLS801", f"the image `{name}` went while it was read", self.where, expected="a file that stays as it is during the run",
                             found=str(error.strerror), help="run again when its writer is done") from error  # fmt: skip
        if len(data) <= MAX_BYTES and hashlib.sha256(data).hexdigest() != digest:
            raise StageError("MLS801", f"the image `{name}` changed while it was read", self.where, expected="a file that stays as it is during the run",
                             found="another content", help="run again when its writer is done")  # fmt: skip
        self.read += len(data)
        return data


def _pieces(batch: Any, names: Iterable[str], folder: Folder) -> Iterator[Any]:
    """A batch in pieces whose files are in memory together."""
    start = size = 0
    for place, paths in enumerate(zip(*(batch.column(name).to_pylist() for name in sorted(names)), strict=True)):
        more = sum(folder.size_of(path) for path in paths)
        if place > start and size + more > _TOGETHER:
            yield batch.slice(start, place - start)
            start, size = place, 0
        size += more
    yield batch.slice(start)


def _digests(context: StageContext, where: str) -> dict[str, str]:
    try:
        return folder_files(context.project_root, str(context.config["images"]), where.partition(".")[0])
    except GraphError as error:
        raise StageError("MLS801", error.message, where, expected=error.expected, found=error.found, help=error.help) from error


def _kept(
    batch: Any,
    images: Sequence[Mapping[str, Any]],
    folder: Folder,
    pool: ThreadPoolExecutor,
    left_out: LeftOut,
    config: Mapping[str, Any],
) -> dict[str, list[Any]]:
    """The rows of a batch whose images can all be read, with their bytes."""
    values = {name: batch.column(name).to_pylist() for name in batch.schema.names}
    good = [True] * batch.num_rows
    first = left_out.rows
    for column in images:
        name = str(column["name"])
        found = list(pool.map(lambda path, column=column: _checked(folder, path, column), values[name]))
        for place, (path, (data, why)) in enumerate(zip(values[name], found, strict=True)):
            if why and good[place]:
                good[place] = False
                shown = "(masked)" if is_masked(column) else f"`{path}`"
                left_out.add(f"row {first + place + 1}: {shown}: {why}")
            values[name][place] = data
    left_out.rows += batch.num_rows
    return {name: [value for value, fine in zip(column, good, strict=True) if fine] for name, column in values.items()}


def _checked(folder: Folder, path: str, column: Mapping[str, Any]) -> tuple[bytes, str]:
    """The bytes of an image, and why it cannot be read, "" if it can."""
    try:
        data = folder.bytes_of(path)
        read(data, column)
    except Unreadable as error:
        return b"", str(error)
    return data, ""


def _refuse(left_out: LeftOut, allowed: float, images: Sequence[Mapping[str, Any]], where: str) -> None:
    if not left_out.count or left_out.count <= allowed * left_out.rows:
        return
    column = where.partition(".")[0] + f".{images[0]['name']}"
    raise StageError(
        "MLS802", f"{left_out.count:,} of {left_out.rows:,} images of `{column}` cannot be read", column,
        expected=f"at most {allowed:.2%} of the rows with an image that cannot be read" if allowed else "a whole image of the declared channels and size in every row",
        found=left_out.examples[0], examples=left_out.examples,
        help="mend or remove these files, or allow for some: `images(…, broken: 1%)` leaves them out and counts them",
    )  # fmt: skip
