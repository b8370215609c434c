"""Kill a real `mlspec run` at random moments, resume it, and compare what it made with an uninterrupted run.

    python -m tests.crash.kill_run specs/census_income.mlspec --env dev --kills 10 [--seed 1]

Each kill takes the runner, the server process or a worker with SIGKILL. Exit 0 when every resumed run ends with the digests of
the uninterrupted one (measurements apart) and no process is left after five seconds.
"""

from __future__ import annotations

import argparse
import json
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
from typing import Any

from mlspec.graph import Graph, read_plan
from mlspec.runtime.journal import read_journal
from mlspec.runtime.runs import run_folders, summaries
from mlspec.runtime.store import Store

MARK = "MLSPEC_KILL_RUN"
MLSPEC = [sys.executable, "-c", "import sys; from mlspec.cli import main; sys.exit(main())"]


@dataclass
class Trial:
    """A command that runs a project whose root is `root`, to be killed; `mark` finds its processes."""

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


@dataclass
class Whole:
    """What a complete run made: {stage/output: digest} without measurements, {stage: seconds}, its verdicts and its plan."""

    digests: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    gates: dict[str, dict[str, Any]] = field(default_factory=dict)
    graph: Graph | None = None
    exit_code: int = 0

    def measured(self) -> dict[str, bool]:
        """{gate: passed} of the gates whose value a clock gave: a busy machine may turn them."""
        return {name: gate["passed"] for name, gate in self.gates.items() if "load" in gate}

    def after_verdicts(self) -> set[str]:
        """The verdict stages and all that read them."""
        stages = list(self.graph) if self.graph else []
        verdicts = [stage.id for stage in stages if stage.kind == "verdict"]
        return {*verdicts, *(name for verdict in verdicts if self.graph for name in self.graph.downstream(verdict))}


def newest(root: Path) -> Whole:
    """The newest complete run below `root`."""
    for state in sorted(root.rglob(".mlspec")):
        for folder, summary in summaries(state.parent):
            stages = summary["stages"]
            digests = {
                f"{stage}/{name}": output["digest"]
                for stage, value in stages.items()
                for name, output in value["outputs"].items()
                if output["type"] != "measurements"
            }
            gates = {
                f"{block}.{gate['name']}": gate for block, verdict in summary["verdicts"].items() for gate in verdict["gates"]
            }
            seconds = {stage: value["seconds"] for stage, value in stages.items()}
            return Whole(digests, seconds, gates, read_plan((folder / "plan.json").read_bytes()), summary["exit_code"])
    return Whole()


def _started(root: Path, earlier: Path | None) -> set[str]:
    """The stages that a run newer than `earlier` has started."""
    folder = next(run_folders(Store(root)), None)
    if folder is None or folder == earlier:
        return set()
    return {record["stage"] for record in read_journal(folder / "journal.jsonl").records if record["event"] == "started"}


def _complete(root: Path) -> set[str]:
    return {json.loads(path.read_bytes())["stage"] for path in Store(root).stages.glob("*.json")}


def _depth(pid: int, runner: int) -> int:
    """How many forks lie between the runner and a process: 1 the server, 2 a stage's worker, more what a worker started."""
    depth = 0
    while pid not in (runner, 0, 1):
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            return 0
        depth += 1
    return depth if pid == runner else 0


def kill_once(trial: Trial, whole: Whole, chance: random.Random) -> str | None:
    """Start the command and kill one of its processes at a random moment; what was killed, or None when it ended before.

    The moment lies in a random stage, so that short stages are hit as often as long ones; sometimes before any.
    """
    left = sorted(set(whole.seconds) - _complete(trial.root))
    stage = chance.choice(left) if left and chance.random() < 0.9 else None
    earlier = next(run_folders(Store(trial.root)), None)
    runner = trial.start()
    while stage is not None and runner.poll() is None and stage not in _started(trial.root, earlier):
        time.sleep(0.005)
    time.sleep(chance.random() * min(whole.seconds[stage], 5.0) if stage else chance.random() * 0.5)
    if runner.poll() is not None:
        return None
    others = [pid for pid in trial.processes() if pid != runner.pid and _depth(pid, runner.pid) in (1, 2)]
    target = runner.pid if not others or chance.random() < 0.6 else chance.choice(others)
    try:
        os.kill(target, signal.SIGKILL)
    except ProcessLookupError:  # a worker that ended just now
        runner.kill()
        target = runner.pid
    runner.wait()
    return f"{'runner' if target == runner.pid else 'child'} in {stage or 'the beginning'}"


def kill_and_resume(trial: Trial, whole: Whole, kills: int, seed: int) -> list[str]:
    """Kill and resume until `kills` kills are done and the last run ended; the problems found."""
    chance = random.Random(seed)
    problems: list[str] = []
    done = 0
    while done < kills:
        # Killing the last stages over and over would leave the others alone: then the run goes to its end, and a new one begins.
        only_the_end = not set(whole.seconds) - _complete(trial.root) - whole.after_verdicts()
        if only_the_end and chance.random() < 0.5:
            trial.start().wait()
            killed = None
        else:
            killed = kill_once(trial, whole, chance)
        if killed is None:
            problems += differences(whole, newest(trial.root), done)
            shutil.rmtree(trial.root / ".mlspec")
            continue
        done += 1
        sys.stdout.write(f"kill {done}: {killed}\n")
        sys.stdout.flush()
        if not trial.wait_for_end():
            problems.append(f"after kill {done} processes are left: {trial.processes()}")
    code = trial.start().wait()
    if code != whole.exit_code and newest(trial.root).measured() == whole.measured():
        problems.append(f"the last run ended with exit status {code}")
    return problems + differences(whole, newest(trial.root), done)


def differences(whole: Whole, found: Whole, kills: int) -> list[str]:
    """Each artifact that differs. Where a measured gate turned, what is told of the verdict differs rightly: gates stand for it."""
    names = [name for name in sorted({*whole.digests, *found.digests}) if found.digests.get(name) != whole.digests.get(name)]
    problems = [f"after {kills} kills `{name}` is {found.digests.get(name)}, not {whole.digests.get(name)}" for name in names]
    turned = [name for name, passed in whole.measured().items() if found.measured().get(name) not in (passed, None)]
    if not turned:
        return problems
    sys.stdout.write(f"measured gates turned with the machine's load: {', '.join(turned)}\n")
    told = whole.after_verdicts()
    kept = [problem for name, problem in zip(names, problems, strict=True) if name.partition("/")[0] not in told]
    firm = [name for name in whole.gates if name not in whole.measured() and found.gates.get(name) != whole.gates[name]]
    return kept + [f"after {kills} kills the gate `{name}` differs" for name in firm]


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
    code = Trial(command, roots[0]).start().wait()
    whole = newest(roots[0])
    if not whole.digests or (code and all(whole.measured().values())):
        sys.stderr.write((place / "whole.log").read_text() + f"\nthe uninterrupted run ended with exit status {code}\n")
        return 1
    problems = kill_and_resume(Trial(command, roots[1]), whole, options.kills, options.seed)
    sys.stdout.write(
        "\n".join(problems or [f"{options.kills} kills, {len(whole.digests)} artifacts equal, no process left"]) + "\n"
    )
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
