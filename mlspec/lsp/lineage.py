"""Which definitions read which: column lineage, as a call hierarchy shows it."""

from __future__ import annotations

from lsprotocol import types

from mlspec.lsp.names import Target
from mlspec.lsp.navigation import KINDS, declaration_of, location, place_at, uses
from mlspec.lsp.workspace import Workspace


class Lineage:
    """Who reads whom. A reader is the definition, column or block in whose statement a name stands."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def read_by(self, target: Target) -> dict[Target, list[types.Range]]:
        """What a target reads, with the places of the names."""
        analysis = self._workspace.of_file(target.file)
        declared = analysis.names.declared.get(target)
        found: dict[Target, list[types.Range]] = {}
        for place in analysis.names.within(declared.whole) if declared is not None else ():
            if (
                place.item == target
                and place.target != target
                and not place.declares
                and not _only_head(analysis.text, place.span.end)
            ):
                found.setdefault(place.target, []).append(analysis.positions.of(place.span))
        return found

    def readers(self, target: Target, everywhere: bool = True) -> dict[Target, list[types.Range]]:
        """What reads a target, with the places of its name: in its project, or in its file and the open ones."""
        found: dict[Target, list[types.Range]] = {}
        for analysis, place in uses(self._workspace, target, everywhere):
            if not place.declares and place.item != target and not _only_head(analysis.text, place.span.end):
                found.setdefault(place.item, []).append(analysis.positions.of(place.span))
        return found


def _only_head(text: str, end: int) -> bool:
    """Whether a name is followed by a dot: what is read is the member behind it."""
    return text[end : end + 1] == "."


def lineage(workspace: Workspace) -> Lineage:
    return Lineage(workspace)


def prepare(workspace: Workspace, params: types.CallHierarchyPrepareParams) -> list[types.CallHierarchyItem] | None:
    """The item of the name at a position."""
    place = place_at(workspace.analysis(params.text_document.uri), params.position)
    item = None if place is None else _item(workspace, place.target)
    return None if item is None else [item]


def incoming(workspace: Workspace, params: types.CallHierarchyIncomingCallsParams) -> list[types.CallHierarchyIncomingCall]:
    """What reads an item."""
    target = _target(params.item)
    found = {} if target is None else lineage(workspace).readers(target)
    return [types.CallHierarchyIncomingCall(item, ranges) for each, ranges in found.items() if (item := _item(workspace, each))]


def outgoing(workspace: Workspace, params: types.CallHierarchyOutgoingCallsParams) -> list[types.CallHierarchyOutgoingCall]:
    """What an item reads."""
    target = _target(params.item)
    found = {} if target is None else lineage(workspace).read_by(target)
    return [types.CallHierarchyOutgoingCall(item, ranges) for each, ranges in found.items() if (item := _item(workspace, each))]


def _item(workspace: Workspace, target: Target) -> types.CallHierarchyItem | None:
    found = declaration_of(workspace, target)
    if found is None:
        return None
    analysis, declared = found
    where = location(workspace, analysis, declared.name)
    return types.CallHierarchyItem(
        name=f"{target.block}.{target.member}" if target.member else target.block,
        kind=KINDS.get(declared.noun, types.SymbolKind.Object),
        uri=where.uri,
        range=analysis.positions.of(declared.whole),
        selection_range=where.range,
        detail=declared.noun,
        data=list(target),
    )


def _target(item: types.CallHierarchyItem) -> Target | None:
    """The target that an item was made of; None of one that is not ours."""
    data = item.data
    if isinstance(data, list | tuple) and len(data) == 3 and all(isinstance(part, str) for part in data):
        return Target(*data)
    return None
