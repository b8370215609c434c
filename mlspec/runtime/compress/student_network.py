"""A smaller network learns the scores of a larger one, in the way in which that was trained."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from mlspec.runtime.compress.distil import soft_scores
from mlspec.runtime.compress.learning import Settings, learn
from mlspec.runtime.compress.model import Model
from mlspec.runtime.deep.device import CPU
from mlspec.runtime.deep.examples import Examples, InMemory, label_scale
from mlspec.runtime.deep.inputs import Inputs, numbers
from mlspec.runtime.deep.networks import network_of, refuse_other_inputs
from mlspec.runtime.deep.trained import LabelScale, TrainedNetwork, outputs_of
from mlspec.runtime.package.calibration import apply_calibration
from mlspec.runtime.transform.columns import Floats
from mlspec.runtime.transform.target import Target

if TYPE_CHECKING:
    from mlspec.runtime.deep.pictures import Pictures


def student_network(
    model: Model, config: Mapping[str, Any], matrix: Floats, target: Target, seed: int, settings: Settings
) -> Model:
    """The student as a package's model; `seed` decides its first weights."""
    import torch

    lesson = Lesson(model, config, target)
    examples = InMemory(
        torch.from_numpy(matrix.astype(np.float32)), torch.from_numpy(lesson.labels(model.scores(matrix), target))
    )
    return _learned(lesson, examples, numbers(matrix.shape[1]), seed, settings)


def student_of_pictures(model: Model, config: Mapping[str, Any], pictures: Pictures, seed: int, settings: Settings) -> Model:
    """The same from pixels: the teacher says its scores of each picture as the student sees it, changed by chance where that is asked for."""
    from mlspec.runtime.deep.timm_model import prepare

    if str(config["network"]["name"]).startswith("timm."):
        prepare(config["network"], pictures.context.project_root, settings.where)
    lesson = Lesson(model, config, pictures.learning.target)
    return _learned(lesson, Taught(pictures.examples(CPU), lesson), pictures.inputs, seed, settings)


@dataclass(frozen=True)
class Lesson:
    """What a teacher says of rows, as the loss of the student takes it."""

    model: Model
    config: Mapping[str, Any]
    target: Target

    @cached_property
    def scale(self) -> LabelScale:
        """What a label of numbers is centred and divided by."""
        return label_scale(self.target)

    @cached_property
    def _engine(self) -> Any:
        return self.model.load()

    def of(self, rows: Floats, places: Any) -> Any:
        """The labels of some rows, which stand at these places of the part."""
        scores = apply_calibration(self.model.calibration, self._engine.scores(rows))
        return self.labels(scores, self.target.take(places))

    def labels(self, scores: Floats, target: Target) -> Any:
        """The same of scores that are known."""
        soft = soft_scores(scores, target, self.config)
        if target.task == "regression":
            soft = (soft - self.scale.centre) / self.scale.spread
        return (soft[:, 1] if target.task == "binary" else soft).astype(np.float32)


@dataclass(frozen=True)
class Taught:
    """Examples whose labels are what a teacher says of them."""

    examples: Examples
    lesson: Lesson

    @property
    def rows_on(self) -> str:
        """The device of the rows."""
        return self.examples.rows_on

    def __len__(self) -> int:
        return len(self.examples)

    def begin(self, epoch: int, coming: Iterable[Any]) -> None:
        """An epoch begins."""
        self.examples.begin(epoch, coming)

    def take(self, rows: Any) -> tuple[Any, Any]:
        """The inputs of some rows, and what the teacher says of them."""
        import torch

        inputs, _ = self.examples.take(rows)
        return inputs, torch.from_numpy(self.lesson.of(inputs.double().numpy(), rows.numpy()))

    def close(self) -> None:
        """Nothing is taken any more."""
        self.examples.close()


def _learned(lesson: Lesson, examples: Examples, inputs: Inputs, seed: int, settings: Settings) -> Model:
    """The student at the end of its epochs."""
    import torch

    target, wanted = lesson.target, lesson.config["network"]
    kind = network_of(wanted, settings.where)
    refuse_other_inputs(wanted, inputs, settings.where)
    torch.manual_seed(seed)
    module = kind.build(wanted, inputs, outputs_of(target.task, target.classes))
    module.train()
    learn(module, list(module.parameters()), examples, _loss(target.task), settings)
    module.eval()
    weights = {
        name: value.detach().double().numpy() for name, value in module.state_dict().items() if value.is_floating_point()
    }
    network = TrainedNetwork(wanted, weights, inputs, target.task, target.classes, lesson.scale)
    params = {key: value for key, value in wanted.items() if key != "name"}
    estimator = {"name": f"torch.{wanted['name']}", "params": params}
    return lesson.model.changed(engine="onnx", data=network.to_onnx(), estimator=estimator, calibration=None)


def _loss(task: str) -> Callable[[Any, Any], Any]:
    """Cross entropy with scores instead of classes; of numbers the squared error."""
    from torch.nn import functional

    if task == "regression":
        return lambda outputs, labels: functional.mse_loss(outputs[:, 0], labels)
    if task == "binary":
        return lambda outputs, labels: functional.binary_cross_entropy_with_logits(outputs[:, 0], labels)
    return functional.cross_entropy
