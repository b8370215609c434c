"""The two pages of the script by hand: statistics of the train part, and the report of the model."""

from __future__ import annotations

from typing import Any

import numpy as np
from jinja2 import Environment
from sklearn.metrics import roc_curve

BASE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{{ title }}</title>
<style>body{font:16px sans-serif;max-width:60rem;margin:2rem auto}td,th{padding:.2rem .8rem;text-align:right}</style>
<h1>{{ title }}</h1>"""
STATISTICS = (
    BASE
    + """<p>{{ found.rows }} rows</p>
<h2>Missing</h2><table>{% for name, share in found.missing.items() %}<tr><th>{{ name }}<td>{{ "%.2f%%"|format(100 * share) }}{% endfor %}</table>
<h2>Numbers</h2><table><tr><th>{% for name in found.columns %}<th>{{ name }}{% endfor %}
{% for row in ("mean", "std", "min", "25%", "50%", "75%", "max") %}<tr><th>{{ row }}
{% for column in found.columns.values() %}<td>{{ "%.4g"|format(column[row]) }}{% endfor %}{% endfor %}</table>
<h2>Correlation</h2><table>{% for name, row in found.correlation.items() %}<tr><th>{{ name }}
{% for value in row.values() %}<td>{{ "%.2f"|format(value) }}{% endfor %}{% endfor %}</table>
{% for name, rows in found.rates.items() %}<h2>Income by {{ name }}</h2><table>{% for value, size, rate in rows %}
<tr><th>{{ value }}<td>{{ size }}<td>{{ "%.1f%%"|format(100 * rate) }}<td><svg width="200" height="12"><rect width="{{ 200 * rate }}" height="12"/></svg>
{% endfor %}</table>{% endfor %}"""
)
REPORT = (
    BASE
    + """<h2>Gates</h2><table><tr><th>gate<th>value<th>interval<th>
{% for name, gate in gates.items() %}<tr><th>{{ name }}<td>{{ "%.4f"|format(gate.value) }}
<td>{% if gate.low is not none %}{{ "%.4f to %.4f"|format(gate.low, gate.high) }}{% endif %}<td>{{ "passed" if gate.passed else "failed" }}{% endfor %}</table>
<h2>Model</h2><p>{{ best.family }}: {{ best.params }}</p>
<h2>Trials</h2><svg viewBox="0 0 400 120">{% for x, y in trials %}<circle cx="{{ x }}" cy="{{ y }}" r="3"/>{% endfor %}</svg>
<h2>ROC</h2><svg viewBox="0 0 200 200"><polyline fill="none" stroke="black" points="{{ roc }}"/></svg>
<h2>Calibration</h2><svg viewBox="0 0 200 200"><polyline fill="none" stroke="black" points="{{ calibration }}"/></svg>"""
)
ENVIRONMENT = Environment(autoescape=True)


def statistics_page(found: dict[str, Any]) -> str:
    """The page of the train part."""
    return ENVIRONMENT.from_string(STATISTICS).render(title="Census, train part", found=found)


def report_page(
    best: dict[str, Any], scores: list[float], gates: dict[str, dict[str, Any]], label: np.ndarray, score: np.ndarray
) -> str:
    """The page of the model: gates, trials, curves."""
    false_rate, true_rate, _ = roc_curve(label, score)
    low, high = min(scores), max(scores)
    trials = [(10 + 380 * at / len(scores), 110 - 100 * (one - low) / ((high - low) or 1)) for at, one in enumerate(scores)]
    bins = np.clip((score * 15).astype(int), 0, 14)
    filled = [at for at in range(15) if (bins == at).any()]
    pairs = [(score[bins == at].mean(), label[bins == at].mean()) for at in filled]
    return ENVIRONMENT.from_string(REPORT).render(
        title="Census income", best=best, gates=gates, trials=trials, roc=_points(zip(false_rate, true_rate, strict=True)),
        calibration=_points(pairs),
    )  # fmt: skip


def _points(pairs: Any) -> str:
    return " ".join(f"{200 * x:.1f},{200 - 200 * y:.1f}" for x, y in pairs)
