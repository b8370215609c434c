"""Run one stage function on a config, without store, plan or scheduler."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mlspec.runtime.context import StageContext


def run_stage_function(
    run: Callable[[StageContext], None],
    tmp_path: Path,
    kind: str,
    config: Mapping[str, Any],
    inputs: Mapping[str, Path] | None = None,
    *,
    block: str = "block",
    project_root: Path | None = None,
    workers: int = 1,
    spec_digest: str = "",
) -> Path:
    """Run `run` and return the folder that holds one folder per output."""
    outputs = tmp_path / f"out-{block}-{kind}"
    context = StageContext(
        stage_id=f"{block}-{kind}", kind=kind, block=block, config=config, project_root=project_root or tmp_path,
        input_folders=dict(inputs or {}), output_root=outputs, resume_root=tmp_path / "resume", workers=workers,
        spec_digest=spec_digest,
    )  # fmt: skip
    run(context)
    return outputs
