"""The end of a run as text: gates with values, intervals and verdicts, stages with time and memory, where reports lie.

Errors are not in it: who called the target prints them at their lines of the spec. Written without rich, since a run that reuses everything must not pay for importing it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mlspec.runtime.validate.verdict import PLAIN, PLAIN_OF_READING
from mlspec_local.events import Outcome, StageState
from mlspec_local.words import Paint, clean, cut, duration, in_unit, memory, table, width

_MARKS = {"passed": ("green", "passed"), "failed": ("red", "FAILED"), "skipped": ("yellow", "skipped")}
_STATES = {"ran": ("green", "ran"), "reused": ("dim", "reused"), "failed": ("red", "FAILED"), "not-run": ("yellow", "not run"),
           "waiting": ("yellow", "not run")}  # fmt: skip


def to_text(outcome: Outcome, *, colour: bool, columns: int | None = None) -> str:
    """The whole summary, lines ended by newlines; `columns` is how wide the terminal is, None where nothing bounds a line."""
    paint = Paint(colour)
    blocks = [
        _warnings(outcome, paint),
        _gates(outcome, paint, columns),
        _stages(outcome, paint),
        _reports(outcome, paint),
        _head(outcome, paint),
    ]
    return "\n".join("\n".join(block) + "\n" for block in map(list, blocks) if block)


def _head(outcome: Outcome, paint: Paint) -> Iterator[str]:
    ran, reused = len(outcome.names("ran")), len(outcome.names("reused"))
    if outcome.exit_code == 0:
        word = paint("green", "passed", bold=True) if outcome.verdicts else paint("green", "complete", bold=True)
    else:
        word = paint("red", "gates failed" if not outcome.passed else "failed", bold=True)
    counts = [f"{ran} {'stage' if ran == 1 else 'stages'} ran", f"{reused} reused"]
    for state, text in (("failed", "failed"), ("not-run", "not run")):
        if names := outcome.names(state):
            counts.append(f"{len(names)} {text}")
    yield f"{paint('plain', outcome.spec, bold=True)} {word} in {duration(outcome.seconds)}: {', '.join(counts)} (run {outcome.run_id})"


def _gates(outcome: Outcome, paint: Paint, columns: int | None) -> Iterator[str]:
    for block, verdict in outcome.verdicts.items():
        gates = verdict.get("gates", [])
        if not gates:
            continue
        yield paint("plain", f"gates of {block}", bold=True)
        rows = [_gate_row(gate, paint) for gate in gates]
        whole = list(table(("gate", "verdict", "value", "interval", "wanted", "rows"), rows, right=(2, 3, 5), paint=paint))
        yield from whole if columns is None or max(map(width, whole)) <= columns else _narrow(rows, paint, columns)
        for gate in gates:
            if text := _remark(gate):
                colour = _MARKS.get(str(gate.get("status")), ("red", ""))[0]
                yield f"  {paint(colour, clean(gate['name']))}: {cut(clean(text), 200)}"


def _narrow(rows: Sequence[Sequence[str]], paint: Paint, columns: int) -> Iterator[str]:
    """The gates where a line does not hold all of one: what is wanted stands below."""
    short = [[*row[:4], row[5]] for row in rows]
    header, *lines = table(("gate", "verdict", "value", "interval", "rows"), short, right=(2, 3, 4), paint=paint)
    yield header
    for row, line in zip(rows, lines, strict=True):
        yield line
        yield paint("dim", "    " + cut(row[4], max(columns - 4, 8)))


def _remark(gate: Mapping[str, Any]) -> str:
    """What a gate's row has no room for: the windows behind a reading, or why it did not pass."""
    windows = gate.get("windows") or ()
    if len(windows) > 1:
        readings = ", ".join(in_unit(value, gate.get("unit")) for value in windows)
        often = (
            f"in {len(windows)} windows of {gate['seconds']:g} s" if any(gate.get("load") or ()) else f"{len(windows)} times"
        )
        return f"measured {often}: {readings}; the least counts"
    reason, open_ = str(gate.get("reason") or ""), str((gate.get("resolution") or {}).get("text") or "")
    return open_ if gate.get("status") == "passed" or reason in (PLAIN, PLAIN_OF_READING) else reason


def _gate_row(gate: Mapping[str, Any], paint: Paint) -> list[str]:
    status = str(gate.get("status") or ("passed" if gate.get("passed") else "failed"))
    colour, word = _MARKS.get(status, ("red", status))
    low, high = gate.get("low"), gate.get("high")
    unit = gate.get("unit")
    interval = f"[{in_unit(low, unit)}, {in_unit(high, unit)}]" if low is not None and high is not None else ""
    wanted = cut(clean(str(gate.get("text") or "")), 56)
    rows = f"{gate['n']:,}" if isinstance(gate.get("n"), int) else ""
    return [clean(str(gate["name"])), paint(colour, word), in_unit(gate.get("value"), unit), interval, wanted, rows]


def _stages(outcome: Outcome, paint: Paint) -> Iterator[str]:
    shown = [stage for stage in outcome.stages if stage.state != "reused"]
    if not shown:
        return
    yield paint("plain", "stages", bold=True)
    header = ("stage", "", "time", "CPU", "peak memory", "")
    yield from table(header, [_stage_row(stage, paint) for stage in shown], right=(2, 3, 4), paint=paint)


def _stage_row(stage: StageState, paint: Paint) -> list[str]:
    colour, word = _STATES.get(stage.state, ("red", stage.state))
    if stage.state not in ("ran", "failed"):
        return [stage.id, paint(colour, word), "", "", "", f"needs {stage.because}" if stage.because else ""]
    again = f"attempt {stage.attempts}" if stage.attempts > 1 else ""
    return [
        stage.id,
        paint(colour, word),
        duration(stage.seconds),
        duration(stage.cpu_seconds),
        memory(stage.peak_memory),
        again,
    ]


def _reports(outcome: Outcome, paint: Paint) -> Iterator[str]:
    rows = [
        [paint("cyan", name.partition("/")[0]), str(_short(path))]
        for name, path in outcome.reports.items()
        if path.suffix in (".html", ".md")
    ]
    if outcome.board is not None:
        rows.append([paint("cyan", "tensorboard"), f"tensorboard --logdir {_short(outcome.board)}"])
    if rows:
        yield paint("plain", "to look at", bold=True)
        yield from list(table(("", ""), rows, right=(), paint=paint))[1:]


def _short(path: Path) -> Path:
    """The path from the current folder, when it lies below it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _warnings(outcome: Outcome, paint: Paint) -> Iterator[str]:
    for warning in outcome.warnings:
        yield f"{paint('yellow', 'warning', bold=True)}: {clean(warning)}"
