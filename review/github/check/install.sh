#!/usr/bin/env bash
# mlspec of the same commit as this action, in an environment of its own, its requirements as that commit froze them.
set -euo pipefail
source=$(cd "$GITHUB_ACTION_PATH/../../.." && pwd)
python3 -m venv "$RUNNER_TEMP/mlspec"
"$RUNNER_TEMP/mlspec/bin/python" -m pip install --quiet --disable-pip-version-check --constraint "$source/constraints.txt" "$source"
