"""Lineage down to the column: which column becomes which feature, what model reads it, what judges that model and where it answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

from mlspec.doc.subject import Subject, expression_text, field_text
from mlspec.page.drawing import Drawing, Edge, Node
from mlspec.page.html import join
from mlspec.page.layout import longest_paths
from mlspec.source import Span
from mlspec.spec.extern_steps import extern_of, step_of, tables_of
from mlspec.spec.kinds import LEVELS, TAINTS
from mlspec.spec.model import Block, Definition
from mlspec.spec.values import Reference, Typed

KINDS = {
    "column": "column", "step": "code of the project", "feature": "feature", "split": "split", "model": "model", "gate": "gate", "use": "serving and scoring",
    "live": "logged and watched",
}  # fmt: skip
_BESIDE = {"column": ("step",), "feature": ("split",)}  # kinds that stand among those of another, and after one another
HEADS = {"column": "Columns", "feature": "Features", "model": "Models", "gate": "Gates", "use": "Use", "live": "Live"}
MODELS = ("model", "search", "train", "compress")
USES = ("serve", "score")


class Lineage:
    """Nodes by id in the order of the life cycle, and the edges between them."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.nodes: dict[str, Node] = {}
        self.edges: dict[tuple[str, str], Edge] = {}
        self.verdicts = _verdicts(subject)
        for part in (self._columns, self._features, self._splits, self._models, self._gates, self._uses, self._live):
            part()

    def drawing(self) -> Drawing:
        """The drawing of all of it."""
        layers, heads = self._layers()
        used = {node.kind for node in self.nodes.values()}
        kinds = {kind: words for kind, words in KINDS.items() if kind in used}
        return Drawing(f"Lineage of {self.subject.spec.name}", list(self.nodes.values()), list(self.edges.values()), kinds, layers, heads,
                       ("What it is", "Where"))  # fmt: skip

    def around(self, node: str, *, forward: bool, values: bool = False) -> list[str]:
        """Every node that is reached from one, along the edges or against them, in the order of the life cycle.

        With `values` only along edges on which values travel: not by which rows are used, and not by whether a gate lets a model pass.
        """
        beside: dict[str, list[str]] = {}
        for (source, target), edge in self.edges.items():
            if values and edge.kind:
                continue
            here, there = (source, target) if forward else (target, source)
            beside.setdefault(here, []).append(there)
        reached, pending = {node}, [node]
        while pending:
            fresh = [there for there in beside.get(pending.pop(), ()) if there not in reached]
            reached.update(fresh)
            pending += fresh
        return [name for name in self.nodes if name in reached and name != node]

    def _layers(self) -> tuple[dict[str, int], list[str]]:
        """A layer for each node: features stand on features and columns on code, everything else has one layer a kind that occurs."""
        layers, heads, at = {}, [], 0
        for kind, head in HEADS.items():
            members = [name for name, node in self.nodes.items() if node.kind in (kind, *_BESIDE.get(kind, ()))]
            if not members:
                continue
            known = set(members) if kind in _BESIDE else set()
            depth = longest_paths(members, [edge for edge in self.edges if edge[0] in known and edge[1] in known])
            span = max(depth.values(), default=0) + 1
            layers.update({name: at + depth.get(name, 0) for name in members})
            heads += [head] * span
            at += span
        return layers, heads

    def _add(
        self, id_: str, label: str, kind: str, about: str, where: object, note: str = "", group: str = "", tone: str = ""
    ) -> None:
        """A node with its row of the table: what it is, with what else is to be said, and where it is written."""
        self.nodes[id_] = Node(
            id_, label, kind, about, note, group, tone, (join([about, f" ({note})" if note else None]), where)
        )

    def _edge(self, source: str, target: str, kind: str = "") -> None:
        if source in self.nodes and target in self.nodes and source != target:
            self.edges.setdefault((source, target), Edge(source, target, kind))

    def _columns(self) -> None:
        for source in self.subject.blocks("source"):
            step = self._step(source)
            for column in source.columns.values():
                tags = ", ".join(column.tags)
                about = f"{column.type}" + (f" · {tags}" if tags else "")
                self._add(f"{source.name}.{column.name}", column.name, "column", about, self.subject.line(column.span),
                          column.doc, f"source {source.name}")  # fmt: skip
                self._edge(step, f"{source.name}.{column.name}")

    def _step(self, source: Block) -> str:
        """The code that makes the rows of a source, behind the columns that it is given; "" where its rows are read."""
        made = step_of(source)
        if made is None:
            return ""
        extern = self.subject.spec.blocks[extern_of(made)]
        id_ = f"{source.name} from {extern.name}"
        self._add(id_, extern.name, "step", str(extern.get("code")), self.subject.line(extern.head), extern.doc)
        types = dict(extern.get("parameters"))
        for parameter, table in tables_of(source).items():
            for column, _ in types[parameter].members:
                self._edge(f"{table}.{column}", id_)
        return id_

    def _features(self) -> None:
        for block in self.subject.blocks("features"):
            for feature in block.definitions.values():
                text = expression_text(feature.value)
                note = ", ".join([LEVELS[feature.value.level].lower(), *_marks(feature)])
                self._add(f"{block.name}.{feature.name}", feature.name, "feature", text, self.subject.line(feature.span), note,
                          f"features {block.name}")  # fmt: skip
            for feature in block.definitions.values():
                self._read(feature.value, f"{block.name}.{feature.name}")

    def _splits(self) -> None:
        for block in self.subject.blocks("split"):
            parts = ", ".join(block.parts)
            self._add(block.name, block.name, "split", f"parts {parts}", self.subject.line(block.head))
            for field in ("on", "group", "stratify"):
                if (ref := block.ref(field)) is not None:
                    self._edge(ref.path, block.name)

    def _models(self) -> None:
        for block in self.subject.blocks(*MODELS):
            about = model_text(block)
            self._add(block.name, block.name, "model", about or field_text(block, "value"), self.subject.line(block.head))
            for name in features_of(self.subject, block):
                self._edge(name, block.name)
            if block.kind == "compress" and (inner := block.ref("model")) is not None:
                self._edge(inner.block, block.name)
            for field in ("label", "part"):
                if (ref := block.ref(field)) is not None:
                    self._edge(ref.path if field == "label" else ref.block, block.name, "" if field == "label" else "order")

    def _gates(self) -> None:
        for block in self.subject.blocks("gates"):
            for gate in block.definitions.values():
                id_, verdict = f"{block.name}.{gate.name}", self.verdicts.get((block.name, gate.name), "")
                tone = {"passed": "good", "failed": "bad"}.get(verdict, "")
                self._add(id_, gate.name, "gate", expression_text(gate.value), self.subject.line(gate.span), verdict,
                          f"gates {block.name}", tone)  # fmt: skip
                self._read(gate.value, id_)
                if (part := block.ref("part")) is not None:
                    self._edge(part.block, id_, "order")

    def _uses(self) -> None:
        for block in self.subject.blocks(*USES):
            about = f"{block.kind}, {field_text(block, 'output')}" if block.kind == "serve" else "score"
            self._add(block.name, block.name, "use", about, self.subject.line(block.head))
            if (model := block.ref("model")) is not None:
                self._edge(model.block, block.name)
            if (gate := block.ref("gate")) is not None and gate.block in self.subject.spec.blocks:
                for name in self.subject.spec.blocks[gate.block].definitions:
                    self._edge(f"{gate.block}.{name}", block.name, "order")

    def _live(self) -> None:
        for block in self.subject.blocks("serve"):
            for log in block.nested("log"):
                self._told(log, log.definitions.values(), block.name, f"log {log.name}")
        for block in self.subject.blocks("monitor"):
            watched = block.ref("of")
            self._told(block, block.definitions.values(), "" if watched is None else watched.block, f"monitor {block.name}")

    def _told(self, block: Block, items: Iterable[Definition], source: str, group: str) -> None:
        for item in items:
            id_ = f"{block.path}.{item.name}"
            self._add(id_, item.name, "live", expression_text(item.value), self.subject.line(item.span), "", group)
            # A value that reads neither score nor inputs, such as a masked key, is told beside the model's answer, not made from it.
            self._edge(source, id_, "" if block.kind == "monitor" or _live(item.value.form) else "order")
            self._read(item.value, id_)

    def _read(self, value: Typed, target: str) -> None:
        """Edges from everything that an expression itself names: columns, features and models; not from what these stand on."""
        seen: set[tuple[int, int]] = set()
        for ref in value.refs:
            place = ref.span
            if place is not None and (not _inside(place, value.span) or (place.start, place.end) in seen):
                continue  # what a named feature stands on has the feature's place, behind it
            if place is not None:
                seen.add((place.start, place.end))
            self._edge(ref.path if ref.kind in ("column", "feature") else ref.block, target)


def _live(form: object) -> bool:
    """Whether an expression reads what a server answered, or the features that the model read."""
    if not isinstance(form, list | tuple):
        return False
    return (len(form) > 1 and form[0] in ("live", "features", "feature", "metric")) or any(_live(part) for part in form)


def _inside(place: Span, span: Span) -> bool:
    return place.source is span.source and span.start <= place.start < span.end


def _marks(feature: Definition) -> Iterator[str]:
    if "audit" in feature.attrs:
        yield "audit only, no model reads it"
    if feature.value.taint:
        yield f"{TAINTS[feature.value.taint]} data"


@lru_cache(maxsize=1)
def lineage_of(subject: Subject) -> Lineage:
    """The lineage of the site that is being built: several pages ask for it."""
    return Lineage(subject)


def _verdicts(subject: Subject) -> dict[tuple[str, str], str]:
    if subject.run is None:
        return {}
    return {
        (block, str(gate["name"])): str(gate["status"])
        for block, verdict in subject.run.evidence.verdict.items()
        for gate in verdict["gates"]
    }


def model_text(block: Block) -> str:
    """What a model is: its estimators, its network, or the steps that made it smaller."""
    families = ", ".join(field_text(family, "estimator") for family in block.nested("family"))
    if block.kind == "compress":
        return ", ".join(text for name in ("distil", "prune", "quantise", "export") if (text := field_text(block, name)))
    return families or field_text(block, "network" if block.kind == "train" else "estimator")


def features_of(subject: Subject, block: Block) -> list[str]:
    """The features that a model reads, as `block.feature`: a whole block without its audit ones, or a list."""
    item = block.get("features")
    refs = item if isinstance(item, tuple) else (item,)
    found = []
    for ref in refs:
        if not isinstance(ref, Reference):
            continue
        if ref.member is not None:
            found.append(ref.path)
        elif ref.block in subject.spec.blocks:
            defined = subject.spec.blocks[ref.block].definitions.values()
            found += [f"{ref.block}.{feature.name}" for feature in defined if "audit" not in feature.attrs]
    return found
