"""Highlights specs with Pygments, in Sphinx, MkDocs and notebooks. Written by editors/generate.py from grammar/highlight.toml."""

import re

from pygments.lexer import RegexLexer, bygroups  # type: ignore[import-untyped, unused-ignore]
from pygments.token import (  # type: ignore[import-untyped, unused-ignore]
    Comment,
    Error,
    Keyword,
    Name,
    Number,
    Operator,
    Punctuation,
    String,
    Whitespace,
)

__all__ = ["MlspecLexer"]


class MlspecLexer(RegexLexer):  # type: ignore[misc, unused-ignore]
    """Specs of machine-learning systems."""

    name = "mlspec"
    aliases = ["mlspec"]
    filenames = ["*.mlspec"]
    mimetypes = ["text/x-mlspec"]
    version_added = ""
    flags = re.MULTILINE
    # fmt: off
    tokens = {
        "root": [
            (r"^[ \t]*##[^\n]*", Comment.Special),
            (r"#[^\n]*", Comment.Single),
            (r'[A-Za-z][A-Za-z0-9_]*"""(?:[^"]|"(?!""))*"""', String.Heredoc),
            (r'"(?:[^"\\\n]|\\[\\"nt]|\\u\{[0-9A-Fa-f]{1,6}\})*"', String.Double),
            (r"^([ \t]*)(mlspec)([ \t]+)([0-9]{4}\.[0-9]+(?![.0-9A-Za-z_%]))", bygroups(Whitespace, Keyword, Whitespace, Number)),
            (r'^([ \t]*)(use)(?=[ \t]*")', bygroups(Whitespace, Keyword)),
            (r'(?<=")([ \t]+)(as)(?=[ \t]+[A-Za-z][A-Za-z0-9_]*)', bygroups(Whitespace, Keyword)),
            (r"^([ \t]*)(set)(?=[ \t]+[A-Za-z][A-Za-z0-9_]*[ \t]*\.)", bygroups(Whitespace, Keyword)),
            (r"^([ \t]*)(extern)(?=[ \t]+[A-Za-z][A-Za-z0-9_]*[ \t]+[A-Za-z][A-Za-z0-9_]*)", bygroups(Whitespace, Keyword)),
            (r"^([ \t]*)([A-Za-z][A-Za-z0-9_]*)(?=(?:[ \t]+[A-Za-z][A-Za-z0-9_]*)?[ \t]*\{)", bygroups(Whitespace, Keyword.Declaration)),
            (r"^([ \t]*)([A-Za-z][A-Za-z0-9_]*)(?=[ \t]*:=)", bygroups(Whitespace, Name.Variable)),
            (r"^([ \t]*)([A-Za-z][A-Za-z0-9_]*)(?=[ \t]*=(?!=))", bygroups(Whitespace, Name.Attribute)),
            (r"@[ \t]*[A-Za-z][A-Za-z0-9_]*", Name.Decorator),
            (r"sha256:[0-9a-f]{64}(?![A-Za-z0-9_%])", Number.Hex),
            (r"\b(?:[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?Z|[0-9]{4}-[0-9]{2}-[0-9]{2})(?![A-Za-z0-9_%])", Number),
            (r"\b(?:[0-9][0-9_]*(?:\.[0-9]+)?(?:ms|s|min|h|d|w)|[0-9][0-9_]*(?:\.[0-9]+)?(?:B|kB|KiB|MB|MiB|GB|GiB)|[0-9][0-9_]*(?:\.[0-9]+)?(?:rps|rpm|tps|tpm)|[0-9][0-9_]*(?:\.[0-9]+)?%|[0-9][0-9_]*(?:\.[0-9]+)?pp)(?![A-Za-z0-9_%])", Number),
            (r"\b(?:[0-9][0-9_]*(?:\.[0-9]+(?:[eE][+-]?[0-9]+)?|[eE][+-]?[0-9]+)|(?:0|[1-9][0-9]*|[1-9][0-9]{0,2}(?:_[0-9]{3})+))(?![A-Za-z0-9_%])", Number),
            (r"\b(?:true|false|null(?![ \t]*:))\b", Keyword.Constant),
            (r"\b(?:then|else|and|not|if|or|in)\b", Keyword),
            (r"(:)([ \t]*)(bool|int|float|decimal|string|text|date|timestamp|duration|bytes|ratio|points|rate|category|id|list|image|json|redaction)\b", bygroups(Punctuation, Whitespace, Keyword.Type)),
            (r"(->)([ \t]*)(bool|int|float|decimal|string|text|date|timestamp|duration|bytes|ratio|points|rate|category|id|list|image|json|redaction)\b", bygroups(Operator, Whitespace, Keyword.Type)),
            (r"\b[A-Za-z][A-Za-z0-9_]*(?=[ \t]*\()", Name.Function),
            (r"\b[A-Za-z][A-Za-z0-9_]*", Name),
            (r":=|\->|==|!=|<=|>=|\?\?|\.\.|<|>|=|\?|\+|\-|\*|/", Operator),
            (r":|\.|,|\(|\)|\[|\]|\{|\}", Punctuation),
            (r"[ \t\ufeff]+|\r?\n", Whitespace),
            (r".", Error),
        ],
    }
