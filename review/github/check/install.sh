#!/usr/bin/env bash
# mlspec of the same commit as this action, in an environment of its own, its requirements as that commit froze them.
# `-I` everywhere and away from the checkout: else a `venv.py` or `pip/` of the pull request would stand first on Python's path.
set -euo pipefail
source=$(cd "$GITHUB_ACTION_PATH/../../.." && pwd)
cd "$RUNNER_TEMP"
python3 -I -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "::error::mlspec needs Python 3.11 or newer as python3 on the runner"; exit 1; }
python3 -I -m venv "$RUNNER_TEMP/mlspec"
"$RUNNER_TEMP/mlspec/bin/python" -I -m pip install --quiet --disable-pip-version-check --constraint "$source/constraints.txt" "$source"
