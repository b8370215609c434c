"""The tutorial: the module on the page, installed as anybody's, is a target that means what the others mean."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.docs.markdown import examples
from tests.support.distribution import install

PAGE = Path(__file__).parents[2] / "docs" / "targets" / "write-a-backend.md"
MLSPEC = Path(sys.executable).with_name("mlspec")


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which the page's module is installed."""
    site = tmp_path_factory.mktemp("site")
    blocks = examples(PAGE)
    module = next(block.text for block in blocks if block.words == ("module",))
    entry = tomllib.loads(next(block.text for block in blocks if block.language == "toml"))
    install(site, "mlspec-make", module, target="make", entry=entry["project"]["entry-points"]["mlspec.backends"]["make"])
    return {**os.environ, "PYTHONPATH": str(site)}


def said(make: dict[str, str], *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(MLSPEC), *arguments], cwd=cwd, env=make, capture_output=True, text=True, check=False)


def test_it_is_listed_with_what_it_can(make: dict[str, str], tmp_path: Path) -> None:
    done = said(make, "targets", "make", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "a Makefile with one rule a stage" in done.stdout
    assert "a rule that fails" in done.stdout


@pytest.mark.slow
@pytest.mark.e2e
@pytest.mark.parametrize("case", ["search_random", "gates_fail"])
def test_it_passes_the_suite(make: dict[str, str], tmp_path: Path, case: str) -> None:
    """One whose gate fails, slowly one with a search; `make test-slow` runs them all."""
    done = said(make, "parity", "--suite", "--case", case, "--targets", "local,make", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("ok ")


@pytest.mark.slow
def test_it_passes_the_whole_suite(make: dict[str, str], tmp_path: Path) -> None:
    done = said(make, "parity", "--suite", "--targets", "local,make", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.e2e
def test_a_target_that_means_something_else_is_found(make: dict[str, str], tmp_path: Path) -> None:
    """The same module with one thing wrong: it gives a stage the seed of another spec."""
    site = Path(make["PYTHONPATH"]).with_name("wrong")
    site.mkdir()
    module = (Path(make["PYTHONPATH"]) / "mlspec_make.py").read_text()
    wrong = module.replace("write_plan(graph).decode()", "write_plan(graph).decode().replace('\"seed\":1', '\"seed\":2')")
    assert wrong != module
    install(site, "mlspec-wrong", wrong.replace('name="make"', 'name="wrong"'), target="wrong")
    done = said(
        {**make, "PYTHONPATH": str(site)},
        "parity",
        "--suite",
        "--case",
        "split_chance",
        "--targets",
        "local,wrong",
        cwd=tmp_path,
    )
    assert done.returncode == 1
    assert "DIFFERS" in done.stdout
    assert "not as expected: wrong: by-chance-split/parts" in done.stderr
