"""Patterns of `matches`: what they match, that they take linear time, what is refused; and what the online evaluator imports."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlspec.runtime.errors import StageError
from mlspec.runtime.prepare.pattern import parse
from tests.support.deadline import cpu_deadline

PIECES = st.recursive(
    st.sampled_from(["a", "b", ".", "[ab]", "[^a]", r"\d", r"\w", r"\.", "ü"]),
    lambda inner: st.one_of(
        st.builds(lambda left, right: left + right, inner, inner), st.builds(lambda left, right: f"({left}|{right})", inner, inner),
        st.builds(lambda item, mark: f"({item}){mark}", inner, st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "{2,}"])),
    ),
    max_leaves=6,
)  # fmt: skip


@settings(max_examples=300, derandomize=True, deadline=None, database=None)
@given(PIECES, st.text(alphabet="ab.1ü_\n", max_size=8))
def test_it_matches_what_a_full_match_of_re_matches(pattern: str, text: str) -> None:
    expected = re.compile(f"(?s:{pattern})", re.ASCII).fullmatch(text) is not None
    assert parse(pattern).matches(text) is expected


def test_a_pattern_that_takes_re_exponential_time_takes_linear_time() -> None:
    pattern = parse("(a+)+b")
    with cpu_deadline(60):  # re would need longer than the universe is old
        assert not pattern.matches("a" * 5000)


@pytest.mark.parametrize(
    "pattern",
    [
        "(",
        ")",
        "a)",
        "[a",
        "a**",
        "*a",
        "a{3,2}",
        "a{999}",
        "a{x}",
        "(?=a)",
        "(?:a)",
        r"\1",
        r"\b",
        "^a",
        "a$",
        "[z-a]",
        "(" * 40,
        "((a{200}){200}){2}",
    ],
)
def test_what_is_refused_says_where(pattern: str) -> None:
    with pytest.raises(StageError) as caught:
        parse(pattern, "inputs.feature")
    assert (caught.value.code, caught.value.where) == ("MLS209", "inputs.feature")


def test_the_online_evaluator_imports_no_heavy_library() -> None:
    program = (
        "import sys\n"
        "from mlspec.runtime.prepare.online import compile_row\n"
        "evaluate = compile_row(['call', 'matches', [['col', 's', 'string'], ['lit', 'a+', 'string']], {}])\n"
        "assert evaluate({'s': 'aa'}) is True\n"
        "print(sorted({'numpy', 'pandas', 'duckdb', 'sqlglot', 'pyarrow', 'lark', 'pydantic'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
