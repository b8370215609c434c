"""What an `extern` says of itself: its role, what it takes and gives, and where its code is. The code is never read here."""

from __future__ import annotations

import posixpath
import re
import sys

from mlspec import catalogue
from mlspec.spec.columns import type_of
from mlspec.spec.expressions.context import Context
from mlspec.spec.extern_networks import network_parameter, network_result
from mlspec.spec.extern_steps import step_parameter, step_result
from mlspec.spec.findings import listing
from mlspec.spec.kinds import NUMBERS, Type
from mlspec.spec.model import Block
from mlspec.spec.scope import Scope
from mlspec.spec.values import Value
from mlspec.syntax.nodes import Extern, ExternParam

ROLES = ("feature", "check", "metric", "step", "network")
ROW_ROLES = ("feature", "check")
"""Roles whose function takes the values of one row and gives one value."""

GIVEN = {"score": ("float",), "label": ("bool", "int", "float", "string"), "decision": ("bool", "int", "float", "string")}
"""What a metric may take, by the name of its parameter, as lists of one of these types."""

_OF_LANGUAGE_MODELS = ("reply", "passages", "question")
SCALARS = frozenset(
    (*NUMBERS - {"decimal"}, "bool", "string", "text", "category", "date", "timestamp", "duration", "points", "rate")
)
_OF_PROCESS = ("mlspec", "numpy", "pyarrow")
_FUNCTION = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def bind_signature(node: Extern, block: Block, context: Context) -> None:
    """Puts `role`, `parameters` and `result` into the block; what is wrong with them is reported."""
    role = node.kind.text
    if role not in ROLES:
        context.findings.unknown("MLS101", node.kind.span, role, ROLES, kind="kind of extern")
        return
    block.fields["role"] = Value(role, node.kind.span)
    name = node.label.text
    if catalogue.functions(name) or catalogue.metric(name) is not None:
        what = "function" if catalogue.functions(name) else "metric"
        context.findings.add("MLS108", node.label.span, name=name, got=f"the {what} of the catalogue")
        return
    result = step_result(node.result, context) if role == "step" else type_of(node.result, context)
    parameters = _parameters(node.params, role, context)
    if result is None or parameters is None or not _result_fits(node, role, result, context):
        return
    block.fields["parameters"] = Value(parameters, node.head)
    block.fields["result"] = Value(result, node.result.span)


def _parameters(params: tuple[ExternParam, ...], role: str, context: Context) -> tuple[tuple[str, Type], ...] | None:
    found: dict[str, Type] = {}
    for param in params:
        name = param.name.text
        if name in found:
            context.findings.add("MLS102", param.name.span, kind="parameter", name=name)
            return None
        kind = step_parameter(param.type, f"`{name}`", context) if role == "step" else type_of(param.type, context)
        if kind is None or not _taken(param, kind, role, context, len(found)):
            return None
        found[name] = kind
    if not found:
        context.findings.add(
            "MLS106", context.block.head if context.block is not None else params[0].span, kind="extern", name="parameter",
            block=context.block.name if context.block is not None else "", wanted="what it is given", fix="(age: int)",
        )  # fmt: skip
        return None
    return tuple(found.items())


def _taken(param: ExternParam, kind: Type, role: str, context: Context, place: int) -> bool:
    """Whether a parameter of this type can be given to an extern of this role."""
    if role == "step":
        return True
    if role == "network":
        return network_parameter(param, place, kind, context)
    if role in ROW_ROLES:
        return _scalar(kind, f"`{param.name.text}`", param, context)
    name = param.name.text
    if name in _OF_LANGUAGE_MODELS:
        context.not_built(f"the parameter `{name}` of an extern metric", param.span)
        return False
    if name not in GIVEN:
        context.findings.unknown("MLS105", param.name.span, name, tuple(GIVEN), noun="parameter", kind="an extern metric")
        return False
    wanted = tuple(f"list({one})" for one in GIVEN[name])
    if kind.name == "list" and kind.item is not None and kind.item.name in GIVEN[name] and not kind.optional:
        return True
    context.findings.add("MLS201", param.type.span, what=f"`{name}`", got=f"`{param.type.span.text}`", wanted=listing(wanted))
    return False


def _scalar(kind: Type, what: str, node: ExternParam | Extern, context: Context) -> bool:
    if kind.name in SCALARS:
        return True
    span = node.type.span if isinstance(node, ExternParam) else node.result.span
    wanted = "a type that Python and a column both have: " + " ".join(sorted(SCALARS))
    context.findings.add("MLS201", span, what=what, got=f"`{span.text}`", wanted=wanted,
                         hint="`1.0 * x` makes a float of a decimal" if kind.name == "decimal" else "")  # fmt: skip
    return False


def _result_fits(node: Extern, role: str, result: Type, context: Context) -> bool:
    if role == "step":
        return True
    if role == "network":
        return network_result(node, result, context)
    if role == "feature":
        return _scalar(result, "the result", node, context)
    name = {"check": "bool", "metric": "float"}[role]
    if result.name == name and not result.optional:
        return True
    why = "a check holds or does not: `-> bool`" if role == "check" else "a gate compares a number: `-> float`"
    context.findings.add("MLS201", node.result.span, what=f"the result of an extern {role}", got=f"`{node.result.span.text}`",
                         wanted=f"`{name}`", hint=why)  # fmt: skip
    return False


def check_code(block: Block, scope: Scope, context: Context) -> None:
    """`code` names a file inside the project and a function in it; `files` are files too."""
    code = block.fields.get("code")
    if code is not None and code.span is not None:
        path, sign, function = str(code.item).partition(":")
        if not sign or not _FUNCTION.match(function) or not path.endswith(".py"):
            scope.findings.add("MLS209", code.span, what="`code`", got=f"`{code.span.text}`", wanted="`\"FILE.py:FUNCTION\"`",
                               hint='such as `code = "features/words.py:count"`')  # fmt: skip
        elif why := refused(path):
            scope.findings.add("MLS114", code.span, name=path, why=why, hint="write it relative to the spec")
        else:
            _module_names(block, scope)
    files = block.fields.get("files")
    for path in () if files is None else files.item or ():
        why = refused(str(path)) or ("" if str(path).endswith(".py") else "is no Python file")
        if why:
            scope.findings.add("MLS114", files.span or block.head if files else block.head, name=str(path), why=why,
                               hint="`files` are the modules that the code imports, relative to the spec")  # fmt: skip


def _module_names(block: Block, scope: Scope) -> None:
    """Each file is imported by its bare name, which is that of nothing else."""
    seen: set[str] = set()
    for path in code_files(block):
        name = path.rpartition("/")[2].removesuffix(".py")
        why = "no name that Python imports" if not _FUNCTION.match(name) else ""
        why = why or ("the name of a module of Python itself" if name in sys.stdlib_module_names else "")
        why = why or ("the name of a package that its process imports" if name in _OF_PROCESS else "")
        why = why or ("the name of two files" if name in seen else "")
        if why:
            field = "code" if path == code_files(block)[0] else "files"
            scope.findings.add("MLS209", block.span_of(field), what=f"`{path}`", got=f"`{name}`, {why}",
                               wanted="a name of its own: files of an extern are imported by their bare names")  # fmt: skip
        seen.add(name)


def refused(path: str) -> str:
    """Why a path cannot be read on another machine, "" if it can."""
    if "://" in path:
        return "is an address, not a file"
    if path.startswith(("/", "~")) or path[1:2] == ":":
        return "is not relative"
    if any(part in ("", ".", "..") for part in path.split("/")[1:]) or not path:
        return "is no plain path"
    return "holds a character that is no part of a path" if "\\" in path or not path.isprintable() else ""


def code_files(block: Block) -> list[str]:
    """The files of an extern, relative to the spec, the one with the function first; it names them relative to its own file."""
    first = str(block.get("code") or "").partition(":")[0]
    found = dict.fromkeys([first, *(str(path) for path in block.get("files") or ())])
    return [posixpath.normpath(posixpath.join(block.folder, path)) if block.folder and path else path for path in found]
