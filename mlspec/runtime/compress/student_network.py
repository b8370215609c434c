"""A smaller network learns the scores of a larger one, in the way in which that was trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from mlspec.runtime.compress.distil import soft_scores
from mlspec.runtime.compress.learning import Settings, learn
from mlspec.runtime.compress.model import Model
from mlspec.runtime.deep.examples import label_scale
from mlspec.runtime.deep.inputs import numbers
from mlspec.runtime.deep.networks import network_of
from mlspec.runtime.deep.trained import TrainedNetwork, outputs_of
from mlspec.runtime.transform.columns import Floats
from mlspec.runtime.transform.target import Target


def student_network(
    model: Model, config: Mapping[str, Any], matrix: Floats, target: Target, seed: int, settings: Settings
) -> Model:
    """The student as a package's model; `seed` decides its first weights."""
    import torch

    wanted, outputs = config["network"], outputs_of(target.task, target.classes)
    torch.manual_seed(seed)
    module = network_of(wanted, settings.where).build(wanted, numbers(matrix.shape[1]), outputs)
    scale = label_scale(target)
    lesson = soft_scores(model.scores(matrix), target, config)
    if target.task == "regression":
        lesson = (lesson - scale.centre) / scale.spread
    labels = torch.from_numpy((lesson[:, 1] if target.task == "binary" else lesson).astype(np.float32))
    module.train()
    learn(module, list(module.parameters()), torch.from_numpy(matrix.astype(np.float32)), labels, _loss(target.task), settings)
    module.eval()
    weights = {
        name: value.detach().double().numpy() for name, value in module.state_dict().items() if value.is_floating_point()
    }
    network = TrainedNetwork(wanted, weights, numbers(matrix.shape[1]), target.task, target.classes, scale)
    params = {key: value for key, value in wanted.items() if key != "name"}
    estimator = {"name": f"torch.{wanted['name']}", "params": params}
    return model.changed(engine="onnx", data=network.to_onnx(), estimator=estimator, calibration=None)


def _loss(task: str) -> Callable[[Any, Any], Any]:
    """Cross entropy with scores instead of classes; of numbers the squared error."""
    from torch.nn import functional

    if task == "regression":
        return lambda outputs, labels: functional.mse_loss(outputs[:, 0], labels)
    if task == "binary":
        return lambda outputs, labels: functional.binary_cross_entropy_with_logits(outputs[:, 0], labels)
    return functional.cross_entropy
