"""What the server process imports before it forks starts no thread, and the scheduler itself imports none of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mlspec.graph import write_plan
from mlspec.runtime.kinds import PRELOAD
from tests.crash.toy import run_toy, toy_graph

HEAVY = {"numpy", "pandas", "pyarrow", "duckdb", "sklearn", "scipy", "rich", "pydantic", "jinja2", "asyncio", "multiprocessing"}


def _python(code: str, *arguments: str) -> str:
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("kinds", [("extract",), ("fit",), tuple(PRELOAD)])
def test_preloading_starts_no_thread(kinds: tuple[str, ...]) -> None:
    code = """
import json, os, sys
from importlib import import_module
from mlspec.runtime.environment import fingerprint, prepare_to_fork
prepare_to_fork()
for name in json.loads(sys.argv[1]):
    import_module(name)
assert fingerprint({})["blas"], "numpy is loaded, so the fingerprint names its BLAS"
print(len(os.listdir("/proc/self/task")))
"""
    names = list(dict.fromkeys(name for kind in kinds for name in PRELOAD[kind]))
    assert _python(code, json.dumps(names)).strip() == "1"


def test_a_rerun_imports_almost_nothing(tmp_path: Path) -> None:
    run_toy(tmp_path)
    (tmp_path / "plan.json").write_bytes(write_plan(toy_graph()))
    code = """
import json, sys
from pathlib import Path
from mlspec.backend import RunRequest
from mlspec.graph import read_plan
from mlspec_local import backend
root = Path(sys.argv[1])
result = backend.run(RunRequest(read_plan((root / "plan.json").read_bytes()), root, progress="rich"))
print(json.dumps([list(result.executed), sorted({name.partition(".")[0] for name in sys.modules})]))
"""
    executed, modules = json.loads(_python(code, str(tmp_path)))
    assert executed == [] and HEAVY.isdisjoint(modules), HEAVY & set(modules)
