"""Metrics of rankings: a value for each query, and the mean over queries as terms that a bootstrap of whole queries weighs.

Rows of one score have no order of their own. They count as in the mean of all orders that they may stand in (McSherry and Najork
2008), so that a model which answers the same for every row is as good as chance and not as its rows happen to lie.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from mlspec.runtime.evaluate.outcomes import Floats, Ints, Outcomes, UndefinedMetric

FIRST = 10
"""How many rows of a query are looked at where a metric does not say."""


@dataclass(frozen=True)
class Ranked:
    """Rows in the order of their scores within each query, tied rows in blocks; `query` numbers the queries without gaps."""

    query: Ints
    relevance: Floats
    score: Floats

    @cached_property
    def count(self) -> int:
        """The number of queries."""
        return int(self.query.max()) + 1 if len(self.query) else 0

    @cached_property
    def order(self) -> Ints:
        """The rows query by query, the highest score first."""
        return np.lexsort((-self.score, self.query)).astype(np.int64)

    @cached_property
    def _block_starts(self) -> Ints:
        """Where in the order each block of rows of one query and one score begins."""
        query, score = self.query[self.order], self.score[self.order]
        new = np.ones(len(query), dtype=bool)
        new[1:] = (query[1:] != query[:-1]) | (score[1:] != score[:-1])
        return np.flatnonzero(new).astype(np.int64)

    @cached_property
    def size(self) -> Ints:
        """The rows of each block."""
        return np.diff(np.append(self._block_starts, len(self.query)))

    @cached_property
    def of_query(self) -> Ints:
        """The query of each block."""
        return self.query[self.order][self._block_starts]

    @cached_property
    def before(self) -> Ints:
        """The rows of its query that stand above each block."""
        starts = np.searchsorted(self.query[self.order], np.arange(self.count))
        return self._block_starts - starts[self.of_query]

    @cached_property
    def longest(self) -> int:
        """The rows of the longest query."""
        return int(np.bincount(self.query).max()) if len(self.query) else 0

    def in_blocks(self, values: Floats) -> Floats:
        """The sum of a value of the rows over each block."""
        return np.add.reduceat(values[self.order], self._block_starts) if len(values) else np.empty(0)

    @cached_property
    def relevant(self) -> Floats:
        """The relevant rows of each block."""
        return self.in_blocks((self.relevance > 0).astype(np.float64))

    @cached_property
    def found(self) -> Floats:
        """The relevant rows of each query."""
        return self.by_query(self.relevant)

    def by_query(self, blocks: Floats) -> Floats:
        """The sum over the blocks of each query."""
        return np.bincount(self.of_query, weights=blocks, minlength=self.count).astype(np.float64)

    def expected(self, gains: Floats, discounts: Floats) -> Floats:
        """The expected sum of gain × discount of each query; `discounts` are by rank, the first at 0."""
        reached = np.concatenate([[0.0], np.cumsum(discounts)])
        mean = (reached[self.before + self.size] - reached[self.before]) / self.size
        return self.by_query(self.in_blocks(gains) * mean)


def ranked(rows: Outcomes) -> Ranked:
    """The rows in their order, kept beside them."""
    if "ranked" not in rows.kept:
        if rows.query is None:
            raise UndefinedMetric("the rows have no query to be ranked in")
        _, query = np.unique(rows.query, return_inverse=True)
        rows.kept["ranked"] = Ranked(query.astype(np.int64), rows.y.astype(np.float64), rows.score)
    found: Ranked = rows.kept["ranked"]
    return found


def _discounts(longest: int, k: int) -> Floats:
    ranks = np.arange(1, longest + 1, dtype=np.float64)
    return np.where(ranks <= k, 1.0 / np.log2(1.0 + ranks), 0.0)


def _first(longest: int, k: int) -> Floats:
    return (np.arange(1, longest + 1) <= k).astype(np.float64)


def ndcg_by_query(rows: Outcomes, k: int) -> Floats:
    """NDCG of each query, NaN of one without a relevant row."""
    found = ranked(rows)
    gains, discounts = np.exp2(found.relevance) - 1.0, _discounts(found.longest, k)
    best = Ranked(found.query, found.relevance, found.relevance).expected(gains, discounts)
    return _over(found.expected(gains, discounts), best)


def precision_by_query(rows: Outcomes, k: int) -> Floats:
    """The share of relevant rows among the first k of each query."""
    found = ranked(rows)
    return found.expected((found.relevance > 0).astype(np.float64), _first(found.longest, k)) / k


def recall_by_query(rows: Outcomes, k: int) -> Floats:
    """The share of its relevant rows among the first k of each query."""
    found = ranked(rows)
    return _over(found.expected((found.relevance > 0).astype(np.float64), _first(found.longest, k)), found.found)


def average_precision_by_query(rows: Outcomes, k: int = 0) -> Floats:
    """Average precision of each query. In a block of n rows with r relevant ones, the row at place p is relevant in r / n of the
    orders, and of the p - 1 rows above it in the block (r - 1) / (n - 1) are then."""
    found = ranked(rows)
    harmonic = np.concatenate([[0.0], np.cumsum(1.0 / np.arange(1, found.longest + 1))])
    n, r, above = found.size.astype(np.float64), found.relevant, found.before.astype(np.float64)
    step = harmonic[found.before + found.size] - harmonic[found.before]
    passed = np.cumsum(r) - r
    first = np.searchsorted(found.of_query, np.arange(found.count))
    relevant_above = passed - passed[first][found.of_query]
    beside = np.divide(r - 1.0, n - 1.0, out=np.zeros_like(n), where=n > 1)
    return _over(found.by_query(r / n * ((relevant_above + 1.0) * step + beside * (n - (above + 1.0) * step))), found.found)


def reciprocal_by_query(rows: Outcomes, k: int = 0) -> Floats:
    """One over the rank of the first relevant row of each query, NaN of one without."""
    found = ranked(rows)
    values = np.full(found.count, np.nan)
    holding = np.flatnonzero(found.relevant > 0)
    queries, at = np.unique(found.of_query[holding], return_index=True)
    for query, block in zip(queries.tolist(), holding[at].tolist(), strict=True):
        values[query] = _reciprocal(int(found.before[block]), int(found.size[block]), int(found.relevant[block]))
    return values


def _reciprocal(above: int, size: int, relevant: int) -> float:
    """The mean of 1 / rank of the first relevant row over the orders of a block."""
    chance, missed, total = relevant / size, 1.0, 0.0
    for place in range(1, size - relevant + 2):
        chance = relevant / (size - place + 1)
        total += missed * chance / (above + place)
        missed *= 1.0 - chance
    return total


def _over(values: Floats, whole: Floats) -> Floats:
    return np.asarray(np.divide(values, whole, out=np.full(len(values), np.nan), where=whole > 0))


ByQuery = Callable[[Outcomes, int], Floats]


def mean_over(by_query: ByQuery) -> Callable[[Outcomes, Mapping[str, Any]], Floats]:
    """The terms (value, counts) of a mean over queries: every row has an equal part of its query's."""

    def terms(rows: Outcomes, args: Mapping[str, Any]) -> Floats:
        found, values = ranked(rows), by_query(rows, int(args.get("k") or FIRST))
        part = (1.0 / np.bincount(found.query, minlength=found.count))[found.query]
        known = np.isfinite(values)
        return np.column_stack([np.where(known, values, 0.0)[found.query] * part, known[found.query] * part])

    return terms


ndcg, average_precision, reciprocal_rank = map(mean_over, (ndcg_by_query, average_precision_by_query, reciprocal_by_query))
precision, recall = mean_over(precision_by_query), mean_over(recall_by_query)
