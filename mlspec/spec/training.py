"""What must hold inside a `train` block: its network, metric, precision, schedule and decisions fit each other."""

from __future__ import annotations

import re

from mlspec import catalogue
from mlspec.spec.expressions.models import TASKS
from mlspec.spec.extern_networks import check_network
from mlspec.spec.findings import listing, nearest
from mlspec.spec.images import reads_images
from mlspec.spec.model import Block
from mlspec.spec.scope import Scope
from mlspec.spec.strategies import asked_of, check_strategy
from mlspec.spec.tasks import label_of, lacks_positive
from mlspec.spec.texts import check_text_network
from mlspec.spec.values import Made, Reference

_KIND = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_ON_GPU = ("tf32", "fp16")


def check_training(block: Block, scope: Scope) -> None:
    """Applies the rules of one `train` block."""
    for rule in (
        _metric,
        _stop_part,
        _precision,
        _kind_of_gpu,
        _shared_memory,
        _accumulation,
        _batch_norm,
        _rates,
        _schedule,
        _decisions,
        _class_weights,
        _images,
        check_network,
        check_strategy,
        check_text_network,
    ):
        rule(block, scope)


def _metric(block: Block, scope: Scope) -> None:
    """The metric of an early stop is one of the label's task, and better in one direction."""
    made, label = block.make("stop_early"), label_of(scope.spec, block.ref("label"))
    if made is None or label is None or not label.task or "on" not in made.args:
        return
    metric, value = catalogue.metric(made.get("on")), made.args["on"]
    if metric is None or (label.task in metric.tasks and metric.direction != "none"):
        return
    if label.task not in metric.tasks and "binary" in metric.tasks and lacks_positive(label, f"`{metric.name}`", scope):
        return
    names = [row.name for name in catalogue.metric_names(label.task) if (row := catalogue.metric(name)) is not None]
    known = [name for name in names if getattr(catalogue.metric(name), "direction", "none") != "none"]
    near = nearest(metric.name, known)
    scope.findings.add(
        "MLS201", value.span or made.span, what=f"`{metric.name}`", got="a metric of " + " or ".join(TASKS.get(task, "the package") for task in metric.tasks),
        wanted=f"a metric of {TASKS[label.task]}: " + listing(known), hint=f"did you mean `{near}`?" if near else "",
    )  # fmt: skip


def _stop_part(block: Block, scope: Scope) -> None:
    """What an early stop looks at are other rows than those of the training."""
    made, own = block.make("stop_early"), block.ref("part")
    part = None if made is None else made.get("part")
    if made is None or own is None or not isinstance(part, Reference) or part.path != own.path:
        return
    split = scope.spec.blocks.get(part.block)
    other = next((f"`{part.block}.{name}`" for name in (split.parts if split else ()) if name != part.member), "")
    scope.findings.add(
        "MLS209", made.args["part"].span, what="the part of `stop_early`", got="the rows that the network is trained on",
        wanted="another part of the split", hint=f"write {other}" if other else "",
    )  # fmt: skip


def _precision(block: Block, scope: Scope) -> None:
    """`tf32` and `fp16` are formats of a GPU, and a kind of GPU is asked for where one is used."""
    made = block.make("strategy")
    hint = (
        "say `strategy = single(gpus: 1)`"
        if made is None or made.name == "single"
        else "give each machine GPUs: `gpus_per_node: 1`"
    )
    if block.get("precision") in _ON_GPU and not asked_of(block).gpus:
        scope.findings.add(
            "MLS209", block.span_of("precision"), what="`precision` of a training without a GPU", got=f"`{block.get('precision')}`",
            wanted="`fp32` or `bf16`", hint=hint,
        )  # fmt: skip
    if block.get("gpu") is not None and not asked_of(block).gpus:
        scope.findings.add(
            "MLS209", block.span_of("gpu"), what="`gpu` of a training on the CPU", got=f'"{block.get("gpu")}"', wanted="a strategy with a GPU",
            hint=hint,
        )  # fmt: skip


def _kind_of_gpu(block: Block, scope: Scope) -> None:
    """A kind is one plain word: drivers and nodes of clusters say it as one."""
    kind = block.get("gpu")
    if isinstance(kind, str) and not _KIND.fullmatch(kind):
        scope.findings.add(
            "MLS209", block.span_of("gpu"), what="`gpu`", got="what is no name of a kind", wanted='letters, digits, `-`, `_` and `.`, such as `"nvidia-a100-80gb"`',
        )  # fmt: skip


def _shared_memory(block: Block, scope: Scope) -> None:
    """What processes share is memory of the training like any other."""
    shared, memory = block.get("shared_memory"), block.get("memory")
    if not isinstance(shared, int) or (shared > 0 and (not isinstance(memory, int) or shared < memory)):
        return
    scope.findings.add(
        "MLS209", block.span_of("shared_memory"), what="`shared_memory`", got="none" if shared <= 0 else "as much as `memory`",
        wanted="more than 0, and less than the `memory` that it is part of", hint="leave it out to ask for none" if shared <= 0 else "raise `memory`",
    )  # fmt: skip


def _accumulation(block: Block, scope: Scope) -> None:
    steps, batch = block.get("gradient_accumulation"), block.get("global_batch")
    if isinstance(steps, int) and isinstance(batch, int) and steps > batch:
        scope.findings.add(
            "MLS209", block.span_of("gradient_accumulation"), what="`gradient_accumulation`", got=f"`{steps}`",
            wanted=f"at most {batch}, the rows of a batch",
        )  # fmt: skip


def _batch_norm(block: Block, scope: Scope) -> None:
    """A batch norm learns how rows spread, so there are two of them in each step; all processes share one step."""
    made, batch, steps = block.make("network"), block.get("global_batch"), block.get("gradient_accumulation")
    normed = made is not None and (made.name == "resnet" or (made.name == "mlp" and made.get("norm") == "batch"))
    if not normed or not isinstance(batch, int) or not isinstance(steps, int):
        return
    if steps <= batch < 2 * steps:
        scope.findings.add(
            "MLS209", block.span_of("global_batch"), what="`global_batch` of a network with a batch norm", got=f"{batch} rows, one at a time",
            wanted=f"{2 * steps} or more, two in each step", hint="take fewer steps, or say `norm: layer`",
        )  # fmt: skip


def _rates(block: Block, scope: Scope) -> None:
    """A rate of 0 changes nothing, and Nesterov's momentum needs some; so does what clips gradients."""
    made = block.make("optimiser")
    if made is not None and made.get("lr") == 0:
        scope.findings.add(
            "MLS209", made.args["lr"].span or made.span, what="the learning rate", got="`0`", wanted="more than 0"
        )
    if made is not None and made.get("nesterov") and not made.get("momentum"):
        scope.findings.add(
            "MLS209",
            made.args["nesterov"].span or made.span,
            what="`nesterov`",
            got="`true` with a momentum of 0",
            wanted="a `momentum` above 0",
        )
    if made is not None and 1 in (made.get("beta1"), made.get("beta2")):
        scope.findings.add(
            "MLS209", made.span, what="`beta1` and `beta2`", got="`1`", wanted="less than 1, so that something is learned"
        )
    if block.get("clip_norm") == 0:
        scope.findings.add(
            "MLS209",
            block.span_of("clip_norm"),
            what="`clip_norm`",
            got="`0`",
            wanted="more than 0",
            hint="leave it out to clip nothing",
        )


def _schedule(block: Block, scope: Scope) -> None:
    made = block.make("schedule")
    if made is not None and made.name == "plateau" and block.make("stop_early") is None:
        scope.findings.add(
            "MLS106", made.span, kind="train", block=block.name, name="stop_early", wanted="the metric that `plateau` watches",
            fix="stop_early = patience(5, on: …, part: …)",
        )  # fmt: skip
    if made is not None and made.get("warmup") == 1:
        scope.findings.add(
            "MLS209", made.args["warmup"].span or made.span, what="`warmup`", got="all of the training", wanted="less than 100%"
        )


def _decisions(block: Block, scope: Scope) -> None:
    """A network is trained once, so there are no out-of-fold scores: what is learned of them needs a part of its own."""
    calibrate, threshold = block.make("calibrate"), block.make("threshold")
    if calibrate is not None and calibrate.get("part") is None:
        scope.findings.add(
            "MLS106", calibrate.span or block.head, kind="the call", block=f"{calibrate.name}(…)", name="part",
            wanted="rows that the network is not trained on", fix="part: …",
        )  # fmt: skip
    if calibrate is None and threshold is not None and threshold.name != "fixed" and not scope.findings.error_in(block.span):
        scope.findings.add(
            "MLS106", block.span_of("threshold"), kind="train", block=block.name, name="calibrate",
            wanted="rows that the threshold is chosen on", fix="calibrate = sigmoid(part: …)",
        )  # fmt: skip


def _class_weights(block: Block, scope: Scope) -> None:
    label = label_of(scope.spec, block.ref("label"))
    if label is not None and label.is_number and block.get("class_weights") == "balanced":
        scope.findings.add(
            "MLS209", block.span_of("class_weights"), what="`class_weights`", got="set for a label of a number", wanted="a label of classes",
            hint="remove it",
        )  # fmt: skip


def _images(block: Block, scope: Scope) -> None:
    made = block.make("tensorboard")
    if made is not None and made.get("images") and not _reads_image(block):
        scope.findings.add(
            "MLS209", made.args["images"].span or made.span, what="`images` of a network that reads none", got=f"`{made.get('images')}`", wanted="`0`",
            hint="leave it out",
        )  # fmt: skip


def _reads_image(block: Block) -> bool:
    made = block.make("network")
    return isinstance(made, Made) and reads_images(made.name)
