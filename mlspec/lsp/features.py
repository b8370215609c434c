"""The table of what the server answers: the server registers its rows, docs/editor.md shows them, and a test asks for each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from lsprotocol import types

from mlspec import markdown
from mlspec.lsp import actions, colours, completion, hints, hover, layout, lineage, navigation, rename, signature
from mlspec.lsp.workspace import Workspace


class Feature(NamedTuple):
    """One request: its name in the protocol, what a person calls it, what it gives, who answers it, and its options."""

    method: str
    title: str
    gives: str
    answer: Callable[[Workspace, Any], Any]
    options: Any = None


FEATURES = (
    Feature(
        types.TEXT_DOCUMENT_COMPLETION, "completion",
        "block kinds, fields that are not set yet, their words and calls, parameters of estimators, functions and metrics for the level of "
        "the place, columns and definitions, members behind a dot, tags, units, imports",
        completion.completion, types.CompletionOptions(trigger_characters=[".", "@", "=", " ", "(", '"', ":"], resolve_provider=True),
    ),
    Feature(types.COMPLETION_ITEM_RESOLVE, "documentation of a completion", "what hover says of a declared name", completion.resolve),
    Feature(
        types.TEXT_DOCUMENT_HOVER, "hover", "type, level, tags and taint of a name, what it reads and who reads it; rows of the schema and the "
        "catalogue; what a literal with a unit comes to", hover.hover,
    ),
    Feature(
        types.TEXT_DOCUMENT_SIGNATURE_HELP, "signature help", "parameters of catalogue functions, metrics, calls of fields and attributes",
        signature.signature_help, types.SignatureHelpOptions(trigger_characters=["(", ","], retrigger_characters=[":"]),
    ),
    Feature(types.TEXT_DOCUMENT_DEFINITION, "definition", "the declaration of a name, in this file or the imported one", navigation.definition),
    Feature(types.TEXT_DOCUMENT_REFERENCES, "references", "every use, in this file and in those that import it", navigation.references),
    Feature(types.TEXT_DOCUMENT_DOCUMENT_HIGHLIGHT, "highlight", "the places of one name", navigation.highlights),
    Feature(types.TEXT_DOCUMENT_DOCUMENT_SYMBOL, "outline", "blocks with what stands in them", navigation.symbols),
    Feature(types.WORKSPACE_SYMBOL, "workspace symbols", "declarations of the open projects", navigation.workspace_symbols),
    Feature(
        types.TEXT_DOCUMENT_RENAME, "rename", "every use, in all files; `@was` on a member, so that a diff follows it, and `@named` on a column "
        "of a source, so that the data need not change; refused with a reason where a name is fixed or taken",
        rename.rename, types.RenameOptions(prepare_provider=True),
    ),
    Feature(types.TEXT_DOCUMENT_PREPARE_RENAME, "whether a name can be renamed", "its range", rename.prepare),
    Feature(
        types.TEXT_DOCUMENT_CODE_ACTION, "code actions", "the edits of findings, the very ones of `check --fix`; `source.fixAll.mlspec` makes "
        "all that have one reading", actions.actions, types.CodeActionOptions(code_action_kinds=list(actions.KINDS)),
    ),
    Feature(types.TEXT_DOCUMENT_FORMATTING, "formatting", "what `mlspec fmt` writes, as edits of the lines that differ", layout.formatting),
    Feature(types.TEXT_DOCUMENT_FOLDING_RANGE, "folding", "blocks, calls, lists, texts, comments, imports", layout.folding),
    Feature(types.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL, "semantic tokens", "what each word is", colours.full, colours.LEGEND),
    Feature(types.TEXT_DOCUMENT_SEMANTIC_TOKENS_RANGE, "semantic tokens of a part", "the same for the lines in sight", colours.of_range, colours.LEGEND),
    Feature(types.TEXT_DOCUMENT_INLAY_HINT, "inlay hints", "types of definitions; defaults of the fields that a block leaves out", hints.hints),
    Feature(types.TEXT_DOCUMENT_PREPARE_CALL_HIERARCHY, "column lineage", "the item of a name, as a call hierarchy", lineage.prepare),
    Feature(types.CALL_HIERARCHY_INCOMING_CALLS, "who reads it", "definitions and blocks that read a name", lineage.incoming),
    Feature(types.CALL_HIERARCHY_OUTGOING_CALLS, "what it reads", "the names that a definition or block reads", lineage.outgoing),
)  # fmt: skip

ALSO = (
    ("diagnostics", "as you type: everything that `mlspec check` finds, with the code, a link to its page, the other places, and marks on "
     "what is unused or deprecated", types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS),
    ("code lens", "“re-runs 4 stages”: what changed since `HEAD`, or since the last run, makes run again; nothing where that cannot be known",
     types.TEXT_DOCUMENT_CODE_LENS),
)  # fmt: skip


def table() -> str:
    """The rows as docs/editor.md shows them."""
    rows = [(title, gives, method) for title, gives, method in ALSO] + [(row.title, row.gives, row.method) for row in FEATURES]
    return markdown.table(
        ("feature", "what it gives", "request"), [(title, gives, f"`{method}`") for title, gives, method in rows]
    )
