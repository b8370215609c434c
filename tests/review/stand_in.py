"""A stand-in for the APIs of GitHub and GitLab on this machine: it keeps comments and notes what was asked, and is neither of them.

It answers the few paths that mlspec asks, in the shapes that the sites document. No test here talks to a real site.
"""

from __future__ import annotations

import io
import json
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

HEAD = "a" * 40
TOKEN = "the-token"


def packed(text: bytes, name: str = "diff.json") -> bytes:
    """An artifact as GitHub hands it out."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, text)
    return file.getvalue()


class StandIn:
    """What the stand-in knows: one repository with its pull requests, comments and artifacts."""

    def __init__(self) -> None:
        self.pulls: list[dict[str, Any]] = [{"number": 7, "head": {"sha": HEAD, "repo": {"full_name": "stranger/fork"}}}]
        self.files: list[dict[str, Any]] = [{"filename": "specs/churn.mlspec"}]
        self.comments: list[dict[str, Any]] = []
        self.artifact = b""
        self.artifacts = [{"id": 5, "name": "mlspec-diff", "expired": False, "size_in_bytes": 100}]
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.busy = 0
        self.url = ""

    def comment(self, body: str, login: str = "github-actions[bot]") -> int:
        number = len(self.comments) + 100
        self.comments.append({"id": number, "body": body, "user": {"login": login}, "author": {"id": 1 if login != "mlspec" else 9},
                              "system": False})  # fmt: skip
        return number

    def answer(self, method: str, path: str, query: dict[str, list[str]], content: Any) -> Any:  # noqa: C901  one case a path
        """The reply to one request: JSON, bytes, or an address to go on to."""
        page = int(query.get("page", ["1"])[0])

        def paged(items: list[Any]) -> list[Any]:
            return items[(page - 1) * 100 : page * 100]

        match (method, path.strip("/").split("/")):
            case ("GET", ["repos", "team", "specs", "pulls"]):
                wanted = query["head"][0]
                return paged([pull for pull in self.pulls if wanted == "stranger:work/one&two"])
            case ("GET", ["repos", "team", "specs", "pulls", "7", "files"]):
                return paged(self.files)
            case ("GET", ["repos", "team", "specs", "actions", "runs", "12", "artifacts"]):
                return {"total_count": len(self.artifacts), "artifacts": self.artifacts}
            case ("GET", ["repos", "team", "specs", "actions", "artifacts", "5", "zip"]):
                return ("moved", f"{self.url}/elsewhere/blob?signature=x")
            case ("GET", ["elsewhere", "blob"]):
                return self.artifact
            case (
                "GET",
                ["repos", "team", "specs", "issues", "7", "comments"] | ["projects", "3", "merge_requests", "7", "notes"],
            ):
                return paged(self.comments)
            case ("POST", ["repos", "team", "specs", "issues", "7", "comments"]):
                return {"id": self.comment(content["body"])}
            case ("POST", ["projects", "3", "merge_requests", "7", "notes"]):
                return {"id": self.comment(content["body"], "mlspec")}
            case (
                "PATCH" | "PUT",
                ["repos", "team", "specs", "issues", "comments", number] | ["projects", _, _, _, "notes", number],
            ):
                (found,) = [item for item in self.comments if item["id"] == int(number)]
                found["body"] = content["body"]
                return found
            case ("GET", ["user"]):
                return {"id": 9}
        return None

    def written(self) -> list[str]:
        return [f"{method} {path}" for method, path, _ in self.asked if method != "GET"]


@contextmanager
def standing() -> Iterator[StandIn]:
    """The stand-in, answering on a free port of this machine."""
    site = StandIn()

    class Handler(BaseHTTPRequestHandler):
        def _reply(self) -> None:
            parts = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            content = json.loads(self.rfile.read(length)) if length else None
            site.asked.append((self.command, parts.path, dict(self.headers)))
            allowed = TOKEN in (self.headers.get("Authorization") or "") or self.headers.get("PRIVATE-TOKEN") == TOKEN
            if site.busy > 0:
                site.busy -= 1
                self._send(503, b"", {"Retry-After": "0"})
            elif not allowed and not parts.path.startswith("/elsewhere"):
                self._send(401, b"{}")
            else:
                self._answer(site.answer(self.command, parts.path, parse_qs(parts.query), content))

        def _answer(self, reply: Any) -> None:
            if isinstance(reply, tuple):
                self._send(302, b"", {"Location": reply[1]})
            elif isinstance(reply, bytes):
                self._send(200, reply)
            else:
                self._send(404 if reply is None else 200, json.dumps(reply).encode())

        def _send(self, status: int, data: bytes, headers: dict[str, str] | None = None) -> None:
            self.send_response(status)
            for name, value in {"Content-Length": str(len(data)), **(headers or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = do_PUT = _reply

        def log_message(self, *unused: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    site.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
