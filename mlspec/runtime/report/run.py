"""The `report` stage: the evaluation report, made whether the gates pass or not."""

from __future__ import annotations

from mlspec.runtime import files
from mlspec.runtime.context import StageContext


def run(context: StageContext) -> None:
    """Write the page as index.html."""
    from mlspec.runtime.report.evaluation import evaluation_page

    files.write_text(context.output("report") / "index.html", evaluation_page(context.config, context.inputs()))
