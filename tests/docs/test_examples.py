"""Every example in the docs is run: specs are checked, the tutorial is followed step by step."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mlspec.source import SourceFile
from mlspec.syntax import parse
from tests.docs.markdown import Example, examples, looks_like

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


@pytest.mark.parametrize("example", [one for one in SPECS if one.text.startswith("mlspec ")], ids=str)
def test_a_whole_spec_in_the_docs_checks(example: Example, tmp_path: Path) -> None:
    (tmp_path / "example.mlspec").write_text(example.text)
    done = subprocess.run([MLSPEC, "check", "example.mlspec"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def follow(steps: list[Example], folder: Path) -> None:
    """Run the shell blocks in order; a `text` block right behind one is what it must say."""
    environment = {**os.environ, "PATH": f"{MLSPEC.parent}:{os.environ['PATH']}", "COLUMNS": "160"}
    running: list[subprocess.Popen[str]] = []
    said = ""
    try:
        for step in steps:
            if step.language == "sh" and "background" in step.words:
                running.append(subprocess.Popen(["sh", "-c", "exec " + step.text], cwd=folder, env=environment, text=True))
                time.sleep(4)
            elif step.language == "sh":
                done = subprocess.run(["sh", "-c", step.text], cwd=folder, env=environment, capture_output=True, text=True)
                said = done.stdout + done.stderr
                wanted = int(next((word[5:] for word in step.words if word.startswith("exit=")), "0"))
                assert done.returncode == wanted, f"{step}\n{said}"
            elif step.language == "text":
                assert looks_like(step.text, said), f"{step}\nwanted\n{step.text}\nsaid\n{said}"
            elif step.language == "mlspec" and step.words:
                (folder / step.words[0]).write_text(step.text)
    finally:
        for process in running:
            process.send_signal(signal.SIGTERM)
            process.wait(40)


@pytest.mark.e2e
def test_the_tutorial_can_be_followed(tmp_path: Path) -> None:
    shutil.copy(ROOT / "specs/data/penguins.csv", tmp_path)
    follow(examples(ROOT / "docs/tutorial.md"), tmp_path)
