"""What each command may load: the check path stays small, whatever is installed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SPEC = ROOT / "specs" / "census_income.mlspec"

# semantics: these never load on the check path. numpy and the test tools follow from the same rule.
HEAVY = {
    "pandas", "numpy", "torch", "tensorflow", "keras", "kfp", "dvc", "mlflow", "typer", "rich", "jinja2", "google.protobuf", "sqlglot", "pydantic",
    "duckdb", "pyarrow", "sklearn", "scipy", "fastapi", "hyperopt", "optuna", "click", "pygls", "lsprotocol",
}  # fmt: skip

PROBE = """
import json, sys
import mlspec.cli
try:
    mlspec.cli.main({arguments!r})
except SystemExit as exit_:
    code = exit_.code
else:
    code = 0
sys.stderr.write("\\n" + json.dumps({{"code": code or 0, "modules": sorted(sys.modules)}}))
"""


def loaded(arguments: list[str], cwd: Path) -> tuple[int, set[str]]:
    """The exit code of a command and the modules that its process held at the end."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE.format(arguments=arguments)], capture_output=True, text=True, cwd=cwd, check=True
    )
    report = json.loads(done.stderr.rsplit("\n", 1)[-1])
    return int(report["code"]), set(report["modules"])


def test_a_diff_loads_nothing_heavy(tmp_path: Path) -> None:
    new = tmp_path / "new.mlspec"
    new.write_text(SPEC.read_text().replace(">= 0.88", ">= 0.84"))
    for format in ("text", "json", "markdown", "sarif", "github", "gitlab"):
        _, modules = loaded(["diff", str(SPEC), str(new), "--format", format], tmp_path)
        assert f"mlspec.diff.render.{format}" in modules
        assert not modules & (HEAVY | {"subprocess", "shutil", "asyncio", "socket", "mlspec.runtime"})


@pytest.mark.parametrize("arguments", [["check"], ["check", "--format", "json"], ["fmt", "--check"], ["plan"], ["graph"]])
def test_the_check_path_loads_nothing_heavy(arguments: list[str], tmp_path: Path) -> None:
    code, modules = loaded([*arguments, str(SPEC)], tmp_path)
    assert code == 0
    assert not modules & HEAVY


def test_importing_the_package_loads_nothing_heavy() -> None:
    probe = "import sys, mlspec, json; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert not set(json.loads(done.stdout)) & HEAVY


def test_importing_the_runtime_loads_no_compiler() -> None:
    probe = "import sys, json, mlspec.runtime.stage, mlspec.runtime.kinds; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    modules = set(json.loads(done.stdout))
    assert not modules & (HEAVY | {"lark", "mlspec.syntax", "mlspec.spec", "mlspec.diagnostics"})
