"""The page of one evaluation: checks, distances, and each distribution beside its reference."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from mlspec.runtime.monitor.checks import shown
from mlspec.runtime.monitor.profile import Profile
from mlspec.runtime.monitor.statistics import ALPHA, Estimate

if TYPE_CHECKING:
    from mlspec.runtime.monitor.once import CheckResult, MonitorReport

_TONES = {"ok": "good", "firing": "bad", "pending": "warn", "insufficient": ""}


def page(report: MonitorReport) -> str:
    """The whole page, self-contained."""
    from mlspec.runtime.monitor.once import left_out
    from mlspec.runtime.report.page import render

    window, reference = report.window, report.reference
    lines = {name: _line(name, row) for name, row in report.measured.items()}
    pairs: dict[str, tuple[Profile, Profile]] = {
        **{name: (reference.features[name], live) for name, live in window.features.items()},
        **{
            name if name == "score" else f"score of {name}": (reference.score[name], live)
            for name, live in window.score.items()
        },
    }
    firing = len(report.firing)
    return render(
        "monitor.html.j2", title=f"{report.monitor}: {report.serve}", eyebrow="Monitor", summary=_summary(report),
        records=window.seen.records, firing=firing, begin=_time(window.begin), end=_time(window.end),
        left_out=left_out(window.seen), checks=[_check(check) for check in report.checks], part=reference.part,
        reference_rows=reference.rows, one_in=round(len(window.features or [1]) / ALPHA), distances=list(lines.values()),
        cards=[_card(name, *pair, lines[name], reference.min_cell) for name, pair in pairs.items()], package=reference.package[:12],
        min_cell=reference.min_cell,
    )  # fmt: skip


def _summary(report: MonitorReport) -> str:
    if all(check.status == "insufficient" for check in report.checks):
        return "Nothing can be told yet: the window holds too few records."
    found = {status: [check.name for check in report.checks if check.status == status] for status in _TONES}
    parts = [f"Alerts are out: {', '.join(found['firing'])}." if found["firing"] else "No alert is out."]
    if found["pending"]:
        parts.append(f"Failing, not yet for as long as the definition waits: {', '.join(found['pending'])}.")
    if found["insufficient"]:
        parts.append(f"Not known: {', '.join(found['insufficient'])}.")
    return " ".join(parts)


def _time(moment: datetime | None) -> str:
    return "" if moment is None else moment.strftime("%Y-%m-%d %H:%M")


def _check(check: CheckResult) -> dict[str, Any]:
    from mlspec.runtime.monitor.once import sentence

    answer = check.answer
    return {
        "name": check.name, "status": check.status, "tone": _TONES[check.status], "doc": check.doc, "n": answer.n,
        "value": "–" if answer.value is None else shown(answer.value, answer.unit), "since": _time(check.since),
        "wanted": "–" if answer.bound is None else f"{answer.op} {shown(answer.bound, answer.unit)}", "text": sentence(check),
    }  # fmt: skip


def _shown(item: Estimate | None) -> str:
    return "–" if item is None or item.value is None else f"{item.value:.3f}"


def _line(name: str, row: dict[str, Estimate] | Any) -> dict[str, Any]:
    psi: Estimate = row["psi"]
    reading, tone = _reading(psi)
    nulls = row.get("null_rate")
    return {
        "name": name, "psi": _shown(psi), "noise": "–" if psi.value is None else f"{psi.noise:.3f}", "js": _shown(row.get("js")),
        "ks": "–" if row.get("ks") is None or row["ks"].reason else _shown(row["ks"]), "reading": reading, "tone": tone,
        "nulls": "–" if nulls is None or nulls.value is None else f"{nulls.value:.1%}",
    }  # fmt: skip


def _reading(psi: Estimate) -> tuple[str, str]:
    """In words: the marks 0.1 and 0.2 are the usual ones, and below the noise nothing is said."""
    if psi.value is None:
        return "too few records", ""
    if psi.value <= psi.noise or psi.value < 0.1:
        return ("steady", "good") if psi.noise <= 0.2 else ("too few records", "")
    return ("some shift", "warn") if psi.value < 0.2 else ("shifted", "bad")


def _card(name: str, reference: Profile, live: Profile, line: dict[str, Any], min_cell: int) -> dict[str, Any]:
    from mlspec.runtime.report.charts import grouped_bars

    labels = [*reference.cells.labels(), "null"]
    before, now = reference.with_nulls(), live.with_nulls()
    kept = [place for place in range(len(labels)) if before[place] or now[place]]
    series: dict[str, list[float | None]] = {
        "reference": [float(before[place]) / max(1, int(before.sum())) for place in kept],
        "window": [None if 0 < now[place] < min_cell else float(now[place]) / max(1, int(now.sum())) for place in kept],
    }
    chart = grouped_bars([labels[place] for place in kept], series, title=f"Shares of {name}, reference and window")
    note = f"PSI {line['psi']} (noise {line['noise']}), {live.n:,} records"
    return {"name": name, "tone": line["tone"], "reading": line["reading"], "note": note, "chart": chart}
