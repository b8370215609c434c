"""209: names that a model registry does not take, found before a run has trained for hours."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mlspec.source import Span
from mlspec.spec.findings import Findings
from mlspec.spec.model import Spec
from mlspec.spec.values import Made

_ALIAS = re.compile(r"(?!latest\Z)(?![vV][0-9]+\Z)[A-Za-z0-9_-]{1,255}\Z")
_NAME = re.compile(r"[^/:'\\\x00-\x1f]{1,256}\Z")


def names_of_registries(spec: Spec, findings: Findings) -> None:
    """209: the name of a registered model, or an alias, as no registry takes it."""
    for made, span in _registries(spec):
        name, aliases = made.get("name"), made.get("aliases" if "aliases" in made.args else "alias")
        if name is not None and not _NAME.match(str(name)):
            findings.add("MLS209", _place(made, "name", span), what="the name of a registered model", got=f'"{name}"',
                         wanted="1 to 256 characters without `/`, `:`, quotes and backslashes")  # fmt: skip
        for alias in aliases if isinstance(aliases, tuple | list) else (aliases,):
            text = getattr(alias, "item", alias)
            if text is not None and not _ALIAS.match(str(text)):
                findings.add("MLS209", _place(made, "alias", _place(made, "aliases", span)), what="an alias", got=f'"{text}"',
                             wanted="letters, digits, `-` and `_`; not `latest`, and no `v` with a number")  # fmt: skip


def _registries(spec: Spec) -> Iterator[tuple[Made, Span]]:
    """Every `registry(…)` of a model, and the registry of the spec itself."""
    for block in spec.of_kind("model"):
        made = block.make("value")
        if made is not None and made.name == "registry":
            yield made, block.span
    for block in spec.of_kind("spec"):  # a file with errors may have none
        made = block.make("registry")
        if made is not None:
            yield made, block.span_of("registry")


def _place(made: Made, argument: str, span: Span) -> Span:
    given = made.args.get(argument)
    return span if given is None or given.span is None else given.span


CHECKS = (names_of_registries,)
