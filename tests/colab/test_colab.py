"""The course as it runs on Colab: on Colab's package versions, which its first cell leaves as they are.

`make colab-exact` runs this on Colab's Python with Colab's own torch; else Python and torch are the ones at hand.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import nbformat
import pytest
import zmq
from fake_colab import write_fake_colab
from nbclient import NotebookClient
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from autograder.course import Course, load_course
from autograder.publish import publish
from tools.environment import binaries
from tools.sample_submissions import exercises, fill, read, solutions

ROOT = Path(__file__).resolve().parents[2]
PINS = Path(__file__).with_name("pins.txt")
NOTEBOOKS = load_course(ROOT).notebooks
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DEPENDENCIES = [Requirement(line) for line in PROJECT["dependencies"]]
ADDED = {"gguf"}  # Colab has none: installing the course brings it
EXACT = os.environ.get("COLAB_EXACT") == "1"
COLABS_PYTHON = "3.13"
FOR_3_13 = {"pandas": "2.2.3"}  # the list is older than Colab's 3.13: the first version with wheels for it


def colab_versions() -> dict[str, str]:
    """Name to version of what Colab has preinstalled."""
    pairs = (line.split("==") for line in pin_lines())
    return {canonicalize_name(name): number for name, number in pairs}


def pin_lines() -> list[str]:
    return [line for line in PINS.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]


@pytest.mark.parametrize("requirement", DEPENDENCIES, ids=lambda requirement: requirement.name)
def test_our_range_admits_what_colab_has(requirement: Requirement) -> None:
    if requirement.name in ADDED:
        assert requirement.name not in colab_versions()
        return
    has = colab_versions()[canonicalize_name(requirement.name)]
    assert requirement.specifier.contains(has), (
        f"Colab has {requirement.name} {has}, outside of {requirement.specifier}"
    )


def test_our_range_of_python_admits_colabs() -> None:
    assert Requirement(f"python{PROJECT['requires-python']}").specifier.contains("3.13")


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """A copy of the course, published where git finds it: a folder of this machine."""
    root = tmp_path_factory.mktemp("published") / "course"
    shutil.copytree(ROOT, root, ignore=left_behind)
    publish(load_course(root), f"file://{root}")
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    for words in (["init", "--quiet"], ["add", "--force", "."], [*who, "commit", "--quiet", "--message", "publish"]):
        run(["git", "-C", str(root), *words])
    return load_course(root)


def left_behind(folder: str, names: list[str]) -> set[str]:
    """What is not published of a checkout's folder: hidden files, caches, and what git ignores at the root."""
    generated = {"build", "work"} if Path(folder) == ROOT else set()
    return {name for name in names if name.startswith(".") or name == "__pycache__" or name in generated}


@pytest.fixture(scope="module")
def fake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a stand-in for Colab's own package."""
    return write_fake_colab(tmp_path_factory.mktemp("colab") / "fake")


@pytest.fixture(scope="module")
def colab(tmp_path_factory: pytest.TempPathFactory, published: Course, fake: Path) -> Iterator[Path]:
    """The Python of a bare environment on Colab's versions, where a notebook's first cell has installed the course.

    Its packages are kept in build/, by what they were made from; the course is installed anew. What the course needs
    and Colab lacks is installed beforehand too: without the versions pinned here its newest ones would come.
    """
    base, pins, wheels = sys.executable, pin_lines(), []
    if EXACT:
        pins = [line for line in pins if line.partition("==")[0] not in FOR_3_13]
        pins += [f"{name}=={number}" for name, number in FOR_3_13.items()]
        wheels = ["--only-binary", ":all:"]
        base = os.environ.get("COLAB_PYTHON") or shutil.which(f"python{COLABS_PYTHON}") or ""
        if not base:
            pytest.fail(f"no Python {COLABS_PYTHON} here: name one in COLAB_PYTHON", pytrace=False)
    else:
        torch = version("torch").partition("+")[0]
        pins = [f"torch=={torch}" if line.startswith("torch==") else line for line in pins]
    constraints = tmp_path_factory.mktemp("pins") / "constraints.txt"
    constraints.write_text("\n".join(pins) + "\n", encoding="utf-8")
    key = hashlib.sha256(repr((base, pins, [str(r) for r in DEPENDENCIES], sys.version)).encode()).hexdigest()[:12]
    folder = ROOT / "build" / "colab" / key
    python = binaries(folder) / "python"
    pip = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check"]
    if not (folder / "complete").exists():
        run([base, "-m", "venv", "--clear", str(folder)])
        run([*pip, "install", "--no-compile", *wheels, "--constraint", str(constraints), *map(str, DEPENDENCIES)])
        (folder / "complete").touch()
    run([*pip, "uninstall", "--yes", PROJECT["name"]])
    first = next(c for c in read(published.released(published.notebooks[0]))["cells"] if c["cell_type"] == "code")
    said = run([str(python), "-c", "".join(first["source"])], PYTHONPATH=str(fake))
    assert said == "No GPU, and this notebook needs none.\n" or said.startswith("GPU: ")
    yield python


def run(command: list[str], **environment: str) -> str:
    """Run to success; the output, or a failure that shows it."""
    done = subprocess.run(command, capture_output=True, text=True, env=outside() | environment, cwd="/")
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
    return done.stdout


def outside() -> dict[str, str]:
    """An environment without this checkout in it."""
    inside = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
    return {name: value for name, value in os.environ.items() if name not in inside}


@pytest.mark.slow
def test_installing_the_course_leaves_colabs_versions_alone(colab: Path) -> None:
    listed = json.loads(run([str(colab), "-m", "pip", "list", "--format", "json", "--disable-pip-version-check"]))
    installed = {canonicalize_name(entry["name"]): entry["version"] for entry in listed}
    wanted = colab_versions() | (FOR_3_13 if EXACT else {"torch": version("torch")})
    changed = {name: number for name, number in installed.items() if name in wanted and wanted[name] != number}
    assert not changed
    assert {canonicalize_name(requirement.name) for requirement in DEPENDENCIES} <= set(installed)
    run([str(colab), "-m", "pip", "check", "--disable-pip-version-check"])


@pytest.mark.slow
def test_the_course_needs_neither_nbgrader_nor_jupyterlab(colab: Path) -> None:
    ask = (
        "import autograder, internals, importlib.util as u;"
        "print(autograder.__file__, *[n for n in ('nbgrader', 'jupyterlab', 'jupytext') if u.find_spec(n)])"
    )
    where, *found = run([str(colab), "-c", ask]).split()
    assert found == []
    assert Path(where).is_relative_to(colab.parents[1]), "the checkout was imported in place of the installed package"


@pytest.mark.slow
def test_an_installed_course_lists_its_data_and_reads_models_on_colabs_versions(colab: Path) -> None:
    said = run([str(binaries(colab.parents[1]) / "course"), "data"])
    assert "minilm" in said and "smollm2" in said
    ask = (
        "from autograder import data; import autograder.data.registry as r; from internals import real_models as m\n"
        "def nothing(key): raise data.Unavailable('not here')\n"
        "data.load = nothing\n"
        "print(*m.load_smollm2().hidden_states('a b')[1].shape, len(r.entries()))\n"
        "import gguf, safetensors.torch, tokenizers, fontTools.ttLib, filelock, PIL"
    )
    assert run([str(colab), "-c", ask]).split()[-4:-1] == ["31", "2", "72"]


@pytest.mark.slow
@pytest.mark.parametrize("entry", NOTEBOOKS, ids=lambda entry: entry.name)
def test_a_solved_notebook_runs_from_its_first_cell_to_its_last(
    entry, published, colab, fake, tmp_path, monkeypatch
) -> None:
    solved = fill(read(published.released(entry)), solutions(read(published.instructor(entry))))
    ran = execute(solved, colab, fake, tmp_path, monkeypatch)
    first = next(cell for cell in ran.cells if cell.cell_type == "code")
    assert "colab.start" in first.source
    assert printed(first).startswith(("No GPU", "GPU: ")) and printed(first).count("\n") == 1
    checks = [cell for cell in ran.cells if cell.cell_type == "code" and cell.source.startswith("with check(")]
    assert len(checks) >= len(list(exercises(solved)))
    for cell in checks:
        assert printed(cell).startswith("✓ "), f"{cell.source}\n{printed(cell)}"


@pytest.mark.slow
def test_an_unsolved_exercise_is_told_so_there_too(published, colab, fake, tmp_path, monkeypatch) -> None:
    released = read(published.released(NOTEBOOKS[0]))
    ran = execute(released, colab, fake, tmp_path, monkeypatch, allow_errors=True)
    checks = [cell for cell in ran.cells if cell.cell_type == "code" and cell.source.startswith("with check(")]
    assert checks
    for cell in checks:
        assert "not written yet" in printed(cell), f"{cell.source}\n{printed(cell)}"


def execute(notebook: dict, python: Path, fake: Path, folder: Path, monkeypatch, allow_errors: bool = False):
    """Run every cell with `python`'s kernel, which takes itself for Colab's, in an empty folder."""
    kernel = folder / "jupyter" / "kernels" / "colab"
    kernel.mkdir(parents=True)
    arguments = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": arguments, "display_name": "Colab", "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
    monkeypatch.setenv("JUPYTER_PATH", str(folder / "jupyter"))
    monkeypatch.setenv("PYTHONPATH", str(fake))
    empty = folder / "content"
    empty.mkdir()
    resources = {"metadata": {"path": str(empty)}}
    parsed = nbformat.reads(json.dumps(notebook), as_version=4)
    client = Client(parsed, kernel_name="colab", timeout=300, resources=resources, allow_errors=allow_errors)
    return client.execute()


class Client(NotebookClient):
    """nbclient, without the reply that it misses when a slider's output makes it send to the kernel meanwhile.

    jupyter_client sends past pyzmq's asyncio socket, which then is not told of a reply that came at that moment, and
    the cell waits for its time limit. Asking the socket for its events makes it look.
    """

    def process_message(self, *arguments):
        try:
            return super().process_message(*arguments)
        finally:
            self.kc.shell_channel.socket.get(zmq.EVENTS)


def printed(cell) -> str:
    """The text that a cell shows: streams, plain-text displays, and an error's lines without their colours."""
    parts = []
    for output in cell.outputs:
        if output.output_type == "stream":
            parts.append(output.text)
        elif output.output_type == "error":
            parts.append("\n".join(output.traceback))
        else:
            parts.append(output.data.get("text/plain", ""))
    return "".join(parts).replace("\x1b[31m", "").replace("\x1b[32m", "").replace("\x1b[0m", "")
