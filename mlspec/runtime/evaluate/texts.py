"""What a model makes of the texts that it reads: how the loss goes with their length, and which words move its score most.

A word is judged by leaving it out of every text that has it, which is asking the model again; words of few texts are not told.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlspec.graph.expression import columns_of
from mlspec.runtime.evaluate.binned import number_groups
from mlspec.runtime.evaluate.held_out import value_name
from mlspec.runtime.evaluate.means import Groups, mean_interval
from mlspec.runtime.evaluate.outcomes import Floats
from mlspec.runtime.extract.violations import is_masked

STEPS = frozenset({"tokens", "tokenizer", "tfidf"})
ASKED = 20_000
"""How many texts a model is asked of again, of one feature; then no further words are tried."""
SHOWN = 20
_WORD = re.compile(r"\w+")
_HIDDEN = "its texts are personal data or a key"


@dataclass(frozen=True)
class Asked:
    """Some rows of a part: their features, what the model says of any, its losses, and who may be told what."""

    values: Mapping[str, NDArray[Any]]
    score: Callable[[Mapping[str, NDArray[Any]]], Floats]
    losses: Floats
    wrong: NDArray[np.bool_] | None
    groups: Groups
    classes: Sequence[Any]
    min_cell: int
    confidence: float


def text_columns(features: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The columns that features read as texts, word by word, with the feature that does."""
    return {
        name: str(feature["name"])
        for feature in features
        if feature.get("fitted") and feature["fitted"][-1]["op"] in STEPS
        for name in columns_of(feature["value"])
    }


def texts_told(features: Sequence[Mapping[str, Any]], columns: Mapping[str, Mapping[str, Any]], asked: Asked) -> dict[str, Any]:
    """Of every feature that is a text: the loss by length, and the words that tell most."""
    read = text_columns(features)
    found = []
    for name in dict.fromkeys(read.values()):
        own = [columns.get(column, {"type": "text"}) for column, feature in read.items() if feature == name]
        if any(is_masked(column) or "key" in column.get("tags", ()) for column in own):
            found.append({"feature": name, "problem": _HIDDEN, "lengths": [], "words": [], "tried": 0})
        else:
            found.append({"feature": name, "problem": None, **_told(name, asked)})
    return {"features": found, "problem": None if found else "the model reads no text word by word", "rows": len(asked.losses)}


def _told(name: str, asked: Asked) -> dict[str, Any]:
    words = [[word.group(0).lower() for word in _WORD.finditer(text or "")] for text in asked.values[name]]
    tried = _candidates(words, asked.min_cell)
    before = asked.score(asked.values) if tried else np.zeros(0)
    moved = [_moved(name, word, words, before, asked) for word in tried]
    moved.sort(key=lambda entry: (-abs(entry["value"]), entry["word"]))
    return {"lengths": _lengths(words, asked), "words": moved[:SHOWN], "tried": len(tried)}


def _candidates(words: Sequence[Sequence[str]], min_cell: int) -> list[str]:
    """The most widespread words, as long as the model need not be asked of too many texts."""
    spread: Counter[str] = Counter()
    for found in words:
        spread.update(set(found))
    chosen, asked = [], 0
    for word in sorted(spread, key=lambda word: (-spread[word], word)):
        asked += spread[word]
        if asked > ASKED or spread[word] < max(min_cell, 2):
            break
        chosen.append(word)
    return chosen


def _moved(name: str, word: str, words: Sequence[Sequence[str]], before: Floats, asked: Asked) -> dict[str, Any]:
    """By how much the score is higher with the word than without it, in the texts that have it; of many classes, of the most moved one."""
    rows = np.flatnonzero([word in found for found in words])
    values = {feature: column[rows] for feature, column in asked.values.items()}
    texts = np.empty(len(rows), dtype=object)
    texts[:] = [_without(text, word) for text in values[name]]
    change = before[rows] - asked.score({**values, name: texts})
    of = ""
    if change.ndim > 1:
        place = int(np.abs(change.mean(axis=0)).argmax())
        of, change = value_name(asked.classes[place]), change[:, place]
    entry: dict[str, Any] = {
        "word": word,
        "n": len(rows),
        "class": of,
        "value": float(change.mean()),
        "low": None,
        "high": None,
    }
    groups = None if asked.groups is None else np.unique(asked.groups[rows], return_inverse=True)[1]
    if groups is None or len(np.unique(groups)) > 1:
        interval = mean_interval(change, asked.confidence, groups)
        entry |= {"low": interval.low, "high": interval.high}
    return entry


def _without(text: str, word: str) -> str:
    return _WORD.sub(lambda found: "" if found.group(0).lower() == word else found.group(0), text)


def _lengths(words: Sequence[Sequence[str]], asked: Asked) -> list[dict[str, Any]]:
    """The mean loss of texts of like length."""
    codes, names = number_groups([len(found) for found in words], 5)
    found = []
    for place, name in enumerate(names):
        inside = np.flatnonzero(codes == place)
        if len(inside) < max(asked.min_cell, 2):
            continue
        groups = None if asked.groups is None else np.unique(asked.groups[inside], return_inverse=True)[1]
        if groups is not None and len(np.unique(groups)) < 2:
            continue
        interval = mean_interval(asked.losses[inside], asked.confidence, groups)
        found.append({
            "words": name, "n": len(inside), "loss": float(asked.losses[inside].mean()), "low": interval.low, "high": interval.high,
            "wrong": None if asked.wrong is None else float(asked.wrong[inside].mean()),
        })  # fmt: skip
    return found
