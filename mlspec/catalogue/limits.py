"""Between what a constant argument of a function or metric may lie, where its type alone does not say."""

from __future__ import annotations

# (function or metric, parameter) -> (least, greatest, whether the least itself is left out); None is open.
LIMITS: dict[tuple[str, str], tuple[float, float | None, bool]] = {
    ("round", "digits"): (0, 15, False),
    ("cyclic", "period"): (0, None, True),
    ("quantile", "at"): (0, 1, False),
    ("onehot", "max"): (1, 10_000, False),
    ("target_rate", "smoothing"): (0, None, False),
    ("quantile_bucket", "bins"): (2, 10_000, False),
    ("hash_bucket", "buckets"): (2, 1_000_000, False),
    ("tfidf", "max_features"): (1, 1_000_000, False),
    ("tokens", "vocabulary"): (1, 1_000_000, False),
    ("tokens", "length"): (1, 8_192, False),
    ("tokens", "min_texts"): (1, 1_000_000, False),
    ("resize", "size"): (1, 4_096, False),
    ("crop", "size"): (1, 4_096, False),
    ("cost", "false_pos"): (0, None, False),
    ("cost", "false_neg"): (0, None, False),
    ("top_k", "k"): (1, None, False),
    ("pinball", "at"): (0, 1, False),
    ("latency", "load"): (0, None, True),
    ("latency", "cpu"): (1, 1_024, False),
    ("robustness", "noise"): (0, None, True),
    ("robustness", "missing"): (0, 1, True),
    ("robustness", "unseen"): (0, 1, True),
}


def outside(function: str, parameter: str, value: float) -> str:
    """What the argument must be, in words, where `value` is not; "" where it fits or nothing limits it."""
    limit = LIMITS.get((function, parameter))
    if limit is None:
        return ""
    low, high, open_low = limit
    if (value > low or (value == low and not open_low)) and (high is None or value <= high):
        return ""
    least = f"above {low:g}" if open_low else f"at least {low:g}"
    return f"a number that is {least}" if high is None else f"a number that is {least} and at most {high:,.0f}"
