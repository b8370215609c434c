"""The public API: every name is there, loads when it is asked for, and costs nothing before."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import mlspec

ROOT = Path(__file__).parents[2]
PROBE = """
import json, sys
before = set(sys.modules)
import mlspec
imported = sorted(set(sys.modules) - before)
mlspec.check
print(json.dumps([imported, "mlspec.api" in sys.modules, "mlspec.driver" in sys.modules]))
"""


def test_importing_mlspec_imports_nothing_else() -> None:
    done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [["mlspec"], True, False]


def test_every_name_is_there() -> None:
    for name in mlspec.__all__:
        assert getattr(mlspec, name) is not None
        assert name in dir(mlspec)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = mlspec.nothing  # type: ignore[attr-defined]


def test_check_and_load_agree(tmp_path: Path) -> None:
    spec = ROOT / "specs" / "census_income.mlspec"
    assert not [found for found in mlspec.check(spec) if found.severity == "error"]
    assert mlspec.load(spec).ok
    broken = tmp_path / "broken.mlspec"
    broken.write_text(spec.read_text().replace("inputs.sex", "inputs.sxe"))
    with pytest.raises(mlspec.CompileError, match="MLS") as caught:
        mlspec.load(broken)
    assert [item.message for item in caught.value.diagnostics] == [item.message for item in mlspec.check(broken)]


def test_compile_gives_files_and_writes_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    files = mlspec.compile(ROOT / "specs" / "census_income.mlspec", "local")
    assert set(files) == {"plan.json"}
    assert not list(tmp_path.iterdir())
