"""The step that makes a text the tokens of a pretrained model: nothing is learned, its tokenizer is given and goes into the package."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from mlspec.graph.extras import extras_of
from mlspec.runtime.errors import StageError
from mlspec.runtime.transform.columns import Column, numbers_column
from mlspec.runtime.transform.tokens import lengths_told, texts_of

State = dict[str, Any]

ASIDE = {"tokenizer": "tokenizer.json"}

ENDED = -1
"""What stands behind the last token of a text: no token of any vocabulary."""


def fit_tokenizer(column: Column, options: Mapping[str, Any]) -> State:
    """The tokenizer that the stage has read and verified."""
    return {"length": int(options["length"]), "tokenizer": str(options["tokenizer"])}


def apply_tokenizer(state: State, column: Column) -> list[Column]:
    """The first tokens of each text and what the model puts around them; a text that is null is null in all."""
    length = int(state["length"])
    tokenizer = _tokenizer(str(state["tokenizer"]), length)
    numbers = np.full((len(column), length), float(ENDED))
    for row, text in enumerate(texts_of(column)):
        if text is None:
            numbers[row] = np.nan
            continue
        found = tokenizer.encode(text).ids
        numbers[row, : len(found)] = found
    return [numbers_column([f"{column.names[0]}.{place}" for place in range(length)], numbers)]


def ready(state: State) -> None:
    """Read the tokenizer, so that no request waits for it; StageError MLS812 where its library is not there."""
    _tokenizer(str(state["tokenizer"]), int(state["length"]))


def reading_of(state: State, column: Column) -> dict[str, Any]:
    """What is left of the texts of a column, as of `tokens`; no word is unknown to a tokenizer of parts of words."""
    tokenizer = _tokenizer(str(state["tokenizer"]), None)
    around = tokenizer.num_special_tokens_to_add(False)
    texts = [text for text in texts_of(column) if text is not None]
    told = lengths_told([len(tokenizer.encode(text).ids) for text in texts], int(state["length"]))
    return {**told, "empty": sum(len(tokenizer.encode(text).ids) <= around for text in texts), "unknown": None}


@lru_cache(maxsize=8)
def _tokenizer(document: str, length: int | None) -> Any:
    """The tokenizer of a document, which cuts texts at `length` and pads none."""
    try:
        from tokenizers import Tokenizer
    except ModuleNotFoundError as error:
        raise StageError(
            "MLS812", "the model reads texts with a tokenizer of the library `tokenizers`, which is not installed", expected="tokenizers",
            found=f"no module `{error.name}`", help=f"install it: pip install 'mlspec-lang[{extras_of(['tokenizers'])[0]}]'",
        ) from error  # fmt: skip
    try:
        found = Tokenizer.from_str(document)
        found.no_padding()
        found.no_truncation()
        around = len(found.encode("").ids)  # whatever it puts there: some of it may be no token of its vocabulary
        if length is not None:
            found.enable_truncation(length)
    except BaseException as error:  # the library raises nothing more exact, and a panic of its own is no Exception
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise StageError(
            "MLS209", "the tokenizer of the model cannot be read", expected="a tokenizer.json of the library `tokenizers`",
            found=str(error)[:160], help="save it with `tokenizer.save_pretrained(…)` of a current `transformers`",
        ) from error  # fmt: skip
    if length is not None and around >= length:
        raise StageError(
            "MLS209", "no token of a text is left between those that the model puts around it", expected=f"a `length` above {around}", found=str(length),
            help="raise `length`",
        )  # fmt: skip
    return found


def vocabulary_of(state: State) -> int:
    """How many rows of vectors the tokens need: one more than the largest, as there may be gaps between them."""
    found = _tokenizer(str(state["tokenizer"]), None)
    return 1 + max([*found.get_vocab(True).values(), *found.encode("").ids], default=0)
