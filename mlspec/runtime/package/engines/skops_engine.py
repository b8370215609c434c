"""The skops engine: any scikit-learn estimator that has no ONNX graph, as a canonical archive of pinned types."""

from __future__ import annotations

from typing import Any

from mlspec.runtime.errors import StageError
from mlspec.runtime.estimators.fit import predicted, quiet
from mlspec.runtime.package.engines.skops_archive import canonical
from mlspec.runtime.package.manifest import refused
from mlspec.runtime.transform.columns import Floats
from mlspec.runtime.transform.target import Target

# Types beyond scikit-learn's public estimators, which skops trusts itself, that fitted estimators of the catalogue hold.
# A release pins the list: a package with any other type is refused, whoever wrote it.
TRUSTED = (
    "sklearn._loss.link.IdentityLink",
    "sklearn._loss.link.Interval",
    "sklearn._loss.link.LogLink",
    "sklearn._loss.link.LogitLink",
    "sklearn._loss.link.MultinomialLogit",
    "sklearn._loss.loss.AbsoluteError",
    "sklearn._loss.loss.ExponentialLoss",
    "sklearn._loss.loss.HalfBinomialLoss",
    "sklearn._loss.loss.HalfGammaLoss",
    "sklearn._loss.loss.HalfMultinomialLoss",
    "sklearn._loss.loss.HalfPoissonLoss",
    "sklearn._loss.loss.HalfSquaredError",
    "sklearn._loss.loss.HalfTweedieLoss",
    "sklearn._loss.loss.HalfTweedieLossIdentity",
    "sklearn._loss.loss.HuberLoss",
    "sklearn._loss.loss.PinballLoss",
    "sklearn._loss._loss.CyAbsoluteError",
    "sklearn._loss._loss.CyExponentialLoss",
    "sklearn._loss._loss.CyHalfBinomialLoss",
    "sklearn._loss._loss.CyHalfGammaLoss",
    "sklearn._loss._loss.CyHalfMultinomialLoss",
    "sklearn._loss._loss.CyHalfPoissonLoss",
    "sklearn._loss._loss.CyHalfSquaredError",
    "sklearn._loss._loss.CyHalfTweedieLoss",
    "sklearn._loss._loss.CyHalfTweedieLossIdentity",
    "sklearn._loss._loss.CyHuberLoss",
    "sklearn._loss._loss.CyPinballLoss",
    "sklearn.ensemble._gb_losses.BinomialDeviance",
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.neighbors._ball_tree.BallTree",
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
    "sklearn.metrics._dist_metrics.MinkowskiDistance64",
    "sklearn.metrics._dist_metrics.ManhattanDistance64",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    "sklearn.preprocessing._label.LabelBinarizer",
    "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
    "sklearn.gaussian_process.kernels.CompoundKernel",
    "sklearn.gaussian_process.kernels.ConstantKernel",
    "sklearn.gaussian_process.kernels.Product",
    "sklearn.gaussian_process.kernels.RBF",
)


class SkopsEngine:
    """A restored estimator."""

    def __init__(self, estimator: Any, task: str, classes: int) -> None:
        import numpy as np
        from threadpoolctl import ThreadpoolController

        self._estimator = estimator
        self._shape = Target(task, np.empty(0), classes)
        self._threads = ThreadpoolController()  # finds the loaded libraries once: it costs more than a prediction

    def scores(self, matrix: Floats) -> Floats:
        """P(positive), P(class) or the prediction of each row."""
        with self._threads.limit(limits=1), quiet():
            return predicted(self._estimator, matrix, self._shape)


def write(estimator: Any, width: int, target: Target) -> bytes:
    """The canonical archive of a fitted estimator."""
    import skops.io

    with quiet():
        return canonical(skops.io.dumps(estimator))


def load(data: bytes, task: str, classes: int) -> SkopsEngine:
    """The estimator in the bytes of `model.skops`; a type outside the pinned list is refused."""
    import skops.io

    with quiet():
        try:
            unknown = sorted(set(skops.io.get_untrusted_types(data=data)) - set(TRUSTED))
            if unknown:
                raise refused(f"its model holds types outside the pinned list: {', '.join(unknown[:3])}")
            estimator = skops.io.loads(data, trusted=list(TRUSTED))
        except StageError:
            raise
        except Exception as error:  # a damaged archive fails anywhere: in zip, JSON, numpy or an estimator's own state
            raise refused(f"skops does not load its model: {str(error)[:160]}") from error
    return SkopsEngine(estimator, task, classes)
