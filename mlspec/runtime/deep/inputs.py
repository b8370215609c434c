"""What a row is to a network: numbers side by side, the pixels of an image, or the tokens of a text.

Wherever rows travel (packages, requests, proofs, ONNX graphs) a row is one line of numbers; only the network gives it a shape.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

NUMBERS, IMAGE, TOKENS = "numbers", "image", "tokens"


@dataclass(frozen=True)
class Inputs:
    """The shape of a row: (numbers,), (channels, height, width) or (tokens,); `vocabulary` is how many tokens there are.

    Beside tokens a row may have numbers, so many `before` them and so many `after`.
    """

    kind: str
    shape: tuple[int, ...]
    vocabulary: int = 0
    before: int = 0
    after: int = 0

    @property
    def width(self) -> int:
        """How many numbers a row has."""
        return self.before + math.prod(self.shape) + self.after


def numbers(width: int) -> Inputs:
    """Rows of a table."""
    return Inputs(NUMBERS, (width,))


def image(channels: int, height: int, width: int) -> Inputs:
    """Pixels, channel by channel, line by line."""
    return Inputs(IMAGE, (channels, height, width))


def tokens(length: int, vocabulary: int, before: int = 0, after: int = 0) -> Inputs:
    """Places of words in a vocabulary, as whole numbers, 0 where the text has ended."""
    return Inputs(TOKENS, (length,), vocabulary, before, after)
