"""SQL as a tree: the few shapes that extraction, splits, features and statistics are built from.

Every statement is a sqlglot expression rendered at the last moment, so a name or a value is quoted by the dialect and never
by us. Operands are put in parentheses of their own: sqlglot renders trees as they stand, without minding precedence.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from sqlglot import exp

Sql: TypeAlias = exp.Expr


def name(*parts: str) -> Sql:
    """A quoted column, as `table.column` when two parts are given."""
    return exp.column(parts[-1], *reversed(parts[:-1]), quoted=True)


def call(function: str, *arguments: Any) -> Sql:
    """A function of the engine, by its own name, whatever sqlglot thinks of it."""
    return exp.Anonymous(this=function, expressions=[lift(argument) for argument in arguments])


def lift(value: Any) -> Sql:
    """A Python value as a typed constant; an expression as it is."""
    if isinstance(value, exp.Expr):
        return value
    if value is None:
        return exp.Null()
    if isinstance(value, bool):
        return exp.Boolean(this=value)
    if isinstance(value, int):
        return cast(exp.Literal.string(str(value)), "BIGINT")
    if isinstance(value, float):
        # Through its shortest text: a bare 0.1 would be a DECIMAL, and -0.0 would lose its sign.
        return cast(exp.Literal.string(repr(value)), "DOUBLE")
    if isinstance(value, str):
        return exp.Literal.string(value)
    raise TypeError(f"no SQL constant for {type(value).__name__}")


def cast(value: Any, kind: str) -> Sql:
    """`CAST(value AS kind)`, an error where it does not fit."""
    return exp.Cast(this=lift(value), to=exp.DataType.build(kind, dialect="duckdb"))


def try_cast(value: Any, kind: str) -> Sql:
    """`TRY_CAST(value AS kind)`, null where it does not fit."""
    return exp.TryCast(this=lift(value), to=exp.DataType.build(kind, dialect="duckdb"))


_BINARY: Mapping[str, type[exp.Expr]] = {
    "+": exp.Add, "-": exp.Sub, "*": exp.Mul, "/": exp.Div, "==": exp.EQ, "!=": exp.NEQ, "<": exp.LT, "<=": exp.LTE,
    ">": exp.GT, ">=": exp.GTE, "and": exp.And, "or": exp.Or,
}  # fmt: skip


def binary(operator: str, left: Any, right: Any) -> Sql:
    """Two operands and the operator between them, each in parentheses."""
    return _BINARY[operator](this=exp.Paren(this=lift(left)), expression=exp.Paren(this=lift(right)))


def both(*conditions: Any) -> Sql:
    """All conditions, `true` when there are none."""
    result: Sql = exp.true()
    for place, condition in enumerate(conditions):
        result = lift(condition) if place == 0 else binary("and", result, condition)
    return result


def negate(condition: Any) -> Sql:
    """`NOT (condition)`."""
    return exp.Not(this=exp.Paren(this=lift(condition)))


def is_null(value: Any) -> Sql:
    """`(value) IS NULL`."""
    return exp.Is(this=exp.Paren(this=lift(value)), expression=exp.Null())


def not_null(value: Any) -> Sql:
    """`(value) IS NOT NULL`."""
    return negate(is_null(value))


def one_of(value: Any, items: Iterable[Any]) -> Sql:
    """`(value) IN (items)`."""
    return exp.In(this=exp.Paren(this=lift(value)), expressions=[lift(item) for item in items])


def case(*branches: tuple[Any, Any], default: Any = None) -> Sql:
    """The value of the first true condition, else `default`."""
    ifs = [exp.If(this=lift(condition), true=lift(value)) for condition, value in branches]
    return exp.Case(ifs=ifs, default=lift(default))


def window(value: Sql, *, by: Iterable[Any] = (), order: Iterable[Any] = ()) -> Sql:
    """`value OVER (PARTITION BY … ORDER BY …)`."""
    keys = [key if isinstance(key, exp.Ordered) else exp.Ordered(this=lift(key), nulls_first=False) for key in order]
    return exp.Window(
        this=value, partition_by=[lift(key) for key in by], order=exp.Order(expressions=keys) if keys else None
    )  # fmt: skip


def distinct(value: Any) -> Sql:
    """`DISTINCT value`, as the argument of an aggregate."""
    return exp.Distinct(expressions=[lift(value)])


def array(items: Iterable[Any]) -> Sql:
    """A list of values."""
    return exp.Array(expressions=[lift(item) for item in items])


def found_in(value: Any, rows: exp.Query) -> Sql:
    """`value IN (SELECT …)`."""
    return exp.In(this=lift(value), query=rows.subquery(copy=False))


def descending(value: Any) -> Sql:
    """An order from the greatest down, nulls last."""
    return exp.Ordered(this=lift(value), desc=True, nulls_first=False)


def select(columns: Mapping[str, Any] | None, source: Any, *, where: Any = None) -> exp.Select:
    """`SELECT value AS name, … FROM source`; no columns means all of them."""
    items = [exp.Star()] if columns is None else [exp.alias_(lift(value), key, quoted=True) for key, value in columns.items()]
    query = exp.Select().select(*items, copy=False).from_(table(source), copy=False)
    return query if where is None else query.where(where, copy=False)


def table(source: Any, alias: str | None = None) -> Sql:
    """A source of rows: a name, a subquery or a table function."""
    if isinstance(source, str):
        found: Sql = exp.Table(this=exp.to_identifier(source, quoted=True))
    elif isinstance(source, exp.Anonymous):
        found = exp.Table(this=source)
    elif isinstance(source, exp.Query):
        return source.subquery(exp.to_identifier(alias, quoted=True) if alias else None, copy=False)
    else:
        found = source
    if alias:
        found.set("alias", exp.TableAlias(this=exp.to_identifier(alias, quoted=True)))
    return found


def read_parquet(path: str) -> Sql:
    """The rows of a parquet file that the session may read."""
    return call("read_parquet", path)


def union_all(queries: Iterable[exp.Select]) -> exp.Query:
    """The rows of each query after the other."""
    first, *rest = queries
    result: exp.Query = first
    for query in rest:
        result = exp.Union(this=result, expression=query, distinct=False)
    return result


def render(query: Sql, dialect: str = "duckdb") -> str:
    """The text for an engine."""
    return query.sql(dialect=dialect, normalize_functions=False)
