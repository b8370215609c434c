"""Keras's optimisers with the meaning that their fields have in the language, so that a schedule and a decay do the same in both libraries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def optimiser_of(config: Mapping[str, Any], variables: Any) -> Any:
    """The optimiser that a config describes, built for these variables; its rate is set before every update."""
    rate, decay = float(config["lr"]), float(config["weight_decay"])
    if config["name"] == "sgd":
        found = _sgd(rate, float(config["momentum"]), bool(config["nesterov"]), decay)
    else:
        betas = {"beta_1": float(config["beta1"]), "beta_2": float(config["beta2"]), "epsilon": 1e-8}
        found = _adam(rate, decay, betas) if config["name"] == "adam" else _adamw(rate, decay, betas)
    found.build(variables)
    return found


def _adamw(rate: float, decay: float, betas: Mapping[str, float]) -> Any:
    """A decay apart from the gradient is what Keras has."""
    from keras import optimizers

    return optimizers.AdamW(rate, weight_decay=decay, **betas)


def _adam(rate: float, decay: float, betas: Mapping[str, float]) -> Any:
    """The decay is part of the gradient; Keras would hold it apart."""
    from keras import optimizers

    class Adam(optimizers.Adam):  # type: ignore[misc]
        """Adam of gradients with a decay in them."""

        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            super().update_step(gradient + decay * variable if decay else gradient, variable, learning_rate)

    return Adam(rate, **betas)


def _sgd(rate: float, momentum: float, nesterov: bool, decay: float) -> Any:
    """The rate stays out of the momentum; Keras keeps it inside, where a change of the rate comes late."""
    from keras import optimizers

    class Sgd(optimizers.SGD):  # type: ignore[misc]
        """Gradients gathered first, and then multiplied by the rate of now."""

        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            gradient = gradient + decay * variable if decay else gradient
            if momentum:
                gathered = self.momentums[self._get_variable_index(variable)]
                self.assign(gathered, gathered * momentum + gradient)
                gradient = gradient + momentum * gathered if nesterov else gathered
            self.assign_sub(variable, gradient * learning_rate)

    return Sgd(rate, momentum=momentum, nesterov=nesterov)
