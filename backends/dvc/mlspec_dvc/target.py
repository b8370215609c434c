"""The backend row of the DVC target."""

from __future__ import annotations

from mlspec.backend import Backend, Capability, Option, later
from mlspec_dvc.emit import emit

_HELD = "the command of the stage holds itself to it"


backend = Backend(
    name="dvc",
    summary="writes dvc.yaml and plan.json for `dvc repro`",
    emit=emit,
    options=(
        Option("python", str, "python", "the interpreter that the commands of the stages start"),
        Option("remote", str, "", "the DVC remote that artifacts are pushed to (default: the repository's own)"),
        Option("push_rows", bool, True, "whether `dvc push` takes tables of rows along; false keeps personal data here"),
        Option("libraries", bool, True, "whether a stage runs again when a library that it uses has another version where this is compiled"),
        Option("lock", str, "", "a file, from the project root, that every stage depends on, such as what pins all libraries"),
    ),
    capabilities={
        "cpu": Capability("native", "stages run one after another, each with the cores it asks for"),
        "memory": Capability("emulated", _HELD),
        "gpu": Capability("emulated", "the command of the stage looks for it on this host, and fails where there is none"),
        "shared_memory": Capability("emulated", "the command of the stage looks how much this host has, and fails where it is less"),
        "nodes": Capability("none", "all processes of a stage are on one host"),
        "time_limit": Capability("emulated", _HELD),
        "retry": Capability("emulated", "the command of the stage tries again"),
        "exclusive": Capability("native", "stages run one after another"),
        "secrets": Capability("native", "read from the environment by the stage; DVC never sees them"),
        "parallel": Capability("none", "`dvc repro` runs one stage at a time; trials of a search run side by side inside theirs"),
        "cache": Capability("native", "by content and by versions of libraries, in `dvc.lock` and DVC's cache; models also by key"),
        "gate": Capability("native", "a stage that fails; what depends on it does not run"),
        "schedule": Capability("emulated", "cron starts `dvc repro`; compiling prints the line"),
        "wait": Capability("native", "`dvc --wait-for-lock`"),
    },
    run=later("mlspec_dvc.run:run"),
    prepare=later("mlspec_dvc.repository:prepare"),
    versions=("3.67",),
    extra="dvc",
)  # fmt: skip
