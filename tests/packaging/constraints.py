"""Freeze a fresh environment into constraints.txt: `python -m tests.packaging.constraints`."""

from __future__ import annotations

import subprocess
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).parents[2]
# kfp 2.17 pins these exactly or below a major version; they stay where it can join the environment.
HELD = [
    "protobuf<7",
    "requests==2.33.0",
    "urllib3==2.7.0",
    "pandas<3",
    "pandas-stubs<3",
    "psutil<6",
    "setuptools<81",
    "torch==2.13.0",
]
HEAD = """\
# Versions that work together, tested in one environment. Every install in this repository uses it: pip install -c constraints.txt …
# Made by `make constraints` (the freeze of a fresh environment). kfp pins requests and urllib3 exactly and protobuf below 7,
# so these three stay where kfp can join.
"""


def main() -> None:
    """Install every extra into an empty environment and write what came."""
    with tempfile.TemporaryDirectory() as name:
        venv.create(name, with_pip=True)
        pip = [f"{name}/bin/python", "-m", "pip", "--disable-pip-version-check"]
        subprocess.run([*pip, "install", "--quiet", *HELD, f"{ROOT}[all,torch,tensorflow,ray,dev]"], check=True)
        frozen = subprocess.run([*pip, "freeze"], check=True, capture_output=True, text=True).stdout
    lines = sorted((line for line in frozen.splitlines() if not line.startswith("mlspec")), key=str.lower)
    (ROOT / "constraints.txt").write_text(HEAD + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
