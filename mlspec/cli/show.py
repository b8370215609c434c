"""A spec with every default filled in, a run with its stages and gates, the list of runs, or two runs side by side."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlspec.cli import exits
from mlspec.cli.loading import checked, style
from mlspec.cli.options import add_overrides
from mlspec.cli.releases import results_not_on_record
from mlspec.cli.terminal import clean, err, out


def arguments(parser: argparse.ArgumentParser) -> None:
    """SPEC or RUN, `--compare`, `--full`."""
    parser.add_argument(
        "what", metavar="SPEC|RUN", nargs="?", help="a spec, or the number of a run; without it, the runs are listed"
    )
    parser.add_argument(
        "--compare", nargs=2, metavar="RUN", help="two runs side by side: metrics, gates, parameters, what changed"
    )
    parser.add_argument("--full", action="store_true", help="of a spec, every default as well")
    add_overrides(parser)


def run(options: argparse.Namespace) -> int:
    """Show a spec, a run, the list of runs, or two runs side by side."""
    if options.compare is not None:
        return _compared(options)
    if options.what is None:
        return _runs(options)
    if options.what.isdigit() and not Path(options.what).exists():
        return _run(options, options.what)
    found = checked(options, options.what)
    if found is None or found.spec is None:
        return exits.FOUND
    from mlspec.cli.spec_text import spec_to_json, spec_to_text

    if options.format == "json":
        out(json.dumps(spec_to_json(found.spec, full=options.full), indent=2, ensure_ascii=False) + "\n")
    else:
        out(spec_to_text(found.spec, full=options.full, paint=style(options)))
    return exits.OK


def _folder() -> Path:
    from mlspec.driver import Project

    return Project.of(Path("x")).state / "runs"


def summaries() -> list[dict[str, Any]]:
    """The summaries of the project's runs, newest first."""
    from mlspec.runtime.errors import StageError
    from mlspec.runtime.runs import read_summary

    found: list[dict[str, Any]] = []
    for path in sorted(filter(Path.is_file, _folder().glob("[0-9]*/summary.json")), reverse=True):
        try:
            found.append(read_summary(path.parent))
        except StageError as error:
            found.append({"run": path.parent.name, "spec": "?", "exit_code": None, "fault": error.message})
    return found


def _runs(options: argparse.Namespace) -> int:
    found = summaries()
    beside = results_not_on_record(_folder().parents[1], {str(item.get("from")) for item in found})
    if options.format == "json":
        rows = [
            {name: item.get(name) for name in ("run", "spec", "target", "env", "passed", "exit_code", "seconds")}
            | {"at": _at(item) or None, "metrics": dict(_numbers(item))}
            for item in found
        ]
        out(json.dumps({"format": 1, "runs": rows, "not_on_record": beside}, indent=2) + "\n")
        return exits.OK
    for folder in beside:
        out(f"{clean(folder)}: results that are not on record; `mlspec serve` and `score` take a release of their spec up\n")
    if not found and not beside:
        out("no runs yet: `mlspec run SPEC` makes one\n")
    records = _records()
    for item in found:
        env = f" (env {item['env']})" if item.get("env") else ""
        target = f" under {clean(str(item['target']))}" if item.get("target") else ""
        out(
            f"{item['run']}  {_day(item)}{clean(str(item.get('spec')))}{env}{target}  "
            f"{_word(options, item, _override_of(item, records))}{_shown_numbers(item)}\n"
        )
    return exits.OK


def _at(item: dict[str, Any]) -> str:
    """When a run ended, in UTC."""
    from mlspec.runtime.history import day_of

    return day_of(_folder() / str(item["run"]), item)


def _day(item: dict[str, Any]) -> str:
    at = clean(_at(item)[:16].replace("T", " "))
    return f"{at}  " if at else ""


def _numbers(item: dict[str, Any]) -> list[tuple[str, float]]:
    from mlspec.runtime.history import main_numbers

    return [] if item.get("fault") else main_numbers(_folder().parents[1], item)


def _shown_numbers(item: dict[str, Any]) -> str:
    found = ", ".join(f"{clean(name)} {value:.4f}" for name, value in _numbers(item))
    return f"  {found}" if found else ""


def _compared(options: argparse.Namespace) -> int:
    from mlspec.cli.comparing import as_text, comparison

    if options.what is not None or options.full:
        raise exits.CommandError(
            "`--compare` stands alone", expected="mlspec show --compare RUN RUN", found="something beside it"
        )
    known = {str(item.get("run")): item for item in summaries()}
    chosen = [_known(known, name) for name in options.compare]
    for item in chosen:
        if item.get("fault"):
            raise exits.CommandError(f"run `{item['run']}` cannot be read", exits.FOUND, found=str(item["fault"]))
    sides = [(_folder() / str(item["run"]), item) for item in chosen]
    found = comparison(_folder().parents[1], sides[0], sides[1])
    out(json.dumps(found, indent=2, ensure_ascii=False) + "\n" if options.format == "json" else as_text(found, style(options)))
    return exits.OK


def _known(runs: Mapping[str, dict[str, Any]], name: str) -> dict[str, Any]:
    """The summary of a run by its number."""
    item = runs.get(name.zfill(6))
    if item is None:
        known = ", ".join(runs) or "there are none yet"
        raise exits.CommandError(f"there is no run `{name}`", exits.FOUND, expected=known, found=name,
                                 help="`mlspec show` lists the runs of this project")  # fmt: skip
    return item


def _records() -> Sequence[Mapping[str, Any]]:
    """The records of the audit log; none while it is broken: no override counts then."""
    if not any(name.startswith("audit.") for name in _names(_folder().parent)):
        return ()
    from mlspec.runtime.audit import log
    from mlspec.runtime.audit.overrides import counting
    from mlspec.runtime.errors import StageError

    try:
        chain = log.read(_folder().parents[1])
        fault = "" if chain.sound else chain.problems[0]
    except StageError as error:
        chain, fault = None, f"{error.message}: {error.found}"
    if fault:
        err(f"warning: no override counts, the audit log is broken: {clean(fault)}\n")
    return () if chain is None else counting(chain)


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()] if folder.is_dir() else []


def _override_of(item: dict[str, Any], records: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The override that stands for what the gates of a run refused, None without one."""
    failed = [(name, verdict) for name, verdict in item.get("verdicts", {}).items() if verdict.get("passed") is not True]
    if not failed or not records or item.get("guarded"):
        return None
    from mlspec.runtime.audit import log
    from mlspec.runtime.audit.overrides import override_of

    found = (override_of(records, str(item.get("spec_digest")), name, verdict, log.today()) for name, verdict in failed)
    return next((record for record in found if record is not None), None)


def _word(options: argparse.Namespace, item: dict[str, Any], override: Mapping[str, Any] | None) -> str:
    paint = style(options)
    if override is not None:
        return paint(
            "red", f"gates failed, RELEASED BY OVERRIDE of {clean(str(override['actor']))} until {override['expires']}"
        )
    if item.get("fault"):
        return paint("red", clean(str(item["fault"])))
    if item.get("exit_code") == 0:
        return paint("green", "passed" if item.get("verdicts") else "complete") + _absent(item)
    return paint("red", "gates failed" if item.get("passed") is False else "failed")


def _absent(item: dict[str, Any]) -> str:
    """Of a result from elsewhere how many stages are not there; "" where all are, or where no more were asked for."""
    stages = item.get("stages", {})
    absent = sum(state.get("state") == "not-run" for state in stages.values())
    return (
        f" ({absent} of {len(stages)} stages are not there)" if absent and item.get("target") and not item.get("only") else ""
    )


def _run(options: argparse.Namespace, name: str) -> int:
    item = _known({str(item.get("run")): item for item in summaries()}, name)
    override = _override_of(item, _records())
    if options.format == "json":
        shown = item if override is None else {**item, "override": dict(override)}
        out(json.dumps(shown, indent=2, ensure_ascii=False) + "\n")
        return exits.OK
    paint = style(options)
    whence = f" under {clean(str(item['target']))}, from {clean(str(item.get('from')))}" if item.get("target") else ""
    out(f"{paint('bold', clean(str(item['spec'])))} run {item['run']}{whence}: {_word(options, item, override)}\n")
    if override is not None:
        out(f"  record {override['n']} of `mlspec audit`: {clean(str(override['reason']))}\n")
    for block, verdict in item.get("verdicts", {}).items():
        for gate in verdict.get("gates", ()):
            status = str(gate.get("status") or ("passed" if gate.get("passed") else "failed"))
            mark = paint({"passed": "green", "failed": "red"}.get(status, "bold"), status)
            out(f"  {block}.{gate['name']}: {mark}  {clean(str(gate.get('text', '')))}\n")
    width = max((len(stage) for stage in item.get("stages", {})), default=0)
    for stage, state in item.get("stages", {}).items():
        out(f"  {stage.ljust(width)}  {str(state.get('state')).ljust(8)} {state.get('seconds', 0):8.2f} s\n")
    for report, path in item.get("reports", {}).items():
        out(f"  {report}: {_folder() / str(item['run']) / path}\n")
    return exits.OK
