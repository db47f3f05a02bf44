"""A JupyterLab as `make lab` starts it, and a browser on it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tools import lab, programs

ROOT = Path(__file__).resolve().parents[2]
SCREENSHOTS = ROOT / "build" / "screenshots"
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
    # This machine only, so that nothing that is shown depends on a network.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)  # fmt: skip


PATIENCE = 90_000  # milliseconds; two busy cores take their time, a broken page never comes
expect.set_options(timeout=PATIENCE)


@dataclass(frozen=True)
class Server:
    """A running JupyterLab. folder: what it is rooted at."""

    address: str
    token: str
    folder: Path

    def page(self, path: str) -> str:
        """The address of one of its pages, with its token."""
        return f"{self.address}{path}?token={self.token}"


@pytest.fixture
def students_lab(tmp_path: Path) -> Iterator[Server]:
    """`make lab` on a fresh copy of the released notebooks."""
    work = tmp_path / "work"
    shutil.copytree(ROOT / "modules", work)
    yield from serve("student", work, tmp_path)


@pytest.fixture
def instructors_lab(tmp_path: Path) -> Iterator[Server]:
    """`make formgrader`."""
    yield from serve("instructor", ROOT, tmp_path)


def serve(role: str, folder: Path, scratch: Path) -> Iterator[Server]:
    """Start the role's JupyterLab on a free port, with no settings of this machine's user; stop it afterwards."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = Server(f"http://127.0.0.1:{port}", "a-token-for-this-test", folder)
    extra = ("--no-browser", f"--ServerApp.port={port}", "--ServerApp.port_retries=0", "--ServerApp.ip=127.0.0.1",
             f"--IdentityProvider.token={server.token}")  # fmt: skip
    surroundings = lab.surroundings(role) | {"HOME": str(scratch), "JUPYTER_RUNTIME_DIR": str(scratch / "runtime")}
    surroundings |= {"JUPYTERLAB_WORKSPACES_DIR": str(scratch / "workspaces")}
    log = scratch / "jupyterlab.log"
    with log.open("w") as output:
        process = subprocess.Popen(lab.command(role, folder, *extra), cwd=folder, env=surroundings, stdout=output,
                                   stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True)  # fmt: skip
    try:
        wait_for(server, process, log)
        yield server
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_for(server: Server, process: subprocess.Popen, log: Path, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(server.page("/api/status"), timeout=2).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    pytest.fail(f"JupyterLab did not start:\n{log.read_text()[-3000:]}", pytrace=False)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=programs.find("chromium"), args=list(FLAGS))
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page; what it showed last is kept as a picture."""
    context = browser.new_context(viewport={"width": 1280, "height": 1000}, locale="en-GB")
    tab = context.new_page()
    tab.set_default_timeout(PATIENCE)
    yield tab
    picture(tab, f"last-{request.node.name}")
    context.close()


def picture(page: Page, name: str) -> None:
    """Keep a screenshot in build/screenshots/."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png")


assert sys.platform != "win32", "the browser tests start and stop servers by process group"
