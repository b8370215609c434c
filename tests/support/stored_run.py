"""A finished run put into a project's store from given findings, as the runtime would have left it there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mlspec.driver import Compilation
from mlspec.graph import graph_keys
from mlspec.runtime import files
from mlspec.runtime.manifest import Manifest, Output
from mlspec.runtime.runs import write_summary
from mlspec.runtime.store import Store

Findings = dict[str, dict[str, dict[str, Any]]]


def store_run(spec: Path, findings: Findings, number: int = 1, **summary: Any) -> Path:
    """The folder of run `number`: every output of `findings` (stage, output, file, content) is an artifact, every stage complete."""
    found = Compilation(spec)
    graph, root = found.graph, found.project.root
    store, keys = Store(root), graph_keys(found.graph, {}, {})
    for folder in (store.artifacts, store.stages, store.temporary):
        files.make_folder(folder)
    stages: dict[str, Any] = {}
    packages: dict[str, str] = {}
    for place, stage in enumerate(graph):
        outputs = {name: _publish(store, name, content, packages) for name, content in findings.get(stage.id, {}).items()}
        if "package" in outputs:
            packages[stage.block] = outputs["package"].digest
        manifest = Manifest(
            keys[stage.id], stage.id, stage.kind, 1, outputs, packages={"numpy": "2.4.6"}, seconds=1.5 * (place + 1), peak_memory=(place + 1) * 2**20,
            environment={"processor": {"cores": 2, "model_name": "secret model"}, "system": {"name": "Linux", "machine": "x86_64"}, "python": {"version": "3.11.7"}},
        )  # fmt: skip
        store.complete(manifest)
        stages[stage.id] = {
            "state": "ran", "block": stage.block, "kind": stage.kind, "key": keys[stage.id], "seconds": 0.0, "peak_memory": 0,
            "outputs": {name: output.to_json() for name, output in outputs.items()},
        }  # fmt: skip
    verdicts = {
        stage.block: findings[stage.id]["verdict"]["verdict.json"]
        for stage in graph
        if stage.id in findings and stage.kind == "verdict"
    }
    folder = files.make_folder(store.state / "runs" / f"{number:06}")
    (folder / "plan.json").write_bytes(b"{}")
    write_summary(folder, {
        "format": 1, "run": f"{number:06}", "spec": graph.spec, "spec_digest": graph.spec_digest, "env": None, "stages": stages, "exit_code": 0,
        "verdicts": verdicts, "passed": all(verdict["passed"] for verdict in verdicts.values()), "releasable": True,
        "leaves": {f"{graph.stages[name].block}-extract": {"people.csv": "ab" * 32} for name in list(graph.stages)[:1]}, **summary,
    })  # fmt: skip
    return folder


def _publish(store: Store, name: str, content: dict[str, Any], packages: dict[str, str]) -> Output:
    """An artifact with these files; digests of packages stand where the content names them in braces."""
    folder = files.make_folder(store.temporary / f"made-{name}")
    for file, value in content.items():
        text = json.dumps(value)
        for package, digest in packages.items():
            text = text.replace(f"{{{package}}}", digest)
        (folder / file).write_text(text)
    return store.publish(folder, "json")
