"""The extension of VS Code: it starts `mlspec lsp` and nothing else, names files that exist, and packs with what it needs and no more."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.editors.test_grammars import MODULES, needs_node

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "editors/vscode"
PACKAGE = json.loads((FOLDER / "package.json").read_text())
START = ["start", "mlspec", "lsp"]


def play(script: str) -> list[list[str]]:
    """What the extension does when this happens."""
    words = ["node", ROOT / "tests/editors/extension.js", FOLDER, script]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    found: list[list[str]] = json.loads(done.stdout)
    return found


@needs_node
def test_it_starts_the_language_server_and_stops_it() -> None:
    assert play("activate") == [START, ["stop"]]
    assert play("activate deactivate") == [START, ["stop"]]


@needs_node
def test_another_program_is_started_anew_and_another_setting_does_nothing() -> None:
    assert play("activate setting") == [START, ["stop"], ["start", "/opt/mlspec", "lsp"], ["stop"]]
    assert play("activate other") == [START, ["stop"]]
    assert play("activate restart") == [START, ["stop"], START, ["stop"]]


@needs_node
def test_nothing_is_started_for_strangers() -> None:
    assert play("untrusted activate restart") == []
    assert play("untrusted activate trust") == [START, ["stop"]]


@needs_node
def test_a_program_that_is_not_there_is_told() -> None:
    ((kind, said),) = play("broken activate")
    assert kind == "error"
    assert "`mlspec lsp`" in said
    assert "ENOENT" in said


def test_what_it_names_is_there() -> None:
    (language,), (grammar,) = PACKAGE["contributes"]["languages"], PACKAGE["contributes"]["grammars"]
    for name in (PACKAGE["main"], language["configuration"], grammar["path"]):
        assert (FOLDER / name).is_file()
    assert json.loads((FOLDER / grammar["path"]).read_text())["scopeName"] == grammar["scopeName"]
    assert language["extensions"] == [".mlspec"]
    json.loads((FOLDER / language["configuration"]).read_text())
    assert (FOLDER / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


def test_the_settings_of_the_server_can_be_set() -> None:
    """Those of docs/editor.md, and the program."""
    told = set(re.findall(r"^\| `(mlspec\.[\w.]+)` \|", (ROOT / "docs/editor.md").read_text(), re.MULTILINE))
    assert len(told) >= 4
    assert set(PACKAGE["contributes"]["configuration"]["properties"]) == told | {"mlspec.path", "mlspec.trace.server"}


def test_the_version_is_that_of_mlspec() -> None:
    from mlspec import __version__

    assert PACKAGE["version"] == __version__


def test_a_workspace_that_is_not_trusted_names_no_program() -> None:
    assert PACKAGE["capabilities"]["untrustedWorkspaces"]["restrictedConfigurations"] == ["mlspec.path"]


def test_it_packs_with_what_it_needs_and_no_more(tmp_path: Path) -> None:
    if not (MODULES / ".bin/vsce").exists() or not (MODULES / "vscode-languageclient").is_dir():
        pytest.skip("vsce is not installed: `npm install` in editors/vscode")
    folder = tmp_path / "vscode"
    shutil.copytree(FOLDER, folder, ignore=shutil.ignore_patterns("node_modules"))
    (folder / "node_modules").symlink_to(MODULES)
    done = subprocess.run(
        [MODULES / ".bin/vsce", "package", "--no-dependencies", "--out", "x.vsix"], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    names = set(zipfile.ZipFile(folder / "x.vsix").namelist())
    own = {
        name.removeprefix("extension/").lower()
        for name in names
        if name.startswith("extension/") and "node_modules" not in name
    }
    assert own == {
        "package.json",
        "readme.md",
        "license.txt",
        "extension.js",
        "language-configuration.json",
        "syntaxes/mlspec.tmlanguage.json",
    }
