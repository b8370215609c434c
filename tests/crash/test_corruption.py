"""C9: one flipped bit in anything that is kept is found at the next read; what can be made again is, and says so."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from mlspec.runtime.errors import StageError
from mlspec.runtime.journal import read_journal
from mlspec.runtime.runs import read_summary
from mlspec.runtime.store import Store
from tests.crash.toy import check_store, outputs, run_toy


def flip(path: Path, at: int) -> None:
    """Flip one bit of one byte; the file's times stay."""
    times = path.stat()
    data = bytearray(path.read_bytes())
    data[at % len(data)] ^= 1 << (at % 8)
    path.write_bytes(bytes(data))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def _kept(root: Path, folder: str) -> list[Path]:
    return sorted(path for path in (root / ".mlspec" / "store" / folder).rglob("*") if path.is_file())


@pytest.mark.parametrize("folder", ["artifacts", "stages"])
def test_flipped_bits_are_found_and_mended(tmp_path: Path, folder: str) -> None:
    whole = run_toy(tmp_path / "whole")
    number = len(_kept(tmp_path / "whole", folder))
    assert number == 6
    for index in range(number):
        for at in (0, 11, 39):
            root = tmp_path / "flipped"
            shutil.copytree(tmp_path / "whole", root)
            flip(_kept(root, folder)[index], at)
            mended = run_toy(root)
            assert mended.exit_code == 0 and outputs(mended) == outputs(whole)
            assert len(mended.names("ran")) == 1 and len(mended.warnings) == 1
            assert "corrupt" in mended.warnings[0] and "runs again" in mended.warnings[0]
            check_store(root)
            shutil.rmtree(root)


def test_a_reader_gets_both_digests_and_the_file(tmp_path: Path) -> None:
    whole = run_toy(tmp_path)
    store = Store(tmp_path)
    digest = whole.stages[0].outputs["file"]["digest"]
    flip(store.artifacts / digest / "file.json", 3)
    manifest_files = {"file.json": "0" * 64}
    with pytest.raises(StageError) as caught:
        store.artifact(digest, manifest_files)
    error = caught.value
    assert error.code == "MLS808" and error.expected == f"digest {digest}" and error.found.startswith("digest ")
    assert error.found != error.expected and any(text.startswith("file.json: expected sha256 0000") for text in error.examples)


def test_what_is_gone_is_made_again(tmp_path: Path) -> None:
    whole = run_toy(tmp_path)
    digest = whole.stages[2].outputs["file"]["digest"]
    shutil.rmtree(Store(tmp_path).artifacts / digest)
    mended = run_toy(tmp_path)
    assert mended.names("ran") == [whole.stages[2].id] and "is gone" in mended.warnings[0] and outputs(mended) == outputs(whole)


def test_an_extra_file_in_an_artifact_is_corruption(tmp_path: Path) -> None:
    whole = run_toy(tmp_path)
    folder = Store(tmp_path).artifacts / whole.stages[0].outputs["file"]["digest"]
    (folder / "added").write_text("x")
    assert len(run_toy(tmp_path).warnings) == 1
    check_store(tmp_path)


def test_every_bit_of_a_journal_counts(tmp_path: Path) -> None:
    path = run_toy(tmp_path).folder / "journal.jsonl"
    intact = path.read_bytes()
    number = len(read_journal(path).records)
    for at in range(0, len(intact), 7):
        flip(path, at)
        try:
            found = read_journal(path)
            assert found.torn and len(found.records) == number - 1, f"byte {at} was accepted"
        except StageError as error:
            assert error.code == "MLS808"
        path.write_bytes(intact)


def test_every_bit_of_a_summary_counts(tmp_path: Path) -> None:
    folder = run_toy(tmp_path).folder
    path = folder / "summary.json"
    intact = path.read_bytes()
    for at in range(0, len(intact), 29):
        flip(path, at)
        with pytest.raises(StageError):
            read_summary(folder)
        path.write_bytes(intact)
