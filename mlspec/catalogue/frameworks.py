"""The libraries that train networks: how a package names what they made, what they are installed as, and which networks they have."""

from __future__ import annotations

from typing import NamedTuple


class Framework(NamedTuple):
    """One library. `library` stands before a network's name in a package; `networks` None: all of the language."""

    title: str
    library: str
    packages: tuple[str, ...]
    networks: tuple[str, ...] | None = None


DEFAULT = "pytorch"

FRAMEWORKS = {
    DEFAULT: Framework("PyTorch", "torch", ("safetensors", "torch")),
    "tensorflow": Framework("TensorFlow", "keras", ("keras", "tensorflow"), ("mlp", "resnet")),
}
"""By the names that `framework` in a `train` block has."""


def framework_of(name: object) -> Framework:
    """The row of a framework; the default one where a config names none."""
    return FRAMEWORKS[str(name or DEFAULT)]


def is_network(name: str) -> bool:
    """Whether an estimator's key is that of a network that one of them trained."""
    return name.partition(".")[0] in {row.library for row in FRAMEWORKS.values()}
