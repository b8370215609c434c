"""Every example in the docs is run: specs are checked, the tutorial is followed step by step."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mlspec.source import SourceFile
from mlspec.syntax import parse
from tests.docs.markdown import Example, examples, looks_like
from tests.support.repository import commit, git

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "grammar/README.md"]
SPECS = [example for page in PAGES for example in examples(page) if example.language == "mlspec"]
MLSPEC = Path(sys.executable).with_name("mlspec")
HEADER = "mlspec 2026.1\n\n"


@pytest.mark.parametrize("example", SPECS, ids=str)
def test_a_spec_in_the_docs_parses(example: Example) -> None:
    """A whole file as it stands; statements of a file behind the edition line; lines of a block inside one."""
    text = example.text
    candidates = [text] if text.startswith("mlspec ") else [HEADER + text, HEADER + "spec example {\n" + text + "}\n"]
    findings = [parse(SourceFile(str(example), candidate))[1] for candidate in candidates]
    assert any(not found for found in findings), findings[0]


@pytest.mark.parametrize(
    "example", [one for one in SPECS if one.text.startswith("mlspec ") and "\nuse " not in one.text], ids=str
)
def test_a_whole_spec_in_the_docs_checks(example: Example, tmp_path: Path) -> None:
    (tmp_path / "example.mlspec").write_text(example.text)
    done = subprocess.run([MLSPEC, "check", "example.mlspec"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


class Follower:
    """Runs the shell blocks of a page in order; a `text` block right behind one is what it must say.

    The page serves on the port that the spec names; here that may be taken, so a free one stands in its place.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {**os.environ, "PATH": f"{MLSPEC.parent}:{os.environ['PATH']}", "COLUMNS": "160"}
        self.port = free_port()
        self.running: list[subprocess.Popen[str]] = []
        self.said = ""

    def step(self, example: Example) -> None:
        """One block: a command, what it must say, or a file."""
        if example.language == "sh" and "background" in example.words:
            self.begin(example.text)
        elif example.language == "sh":
            self.run(example)
        elif example.language == "text":
            assert looks_like(example.text, self.said), f"{example}\nwanted\n{example.text}\nsaid\n{self.said}"
        elif example.language in ("mlspec", "python", "toml", "csv") and example.words:
            (self.folder / example.words[0]).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / example.words[0]).write_text(example.text)

    def run(self, example: Example) -> None:
        """A command to its end, with the exit code that the page says, 0 where it says none."""
        text = example.text.replace("localhost:8080", f"localhost:{self.port}")
        done = subprocess.run(
            ["sh", "-c", text],
            cwd=self.folder,
            env=self.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self.said = done.stdout
        wanted = int(next((word[5:] for word in example.words if word.startswith("exit=")), "0"))
        assert done.returncode == wanted, f"{example}\n{self.said}"

    def begin(self, text: str) -> None:
        """A server, until it answers."""
        command = ["sh", "-c", f"exec {text.strip()} --port {self.port}"]
        process = subprocess.Popen(command, cwd=self.folder, env=self.environment, text=True)
        self.running.append(process)
        end = time.monotonic() + 120
        while not answers(self.port):
            assert process.poll() is None, f"`{text.strip()}` ended with exit code {process.returncode}"
            assert time.monotonic() < end, f"`{text.strip()}` does not answer"
            time.sleep(0.1)

    def stop(self) -> None:
        """End what was begun."""
        for process in self.running:
            process.send_signal(signal.SIGTERM)
            process.wait(40)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


@pytest.mark.e2e
def test_the_tutorial_can_be_followed(tmp_path: Path) -> None:
    shutil.copy(ROOT / "specs/data/penguins.csv", tmp_path)
    follower = Follower(tmp_path)
    try:
        for example in examples(ROOT / "docs/tutorial.md"):
            follower.step(example)
    finally:
        follower.stop()


def test_the_change_that_the_readme_shows(tmp_path: Path) -> None:
    """What README prints of a lowered threshold is what `mlspec diff main specs/` says in a repository."""
    spec = tmp_path / "specs" / "census_income.mlspec"
    spec.parent.mkdir()
    shutil.copy(ROOT / "specs" / "census_income.mlspec", spec)
    (tmp_path / "mlspec.toml").touch()
    git(tmp_path, "init", "-q")
    commit(tmp_path, "first")
    spec.write_text(spec.read_text().replace("auc(candidate)) >= 0.88", "auc(candidate)) >= 0.84"))
    done = subprocess.run([MLSPEC, "diff", "main", "specs/"], cwd=tmp_path, capture_output=True, text=True)
    shown = next(one for one in examples(ROOT / "README.md") if one.language == "text")
    assert shown.text.strip() in done.stdout, done.stdout + done.stderr
