"""The driver: one cached property per compiler stage, so that reading order is pipeline order. No printing, no exit.

source → tree → spec → diagnostics → graph → plan
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from mlspec.diagnostics import Collector, Diagnostic, code
from mlspec.source import SourceFile, Span
from mlspec.syntax import parse, read_source

if TYPE_CHECKING:
    from mlspec.graph import Graph
    from mlspec.graph.leaves import Lookup
    from mlspec.plan import Plan
    from mlspec.policy import Policy
    from mlspec.policy.waivers import Vouched
    from mlspec.spec.imports import Reported
    from mlspec.spec.model import Spec
    from mlspec.syntax.nodes import File

MAX_PROJECT = 2**20
"""How much text a spec may have with all that it imports."""


class Project:
    """The folder that everything lies in: the nearest one upward with `mlspec.toml`, else with `.git`, else the spec's own."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def of(cls, spec: Path) -> Project:
        """The project of a spec file."""
        start = Path(os.path.abspath(spec)).parent  # noqa: PTH100 - resolve() would follow links
        for marker in ("mlspec.toml", ".git"):
            for folder in (start, *start.parents):
                if (folder / marker).exists():
                    return cls(folder)
        return cls(start)

    @property
    def state(self) -> Path:
        """The folder of runs, store and caches."""
        return self.root / ".mlspec"


class Compilation:
    """One spec on its way. Each property is worked out once, when it is first asked for."""

    def __init__(
        self,
        path: Path | str,
        env: str | None = None,
        params: Mapping[str, str] | None = None,
        *,
        project: Project | None = None,
        read: Callable[..., SourceFile | Diagnostic] = read_source,
        policy: Policy | None = None,
        today: str = "",
        parse: Callable[[SourceFile], tuple[File | None, list[Diagnostic]]] = parse,
    ) -> None:
        """`read` stands in for `read_source` where files are not those of the disk, and `parse` for the parser: an editor's.

        `policy` is held to instead of the project's own, and waivers are held against `today`, a date, instead of the clock's day.
        """
        self.path = Path(path)
        self.env = env
        self.params = dict(params or {})
        self.project = project or Project.of(self.path)
        self._read = read
        self._parse = parse
        self._policy = policy
        self._vouched: Vouched | None = None
        self.today = today
        self.lookup: Lookup | None = None
        """Asks registries for what stands behind an alias; only who may import the runtime can."""
        self.imported: dict[str, SourceFile] = {}
        self.reads_code = True
        self._code: dict[str, SourceFile | Diagnostic] = {}
        self._trees: dict[str, File] = {}
        self._found = Collector()

    @cached_property
    def source(self) -> SourceFile | None:
        """The text; None when the file cannot be read, which is a diagnostic."""
        read = self._read(self.path, name=str(self.path))
        if isinstance(read, Diagnostic):
            self._found.add(read)
            return None
        return read

    @cached_property
    def parsed(self) -> tuple[File | None, list[Diagnostic]]:
        """The syntax tree, of a text with errors what could be read of it, and those errors."""
        return (None, []) if self.source is None else self._parse(self.source)

    @cached_property
    def tree(self) -> File | None:
        """The syntax tree; None of a text with errors."""
        tree, found = self.parsed
        self._found.extend(found)
        if not any(item.severity == "error" for item in found):
            return tree
        if tree is not None:
            self._check_intact(tree, found)
        return None

    def _check_intact(self, tree: File, found: list[Diagnostic]) -> None:
        """What is wrong with the statements that have no syntax error, where the others cannot be the reason."""
        from mlspec.spec.holes import believed, intact

        rest = intact(tree, found)
        if rest is None:
            return
        from mlspec.spec.check import check_spec

        _, more = check_spec(rest[0], load=self._load, params=self.params, then=self._check_whole, lost=rest[1])
        self._found.extend(believed([item for item in found if item.severity == "error"], more))

    @cached_property
    def spec(self) -> Spec | None:
        """The checked spec; None when it has errors."""
        if self.tree is None or self._found.errors:
            return None
        from mlspec.spec.check import check_spec

        spec, found = check_spec(self.tree, load=self._load, env=self.env, params=self.params, then=self._check_whole)
        self._found.extend(found)
        if self.imported:
            from mlspec.spec.lock import check_lock

            trees = {self._from_root(os.path.abspath(self.path)): self.tree, **self._trees}  # noqa: PTH100
            self._found.extend(
                check_lock(trees, {self._from_root(path): item.text for path, item in self.imported.items()}, self.project.root)
            )
        if spec is not None and any(spec.of_kind("extern")):
            self._found.extend(self._code_unlocked(spec))
        self._judge(spec)
        return None if self._found.errors else spec

    def _check_whole(self, spec: Spec) -> list[Diagnostic]:
        """What the checks over a whole spec say, with what the project's lock knows of its data."""
        from mlspec.spec.checks import run_checks
        from mlspec.spec.locked_rows import LockedRows

        spec.locked_rows = LockedRows(self.project.root, self.prefix).of
        return run_checks(spec)

    def _code_unlocked(self, spec: Spec) -> list[Diagnostic]:
        """111 as warnings for code that is not locked."""
        if not self.reads_code:
            return []
        from mlspec.policy.externs import unlocked

        return unlocked(spec, self._code_of(spec), self.project.root, self.prefix, "warning")

    @cached_property
    def policy(self) -> Policy:
        """What the project holds its specs to; faults of `mlspec.toml` are findings."""
        from mlspec.policy import load_policy

        if self._policy is not None:
            return self._policy
        policy, found = load_policy(self.project.root)
        self._found.extend(found)
        return policy

    def hold_to(self, policy: Policy, today: str, vouched: Vouched | None = None) -> None:
        """Another policy than the project's own, and another day: before anything of the spec is asked for. Waivers that nobody
        stands behind by `vouched` count for nothing.
        """
        self._policy, self.today, self._vouched = policy, today, vouched

    def _judge(self, spec: Spec | None) -> None:
        """Puts the findings at the levels of the policy, and marks what waivers of the spec cover."""
        from mlspec.policy.judge import judge

        policy = self.policy
        if spec is None and self.waives:
            spec = self.bound(self.env)
        self._found = Collector(judge(spec, self._found.sorted(), policy, self.today, self._vouched))

    @property
    def waives(self) -> bool:
        """Whether the spec has waivers, so that what is found of it depends on the day."""
        return self.tree is not None and any(item.span.text.startswith("waive") for item in self.tree.statements)

    @cached_property
    def rough(self) -> Spec | None:
        """The spec, or what could be bound of one with errors; None when its text has no statements that can be read."""
        return self.spec if self.spec is not None or self.tree is None else self.bound(self.env)

    @cached_property
    def readable(self) -> Spec | None:
        """The spec, or what could be bound of the statements that could be read: for an editor, never for a run."""
        tree, found = self.parsed
        if tree is None or self.tree is not None:
            return self.rough
        from mlspec.spec.check import bind_spec
        from mlspec.spec.holes import without_errors

        return bind_spec(without_errors(tree, found), load=self._load, lost=frozenset())[0]

    def bound(self, env: str | None) -> Spec:
        """What can be bound of a spec with a tree under an env, whether it has errors or not."""
        from mlspec.spec.check import bind_spec

        assert self.tree is not None, "only of a spec with a tree"
        return bind_spec(self.tree, load=self._load, env=env)[0]

    def _load(self, path: str) -> File | Reported | None:
        """The tree of an imported file, by its path from the spec's folder; None when it cannot be read.

        It must lie inside the project; what is wrong with its text is found once, and `Reported` says so.
        """
        from mlspec.spec.imports import Reported

        full = Path(os.path.normpath(self.folder / path))
        shown = os.path.normpath(self.path.parent / path)
        read = self._read(os.path.relpath(full, self.project.root), root=self.project.root, name=shown)
        if isinstance(read, Diagnostic):
            return None
        self.imported[str(full)] = read
        size = sum(len(source.text.encode()) for source in self.sources)
        if size > MAX_PROJECT:
            limit, got = f"{MAX_PROJECT // 2**20} MiB", f"{size / 2**20:.1f} MiB"
            self._found.add(Diagnostic(code("MLS115"), Span(read, 0, 0), {"what": "too much text", "limit": limit, "got": got}))
            return Reported()
        tree, found = self._parse(read)
        self._found.extend(found)
        if tree is not None:
            self._trees[self._from_root(str(full))] = tree
        # A tree with holes is for editors: what is wrong is reported at its own place, and nobody checks the rest.
        return Reported() if tree is None or any(item.severity == "error" for item in found) else tree

    def text_of(self, path: str) -> str | None:
        """The text of another file of the project, by its path from the spec's folder; None when it cannot be read."""
        full = os.path.normpath(self.folder / path)
        read = self._read(os.path.relpath(full, self.project.root), root=self.project.root, name=path)
        return None if isinstance(read, Diagnostic) else read.text

    def _from_root(self, path: str) -> str:
        """A path from the project root, with `/`."""
        return os.path.relpath(path, self.project.root).replace(os.sep, "/")

    @cached_property
    def diagnostics(self) -> list[Diagnostic]:
        """Everything that was found, by position."""
        _ = self.spec
        return self._found.sorted()

    @property
    def ok(self) -> bool:
        """Whether there is no error, and a spec."""
        return self.spec is not None and not any(found.severity == "error" for found in self.diagnostics)

    @property
    def sources(self) -> list[SourceFile]:
        """The texts that were read: the spec's own, then those of its imports."""
        return [source for source in (self.source, *self.imported.values()) if source is not None]

    @property
    def code_sources(self) -> dict[str, SourceFile | Diagnostic]:
        """The files of externs by their paths in the spec, or why one cannot be read."""
        if self.spec is None and not any("extern" in source.text for source in self.sources):
            return {}  # what has errors would be bound a second time to learn that
        return {} if self.rough is None else self._code_of(self.rough)

    def _code_of(self, spec: Spec) -> dict[str, SourceFile | Diagnostic]:
        """Reads each file once. Nothing of them is parsed, imported or run."""
        blocks = list(spec.of_kind("extern"))
        if blocks and self.reads_code:
            from mlspec.spec.externs import code_files

            root = self.project.root
            for path in dict.fromkeys(path for block in blocks for path in code_files(block) if path):
                if path not in self._code:
                    place = os.path.relpath(os.path.normpath(self.folder / path), root)
                    self._code[path] = self._read(place, root=root, name=path)
        return self._code

    @property
    def code(self) -> dict[str, str]:
        """The digests of the files of externs that can be read, by their paths in the spec."""
        from mlspec.graph.code import code_digest

        return {
            path: code_digest(read.text.encode("utf-8", "surrogatepass"))
            for path, read in self.code_sources.items()
            if isinstance(read, SourceFile)
        }

    @property
    def code_refused(self) -> list[Diagnostic]:
        """Why the code of externs may not run, as errors: 111 for a file that `mlspec.lock` does not hold as it is, 824 for one that
        `mlspec.toml` does not allow.
        """
        from mlspec.policy.externs import refused

        return [] if self.spec is None else refused(self.spec, self.code_sources, self.project.root, self.prefix, self.policy)

    @property
    def texts(self) -> dict[str, str]:
        """The text of every file that was read, by absolute path; empty when the spec itself could not be."""
        if self.source is None:
            return {}
        code = {
            os.path.normpath(self.folder / path): item.text
            for path, item in self.code_sources.items()
            if isinstance(item, SourceFile)
        }
        return {
            os.path.abspath(self.path): self.source.text,  # noqa: PTH100
            **{path: item.text for path, item in self.imported.items()},
            **code,
        }

    @cached_property
    def spec_digest(self) -> str:
        """SHA-256 of the canonical text of the spec and its imports, with the overrides in force.

        Without `#` comments and `test` blocks: a test that is added to what was released leaves it released.
        """
        from mlspec.graph import digest_of

        texts = [self._canonical(source) for source in self.sources]
        return digest_of([texts, self._overrides()])

    def _canonical(self, source: SourceFile) -> str:
        from mlspec.spec import schema
        from mlspec.syntax.format import format_file
        from mlspec.syntax.nodes import Block, File

        tree, _ = parse(source)
        assert tree is not None, "a spec without errors has a tree"
        runs = tuple(item for item in tree.statements if not (isinstance(item, Block) and item.kind.text == "test"))
        return format_file(File(tree.span, tree.edition, runs, ()), source, schema.order)

    def _overrides(self) -> list[list[str]]:
        """The values that an env or `-p` put in place, by path and as text."""
        found = [] if self.spec is None else self.spec.overrides
        return sorted([override.path, repr(override.new.item)] for override in found)

    @property
    def folder(self) -> Path:
        """The spec's folder, absolute."""
        return Path(os.path.abspath(self.path)).parent  # noqa: PTH100 - resolve() would follow links

    @property
    def prefix(self) -> str:
        """The way from the project root to the spec's folder, "" when they are one."""
        relative = self.folder.relative_to(self.project.root).as_posix()
        return "" if relative == "." else relative

    @cached_property
    def graph(self) -> Graph:
        """The stages, with what `mlspec.lock` pins of their data; only of a spec without errors."""
        from mlspec.graph import pinned
        from mlspec.spec.lock import read_data

        return pinned(self.unpinned, read_data(self.project.root))

    @cached_property
    def unpinned(self) -> Graph:
        """The stages alone, for whoever writes `mlspec.lock`: the one that is there may be broken."""
        if self.spec is None:
            raise ValueError("a spec with errors has no graph")
        from mlspec.lower import lower

        return lower(self.spec, self.spec_digest, self.prefix, self.code)

    @cached_property
    def plan(self) -> Plan:
        """What a run would do, compared with the store; GraphError when a source file is missing."""
        from mlspec.plan import make_plan

        return make_plan(self.graph, self.project.root, self.env, self.lookup)

    def locate(self, where: str) -> str:
        """`file:line` of a dotted place in the spec, "" where it has none."""
        span = None if self.spec is None else self.spec.span_of(where)
        return "" if span is None else f"{span.source.name}:{span.position[0]}"
