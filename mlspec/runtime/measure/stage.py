"""The `measure` stage: the numbers that a clock gives, in a file that no digest covers."""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from mlspec.runtime import files
from mlspec.runtime.context import StageContext
from mlspec.runtime.errors import StageError
from mlspec.runtime.evaluate.behaviour import scores_of
from mlspec.runtime.evaluate.held_out import part_reader
from mlspec.runtime.evaluate.of_package import size_of
from mlspec.runtime.evaluate.quantities import arguments
from mlspec.runtime.evaluate.registered import check_fits, refuse_unread
from mlspec.runtime.measure.load import Client, Window, offer, post
from mlspec.runtime.measure.server import CannotMeasure, environment, pinned, served, share_cores
from mlspec.runtime.package.absent import is_absent, packages_there
from mlspec.runtime.wording import text_of

WINDOWS = 3
SECONDS = 10.0
WARM_UP = 1.0
REQUESTS = 500
LEAST_REPLIES = 20
GOLDEN = 200
"""Rows that a fresh process answers as the gates saw them answered."""
FRESH = "mlspec.runtime.measure.fresh"
Samples = list[list[float]]
OVER_SAMPLES: dict[str, Callable[[Sequence[float]], float]] = {
    "p50": lambda values: rank(values, 0.50),
    "p95": lambda values: rank(values, 0.95),
    "p99": lambda values: rank(values, 0.99),
    "mean": statistics.fmean,
}
ARITHMETIC: dict[str, Callable[..., float]] = {
    "+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "/": lambda a, b: a / b,
    "neg": lambda a: -a, "abs": math.fabs, "min": lambda *all_: min(all_), "max": lambda *all_: max(all_),
}  # fmt: skip


def rank(values: Sequence[float], share: float) -> float:
    """The least value that at least `share` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]


def measure(context: StageContext) -> None:
    """Measure every quantity and write measurements.json; what cannot be measured has a problem and no value."""
    _refuse_unfit(context)
    machine = Machine(context)
    quantities = {item["id"]: machine.entry(item["expression"]) for item in context.config["quantities"]}
    fresh = {name: machine.fresh(name) for name in packages_there(context.inputs())}
    files.write_json(context.output("measurements") / "measurements.json", {"quantities": quantities, "fresh": fresh})


def _refuse_unfit(context: StageContext) -> None:
    """MLS824 or MLS835 before anything starts that would run code which came with a package of the registry, or feed it."""
    from mlspec.runtime.evaluate.stage import label_of
    from mlspec.runtime.package import load_package

    if not (absent := context.config.get("if_absent")):
        return
    packages = {name: load_package(context.input(f"package.{name}")) for name in packages_there(context.inputs())}
    fetched = sorted(packages.keys() & absent)
    refuse_unread(context, packages, fetched)
    with part_reader(context) as reader:
        for name in fetched:
            check_fits(reader, label_of(context.config, packages), packages[name], name)


class NoModel(CannotMeasure):
    """The model does not exist, or not yet."""

    def __init__(self, model: str) -> None:
        super().__init__(f"the model `{model}` does not exist")
        self.model = model


class Machine:
    """Measures metrics of packages, each once."""

    def __init__(self, context: StageContext) -> None:
        self.context = context
        self.seconds = float(context.config.get("window_seconds") or SECONDS)
        self._samples: dict[str, Samples] = {}
        self._fresh: dict[str, list[dict[str, Any]]] = {}

    def entry(self, expression: Any) -> dict[str, Any]:
        """One entry of measurements.json: the best window's value."""
        nodes = _metrics(expression)
        given = arguments(nodes[0][3]) if nodes else {}
        entry: dict[str, Any] = {
            "text": text_of(expression), "value": None, "windows": [], "load": given.get("load"), "cpu": given.get("cpu"),
            "seconds": self.seconds, "problem": None,
        }  # fmt: skip
        try:
            windows = self.values(expression)
            entry.update(value=min(windows), windows=windows)
        except (CannotMeasure, ArithmeticError) as error:
            entry["problem"] = str(error) or "a division by 0"
            if isinstance(error, NoModel):
                entry["absent"] = (self.context.config.get("if_absent") or {}).get(error.model, "fail")
        return entry

    def values(self, node: Any) -> list[float]:
        """The value of an expression in each window."""
        if node[0] == "lit":
            return [float(node[1])]
        if node[0] == "metric":
            return self._of_package(node)
        name, given = node[1], node[2]
        if name in OVER_SAMPLES and given[0][0] == "metric":
            return [OVER_SAMPLES[name](window) for window in self.samples(given[0])]
        if name not in ARITHMETIC:
            raise CannotMeasure(f"`{name}` is no function of measured numbers")
        parts = [self.values(part) for part in given]
        count = max(len(part) for part in parts)
        return [ARITHMETIC[name](*(part[at % len(part)] for part in parts)) for at in range(count)]

    def _of_package(self, node: Any) -> list[float]:
        folder = self._folder(node[2])
        if node[1] == "size":
            return [float(size_of(folder))]
        if node[1] == "load_time":
            return [float(run["load"]) for run in self._runs(node[2], WINDOWS)]
        raise CannotMeasure(f"`{node[1]}` has many values a window: say which, as in `p95({node[1]}(…))`")

    def _folder(self, model: str) -> Path:
        folder = self.context.inputs().get(f"package.{model}")
        if folder is None or is_absent(folder):
            raise NoModel(model)
        return folder

    def _runs(self, model: str, count: int) -> list[dict[str, Any]]:
        """At least so many fresh processes that loaded the package and answered the golden rows."""
        known = self._fresh.setdefault(model, [])
        if len(known) < count:
            folder = self._folder(model)
            rows = json.dumps(golden_rows(self.context, folder), default=as_json)
            work = self.context.resume_dir("fresh")  # the first answers the rows, the others only load
            known += [in_fresh_process(folder, "[]" if known or at else rows, work) for at in range(count - len(known))]
        return known

    def fresh(self, model: str) -> dict[str, Any]:
        """That a fresh process answers golden rows bit for bit as this one does from the values that the gates were decided on."""
        try:
            run = self._runs(model, 1)[0]
        except CannotMeasure as error:
            return {"rows": 0, "equal": None, "load": None, "answer": None, "problem": str(error)}
        here = answers_here(self.context, self._folder(model))
        if run["rows"] and (run["scores"], run["decisions"]) != here:
            raise StageError(
                "MLS807", f"the package `{model}` answers otherwise in a fresh process", model,
                expected="equal scores and decisions, bit for bit", found=f"others on {run['rows']} rows",
                help="this is a fault of mlspec or of a library: report it with the stage's log",
            )  # fmt: skip
        return {"rows": run["rows"], "equal": True, "load": run["load"], "answer": run["answer"], "problem": None}

    def samples(self, node: Any) -> Samples:
        """The times of all replies of each window of a latency."""
        key = json.dumps(node, sort_keys=True)
        if node[1] != "latency":
            raise CannotMeasure(f"`{node[1]}` is not measured over requests")
        if key not in self._samples:
            given = arguments(node[3])
            self._samples[key] = self._latency(self._folder(node[2]), given)
        return self._samples[key]

    def _latency(self, folder: Path, given: Mapping[str, Any]) -> Samples:
        if not given.get("load"):
            raise CannotMeasure("a latency needs a load, as in `latency(candidate, load: 50rps)`")
        cores = share_cores(max(1, int(given.get("cpu") or 1)))
        with served(folder, cores) as port, pinned(cores.load):
            requests = request_bytes(self.context, folder, port)
            windows = asyncio.run(self._windows(port, requests, float(given["load"])))
        return [_checked(window) for window in windows]

    async def _windows(self, port: int, requests: Sequence[bytes], rate: float) -> list[Window]:
        client = Client("127.0.0.1", port)
        try:
            await offer(client, requests, rate, min(WARM_UP, self.seconds))
            windows = []
            for number in range(WINDOWS):
                self.context.progress(number, WINDOWS, f"{rate:g} requests a second for {self.seconds:g} s")
                windows.append(await offer(client, requests, rate, self.seconds))
            self.context.progress(WINDOWS, WINDOWS, "measured")
        finally:
            await client.close()
        return windows


def _metrics(node: Any) -> list[Any]:
    if node[0] == "metric":
        return [node]
    return [found for part in node[2] for found in _metrics(part)] if node[0] == "call" else []


def _checked(window: Window) -> list[float]:
    """The replies of a window in which every request was answered."""
    if window.failures:
        worst, count = Counter(window.failures).most_common(1)[0]
        total = len(window.failures) + len(window.latencies)
        raise CannotMeasure(f"{len(window.failures)} of {total} requests failed, {count} with: {worst}")
    if len(window.latencies) < LEAST_REPLIES:
        raise CannotMeasure(f"a window saw {len(window.latencies)} replies, which is too few for a percentile")
    return window.latencies


def request_bytes(context: StageContext, folder: Path, port: int) -> list[bytes]:
    """Rows of the part as requests to the server."""
    columns = [column["name"] for column in files.read_json(folder / "package.json")["columns"]]
    with part_reader(context) as reader:
        records = reader.records(columns, REQUESTS)
    if not records:
        raise CannotMeasure(f"the part `{context.config['part']}` has no rows")
    host = f"127.0.0.1:{port}"
    return [post("/predict", host, json.dumps(record, default=as_json).encode()) for record in records]


def as_json(value: Any) -> str:
    """A date, time or decimal as a request spells it."""
    if isinstance(value, datetime):
        utc = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        return utc.isoformat().replace("+00:00", "Z")
    if isinstance(value, (date, Decimal)):
        return str(value)
    raise TypeError(f"no JSON for {type(value).__name__}")


def golden_rows(context: StageContext, folder: Path) -> list[dict[str, Any]]:
    """The first rows of the part, as requests bring them."""
    columns = [column["name"] for column in files.read_json(folder / "package.json")["columns"]]
    with part_reader(context) as reader:
        return reader.records(columns, GOLDEN)


def answers_here(context: StageContext, folder: Path) -> tuple[str, str]:
    """Digests of the scores and decisions of the golden rows, from feature values in this process."""
    from mlspec.runtime.measure.fresh import digest_of_scores
    from mlspec.runtime.package import load_package

    package = load_package(folder)
    package.transform = replace(package.transform, unknown="encode")
    with part_reader(context) as reader:
        rows = reader.select([("rows", str(column["name"])) for column in package.columns]).slice(0, GOLDEN)
        named = rows.rename_columns(["__row", *(str(column["name"]) for column in package.columns)])
        found = scores_of(package, reader, named)
    decisions = json.dumps(found.decision, default=str).encode()
    return digest_of_scores(found.score), hashlib.sha256(decisions).hexdigest()


def in_fresh_process(folder: Path, rows: str, work: Path) -> dict[str, Any]:
    """What a new process says of a package: seconds to load it, libraries included, and its answers."""
    cores, path = share_cores(1), work / "rows.json"
    files.write_text(path, rows)
    with pinned(cores.server):
        done = subprocess.run(
            [sys.executable, "-m", FRESH, str(folder), str(path)], capture_output=True, text=True, env=environment(1), check=False
        )  # fmt: skip
    if done.returncode != 0:
        raise CannotMeasure("the package does not load: " + (done.stderr.strip().splitlines() or ["no message"])[-1][:300])
    found: dict[str, Any] = json.loads(done.stdout)
    return found
