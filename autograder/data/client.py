"""Package clients, asked and obeyed as the user configured them: pip for Python packages, apt for Debian's."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import unquote, urlsplit

from autograder.data.registry import Package

LINK = re.compile(r"(?:https?|file)://[^\s'\"<>]+")
ASK = 120  # seconds that an index may take to answer
HIDDEN = "****"  # stands for a password in what pip prints


class NotFetched(Exception):
    """One way of fetching did not work; the text says why, in a few words."""


class NoIndex(NotFetched):
    """The package index does not answer, or has no such package: no other way through it will do better."""


def pip(*arguments: str, seconds: float | None = None) -> subprocess.CompletedProcess[str]:
    """Run pip, which reads its own configuration: index, proxy, certificates. Raises NotFetched where it cannot run."""
    # Without --no-color a notebook's FORCE_COLOR puts escape codes into what is read here.
    quiet = ["--disable-pip-version-check", "--no-input", "--no-color", "--retries", "1"]
    command = [sys.executable, "-m", "pip", *arguments, *quiet]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, encoding="utf-8", errors="replace", timeout=seconds
        )
    except subprocess.TimeoutExpired:
        raise NotFetched(f"pip had no answer in {seconds:.0f} s") from None
    except OSError as error:
        raise NotFetched(f"pip cannot be run: {error.strerror}") from None
    if "No module named pip" in done.stderr:
        raise NotFetched(f"this Python has no pip; run {sys.executable} -m ensurepip")
    return done


def link_of(package: Package) -> str:
    """The address of a package's file, from the index that pip is set up to use.

    pip tells what it found while it looks for versions; a source distribution is not built for that, nor anything
    downloaded. Raises NotFetched.
    """
    done = pip("index", "versions", "-vv", package.package, seconds=ASK)
    for link in LINK.findall(done.stdout + done.stderr):
        address = link.partition("#")[0]
        if unquote(urlsplit(address).path).rpartition("/")[2] == package.file and HIDDEN not in address:
            return address
    if done.returncode:
        raise NoIndex(f"pip cannot reach its package index, or {package.package} is not there")
    raise NotFetched(f"{package.file} is not in pip's package index")


def download_with_pip(package: Package, target: Path) -> None:
    """Let pip download the file: no resuming, but with every way of logging in that it knows. Raises NotFetched.

    pip checks the hash before anything else, so that a source distribution whose build script it asks for metadata is
    the one that was reviewed.
    """
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        pinned = Path(folder) / "pinned.txt"
        pinned.write_text(f"{package.package}=={package.version} --hash=sha256:{package.sha256}\n", encoding="utf-8")
        form = "--only-binary" if package.kind == "wheel" else "--no-binary"
        done = pip("download", "--no-deps", form, ":all:", "--dest", folder, "--requirement", str(pinned))
        file = Path(folder) / package.file
        if done.returncode or not file.is_file():
            raise NotFetched(f"pip: {_last_line(done.stderr) or 'nothing was downloaded'}")
        file.replace(target)


def download_with_apt(package: Package, target: Path) -> None:
    """Let apt download a Debian package of this version, from the mirror it is set up to use. Raises NotFetched."""
    if not shutil.which("apt-get"):
        raise NotFetched("no apt here")
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        command = ["apt-get", "download", "--quiet", f"{package.package}={package.version}"]
        done = subprocess.run(
            command, capture_output=True, text=True, encoding="utf-8", errors="replace", cwd=folder, check=False
        )
        files = list(Path(folder).glob("*.deb"))
        if done.returncode or len(files) != 1:
            raise NotFetched(f"apt: {_last_line(done.stderr) or 'nothing was downloaded'}")
        files[0].replace(target)


def settings() -> dict[str, str]:
    """pip's configuration, by the options' names: `cert`, `proxy`; a variable beats a file, as in pip."""
    listed = pip("config", "list", seconds=ASK).stdout
    found = re.findall(r"^(global|install|:env:)\.(\S+)='(.*)'$", listed, re.MULTILINE)
    ranked = sorted(found, key=lambda row: ("global", "install", ":env:").index(row[0]))
    return {name: value for _, name, value in ranked}


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith(("WARNING", "W:"))]
    return lines[-1].removeprefix("ERROR: ").removeprefix("E: ")[:200] if lines else ""
