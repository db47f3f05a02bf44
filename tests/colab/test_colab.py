"""The course as it runs on Colab: on Colab's package versions, which its first cell leaves as they are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import nbformat
import pytest
import zmq
from nbclient import NotebookClient
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from autograder.course import Course, load_course
from tests.colab.fake_colab import write_fake_colab
from tests.colab.machine import (
    DEPENDENCIES,
    EXACT,
    FOR_3_13,
    PROJECT,
    ROOT,
    colab_python,
    colab_versions,
    first_cell,
    publish_copy,
    run,
    write_kernel,
)
from tests.e2e import on_colab
from tools.environment import binaries
from tools.sample_submissions import exercises, fill, read, solutions

NOTEBOOKS = load_course(ROOT).notebooks
ADDED = {"gguf"}  # Colab has none: installing the course brings it


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
    return publish_copy(tmp_path_factory.mktemp("published") / "course")


@pytest.fixture(scope="module")
def fake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a stand-in for Colab's own package."""
    return write_fake_colab(tmp_path_factory.mktemp("colab") / "fake")


@pytest.fixture(scope="module")
def colab(tmp_path_factory: pytest.TempPathFactory, published: Course, fake: Path) -> Iterator[Path]:
    """Its Python, where a notebook's first cell has installed the course."""
    python = colab_python(tmp_path_factory.mktemp("pins"))
    said = run([str(python), "-c", first_cell(published)], PYTHONPATH=str(fake))
    assert said == "No GPU, and this notebook needs none.\n" or said.startswith("GPU: ")
    yield python


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


@pytest.mark.slow
@pytest.mark.skipif(not EXACT, reason="needs a PyTorch built with CUDA, as Colab's own is")
def test_the_capstones_step_stays_on_fake_cuda_tensors_in_the_right_precision(colab: Path) -> None:
    said = run([str(colab), str(ROOT / "tests" / "fake_cuda.py")], PYTHONPATH=f"{ROOT}:{ROOT / 'tests'}")
    assert said.startswith("12 steps on fake CUDA tensors")


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.bubblewrap
def test_someone_alone_gets_from_the_first_cell_to_a_graded_exercise_kept_in_drive(published, colab, tmp_path) -> None:
    on_colab.walk(published, colab, tmp_path)  # last here: it installs the course anew


def execute(notebook: dict, python: Path, fake: Path, folder: Path, monkeypatch, allow_errors: bool = False):
    """Run every cell with `python`'s kernel, which takes itself for Colab's, in an empty folder."""
    monkeypatch.setenv("JUPYTER_PATH", str(write_kernel(folder / "jupyter", python)))
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
