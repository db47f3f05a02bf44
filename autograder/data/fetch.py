"""One pinned file onto the disk: from whatever source has it, resumed where it was cut short, verified by SHA-256."""

from __future__ import annotations

import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from http.client import HTTPException
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from autograder.data import cache, client, manifest
from autograder.data.client import NotFetched
from autograder.data.progress import Report
from autograder.data.registry import Package, Unavailable

CHUNK = 1 << 18
SECONDS = 30  # of silence, after which a connection counts as cut
ATTEMPTS = 4  # in a row that bring not one byte
PAUSE = 0.5  # seconds before the second attempt; doubled before each one after


def fetch(package: Package, report: Report) -> Path:
    """The package's file, verified. Raises Unavailable, which says what each source answered.

    What an earlier, interrupted call left of it is continued. The caller is `cache.alone` with the entry, and removes
    the file when it is unpacked.
    """
    target = cache.archive(package)
    cache.make_room(target)
    reasons = []
    for source in _sources(package, report):
        for _ in range(1 + (_size(target) > 0)):  # what was left may be damaged: then once more, from the start
            try:
                source(target)
            except NotFetched as reason:
                reasons.append(str(reason))
                break
            if manifest.sha256_of(target) == package.sha256:
                return target
            target.unlink()
        else:
            reasons.append(f"{package.file} came with another SHA-256 than the registry's and was thrown away")
    raise Unavailable("; ".join(dict.fromkeys(reasons)))


def _sources(package: Package, report: Report) -> Iterator[Callable[[Path], None]]:
    """Ways to get the file, the best first. Each fills the path or raises NotFetched."""
    if package.kind in ("wheel", "sdist"):
        yield lambda target: _from_index(package, target, report)
    if package.kind == "deb":
        yield lambda target: client.download_with_apt(package, target)
    for url in package.urls:
        yield lambda target, url=url: stream(url, target, package.size, report)  # type: ignore[misc]


def _from_index(package: Package, target: Path, report: Report) -> None:
    """From the index that pip uses: from the address that it names, which can be resumed, else through pip."""
    try:
        stream(client.link_of(package), target, package.size, report, like_pip=True)
    except client.NoIndex:
        raise
    except NotFetched as first:
        try:
            client.download_with_pip(package, target)
        except NotFetched as second:
            raise NotFetched(f"{first}; {second}") from None


def stream(url: str, target: Path, size: int, report: Report, like_pip: bool = False) -> None:
    """Fill the path from the address, from where an earlier call left it.

    A cut connection is taken up again with a range request (RFC 9110, section 14.2), as long as each attempt brings
    something. A server that does not know ranges sends the whole file, which then replaces what is there.
    Raises NotFetched; what has arrived by then stays for the next call.
    """
    opener = _opener(url, like_pip)
    failures, farthest, reason = 0, _size(target), ""
    while (before := _size(target)) < size:
        reason = f"{_host(url)} sent only a part"
        try:
            _continue(opener, url, target, before, size, report)
        except urllib.error.HTTPError as error:
            reason = f"{_host(url)} answered {error.code} {error.reason}"
            if error.code == 416:  # its file ends before the registry's does
                target.unlink(missing_ok=True)
            if error.code < 500:
                break
        except (OSError, HTTPException) as error:  # no such host, a timeout, a reset, a reply that breaks off
            cause = getattr(error, "reason", None) or error
            reason = f"{_host(url)}: {cause or type(error).__name__}"
            if isinstance(cause, ssl.SSLCertVerificationError):
                break
        failures = 0 if _size(target) > farthest else failures + 1
        farthest = max(farthest, _size(target))
        if failures == ATTEMPTS:
            break
        if failures and _size(target) < size:
            time.sleep(PAUSE * 2 ** (failures - 1))
    if _size(target) < size:
        raise NotFetched(reason)
    if _size(target) > size:
        target.unlink()
        raise NotFetched(f"{_host(url)} has another file of that name")


def _continue(
    opener: urllib.request.OpenerDirector, url: str, target: Path, before: int, size: int, report: Report
) -> None:
    """One request: append what it brings, or start anew where the server sends the whole."""
    headers = {"User-Agent": "transformer-internals", "Accept-Encoding": "identity"}
    if before:
        headers["Range"] = f"bytes={before}-"
    with opener.open(urllib.request.Request(url, headers=headers), timeout=SECONDS) as reply:
        continued = (
            before > 0 and reply.status == 206 and reply.headers.get("Content-Range", "").startswith(f"bytes {before}-")
        )
        there = before if continued else 0
        report(there)
        with target.open("ab" if continued else "wb") as file:
            while (chunk := reply.read1(CHUNK)) and there <= size:
                there += _write(file, chunk)
                report(there)


def _write(file: IO[bytes], chunk: bytes) -> int:
    """Raises Unavailable where the disk is full, which no other attempt or source would mend."""
    try:
        return file.write(chunk)
    except OSError as error:
        raise cache.unwritable(error) from None


def _opener(url: str, like_pip: bool) -> urllib.request.OpenerDirector:
    """Proxies from the environment; for a Python package also pip's own proxy and certificates."""
    handlers: list[urllib.request.BaseHandler] = []
    if like_pip and url.startswith("http"):
        settings = client.settings()
        if proxy := settings.get("proxy"):
            handlers.append(urllib.request.ProxyHandler({"http": proxy, "https": proxy}))
        if certificates := settings.get("cert"):
            try:
                context = ssl.create_default_context(cafile=certificates)
            except OSError as error:
                raise NotFetched(f"{certificates}: pip's certificates cannot be read: {error.strerror}") from None
            handlers.append(urllib.request.HTTPSHandler(context=context))
    return urllib.request.build_opener(*handlers)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2] or url
