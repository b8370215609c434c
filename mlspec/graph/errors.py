"""What is raised when a graph or a plan file breaks a rule."""

from __future__ import annotations


class GraphError(Exception):
    """A rule of the graph or of the plan format is broken at `where`, a dotted path such as `stages.tune-search.inputs.rows`.

    `code` is what it is to a user where it is about a source's data: a place in the spec then.
    """

    def __init__(
        self, message: str, where: str = "", *, expected: str = "", found: str = "", help: str = "", code: str = "MLS801"
    ) -> None:
        super().__init__(f"{where}: {message}" if where else message)
        self.code = code
        self.message = message
        self.where = where
        self.expected = expected
        self.found = found
        self.help = help
