"""The files of a target, what it has to say about the spec, and which line comes from which place of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Finding:
    """Something a backend has to say: a code of the table, the block or `block.field` it is about, the data of its wording."""

    code: str
    where: str
    data: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Origin:
    """The lines `first` to `last` of a generated file (from 1, both included) come from the place `where` of the spec."""

    first: int
    last: int
    where: str


@dataclass(frozen=True, slots=True)
class Emitted:
    """The files of a target, relative path to text, and findings. With an error among them nothing is written.

    `origins` maps a path to its origins. They may nest: of those that hold a line, the smallest is the one that says it.
    """

    files: Mapping[str, str]
    findings: Sequence[Finding] = ()
    origins: Mapping[str, Sequence[Origin]] = field(default_factory=dict)
