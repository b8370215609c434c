"""The calls that stand as field values, by group; positional arguments go by the order of the parameters.

A group maps to rows of (name, parameters, whether it is built, doc); a parameter is (name, form, default, doc), and may end in a
direction of its own for the diff.
"""

from mlspec.spec.schema import calls_of_data, calls_of_learning, calls_of_release, calls_of_search, calls_of_training

CONSTRUCTORS = {
    **calls_of_data.CALLS, **calls_of_learning.CALLS, **calls_of_search.CALLS, **calls_of_training.CALLS, **calls_of_release.CALLS
}  # fmt: skip

# Groups that also take dotted names of a library, `timm.convnext_tiny(pretrained: true)`: one row, `timm.*`, stands for all of them.
OPEN_GROUPS = frozenset(("network_of",))
