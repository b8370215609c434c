"""A distribution on disk that brings a target, as an installer would leave it."""

from __future__ import annotations

from pathlib import Path


def install(site: Path, project: str, text: str, *, target: str = "list", entry: str = "") -> None:
    """Put a distribution on disk as an installer would."""
    module = project.replace("-", "_")
    (site / f"{module}.py").write_text(text)
    info = site / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        f"[console_scripts]\nx = y:z\n\n[mlspec.backends]\n{target} = {entry or module + ':backend'}\n"
    )
