"""Write an evidence pack: the files, `index.json` with every claim and digest, and `README.md` for people."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlspec.graph.canonical import digest_of
from mlspec.runtime import files
from mlspec.runtime.errors import StageError
from mlspec.runtime.evidence.checklist import checklist
from mlspec.runtime.evidence.claims import claims_of
from mlspec.runtime.evidence.collect import Pack, collect
from mlspec.runtime.report.markdown import code, escape, table

INDEX, README, FORMAT = "index.json", "README.md", 1
MARKS = {True: "✓", False: "✗", None: "–"}


def write_pack(project_root: Path, run: Path, summary: Mapping[str, Any], spec_text: str, target: Path) -> dict[str, Any]:
    """Make the pack of a run in a folder that is new or empty, and return its index."""
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise StageError("MLS114", f"`{target.name}` is there already", expected="a folder that is new or empty", found="other files",
                         help="name another folder with `-o`, or remove this one")  # fmt: skip
    pack = collect(project_root, run, summary, spec_text)
    index = index_of(pack)
    for path, data in sorted(pack.content.items()):
        files.make_folder((target / path).parent)
        files.write_bytes(target / path, data)
    files.write_text(target / README, readme(index))
    files.write_json(target / INDEX, index)
    return index


def index_of(pack: Pack) -> dict[str, Any]:
    """Every claim with what shows it, the artifacts by digest, the checklist, and the digest of every file."""
    claims = claims_of(pack)
    index: dict[str, Any] = {
        "format": FORMAT, "spec": pack.summary["spec"], "spec_digest": pack.summary["spec_digest"], "run": pack.summary["run"],
        "passed": pack.summary.get("passed"), "claims": claims, "checklist": checklist(pack, claims),
        "artifacts": [
            {"stage": one.stage, "output": one.output, "digest": one.digest, "files": dict(one.content), "folder": one.folder,
             "copied": list(one.copied)} for one in pack.held
        ],
        "files": {path: pack.digest(path) for path in sorted(pack.content)},
    }  # fmt: skip
    index["files"][README] = hashlib.sha256(readme(index).encode()).hexdigest()
    return index | {"digest": digest_of(index)}


def readme(index: Mapping[str, Any]) -> str:
    """The pack as people read it: what is claimed, and where it is shown."""
    judged = any(claim["kind"] == "gate" for claim in index["claims"])
    passed = "All gates passed." if index["passed"] else "**A gate failed: nothing was released.**"
    verdict = passed if judged else "No gate judged this run."
    asked = [
        [escape(row["asked"]), escape(row["rule"]), row["state"], _links(row["claims"]) or escape(row["way_out"])]
        for row in index["checklist"]
    ]
    claims = [
        [MARKS[claim["holds"]], code(claim["id"]), escape(claim["statement"]), _shown(claim)] for claim in index["claims"]
    ]  # fmt: skip
    return "\n\n".join([
        f"# Evidence: {escape(index['spec'])}, run {escape(index['run'])}",
        f"{verdict} Spec digest {code(index['spec_digest'])}. `mlspec evidence --verify .` in this folder compares every file with its digest.",
        "## Checklist\n\nWhat rules ask for and which claims speak to it; it is no legal assessment.\n\n" + table(["Asked", "Rule", "State", "Claims"], asked),
        "## Claims\n\n" + table(["Holds", "Claim", "Statement", "Shown by"], claims),
    ]) + "\n"  # fmt: skip


def _links(ids: list[str]) -> str:
    shown = ", ".join(code(one) for one in ids[:6])
    return shown + (f" and {len(ids) - 6} more" if len(ids) > 6 else "")


def _shown(claim: Mapping[str, Any]) -> str:
    return "; ".join(f"{code(link['file'])} {code(link['digest'][:12])}" for link in claim["links"])
