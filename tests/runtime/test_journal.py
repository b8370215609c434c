"""The journal: appended records come back, a torn tail is reported and cut, anything else is corruption."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlspec.runtime.errors import StageError
from mlspec.runtime.journal import Journal, read_journal

RECORDS = [{"event": "started", "stage": "a"}, {"event": "ended", "text": "line\nbreak é", "value": 0.1}]


def _written(path: Path) -> bytes:
    with Journal(path) as journal:
        for record in RECORDS:
            journal.append(record)
    return path.read_bytes()


def test_records_come_back(tmp_path: Path) -> None:
    path = tmp_path / "j"
    assert read_journal(path).records == ()
    _written(path)
    found = read_journal(path)
    assert list(found.records) == RECORDS and found.torn == 0


def test_every_cut_of_the_last_line_is_tolerated(tmp_path: Path) -> None:
    path = tmp_path / "j"
    data = _written(path)
    first = data.index(b"\n") + 1
    for size in range(first, len(data)):
        path.write_bytes(data[:size])
        found = read_journal(path)
        assert list(found.records) == RECORDS[:1] and found.torn == size - first
        with Journal(path) as journal:
            assert journal.torn == size - first
            journal.append({"event": "resumed"})
        assert [record["event"] for record in read_journal(path).records] == ["started", "resumed"]


def test_a_bad_line_before_a_good_one_is_corruption(tmp_path: Path) -> None:
    path = tmp_path / "j"
    data = bytearray(_written(path))
    data[25] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(StageError) as caught:
        read_journal(path)
    assert caught.value.code == "MLS808" and "record 1" in caught.value.message
    with pytest.raises(StageError):
        Journal(path)
