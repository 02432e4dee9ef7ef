"""A GitHub of ours: as much of its REST API as the comment needs, over HTTP, with everything that was asked of it."""

from __future__ import annotations

import io
import json
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

REPOSITORY = "base/golf"
SHA = "a" * 40
BOT = "github-actions[bot]"


class GitHub:
    """Its state, which a test changes before it asks.

    Attributes:
        pull: the pull request, number 7.
        files: paths that it changes.
        comments: those under it, oldest first.
        artifact: the zip of the run.
        seen: (method, path, authorization) of each request.
    """

    def __init__(self) -> None:
        head = {"sha": SHA, "ref": "entry", "repo": {"full_name": "fork/golf"}}
        self.pull: dict[str, Any] = {"number": 7, "state": "open", "head": head}
        self.run: dict[str, Any] = {
            "id": 11,
            "event": "pull_request",
            "head_sha": SHA,
            "head_branch": "entry",
            "head_repository": {"full_name": "fork/golf"},
        }
        self.files = ["records/track_10min_16mb/2026-04-01_Entry/train_gpt.py"]
        self.comments: list[dict[str, Any]] = []
        self.artifact = archive({"number.txt": b"7\n", "comment.md": b"## Review\n\n**COMPLIANT**\n"})
        self.name = "audit"
        self.told_bytes: int | None = None
        self.seen: list[tuple[str, str, str | None]] = []
        self.url = ""

    def comment(self, body: str, author: str = BOT) -> dict[str, Any]:
        """Put a comment under the pull request."""
        made = {"id": 100 + len(self.comments), "user": {"login": author}, "body": body}
        self.comments.append(made)
        return made

    def answer(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        """The JSON of an answer; None for one that is not there."""
        where, _, query = path.partition("?")
        page = 1 if "&page=" not in query else int(query.rpartition("=")[2])
        home = f"/repos/{REPOSITORY}"
        if where == f"{home}/actions/runs/11/artifacts":
            size = len(self.artifact) if self.told_bytes is None else self.told_bytes
            return {"artifacts": [{"id": 5, "name": self.name, "expired": False, "size_in_bytes": size}]}
        if where == f"{home}/pulls/7":
            return self.pull
        if where == f"{home}/pulls/7/files":
            return [{"filename": name} for name in self.files[100 * (page - 1) : 100 * page]]
        if where == f"{home}/issues/7/comments" and method == "GET":
            return self.comments[100 * (page - 1) : 100 * page]
        if where == f"{home}/issues/7/comments" and method == "POST" and body is not None:
            return self.comment(body["body"])
        if where.startswith(f"{home}/issues/comments/") and method == "PATCH" and body is not None:
            (own,) = [c for c in self.comments if c["id"] == int(where.rpartition("/")[2])]
            own["body"] = body["body"]
            return own
        return None


def archive(files: Mapping[str, bytes]) -> bytes:
    """A zip of these files."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in files.items():
            made.writestr(name, data)
    return stream.getvalue()


@contextmanager
def serving(github: GitHub) -> Iterator[None]:
    """Answer requests at `github.url`; the archive comes by a redirect to another address, as from its storage."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            pass

        def reply(self, method: str) -> None:
            github.seen.append((method, self.path, self.headers.get("Authorization")))
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            if self.path.endswith("/zip"):
                self.send_response(302)
                self.send_header("Location", f"{github.url}/storage")
                self.end_headers()
                return
            if self.path == "/storage":
                data = github.artifact
            else:
                found = github.answer(method, self.path, body)
                if found is None:
                    self.send_error(404)
                    return
                data = json.dumps(found).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_GET(self) -> None:
            self.reply("GET")

        def do_POST(self) -> None:
            self.reply("POST")

        def do_PATCH(self) -> None:
            self.reply("PATCH")

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        github.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
