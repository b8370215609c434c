"""Completion: what may stand at the cursor, in Python; then the shells themselves, typed into."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path

import pytest

from mlspec.cli import main
from mlspec.cli.completing import NAMED, SOURCES, UNKNOWN, candidates, source_of
from mlspec.cli.dispatch import COMMANDS, module_of, parser_of

SPEC = """mlspec 2026.1

param horizon: duration = 90d

param as_of: date = 2026-03-31

env dev {
  set tune.trials = 4
}

## Small and quick.
env nightly {
  set tune.trials = 9
}

serve api {
}

serve other_api {
}
"""
BIN = Path(sys.executable).parent


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("a.mlspec", "b c.mlspec", "deep/d.mlspec", "other.txt", ".hidden/e.mlspec"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(SPEC)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def values(line: str) -> list[str]:
    """The candidates of a line, `|` for each space that parts words."""
    return [item.value for item in candidates(line.split("|"))]


CASES = [
    ("", [*COMMANDS]),
    ("ch", ["check"]),
    ("nonsense|", []),
    ("check|", ["a.mlspec", "b c.mlspec", "deep/"]),
    ("check|a.mlspec|b", ["b c.mlspec"]),
    ("check|deep/", ["deep/d.mlspec"]),
    ("check|.h", [".hidden/"]),
    ("check|--fi", ["--fix", "--fix-all"]),
    ("check|--fix|--fix", ["--fix-all"]),
    ("check|--format|s", ["sarif"]),
    ("check|--format=s", ["--format=sarif"]),
    ("check|--|--fix", []),
    ("-C|de", ["deep/"]),
    ("-C|deep|ch", ["check"]),
    ("check|-C|", ["deep/"]),
    ("run|a.mlspec|--env|", ["dev", "nightly"]),
    ("run|a.mlspec|-p|as", ["as_of="]),
    ("run|a.mlspec|b", []),
    ("serve|a.mlspec#", ["a.mlspec#api", "a.mlspec#other_api"]),
    ("run|a.mlspec#", []),
    ("diff|--fail-on|b", ["breaking", "behaviour"]),
    ("diff|a.mlspec|b", ["b c.mlspec"]),
    ("parity|--targets|local,d", ["local,dvc"]),
    ("explain|MLS203", ["MLS203"]),
    ("schema|gat", ["gates"]),
    ("completion|", ["bash", "zsh", "fish", "words"]),
    ("infer|o", ["other.txt"]),
    ("check|missing/", []),
    ("run|missing.mlspec|--env|", []),
]


@pytest.mark.parametrize(("line", "expected"), CASES, ids=[line for line, _ in CASES])
def test_what_may_stand_at_the_cursor(line: str, expected: list[str]) -> None:
    assert values(line) == expected


def test_candidates_say_what_they_mean(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "words", "--", "run", "a.mlspec", "--env", "n"]) == 0
    assert capsys.readouterr().out == "nightly\tSmall and quick.\n"


def test_an_unfinished_spec_is_read_as_far_as_it_goes(project: Path) -> None:
    (project / "a.mlspec").write_text(SPEC + "source x {\n  from = csv(")
    assert values("run|a.mlspec|--env|") == ["dev", "nightly"]


def test_a_name_that_a_terminal_must_not_meet_is_not_offered(project: Path) -> None:
    (project / "x\x1b[2J\n.mlspec").write_text(SPEC)
    assert values("check|x") == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_argument_is_classified(command: str) -> None:
    """A new option says what its values are, or that nobody can know."""
    for action in parser_of(command, import_module(module_of(command)))._actions:
        if action.nargs == 0 or action.choices:
            continue
        name = action.metavar if isinstance(action.metavar, str) else action.dest.upper()
        assert source_of(action) or name in UNKNOWN, f"mlspec {command}: {name} is not in mlspec/cli/completing.py"
    assert not UNKNOWN & set(SOURCES)


def test_what_a_name_chooses_is_a_kind() -> None:
    from mlspec.spec import schema

    assert set(NAMED) <= set(COMMANDS)
    assert set(NAMED.values()) <= set(schema.kinds())


def test_words_of_bash_are_read_as_bash_reads_them(capsys: pytest.CaptureFixture[str]) -> None:
    for line, expected in (
        ("mlspec check b", "b\\ c.mlspec"), ("mlspec check b\\ ", "b\\ c.mlspec"), ('mlspec check "b c', "b\\ c.mlspec"),
        ("mlspec check --format=sa", "sarif"), ("mlspec check a.mlspec --forma", "--format"),
    ):  # fmt: skip
        assert main(["completion", "words", "--breaks= \t=:", f"--line={line}"]) == 0
        assert capsys.readouterr().out.partition("\t")[0] == expected, line


def test_completion_is_cheap() -> None:
    """It loads no more than the command that is completed."""
    probe = "import sys; from mlspec.cli import main; main(['completion', 'words', '--', 'check', '--f']); print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert "mlspec.cli.check" in done.stdout
    assert not any(
        f"'{name}'" in done.stdout
        for name in ("mlspec.spec", "mlspec.syntax", "mlspec.driver", "mlspec.cli.diff", "importlib.metadata")
    )


# ---- the shells themselves

START = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], "source <(mlspec completion bash)", "mlspec() { printf 'GOT[%s]\\n' \"$@\"; }"),
    "zsh": (["zsh", "-f", "-i"], "autoload -Uz compinit && compinit -u -D && source <(mlspec completion zsh)", "mlspec() { printf 'GOT[%s]\\n' \"$@\"; }"),
    "fish": (["fish", "--no-config", "-i"], "mlspec completion fish | source", "function mlspec; printf 'GOT[%s]\\n' $argv; end"),
}  # fmt: skip
TYPED = [
    ("mlspec expl\t", ["explain"]),
    ("mlspec check --format sar\t a\t", ["check", "--format", "sarif", "a.mlspec"]),
    ("mlspec run a.mlspec --env nig\t", ["run", "a.mlspec", "--env", "nightly"]),
    ("mlspec check b\t", ["check", "b c.mlspec"]),
    ("mlspec check dee\td\t", ["check", "deep/d.mlspec"]),
    ("mlspec serve a.mlspec#ot\t", ["serve", "a.mlspec#other_api"]),
    ("mlspec compile a.mlspec --target air\t", ["compile", "a.mlspec", "--target", "airflow"]),
]


class Terminal:
    """A shell in a terminal of its own, typed into as a person does."""

    def __init__(self, words: list[str], folder: Path) -> None:
        kept = {name: value for name, value in os.environ.items() if name in ("HOME", "LANG", "LC_ALL", "TMPDIR")}
        environment = {
            **kept,
            "PATH": f"{BIN}:/usr/bin:/bin",
            "TERM": "dumb",
            "PS1": "$ ",
            "XDG_CONFIG_HOME": str(folder),
            "HOME": str(folder),
        }
        self.child, self.screen = pty.fork()
        if self.child == 0:
            os.chdir(folder)
            os.execvpe(words[0], words, environment)
        self.said = ""

    def type(self, text: str) -> None:
        os.write(self.screen, text.encode())

    def wait_for(self, text: str, seconds: float = 30) -> None:
        """Read until the terminal shows a text."""
        end = time.monotonic() + seconds
        while text not in self.said:
            ready = select.select([self.screen], [], [], max(0.0, end - time.monotonic()))[0]
            assert ready, f"no {text!r} in {self.said!r}"
            self.said += os.read(self.screen, 65_536).decode(errors="replace").replace("\r", "")

    def calm(self) -> None:
        """Read until nothing more comes for a moment: the completion is done."""
        quiet = 1.0
        while select.select([self.screen], [], [], quiet)[0]:
            self.said += os.read(self.screen, 65_536).decode(errors="replace").replace("\r", "")

    def close(self) -> None:
        os.close(self.screen)
        os.waitpid(self.child, 0)


@pytest.mark.parametrize("shell", START)
def test_a_shell_completes_what_is_typed(shell: str, project: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed: apt-get install {shell}")
    words, source, stand_in = START[shell]
    terminal = Terminal(words, project)
    try:
        for line in (source, stand_in, "echo rea''dy"):
            terminal.type(f"{line}\n")
        terminal.wait_for("ready\n")
        for number, (typed, expected) in enumerate(TYPED):
            for part in typed.split("\t")[:-1]:
                terminal.type(f"{part}\t")
                terminal.calm()
            terminal.said = ""
            terminal.type(f" end{number}\n")
            terminal.wait_for(f"GOT[end{number}]")
            got = [line[4:-1] for line in terminal.said.splitlines() if line.startswith("GOT[")]
            assert got == [*expected, f"end{number}"], f"{typed!r}: {terminal.said!r}"
    finally:
        terminal.close()
