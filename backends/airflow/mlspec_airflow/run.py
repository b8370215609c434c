"""Run the pipeline here: `airflow dags test` in an Airflow environment of its own, with its database below the project's state."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from mlspec.backend import RunRequest, RunResult
from mlspec.backend.answers import error, error_of, not_begun
from mlspec.backend.scheduler import alone, next_folder, run_logged, wanted
from mlspec.graph import Graph
from mlspec_airflow.emit import check_names, files_of
from mlspec_airflow.results import read_outcome
from mlspec_airflow.settings import Settings, check_settings

STATE = Path(".mlspec/airflow")
KNOWN = ("3.3.",)
INSTALL = "python3 -m venv AIRFLOW && AIRFLOW/bin/pip install -c backends/airflow/constraints.txt apache-airflow, then --option airflow=AIRFLOW/bin/airflow"
_STARTED = re.compile(r"\[DAG TEST\] starting task_id=([a-z0-9-]+)")


def run_here(request: RunRequest) -> RunResult:
    """Run what the request asks for below the project root."""
    graph = wanted(request)
    settings = Settings.of(
        {**request.options, "python": sys.executable, "project": str(request.project_root.resolve()), "state": str(STATE)}
    )
    findings = [*check_settings(settings, graph.spec), *check_names(graph)]
    if findings:
        return not_begun(request.project_root, [error_of(finding) for finding in findings])
    state = request.project_root.resolve() / STATE
    with alone(state / "run.lock", wait=request.wait) as held:
        if not held:
            busy = error("MLS811", "another airflow run of this project is going on", expected="one at a time", found=str(state / "run.lock"),
                        help="wait for it to end (`--wait`)")  # fmt: skip
            return not_begun(state, [busy])
        return _run(request, graph, settings, state)


def _run(request: RunRequest, graph: Graph, settings: Settings, state: Path) -> RunResult:
    airflow = _Airflow(str(request.options["airflow"]), state / "home")
    refused = airflow.prepare()
    if refused is not None:
        return not_begun(state, [refused])
    folder = next_folder(state / "runs")
    relative = folder.relative_to(request.project_root.resolve()).as_posix()
    files, _ = files_of(graph, replace(settings, runs=f"{relative}/run"))
    dags = folder / "dags"
    dags.mkdir()
    for name, text in files.items():
        (dags / name).write_text(text, encoding="utf-8")
    code = airflow.test(graph.spec, dags, folder / "log.txt", quiet=request.progress == "none")
    return read_outcome(graph, folder, code)


class _Airflow:
    """An Airflow of its own: its command, and a home with a SQLite database that no other Airflow sees."""

    def __init__(self, command: str, home: Path) -> None:
        self.command = shutil.which(command) or ""
        self.asked = command
        self.home = home

    def prepare(self) -> Mapping[str, object] | None:
        """Make the database, once a version; the error of a run when that cannot be."""
        if not self.command:
            return error(
                "MLS812",
                f"there is no command `{self.asked}`",
                expected="Airflow 3.3 in an environment of its own",
                found="nothing",
                help=INSTALL,
            )
        version = self._say("version")
        if not version.startswith(KNOWN):
            return error(
                "MLS703",
                f"target `airflow` does not know version {version or '?'}",
                expected="3.3",
                found=version or "no version",
                help=INSTALL,
            )
        marker = self.home / "migrated"
        if not marker.is_file() or marker.read_text() != version:
            self.home.mkdir(parents=True, exist_ok=True)
            if self._call("db", "migrate", log=self.home / "migrate.log"):
                return error("MLS812", "Airflow cannot make its database", expected="`airflow db migrate` to end well", found="an error",
                            help=f"its log: {self.home / 'migrate.log'}")  # fmt: skip
            marker.write_text(version)
        return None

    def test(self, dag_id: str, dags: Path, log: Path, *, quiet: bool) -> int:
        """One run of a DAG, without a scheduler; its exit status."""
        return self._call("dags", "test", dag_id, log=log, dags=dags, quiet=quiet)

    def _say(self, *arguments: str) -> str:
        """The last line of what a command says; Airflow may log before it."""
        done = subprocess.run([self.command, *arguments], env=self._environment(self.home), stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, errors="replace", check=False)  # fmt: skip
        return (done.stdout.strip().splitlines() or [""])[-1].strip()

    def _call(self, *arguments: str, log: Path, dags: Path | None = None, quiet: bool = True) -> int:
        def hear(line: str) -> None:
            found = None if quiet else _STARTED.search(line)
            if found:
                sys.stderr.write(f"{found.group(1)}\n")

        return run_logged([self.command, *arguments], log, hear, environment=self._environment(dags or self.home))

    def _environment(self, dags: Path) -> dict[str, str]:
        """Ours without anything of another Airflow, and without our packages."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "PYTHON", "VIRTUAL_ENV"))}
        own = {
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "300",
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
            "NO_COLOR": "1",
        }
        return {**kept, **own}
