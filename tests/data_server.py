"""A file server on this machine, and small packages to serve, for tests of `autograder.data`."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import re
import tarfile
import threading
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from autograder.data import manifest
from autograder.data.registry import Entry, Package


@dataclass
class Server:
    """Serves `files` by path. cuts: after how many bytes each reply in turn breaks off, none where it is empty."""

    address: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    cuts: list[int] = field(default_factory=list)
    ranges: bool = True  # whether it knows range requests
    answer: int = 200  # another number is all that it answers
    pause: float = 0  # seconds before each 10 kB
    only_for: str = ""  # part of the name of the programs that it serves
    asked: list[tuple[str, str]] = field(default_factory=list)  # path and Range of every request


@contextlib.contextmanager
def serving() -> Iterator[Server]:
    """A server on a free port."""
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range", "")
            state.asked.append((self.path, wanted))
            body = state.files.get(self.path)
            if state.answer != 200 or body is None or state.only_for not in self.headers.get("User-Agent", ""):
                self.send_error(state.answer if state.answer != 200 else 404 if body is None else 403)
                return
            start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1]) if wanted and state.ranges else 0
            if start >= len(body) > 0:
                self.send_error(416)
                return
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
            self.send_header("Content-Length", str(len(body) - start))
            self.send_header("Content-Type", "text/html" if self.path.endswith("/") else "application/octet-stream")
            self.end_headers()
            end = start + state.cuts.pop(0) if state.cuts else len(body)
            for at in range(start, min(end, len(body)), 10_000):
                time.sleep(state.pause)
                self.wfile.write(body[at : min(at + 10_000, end)])

        def log_message(self, *_: object) -> None:
            pass

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            pass  # a client that was killed

    with Quiet(("127.0.0.1", 0), Handler) as server:
        state.address = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield state
        server.shutdown()


def wheel(files: dict[str, bytes | zipfile.ZipInfo]) -> bytes:
    """A zip of these files."""
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return raw.getvalue()


def sdist(files: dict[str, bytes], members: tuple[tarfile.TarInfo, ...] = ()) -> bytes:
    """A compressed tar of these files, and of members without content: links, devices."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        for member in members:
            archive.addfile(member)
    return raw.getvalue()


def deb(files: dict[str, bytes], data: str = "data.tar.gz") -> bytes:
    """A Debian package: an `ar` archive whose last member holds the files."""
    tar = sdist({f"./{name}": content for name, content in files.items()})
    raw = b"!<arch>\n"
    for name, content in (("debian-binary", b"2.0\n"), ("control.tar.gz", gzip.compress(b"odd")), (data, tar)):
        raw += f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(content):<10}`\n".encode() + content
        raw += b"\n" * (len(content) % 2)
    return raw


def package(kind: str, raw: bytes, file: str = "thing-1.0-py3-none-any.whl", **changes: object) -> Package:
    """The registry's words for a package of these bytes, with the folder `thing/data` in it."""
    values = {"root": "thing/data", "pick": ("**/*",), **changes}
    return Package(kind, "thing", "1.0", file, len(raw), hashlib.sha256(raw).hexdigest(), **values)


def entry(files: dict[str, bytes], *packages: Package, **changes: object) -> Entry:
    """The registry's words for a key whose files, once unpacked, are these."""
    rows = (f"{hashlib.sha256(content).hexdigest()} {len(content)} {name}\n" for name, content in sorted(files.items()))
    size = sum(map(len, files.values()))
    values: dict = {"key": "thing", "title": "a thing", "licence": "MIT", "origin": "here", "notebooks": ()}
    values |= {"files": len(files), "unpacked": size, "manifest": manifest.digest("".join(rows)), **changes}
    return Entry(packages=packages, **values)
