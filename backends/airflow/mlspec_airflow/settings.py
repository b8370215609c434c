"""The options of the target, read once and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlspec.backend import Finding, Option

OPTIONS = (
    Option("python", str, "python3", "the interpreter of the environment that has mlspec, as workers find it"),
    Option("project", str, "", "the project root as workers see it (default: found from where the files lie)"),
    Option("state", str, ".mlspec/airflow", "the folder of artifacts and runs, on a disk that all workers share, from the project root"),
    Option("pool", str, "mlspec", "the pool of every task; `pools.json` makes it"),
    Option("slots", int, 4, "the slots of the pool: a stage takes one a core, an exclusive stage all of them"),
    Option("retry_delay", int, 30, "seconds before another attempt"),
    Option("gpu_queue", str, "", "the queue of tasks that ask for a GPU; without it any worker may get them"),
    Option("airflow", str, "airflow", "run: Airflow's own command, of an environment of its own"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Settings:
    """The options that shape files. `runs` is where the folders of runs lie, from the project root like `state`."""

    python: str
    project: str
    state: str
    runs: str
    pool: str
    slots: int
    retry_delay: int
    gpu_queue: str

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Settings:
        """The settings of a compilation; `root` leads from the files to the project."""
        state = str(options["state"]).rstrip("/")
        return cls(
            python=str(options["python"]), project=str(options["project"]) or str(options["root"]), state=state, runs=f"{state}/runs",
            pool=str(options["pool"]), slots=int(options["slots"]), retry_delay=int(options["retry_delay"]), gpu_queue=str(options["gpu_queue"]),
        )  # fmt: skip


def check_settings(settings: Settings, where: str) -> list[Finding]:
    """MLS706 for an option that Airflow or a worker could do nothing with."""
    rules = (
        ("python", bool(settings.python), "an interpreter"),
        ("state", bool(settings.state), "a folder"),
        ("pool", 0 < len(settings.pool) <= 256, "a name of at most 256 characters"),
        ("slots", settings.slots >= 1, "at least one"),
        ("retry_delay", 0 <= settings.retry_delay <= 86_400, "from 0 to 86,400 seconds"),
    )
    return [
        Finding("MLS706", where, {"target": "airflow", "name": f"--option {name}={getattr(settings, name)}"[:120], "why": "nothing can be done with it",
                                  "wanted": wanted})
        for name, fits, wanted in rules
        if not fits
    ]  # fmt: skip
