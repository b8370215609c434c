"""Makes broken specs out of good ones: bytes for the reader, tokens for the parser."""

from __future__ import annotations

import random
import re
from pathlib import Path

TOKEN = re.compile(
    r'"""|"[^"\n]*"|[A-Za-z_][A-Za-z0-9_]*|[0-9][A-Za-z0-9_.%-]*|:=|==|<=|>=|!=|\?\?|\.\.|->|\n[ ]*|[ ]+|#[^\n]*|.', re.DOTALL
)

# Pieces that have meaning to the scanner or the layout, good and bad.
_PLAIN = r"""
mlspec use as set extern if then else or and not in true false null = : := == != <= >= < > ?? .. -> . , @ ? + - * / ( ) [ ] { } # ## "
sql" \ "\u{202e}" "\q" ' ; & | % $ ` 0 1 007 1_0 1_000 .5 1. 1e3 1e999 0x1F 99999999999999999999 5m 5M 5mo 5KB 5% 5pp 5rps 30d 64MiB 1.5B
2026-01-31 2026-1-1 2026-02-30 2026-01-01T00:00:00 2026-01-01T00:00:00Z NaN inf sha256:ab __proto__ con f(a:1) [1,2]
"""
_HIDDEN = ["\n", "\t", "\r", "\x00", "\x1b[2J", "\ufeff", "\u202e", "\u200b", "\xa0", "\u2028", "é", "е", "１", "²"]
_LONG = [
    "mlspec 2026.1",
    "\n\n",
    " ",
    '"""',
    "sha256:" + "a" * 64,
    "x" * 65,
    "spec x {\n",
    "}\n",
    "not not not",
    "- - -",
    "(" * 40,
    ")" * 40,
]
DICTIONARY = [*_PLAIN.split(), *_HIDDEN, *_LONG]


def corpus() -> list[str]:
    """The seeds: every spec among the cases of the tests."""
    cases = Path(__file__).parents[1] / "cases"
    return [path.read_text(encoding="utf-8") for path in sorted(cases.rglob("*.mlspec"))]


def mutate_text(text: str, rng: random.Random) -> str:
    """A few tokens removed, doubled, swapped, replaced, or spliced in from the dictionary or from another place."""
    tokens = TOKEN.findall(text)
    for _ in range(rng.choice((1, 1, 2, 3, 8, 20))):
        if not tokens:
            break
        at = rng.randrange(len(tokens))
        match rng.randrange(7):
            case 0:
                del tokens[at : at + rng.choice((1, 1, 1, 5, 40))]
            case 1:
                tokens[at:at] = tokens[at : at + rng.choice((1, 3, 30))] * rng.choice((1, 1, 2, 40))
            case 2:
                other = rng.randrange(len(tokens))
                tokens[at], tokens[other] = tokens[other], tokens[at]
            case 3:
                tokens[at] = rng.choice(DICTIONARY)
            case 4:
                tokens.insert(at, rng.choice(DICTIONARY))
            case 5:
                other = rng.randrange(len(tokens))
                tokens[at:at] = tokens[other : other + 20]
            case _:
                piece = rng.choice(DICTIONARY)
                tokens[at:at] = [piece] * rng.choice((2, 33, 400))
    return "".join(tokens)


def mutate_bytes(data: bytes, rng: random.Random) -> bytes:
    """Bytes flipped, cut, doubled or drawn at random."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 2, 4, 16))):
        at = rng.randrange(len(out) + 1)
        match rng.randrange(4):
            case 0:
                out[at : at + 1] = bytes([rng.randrange(256)])
            case 1:
                del out[at : at + rng.choice((1, 10, 1_000))]
            case 2:
                out[at:at] = rng.randbytes(rng.choice((1, 4, 64)))
            case _:
                out[at:at] = out[at : at + 100] * rng.choice((1, 10))
    return bytes(out)
