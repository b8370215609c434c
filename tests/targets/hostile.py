"""Strings that mean something to a shell, to YAML, to templating, to a file system or to a terminal."""

from __future__ import annotations

import random

HOSTILE = (
    # shells
    "; touch pwned", "$(touch pwned)", "`touch pwned`", "| tee pwned", "&& touch pwned", "\ntouch pwned\n", "'; touch pwned; '", '"; touch pwned; "',
    "(touch pwned)", "=(touch pwned)", "{a,b}", "*", "~", "~root", "$HOME", "%s", "!!", "^x^y", "-rf", "--plan", "\\", "\\n", "a\\", "> pwned", "<(x)", "#",
    # templating
    "${HOME}", "${stages}", "\\${x}", "$${x}", "{{ x }}", "{% x %}", "${", "}", "${item.x}", "{{$.inputs}}", "$(params.x)",
    # YAML
    "yes", "on", "no", "~", "null", "1e-3", "1_000", "0x10", "0o7", "12:30:45", "2020-01-01", ".inf", "=", "<<", "- x", "a: b", "a:", "? x", "# x", "&a x",
    "*a", "!!python/object/apply:os.system [x]", "%YAML 1.1", "---", "...", "|", ">-", "@x", "{a: b}", "[a", "'", '"', "\t", " x", "x ", "", "x\ty", "y", "N",
    # Unicode and control characters
    "\x00", "\x1b[31m", "\x7f", "\x85", "a\x85touch pwned", "\u2028touch pwned", "\u2029", "\ufeff", "\u202e", "\u200b", "\U0001f600", "é", "e\u0301", "\ud7ff",
    "\ufffd", "\uffff", "\U0010ffff", "\r\n", "\x0b", "\x0c", "\x1c", "\x1d",
    # paths
    "../../etc/passwd", "/etc/passwd", "C:\\x", "s3://bucket/key", "remote://a/b", ".dvc/config", "data.dvc", "dvc.yaml", ".git/hooks", "a b.csv", "x/../y", "a//b",
    "file:x", "nul", "a" * 2000,
)  # fmt: skip


def strings(count: int, seed: int = 1) -> list[str]:
    """Each of them once, then as many joined ones as it takes."""
    draw = random.Random(seed)
    found = list(HOSTILE[:count])
    while len(found) < count:
        found.append("".join(draw.choices(HOSTILE, k=draw.randint(2, 4))))
    return found
