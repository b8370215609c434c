"""`mlspec run --target dvc`: write the files, `dvc repro` them, read what came of it from what the stages left."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlspec.backend import Compiled, CompiledError, RunRequest, RunResult, write_compiled
from mlspec.backend.answers import error, error_of, not_begun
from mlspec.backend.scheduler import run_logged
from mlspec.diagnostics import code
from mlspec_dvc import layout
from mlspec_dvc.emit import emit
from mlspec_dvc.repository import environment, installed, repository
from mlspec_dvc.results import outcome

LOG = Path(".mlspec/dvc/log.txt")


def run(request: RunRequest) -> RunResult:
    """Run what the request asks for; nothing is initialised that the project does not have."""
    root = request.project_root.resolve()
    folder = root / "build" / "dvc" / request.graph.spec
    problem = _without_repository(root) or _compile(request, folder)
    if problem:
        return not_begun(folder, problem)
    with tempfile.TemporaryDirectory(prefix="mlspec-dvc-") as reports:
        status, log = _repro(request, root, folder, Path(reports))
        return outcome(request, folder, Path(reports), status, log)


def _without_repository(root: Path) -> list[Mapping[str, Any]]:
    if not installed():
        return [error("MLS812", "the target `dvc` needs the library `dvc`, which is not installed", expected="dvc", found="no dvc",
                     help="install it: pip install 'mlspec-lang[dvc]'")]  # fmt: skip
    if repository(root) is None:
        first = "" if (root / ".git").exists() else "git init && "
        return [error("MLS704", f"`{root}` is no DVC repository", expected="a folder `.dvc` in it or above it", found="none",
                     help=f"make it one, once: cd {root} && {first}dvc init (without git: dvc init --no-scm)")]  # fmt: skip
    return []


def _compile(request: RunRequest, folder: Path) -> list[Mapping[str, Any]]:
    """Write the files as `mlspec compile` does; the errors that keep it from that."""
    emitted = emit(request.graph, request.options)
    errors: list[Mapping[str, Any]] = [
        error_of(finding) for finding in emitted.findings if code(finding.code).severity == "error"
    ]
    if errors:
        return errors
    compiled = Compiled.of("dvc", request.spec_path, request.graph.spec_digest, emitted, request.env, request.params)
    try:
        write_compiled(folder, compiled, emitted)
    except CompiledError as refused:
        return [error("MLS809", refused.message, expected=refused.expected, found=refused.found, help=refused.help)]
    return []


def _repro(request: RunRequest, root: Path, folder: Path, reports: Path) -> tuple[int, Path]:
    """`dvc repro` of everything, or of the stages asked for; its words go to a log, and to the terminal when somebody looks."""
    pipeline = (folder / layout.PIPELINE).relative_to(root).as_posix()
    targets = [f"{pipeline}:{name}" for name in request.only] or [pipeline]
    wait = ["--wait-for-lock"] if request.wait else []
    command = [sys.executable, "-m", "dvc", *wait, "repro", "--keep-going", *targets]
    given = {**environment(), "MLSPEC_STAGE_REPORTS": str(reports), "PYTHONUNBUFFERED": "1"}
    log = root / LOG
    log.parent.mkdir(parents=True, exist_ok=True)
    return run_logged(command, log, lambda line: _tell(request, line), cwd=root, environment=given), log


def _tell(request: RunRequest, line: str) -> None:
    if request.progress != "none" and (shown := _shown(line)):
        sys.stderr.write(shown)


def _shown(line: str) -> str:
    """What of DVC's words says how far the run is."""
    if line.startswith("Running stage"):
        stage = line.rstrip().removesuffix("':").rpartition(":")[2]
        return f"  start {stage}\n"
    return line if line.startswith("WARNING") else ""
