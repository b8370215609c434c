"""What a network over columns of numbers is trained on: the rows of a part, through the fitted transform of its features."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlspec.catalogue.frameworks import framework_of
from mlspec.runtime.context import StageContext
from mlspec.runtime.deep.examples import Examples, InMemory, label_scale, table_examples
from mlspec.runtime.deep.inputs import NUMBERS, TOKENS, Inputs, numbers, tokens
from mlspec.runtime.deep.networks import refuse_other_inputs
from mlspec.runtime.deep.trained import LabelScale
from mlspec.runtime.deep.watch import Watch
from mlspec.runtime.estimators.build import refuse_nulls
from mlspec.runtime.train.data import Learning, PartReader
from mlspec.runtime.transform import fit_transform, tokenizer
from mlspec.runtime.transform import tokens as text_tokens
from mlspec.runtime.transform.chain import FittedTransform, Matrix
from mlspec.runtime.transform.columns import Floats
from mlspec.runtime.transform.target import Target
from mlspec.runtime.transform.tokens import OF_TEXT

_BLOCK = 8192
_TEXTS = 256  # at once: a row of a text becomes a vector for each of its words


@dataclass(frozen=True)
class Table:
    """The fitting rows: their matrix, the transform that made it, and what their labels are scaled by."""

    reader: PartReader
    learning: Learning
    transform: FittedTransform
    matrix: Matrix
    scale: LabelScale
    inputs: Inputs

    def examples(self, device: str) -> Examples:
        """The fitting rows as tensors."""
        return table_examples(self.matrix.numbers, self.learning.target, self.scale, device)

    def evaluation(self, watch: Watch, device: str) -> Callable[[Any], float]:
        """A function that gives the watched metric of a network on its part."""
        judged = self.reader.learning(watch.part)
        held = self.transform.apply(judged.columns)
        refuse_nulls(name_of(self.reader.config), held, watch.where)
        rows = table_examples(held.numbers, judged.target, self.scale, device)
        block = _BLOCK if self.inputs.kind == NUMBERS else _TEXTS
        return lambda network: watch.value(judged.target, scores_of(network, rows, judged.target, self.scale, block))

    def sample(self, places: Any) -> Floats:
        """Some fitting rows, as a package is given them."""
        return np.ascontiguousarray(self.matrix.numbers[places])


def read_table(context: StageContext) -> Table:
    """The rows of the part, with what is fitted on them; StageError MLS204 where a null would reach the network."""
    reader = PartReader(context)
    learning = reader.learning(context.config["part"])
    unknown = context.config.get("unknown") or "encode"
    given = _given(context)
    transform, matrix = fit_transform(reader.features, learning.columns, learning.target, unknown, given)
    refuse_nulls(name_of(context.config), matrix, context.block)
    inputs = inputs_of(transform, matrix)
    refuse_other_inputs(context.config["network"], inputs, context.block)
    return Table(reader, learning, transform, matrix, label_scale(learning.target), inputs)


def _given(context: StageContext) -> dict[str, dict[str, Any]]:
    """What steps of a pretrained model know before they see a row: its tokenizer."""
    network = context.config["network"]
    if not str(network["name"]).startswith("transformers."):
        return {}
    from mlspec.runtime.deep.pretrained import read_pretrained

    return {"tokenizer": {"tokenizer": read_pretrained(network, context.project_root, context.block).tokenizer}}


def inputs_of(transform: FittedTransform, matrix: Matrix) -> Inputs:
    """What the rows of a matrix are to a network: the tokens of a text, if one feature is that, or numbers."""
    width = matrix.numbers.shape[1]
    for feature, states in zip(transform.features, transform.states, strict=True):
        if feature["fitted"] and feature["fitted"][-1]["op"] in OF_TEXT:
            before, length = matrix.names.index(f"{feature['name']}.0"), int(states[-1]["length"])
            known = tokenizer if feature["fitted"][-1]["op"] == "tokenizer" else text_tokens
            return tokens(length, known.vocabulary_of(states[-1]), before, width - before - length)
    return numbers(width)


def texts_told(rows: Any) -> dict[str, Any]:
    """What a network that reads a text is given of the texts of its rows, for its history; of other networks nothing."""
    if rows.inputs.kind != TOKENS:
        return {}
    for feature, states in zip(rows.transform.features, rows.transform.states, strict=True):
        last = feature["fitted"][-1]["op"] if feature["fitted"] else ""
        if last in OF_TEXT:
            known = tokenizer if last == "tokenizer" else text_tokens
            column = rows.transform.before_last(feature["name"], rows.learning.columns)
            return {"texts": {"feature": feature["name"], **known.reading_of(states[-1], column)}}
    return {}


def name_of(config: Mapping[str, Any]) -> str:
    """What a package calls the network, where it names an estimator."""
    return f"{framework_of(config.get('framework')).library}.{config['network']['name']}"


def scores_of(network: Any, rows: InMemory, target: Target, scale: LabelScale, block: int = _BLOCK) -> Floats:
    """What the network says of rows while it is trained, in single precision."""
    import torch

    network.eval()
    with torch.no_grad():
        raw = torch.cat([network(rows.inputs[start : start + block]).float() for start in range(0, len(rows), block)])
    return scores_of_raw(raw, target, scale)


def scores_of_raw(raw: Any, target: Target, scale: LabelScale) -> Floats:
    """Outputs of a network as the task's scores."""
    import torch

    found = raw[:, 0] if target.task != "multiclass" else torch.softmax(raw, dim=1)
    if target.task == "binary":
        found = torch.sigmoid(found)
    scores: Floats = found.cpu().numpy().astype(np.float64)
    return scores * scale.spread + scale.centre if target.task == "regression" else scores
