"""The sheet that the modules of `lower` fill: the stages so far, and where each block's artifacts come from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mlspec.graph import KINDS, Resources, Stage, stage_id
from mlspec.spec.locked_rows import from_root
from mlspec.spec.model import Block, Spec
from mlspec.spec.values import Reference

_PLAIN = Resources()


class Sheet:
    """Stages by id. `prefix` leads from the project root to the spec's folder, in front of every path of the spec.

    `code` are the digests of the files of externs, by their paths in the spec; a file that cannot be read has none.
    """

    def __init__(self, spec: Spec, prefix: str, code: Mapping[str, str] | None = None) -> None:
        self.spec = spec
        self.prefix = prefix
        self.code = dict(code or {})
        self.stages: dict[str, Stage] = {}

    def add(
        self,
        block: str,
        kind: str,
        config: Mapping[str, Any],
        inputs: Mapping[str, str],
        *,
        step: str | None = None,
        outputs: Iterable[str] | None = None,
        after: Iterable[str] = (),
        resources: Resources = _PLAIN,
    ) -> str:
        """Add a stage and return its id; `outputs` are all that its kind always writes unless named."""
        row = KINDS[kind]
        names = [name for name in row.outputs if name not in row.optional] if outputs is None else list(outputs)
        written = {name: row.outputs[name] for name in names}
        name = stage_id(block, step or kind)
        self.stages[name] = Stage(name, kind, block, dict(config), dict(inputs), written, tuple(after), resources)
        return name

    def block(self, name: str) -> Block:
        """A block of the spec."""
        return self.spec.blocks[name]

    def path(self, path: str, folder: str = "") -> str:
        """A path of the spec, relative to the project root; of an imported block it starts in the `folder` of its file."""
        return from_root(self.prefix, folder, path)

    def source_of(self, frame: str) -> Block:
        """The source whose rows a block works on."""
        found = self.spec.spine(frame)
        if found is None:
            raise KeyError(frame)
        return found

    def rows(self, frame: str) -> str:
        """The rows artifact of a source, sampled where the source says so."""
        source = self.source_of(frame)
        output = "rows" if source.get("sample") is None else "sampled"
        return f"{self.made_by(source)}/{output}"

    def made_by(self, source: Block) -> str:
        """The stage that makes the rows of a source: it reads them, or computes them of others."""
        made = source.make("from")
        return stage_id(source.name, "step" if made is not None and made.group == "step" else "extract")

    def checked(self, frame: str) -> list[str]:
        """The stages that the readers of these rows wait for."""
        return [stage_id(self.source_of(frame).name, "verify")]

    def parts(self, part: Reference) -> str:
        """The parts artifact of the split that a part belongs to."""
        return f"{stage_id(part.block, 'split')}/parts"

    def values(self, features: str) -> str:
        """The values artifact of a features block."""
        return f"{stage_id(features, 'features')}/values"

    def package(self, model: str) -> str:
        """The package artifact of a model or search."""
        block = self.block(model)
        made_by = {"search": "search", "train": "train", "compress": "compress"}
        step = made_by.get(block.kind) or ("fetch" if block.get("estimator") is None else "fit")
        return f"{stage_id(model, step)}/package"
