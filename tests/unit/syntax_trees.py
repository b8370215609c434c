"""Random syntax trees for property tests; every tree they make is one that the grammar has."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from mlspec.source import SourceFile, Span
from mlspec.syntax.nodes import (
    Arg,
    Attr,
    Block,
    Call,
    Chain,
    Declare,
    Define,
    Extern,
    ExternParam,
    File,
    IfElse,
    ListExpr,
    Literal,
    Name,
    Patch,
    Range,
    Ref,
    Setting,
    TypeNode,
    Unary,
    Use,
)
from mlspec.syntax.strings import dedent, quote

NOWHERE = Span(SourceFile("made", ""), 0, 0)
names = st.sampled_from(["a", "b2", "long_name_of_a_column", "set", "use", "as", "extern", "mlspec", "X"]).map(
    lambda text: Name(NOWHERE, text)
)


def _literal(kind: str, value: object, raw: str, unit: str = "") -> Literal:
    return Literal(NOWHERE, kind, value, raw, unit)


_strings = st.text(st.sampled_from('aZ 9"\\\n\t#{}é日\u00a0\u202e'), max_size=6).map(
    lambda text: _literal("string", text, quote(text))
)
_bodies = st.text(st.sampled_from("ab {}'\\\n\n  #"), max_size=12)
_texts = _bodies.map(lambda body: _literal("text", dedent(body), f'sql"""{body}"""', "sql"))
_plain = [
    _literal("int", 0, "0"),
    _literal("int", 99_999, "99_999"),
    _literal("float", 1.5, "1.50"),
    _literal("float", 0.001, "1e-3"),
    _literal("bool", True, "true"),
    _literal("null", None, "null"),
    _literal("duration", 0.25, "250ms"),
    _literal("duration", 5_400.0, "1.5h"),
    _literal("bytes", 67_108_864, "64MiB"),
    _literal("rate", 1.0, "60rpm", "rpm"),
    _literal("percent", 0.05, "5%"),
    _literal("points", 0.005, "0.5pp"),
    _literal("digest", "0" * 64, "sha256:" + "0" * 64),
]
literals = st.sampled_from(_plain) | _strings | _texts
refs = st.lists(names, min_size=1, max_size=3).map(lambda parts: Ref(NOWHERE, tuple(parts)))


def _args(inner: st.SearchStrategy[Any], most: int = 7) -> st.SearchStrategy[tuple[Arg, ...]]:
    return st.lists(st.builds(lambda name, value: Arg(NOWHERE, name, value), st.none() | names, inner), max_size=most).map(
        tuple
    )


_OPERATORS = [["or"], ["and"], ["??"], ["+", "-"], ["*", "/"]]


def _chains(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Chain]:
    def of(operators: list[str]) -> st.SearchStrategy[Chain]:
        rest = st.lists(st.tuples(st.sampled_from(operators), inner), min_size=1, max_size=3).map(tuple)
        return st.builds(lambda first, more: Chain(NOWHERE, first, more), inner, rest)

    one = st.tuples(st.sampled_from(["==", "!=", "<", "<=", ">", ">=", "in"]), inner).map(lambda pair: (pair,))
    compared = st.builds(lambda first, more: Chain(NOWHERE, first, more), inner, one)
    return compared | st.one_of([of(operators) for operators in _OPERATORS])


def _larger(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.builds(lambda callee, args: Call(NOWHERE, callee, args), refs, _args(inner)),
        st.lists(inner, max_size=7).map(lambda items: ListExpr(NOWHERE, tuple(items))),
        st.builds(lambda op, operand: Unary(NOWHERE, op, operand), st.sampled_from(["-", "not"]), inner),
        _chains(inner),
        st.builds(lambda low, high: Range(NOWHERE, low, high), inner, inner),
        st.builds(lambda a, b, c: IfElse(NOWHERE, a, b, c), inner, inner, inner),
    )


exprs = st.recursive(literals | refs, _larger, max_leaves=5)
types = st.builds(lambda name, args, optional: TypeNode(NOWHERE, name, args, optional), names, _args(exprs, 2), st.booleans())
attrs = st.lists(st.builds(lambda name, args: Attr(NOWHERE, name, args), names, _args(exprs, 2)), max_size=2).map(tuple)
docs = st.sampled_from(["", "", "What it is.", "Two\n\nlines"])

_simple = st.one_of(
    st.builds(lambda *v: Setting(NOWHERE, *v), names, st.none() | names, exprs, attrs, docs),
    st.builds(lambda *v: Declare(NOWHERE, *v), names, st.none() | names, types, attrs, st.none() | exprs, docs),
    st.builds(lambda *v: Define(NOWHERE, *v), names, exprs, attrs, docs),
    st.builds(lambda path, *v: Patch(NOWHERE, tuple(path), *v), st.lists(names, min_size=2, max_size=3), exprs, docs),
    st.builds(lambda *v: Use(NOWHERE, *v), _strings, names, docs),
)


def _blocks(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    body = st.lists(inner, max_size=4).map(tuple)
    param = st.builds(lambda name, type: ExternParam(NOWHERE, name, type), names, types)
    return st.one_of(
        st.builds(lambda *v: Block(NOWHERE, NOWHERE, *v), names, st.none() | names, body, docs),
        st.builds(
            lambda *v: Extern(NOWHERE, NOWHERE, *v), names, names, st.lists(param, max_size=3).map(tuple), types, body, docs
        ),
    )


statements = st.recursive(_simple, _blocks, max_leaves=4)
files = st.lists(statements, max_size=5).map(lambda rows: File(NOWHERE, "2026.1", tuple(rows), ()))
