"""A small project for the tests of the Airflow target, 300 rows, and the Airflow that they run under."""

from __future__ import annotations

import fcntl
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

DATA = Path(__file__).parent / "airflow"
BACKEND = Path(__file__).parents[2] / "backends" / "airflow"
SALT = "a-salt-of-the-tests"


def returns(folder: Path) -> Path:
    """A fresh project; its spec."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "mlspec.toml").write_text("")
    draw = random.Random(3)
    lines = ["number,price,weight,kind,returned"]
    for number in range(300):
        price, kind = round(draw.uniform(0, 500), 2), draw.choice(["shirt", "shoes", "hat"])
        weight = "" if number % 17 == 0 else str(round(draw.uniform(0.1, 3), 2))
        likely = price / 500 + (0.3 if kind == "shoes" else 0.0) + draw.gauss(0, 0.2)
        lines.append(f"r{number},{price},{weight},{kind},{'yes' if likely > 0.7 else 'no'}")
    (folder / "orders.csv").write_text("\n".join(lines) + "\n")
    return Path(shutil.copy(DATA / "returns.mlspec", folder))


def airflow_command() -> str:
    """Airflow's command: of MLSPEC_TEST_AIRFLOW, or of an environment made here once. Without either, the tests say how to get it.

    CI makes the environment; elsewhere it is 300 MB that nobody asked for.
    """
    given = os.environ.get("MLSPEC_TEST_AIRFLOW", "")
    if given:
        return given
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "mlspec-test-airflow-3.3.2"
    if not _complete(cache) and not os.environ.get("CI"):
        pytest.skip(
            f"no Airflow: set CI=true to let the tests make one, or MLSPEC_TEST_AIRFLOW to the command of one; {install(cache)}"
        )
    cache.parent.mkdir(parents=True, exist_ok=True)
    with cache.with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _complete(cache):
            _make(cache)
    return str(cache / "bin" / "airflow")


def install(folder: Path) -> str:
    """The command that makes the environment by hand."""
    return f"{sys.executable} -m venv {folder} && {folder}/bin/pip install -c {BACKEND / 'constraints.txt'} apache-airflow"


def _complete(folder: Path) -> bool:
    return (folder / "complete").is_file()


def _make(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "-c", str(BACKEND / "constraints.txt"), "apache-airflow"], check=True)
    (folder / "complete").touch()
