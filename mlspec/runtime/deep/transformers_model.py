"""A pretrained model of the library `transformers`, trained further on a label: its own layers, and a new one for the label at the end.

Built from files that were held to their digest. What answers is the ONNX graph that torch exports of it, in single precision, as the
model's own arithmetic is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mlspec.runtime.deep.exported import exported, quiet
from mlspec.runtime.deep.inputs import TOKENS, Inputs
from mlspec.runtime.deep.pretrained import verified
from mlspec.runtime.deep.spread.drops import longest
from mlspec.runtime.errors import StageError
from mlspec.runtime.package.engines.onnx_graph import Graph
from mlspec.runtime.transform.columns import Floats

READS = frozenset({TOKENS})
PRECISION = "single"
_LARGEST = 2_000_000_000
"""The bytes that an ONNX file may have, a limit of its format."""
# Their places are counted from behind the padding's.
_SHIFTED = frozenset({"roberta", "camembert", "xlm-roberta", "mpnet"})


def build(config: Mapping[str, Any], inputs: Inputs, outputs: int) -> Any:
    """The torch module: rows of tokens, -1 where a text has ended, to `outputs` numbers."""
    import torch
    from torch import nn

    model, padding = _model(config, inputs, outputs)

    class Classifier(nn.Module):
        """The model, told which of the tokens are none."""

        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, rows: Any) -> Any:
            ids = rows.long()
            if not torch.compiler.is_exporting():
                ids = ids[:, : longest(max(1, int((ids >= 0).sum(dim=1).max())))]
            seen = ids >= 0
            return self.model(input_ids=torch.where(seen, ids, padding), attention_mask=seen.long()).logits

    if config["freeze"]:
        for weight in model.base_model.parameters():
            weight.requires_grad_(False)
    return Classifier()


def _model(config: Mapping[str, Any], inputs: Inputs, outputs: int) -> tuple[Any, int]:
    """The model with its pretrained weights, and the token that pads; StageError MLS209 for one that does not fit."""
    try:
        return _loaded(config, inputs, outputs)
    except StageError:
        raise
    except Exception as error:  # a config may hold anything, and the library raises whatever it stumbles over
        raise _unfit(config, "a model that `AutoModelForSequenceClassification` knows", str(error).strip()[:160]) from error


def _loaded(config: Mapping[str, Any], inputs: Inputs, outputs: int) -> tuple[Any, int]:
    import torch
    from safetensors.torch import load
    from transformers import AutoConfig, AutoModelForSequenceClassification

    library: Any = AutoModelForSequenceClassification

    found = verified(config)
    settings = {name: value for name, value in found.settings.items() if name not in _OURS}
    padding = settings.get("pad_token_id")
    settings["pad_token_id"] = 0 if padding is None else int(padding)
    _refuse_length(config, settings, inputs)
    weights: dict[str, Any] = {}
    for data in found.weights:
        weights |= load(data)
    with quiet("transformers"):
        described = AutoConfig.for_model(**settings, num_labels=outputs)
        with torch.device("meta"):
            known: Any = type(library.from_config(described, trust_remote_code=False, attn_implementation="eager"))
        model, loaded = known.from_pretrained(
            None, config=described, state_dict=weights, attn_implementation="eager", dtype=torch.float32, ignore_mismatched_sizes=True,
            output_loading_info=True,
        )  # fmt: skip
    lacking = sorted(name for name in loaded["missing_keys"] if name.startswith(f"{model.base_model_prefix}."))
    if [name for name in lacking if ".pooler." not in name]:
        raise _unfit(config, "all weights of the model in its files", f"without {lacking[0]}")
    return model, settings["pad_token_id"]


_OURS = frozenset(
    {"num_labels", "id2label", "label2id", "problem_type", "dtype", "torch_dtype", "architectures", "transformers_version"}
)


def _refuse_length(config: Mapping[str, Any], settings: Mapping[str, Any], inputs: Inputs) -> None:
    """StageError MLS209 for texts that are longer than the model has places for, or a tokenizer of more tokens than it knows."""
    places = settings.get("max_position_embeddings")
    if places is not None:
        places = int(places) - (settings["pad_token_id"] + 1 if settings.get("model_type") in _SHIFTED else 0)
        if inputs.shape[0] > places:
            raise _unfit(config, f"a `length` of at most {places:,}", f"{inputs.shape[0]:,}")
    known = settings.get("vocab_size")
    if known is not None and inputs.vocabulary > int(known):
        raise _unfit(config, f"a tokenizer of at most {int(known):,} tokens", f"{inputs.vocabulary:,}")


def _unfit(config: Mapping[str, Any], wanted: str, found: str) -> StageError:
    return StageError(
        "MLS209", f"the model `{config['model']}` cannot be trained on this text", verified(config).where, expected=wanted, found=found,
        help="lower `length`, or choose another model",
    )  # fmt: skip


def write(config: Mapping[str, Any], weights: Mapping[str, Floats], graph: Graph, inputs: Inputs, outputs: int) -> None:
    """The graph that torch exports of the trained model."""
    import torch

    size = 4 * sum(value.size for value in weights.values())
    if size > _LARGEST:
        raise _unfit(
            config, f"a model of at most {_LARGEST // 4:,} weights, which is what one ONNX file holds", f"{size // 4:,}"
        )
    module = build(config, inputs, outputs)
    module.load_state_dict({name: torch.from_numpy(value.astype(np.float32)) for name, value in weights.items()}, strict=False)
    rows = torch.full((3, inputs.width), 0.0)
    rows[:, 1 + inputs.width // 2 :] = -1.0
    graph.embed(exported(module, rows), single=True)


def bytes_a_row(config: Mapping[str, Any], inputs: Inputs) -> int:
    """About what a row takes while its gradient is computed, by the model's own numbers, where its config has the usual names."""
    settings = verified(config).settings
    size, layers = int(settings.get("hidden_size", 768)), int(settings.get("num_hidden_layers", 12))
    heads, inner = int(settings.get("num_attention_heads", 12)), int(settings.get("intermediate_size", 4 * size))
    length = inputs.shape[0]
    return 4 * layers * length * (3 * heads * length + 10 * size + 3 * inner)
