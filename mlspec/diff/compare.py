"""Two versions of one spec → all changes, the gravest first."""

from __future__ import annotations

from mlspec.diff import pairing, table, words
from mlspec.diff.change import Change, Comparison, Version
from mlspec.diff.columns import compare_columns
from mlspec.diff.definitions import compare_definitions, compare_parts
from mlspec.diff.fields import compare_fields
from mlspec.diff.names import Names
from mlspec.diff.release import compare_judged, compare_reply, compare_request
from mlspec.diff.report import Report
from mlspec.diff.rerun import attribute_stages
from mlspec.spec.model import Block


def compare(old: Version, new: Version) -> Comparison:
    """The changes between two versions, with the stages that each makes run again where both sides have a graph."""
    names = Names()
    before, after = pairing.blocks_of(old.spec), pairing.blocks_of(new.spec)
    paired = pairing.pair_blocks(before, after, names, new.written)
    keys = {id(block): key for key, block in before.items()}
    for one, other in paired.pairs:
        pairing.learn_members(one, other, keys[id(one)], names)
    report = Report(old, new, names)
    _whole(report)
    for one, other in paired.pairs:
        report.top = other.kind
        if keys[id(one)] in names.blocks:
            _renamed(report, one, other)
        _block(report, one, other, keys[id(one)])
    for block in paired.gone:
        _one_side(report, block, 1)
    for block in paired.come:
        _one_side(report, block, 0)
    _order(report, list(before), list(after))
    stages = attribute_stages(report)
    changes = sorted(report.changes, key=lambda change: change.rank)
    return Comparison(tuple(changes), stages, new.errors)


def _whole(report: Report) -> None:
    """What is of the file and of no block: its edition, the spec's name, what it imports."""
    old, new = report.old.spec, report.new.spec
    report.top = "spec"
    if old.edition != new.edition:
        report.add("behaviour", "edition-changed", "spec.edition", old.edition, new.edition, incomparable=True,
                   why="defaults may differ")  # fmt: skip
    if old.name != new.name:
        spans = tuple(next((block.head for block in spec.of_kind("spec")), None) for spec in (old, new))
        report.add("breaking", "block-renamed", "spec.name", old.name, new.name, spans=(spans[0], spans[1]),
                   why="runs, packages and targets go by this name")  # fmt: skip
    report.top = "use"
    for alias in dict.fromkeys((*old.imports, *new.imports)):
        one, other = old.imports.get(alias, ""), new.imports.get(alias, "")
        if one != other:
            effect = "behaviour" if one and other else "additive" if other else "breaking"
            report.add(effect, "import-changed", alias, one, other, security=bool(one and other))


def _renamed(report: Report, old: Block, new: Block) -> None:
    exported = table.KINDS.get(new.kind, ("", table.UNKNOWN))[1] == "breaking"
    why = "what names it from outside must follow" if exported else "the same under another name"
    report.add("breaking" if exported else "behaviour", "block-renamed", new.path, old.path, new.path, why=why,
               spans=(old.head, new.head))  # fmt: skip


def _block(report: Report, old: Block, new: Block, key: str) -> None:
    """Everything that two blocks of one kind say."""
    compare_fields(report, old, new)
    compare_columns(report, old, new, key)
    compare_definitions(report, old, new, key)
    compare_parts(report, old, new, key)
    if new.kind == "serve":
        compare_request(report, old, new)
        compare_reply(report, old, new)
    if new.kind == "gates":
        compare_judged(report, old, new)
    _docs(report, old, new)
    inner = pairing.pair_inner(old, new)
    for one, other in inner.pairs:
        _block(report, one, other, f"{key}.{one.name}")
    for block in inner.gone:
        _one_side(report, block, 1, new)
    for block in inner.come:
        _one_side(report, block, 0, new)


def _docs(report: Report, old: Block, new: Block) -> None:
    """What `##` lines say, of a block and of what stands in it."""
    if old.doc != new.doc:
        report.add(
            "cosmetic",
            "docs-changed",
            f"{new.path}.doc",
            words.short(old.doc),
            words.short(new.doc),
            spans=(old.head, new.head),
        )
    for before, after in ((old.columns, new.columns), (old.definitions, new.definitions), (old.parts, new.parts)):
        for name, item in after.items():
            was = before.get(name) or before.get(pairing.was_of(item))
            if was is not None and was.doc != item.doc:
                report.add("cosmetic", "docs-changed", f"{new.path}.{name}.doc", words.short(was.doc), words.short(item.doc),
                           spans=(was.span, item.span))  # fmt: skip


def _one_side(report: Report, block: Block, gone: int, around: Block | None = None) -> None:
    """A block that only one side has."""
    if around is None:
        report.top = block.kind
    if gone and (block.path in report.new.written or f"{block.kind} {block.name}".strip() in report.new.written):
        change = report.add(table.UNKNOWN, "not-compared", block.path, words.written(block.head), "", security=True,
                            why="it has an error, so its direction is not known", spans=(block.head, None))  # fmt: skip
        change.code = next((code for code, _ in report.new.errors), "")
        return
    row = table.KINDS.get(block.kind)
    effect = table.UNKNOWN if row is None else row[gone]
    why = _said(block) if effect in ("loosening", "tightening") else ""
    head = around.head if around is not None else None
    report.add(
        effect, ("block-added", "block-removed")[gone], block.path, words.written(block.head) if gone else "",
        "" if gone else words.written(block.head), why=why,
        security=block.kind in table.SECURITY_KINDS and (effect != "tightening"),
        spans=(block.head, head) if gone else (head, block.head),
    )  # fmt: skip


def _said(block: Block) -> str:
    """What goes or comes with a block."""
    names = list(block.definitions)
    return f"with {', '.join(names[:6])}{f' and {len(names) - 6} more' if len(names) > 6 else ''}" if names else ""


def _order(report: Report, old: list[str], new: list[str]) -> None:
    """Blocks in another order say the same."""
    kept = [report.names.blocks.get(key, key) for key in old]
    common = [key for key in kept if key in set(new)]
    if common != [key for key in new if key in set(kept)]:
        report.top = "spec"
        report.add("cosmetic", "order-changed", "spec.order", "", "", why="the blocks stand in another order")


__all__ = ["Change", "compare"]
