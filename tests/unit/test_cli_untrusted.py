"""`--untrusted`: specs of strangers get so much time and memory and no more, and what happened is said."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SPEC = ROOT / "specs/census_income.mlspec"
PROBE = """
import sys
from mlspec.cli import untrusted
from mlspec.cli.dispatch import dispatch
import mlspec.cli.check as check
untrusted.SECONDS = 1
plain = check.compilation
def act(options, path, **others):
    {act}
    return plain(options, path)
check.compilation = act
sys.exit(dispatch(["check", "--untrusted", *sys.argv[1:]]))
"""


def run(act: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-c", PROBE.format(act=act), *map(str, arguments)]
    return subprocess.run(words, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("command", [["check"], ["fmt", "--check"], ["diff", str(SPEC)]])
def test_it_says_what_it_says_without(command: list[str], tmp_path: Path) -> None:
    both = []
    for flags in ([], ["--untrusted"]):
        words = [sys.executable, "-m", "mlspec", *command, str(ROOT / "specs/penguins.mlspec"), *flags]
        done = subprocess.run(
            words, capture_output=True, text=True, cwd=tmp_path, env={"MLSPEC_NO_CACHE": "1", "PATH": "/usr/bin:/bin"}
        )
        both.append((done.returncode, done.stdout, done.stderr))
    assert both[0] == both[1]


def test_a_spec_that_takes_too_long_is_ended() -> None:
    done = run("while True: pass", SPEC)
    assert done.returncode == 1
    assert "takes longer than 1 seconds" in done.stderr


def test_each_spec_has_its_own_time(tmp_path: Path) -> None:
    """Together they take longer than one may."""
    specs = [tmp_path / f"{number}.mlspec" for number in range(6)]
    for spec in specs:
        spec.write_text((ROOT / "tests/cases/errors/MLS501/good.mlspec").read_text())
    spend = "import time; end = time.process_time() + 0.5\n    while time.process_time() < end: pass"
    done = run(spend, *specs)
    assert (done.returncode, done.stdout) == (0, "6 files: no findings\n"), done.stderr


def test_a_spec_that_takes_too_much_memory_is_ended() -> None:
    done = run("bytearray(2**30)", SPEC)
    assert done.returncode == 1
    assert "the memory is not enough" in done.stderr


def test_nothing_is_kept_of_it(tmp_path: Path) -> None:
    (tmp_path / "a.mlspec").write_text(SPEC.read_text())
    done = subprocess.run([sys.executable, "-m", "mlspec", "check", "--untrusted", "a.mlspec"], cwd=tmp_path)
    assert done.returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["a.mlspec"]


def test_a_wrong_flag_is_still_told() -> None:
    done = run("pass", "--nonsense")
    assert done.returncode == 2
    assert "unrecognized arguments" in done.stderr
