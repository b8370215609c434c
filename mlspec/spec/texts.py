"""What must hold of a network that reads a text: its heads share its width, and a pretrained model is named so that it is the same everywhere."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mlspec.spec.rules import refused_path

if TYPE_CHECKING:
    from mlspec.spec.model import Block
    from mlspec.spec.scope import Scope
    from mlspec.spec.values import Made

LIBRARY = "transformers"
_DIGEST = re.compile("[0-9a-f]{64}")
_COMMIT = re.compile("[0-9a-f]{40}")
_ON_HUB = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*")


def check_text_network(block: Block, scope: Scope) -> None:
    """Applies the rules of the network of a `train` block, where it reads a text."""
    made = block.make("network")
    if made is None:
        return
    if made.name == "text_transformer":
        _heads(made, scope)
    elif made.name.startswith(f"{LIBRARY}."):
        check_pretrained(made, "model", scope)


def _heads(made: Made, scope: Scope) -> None:
    """Each head has the same share of a word's numbers (209)."""
    size, heads = made.get("embedding"), made.get("heads")
    if isinstance(size, int) and isinstance(heads, int) and size % heads:
        scope.findings.add(
            "MLS209", made.args["heads"].span or made.span, what="`heads`", got=f"`{heads}` of an embedding of {size}",
            wanted="a number that divides the embedding", hint=f"for example `embedding: {max(1, round(size / heads)) * heads}`",
        )  # fmt: skip


def check_pretrained(made: Made, field: str, scope: Scope) -> None:
    """A digest for what is read, a commit for what is on the hub, and a path that means the same everywhere for what is not (209, 114)."""
    digest, revision, model = made.get("digest"), made.get("revision"), str(made.get(field))
    if isinstance(digest, str) and not _DIGEST.fullmatch(digest):
        scope.findings.add("MLS209", made.args["digest"].span or made.span, what="`digest`", got="what is no digest",
                           wanted="`sha256:` and 64 hexadecimal digits", hint="write any, and a run says which one it has found")  # fmt: skip
    if revision is None:
        if why := refused_path(model):
            hint = "write it relative to the spec: `models/small`; a name of the hub needs a `revision`"
            scope.findings.add("MLS114", made.args[field].span or made.span, name=model, why=why, hint=hint)
        return
    if not _COMMIT.fullmatch(str(revision)):
        scope.findings.add("MLS209", made.args["revision"].span or made.span, what="`revision`", got=f'"{revision}"',
                           wanted="a commit, 40 hexadecimal digits", hint="a branch or a tag is another model tomorrow")  # fmt: skip
    if not _ON_HUB.fullmatch(model):
        scope.findings.add("MLS209", made.args[field].span or made.span, what=f"`{field}` of the hub", got=f'"{model}"',
                           wanted="owner and name, as `\"google/bert_uncased_L-2_H-128_A-2\"`", hint="leave out `revision` for a folder of the project")  # fmt: skip
