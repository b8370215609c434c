"""What a `compress` may ask of a network that reads an image, and of one that shall: a student reads what its teacher reads."""

from __future__ import annotations

from mlspec.spec.checks.reading import features_of
from mlspec.spec.findings import Findings
from mlspec.spec.images import check_fits, reads_images
from mlspec.spec.model import Block, Definition, Spec
from mlspec.spec.values import Made


def students_of_pictures(spec: Spec, findings: Findings) -> None:
    """901 and 201: the student of a network over an image is such a network too, with weights that it begins with by chance."""
    for block in spec.of_kind("compress"):
        made = block.make("distil")
        if made is None or made.name != "student":
            continue
        learner, network = spec.learned(block), made.get("network")
        image = next((feature for _, feature in features_of(spec, learner) if feature.value.type.name == "image"), None)
        if isinstance(network, Made):
            _network(block, network, learner, image, findings)
        elif image is not None:
            findings.add("MLS901", block.span_of("distil"), what=f"an estimator as the student of `{learner.name}`, which reads an image",
                         wanted="`student(network: cnn(…))`")  # fmt: skip


def _network(block: Block, network: Made, learner: Block, image: Definition | None, findings: Findings) -> None:
    span = network.span or block.span_of("distil")
    if reads_images(network.name) != (image is not None):
        got = f"`{network.name}(…)`, which reads {'an image' if image is None else 'no image'}"
        wanted = "a network for numbers, `mlp(…)`" if image is None else "`cnn(…)` or `timm.…`"
        findings.add("MLS201", span, what=f"the student of `{learner.name}`", got=got, wanted=wanted,
                     hint="a student reads what its teacher reads")  # fmt: skip
    elif image is not None and network.get("pretrained"):
        findings.add("MLS901", span, what="a student with pretrained weights", wanted="`pretrained: false`")
    elif image is not None and network.name == "cnn":
        check_fits(network, image, findings)


def ranges_by_request(spec: Spec, findings: Findings) -> None:
    """209: 8-bit convolutions whose ranges are those of each request are slower than floats."""
    for block in spec.of_kind("compress"):
        made, distil = block.make("quantise"), block.make("distil")
        network = spec.learned(block).make("network") if distil is None else distil.get("network")
        if made is not None and made.name == "dynamic_int8" and isinstance(network, Made) and network.name == "cnn":
            findings.add("MLS209", block.span_of("quantise"), what=f"`quantise` of `{block.name}`", got="`dynamic_int8()` of convolutions",
                         wanted="`static_int8(part: …)`", hint="ranges that are measured once make convolutions fast; those of each request make them slow")  # fmt: skip


CHECKS = (students_of_pictures, ranges_by_request)
