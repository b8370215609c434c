#!/usr/bin/env bash
# mlspec of the same commit as this action, in an environment of its own, its requirements as that commit froze them.
set -euo pipefail
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "::error::mlspec needs Python 3.11 or newer as python3 on the runner"; exit 1; }
source=$(cd "$GITHUB_ACTION_PATH/../../.." && pwd)
python3 -m venv "$RUNNER_TEMP/mlspec"
"$RUNNER_TEMP/mlspec/bin/python" -m pip install --quiet --disable-pip-version-check --constraint "$source/constraints.txt" "$source"
