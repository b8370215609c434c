"""A stage run through a store: looked up by its key, made where it is missing, handed out as folders with manifests.

For targets that move artifacts themselves. The key is worked out from what lies before the stage: the keys in the manifests of its
inputs, the content of the files that it reads, the versions of the packages that do the work.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlspec.graph.errors import GraphError
from mlspec.graph.keys import LEARNS, as_read, graph_recipes, packages_needed, stage_key
from mlspec.graph.kinds import KINDS, packages_of
from mlspec.graph.leaves import leaves_of
from mlspec.graph.model import Graph, Stage
from mlspec.graph.versions import installed_versions
from mlspec.runtime import files
from mlspec.runtime.environment import fingerprint
from mlspec.runtime.errors import StageError
from mlspec.runtime.folder import Held, Maker, publish_into
from mlspec.runtime.lock import alone
from mlspec.runtime.manifest import Manifest
from mlspec.runtime.stage import Around, Record, make_in_store
from mlspec.runtime.store import Store, verify_folder
from mlspec.runtime.track.lookup import leaf_of


def key_of(graph: Graph, stage: Stage, held: Mapping[str, Held], root: Path, versions: Mapping[str, str]) -> str:
    """The key of a stage that reads these folders; empty when one of them does not say what made it."""
    if not all(item.key and item.output for item in held.values()):
        return ""
    upstream = {name: (item.key, item.output) for name, item in held.items()}
    if stage.kind in LEARNS:
        upstream = as_read(graph, stage, upstream, installed_versions(packages_needed(graph)))
    try:
        leaves = leaves_of(graph, stage, root, leaf_of(root))
    except GraphError as error:
        raise StageError(
            error.code, error.message, error.where, expected=error.expected, found=error.found, help=error.help
        ) from error
    return stage_key(stage, KINDS[stage.kind].version, upstream, leaves, versions)


def maker_of(graph: Graph, stage: Stage, held: Mapping[str, Held], root: Path) -> Maker:
    """What makes the outputs of a stage that reads these folders."""
    versions = installed_versions(packages_of(stage.kind, stage.config))
    return Maker(key_of(graph, stage, held, root, versions), _recipe_of(graph, stage, held))


def _recipe_of(graph: Graph, stage: Stage, held: Mapping[str, Held]) -> str:
    """The recipe of the plan's stage, where every input was made by the plan's recipe too; else none."""
    recipes = graph_recipes(graph)
    wanted = {name: (recipes[source], output) for name, source, output in stage.upstream()}
    made = {name: (held[name].recipe, held[name].output) for name in wanted}
    return recipes[stage.id] if made == wanted else ""


def bring_about(
    graph: Graph,
    stage: Stage,
    held: Mapping[str, Held],
    targets: Mapping[str, Path],
    store: Store,
    around: Around,
    maker: Maker,
) -> tuple[dict[str, dict[str, Any]], bool]:
    """The manifest of every output, each copied to its target, and whether the stage was complete in the store already."""
    for folder in (store.artifacts, store.stages, store.temporary):
        files.make_folder(folder)
    found = _find(store, maker.key)
    if found is None:
        store.sweep()
    manifest = found or _make(graph, stage, held, store, _record(stage, held, maker), around)
    written = {name: _hand_out(store, manifest, name, target, maker) for name, target in targets.items()}
    return written, found is not None


def _record(stage: Stage, held: Mapping[str, Held], maker: Maker) -> Record:
    versions = installed_versions(packages_of(stage.kind, stage.config))
    return Record(maker.key, _digests(held), versions, fingerprint(versions))


def _digests(held: Mapping[str, Held]) -> dict[str, str]:
    return {name: item.digest for name, item in held.items()}


def _find(store: Store, key: str) -> Manifest | None:
    """What the store holds under the key, verified; what is corrupt there is forgotten, so that it is made again."""
    try:
        return store.find(key)
    except StageError as error:
        if error.code != "MLS808":
            raise
        store.discard(key)
        return None


def _make(graph: Graph, stage: Stage, held: Mapping[str, Held], store: Store, record: Record, around: Around) -> Manifest:
    inputs = {name: item.path for name, item in held.items()}
    with alone(files.make_folder(around.resume_root)):
        # On a volume that machines share, process ids say nothing about who works beside this one.
        return make_in_store(graph, stage.id, store, inputs, record, around, mark=f"-{secrets.token_hex(8)}")


def _hand_out(store: Store, manifest: Manifest, name: str, target: Path, maker: Maker) -> dict[str, Any]:
    """Copy an output out of the store, so that nobody outside ever holds what the store relies on."""
    output = manifest.outputs[name]
    source = store.artifact(output.digest, output.files)
    work = files.make_folder(target.resolve().parent) / f".mlspec-{secrets.token_hex(8)}"
    try:
        shutil.copytree(source, work)
        verify_folder(work, output.digest, output.files)  # a disk or volume that copies wrong bytes gives them no manifest
        return publish_into(work, target, output.type, maker, name)
    except OSError as error:
        raise files.io_error(error, error.filename or target, "copy an artifact to") from error
    finally:
        files.remove_tree(work)
