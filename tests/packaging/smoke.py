"""Build the wheel (through the sdist) and use it as a new user would, in an empty environment: `python -m tests.packaging.smoke`."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
NOT_CODE = ("*.json", "*.md", "*.j2", "*.css", "*.lark", "py.typed")


def run(*command: str | Path, cwd: Path, expect: int = 0) -> str:
    """Run a command, print it and what it said, and stop when its exit code is another than `expect`."""
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True)
    said = done.stdout + done.stderr
    print(f"$ {' '.join(Path(str(part)).name for part in command)}  → {done.returncode}")
    if done.returncode != expect:
        print(said)
        raise SystemExit(f"expected exit code {expect}, got {done.returncode}")
    return said


def needed() -> set[str]:
    """What a wheel must hold beside code: each data file of the package, and the grammar."""
    found = {str(path.relative_to(ROOT)) for pattern in NOT_CODE for path in (ROOT / "mlspec").rglob(pattern)}
    assert len(found) > 100, found
    return found | {"mlspec/grammar/mlspec.lark", "mlspec_local/__init__.py"}


def build(folder: Path) -> Path:
    """The wheel, made from the sdist, so that both are known to be whole."""
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT, cwd=ROOT)
    (wheel,) = folder.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    if missing := needed() - names:
        raise SystemExit(f"the wheel lacks {sorted(missing)}")
    return wheel


def main() -> None:
    """Build, install the core alone, check, explain; a run without its extra must name the install command."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wheel = build(folder / "dist")
        venv.create(folder / "venv", with_pip=True)
        python = folder / "venv/bin/python"
        run(python, "-m", "pip", "install", "--quiet", "-c", ROOT / "constraints.txt", wheel, cwd=folder)
        project = folder / "project"
        (project / "data").mkdir(parents=True)
        (project / "census.mlspec").write_text((ROOT / "specs/census_income.mlspec").read_text())
        (project / "data/census_income.parquet").write_bytes((ROOT / "specs/data/census_income.parquet").read_bytes())
        mlspec = folder / "venv/bin/mlspec"
        run(mlspec, "check", "census.mlspec", cwd=project)
        run(mlspec, "fmt", "--check", "census.mlspec", cwd=project)
        assert "pp" in run(mlspec, "explain", "MLS203", cwd=project)
        assert "flowchart" in run(mlspec, "graph", "census.mlspec", cwd=project)
        said = run(mlspec, "run", "census.mlspec", cwd=project, expect=1)
        assert "MLS812" in said and "pip install" in said, said
        assert "Traceback" not in said, said
    print("1 passed, 0 failed")


if __name__ == "__main__":
    main()
