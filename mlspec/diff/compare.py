"""Two versions of one spec → all changes, the gravest first."""

from __future__ import annotations

from mlspec.diff import pairing, table, words
from mlspec.diff.change import Change, Comparison, Version
from mlspec.diff.columns import compare_columns, compare_declared
from mlspec.diff.definitions import compare_definitions, compare_parts
from mlspec.diff.fields import compare_fields
from mlspec.diff.names import Names, plain
from mlspec.diff.release import compare_judged, compare_reply, compare_request
from mlspec.diff.report import UNSURE, Report
from mlspec.diff.rerun import attribute_stages
from mlspec.source import Span
from mlspec.spec.externs import code_files
from mlspec.spec.model import Block


def compare(old: Version, new: Version) -> Comparison:
    """The changes between two versions, with the stages that each makes run again where both sides have a graph."""
    names = Names()
    needed = old.spec.needed | new.spec.needed
    before, after = pairing.blocks_of(old.spec, needed), pairing.blocks_of(new.spec, needed)
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
    _code(report)
    stages = attribute_stages(report)
    changes = sorted([*report.changes, *_environments(report)], key=lambda change: change.rank)
    return Comparison(tuple(changes), stages, report.faults)


def _environments(report: Report) -> list[Change]:
    """What holds under an environment and not without it; of a new one what it permits."""
    found: list[Change] = []
    old, new = report.old, report.new
    known = {(change.rule, change.where, change.old, change.new) for change in report.changes}
    for name in dict.fromkeys((*new.envs, *old.envs)):
        one, other = old.envs.get(name), new.envs.get(name)
        if one is None or other is None:
            effect = table.KINDS["env"][other is None]
            rule, spans = ("block-added", "block-removed")[other is None], (_env_head(old, name), _env_head(new, name))
            texts = (f"env {name}", "") if other is None else ("", f"env {name}")
            found.append(Change(effect, rule, f"env.{name}", name, *texts, old_span=spans[0], new_span=spans[1]))
        if other is None:
            continue
        for change in compare(one or new, other).changes:
            if (change.rule, change.where, change.old, change.new) in known or change.effect == "cosmetic":
                continue
            change.where, change.place = f"env.{name}.{change.place}", f"{name}.{change.place}"
            change.stages = {}
            found.append(change)
    return found


def _env_head(side: Version, name: str) -> Span | None:
    return next((block.head for block in side.spec.of_kind("env") if block.name == name), None)


def _code(report: Report) -> None:
    """The code of externs, by the digest of its file: nobody reads or runs it here."""
    report.top = "extern"
    for block in report.new.spec.of_kind("extern"):
        before = report.old.spec.blocks.get(block.name)
        if before is None or plain(before.fields.get("code")) != plain(block.fields.get("code")):
            continue
        for path in code_files(block):
            one, other = report.old.code.get(path), report.new.code.get(path)
            if one != other and path in code_files(before):
                _file(report, before, block, path, (one, other))


def _file(report: Report, before: Block, block: Block, path: str, digests: tuple[str | None, str | None]) -> None:
    users = [each.path for each in report.new.spec.blocks.values() if _calls(each, block.name)]
    texts = [f"{path} {digest[:12]}" if digest else f"{path} cannot be read" for digest in digests]
    report.add("behaviour", "code-changed", f"{block.path}.code", texts[0], texts[1], security=True, incomparable=True,
               why=f"read its file: the diff of the spec does not show it{'; used by ' + ', '.join(users) if users else ''}",
               spans=(before.span_of("code"), block.span_of("code")))  # fmt: skip


def _calls(block: Block, name: str) -> bool:
    """Whether some expression of a block, or the rows of a source, call an extern."""
    made = block.make("from")
    network = block.make("network")
    for each in (made, network):
        if each is not None and "" in each.args and each.get("").block == name:
            return True
    return any(
        called == name
        for each in (block, *block.blocks)
        for item in each.definitions.values()
        for called, _ in item.value.calls
    )


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
    compare_declared(report, old, new)
    compare_definitions(report, old, new, key)
    if new.kind == "split":
        compare_parts(report, old, new, key)
    if new.kind == "serve":
        compare_request(report, old, new)
        compare_reply(report, old, new)
    if new.kind == "extern" and _signature(old) != _signature(new):
        report.add(table.UNKNOWN, "definition-changed", f"{new.path}.signature", _signature(old), _signature(new), why=UNSURE,
                   security=True, spans=(old.head, new.head))  # fmt: skip
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


def _signature(extern: Block) -> str:
    """What an extern takes and gives, as it was written."""
    return " ".join(extern.span.text.partition("{")[0].split())


def _docs(report: Report, old: Block, new: Block) -> None:
    """What `##` lines say, of a block and of what stands in it."""
    if old.doc != new.doc:
        report.add(
            "cosmetic",
            "docs-changed",
            f"{new.path}.doc",
            (old.doc),
            (new.doc),
            spans=(old.head, new.head),
        )
    for before, after in ((old.columns, new.columns), (old.definitions, new.definitions), (old.parts, new.parts)):
        for name, item in after.items():
            was = before.get(name) or before.get(pairing.was_of(item))
            if was is not None and was.doc != item.doc:
                report.add("cosmetic", "docs-changed", f"{new.path}.{name}.doc", (was.doc), (item.doc),
                           spans=(was.span, item.span))  # fmt: skip


def _one_side(report: Report, block: Block, gone: int, around: Block | None = None) -> None:
    """A block that only one side has."""
    if around is None:
        report.top = block.kind
    if gone and (block.path in report.new.written or f"{block.kind} {block.name}".strip() in report.new.written):
        change = report.add(table.UNKNOWN, "not-compared", block.path, words.written(block.head), "", security=True,
                            why="it has an error, so its direction is not known", spans=(block.head, None))  # fmt: skip
        change.code = next((fault.code for fault in report.new.errors), "")
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
