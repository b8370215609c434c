"""901: what TensorFlow does not train yet, though PyTorch does."""

from __future__ import annotations

from collections.abc import Iterator

from mlspec.catalogue.frameworks import FRAMEWORKS, Framework, framework_of
from mlspec.spec.findings import Findings
from mlspec.spec.model import Block, Spec


def what_a_framework_has(spec: Spec, findings: Findings) -> None:
    """901: a network over numbers, on the CPU, in one process: what this version trains with TensorFlow."""
    for block, row in _trained_elsewhere(spec):
        hint = "leave `framework` out: PyTorch has it"
        network, strategy = block.make("network"), block.make("strategy")
        if network is not None and row.networks is not None and network.name not in row.networks:
            findings.add("MLS901", network.span or block.span_of("network"), what=f"the network `{network.name}` with {row.title}",
                         wanted=" or ".join(f"`{name}(…)`" for name in row.networks), hint=hint)  # fmt: skip
        if strategy is not None and (strategy.name != "single" or strategy.get("gpus")):
            found = "a GPU" if strategy.name == "single" else f"the strategy `{strategy.name}`"
            findings.add("MLS901", block.span_of("strategy"), what=f"{found} with {row.title}", wanted="`strategy = single()`, a CPU",
                         hint=hint)  # fmt: skip


def retrained_elsewhere(spec: Spec, findings: Findings) -> None:
    """901: a pruned network is trained on by PyTorch alone."""
    trained = {block.name: row for block, row in _trained_elsewhere(spec)}
    for block in spec.of_kind("compress"):
        prune, row = block.make("prune"), trained.get(spec.learned(block).name)
        if row is not None and prune is not None and prune.get("retrain_epochs") and block.make("distil") is None:
            findings.add("MLS901", prune.args["retrain_epochs"].span or block.span_of("prune"), what=f"`retrain_epochs` of a network that {row.title} trained",
                         wanted="pruning alone", hint="leave `retrain_epochs` out, or leave `framework` out where it is trained")  # fmt: skip


def _trained_elsewhere(spec: Spec) -> Iterator[tuple[Block, Framework]]:
    """Trainings of another framework than the default one."""
    for block in spec.of_kind("train"):
        name = block.get("framework")
        if name in FRAMEWORKS and framework_of(name).networks is not None:
            yield block, framework_of(name)


CHECKS = (what_a_framework_has, retrained_elsewhere)
