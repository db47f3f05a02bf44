"""Servers started as `make lab` and `make formgrader` start them, and pictures of what a browser shows."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect, sync_playwright

from tools import lab, programs

ROOT = Path(__file__).resolve().parents[2]
SCREENSHOTS = ROOT / "build" / "screenshots"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # This machine only, so that nothing that is shown depends on a network.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


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


def serve(role: str, folder: Path, scratch: Path) -> Iterator[Server]:
    """Start the role's JupyterLab on a free port, with no settings of this machine's user; stop it afterwards."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = Server(f"http://127.0.0.1:{port}", "a-token-for-this-test", folder)
    extra = (
        "--no-browser",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        "--ServerApp.ip=127.0.0.1",
        f"--IdentityProvider.token={server.token}",
    )
    surroundings = lab.surroundings(role) | {"HOME": str(scratch), "JUPYTER_RUNTIME_DIR": str(scratch / "runtime")}
    surroundings |= {"JUPYTERLAB_WORKSPACES_DIR": str(scratch / "workspaces")}
    log = scratch / "jupyterlab.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            lab.command(role, folder, *extra),
            cwd=folder,
            env=surroundings,
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
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


def picture(page: Page, name: str) -> None:
    """Keep a screenshot in build/screenshots/."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png")


@contextlib.contextmanager
def browser_page(name: str) -> Iterator[Page]:
    """A page in headless Chromium; what it showed last is kept as a picture."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=programs.find("chromium"), args=list(FLAGS))
        page = chromium.new_page(viewport={"width": 1280, "height": 1000}, locale="en-GB")
        page.set_default_timeout(PATIENCE)
        try:
            yield page
        finally:
            picture(page, f"last-{name}")
            chromium.close()


def run(page: Page, cell: Locator) -> str:
    """Run a cell and wait for it; the text of its outputs."""
    prompt = cell.locator(".jp-InputPrompt")
    before = prompt.inner_text()
    for _ in range(4):
        cell.locator(".cm-content").click()
        page.keyboard.press("Control+Enter")
        try:
            expect(prompt).not_to_have_text(before, timeout=20_000)  # [*]: it runs
            break
        except AssertionError:  # on a busy machine a key is lost while JupyterLab still starts; one presses it again
            continue
    expect(prompt).to_have_text(re.compile(r"\[\d+\]:"))
    expect(prompt).not_to_have_text(before)
    return "\n".join(cell.locator(".jp-OutputArea-output").all_inner_texts())


def write(page: Page, cell: Locator, source: str) -> None:
    """Put an answer in place of what a cell holds, as one who pastes it."""
    cell.locator(".cm-content").click()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(source)
