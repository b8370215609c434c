"""`check` and `fmt` on hostile specs: no import, process, socket or write of theirs, and an end within 5 s and 512 MiB."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.fuzz.mutate import corpus, mutate_bytes, mutate_text
from tests.unit.test_syntax_limits import TABLE

ROOT = Path(__file__).parents[2]
INPUTS = 160
HEAD = 'mlspec 2026.1\n\nspec demo {\n  owner = "team-a"\n}\n\n'
SOURCE = 'source t {{\n  from = csv("t.csv")\n{columns}}}\n\n'


def child(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    """Runs tests/unit/hostile.py; `-S`-like isolation is its hook's work."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, "-m", "tests.unit.hostile", *arguments], capture_output=True, text=True, env=environment, timeout=120, cwd=ROOT
    )  # fmt: skip


def answers(files: list[Path]) -> dict[str, Any]:
    done = child([str(path) for path in files])
    assert done.returncode == 0, f"the child ended with {done.returncode}\n{done.stdout[-500:]}\n{done.stderr[-3000:]}"
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return report


def sound(report: dict[str, Any]) -> None:
    """Every command ended with "clean" or "found", never with a fault of mlspec itself."""
    assert report["violations"] == []
    odd = [result for result in report["results"] if result["code"] not in (0, 1)]
    assert not odd, odd[0]
    assert not [result for result in report["results"] if "Traceback" in result["said"]]


@pytest.mark.parametrize("what", ["import", "socket", "process", "fork", "write", "remove"])
def test_the_hook_sees_what_is_forbidden(what: str) -> None:
    assert child(["--provoke", what]).stdout.strip(), f"the hook let `{what}` pass"


def test_broken_specs_import_run_open_and_write_nothing(tmp_path: Path) -> None:
    rng = random.Random(7)
    seeds = corpus()
    (tmp_path / "mlspec.toml").touch()
    files = []
    for number in range(INPUTS):
        seed = rng.choice(seeds)
        data = mutate_text(seed, rng).encode("utf-8", "surrogatepass") if number % 4 else mutate_bytes(seed.encode(), rng)
        files.append(tmp_path / f"{number}.mlspec")
        files[-1].write_bytes(seed.encode() if number % 8 == 1 else data)
    report = answers(files)
    sound(report)
    assert len(report["results"]) == 2 * INPUTS
    assert {result["code"] for result in report["results"]} == {0, 1}


def doubled(levels: int) -> str:
    """Each feature reads the one before twice: 2 to the power of `levels` nodes."""
    lines = ["  f0 := t.a"] + [f"  f{n} := inputs.f{n - 1} + inputs.f{n - 1}" for n in range(1, levels)]
    return HEAD + SOURCE.format(columns="  a: float\n") + "features inputs {\n  frame = t\n" + "\n".join(lines) + "\n}\n"


def doubled_inside(levels: int) -> str:
    return doubled(levels).replace("inputs.f", "f")


def all_unknown(count: int) -> str:
    columns = "".join(f"  c{n:05}: int\n" for n in range(count))
    features = "".join(f"  f{n} := t.d{n:05}\n" for n in range(count))
    return HEAD + SOURCE.format(columns=columns) + "features inputs {\n  frame = t\n" + features + "}\n"


def many(count: int) -> str:
    return HEAD + "".join(f"param p{n}: int = {n}\n\n" for n in range(count))


CHECKED = {
    "doubling": doubled(60),
    "doubling inside": doubled_inside(60),
    "all unknown": all_unknown(4_500),
    "all twice": HEAD + SOURCE.format(columns="  a: int\n" * 20_000),
    "10,000 params": many(10_000),
    "unknown kinds": HEAD + "".join(f"kind{n} x{n} {{\n}}\n\n" for n in range(8_000)),
    "unknown fields": HEAD.replace("}", "".join(f"  field{n} = {n}\n" for n in range(10_000)) + "}"),
    "unknown functions": HEAD + SOURCE.format(columns="  a: int\n" + "".join(f"  x{n} := f{n}(a) > 1\n" for n in range(6_000))),
    "long sum of unknowns": HEAD
    + SOURCE.format(columns="  a: int\n  x := " + " + ".join(f"u{n}" for n in range(1_000)) + " > 1\n"),
    "itself": HEAD.replace("\n\nspec", '\n\nuse "./case.mlspec" as me\n\nspec'),
}


LARGE = {**{name: text for name, (text, _) in TABLE.items() if len(text) > 2_000}, **CHECKED}
SMALL = [text for text, _ in TABLE.values() if len(text) <= 2_000]


def test_small_texts_that_no_parser_likes(tmp_path: Path) -> None:
    (tmp_path / "mlspec.toml").touch()
    files = [tmp_path / f"{number}.mlspec" for number in range(len(SMALL))]
    for path, text in zip(files, SMALL, strict=True):
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
    sound(answers(files))


@pytest.mark.parametrize("name", LARGE)
def test_a_pathological_spec_ends_in_time(name: str, tmp_path: Path) -> None:
    """In a child of 512 MiB and 5 s of processor time; the slowest is to stay well below."""
    (tmp_path / "mlspec.toml").touch()
    path = tmp_path / "case.mlspec"
    path.write_bytes(LARGE[name].encode("utf-8", "surrogatepass"))
    report = answers([path])
    sound(report)
    slow = [result["seconds"] for result in report["results"] if result["seconds"] > 3]
    assert not slow, f"{name}: {slow}"


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mlspec.toml").touch()
    os.mkfifo(tmp_path / "pipe.mlspec")
    (tmp_path / "link.mlspec").symlink_to("/etc/hostname")
    with (tmp_path / "sparse.mlspec").open("wb") as file:
        file.truncate(2**30)
    report = answers([tmp_path / f"{name}.mlspec" for name in ("pipe", "link", "sparse")])
    assert report["violations"] == []
    assert {result["code"] for result in report["results"]} == {1}
