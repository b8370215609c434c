"""A real Ray cluster on this machine: a head without cores of its own, and two nodes with one each, which ask for a token."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

_SHARED = {"object_store_memory": 100_000_000}
# Ray reads its settings once, when it is imported: a second cluster of a process with another token never starts.
_SETTINGS = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32), "RAY_USAGE_STATS_ENABLED": "0"}


@contextmanager
def two_nodes() -> Iterator[Any]:
    """The cluster, until the block ends; `nodes_of_trials` are those that work."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in _SETTINGS.items():
            patch.setenv(name, value)
        utils = pytest.importorskip("ray.cluster_utils", reason="pip install 'mlspec-lang[ray]'")
        made = utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False, **_SHARED})
        made.nodes_of_trials = [made.add_node(num_cpus=1, **_SHARED) for _ in range(2)]
        try:
            yield made
        finally:
            made.shutdown()
