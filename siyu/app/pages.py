"""The two apps as files: the console at its host, the phone app at every shop's host."""

import gzip
import mimetypes
from pathlib import Path
from typing import Any
from urllib.parse import quote

from siyu.app.runtime import Runtime
from siyu.kernel.errors import NotFound
from siyu.kernel.http import send_bytes, send_problem

ROOT = Path(__file__).resolve().parents[2] / "web"
CONSOLE, MOBILE = ROOT / "console" / "dist", ROOT / "mobile" / "dist" / "build" / "h5"
_CLOSED = b"default-src 'none'; sandbox"
_COMPRESSED = {".js", ".css", ".html", ".svg", ".json"}


class Pages:
    """Serves built files from memory (they never change while the process runs); unknown paths get ``index.html``."""

    def __init__(self, runtime: Runtime) -> None:
        self._settings = runtime.settings
        self._trees = {"console": _Tree(CONSOLE), "shop": _Tree(MOBILE)}
        self._policies = {door: self._policy_of(door) for door in self._trees}

    def policy(self, scope: Any) -> bytes | None:
        """The Content-Security-Policy of a page: own scripts only, pictures from the media origin."""
        return self._policies.get(scope.get("state", {}).get("door"), _CLOSED)

    def _policy_of(self, door: str) -> bytes:
        media, console = self._settings.media, self._settings.console
        if door == "console":
            frames, ancestors = f"frame-src {self._settings.shop('*')}", "frame-ancestors 'none'"
        else:
            frames, ancestors = "frame-src 'none'", f"frame-ancestors {console}"
        return (
            f"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self' data:; "
            f"img-src 'self' data: blob: {media}; connect-src 'self'; manifest-src 'self'; {frames}; {ancestors}; "
            "base-uri 'none'; form-action 'self'"
        ).encode()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request for a page or one of its files."""
        door, path = scope["state"].get("door"), scope["path"]
        if scope["method"] not in ("GET", "HEAD"):
            await send_problem(scope, send, NotFound(path=path))
            return
        if door == "console" and path.startswith("/m/"):
            slug = path.split("/")[2]
            target = (
                self._settings.shop(quote(slug, safe=""))
                + "/"
                + quote("/".join(path.split("/")[3:]))
            )
            await send_bytes(send, 302, b"", headers=[(b"location", target.encode())])
            return
        tree = self._trees.get(door)
        if tree is None or path.startswith(("/api/", "/v1/", "/schema/", "/media/", "/l/")):
            await send_problem(scope, send, NotFound(path=path))
            return
        await tree.answer(scope, send, path)


class _Tree:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kept: dict[tuple[str, bool], tuple[bytes, list[tuple[bytes, bytes]]]] = {}

    async def answer(self, scope: Any, send: Any, path: str) -> None:
        name = path.lstrip("/")
        if "\0" in name:  # no file system takes it
            await send_problem(scope, send, NotFound(path=path))
            return
        file = self._folder / name if name else self._folder / "index.html"
        inside = file.resolve().is_relative_to(self._folder.resolve())
        if not inside or not file.is_file():
            if "." in name.rsplit("/", 1)[-1]:
                await send_problem(scope, send, NotFound(path=path))
                return
            file = self._folder / "index.html"
        if not file.is_file():
            await send_bytes(
                send,
                503,
                b"The web apps are not built yet. Run: make setup\n",
                content_type=b"text/plain",
            )
            return
        zipped = (
            b"gzip" in dict(scope["headers"]).get(b"accept-encoding", b"")
            and file.suffix in _COMPRESSED
        )
        body, headers = self._load(file, zipped)
        await send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [*headers, (b"content-length", b"%d" % len(body))],
            }
        )
        await send(
            {"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body}
        )

    def _load(self, file: Path, zipped: bool) -> tuple[bytes, list[tuple[bytes, bytes]]]:
        key = (str(file), zipped)
        stamp = file.stat().st_mtime_ns
        kept = self._kept.get(key)
        if kept is not None and kept[1][-1] == (b"x-built", b"%d" % stamp):
            return kept
        body = file.read_bytes()
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        if kind.startswith("text/") or kind.endswith(("javascript", "json")):
            kind += "; charset=utf-8"
        immutable = "/assets/" in file.as_posix()
        cache = b"public, max-age=31536000, immutable" if immutable else b"no-cache"
        headers = [
            (b"content-type", kind.encode()),
            (b"cache-control", cache),
            (b"vary", b"accept-encoding"),
        ]
        if zipped:
            body = gzip.compress(body, 6)
            headers.append((b"content-encoding", b"gzip"))
        headers.append((b"x-built", b"%d" % stamp))
        self._kept[key] = (body, headers)
        return self._kept[key]
