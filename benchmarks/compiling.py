"""Figures of compiling for KFP, against the SDK's own compiler on the same pipeline, and how the time grows."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Figure, Used, compare_cpu, figure, run

PEERS = Path(__file__).parent / "peers"
BIN = Path(sys.executable).parent
EXPONENT = 1.15


def kfp_compile(n: int | None) -> Iterator[Figure]:
    """A spec of ten stages, then 1,000 stages side by side and in a row."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "mlspec.toml").write_text("")
        spec = Path(shutil.copy(PEERS / "ten.mlspec", folder))

        def ours() -> Used:
            shutil.rmtree(folder / ".mlspec", ignore_errors=True)  # no cache of the check helps
            return run((BIN / "mlspec", "compile", spec, "--target", "kfp", "--force"), cwd=folder)

        yield compare_cpu("kfp-ten", ours, lambda: _sdk("ten", 10, folder), 0.25, n or 9)
        for shape in ("wide", "deep"):
            command = (sys.executable, PEERS / "compile_graph.py", shape, "1000", folder)
            yield compare_cpu(
                f"kfp-1000-{shape}",
                lambda command=command: run(command),
                lambda shape=shape: _sdk(shape, 1000, folder),
                0.12,
                n or 3,
            )  # type: ignore[misc]


def _sdk(pipeline: str, stages: int, folder: Path) -> Used:
    """`kfp dsl compile` of the same pipeline."""
    file = "sdk_ten.py" if pipeline == "ten" else "sdk_graph.py"
    command = (BIN / "kfp", "dsl", "compile", "--py", PEERS / file, "--output", folder / "sdk.yaml")
    return run(command, env={"STAGES": str(stages), "SHAPE": pipeline})


def kfp_growth(n: int | None) -> Iterator[Figure]:
    """1,000 stages against 100, process start and imports left out: linear is 10, the goal is 10 to the power of 1.15."""
    with tempfile.TemporaryDirectory() as name:

        def seconds(shape: str, stages: int) -> float:
            command = (sys.executable, PEERS / "compile_graph.py", shape, str(stages), name, "warm")
            return float(run(command).said)

        for shape in ("wide", "deep"):
            pairs = [(seconds(shape, 1000), seconds(shape, 100)) for _ in range(n or 7)]
            yield figure(f"kfp-growth-{shape}", [large for large, _ in pairs], [small for _, small in pairs], 10**EXPONENT)
