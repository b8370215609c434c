"""Which package may answer: the newest run of this spec whose verdict passed, or was overridden, for exactly that package."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlspec.runtime.audit import log
from mlspec.runtime.audit.overrides import counting, lapsed, override_of
from mlspec.runtime.errors import StageError
from mlspec.runtime.runs import summaries
from mlspec.runtime.store import Store


@dataclass(frozen=True, slots=True)
class Release:
    """A package that may be served: its folder (digest verified), and the run that stands for it.

    `verdict` is None for an unreleased one, `override` the record that releases one whose gates failed.
    """

    package: Path
    digest: str
    run: str
    run_folder: Path
    summary: Mapping[str, Any]
    verdict: Mapping[str, Any] | None
    override: Mapping[str, Any] | None = None

    def output(self, project_root: Path, stage: str, name: str) -> Path:
        """The folder of another output of the same run (the reference of a monitor), digest verified."""
        found = self.summary["stages"].get(stage, {}).get("outputs", {}).get(name)
        if found is None:
            raise StageError(
                "MLS819", f"run {self.run} has no `{name}` of stage `{stage}`", stage, expected=f"{stage}/{name}",
                found=", ".join(sorted(self.summary["stages"])), help="run the spec again: `mlspec run` makes it",
            )  # fmt: skip
        return Store(project_root).artifact(str(found["digest"]), found.get("files"))


def find_release(
    project_root: Path, spec_digest: str, block: Mapping[str, Any], *, unreleased: bool = False, origin: str | None = None
) -> Release:
    """The release for a serve config (`name`, `model`, `gates`); MLS813 says what is missing when there is none.

    A run under an env never counts unless it says itself that the env changed nothing guarded. A verdict that failed counts where
    an override on record holds for it today. With `unreleased`, the newest run of this spec that has a package is enough. With
    `origin`, only what was taken up from that folder may answer.
    """
    store = Store(project_root)
    reasons: list[str] = []
    others: list[str] = []
    for folder, summary in summaries(project_root):
        if origin is not None and summary.get("from") != origin:
            continue
        if summary.get("spec_digest") != spec_digest:
            others.append(f"run {folder.name} ran the spec as it was then{_under(summary)}")
            continue
        found = (
            _unreleased(summary, block, folder, store)
            if unreleased
            else _released(summary, block, folder, project_root, reasons)
        )
        if found is not None:
            return found
    raise StageError(
        "MLS813", f"{'no run of this spec' if origin is None else f'nothing in `{origin}`'} has released `{block['model']}`", str(block["name"]),
        expected="a run whose verdict passed for this spec and this package",
        found=next(iter([*reasons, *others]), "no run that came to its end"),
        help="`mlspec run` makes a release, and `--env` must name what it ran under; `--unreleased` is for a look;\n"
        "`mlspec override` releases what gates refused, in the name of an approver",
    )  # fmt: skip


def _under(summary: Mapping[str, Any]) -> str:
    return f" under env `{summary['env']}`" if summary.get("env") else ""


def _released(
    summary: Mapping[str, Any], block: Mapping[str, Any], folder: Path, project_root: Path, reasons: list[str]
) -> Release | None:
    verdict = summary.get("verdicts", {}).get(block["gates"])
    override = None
    if summary.get("guarded", bool(summary.get("env"))):
        reasons.append(f"run {folder.name} ran{_under(summary) or ' with overrides'}, which changes what models depend on")
        return None
    if verdict is None:
        reasons.append(f"run {folder.name} has no verdict of `{block['gates']}`")
        return None
    if verdict.get("passed") is not True:
        override = _overridden(summary, block, project_root, folder.name, reasons)
        if override is None:
            return None
    digest = verdict.get("packages", {}).get(block["model"])
    if digest is not None:
        return Release(Store(project_root).artifact(digest), digest, folder.name, folder, summary, verdict, override)
    reasons.append(f"the verdict of run {folder.name} is not about `{block['model']}`")
    return None


def _overridden(
    summary: Mapping[str, Any], block: Mapping[str, Any], project_root: Path, run: str, reasons: list[str]
) -> Mapping[str, Any] | None:
    """The override of a failed verdict; None with the reason why the run does not count."""
    verdict, digest = summary["verdicts"][block["gates"]], str(summary["spec_digest"])
    failed = [gate["name"] for gate in verdict.get("gates", ()) if not gate.get("passed")]
    chain = log.read(project_root)
    why = ""
    if chain.sound:
        records = counting(chain)
        found = override_of(records, digest, block["gates"], verdict, log.today())
        if found is not None:
            return found
        why = lapsed(records, digest, block["gates"], verdict)
        if override_of(chain.records, digest, block["gates"], verdict, log.today()) is not None:
            why = chain.notes[0]
    else:
        why = "the audit log is broken, so that no override counts: `mlspec audit verify`"
    reasons.append(f"run {run} failed {', '.join(failed) or 'its gates'}" + (f"; {why}" if why else ""))
    return None


def _unreleased(summary: Mapping[str, Any], block: Mapping[str, Any], folder: Path, store: Store) -> Release | None:
    for digest in _packages(summary, block["model"]):
        return Release(store.artifact(digest), digest, folder.name, folder, summary, None)
    return None


def _packages(summary: Mapping[str, Any], model: str) -> Iterator[str]:
    for stage in summary.get("stages", {}).values():
        output = stage.get("outputs", {}).get("package")
        if stage.get("block") == model and output is not None:
            yield str(output["digest"])
