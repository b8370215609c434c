"""Images in a spec: what is known of their size before any is read, and where they may stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlspec.spec.kinds import Type

if TYPE_CHECKING:
    from mlspec.spec.findings import Findings
    from mlspec.spec.model import Block, Definition
    from mlspec.spec.scope import Scope
    from mlspec.spec.values import Made, Reference

CHANNELS, LONGEST = 3, 4_096
_READERS = ("cnn", "timm")


def reads_images(network: str) -> bool:
    """Whether a network of this name reads an image."""
    return network.partition(".")[0] in _READERS


def image_type(function: str, given: Type, options: Mapping[str, Any]) -> Type:
    """The type of what a function makes of an image: channels, the size where it is fixed, and how its pixels are normalised."""
    known = dict(given.settings)
    if function == "grey":
        known["channels"] = 1
    if function in ("resize", "crop"):
        known["side"] = int(options["size"])
    if function == "normalise":
        known["by"] = options.get("by", "image")
    return Type("image", settings=tuple(known.items()))


def channels_of(kind: Type) -> int:
    """How many channels an image has: 3 unless its column says otherwise."""
    return int(dict(kind.settings).get("channels", CHANNELS))


def longest_of(kind: Type) -> int:
    """How many pixels the longer side of an image of a column has at most."""
    return int(dict(kind.settings).get("size", LONGEST))


def shape_of(kind: Type) -> tuple[int, int, int] | None:
    """(channels, height, width) of every image of this type; None where images have sizes of their own."""
    side = dict(kind.settings).get("side")
    return None if side is None else (channels_of(kind), int(side), int(side))


def check_images(block: Block, scope: Scope) -> None:
    """Applies what holds for images to a source or a features block."""
    if block.kind in ("log", "monitor"):
        _kept_back(block, scope)
        return
    for rule in (_of_source,) if block.kind == "source" else (_in_order, _of_one_size, _changed):
        rule(block, scope)


def _kept_back(block: Block, scope: Scope) -> None:
    """No log keeps an image, and no monitor compares what images are made of (901)."""
    for definition in block.definitions.values():
        for reference in definition.value.refs:
            if _names_image(reference, scope):
                scope.findings.add("MLS901", definition.value.span, what=f"an image in a `{block.kind}`", wanted="features that are none, or the score",
                                   hint="watch the score: `psi(score)`")  # fmt: skip
                break


def _names_image(reference: Reference, scope: Scope) -> bool:
    owner = scope.spec.blocks.get(reference.block)
    if owner is None or reference.kind not in ("features", "feature", "column"):
        return False
    if reference.kind == "column":
        column = owner.columns.get(reference.member or "")
        return column is not None and column.type.name == "image"
    names = [reference.member] if reference.kind == "feature" else list(owner.definitions)
    return any(owner.definitions[name].value.type.name == "image" for name in names if name in owner.definitions)


def _of_source(block: Block, scope: Scope) -> None:
    """A source of images has a column of them, whose images are all there."""
    made = block.make("from")
    columns = [column for column in block.columns.values() if column.type.name == "image"]
    if made is not None and made.name == "images" and "://" in str(made.get("path")):
        scope.findings.add("MLS901", made.args["path"].span or made.span, what=f"the images of `source {block.name}` in a bucket", wanted="a folder beside the spec")  # fmt: skip
    if made is not None and made.name == "images" and not columns and block.name not in scope.broken:
        scope.findings.add(
            "MLS106", made.span, kind="source", block=block.name, name="an image column", wanted="the column that names the file of each image",
            fix="pixels: image(channels: 3)",
        )  # fmt: skip
    for column in columns:
        if column.type.optional:
            scope.findings.add("MLS901", column.span, what=f"the column `{column.name}` of images that may be missing", wanted="`image(…)` without `?`, and an index without such rows")  # fmt: skip
        if channels_of(column.type) not in (1, 3):
            scope.findings.add("MLS209", column.span, what="`channels` of an image", got=f"`{channels_of(column.type)}`",
                               wanted="1 (grey) or 3 (red, green, blue)")  # fmt: skip


def _in_order(block: Block, scope: Scope) -> None:
    """What is normalised is no picture any more: `normalise` stands outside of all that changes a picture (201)."""
    for feature in block.definitions.values():
        form = feature.value.form
        inner = form[2][0] if form[0] == "call" and form[1] == "normalise" else form
        while inner[0] == "call" and feature.value.type.name == "image":
            if inner[1] == "normalise":
                scope.findings.add("MLS201", feature.value.span, what=f"what `{feature.name}` changes", got="an image that is normalised already",
                                   wanted="an image", hint="normalise last: `normalise(resize(…, 224))`")  # fmt: skip
                break
            inner = inner[2][0]


def _of_one_size(block: Block, scope: Scope) -> None:
    """A feature has as many pixels in every row (201)."""
    for feature in block.definitions.values():
        if feature.value.type.name == "image" and shape_of(feature.value.type) is None:
            scope.findings.add("MLS201", feature.value.span, what=f"the feature `{feature.name}`", got="images of sizes of their own",
                               wanted="images of one size", hint="`resize(…, 224)` gives all of them one, `crop(…, 224)` takes the middle")  # fmt: skip


def _changed(block: Block, scope: Scope) -> None:
    """Only images are changed by chance (201)."""
    if block.get("augment") and not any(
        feature.value.type.name in ("image", "unknown") for feature in block.definitions.values()
    ):
        scope.findings.add("MLS201", block.span_of("augment"), what="`augment`", got="features without an image", wanted="a feature that is an image",
                           hint="remove it")  # fmt: skip


def check_image(block: Block, features: Sequence[Definition], scope: Scope) -> None:
    """A network of images reads one, and nothing else (201)."""
    network = block.make("network")
    name = "" if network is None else network.name
    images = [each for each in features if each.value.type.name == "image"]
    others = [each for each in features if each.value.type.name not in ("image", "unknown")]
    if others or len(images) > 1:
        surplus = others[0] if others else images[1]
        scope.findings.add("MLS201", surplus.span, what=f"the input `{surplus.name}` of `{name}(…)`", got=f"beside `{images[0].name}`" if images else "no image",
                           wanted="one image and nothing else", hint=f"tag `{surplus.name}` with `@audit` to keep it out of the model" if images else "")  # fmt: skip
    elif not images and not any(each.value.type.name == "unknown" for each in features):
        scope.findings.add("MLS201", block.span_of("network"), what=f"what `{name}(…)` reads", got="features without one", wanted="a feature that is an image")  # fmt: skip
    elif name == "cnn" and images:
        assert network is not None
        check_fits(network, images[0], scope.findings)
    if name.startswith("timm."):
        _weights(block, scope)
    _hidden(block, images, scope)


def _hidden(block: Block, images: Sequence[Definition], scope: Scope) -> None:
    """What no report shows, no board does either (209)."""
    board = block.make("tensorboard")
    if board is None or not board.get("images"):
        return
    for source, name in sorted({column for image in images for column in image.value.columns}):
        column = scope.spec.column(source, name)
        tag = next((tag for tag in column.tags if tag == "protected" or tag.startswith("pii")), None) if column else None
        if tag is not None:
            scope.findings.add("MLS209", board.args["images"].span or board.span, what="`images` of a board", got=f"`{source}.{name}`, which is tagged `@{tag.partition('.')[0]}`",
                               wanted="`0`", hint="leave it out: a board shows pictures to whoever opens it")  # fmt: skip


def _weights(block: Block, scope: Scope) -> None:
    """Weights that are there already are a file with a digest, or one of a commit of the hub (209, 114); what a library would choose is none (901)."""
    made = block.make("network")
    assert made is not None
    given = [name for name in ("weights", "digest", "revision") if made.get(name) is not None]
    if not made.get("pretrained"):
        for name in given:
            scope.findings.add("MLS209", made.args[name].span or made.span, what=f"`{name}` of a network", got="set where nothing is pretrained",
                               wanted="`pretrained: true` beside it")  # fmt: skip
        return
    if "weights" not in given or "digest" not in given:
        scope.findings.add("MLS901", made.span, what=f"`{made.name}(…)` of `train {block.name}` with weights that the library chooses",
                           wanted='`weights: "models/net.safetensors", digest: sha256:…`')  # fmt: skip
        return
    from mlspec.spec.texts import check_pretrained

    check_pretrained(made, "weights", scope)


def check_fits(made: Made, image: Definition, findings: Findings) -> None:
    """Filters have a middle, and an image is as large as its halvings ask (209)."""
    shape = shape_of(image.value.type)
    kernel, stages = made.get("kernel"), made.get("channels")
    if isinstance(kernel, int) and kernel % 2 == 0:
        findings.add(
            "MLS209",
            made.args["kernel"].span or made.span,
            what="`kernel`",
            got=f"`{kernel}`, which has no middle",
            wanted="an odd number",
        )
    if not stages:
        findings.add(
            "MLS209",
            made.args["channels"].span or made.span,
            what="`channels`",
            got="none",
            wanted="at least one stage, `[16, 32]`",
        )
    elif shape is not None and shape[1] >> (len(stages) - 1) < 1:
        findings.add("MLS209", made.args["channels"].span or made.span, what=f"`channels` of {len(stages)} stages", got=f"an image of {shape[1]} pixels, which is halved {len(stages) - 1} times",
                           wanted=f"at most {shape[1].bit_length()} stages, or a larger image")  # fmt: skip
