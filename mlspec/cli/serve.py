"""Answer requests with the released model: the newest run of this very spec whose gates passed."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from mlspec.cli import exits
from mlspec.cli.failures import exit_code_of, stage_diagnostics
from mlspec.cli.loading import checked, choose, say, split_name
from mlspec.cli.options import add_spec
from mlspec.cli.releases import add_from, release_of
from mlspec.cli.terminal import err

if TYPE_CHECKING:
    from pathlib import Path

    from mlspec.driver import Compilation
    from mlspec.runtime.serve.release import Release


def arguments(parser: argparse.ArgumentParser) -> None:
    """SPEC[#name], `--host`, `--port`, `--fd`, `--admin-host`, `--admin-port`, `--token-env`, `--from`, `--unreleased`."""
    add_spec(parser, named=True)
    parser.add_argument("--host", help="the address to listen on (default: the spec's, else 127.0.0.1)")
    parser.add_argument("--port", type=int, help="the port; 0 takes a free one (default: the spec's)")
    parser.add_argument(
        "--fd", type=int, metavar="N", help="answer at this listening socket, which the process was started with"
    )
    parser.add_argument(
        "--admin-host", default="127.0.0.1", metavar="HOST", help="the address of the admin port (default: 127.0.0.1)"
    )
    parser.add_argument(
        "--admin-port", type=int, metavar="PORT", help="metrics on a port of their own (default: off loopback the next)"
    )
    parser.add_argument(
        "--token-env", metavar="VARIABLE", help="the environment variable with the token that requests must carry"
    )
    add_from(parser)
    parser.add_argument("--unreleased", action="store_true", help="serve a model that no gates have passed, on loopback only")


def run(options: argparse.Namespace) -> int:
    """Find the release, load it, serve until SIGTERM."""
    from mlspec.runtime.errors import StageError

    path, name = split_name(options.spec)
    found = checked(options, path)
    if found is None or found.spec is None:
        return exits.FOUND
    block = choose(found, "serve", name)
    try:
        return _serve(options, found, block)
    except StageError as error:
        say(options, stage_diagnostics(found.spec, [error.to_json()]), [str(found.path)])
        return exit_code_of([error.code])
    except ModuleNotFoundError as error:
        raise missing_extra(error, "serve") from error


def missing_extra(error: ModuleNotFoundError, extra: str) -> Exception:
    """The way out when a library of an extra is not installed; a missing module of ours is a bug and stays one."""
    missing = (error.name or "").partition(".")[0]
    if missing.startswith("mlspec"):
        return error
    return exits.CommandError(f"this needs `{missing}`, which is not installed", exits.FOUND, expected=f"the extra `{extra}`",
                              found=f"no module `{missing}`", help=f"pip install 'mlspec-lang[{extra}]'")  # fmt: skip


def _serve(options: argparse.Namespace, found: Compilation, block: Any) -> int:
    from mlspec.lower.serving import serve_config
    from mlspec.runtime.serve.listen import Listen
    from mlspec.runtime.serve.main import main

    assert found.spec is not None
    config = serve_config(found.spec, block, found.spec_digest)
    release = release_of(options, found, config)
    engine = block.make("engine")
    host = options.host or (engine.get("host") if engine is not None else None) or "127.0.0.1"
    if options.token_env:
        config["token"] = {"kind": "env", "variable": options.token_env}
    listen = Listen(host, options.port, options.admin_host, options.admin_port, options.fd)
    record_use(found.project.root, "serve", block.name, found, release)
    return main(
        release.package,
        config,
        listen,
        project_root=found.project.root,
        unreleased=options.unreleased,
        override=release.override,
        shipped=False,
    )


def record_use(root: Path, event: str, name: str, found: Compilation, release: Release) -> None:
    """Put on record which package a server or a batch answers with, and under whose override.

    A folder that cannot be written to keeps no release from answering, and is said; an override that nobody can look up counts for nothing.
    """
    from mlspec.runtime.audit import log
    from mlspec.runtime.errors import StageError

    override = None if release.override is None else release.override["n"]
    body = {"block": name, "spec": found.spec.name if found.spec else "", "spec_digest": found.spec_digest, "run": release.run,
            "package": release.digest, "released": release.verdict is not None, "override": override}  # fmt: skip
    try:
        log.append(root, event, body)
    except StageError as error:
        if release.override is not None:
            raise
        err(f"not in the audit log [{error.code}]: {error.message}\n")
