"""The graph of stages: model, plan format, keys and passes. Imports nothing of the compiler, so that the runtime may read plans."""

from mlspec.graph.canonical import canonical_bytes, canonical_text, digest_of
from mlspec.graph.code import code_files
from mlspec.graph.errors import GraphError
from mlspec.graph.keys import cacheable, graph_keys, packages_needed, stage_key
from mlspec.graph.kinds import KINDS, Kind, packages_of
from mlspec.graph.leaves import graph_leaves, locked_files, pinned, source_files, stage_leaves
from mlspec.graph.model import Graph, Resources, Stage, stage_id
from mlspec.graph.plan_format import plan_digest, plan_from_json, plan_to_json, read_plan, write_plan
from mlspec.graph.schedule import Schedule
from mlspec.graph.versions import installed_versions

__all__ = [
    "Graph", "Stage", "Resources", "Schedule", "stage_id", "GraphError", "KINDS", "Kind", "packages_of",
    "read_plan", "write_plan", "plan_to_json", "plan_from_json", "plan_digest",
    "stage_key", "graph_keys", "packages_needed", "installed_versions", "graph_leaves", "stage_leaves", "source_files",
    "pinned", "locked_files", "cacheable", "code_files",
    "canonical_text", "canonical_bytes", "digest_of",
]  # fmt: skip
