"""The audit log: what is appended stays, and whatever is changed afterwards is found."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlspec.runtime import files
from mlspec.runtime.audit import log
from mlspec.runtime.audit.chain import NOTHING, Head, read_chain, record_line
from mlspec.runtime.audit.overrides import body_of, covers, lapsed, override_of, sentence, standing
from mlspec.runtime.audit.runs import record_run
from mlspec.runtime.audit.stamp import stamp
from mlspec.runtime.errors import StageError

TEXTS = ("run 000001", "é ü 漢", "a \u2028 line", 'a "quoted" \\ word', "", "x" * 300)


def chain_of(count: int) -> tuple[bytes, bytes]:
    """The bytes of a log with so many records, and of its head."""
    data, head = b"", Head()
    for number in range(count):
        line, head = record_line(
            head, {"event": "run", "at": f"2026-12-0{number % 9 + 1}T00:00:00Z", "text": TEXTS[number % len(TEXTS)]}
        )
        data += line
    return data, head.line()


LOG, HEAD = chain_of(7)
LINES = LOG.splitlines(keepends=True)


def test_what_was_written_is_sound() -> None:
    found = read_chain(LOG, HEAD)
    assert (found.sound, found.notes, found.head.count, found.torn) == (True, (), 7, 0)
    assert [record["n"] for record in found.records] == [1, 2, 3, 4, 5, 6, 7]
    assert found.holds(NOTHING)
    assert all(found.holds(record["digest"]) for record in found.records)
    assert read_chain(b"", None).sound


def test_every_byte_that_is_changed_is_found() -> None:
    """Each byte of a short log and of its head, changed in every bit, removed, or doubled."""
    log_, head = chain_of(2)
    for place in range(len(log_)):
        for changed in (*(log_[:place] + bytes([log_[place] ^ 1 << bit]) + log_[place + 1 :] for bit in range(8)),
                        log_[:place] + log_[place + 1 :], log_[:place] + log_[place : place + 1] + log_[place:]):  # fmt: skip
            assert changed == log_ or not read_chain(changed, head).sound, place
    for place in range(len(head)):
        for changed in (*(head[:place] + bytes([head[place] ^ 1 << bit]) + head[place + 1 :] for bit in range(8)),
                        head[:place] + head[place + 1 :], head[:place] + head[place : place + 1] + head[place:]):  # fmt: skip
            assert changed == head or not read_chain(log_, changed).sound, place


def test_every_cut_is_found() -> None:
    for size in range(len(LOG)):  # a cut inside the last line too: the head counts a record that is not there
        assert not read_chain(LOG[:size], HEAD).sound, size
    for size in range(len(HEAD)):
        assert not read_chain(LOG, HEAD[:size]).sound, size
    assert not read_chain(LOG, None).sound
    assert not read_chain(b"", HEAD).sound


@given(st.permutations(range(7)), st.sets(st.integers(0, 6)), st.integers(0, 7), st.integers(0, 6))
@settings(max_examples=300, deadline=None)
def test_lines_that_are_moved_removed_or_repeated_are_found(order: list[int], gone: set[int], at: int, again: int) -> None:
    kept = [place for place in order if place not in gone]
    for lines in (kept, [*range(at), again, *range(at, 7)]):
        data = b"".join(LINES[place] for place in lines)
        assert read_chain(data, HEAD).sound == (lines == [*range(7)])


@given(st.binary(max_size=40), st.integers(0, len(LOG)), st.integers(0, 60))
@settings(max_examples=300, deadline=None)
def test_anything_put_in_place_of_anything_is_found(put: bytes, at: int, length: int) -> None:
    changed = LOG[:at] + put + LOG[at + length :]
    found = read_chain(changed, HEAD)
    behind = changed.removeprefix(LOG) if changed.startswith(LOG) else b"\n"
    assert found.sound == (b"\n" not in behind), "only what is no line, and so no record, may lie behind the end"
    assert not found.sound or (found.torn, len(found.notes), len(found.records)) == (len(behind), bool(behind), 7)


def test_a_record_that_was_made_anew_breaks_the_chain_behind_it() -> None:
    """Whoever edits a record and works out its digest again must do so for all that follow, and for the head."""
    for number in range(7):
        before = read_chain(b"".join(LINES[:number]), None).head
        forged, _ = record_line(before, {"event": "run", "at": "2026-12-24T00:00:00Z", "text": "forged"})
        found = read_chain(b"".join([*LINES[:number], forged, *LINES[number + 1 :]]), HEAD)
        assert not found.sound
    whole, head = b"", Head()
    for _ in range(7):
        line, head = record_line(head, {"event": "run", "at": "2026-12-24T00:00:00Z", "text": "forged"})
        whole += line
    assert "another record 7" in read_chain(whole, HEAD).problems[0]


def test_a_log_and_head_cut_together_are_found_by_what_was_kept_elsewhere() -> None:
    """The limit of the two files: a shorter log with the head it then had is sound in itself."""
    kept = read_chain(LOG, HEAD).head.digest
    shorter, head = chain_of(4)
    found = read_chain(shorter, head)
    assert found.sound
    assert not found.holds(kept)


def test_other_spellings_of_a_record_are_no_records() -> None:
    first = json.loads(LINES[0])
    for text in (
        json.dumps(first),
        json.dumps(first, indent=0).replace("\n", ""),
        json.dumps(first, sort_keys=True, separators=(",", ":")) + " ",
    ):
        assert not read_chain(text.encode() + b"\n" + b"".join(LINES[1:]), HEAD).sound
    for text in (b"null", b"[]", b"{}", b"1", b"[" * 100_000, b"\xff", b'{"format":1}'):
        assert read_chain(text + b"\n", HEAD).problems[0].startswith("record 1 is not as mlspec wrote it")


# -- in files ------------------------------------------------------------------------------------------------------------------


def test_records_are_appended_one_behind_the_other(tmp_path: Path) -> None:
    assert log.read(tmp_path).head == Head()
    heads = [log.append(tmp_path, "run", {"text": text}) for text in TEXTS]
    found = log.read(tmp_path)
    assert found.sound
    assert found.head == heads[-1]
    assert [record["text"] for record in found.records] == list(TEXTS)
    assert [record["digest"] for record in found.records] == [head.digest for head in heads]


def test_sixteen_writers_lose_nothing(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_append_many, args=(tmp_path, name, 8)) for name in range(16)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0] * 16
    found = log.read(tmp_path)
    assert found.sound
    told = [(record["writer"], record["turn"]) for record in found.records]
    assert sorted(told) == [(name, turn) for name in range(16) for turn in range(8)]
    assert all([turn for name, turn in told if name == one] == [*range(8)] for one in range(16)), "each writer's own order"


@pytest.mark.slow
def test_sixteen_writers_lose_nothing_in_a_thousand(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_append_many, args=(tmp_path, name, 63)) for name in range(16)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(300)
    found = log.read(tmp_path)
    assert found.sound
    assert found.head.count == 16 * 63
    assert len({(record["writer"], record["turn"]) for record in found.records}) == 16 * 63


def _append_many(root: Path, name: int, count: int) -> None:
    for turn in range(count):
        log.append(root, "run", {"writer": name, "turn": turn})


def _operations(root: Path) -> int:
    """How many file operations an append makes."""
    seen: list[str] = []
    before = files.operations

    def count(name: str, path: str, action: Any) -> Any:
        seen.append(name)
        return action()

    files.operations = count
    try:
        log.append(root, "run", {"turn": "counted"})
    finally:
        files.operations = before
    return len(seen)


def _killed_at(root: Path, number: int, after: bool) -> None:
    seen = 0

    def kill(name: str, path: str, action: Any) -> Any:
        nonlocal seen
        seen += 1
        if seen == number and name == "write" and not after:
            descriptor = next(cell.cell_contents for cell in action.__closure__ or () if isinstance(cell.cell_contents, int))
            os.write(descriptor, b'{"half":')  # a torn record
        if seen == number and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = action()
        if seen == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    files.operations = kill
    log.append(root, "run", {"turn": "killed"})


@pytest.mark.parametrize("earlier", [0, 2])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_writer_that_is_killed_leaves_a_log_that_goes_on(tmp_path: Path, earlier: int, after: bool) -> None:
    """At every file operation: what was acknowledged stays, the next append goes on, and the chain is sound again."""
    count = _operations(_with_records(tmp_path / "counted", earlier))
    assert count >= 5
    context = multiprocessing.get_context("fork")
    for number in range(1, count + 1):
        root = _with_records(tmp_path / f"{number}", earlier)
        process = context.Process(target=_killed_at, args=(root, number, after))
        process.start()
        process.join(30)
        assert process.exitcode == -signal.SIGKILL
        log.append(root, "run", {"turn": "next"})
        found = log.read(root)
        assert found.sound, (number, found.problems)
        turns = [record["turn"] for record in found.records]
        assert turns in ([*range(earlier), "next"], [*range(earlier), "killed", "next"])


def _with_records(root: Path, count: int) -> Path:
    root.mkdir()
    for turn in range(count):
        log.append(root, "run", {"turn": turn})
    return root


def test_a_log_that_is_exchanged_while_a_writer_waits_gets_the_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written into a file that nobody can find any more would be lost."""
    root = _with_records(tmp_path / "p", 2)
    path = log.log_path(root)
    taken = log.fcntl.flock

    def exchange(descriptor: int, mode: int) -> None:
        monkeypatch.setattr(log.fcntl, "flock", taken)
        copy = path.with_name("copy")
        copy.write_bytes(path.read_bytes())
        copy.rename(path)
        taken(descriptor, mode)

    monkeypatch.setattr(log.fcntl, "flock", exchange)
    log.append(root, "run", {"turn": "next"})
    found = log.read(root)
    assert found.sound
    assert [record["turn"] for record in found.records] == [0, 1, "next"]


def test_a_disk_without_locks_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int, mode: int) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(log.fcntl, "flock", refuse)
    with pytest.raises(StageError) as error:
        log.append(tmp_path, "run", {})
    assert error.value.code == "MLS809"
    _, warning = record_run(tmp_path, tmp_path, SUMMARY)
    assert "cannot lock" in warning


@pytest.mark.parametrize("damage", ["edit", "cut", "head", "no head", "more"])
def test_nothing_is_appended_to_a_log_that_was_tampered_with(tmp_path: Path, damage: str) -> None:
    _with_records(tmp_path / "p", 3)
    path, head = log.log_path(tmp_path / "p"), log.log_path(tmp_path / "p").with_name(log.HEAD)
    data = path.read_bytes()
    lines = data.splitlines(keepends=True)
    if damage == "edit":
        path.write_bytes(data.replace(b'"turn":2', b'"turn":9'))
    elif damage == "cut":
        path.write_bytes(b"".join(lines[:-1]))
    elif damage == "head":
        head.write_bytes(head.read_bytes().replace(b'"count":3', b'"count":2'))
    elif damage == "no head":
        head.unlink()
    else:
        path.write_bytes(data + lines[-1])
    before = path.read_bytes()
    with pytest.raises(StageError) as error:
        log.append(tmp_path / "p", "run", {"turn": "next"})
    assert error.value.code == "MLS822"
    assert path.read_bytes() == before
    with pytest.raises(StageError):
        log.read_sound(tmp_path / "p")


def test_an_edit_in_the_middle_is_seen_by_who_reads_all_and_keeps_nobody_from_adding(tmp_path: Path) -> None:
    """Who appends looks at the last record alone; who reads looks at all of them."""
    root = _with_records(tmp_path / "p", 3)
    path = log.log_path(root)
    path.write_bytes(path.read_bytes().replace(b'"turn":0', b'"turn":7'))
    log.append(root, "run", {"turn": "next"})
    assert log.read(root).problems[0].startswith("record 1 is not as mlspec wrote it")


def test_a_record_that_is_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StageError) as error:
        log.append(tmp_path, "override", {"reason": "x" * log.MOST})
    assert error.value.code == "MLS822"
    assert log.read(tmp_path).head == Head()


@pytest.mark.parametrize("name", [log.LOG, log.HEAD])
@pytest.mark.parametrize(
    "put", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to("nowhere")], ids=["folder", "pipe", "link"]
)
def test_what_is_no_file_is_told_and_nobody_waits_for_it(tmp_path: Path, name: str, put: Any) -> None:
    root = _with_records(tmp_path / "p", 2)
    path = log.log_path(root).with_name(name)
    path.unlink()
    put(path)
    for act in (log.read, lambda root: log.append(root, "run", {})):
        with pytest.raises(StageError) as error:
            act(root)
        assert error.value.code == "MLS822"
        assert str(error.value.found).endswith("where a file belongs")
    assert "where a file belongs" in record_run(root, tmp_path, SUMMARY)[1]


def test_a_run_with_hundreds_of_failed_gates_is_recorded_and_overridden(tmp_path: Path) -> None:
    gates = [{"name": f"{number:04d}_{'x' * 65}", "passed": False, "status": "failed", "value": 0.1} for number in range(2000)]
    verdict = {"passed": False, "gates": gates, "packages": {"plain": "d" * 64}}
    summary = {**SUMMARY, "verdicts": {"release": verdict}, "reports": {}}
    for number in (1, 3):
        assert record_run(tmp_path, tmp_path, summary)[1] == ""
        body = body_of(summary, "release", "ml-risk", REASON, "2999-12-31")
        assert log.append(tmp_path, "override", body).count == number + 1
    assert override_of(log.read(tmp_path).records, "s" * 64, "release", verdict, "2026-12-01") is not None


def test_what_two_killed_writers_leave_is_taken_over(tmp_path: Path) -> None:
    """The second of them took over what the first one left, and was killed before the head named its own."""
    root = _with_records(tmp_path / "p", 2)
    path = log.log_path(root)
    head = path.with_name(log.HEAD)
    for turn in ("first", "second"):
        named = head.read_bytes()
        line, _ = record_line(log.read(root).head, {"event": "run", "turn": turn})
        path.write_bytes(path.read_bytes() + line + b'{"half"')
        assert log.read(root).notes[1].startswith("7 bytes behind record")
        log._end(path)
        assert head.read_bytes() != named
        assert (log.read(root).sound, log.read(root).notes) == (True, ())
    assert log.append(root, "run", {"turn": "next"}).count == 5


# -- overrides -----------------------------------------------------------------------------------------------------------------

VERDICT = {
    "passed": False,
    "gates": [
        {"name": "useful", "passed": False, "status": "failed", "value": 0.81, "unit": "float"},
        {"name": "fair", "passed": True, "status": "passed"},
        {"name": "first", "passed": True, "status": "skipped"},
    ],
    "packages": {"plain": "d" * 64},
}  # fmt: skip
SUMMARY: dict[str, Any] = {
    "spec": "demo", "run": "000003", "env": None, "spec_digest": "s" * 64, "plan": "p", "guarded": False, "passed": False,
    "verdicts": {"release": VERDICT}, "stages": {"run-report": {"kind": "report"}, "run-card": {"kind": "card"}},
    "reports": {"run-report/report": "reports/run-report/index.html", "run-card/card": "reports/run-card/index.md"},
}  # fmt: skip
REASON = "the old model is worse on every slice"


def override(n: int = 1, **changes: Any) -> dict[str, Any]:
    return {"n": n, "event": "override", **body_of(SUMMARY, "release", "ml-risk", REASON, "2026-12-31"), **changes}


def test_an_override_says_what_failed() -> None:
    assert override()["failed"] == {"useful": "0.81"}
    assert (
        sentence(override())
        == f"RELEASED BY OVERRIDE of ml-risk until 2026-12-31: useful of `release` failed. Reason: {REASON}"
    )
    assert "\x1b" not in sentence(override(reason="\x1b[31mred"))


def more_failures() -> dict[str, Any]:
    return {**VERDICT, "gates": [{**gate, "passed": False, "status": "failed"} for gate in VERDICT["gates"]]}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("records", "verdict", "spec", "gates", "day", "holds"),
    [
        ([override()], VERDICT, "s" * 64, "release", "2026-12-01", True),
        ([override()], VERDICT, "s" * 64, "release", "2026-12-31", True),
        ([override()], VERDICT, "s" * 64, "release", "2027-01-01", False),
        ([override(expires="20261231")], VERDICT, "s" * 64, "release", "2026-12-01", False),
        ([override(expires="2026-W53-4")], VERDICT, "s" * 64, "release", "2026-12-01", False),
        ([override(expires=None)], VERDICT, "s" * 64, "release", "2026-12-01", False),
        ([override()], VERDICT, "t" * 64, "release", "2026-12-01", False),
        ([override()], VERDICT, "s" * 64, "other", "2026-12-01", False),
        ([override()], {**VERDICT, "packages": {"plain": "e" * 64}}, "s" * 64, "release", "2026-12-01", False),
        ([override()], {**VERDICT, "packages": {}}, "s" * 64, "release", "2026-12-01", False),
        ([override(packages={})], {**VERDICT, "packages": {}}, "s" * 64, "release", "2026-12-01", False),
        ([override()], more_failures(), "s" * 64, "release", "2026-12-01", False),
        ([override(event="run")], VERDICT, "s" * 64, "release", "2026-12-01", False),
        ([override(), {"n": 2, "event": "revoke", "of": 1}], VERDICT, "s" * 64, "release", "2026-12-01", False),
        ([override(), {"n": 2, "event": "revoke", "of": 9}], VERDICT, "s" * 64, "release", "2026-12-01", True),
        ([override(), {"n": 2, "event": "revoke", "of": 1}, override(3)], VERDICT, "s" * 64, "release", "2026-12-01", True),
        ([], VERDICT, "s" * 64, "release", "2026-12-01", False),
    ],
)  # fmt: skip
def test_an_override_holds_for_exactly_what_it_names(
    records: list[dict[str, Any]], verdict: dict[str, Any], spec: str, gates: str, day: str, holds: bool
) -> None:
    assert (override_of(records, spec, gates, verdict, day) is not None) == holds


def test_what_became_of_an_override_is_told() -> None:
    revoked = {"n": 2, "event": "revoke", "of": 1, "actor": "head"}
    assert lapsed([override()], "s" * 64, "release", VERDICT) == "override 1 of ml-risk expired after 2026-12-31"
    assert lapsed([override(), revoked], "s" * 64, "release", VERDICT) == "override 1 of ml-risk was revoked by head"
    assert lapsed([], "s" * 64, "release", VERDICT) == ""
    assert [record["n"] for record in standing([override(), override(2)], "2026-12-01")] == [2, 1]
    assert not covers(override(), "s" * 64, "release", {})


def pages(root: Path) -> tuple[Path, Path]:
    report, card = (root / path for path in SUMMARY["reports"].values())
    for path, text in ((report, '<html><body class="a"><h1>x</h1></body></html>'), (card, "# Model card\n")):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return report, card


def test_the_pages_of_a_run_say_it_first_and_escape_it(tmp_path: Path) -> None:
    report, card = pages(tmp_path)
    before = report.read_text(), card.read_text()
    found = stamp(tmp_path, SUMMARY, override(reason='<script>alert("x")</script> *bold* `code` [link](http://x)'))
    assert found == [report, card]
    assert '<body class="a"><!-- override --><p role="alert"' in report.read_text()
    assert "<script>" not in report.read_text()
    assert "&lt;script&gt;" in report.read_text()
    assert card.read_text().startswith("<!-- override -->\n> **RELEASED BY OVERRIDE of ml-risk")
    assert "<script" not in card.read_text().replace("\\<script", "")
    assert "[link]" not in card.read_text()
    assert stamp(tmp_path, SUMMARY, override(2)) == [report, card]
    assert report.read_text().count("RELEASED") == 1
    assert stamp(tmp_path, SUMMARY, None) == [report, card]
    assert (report.read_text(), card.read_text()) == before
    assert stamp(tmp_path, SUMMARY, None) == []


def test_a_run_that_judged_is_recorded_with_the_head_in_its_summary(tmp_path: Path) -> None:
    told, warning = record_run(tmp_path, tmp_path, SUMMARY)
    assert not warning
    [record] = log.read(tmp_path).records
    assert told == {"audit": {"count": 1, "digest": record["digest"]}}
    assert record["verdicts"] == {"release": {"passed": False, "failed": ["useful"], "packages": {"plain": "d" * 64}}}
    assert record_run(tmp_path, tmp_path, {**SUMMARY, "verdicts": {}}) == ({}, "")
    assert log.read(tmp_path).head.count == 1


def test_a_run_under_an_override_that_stands_gets_its_pages_marked(tmp_path: Path) -> None:
    report, _ = pages(tmp_path)
    log.append(tmp_path, "override", body_of(SUMMARY, "release", "ml-risk", REASON, "2999-12-31"))
    record_run(tmp_path, tmp_path, SUMMARY)
    assert "RELEASED BY OVERRIDE" in report.read_text()


def test_a_run_whose_log_is_broken_is_told_and_counts(tmp_path: Path) -> None:
    log.append(tmp_path, "run", {})
    log.log_path(tmp_path).with_name(log.HEAD).write_text("{}")
    told, warning = record_run(tmp_path, tmp_path, SUMMARY)
    assert told == {}
    assert warning.startswith("this run is not in the audit log: ")
