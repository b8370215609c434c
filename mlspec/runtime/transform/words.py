"""The fitted step on texts: tfidf."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from mlspec.runtime.errors import StageError
from mlspec.runtime.transform.columns import Column, numbers_column

State = dict[str, Any]

_WORD = re.compile(r"\w\w+")


def fit_tfidf(column: Column, options: Mapping[str, Any]) -> State:
    """The most widespread words and the weight of each: ln((1 + n) / (1 + texts with the word)) + 1."""
    spread: Counter[str] = Counter()
    texts = [text for text in _texts(column) if text is not None]
    for text in texts:
        spread.update(set(_words(text, composed=True)))
    kept = sorted(spread, key=lambda word: (-spread[word], word))[: int(options.get("max_features") or 1000)]
    kept.sort()
    if not kept:
        raise StageError(
            "MLS204", f"feature `{column.names[0]}` has no word in any row that it is fitted on", f"features.{column.names[0]}",
            expected="a word of two letters or digits in some row", found=f"{len(texts)} texts without one, {len(column) - len(texts)} nulls",
            help="leave the feature out",
        )  # fmt: skip
    weights = [math.log((1 + len(texts)) / (1 + spread[word])) + 1 for word in kept]
    return {"words": kept, "weights": weights, "composed": True}


def apply_tfidf(state: State, column: Column) -> list[Column]:
    """Counts times weights, each row scaled to length 1; null and a text without a known word are all 0.

    A package whose words were learned before letters were composed goes on as it was proven.
    """
    composed = bool(state.get("composed"))
    places = {word: place for place, word in enumerate(state["words"])}
    numbers = np.zeros((len(column), len(places)))
    for row, text in enumerate(_texts(column)):
        counts = Counter(word for word in _words(text or "", composed) if word in places)
        values = {places[word]: count * state["weights"][places[word]] for word, count in counts.items()}
        length = math.sqrt(math.fsum(value * value for value in values.values()))
        for place, value in values.items():
            numbers[row, place] = value / length
    return [numbers_column([f"{column.names[0]}:{word}" for word in state["words"]], numbers)]


def _words(text: str, composed: bool) -> list[str]:
    """The words of a text; a letter and its accent are one, whether they were written as one sign or as two."""
    text = text.lower()
    return _WORD.findall(unicodedata.normalize("NFC", text) if composed else text)


def _texts(column: Column) -> list[str | None]:
    if column.texts is None:
        raise StageError("MLS201", f"feature `{column.names[0]}` is a number", expected="a text", found="a number")
    return list(column.texts)
