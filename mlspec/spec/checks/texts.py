"""What is not built of networks that read a text: of the steps of a `compress` one, `dynamic_int8`, and no student among them."""

from __future__ import annotations

from mlspec.spec.findings import Findings
from mlspec.spec.inputs import reads_text
from mlspec.spec.model import Block, Spec
from mlspec.spec.values import Made

_STEPS = ("distil", "prune", "quantise")


def compressed_texts(spec: Spec, findings: Findings) -> None:
    """901: a text network is made smaller by 8-bit weights alone."""
    for block in spec.of_kind("compress"):
        for name in _STEPS:
            made = block.make(name)
            if made is not None and made.name != "dynamic_int8" and (_of_text(spec, block) or _is_text(made.get("network"))):
                findings.add("MLS901", block.span_of(name), what=f"`{made.name}(…)` of a network that reads a text", wanted="`quantise = dynamic_int8()`",
                             hint="or train a smaller network on the text")  # fmt: skip


def _of_text(spec: Spec, block: Block) -> bool:
    learner = spec.learned(block)
    return learner.kind == "train" and _is_text(learner.make("network"))


def _is_text(made: object) -> bool:
    return isinstance(made, Made) and reads_text(made.name)


CHECKS = (compressed_texts,)
