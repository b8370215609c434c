"""What a run claims, and what shows each claim: a statement, whether it holds, and files of the pack by digest."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from mlspec.graph.code import declarations
from mlspec.runtime.audit.chain import read_chain
from mlspec.runtime.evidence.collect import Held, Pack, sources
from mlspec.runtime.validate.enforce import found

Claim = dict[str, Any]


def claims_of(pack: Pack) -> list[Claim]:
    """Every claim, data first."""
    makers = (_of_spec, _of_data, _of_code, _of_checks, _of_packages, _of_gates, _of_release, _of_card, _of_audit)
    return [claim for make in makers for claim in make(pack)]


def _claim(pack: Pack, name: str, kind: str, statement: str, holds: bool | None, *paths: str, **more: Any) -> Claim:
    links = [{"file": path, "digest": pack.digest(path)} for path in paths]
    return {"id": name, "kind": kind, "statement": statement, "holds": holds, "links": links, **more}


def _of_spec(pack: Pack) -> Iterator[Claim]:
    yield _claim(
        pack, "spec", "spec", f"the run {pack.summary['run']} was compiled from the spec {pack.summary['spec']}", True, "spec.mlspec",
        "plan.json", "summary.json", spec_digest=pack.summary["spec_digest"],
    )  # fmt: skip


def _of_data(pack: Pack) -> Iterator[Claim]:
    read = dict(sources(pack))
    for one in [*pack.of("rows"), *pack.of("sampled")]:
        table = _document(pack, one, "table.json")
        yield _claim(
            pack, f"data.{one.block}.{one.output}", "data", f"`{one.block}` has {table['rows']:,} rows, read from {len(read.get(one.stage, {}))} files or results",
            True, f"{one.folder}/table.json", artifact=one.digest, read=dict(read.get(one.stage, {})),
        )  # fmt: skip


def _of_code(pack: Pack) -> Iterator[Claim]:
    """What ran code of the project, by digest, and what the machine kept it from; of a result that was there already this run shows nothing."""
    for stage, planned in sorted(pack.plan.get("stages", {}).items()):
        state = pack.summary.get("stages", {}).get(stage, {}).get("state")
        for name, extern in declarations(planned["config"]) if state in ("ran", "reused") else ():
            said = [text for text in pack.summary.get("warnings", ()) if "[MLS829]" in text and f"`{name}`" in text]
            reach = "other files" if extern["network"] else "other files and the network"
            yield _claim(
                pack, f"code.{stage}.{name}", "code", f"`{stage}` ran the code of `{name}`, which was allowed by digest, out of reach of {reach}",
                None if state == "reused" else not said, "plan.json", "summary.json", code=dict(extern["files"]),
            )  # fmt: skip


def _of_checks(pack: Pack) -> Iterator[Claim]:
    for one in pack.of("checks"):
        for check in _document(pack, one, "metrics.json")["checks"]:
            statement = f"`{one.block}`: {check['name']}, expected {check.get('expected')}, found {check.get('value')}"
            yield _claim(
                pack,
                f"check.{one.block}.{check['name']}",
                "check",
                statement,
                bool(check["passed"]),
                f"{one.folder}/metrics.json",
            )


def _of_packages(pack: Pack) -> Iterator[Claim]:
    for one in pack.of("package"):
        document = _document(pack, one, "package.json")
        proof = document.get("proof") or {}
        yield _claim(
            pack, f"model.{one.block}", "model", f"`{one.block}` is {document['estimator']['name']}, proven equal in batch and online on {proof.get('rows', 0):,} rows",
            bool(proof.get("rows")), f"{one.folder}/package.json", artifact=one.digest,
        )  # fmt: skip


def _of_gates(pack: Pack) -> Iterator[Claim]:
    metrics = {one.block: one for one in pack.of("metrics")}
    for one in pack.of("verdict"):
        verdict = _document(pack, one, "verdict.json")
        behind = [f"{metrics[one.block].folder}/metrics.json"] if one.block in metrics else []
        for gate in verdict["gates"]:
            holds = None if gate["status"] == "skipped" else gate["passed"]
            shown = "measured on the machine of the run" if gate["measured"] else found(gate)
            resolution = gate.get("resolution") or {}
            yield _claim(
                pack, f"gate.{one.block}.{gate['name']}", "gate", f"{gate['text']}: {shown}", holds, f"{one.folder}/verdict.json", *behind,
                doc=gate.get("doc") or "", resolution=resolution.get("text", ""), packages=verdict["packages"],
            )  # fmt: skip


def _of_release(pack: Pack) -> Iterator[Claim]:
    released = {one.block: one for one in pack.of("release")}
    for one in pack.of("verdict"):
        release = released.get(one.block)
        paths = [f"{one.folder}/verdict.json", *([f"{release.folder}/release.json"] if release else [])]
        yield _claim(
            pack,
            f"release.{one.block}",
            "release",
            f"all gates of `{one.block}` passed and the run released it",
            release is not None,
            *paths,
        )


def _of_card(pack: Pack) -> Iterator[Claim]:
    for one in pack.of("card"):
        yield _claim(pack, "card", "card", "the model card and data sheets were written from these findings", True,
                     *(f"{one.folder}/{name}" for name in one.copied))  # fmt: skip


def _of_audit(pack: Pack) -> Iterator[Claim]:
    told = pack.summary.get("audit") or {}
    if not told or "audit/audit.jsonl" not in pack.content:
        return
    chain = read_chain(pack.content["audit/audit.jsonl"], pack.content.get("audit/audit.head"))
    holds = chain.sound and chain.holds(str(told["digest"]))
    paths = [path for path in pack.content if path.startswith("audit/")]
    yield _claim(pack, "audit", "audit", f"the run is record {told['count']} of a log in which nothing was changed", holds, *sorted(paths),
                 record=told["digest"])  # fmt: skip


def _document(pack: Pack, one: Held, name: str) -> Mapping[str, Any]:
    found_: Mapping[str, Any] = json.loads(pack.content[f"{one.folder}/{name}"])
    return found_
