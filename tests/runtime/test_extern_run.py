"""What a local run says beforehand of externs."""

from __future__ import annotations

from typing import Any

import pytest
from mlspec_local import externs
from mlspec_local.externs import warnings_of

from mlspec.graph import Stage


def stage(name: str, *, network: bool = False, deterministic: bool = True) -> Stage:
    extern: dict[str, Any] = {"network": network, "deterministic": deterministic}
    config = {"features": [{"name": "x", "externs": {f"f_{name}": extern}}, {"name": "y"}]}
    return Stage(name, "features", name, config, {}, {"values": "table"})


def said(
    monkeypatch: pytest.MonkeyPatch, stages: list[Stage], to_run: list[str], *, left: bool, kept: bool = True
) -> list[str]:
    monkeypatch.setattr(externs, "network_can_be_left", lambda: left)
    monkeypatch.setattr(externs, "files_can_be_kept", lambda: kept)
    return list(warnings_of(stages, to_run))


def test_an_open_network_is_said_where_code_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = stage("a"), stage("b", network=True)
    (message,) = said(monkeypatch, [one, other], ["a", "b"], left=False)
    assert "MLS829" in message
    assert "`f_a`" in message
    assert said(monkeypatch, [one, other], ["b"], left=False) == []
    assert said(monkeypatch, [one, other], ["a", "b"], left=True) == []


def test_open_files_are_said_of_every_extern_that_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    found = said(monkeypatch, [stage("a"), stage("b", network=True), stage("c")], ["a", "b"], left=True, kept=False)
    assert [text.split("`")[1] for text in found] == ["f_a", "f_b"]
    assert all("no Landlock" in text for text in found)


def test_a_run_that_may_not_come_again_is_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    assert said(monkeypatch, [stage("a", deterministic=False)], [], left=True) == [
        "not reproducible: extern `f_a` does not say `deterministic = true`"
    ]


def test_the_probe_leaves_this_process_where_it_is() -> None:
    assert externs.network_can_be_left() in (True, False)
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname(), 5):
        pass
