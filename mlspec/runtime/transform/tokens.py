"""The fitted step that makes a text a line of whole numbers for a text network: tokens.

One way from a text to its words, for fitting, for a batch and for a request.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from mlspec.runtime.errors import StageError
from mlspec.runtime.transform.columns import Column, numbers_column

State = dict[str, Any]

OF_TEXT = frozenset({"tokens", "tokenizer"})
"""The steps whose columns are one text to a network."""

PADDING, UNKNOWN = 0, 1
_FIRST = 2
_WORD = re.compile(r"\w+|[^\w\s]")


def words_of(text: str, by: str) -> list[str]:
    """The words of a text, each mark of punctuation for itself; or its characters, white space as one blank.

    A letter and its accent are one, whether they were written as one sign or as two.
    """
    text = unicodedata.normalize("NFC", text.lower())
    if by == "character":
        return list(" ".join(text.split()))
    return _WORD.findall(text) if text.isascii() else _with_marks(text)


def _with_marks(text: str) -> list[str]:
    """The words where letters may carry marks that are signs of their own: vowels of many scripts are."""
    words: list[str] = []
    end, marked, of_letters = -1, False, False
    for found in _WORD.finditer(text):
        sign, mark = found.group(), unicodedata.category(found.group()[0]).startswith("M")
        letters = sign[0].isalnum() or sign[0] == "_"
        if found.start() == end and (mark or (marked and of_letters and letters)):
            words[-1] += sign
        else:
            words.append(sign)
            of_letters = letters
        end, marked = found.end(), mark
    return words


def fit_tokens(column: Column, options: Mapping[str, Any]) -> State:
    """The most widespread words, the one in most texts first; of equally widespread ones the first by alphabet.

    A word of fewer texts than `min_texts` has no place, so that a network learns what a word that it does not know is like.
    """
    by = str(options["by"])
    spread: Counter[str] = Counter()
    texts = [text for text in texts_of(column) if text is not None]
    for text in texts:
        spread.update(set(words_of(text, by)))
    least = int(options["min_texts"])
    kept = sorted((word for word, count in spread.items() if count >= least), key=lambda word: (-spread[word], word))
    if not kept:
        name = column.names[0]
        raise StageError(
            "MLS204", f"feature `{name}` has no {by} that is in {least} of the texts that it is fitted on", f"features.{name}",
            expected=f"a {by} in {least} texts", found=f"{len(texts)} texts with {len(spread)} different ones, {len(column) - len(texts)} nulls",
            help="lower `min_texts`, or leave the feature out",
        )  # fmt: skip
    return {"by": by, "length": int(options["length"]), "words": kept[: int(options["vocabulary"])]}


def apply_tokens(state: State, column: Column) -> list[Column]:
    """Places of words from 2 on, 1 for a word without one, 0 behind the last; a text that is null is null in all."""
    places = {word: place for place, word in enumerate(state["words"], _FIRST)}
    length, by = int(state["length"]), str(state["by"])
    numbers = np.full((len(column), length), float(PADDING))
    for row, text in enumerate(texts_of(column)):
        if text is None:
            numbers[row] = np.nan
            continue
        found = [places.get(word, UNKNOWN) for word in words_of(text, by)[:length]]
        numbers[row, : len(found)] = found
    return [numbers_column([f"{column.names[0]}.{place}" for place in range(length)], numbers)]


def vocabulary_of(state: State) -> int:
    """How many different numbers there are."""
    return len(state["words"]) + _FIRST


def reading_of(state: State, column: Column) -> dict[str, Any]:
    """What is left of the texts of a column: how many are empty or cut, how long the longest is, which share of words has no place."""
    known, by, length = set(state["words"]), str(state["by"]), int(state["length"])
    read = [words_of(text, by) for text in texts_of(column) if text is not None]
    words = [word for found in read for word in found[:length]]
    unknown = sum(word not in known for word in words)
    return {**lengths_told([len(found) for found in read], length), "unknown": unknown / len(words) if words else 0.0}


def lengths_told(lengths: list[int], length: int) -> dict[str, Any]:
    """How many of these texts are empty, how many longer than what is read, and how long the longest is."""
    return {
        "rows": len(lengths), "length": length, "empty": sum(not found for found in lengths), "cut": sum(found > length for found in lengths),
        "longest": max(lengths, default=0),
    }  # fmt: skip


def texts_of(column: Column) -> list[str | None]:
    """The texts of a column; StageError MLS201 where it holds numbers."""
    if column.texts is None:
        raise StageError("MLS201", f"feature `{column.names[0]}` is a number", expected="a text", found="a number")
    return list(column.texts)
