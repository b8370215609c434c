"""`python compile_graph.py wide|deep STAGES FOLDER`: a graph of stages that only write, compiled for KFP. Prints the CPU of that alone."""

import sys
import time
from pathlib import Path

from mlspec.graph import Graph, Stage
from mlspec.registry import load_backend


def graph(shape: str, count: int) -> Graph:
    """`wide`: one stage that all others read. `deep`: a chain."""
    stages = [Stage("s0", "write", "s0", {"text": "0"}, {}, {"file": "json"})]
    for number in range(1, count):
        before = number - 1 if shape == "deep" else 0
        config, inputs = {"text": str(number)}, {"a": f"s{before}/file"}
        stages.append(Stage(f"s{number}", "write", f"s{number}", config, inputs, {"file": "json"}))
    return Graph.of(stages)


def compiled(shape: str, count: int, folder: Path) -> float:
    """Build, emit, write; the seconds of CPU."""
    backend = load_backend("kfp")
    began = time.process_time()
    emitted = backend.emit(graph(shape, count), backend.read_options({"allow_oversize": "true"}))
    for name, text in emitted.files.items():
        (folder / name).write_text(text)
    return time.process_time() - began


if __name__ == "__main__":
    shape, count, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    if sys.argv[4:] == ["warm"]:
        compiled(shape, 10, folder)  # what is paid once is no part of how the time grows
    print(compiled(shape, count, folder))
