"""Takes the calls of externs out of expressions: what is left is evaluated as ever, with their results as columns.

Both evaluators go this way, so that a call means the same for a batch and for a request.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mlspec.graph.canonical import canonical_bytes
from mlspec.graph.expression import columns_of, rewrite, walk
from mlspec.runtime.wording import text_of


@dataclass(frozen=True)
class Call:
    """One call: its result becomes `column`, which is called as the call is written; `arguments` read source columns and results of earlier rounds."""

    column: str
    name: str
    arguments: tuple[Any, ...]
    type: str


@dataclass(frozen=True)
class Hoisted:
    """Expressions without calls of externs, and the calls in rounds: each round reads what the rounds before gave."""

    forms: Mapping[str, Any]
    rounds: tuple[tuple[Call, ...], ...]

    @property
    def results(self) -> frozenset[str]:
        """The columns that calls give."""
        return frozenset(call.column for calls in self.rounds for call in calls)

    def columns(self) -> list[str]:
        """The source columns that expressions and calls read."""
        forms = [*self.forms.values(), *(form for calls in self.rounds for call in calls for form in call.arguments)]
        results = self.results
        return [name for name in dict.fromkeys(name for form in forms for name in columns_of(form)) if name not in results]


def calls_externs(forms: Iterable[Any]) -> bool:
    """Whether some expression calls an extern."""
    return any(node[0] == "extern" for form in forms if isinstance(form, list) for node in walk(form))


def hoist(forms: Mapping[str, Any]) -> Hoisted:
    """The calls of the expressions, equal ones once, innermost first."""
    known: dict[bytes, Call] = {}
    rounds: list[list[Call]] = []
    left = {key: _hoisted(form, known, rounds)[0] for key, form in forms.items()}
    return Hoisted(left, tuple(tuple(calls) for calls in rounds))


def _hoisted(form: Any, known: dict[bytes, Call], rounds: list[list[Call]]) -> tuple[Any, int]:
    """(the form with columns in place of calls, how many rounds it waits for)."""
    deepest = 0

    def change(node: Any) -> Any:
        nonlocal deepest
        if node[0] != "extern":
            return None
        arguments, depth = [], 0
        for argument in node[2]:
            inner, needed = _hoisted(argument, known, rounds)
            arguments.append(inner)
            depth = max(depth, needed)
        call = _call(node, tuple(arguments), depth, known, rounds)
        deepest = max(deepest, next(place for place, calls in enumerate(rounds, 1) if call in calls))
        return ["col", call.column, call.type]

    return rewrite(form, change), deepest


def _call(node: Any, arguments: tuple[Any, ...], depth: int, known: dict[bytes, Call], rounds: list[list[Call]]) -> Call:
    key = canonical_bytes([node[1], list(arguments)])
    if key not in known:
        text = text_of(["extern", node[1], list(arguments), node[3]])
        column = text if all(call.column != text for call in known.values()) else f"{text} {len(known)}"
        known[key] = Call(column, str(node[1]), arguments, str(node[3]))
        while len(rounds) <= depth:
            rounds.append([])
        rounds[depth].append(known[key])
    return known[key]
