"""One window of the request log, counted: features and score in the cells of the reference, and what else checks ask for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from mlspec.runtime.monitor.logs import LogView, Seen, read_window
from mlspec.runtime.monitor.profile import Profile, read_profile


@dataclass(frozen=True)
class Reference:
    """`reference.json`, read."""

    package: str
    part: str
    rows: int
    min_cell: int
    features: Mapping[str, Profile]
    score: Mapping[str, Profile]
    decisions: Mapping[str, int] | None
    metrics: Mapping[str, float]
    label: Mapping[str, Any]
    threshold: float | None

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Reference:
        """The reference of a document."""
        return cls(
            data["package"], data["part"], int(data["rows"]), int(data["min_cell"]),
            {name: read_profile(item) for name, item in data["features"].items()},
            {name: read_profile(item) for name, item in data["score"].items()},
            data["decisions"], data["metrics"], data["label"], data.get("threshold"),
        )  # fmt: skip

    def decide(self, score: Any) -> Any:
        """The decision of a score, where the log holds no decision."""
        if self.label["task"] == "binary":
            positive = self.label["positive"]
            other = next(value for value in self.label["classes"] if value != positive)
            return positive if score >= (0.5 if self.threshold is None else self.threshold) else other
        if self.label["task"] == "multiclass":
            return max(score, key=lambda name: score[name])
        return score


@dataclass
class Window:
    """The counts of one window."""

    begin: datetime
    end: datetime
    seen: Seen
    features: dict[str, Profile]
    score: dict[str, Profile]
    decisions: dict[str, int] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)


def measure(
    folder: Path, reference: Reference, view: LogView, end: datetime, seconds: float,
    row_of: Callable[[Mapping[str, Any]], dict[str, Any]] | None = None,
) -> Window:  # fmt: skip
    """Count the log of the `seconds` before `end`; with `row_of`, keep that of each record too."""
    begin = end - timedelta(seconds=seconds)
    held = {name: profile.empty() for name, profile in reference.features.items() if view.has_feature(name)}
    score = {name: profile.empty() for name, profile in reference.score.items()} if view.score else {}
    window = Window(begin, end, Seen(), held, score)
    for batch in read_window(folder, begin, end, reference.package, window.seen, lambda record: _fits(record, window, view)):
        for name, profile in held.items():
            profile.add([view.feature(record, name) for record in _with(batch, view, name)])
        _count_scores(window, reference, view, batch)
        if row_of is not None:
            window.rows.extend(row_of(record) for record in batch)
    return window


def _fits(record: Mapping[str, Any], window: Window, view: LogView) -> bool:
    """Whether the logged values have the types of the reference. The server writes no others; a damaged or edited line may."""
    for name, profile in window.features.items():
        try:
            value = view.feature(record, name)
        except (KeyError, TypeError):
            continue  # a log may have got the feature later
        if not profile.takes(value):
            return False
    score = None if view.score is None else record["fields"].get(view.score)
    if score is None:
        return True
    named = score if isinstance(score, dict) else dict.fromkeys(window.score, score)
    return all(profile.takes(named.get(name)) for name, profile in window.score.items())


def _with(batch: Iterable[dict[str, Any]], view: LogView, name: str) -> list[dict[str, Any]]:
    """The records that hold the feature: a log may have got it later than its first records."""
    kept = []
    for record in batch:
        try:
            view.feature(record, name)
        except (KeyError, TypeError):
            continue
        kept.append(record)
    return kept


def _count_scores(window: Window, reference: Reference, view: LogView, batch: list[dict[str, Any]]) -> None:
    scores = [] if view.score is None else [record["fields"].get(view.score) for record in batch]
    for name, profile in window.score.items():
        profile.add([score[name] if isinstance(score, dict) else score for score in scores if score is not None])
    if reference.decisions is None:
        return
    for place, record in enumerate(batch):
        decision = decision_of(record, view, reference, scores[place] if scores else None)
        if decision is not None:
            window.decisions[str(decision)] = window.decisions.get(str(decision), 0) + 1


def decision_of(record: Mapping[str, Any], view: LogView, reference: Reference, score: Any) -> Any:
    """The logged decision, else the one that the score gives; None when the log holds neither."""
    if view.decision is not None:
        return record["fields"].get(view.decision)
    return None if score is None else reference.decide(score)
