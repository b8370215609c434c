"""Runs the LALR table that Lark made: shift, reduce, and go on after an error.

This is the loop of every LR parser. Lark's own needs all of lark imported, four times an empty Python; a test drives both over the same
tokens and compares. Recovery cuts the stack back to the last place where a statement may start and reads on behind the broken one.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache

from mlspec.syntax.build import Builder
from mlspec.syntax.tokens import Token

TYPE_CHECKING = False  # importing typing costs half an empty Python
if TYPE_CHECKING:
    from typing import Any

# What a report needs: the token that did not fit, the one before it, what would have fitted.
Report = Callable[[Token, Token | None, list[str]], None]


# Behind so many broken statements a file is no spec: what follows is read without a word.
MAX_REPORTS = 1_000


@cache
def table() -> Any:
    """The parse table, read once a process."""
    with open(__file__.removesuffix("driver.py") + "table.json", "rb") as file:  # noqa: PTH123  pathlib costs an empty Python to import
        return json.loads(file.read())


class Driver:
    """One parse: a stack of states, a stack of values, a place in the tokens."""

    def __init__(self, tokens: list[Token], builder: Builder, report: Report) -> None:
        data = table()
        self._rules = [
            (name, length, None if action == "same" else getattr(builder, action)) for name, length, action in data["rules"]
        ]
        self._states: list[dict[str, int]] = data["states"]
        self._tokens = tokens
        self._report = report
        self._stack = [0]
        self._values: list[Any] = []
        self._patched = -1  # index of the token before which a newline was made up, so that it happens once
        self._line_reported = -1
        self._reports = 0

    def run(self) -> list[Any]:
        """The statements of the file; broken ones are left out and reported."""
        tokens = self._tokens
        index = 0
        last = len(tokens) - 1
        while index < last:
            index = index + 1 if self._feed(tokens[index]) else self._recover(index)
        while not self._feed(tokens[last]):
            self._close_block(tokens[last])
        return self._values[0]  # type: ignore[no-any-return]

    def run_noting(self, tops: list[tuple[int, int]]) -> tuple[list[Any], list[tuple[int, int]], bool]:
        """As `run`; with it those of `tops` at which no statement is open, and whether one is at the end.

        A top is a place in the tokens, rising, and how many blocks are open there.
        """
        tokens = self._tokens
        noted: list[tuple[int, int]] = []
        waiting = iter(tops)
        top, depth = next(waiting, (-1, 0))
        index = 0
        last = len(tokens) - 1
        while index < last:
            while 0 <= top < index:
                top, depth = next(waiting, (-1, 0))
            if top == index and self._between(depth):
                noted.append((top, depth))
            index = index + 1 if self._feed(tokens[index]) else self._recover(index)
        whole = self._fits("$END")
        while not self._feed(tokens[last]):
            self._close_block(tokens[last])
        return self._values[0], noted, not whole

    def _between(self, depth: int) -> bool:
        """Whether so many blocks are open here, and no statement in the innermost."""
        self._settle()
        opened = sum(type(value) is Token and value.type == "OPEN" for value in self._values)
        return opened == depth and self._fits("CLOSE" if depth else "$END")

    def _feed(self, token: Token) -> bool:
        """Reduces as far as `token` allows, then shifts it; False if it does not fit here."""
        states, stack, values, rules = self._states, self._stack, self._values, self._rules
        type = token.type
        while True:
            step = states[stack[-1]].get(type)
            if step is None:
                return False
            if step >= 0:
                stack.append(step)
                values.append(token)
                return True
            name, length, action = rules[-step - 1]
            if action is not None:
                if length:
                    args = values[-length:]
                    del values[-length:], stack[-length:]
                    values.append(action(args))
                else:
                    values.append(action([]))
            else:  # a rule that only passes its single value on
                if length > 1:
                    del values[1 - length :], stack[1 - length :]
                stack.pop()
            stack.append(states[stack[-1]][name])
            if name == "file":
                return True

    def _fits(self, type: str) -> bool:
        """Whether `_feed` would take a token of this type; LALR rows list some that a later reduction refuses."""
        stack = self._stack[:]
        while True:
            step = self._states[stack[-1]].get(type)
            if step is None or step >= 0:
                return step is not None
            name, length, _ = self._rules[-step - 1]
            if name == "file":
                return True
            if length:
                del stack[-length:]
            stack.append(self._states[stack[-1]][name])

    # ---- recovery

    def _close_block(self, end: Token) -> None:
        """Ends a block whose `}` went with a broken statement; such a statement has been reported."""
        self._unwind()
        for type in ("CLOSE", "NL"):
            if not self._feed(Token(type, "", end.start, end.start)):
                raise AssertionError("a block that is open can be closed")

    def _recover(self, index: int) -> int:
        """Reports the token at `index` and finds a place to go on from; gives the index of the next token to feed."""
        token = self._tokens[index]
        before = self._tokens[index - 1] if index else None
        if before is not None and before.type == "NL":
            self._settle()
        if self._reports >= MAX_REPORTS:
            self._unwind()
            return self._skip(index)
        self._reports += 1
        expected = [type for type in self._states[self._stack[-1]] if (type.isupper() or type == "$END") and self._fits(type)]
        if "NL" in expected and self._patched != index and self._wants_line(token, before):
            self._report_line(index, before)
            self._patched = index
            self._feed(Token("NL", "", token.start, token.start))
            return index
        if self._line_reported != index:
            self._report(token, before, expected)
        if token.type == "NL" and "OPEN" in expected:
            return self._open_block(index)
        self._unwind()
        return self._skip(index)

    def _open_block(self, index: int) -> int:
        """Goes on inside the block whose `{` is missing, or stands on the next line."""
        following = self._tokens[index + 1]
        if following.type == "OPEN":
            return index + 1
        self._feed(Token("OPEN", "", following.start, following.start))
        return index

    def _settle(self) -> None:
        """Reduces what is complete whatever follows: a statement that has ended is not lost with the broken one below it."""
        states, stack = self._states, self._stack
        while True:
            steps = set(states[stack[-1]].values())
            step = steps.pop()
            if steps or step >= 0:
                return
            name, length, action = self._rules[-step - 1]
            args = self._values[len(self._values) - length :]
            del self._values[len(self._values) - length :], stack[len(stack) - length :]
            self._values.append(args[0] if action is None else action(args))
            stack.append(states[stack[-1]][name])

    def _wants_line(self, token: Token, before: Token | None) -> bool:
        """A block written on one line: the newline is missing, the rest may be fine."""
        return token.type == "CLOSE" or (before is not None and before.type in {"OPEN", "CLOSE"})

    def _report_line(self, index: int, before: Token | None) -> None:
        """Once per line, not once per bracket of it."""
        if self._line_reported < 0 or any(token.type == "NL" for token in self._tokens[self._line_reported : index]):
            self._report(self._tokens[index], before, ["NL"])
        self._line_reported = index

    def _unwind(self) -> None:
        """Cuts the stack back to a state in which a statement may start."""
        states, stack, values = self._states, self._stack, self._values
        while "statement" not in states[stack[-1]]:
            if "statements" in states[stack[-1]]:
                values.append([])
                stack.append(states[stack[-1]]["statements"])
                return
            stack.pop()
            values.pop()

    def _skip(self, index: int) -> int:
        """Past the broken statement; the body of a block with a broken head is still read."""
        tokens = self._tokens
        start = index
        while True:
            token = tokens[index]
            if token.type == "NL":
                return index + 1
            if token.type == "$END":
                return index
            if token.type == "OPEN":
                self._feed(Token("NAME", "?", token.start, token.start))
                return index
            if token.type == "CLOSE" and (index > start or self._patched != index) and self._fits("CLOSE"):
                return index
            index += 1
