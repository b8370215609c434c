"""What must hold of the `strategy` of a `train` block: its processes have devices and rows, and its numbers fit them."""

from __future__ import annotations

from mlspec.spec.model import Block
from mlspec.spec.scope import Scope
from mlspec.spec.values import Made


class Asked:
    """What a training is spread over: machines, and GPUs and processes of each of them; or `workers` of a cluster that places them."""

    __slots__ = ("gpus", "nodes", "processes", "workers")

    def __init__(self, nodes: int = 1, gpus: int = 0, processes: int = 1, workers: int = 0) -> None:
        self.nodes = nodes
        self.gpus = gpus
        self.processes = processes
        self.workers = workers

    @property
    def size(self) -> int:
        """How many processes there are together."""
        return self.workers or self.nodes * self.processes


def asked_of(block: Block) -> Asked:
    """What the strategy of a block asks for; one process where it has none."""
    made = block.make("strategy")
    if made is None or made.name == "single":
        return Asked(gpus=0 if made is None else _whole(made, "gpus", 0))
    if made.name == "ray":
        return Asked(gpus=_whole(made, "gpus", 0), workers=_whole(made, "workers", 1))
    gpus = _whole(made, "gpus_per_node", 0)
    return Asked(_whole(made, "nodes", 1), gpus, gpus or _whole(made, "processes", 1))


def _whole(made: Made, name: str, otherwise: int) -> int:
    value = made.get(name)
    return value if isinstance(value, int) else otherwise


def check_strategy(block: Block, scope: Scope) -> None:
    """Applies the rules of the strategy of one `train` block."""
    made = block.make("strategy")
    if made is not None and made.name != "single":
        for rule in (_devices, _rows, _formats, _of_the_cluster):
            rule(block, made, asked_of(block), scope)


def _devices(block: Block, made: Made, asked: Asked, scope: Scope) -> None:
    """A GPU has one process."""
    own = made.get("processes")
    if asked.gpus and not asked.workers and isinstance(own, int) and own != asked.gpus:
        scope.findings.add(
            "MLS209", made.args["processes"].span or made.span, what="`processes` of machines with GPUs", got=f"`{own}`", wanted=f"{asked.gpus}, one for each GPU",
            hint="leave it out: each GPU has a process of its own",
        )  # fmt: skip


def _rows(block: Block, made: Made, asked: Asked, scope: Scope) -> None:
    """Every process has rows in every step."""
    batch, steps = block.get("global_batch"), block.get("gradient_accumulation")
    if not isinstance(batch, int) or not isinstance(steps, int) or steps > batch:
        return
    least = asked.size * steps
    if batch < least:
        among = f"{asked.size} processes" if steps == 1 else f"{asked.size} processes in {steps} steps"
        scope.findings.add(
            "MLS209", made.span, what="the number of processes", got=f"{batch} rows of a batch for {among}", wanted=f"a `global_batch` of at least {least}, a row for each",
            hint=f"say `global_batch = {least}` or more, or spread it over fewer",
        )  # fmt: skip


def _formats(block: Block, made: Made, asked: Asked, scope: Scope) -> None:
    """What scales the gradients of `fp16` does not know gradients that lie in pieces."""
    if made.name == "fsdp" and block.get("precision") == "fp16":
        scope.findings.add(
            "MLS209", block.span_of("precision"), what="`precision` of a training by `fsdp(…)`", got="`fp16`", wanted="`bf16`, `tf32` or `fp32`",
            hint="say `precision = bf16`: it needs no scaled gradients",
        )  # fmt: skip


def _of_the_cluster(block: Block, made: Made, asked: Asked, scope: Scope) -> None:
    """What the nodes of a Ray cluster are was said when they were started."""
    for field in ("gpu", "shared_memory") if asked.workers else ():
        if block.get(field) is not None:
            scope.findings.add(
                "MLS209", block.span_of(field), what=f"`{field}` of a training on a Ray cluster", got="set", wanted="nothing: its nodes are what they are",
                hint="leave it out, or say it to what starts the cluster",
            )  # fmt: skip
