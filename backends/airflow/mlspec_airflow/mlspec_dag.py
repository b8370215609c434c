"""Airflow 3: one DAG of the whole pipeline and one for each of its schedules, from `airflow.json` and `plan.json` beside this file.

mlspec wrote this file. Its bytes are the same for every pipeline: nothing is filled in, so nothing in a spec can become code here.
A task runs one stage by `python -m mlspec.runtime` under an interpreter of its own; Airflow and mlspec share no packages.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import logging
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from airflow.sdk import (
    DAG,
    BaseOperator,
    CronTriggerTimetable,
    DeadlineAlert,
    DeadlineReference,
    DeltaTriggerTimetable,
    SyncCallback,
    get_parsing_context,
)
from airflow.sdk.exceptions import AirflowException, AirflowFailException

FOLDER = Path(__file__).resolve().parent
FORMAT = 1
# What a second attempt cannot mend: no GPU, corrupt bytes, a missing package, a failed gate, a bug.
FINAL = {"MLS704", "MLS808", "MLS812", "MLS815", "internal"}
ERROR = re.compile(r"error\[([A-Za-z0-9]+)\]")
PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
UNPRINTED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


class PipelineError(Exception):
    """The files beside this one cannot be read; Airflow shows the message as the import error of the DAG."""


def read_settings(folder: Path) -> dict[str, Any]:
    """The content of `airflow.json`, checked, together with the digest of `plan.json`."""
    settings = read_json(folder / "airflow.json")
    if not isinstance(settings, dict) or settings.get("format") != FORMAT:
        raise PipelineError(
            f"{folder / 'airflow.json'} is not of format {FORMAT}: compile the spec with this version of mlspec"
        )
    found = hashlib.sha256(read_bytes(folder / "plan.json")).hexdigest()
    if found != settings.get("plan"):
        raise PipelineError(f"{folder / 'plan.json'} is not the plan that airflow.json was written with: copy all files again")
    for dag in settings["dags"]:
        missing = sorted(set(dag["stages"]) - set(settings["tasks"]))
        if missing:
            raise PipelineError(f"{folder / 'airflow.json'} names stages that it does not have: {', '.join(missing)}")
    return settings


def read_json(path: Path) -> Any:
    try:
        return json.loads(read_bytes(path))
    except (ValueError, RecursionError) as error:
        raise PipelineError(f"{path} is no JSON ({error}): compile the spec again, and copy all files") from None


def read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise PipelineError(f"{path} cannot be read ({error.strerror}): it belongs beside {Path(__file__).name}") from None


def plain(text: str) -> str | None:
    """A text of the spec for the web page: Markdown that shows it as it is, and no path for Airflow to open."""
    return None if not text.strip() else PUNCTUATION.sub(r"\\\1", UNPRINTED.sub(" ", text)) + "\n"


def folder_of(run_id: str) -> str:
    """The name of a run's folder: what the id says where a file name may, and a digest that keeps ids apart."""
    words = re.sub(r"[^A-Za-z0-9_-]+", "-", run_id)[:80]
    return f"{words}-{hashlib.sha256(run_id.encode()).hexdigest()[:12]}"


def secret_of(name: str) -> str | None:
    """A secret by the name that the spec gives it: the worker's environment, else an Airflow variable, else a connection's password."""
    if os.environ.get(name):
        return os.environ[name]
    from airflow.sdk.log import mask_secret

    for find in (variable_of, password_of):
        try:
            value = find(name)
        except Exception as error:
            # Each secrets backend has errors of its own; without a value the stage says which variable it misses.
            logging.getLogger(__name__).warning("%s: %s", name, type(error).__name__)
            continue
        if value:
            mask_secret(value)
            return value
    return None


def variable_of(name: str) -> str | None:
    from airflow.sdk import Variable

    value: str | None = Variable.get(name, default=None)
    return value


def password_of(name: str) -> str | None:
    from airflow.sdk import Connection

    password: str | None = Connection.get(name).password
    return password


class StageOperator(BaseOperator):
    """One stage in a process of its own. No field is a template: Airflow renders nothing that comes from a spec."""

    template_fields = ()
    template_ext = ()

    def __init__(self, *, stage: str, kind: str, secrets: list[str], workers: int, **options: Any) -> None:
        super().__init__(**options)
        self.custom_operator_name = kind
        self.stage = stage
        self.secrets = secrets
        self.workers = workers
        self._process: Any = None

    def execute(self, context: Any) -> None:
        settings = read_settings(FOLDER)
        project = (FOLDER / settings["project"]).resolve()
        state = project / settings["state"]
        run = project / settings["runs"] / context["dag"].dag_id / folder_of(context["run_id"])
        command = [
            settings["python"], "-m", "mlspec.runtime", self.stage,
            "--plan", str(self._plan(run)), "--root", str(project), "--artifacts", str(run / "artifacts"), "--store", str(state / "store"),
            "--resume", str(state / "resume" / context["dag"].dag_id / self.stage), "--workers", str(self.workers), "--guard",
        ]  # fmt: skip
        self._run(command, project, run / "ended")

    def _plan(self, run: Path) -> Path:
        """The plan that the run began with: a run whose files are replaced half-way goes on as it began."""
        kept = run / "plan.json"
        if not kept.exists():
            kept.parent.mkdir(parents=True, exist_ok=True)
            beside = kept.with_name(f".plan-{os.getpid()}-{self.stage}")
            beside.write_bytes(read_bytes(FOLDER / "plan.json"))
            beside.replace(kept)
        return kept

    def _run(self, command: list[str], project: Path, ended: Path) -> None:
        import subprocess

        codes: set[str] = set()
        with subprocess.Popen(
            command, cwd=project, env=self._environment(ended), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, encoding="utf-8", errors="backslashreplace", start_new_session=True,
        ) as self._process:  # fmt: skip
            try:
                for line in self._process.stdout:
                    codes.update(ERROR.findall(line))
                    self.log.info("%s", line.rstrip("\n"))
                status = self._process.wait()
            finally:
                self.on_kill()
        if status:
            final = sorted(codes & FINAL)
            raise (AirflowFailException if final else AirflowException)(
                f"{self.stage} ended with {status} {' '.join(sorted(codes))}".strip()
            )

    def _environment(self, ended: Path) -> dict[str, str]:
        """The worker's variables without Airflow's own, which hold its secrets, and with those that the stage names."""
        own = ("AIRFLOW", "PYTHON", "VIRTUAL_ENV")
        kept = {name: value for name, value in os.environ.items() if not name.lstrip("_").startswith(own)}
        found = {name: secret_of(name) for name in self.secrets}
        ours = {"MLSPEC_STAGE_REPORTS": str(ended), "PYTHONSAFEPATH": "1", "PYTHONUNBUFFERED": "1"}
        return {**kept, **{name: value for name, value in found.items() if value}, **ours}

    def on_kill(self) -> None:
        """End the stage with everything that it started."""
        import signal

        if self._process is not None:
            try:
                os.killpg(self._process.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                self.log.debug("nothing of the stage is left")


def tell(channel: dict[str, Any], what: str, context: Any = None) -> None:
    """Tell a channel of the spec that a run failed, or did not end in time."""
    dag_id, run_id = run_of((context or {}).get("dag_run"))
    logging.getLogger("mlspec").error("%s: DAG %s, run %s", what, dag_id, run_id)
    if channel["kind"] == "webhook":
        post(channel["variable"], {"what": what, "dag": dag_id, "run": run_id})


def run_of(run: Any) -> tuple[str, str]:
    """The ids of a run: callbacks of runs get an object, those of deadlines what the REST API says of it."""
    if isinstance(run, dict):
        return str(run.get("dag_id", "")), str(run.get("dag_run_id", ""))
    return str(getattr(run, "dag_id", "")), str(getattr(run, "run_id", ""))


def post(variable: str, body: dict[str, Any]) -> None:
    """POST JSON to an address that is a secret: no message repeats it."""
    import urllib.error
    import urllib.request

    address = secret_of(variable) or ""
    if not address.startswith(("https://", "http://")):
        logging.getLogger("mlspec").error("%s holds no http address: nobody was told", variable)
        return
    request = urllib.request.Request(address, json.dumps(body).encode(), {"content-type": "application/json"}, method="POST")  # noqa: S310
    try:
        urllib.request.urlopen(request, timeout=30).close()  # noqa: S310
    except (urllib.error.URLError, OSError, ValueError) as error:
        logging.getLogger("mlspec").error("the channel did not answer: %s", type(error).__name__)


def tell_failure(channel: dict[str, Any]) -> Callable[[Any], None]:
    """The callback of a run that failed."""
    return lambda context: tell(channel, "a run failed", context)


def times_of(dag: dict[str, Any]) -> Any:
    if dag["cron"] is not None:
        return CronTriggerTimetable(dag["cron"], timezone=dag["zone"])
    return None if dag["every"] is None else DeltaTriggerTimetable(datetime.timedelta(seconds=dag["every"]))


def deadline_of(dag: dict[str, Any]) -> Any:
    if dag["deadline"] is None:
        return None
    callback = SyncCallback(
        tell, {"channel": dag["on_failure"] or {"kind": "log"}, "what": "a run has not ended at its deadline"}
    )
    return DeadlineAlert(DeadlineReference.DAGRUN_LOGICAL_DATE, datetime.timedelta(seconds=dag["deadline"]), callback)


def make_dag(settings: dict[str, Any], dag: dict[str, Any]) -> Any:
    """One DAG: the stages that it takes, in the order that they wait for each other."""
    made = DAG(
        dag["id"], schedule=times_of(dag), catchup=False, max_active_runs=1, deadline=deadline_of(dag),
        description=UNPRINTED.sub(" ", settings["summary"]), doc_md=plain(settings["doc"]), tags=settings["tags"],
        default_args={"owner": UNPRINTED.sub(" ", settings["owner"])},
        on_failure_callback=tell_failure(dag["on_failure"]) if dag["on_failure"] else None,
    )  # fmt: skip
    tasks = {name: make_task(settings, settings["tasks"][name], name, dag, made) for name in dag["stages"]}
    for name, task in tasks.items():
        task.set_upstream([tasks[other] for other in settings["tasks"][name]["after"]])
    return made


def make_task(settings: dict[str, Any], task: dict[str, Any], name: str, dag: dict[str, Any], made: Any) -> StageOperator:
    limit = task["time_limit"]
    retries = 0 if task["retry"] is None else task["retry"] + dag["retry"]
    queue = {"queue": settings["gpu_queue"]} if task["gpu"] and settings["gpu_queue"] else {}
    return StageOperator(
        task_id=name, dag=made, stage=name, kind=task["kind"], secrets=task["secrets"], workers=task["workers"], doc_md=plain(task["doc"]),
        retries=retries, retry_delay=datetime.timedelta(seconds=settings["retry_delay"]), pool=settings["pool"], pool_slots=task["slots"],
        execution_timeout=None if limit is None else datetime.timedelta(seconds=limit), **queue,
    )  # fmt: skip


def main(names: dict[str, Any]) -> None:
    """Put the DAGs where Airflow looks for them; while a task runs, its own DAG alone."""
    settings = read_settings(FOLDER)
    wanted = get_parsing_context().dag_id
    for dag in settings["dags"]:
        if wanted in (None, dag["id"]):
            names[f"dag_{len(names)}"] = make_dag(settings, dag)


main(globals())
