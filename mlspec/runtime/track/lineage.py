"""Where a run comes from, as tags: the spec, the data, the commit, the environment, and the packages by digest."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mlspec.graph.canonical import digest_of
from mlspec.graph.versions import installed_versions
from mlspec.runtime import files
from mlspec.runtime.context import StageContext
from mlspec.runtime.environment import fingerprint
from mlspec.runtime.folder import content_of
from mlspec.runtime.track.findings import named

COMMIT = "mlflow.source.git.commit"
"""MLflow's own name of it, so that its pages show it."""
GIT_SECONDS = 10
LONGEST = 5_000


def lineage_tags(context: StageContext) -> dict[str, str]:
    """Every tag of a tracked run beside the digest of its findings."""
    inputs, spec = context.inputs(), str(context.config["spec"])
    found = {
        "mlspec.spec": spec, "mlspec.spec_digest": context.spec_digest, "mlflow.source.type": "JOB",
        "mlflow.source.name": f"mlspec {spec}", **environment_tags(inputs), **git_tags(context.project_root),
    }  # fmt: skip
    for name, folder in named(inputs, "package").items():
        found[f"mlspec.package.{name}"] = digest_of(content_of(folder))
    for block, folder in named(inputs, "verdict").items():
        verdict = files.read_json(folder / "verdict.json")
        found[f"mlspec.gates.{block}"] = "passed" if verdict["passed"] else "failed"
        for model, digest in verdict["packages"].items():
            found.setdefault(f"mlspec.package.{model}", str(digest))
    for source, kept in data_of(inputs):
        found[f"mlspec.data.{source}"] = digest_of({str(file["path"]): str(file["digest"]) for file in kept})
    return {name: value[:LONGEST] for name, value in found.items() if value}


def data_of(inputs: Mapping[str, Path]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """(source, files with digests) of the data that was verified for the run."""
    for source, folder in named(inputs, "checks").items():
        kept = files.read_json(folder / "metrics.json").get("files")
        if kept:
            yield source, kept


def environment_tags(inputs: Mapping[str, Path]) -> dict[str, str]:
    """The libraries that packages were made with, and a digest of the environment as far as results may depend on it."""
    versions: dict[str, str] = {}
    for folder in named(inputs, "package").values():
        versions |= files.read_json(folder / "package.json").get("versions") or {}
    here = fingerprint(installed_versions(sorted(versions)))
    kept = {"python": here["python"]["version"], "system": here["system"], "packages": versions}
    return {"mlspec.environment": digest_of(kept), "mlspec.python": here["python"]["version"],
            "mlspec.libraries": " ".join(f"{name}=={version}" for name, version in sorted(versions.items()))}  # fmt: skip


def git_tags(root: Path) -> dict[str, str]:
    """The commit that is checked out, and whether tracked files differ from it; nothing where git does not know the folder."""
    commit = _git(root, "rev-parse", "--verify", "HEAD")
    if commit is None or commit.returncode != 0:
        return {}
    changed = _git(root, "diff", "--quiet", "--no-ext-diff", "--no-textconv", "HEAD", "--", ".")
    state = "unknown" if changed is None else {0: "clean", 1: "changed"}.get(changed.returncode, "unknown")
    return {COMMIT: commit.stdout.strip(), "mlspec.git": state}


def _git(root: Path, *arguments: str) -> subprocess.CompletedProcess[str] | None:
    """One question to git, which may start nothing else and waits for nobody; None where it cannot be asked."""
    command = ["git", "-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}", "-C", str(root), *arguments]
    quiet = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0"}
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=GIT_SECONDS, check=False, env=quiet)
    except (OSError, subprocess.TimeoutExpired):
        return None
