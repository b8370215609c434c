"""One evaluation of a monitor: count the window, evaluate the checks, remember, tell, and say what was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from mlspec.runtime import files
from mlspec.runtime.errors import StageError
from mlspec.runtime.monitor import statistics
from mlspec.runtime.monitor.checks import Answer, Evaluator, shown
from mlspec.runtime.monitor.labels import join, labels_by_key
from mlspec.runtime.monitor.logs import LogView, Seen, count_later, read_view, stamp
from mlspec.runtime.monitor.measures import WindowMeasures
from mlspec.runtime.monitor.notify import Alert, Delivery, notify
from mlspec.runtime.monitor.reference import NAME
from mlspec.runtime.monitor.state import CheckState, append_states, read_states
from mlspec.runtime.monitor.window import Reference, Window, decision_of, measure
from mlspec.runtime.secrets import resolve_secret


@dataclass(frozen=True)
class CheckResult:
    """One definition on one window: its answer and what became of its state."""

    name: str
    doc: str
    status: str
    since: datetime | None
    answer: Answer
    wait: float
    begin: datetime
    end: datetime


@dataclass(frozen=True)
class MonitorReport:
    """What one evaluation found; `measured` has the distances of each feature and of the score whatever the checks ask."""

    monitor: str
    serve: str
    at: datetime
    window: Window
    reference: Reference
    checks: Sequence[CheckResult]
    measured: Mapping[str, Mapping[str, statistics.Estimate]]
    deliveries: Sequence[Delivery] = field(default_factory=tuple)

    @property
    def firing(self) -> list[str]:
        """The checks whose alert is out."""
        return [check.name for check in self.checks if check.status == "firing"]

    def to_json(self) -> dict[str, Any]:
        """The report as `report.json`."""
        seen = self.window.seen
        return {
            "format": 1, "monitor": self.monitor, "serve": self.serve, "at": stamp(self.at), "package": self.reference.package,
            "window": {
                "begin": stamp(self.window.begin), "end": stamp(self.window.end), "records": seen.records,
                "other_packages": seen.other_packages, "torn": seen.torn, "odd": seen.odd, "future": seen.future,
            },
            "decisions": self.window.decisions,
            "measured": {name: {kind: item.to_json() for kind, item in row.items()} for name, row in self.measured.items()},
            "checks": [_check_json(check) for check in self.checks],
            "deliveries": [asdict(delivery) for delivery in self.deliveries],
        }  # fmt: skip


def _check_json(check: CheckResult) -> dict[str, Any]:
    answer = check.answer
    return {
        "name": check.name, "status": check.status, "since": None if check.since is None else stamp(check.since),
        "holds": answer.holds, "value": answer.value, "op": answer.op, "bound": answer.bound, "unit": answer.unit, "n": answer.n,
        "reason": answer.reason, "worst": answer.worst, "begin": stamp(check.begin), "end": stamp(check.end),
    }  # fmt: skip


def monitor_folder(project_root: Path, name: str) -> Path:
    """Where a monitor keeps its state and its last report."""
    return project_root / ".mlspec" / "monitor" / name


def read_reference(folder: Path) -> Reference:
    """The reference in an artifact folder, whose digest the caller has verified."""
    document = files.read_json(folder / NAME)
    if document.get("format") != 1:
        raise StageError(
            "MLS820", f"the reference has format {document.get('format')}: another version of mlspec made it", expected="format 1",
            found=f"format {document.get('format')}", help="`mlspec run` makes it again for this version",
        )  # fmt: skip
    return Reference.from_json(document)


def monitor_once(
    config: Mapping[str, Any], reference: Reference, log_folder: Path, project_root: Path, now: datetime, *, tell: bool = True
) -> MonitorReport:
    """Evaluate every check of the monitor on the log up to `now`, an aware datetime, and write state, report and metrics.

    With `tell` the channels of alerts that begin or end are told; a channel that fails is in the report and stops nothing.
    """
    name = str(config["name"])
    view = read_view(log_folder, name)
    folder = monitor_folder(project_root, name)
    states = read_states(folder / "state.jsonl")
    # Counts are all that most checks need; the records themselves are kept for those that do.
    keep = any(_reads_records(check["expression"]) and not check.get("delay") for check in config["checks"])
    window = measure(log_folder, reference, view, now, config["window"], _row_of(view, reference) if keep else None)
    count_later(log_folder, now, window.seen)
    failed: list[StageError] = []
    checks = _evaluate(config, reference, window, view, log_folder, project_root, now, states, failed)
    measures = WindowMeasures(reference, window, view, name)
    report = MonitorReport(name, str(config["of"]), now, window, reference, checks, _measured(measures, window))
    new = {check.name: CheckState(check.since, check.status == "firing") for check in checks}
    append_states(folder / "state.jsonl", new, {check.name: check.answer.holds for check in checks}, now)
    if tell:
        alerts = _alerts(config, report, states)
        report = MonitorReport(**{**report.__dict__, "deliveries": notify(alerts, config["channels"], project_root)})
    _write(report, folder)
    if failed:
        raise failed[0]  # all else is evaluated, told and written; but labels that cannot be read are no quiet matter
    return report


def _write(report: MonitorReport, folder: Path) -> None:
    from mlspec.runtime.monitor.exposition import exposition
    from mlspec.runtime.monitor.page import page

    files.write_json(folder / "report.json", report.to_json())
    files.write_bytes(folder / "metrics.prom", exposition(report))
    files.write_text(folder / "report.html", page(report))


def _reads_records(form: Any) -> bool:
    """Whether an expression holds a metric or a rate, which are not made of the counts of cells."""
    if not isinstance(form, list) or not form:
        return False
    if form[0] == "metric" or form[:2] == ["call", "rate"]:
        return True
    return any(_reads_records(item) for item in form)


def _row_of(view: LogView, reference: Reference) -> Any:
    def row_of(record: Mapping[str, Any]) -> dict[str, Any]:
        fields = record["fields"]
        score = None if view.score is None else fields.get(view.score)
        features: dict[str, Any] = {}
        for name in reference.features:
            if view.has_feature(name):
                try:
                    features[name] = view.feature(record, name)
                except (KeyError, TypeError):
                    continue
        return {"fields": fields, "score": score, "decision": decision_of(record, view, reference, score), "features": features}

    return row_of


def _evaluate(
    config: Mapping[str, Any], reference: Reference, window: Window, view: LogView, log_folder: Path, root: Path, now: datetime,
    states: Mapping[str, CheckState], failed: list[StageError],
) -> list[CheckResult]:  # fmt: skip
    """Each check on its window: the one that ends now, or the one whose labels have had `delay` to arrive.

    Labels that cannot be read make the checks that need them unknown, and the error goes to `failed`.
    """
    labels = cache(lambda: _labels(config, root, failed))
    windows: dict[float, Window] = {0.0: window}
    results = []
    for check in config["checks"]:
        delay, where = float(check.get("delay") or 0), f"{config['name']}.{check['name']}"
        if delay not in windows:
            end = now - timedelta(seconds=delay)
            windows[delay] = measure(log_folder, reference, view, end, config["window"], _row_of(view, reference))
        own = windows[delay]
        joined = None
        if config.get("label") is not None and delay:
            joined = cache(lambda own=own: join(own, labels() or {}, config["label"]["field"]))
        answer = Evaluator(WindowMeasures(reference, own, view, where, joined), where).answer(check["expression"])
        if failed and joined is not None and answer.holds is None:
            answer = replace(answer, reason=f"its labels cannot be read: {failed[0].message}")
        wait = float(check.get("for") or 0)
        state, status = states.get(check["name"], CheckState()).after(answer.holds, now, wait)
        results.append(CheckResult(check["name"], check.get("doc", ""), status, state.since, answer, wait, own.begin, own.end))
    return results


def _labels(config: Mapping[str, Any], root: Path, failed: list[StageError]) -> dict[str, Any] | None:
    label = config["label"]
    secret = label.get("secret")
    try:
        secrets = {} if secret is None else {secret: resolve_secret(secret, config.get("secrets", {}).get(secret))}
        return labels_by_key(label, root, secrets)
    except StageError as error:
        failed.append(error)
        return None


def _measured(measures: WindowMeasures, window: Window) -> dict[str, dict[str, statistics.Estimate]]:
    """Every distance of every feature and of the score, for the report and for Prometheus."""
    watched = [(name, ["feature", name]) for name in window.features]
    tests = max(1, len(watched))
    found = {
        name: {kind: measures.each(kind, of, tests)[name] for kind in ("psi", "ks", "js", "null_rate")} for name, of in watched
    }
    if window.score:
        for kind in ("psi", "ks", "js"):
            for name, item in measures.each(kind, ["ambient", "score", "float"], 1).items():
                found.setdefault("score" if name == "score" else f"score of {name}", {})[kind] = item
    return found


def _alerts(
    config: Mapping[str, Any], report: MonitorReport, before: Mapping[str, CheckState]
) -> list[tuple[Alert, Sequence[str]]]:
    """What began to fire since the last evaluation, and what ended."""
    told = {check["name"]: check.get("notify", ()) for check in config["checks"]}
    alerts = []
    for check in report.checks:
        was = before.get(check.name, CheckState()).firing
        if (check.status == "firing") != was:
            alerts.append((_alert(report, check), told[check.name]))
    return alerts


def _alert(report: MonitorReport, check: CheckResult) -> Alert:
    answer = check.answer
    status = "firing" if check.status == "firing" else "resolved"
    return Alert(
        report.monitor,
        check.name,
        status,
        sentence(check),
        stamp(report.at),
        answer.value,
        answer.bound,
        answer.worst,
        answer.n,
    )


def sentence(check: CheckResult) -> str:
    """The check's answer in words: `0.31 for capital_gain, wanted <= 0.2 (n 5,210)`."""
    answer = check.answer
    if answer.value is None:
        return answer.reason or ("holds" if answer.holds else "does not hold")
    of = f" for {printable(answer.worst)}" if answer.worst else ""
    tail = f"; {answer.reason}" if answer.reason else ""
    wanted = "" if answer.bound is None else f", wanted {answer.op} {shown(answer.bound, answer.unit)}"
    return f"{shown(answer.value, answer.unit)}{of}{wanted} (n {answer.n:,}){tail}"


def printable(text: str) -> str:
    """A text that a client may have chosen, without what a terminal or a log would obey."""
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)


def left_out(seen: Seen) -> str:
    """What the log holds of this window that was not counted, in words."""
    parts = [
        (seen.other_packages, "record", "of another package"), (seen.torn, "line", "without a whole record"),
        (seen.odd, "record", "with a value of another type"), (seen.future, "record", "of a time after now, as a moved clock leaves it"),
    ]  # fmt: skip
    return ", ".join(f"{count:,} {what}{'' if count == 1 else 's'} {why}" for count, what, why in parts if count)
