"""`python -m mlspec.runtime.serve --package FOLDER --port P`: serve a package without a spec, for tests and images."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from mlspec.runtime.errors import StageError
from mlspec.runtime.serve.listen import Listen
from mlspec.runtime.serve.main import main


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m mlspec.runtime.serve", description="Serve one package over HTTP.")
    parser.add_argument("--package", type=Path, required=True, help="the folder of a package")
    parser.add_argument("--config", type=Path, help="the serve config, JSON; without it probabilities and no log")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, help="0 takes a free port; default: the config's")
    parser.add_argument("--fd", type=int, help="answer at this listening socket, which the process was started with")
    parser.add_argument("--admin-host", default="127.0.0.1", help="the address of the admin port")
    parser.add_argument("--admin-port", type=int, help="health, facts and metrics on a port of their own")
    parser.add_argument(
        "--token-env", metavar="VARIABLE", help="the environment variable with the token that requests must carry"
    )
    parser.add_argument("--project-root", type=Path, default=Path(), help="where .mlspec/logs lies")
    parser.add_argument("--unreleased", action="store_true", help="say that no gate passed this model; loopback only")
    return parser.parse_args()


def _run() -> int:
    given = _arguments()
    config: dict[str, Any] = json.loads(given.config.read_text("utf-8")) if given.config else {"name": given.package.name}
    if given.token_env:
        config["token"] = {"kind": "env", "variable": given.token_env}
    listen = Listen(given.host, given.port, given.admin_host, given.admin_port, given.fd)
    try:
        return main(given.package, config, listen, project_root=given.project_root, unreleased=given.unreleased)
    except StageError as error:
        sys.stderr.write(f"error[{error.code}]: {error.message}\n  at {error.where}\n")
        sys.stderr.write(f"  expected {error.expected}, found {error.found}\n  help: {error.help}\n")
        return 1


if __name__ == "__main__":
    sys.exit(_run())
