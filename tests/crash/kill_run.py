"""Kill a real `mlspec run` at random moments, resume it, and compare what it made with an uninterrupted run.

    python -m tests.crash.kill_run specs/census_income.mlspec --env dev --kills 10 [--seed 1]

Each kill takes the runner, the server process or a worker with SIGKILL. Exit 0 when every resumed run ends with the digests of
the uninterrupted one (measurements apart) and no process is left after five seconds.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mlspec.runtime.runs import summaries

MARK = "MLSPEC_KILL_RUN"
MLSPEC = [sys.executable, "-c", "import sys; from mlspec.cli import main; sys.exit(main())"]


@dataclass
class Trial:
    """A command that runs a project in `root`, to be killed; `mark` finds its processes."""

    command: Sequence[str]
    root: Path
    mark: str = field(default_factory=lambda: f"{os.getpid()}-{time.monotonic_ns()}")

    def start(self) -> subprocess.Popen[bytes]:
        """Start the command with its output in a file beside the project."""
        with (self.root.parent / f"{self.root.name}.log").open("ab") as log:
            environment = {**os.environ, MARK: self.mark}
            return subprocess.Popen(self.command, cwd=self.root, stdout=log, stderr=log, env=environment)

    def processes(self) -> list[int]:
        """The live processes of this trial, by their environment."""
        wanted = f"{MARK}={self.mark}".encode()
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and _has(entry, wanted):
                found.append(int(entry.name))
        return found

    def wait_for_end(self, seconds: float = 5.0) -> bool:
        """Whether no process of the trial is left within `seconds`."""
        deadline = time.monotonic() + seconds
        while self.processes():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True


def _has(process: Path, wanted: bytes) -> bool:
    try:
        return wanted in (process / "environ").read_bytes().split(b"\0")
    except OSError:  # gone, a zombie, or another user's
        return False


def digests(root: Path) -> dict[str, str]:
    """{stage/output: digest} of the newest complete run below `root`, measurements apart."""
    for state in sorted(root.rglob(".mlspec")):
        for _, summary in summaries(state.parent):
            return {
                f"{stage}/{name}": output["digest"]
                for stage, value in summary["stages"].items()
                for name, output in value["outputs"].items()
                if output["type"] != "measurements"
            }
    return {}


def kill_once(trial: Trial, after: float, chance: random.Random) -> str | None:
    """Start the command, kill one of its processes `after` seconds; what was killed, or None when it had ended by itself."""
    runner = trial.start()
    try:
        runner.wait(after)
    except subprocess.TimeoutExpired:
        pass  # still running: that is what the kill is for
    else:
        return None
    others = sorted(set(trial.processes()) - {runner.pid})
    target = runner.pid if not others or chance.random() < 0.6 else chance.choice(others)
    try:
        os.kill(target, signal.SIGKILL)
    except ProcessLookupError:  # a worker that ended just now
        runner.kill()
        target = runner.pid
    runner.wait()
    return "runner" if target == runner.pid else "child"


def kill_and_resume(trial: Trial, whole: dict[str, str], kills: int, seconds: float, seed: int) -> list[str]:
    """Kill and resume until `kills` kills are done and the last run ended; the problems found."""
    chance = random.Random(seed)
    problems: list[str] = []
    done = 0
    while done < kills:
        killed = kill_once(trial, chance.uniform(0.02, 0.9) * seconds, chance)
        if killed is None:
            problems += _compare(trial, whole, done)
            for state in trial.root.rglob(".mlspec"):
                shutil.rmtree(state)
            continue
        done += 1
        sys.stdout.write(f"kill {done}: {killed}\n")
        sys.stdout.flush()
        if not trial.wait_for_end():
            problems.append(f"after kill {done} processes are left: {trial.processes()}")
    if code := trial.start().wait():
        problems.append(f"the last run ended with exit status {code}")
    return problems + _compare(trial, whole, done)


def _compare(trial: Trial, whole: dict[str, str], kills: int) -> list[str]:
    found = digests(trial.root)
    names = sorted({*whole, *found})
    return [
        f"after {kills} kills `{name}` is {found.get(name)}, not {whole.get(name)}"
        for name in names
        if found.get(name) != whole.get(name)
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash.kill_run", description="Kill and resume a real run.")
    parser.add_argument("spec", type=Path)
    parser.add_argument("--env")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="mlspec-kill-") as place:
        return _run(options, Path(place))


def _run(options: argparse.Namespace, place: Path) -> int:
    command = [*MLSPEC, "run", options.spec.name, *(["--env", options.env] if options.env else [])]
    roots = [place / "whole", place / "killed"]
    for root in roots:
        shutil.copytree(options.spec.parent, root, ignore=shutil.ignore_patterns(".mlspec"))
    started = time.monotonic()
    code = Trial(command, roots[0]).start().wait()
    seconds = time.monotonic() - started
    whole = digests(roots[0])
    if code or not whole:
        sys.stderr.write((place / "whole.log").read_text() + f"\nthe uninterrupted run ended with exit status {code}\n")
        return 1
    problems = kill_and_resume(Trial(command, roots[1]), whole, options.kills, seconds, options.seed)
    sys.stdout.write("\n".join(problems or [f"{options.kills} kills, {len(whole)} artifacts equal, no process left"]) + "\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
