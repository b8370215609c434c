"""Every field of the schema, changed once: the diff says so at its place, with an effect that its row allows, marked where it must be."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlspec.diff import table
from mlspec.spec import schema
from tests.unit.test_diff import of_texts
from tests.unit.test_every_row import BASE, FIELDS, HEADS, OTHERS, value, with_field

ORDERED = {"loosening", "tightening"}
# What the base says already, so that nothing changes; a column list and a reply are compared by what callers see.
ELSEWHERE = {("serve", "request"), ("serve", "output"), ("gates", "part"), ("split", "on")}


def effects(direction: str) -> set[str]:
    row = table.DIRECTIONS[direction]
    return ORDERED if row is None else set(row)


@pytest.mark.parametrize(("kind", "name"), [pair for pair in FIELDS if pair[0] in HEADS], ids=str)
def test_a_changed_field_is_told(kind: str, name: str, tmp_path: Path) -> None:
    row = schema.kind(kind)
    assert row is not None
    field = row.fields[name]
    text = with_field(kind, name, value(field.form))
    there, back = of_texts(tmp_path, BASE, text), of_texts(tmp_path, text, BASE)
    if same_value(kind, name, tmp_path):
        assert there.changes == back.changes == ()
        return
    for found in (there, back):
        told = [change for change in found.changes if change.where.startswith(place(kind)) and f".{name}" in change.where]
        assert told, [change.where for change in found.changes]
        if (kind, name) in ELSEWHERE:
            continue
        for change in told:
            own = change.where.rpartition(".")[2]
            made = [p.direction for p in parameters(field.form) if p.name == own and p.direction]
            allowed = effects(made[0] if made and own != name else field.direction)
            # An error in a new text makes a change graver, never milder.
            assert change.effect in allowed | ({"loosening"} if change.code else set()), (change.where, change.effect)
            if (kind, name) in table.SECURITY_FIELDS or kind in table.SECURITY_KINDS or name in table.RESOURCES:
                assert change.security, change.where


def place(kind: str) -> str:
    return {"family": "search.tune.linear", "log": "serve.api.decisions", "spec": "spec"}.get(kind, f"{kind}.")


def parameters(form: object) -> list[schema.Parameter]:
    forms = form[1:] if isinstance(form, tuple) and form[0] == "one" else (form,)
    return [
        parameter
        for each in forms
        if isinstance(each, tuple) and each[0] == "call"
        for name in schema.constructors(each[1])
        for made in [schema.constructor(each[1], name)]
        if made is not None
        for parameter in made.parameters
    ]


def same_value(kind: str, name: str, where: Path) -> bool:
    """Whether the base has this value, given or by default."""
    from mlspec.diff.names import plain
    from mlspec.driver import Compilation

    found = []
    for side in ("old", "new"):
        spec = Compilation(where / f"{side}.mlspec").rough
        assert spec is not None
        blocks = [*spec.blocks.values(), *spec.unnamed]
        every = [inner for block in blocks for inner in (block, *block.blocks) if inner.kind == kind]
        found.append([plain(block.fields.get(name)) for block in every])
    return found[0] == found[1]


@pytest.mark.parametrize("kind", sorted(OTHERS))
def test_a_new_block_is_told_and_so_is_one_that_went(kind: str, tmp_path: Path) -> None:
    row = schema.kind(kind)
    assert row is not None
    field = next(iter(row.fields.values()))
    text = with_field(kind, field.name, value(field.form))
    for old, new, side in ((BASE, text, 0), (text, BASE, 1)):
        told = [change for change in of_texts(tmp_path, old, new).changes if change.where.startswith(f"{kind}.")]
        if row.inside:
            assert not told
            continue
        assert told, kind
        assert told[0].rule == ("block-added", "block-removed")[side]
        assert told[0].effect == table.KINDS[kind][side] or told[0].code
