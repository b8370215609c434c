"""Submit the pipeline to a server by kfp's own client; the run goes on there."""

from __future__ import annotations

import sys
import tempfile
import warnings
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from mlspec.backend import RunRequest, RunResult
from mlspec.backend.answers import error, error_of, not_begun
from mlspec.graph import Graph
from mlspec_kfp.emit import PIPELINE, emit
from mlspec_kfp.names import pipeline_name


def submit(request: RunRequest) -> RunResult:
    """Create a run on the server that the option `endpoint` names."""
    if request.only:
        return not_begun(request.project_root, [_whole()])
    if not request.options["image"]:
        return not_begun(request.project_root, [_no_image(request.graph)])
    emitted = emit(request.graph, {**request.options, "root": "."})
    if emitted.findings:
        return not_begun(request.project_root, [error_of(finding) for finding in emitted.findings])
    with tempfile.TemporaryDirectory(prefix="mlspec-kfp-") as folder:
        path = Path(folder) / PIPELINE
        path.write_text(emitted.files[PIPELINE])
        return _send(request, path)


def _send(request: RunRequest, path: Path) -> RunResult:
    from kfp_server_api.exceptions import ApiException
    from urllib3.exceptions import HTTPError

    endpoint, name = str(request.options["endpoint"]), pipeline_name(request.graph)
    try:
        run = _created(request, path, endpoint, name)
    except (ApiException, HTTPError, OSError) as problem:
        said = " ".join(str(getattr(problem, "reason", "") or problem).split())[:300]
        return not_begun(request.project_root, [error(
            "MLS809", f"the KFP server at {endpoint} did not take the run", expected="a server that answers", found=said,
            help="check the address, and that you may start runs there",
        )])  # fmt: skip
    url = f"{endpoint.rstrip('/')}/#/runs/details/{run}"
    summary = {"run": run, "spec": request.graph.spec, "submitted": True, "url": url, "exit_code": 0}
    return RunResult(run_id=run, folder=request.project_root, passed=True, summary=summary, text=f"submitted {name}: {url}\n")


def _created(request: RunRequest, path: Path, endpoint: str, name: str) -> str:
    """The id of a new run; the file says of each task whether it may be cached, so nothing is said about that here."""
    with warnings.catch_warnings(), redirect_stdout(sys.stderr):
        # The client says on standard output which pages it made, and warns of servers before version 2.
        warnings.simplefilter("ignore", FutureWarning)
        from kfp.client import Client

        namespace = str(request.options["namespace"]) or None
        client = Client(host=endpoint, namespace=namespace) if namespace else Client(host=endpoint)
        result: Any = client.create_run_from_pipeline_package(
            str(path), run_name=name, experiment_name=str(request.options["experiment"]) or name, namespace=namespace,
        )  # fmt: skip
    return str(result.run_id)


def _whole() -> dict[str, Any]:
    return error("MLS901", "a part of a pipeline cannot be submitted yet", expected="the whole pipeline", found="--only",
                 help="leave --only out, or run here: leave the option `endpoint` out")  # fmt: skip


def _no_image(graph: Graph) -> dict[str, Any]:
    return error(
        "MLS705", "the tasks have no image that a server can pull", graph.spec, expected="--option image=NAME@sha256:…", found="no image",
        help="build and push the folder that `mlspec compile --target kfp` writes, then name the image by its digest",
    )  # fmt: skip
