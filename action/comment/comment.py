"""comment.py: put the review of a pull request under it, in one comment that is edited in place.

Runs on `workflow_run`, in the base repository and with its token, after a `pull_request` run that had none. What that
run uploaded is hostile: a pull request can change the workflow that makes it. So

* which pull request it is for is asked of GitHub: the number in the artifact must be that of an open pull request whose
  head is the commit, repository and branch that the *event* names;
* a pull request that changes anything under `.github/` gets no comment: its run may have been another program;
* the artifact is read in memory, by name, with caps, and never unpacked to disk or executed;
* its text is shown without images, mentions, foreign links, HTML or control characters, and no longer than a comment;
* only a comment of our own account that begins with our mark is edited.

Takes from the environment: GITHUB_API_URL, GITHUB_REPOSITORY, GITHUB_EVENT_PATH, GITHUB_TOKEN (actions: read,
pull-requests: write), and AUTHOR, ARTIFACT. Standard library alone.
"""

from __future__ import annotations

import io
import json
import os
import re
import sys
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any

MARK = "<!-- parameter-golf-auditor -->"
MAX_ARCHIVE_BYTES = 8_000_000
MAX_COMMENT_BYTES = 65_536
MAX_PAGES = 30
"""Pages of a hundred of any list; GitHub lists 3,000 files of a pull request and no more."""
OWN_LINKS = ("https://github.com/",)


class Refused(Exception):
    """There is nothing to comment on, or nothing that may be shown: why, in one sentence."""


class Api:
    """The few calls of GitHub's REST API that are needed."""

    def __init__(self, url: str, token: str) -> None:
        self._url, self._token = url.rstrip("/"), token

    def ask(self, path: str, *, method: str = "GET", body: Mapping[str, object] | None = None) -> Any:
        """The JSON answer to a request."""
        data = None if body is None else json.dumps(body).encode()
        with self._open(f"{self._url}{path}", data, method) as answer:
            return json.loads(answer.read())

    def listed(self, path: str) -> Iterator[Any]:
        """Every element of a list, page by page.

        Raises:
            Refused: it is longer than can be looked through.
        """
        for page in range(1, MAX_PAGES + 1):
            found = self.ask(f"{path}{'&' if '?' in path else '?'}per_page=100&page={page}")
            yield from found
            if len(found) < 100:
                return
        raise Refused(f"{path} has more than {MAX_PAGES * 100:,} elements")

    def archive(self, path: str) -> bytes:
        """A zip archive; the storage that GitHub redirects to is not sent the token.

        Raises:
            Refused: it is larger than the cap.
        """
        try:
            with self._open(f"{self._url}{path}", None, "GET") as answer:
                data = answer.read(MAX_ARCHIVE_BYTES + 1)
        except urllib.error.HTTPError as error:
            if error.code not in (301, 302, 303, 307, 308):
                raise
            with urllib.request.urlopen(error.headers["Location"], timeout=60) as answer:
                data = answer.read(MAX_ARCHIVE_BYTES + 1)
        if len(data) > MAX_ARCHIVE_BYTES:
            raise Refused(f"the artifact is larger than {MAX_ARCHIVE_BYTES:,} bytes")
        return bytes(data)

    def _open(self, url: str, data: bytes | None, method: str) -> Any:
        headers = {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {self._token}",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        request = urllib.request.Request(url, data=data, method=method, headers=headers)
        return urllib.request.build_opener(_NoRedirects).open(request, timeout=60)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *arguments: object) -> None:
        return None


def main() -> None:
    """Comment, and print what was done; a refusal is told and is no failure of the job."""
    repository = os.environ["GITHUB_REPOSITORY"]
    api = Api(os.environ["GITHUB_API_URL"], os.environ["GITHUB_TOKEN"])
    with open(os.environ["GITHUB_EVENT_PATH"], encoding="utf-8") as stream:
        run = json.load(stream)["workflow_run"]
    try:
        files = artifact(api, repository, int(run["id"]), os.environ.get("ARTIFACT", "audit"))
        number = pull_request(api, repository, run, files["number.txt"])
        body = shown(files["comment.md"])
        author = os.environ.get("AUTHOR") or "github-actions[bot]"
        print(put(api, repository, number, body, author=author))
    except Refused as why:
        print(f"no comment: {why}")


def artifact(api: Api, repository: str, run: int, name: str) -> dict[str, bytes]:
    """`number.txt` and `comment.md` of the run's artifact.

    Raises:
        Refused: there is none, or it is not what the Action makes.
    """
    listed = api.ask(f"/repos/{repository}/actions/runs/{run}/artifacts?per_page=100")["artifacts"]
    named = [entry for entry in listed if entry["name"] == name and not entry["expired"]]
    if len(named) != 1:
        raise Refused(f"the run has {len(named)} artifacts named {name!r}")
    if named[0]["size_in_bytes"] > MAX_ARCHIVE_BYTES:
        raise Refused(f"the artifact is larger than {MAX_ARCHIVE_BYTES:,} bytes")
    data = api.archive(f"/repos/{repository}/actions/artifacts/{int(named[0]['id'])}/zip")
    caps = {"number.txt": 20, "comment.md": MAX_COMMENT_BYTES}
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return {file: _member(archive, file, cap) for file, cap in caps.items()}
    except (zipfile.BadZipFile, KeyError, NotImplementedError, RuntimeError) as error:
        raise Refused(f"the artifact is not what the audit makes: {type(error).__name__}") from error


def _member(archive: zipfile.ZipFile, name: str, cap: int) -> bytes:
    with archive.open(name) as stream:
        data = stream.read(cap + 1)
    if len(data) > cap:
        raise Refused(f"{name} of the artifact is larger than {cap:,} bytes")
    return data


def pull_request(api: Api, repository: str, run: Mapping[str, Any], told: bytes) -> int:
    """The pull request that the event's run was of.

    Args:
        run: `workflow_run` of the event, made by GitHub.
        told: the number that the artifact tells, not to be believed.

    Raises:
        Refused: that number is not of an open pull request with the event's head, or it changes workflows.
    """
    digits = told.decode("ascii", "replace").strip()
    if run["event"] != "pull_request":
        raise Refused(f"the run was of {run['event']!r} and not of a pull request")
    if not re.fullmatch(r"[1-9][0-9]{0,9}", digits):
        raise Refused("the artifact names no pull request")
    number = int(digits)
    try:
        pull = api.ask(f"/repos/{repository}/pulls/{number}")
    except urllib.error.HTTPError as error:
        raise Refused(f"there is no pull request {number} (HTTP {error.code})") from error
    head = pull["head"]
    ours = (run["head_sha"], run["head_branch"], (run["head_repository"] or {}).get("full_name"))
    theirs = (head["sha"], head["ref"], (head["repo"] or {}).get("full_name"))
    if pull["state"] != "open" or ours != theirs:
        raise Refused(f"pull request {number} has another head than the run, or is closed")
    for file in api.listed(f"/repos/{repository}/pulls/{number}/files"):
        names = (file["filename"], file.get("previous_filename", ""))
        if any(name == ".github" or name.startswith(".github/") for name in names):
            raise Refused(f"pull request {number} changes .github/, so its run may have been another program")
    return number


def shown(text: bytes) -> str:
    """The comment as it may stand under the base repository's name.

    The auditor escapes what it quotes; this holds where it was not the auditor who wrote. Signs that would come alive
    are followed by a word joiner, which shows as nothing.

    Raises:
        Refused: it is no text.
    """
    try:
        plain = text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused("the comment is not UTF-8 text") from error
    plain = re.sub(
        r"[^\S\n ]|[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]", " ", plain
    )
    plain = re.sub(r"<(?!/?(?:details|summary)>)", "<\u2060", plain)
    plain = re.sub(r"!\[", "!\u2060[", plain)
    plain = re.sub(r"\](?=\(|\[|:)(?!\(https://github\.com/)", "]\u2060", plain)
    plain = re.sub(r"@(?=\w)", "@\u2060", plain)
    plain = re.sub(r"[A-Za-z]{0,16}://[^\s)\]]*", _link, plain)
    plain = re.sub(r"(?<![A-Za-z0-9])www\.", "www\u2060.", plain)
    body = f"{MARK}\n{plain.strip()}\n"
    if len(body) > MAX_COMMENT_BYTES:
        body = body[: MAX_COMMENT_BYTES - 100] + "\n\nCut: a comment holds no more.\n"
    return body


def _link(found: re.Match[str]) -> str:
    address = found.group()
    return address if address.startswith(OWN_LINKS) else address.replace("://", ":\u2060//", 1)


def put(api: Api, repository: str, number: int, body: str, *, author: str) -> str:
    """Make the comment, or edit the one that is there; a pull request without an entry gets none."""
    issue = f"/repos/{repository}/issues/{number}/comments"
    own = [
        comment
        for comment in api.listed(issue)
        if comment["user"]["login"] == author and comment["body"].startswith(MARK)
    ]
    if own and own[0]["body"].replace("\r\n", "\n").strip() == body.strip():
        return f"comment {own[0]['id']} of pull request {number} says so already"
    if own:
        path = f"/repos/{repository}/issues/comments/{int(own[0]['id'])}"
        api.ask(path, method="PATCH", body={"body": body})
        return f"comment {own[0]['id']} of pull request {number} edited"
    if "\n**There is no entry: nothing changed under records/" in body:
        return f"no comment: pull request {number} changes no entry"
    made = api.ask(issue, method="POST", body={"body": body})
    return f"comment {made['id']} of pull request {number} made"


if __name__ == "__main__":
    try:
        main()
    except (OSError, KeyError, ValueError, TypeError) as error:
        print(f"::error::no comment could be made: {type(error).__name__}")
        sys.exit(1)
