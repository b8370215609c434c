"""209: models of a registry: names that none takes, and what must be known of one that is judged or answers."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mlspec.diagnostics import Note
from mlspec.source import Span
from mlspec.spec.checks.reading import judged_models, text_of
from mlspec.spec.findings import Findings
from mlspec.spec.model import Block, Spec
from mlspec.spec.registered import is_registered, judged_label, label_reference, named_models
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


_PLACES = (("gates", "candidate"), ("evaluate", "models"), ("serve", "model"), ("score", "model"))


def one_that_may_be_missing(spec: Spec, findings: Findings) -> None:
    """209: what is judged for release, looked into or answers must be there; only what others are compared with may be missing."""
    for kind, field in _PLACES:
        for block in spec.of_kind(kind):
            model = _named(spec, block, field)
            made = None if model is None else model.make("value")
            if model is not None and made is not None and is_registered(model) and made.get("if_absent") == "skip":
                findings.add("MLS209", block.span_of(field), [Note("may be missing by this", model.span)], what=f"the registry model `{model.name}` as `{field}`",
                             got="`if_absent: skip`", wanted="`if_absent: fail`, its default: what does not exist is neither released nor asked",
                             hint=f"declare it a second time without `if_absent` for `{field}`, and compare with `{model.name}`")  # fmt: skip


def _named(spec: Spec, block: Block, field: str) -> Block | None:
    """The model of a field; of a list the first."""
    names = named_models(block) if block.kind in ("gates", "evaluate") else [ref.block for ref in (block.ref(field),) if ref]
    return spec.blocks.get(names[0]) if names else None


def label_that_nothing_says(spec: Spec, findings: Findings) -> None:
    """209: a registry model alone, over rows without an outcome or with several of which models are made here."""
    for kind, field in _PLACES[:2]:
        for block in spec.of_kind(kind):
            model = _named(spec, block, field)
            if (
                model is not None
                and is_registered(model)
                and block.get("part") is not None
                and judged_label(spec, block) is None
            ):
                findings.add("MLS209", block.span_of(field), what=f"the registry model `{model.name}` as `{field}`",
                             got="a model whose label nothing says", wanted="rows with one `@outcome` column, or models of one label here")  # fmt: skip


def judged_on_another_label(spec: Spec, findings: Findings) -> None:
    """209: a gate compares a registry candidate with a model of another label than it is taken to have."""
    for gates in spec.of_kind("gates"):
        candidate = _named(spec, gates, "candidate")
        label = judged_label(spec, gates) if is_registered(candidate) else None
        for model, gate in judged_models(spec, gates).values() if label is not None else ():
            own = label_reference(spec, model)
            if gate is not None and label is not None and own is not None and own.path != label.path:
                findings.add("MLS209", gate.value.span, [Note("predicted here", spec.learned(model).span_of("label"))], what=f"`{text_of(gate.value.span)}`",
                             got=f"a model of `{own.path}`", wanted=f"models of `{label.path}`, as which the candidate is judged")  # fmt: skip


CHECKS = (names_of_registries, one_that_may_be_missing, label_that_nothing_says, judged_on_another_label)
