"""What of Colab's own Python package the course calls, written into a folder: `google.colab` with Drive and the page."""

from __future__ import annotations

from pathlib import Path

DRIVE = '''
"""Drive: mounted where asked, unless the reader refuses; in FAKE_MOUNT, where set: other machines have no /content."""
import os
import sys
from pathlib import Path

def mount(mountpoint, force_remount=False, timeout_ms=120000, readonly=False):
    if os.environ.get("FAKE_DRIVE") == "refused":
        raise ValueError("mount failed")
    if elsewhere := os.environ.get("FAKE_MOUNT"):
        mountpoint = elsewhere
        sys.modules["autograder.colab"].DRIVE = Path(elsewhere)
    os.makedirs(os.path.join(mountpoint, "MyDrive"), exist_ok=True)
'''
MESSAGE = '''
"""The page: it answers with the notebook that lies in FAKE_PAGE, or not at all."""
import json
import os

def blocking_request(request_type, request="", timeout_sec=5, parent=None):
    assert request_type == "get_ipynb"
    page = os.environ.get("FAKE_PAGE")
    if page is None:
        return None
    with open(page, encoding="utf-8") as file:
        return {"ipynb": json.load(file)}
'''


def write_fake_colab(folder: Path) -> Path:
    """The folder, to be put on PYTHONPATH. Python finds google.colab imported from the start, as on Colab."""
    package = folder / "google" / "colab"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("", encoding="utf-8")
    (package / "drive.py").write_text(DRIVE.lstrip(), encoding="utf-8")
    (package / "_message.py").write_text(MESSAGE.lstrip(), encoding="utf-8")
    (folder / "sitecustomize.py").write_text("import google.colab\n", encoding="utf-8")
    return folder
