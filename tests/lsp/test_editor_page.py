"""docs/editor.md says what the server does."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from mlspec.lsp.features import ALSO, FEATURES
from mlspec.lsp.reference import render
from mlspec.lsp.server import WATCHED, Server
from mlspec.lsp.workspace import Settings

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/editor.md").read_text(encoding="utf-8")


def test_the_table_is_the_one_that_is_registered() -> None:
    assert render(PAGE) == PAGE, "`python -m mlspec.lsp.reference docs/editor.md` writes it"
    registered = set(Server().protocol.fm.features)
    assert {feature.method for feature in FEATURES} <= registered
    for _, _, method in ALSO:
        assert method in registered or method == "textDocument/publishDiagnostics"


def test_the_settings_are_those_that_are_taken() -> None:
    named = re.findall(r"^\| `mlspec\.([\w.]+)` \|", PAGE, re.MULTILINE)
    settings = Settings()
    settings.take({"mlspec": {"env": "dev", "codeLens": False, "inlayHints": {"types": False, "defaults": False}}})
    assert (settings.env, settings.code_lens, settings.types, settings.defaults) == ("dev", False, False, False)
    assert named == ["env", "codeLens", "inlayHints.types", "inlayHints.defaults"]
    for name in WATCHED:
        assert f"`{name}`" in PAGE


def test_the_setup_of_helix_reads() -> None:
    (block,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    found = tomllib.loads(block)
    assert found["language"][0]["language-servers"] == list(found["language-server"])
