"""Reads strings and tagged texts."""

from __future__ import annotations

import re

from mlspec.diagnostics import Code, code
from mlspec.syntax.tokens import Token

MAX_BYTES = 8 * 1024
_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"')
_ESCAPE = re.compile(r"\\(?:u\{([0-9A-Fa-f]{1,6})\}|(.))")
_PLAIN = {"\\": "\\", '"': '"', "n": "\n", "t": "\t"}

# A fault: its code, its data, and where it starts and ends.
Fault = tuple[Code, dict[str, str], int, int]


def read_string(text: str, at: int) -> tuple[Token, list[Fault]]:
    """The string that opens at `at`; an unclosed one ends with its line."""
    match = _STRING.match(text, at)
    if match is None:
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        data = {
            "mark": '`"`',
            "where": "on the same line",
            "hint": 'write a line break as `\\n`, or use a tagged text `sql"""…"""`',
        }
        return Token("BAD_LITERAL", text[at:end], at, end), [(code("MLS003"), data, at, at + 1)]
    raw = match[0]
    token = Token("STRING", raw, at, match.end())
    faults: list[Fault] = []
    body = raw[1:-1]
    if "\\" in body:
        body = _ESCAPE.sub(lambda escape: _unescape(escape, at + 1, faults), body)
    return _limited(token, body, faults)


def read_text(text: str, name_at: int, at: int) -> tuple[Token, list[Fault]]:
    """The tagged text whose tag starts at `name_at` and whose opening quotes stand at `at`."""
    close = text.find('"""', at + 3)
    if close < 0:
        data = {"mark": '`"""`', "where": "somewhere below", "hint": ""}
        return Token("BAD_LITERAL", text[name_at:], name_at, len(text)), [(code("MLS003"), data, name_at, at + 3)]
    token = Token("TEXT", text[name_at : close + 3], name_at, close + 3, unit=text[name_at:at])
    faults: list[Fault] = []
    if name_at == at:
        token.type = "BAD_LITERAL"
        hint = 'write what it is before the quotes, `sql"""` or `prompt"""`'
        data = {"got": "text without a tag", "wanted": 'a tag before `"""`', "hint": hint}
        faults.append((code("MLS001"), data, at, at + 3))
    return _limited(token, dedent(text[at + 3 : close]), faults)


def dedent(body: str) -> str:
    """The text without its first and last newline and without the indentation that all its lines share."""
    lines = body.split("\n")
    if len(lines) == 1:
        return body
    if not lines[0].strip(" \t"):
        lines = lines[1:]
    last = lines[-1]
    margins = [len(line) - len(line.lstrip(" \t")) for line in lines if line.strip(" \t")]
    if not last.strip(" \t"):
        lines = lines[:-1]
    margin = min(margins, default=0)
    return "\n".join(line[margin:] if line.strip(" \t") else "" for line in lines)


def quote(value: str) -> str:
    """The canonical spelling of a string."""
    out = []
    for char in value:
        if char in '"\\':
            out.append("\\" + char)
        elif char == "\n":
            out.append("\\n")
        elif char == "\t":
            out.append("\\t")
        else:
            out.append(char if _printable(char) else f"\\u{{{ord(char):x}}}")
    return '"' + "".join(out) + '"'


def _printable(char: str) -> bool:
    from mlspec.diagnostics.hidden import verdict

    return (char.isascii() and char.isprintable()) or (not char.isascii() and not verdict(char))


def _limited(token: Token, body: str, faults: list[Fault]) -> tuple[Token, list[Fault]]:
    size = len(body.encode("utf-8", "surrogatepass"))
    if size > MAX_BYTES:
        data = {
            "what": "this string",
            "limit": f"{MAX_BYTES:,} bytes",
            "got": f"{size:,} bytes",
            "hint": "put long text into a file",
        }
        faults.append((code("MLS005"), data, token.start, token.start + 1))
    if not body.isascii():
        body = _normalised(token, body, faults)
    token.value = body
    return token, faults


def _normalised(token: Token, body: str, faults: list[Fault]) -> str:
    from unicodedata import is_normalized, normalize

    if is_normalized("NFC", body):
        return body
    data = {"what": "the string writes a letter as a base letter and a mark", "wanted": "composed letters (Unicode NFC)"}
    faults.append((code("MLS015"), data, token.start, token.end))
    return normalize("NFC", body)


def _unescape(match: re.Match[str], origin: int, faults: list[Fault]) -> str:
    digits, char = match.groups()
    if digits is not None:
        point = int(digits, 16)
        if point <= 0x10FFFF and not 0xD800 <= point <= 0xDFFF and point != 0:
            return chr(point)
        data = {"got": match[0], "wanted": "a Unicode character from `\\u{1}` to `\\u{10ffff}`, no surrogate", "hint": ""}
        faults.append((code("MLS014"), data, origin + match.start(), origin + match.end()))
        return ""
    if char in _PLAIN:
        return _PLAIN[char]
    wanted = 'one of `\\\\`, `\\"`, `\\n`, `\\t`, `\\u{…}`'
    hint = f"for a backslash write `\\\\{char}`"
    data = {"got": f"escape `\\{char}`", "wanted": wanted, "hint": hint}
    faults.append((code("MLS001"), data, origin + match.start(), origin + match.end()))
    return char
