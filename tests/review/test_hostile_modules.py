"""A checkout is a stranger's folder: no module in it is imported by the steps of the templates."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.review.test_gitlab import job
from tests.support.repository import branched

ROOT = Path(__file__).parents[2]
CHECK = ROOT / "review/github/check"
HOSTILE = (
    "venv.py", "pip/__init__.py", "pip/__main__.py", "json.py", "json/__init__.py", "site.py", "sitecustomize.py", "usercustomize.py",
    "ensurepip.py", "os.py", "encodings/__init__.py", "backend.py", "zipfile.py", "mlspec/__init__.py", "mlspec.py",
)  # fmt: skip

# A package that builds itself with nothing but the standard library, so that the whole of install.sh runs without a network.
_PROJECT = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
_BACKEND = """
import zipfile
from pathlib import Path

def build_wheel(folder, config_settings=None, metadata_directory=None):
    name = "mlspec_lang-0.1.0"
    parts = {
        "mlspec_mark.py": "IT = 1\\n",
        f"{name}.dist-info/METADATA": "Metadata-Version: 2.1\\nName: mlspec-lang\\nVersion: 0.1.0\\n",
        f"{name}.dist-info/WHEEL": "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    }
    parts[f"{name}.dist-info/RECORD"] = "".join(f"{part},,\\n" for part in parts) + f"{name}.dist-info/RECORD,,\\n"
    file = f"{name}-py3-none-any.whl"
    with zipfile.ZipFile(Path(folder) / file, "w") as wheel:
        for part, text in parts.items():
            wheel.writestr(part, text)
    return file
"""


def hostile(folder: Path) -> Path:
    """Modules that leave a file when they are imported."""
    proof = folder / "owned"
    for name in HOSTILE:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"open({str(proof)!r}, 'a').write({name + chr(10)!r})\n")
    return proof


def test_the_environment_is_made_without_a_module_of_the_checkout(tmp_path: Path) -> None:
    action = tmp_path / "action"
    (action / "review/github").mkdir(parents=True)
    shutil.copytree(CHECK, action / "review/github/check")
    (action / "pyproject.toml").write_text(_PROJECT)
    (action / "backend.py").write_text(_BACKEND)
    (action / "constraints.txt").write_text("")
    checkout, runner = tmp_path / "checkout", tmp_path / "runner"
    proof = hostile(checkout)
    runner.mkdir()
    done = subprocess.run(
        ["bash", str(action / "review/github/check/install.sh")], cwd=checkout, capture_output=True, text=True,
        env={**os.environ, "GITHUB_ACTION_PATH": str(action / "review/github/check"), "RUNNER_TEMP": str(runner), "PIP_NO_INDEX": "1"},
    )  # fmt: skip
    assert not proof.exists(), proof.read_text()
    assert done.returncode == 0, done.stderr
    subprocess.run([runner / "mlspec/bin/python", "-I", "-c", "import mlspec_mark"], check=True)


def test_the_job_of_gitlab_imports_no_module_of_the_checkout(tmp_path: Path) -> None:
    branched(tmp_path)
    proof = hostile(tmp_path)
    done = job(tmp_path)
    assert not proof.exists(), proof.read_text()
    assert done.returncode == 1, done.stderr
    assert (tmp_path / "gl-code-quality-report.json").stat().st_size > 2


@pytest.mark.parametrize("file", sorted((ROOT / "review").rglob("*.*")), ids=lambda path: path.name)
def test_every_python_is_isolated(file: Path) -> None:
    """`-I`, or `-sP` where a path is handed over on purpose."""
    if file.is_file():
        for call in re.findall(r"\bpython3?\"? +-\S+", file.read_text()):
            assert call.endswith((" -I", " -sP")), f"{file.name}: {call}"
