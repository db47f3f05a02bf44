"""The first cell on Colab: what it says, what it installs, what it keeps in Drive. Colab's own package is a stand-in."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from autograder import colab
from tests.colab.fake_colab import write_fake_colab

ROOT = Path(__file__).resolve().parents[1]
NAME = "03-attention/scaled_dot_product"
COPY = "MyDrive/transformer-internals/03-attention/scaled_dot_product.ipynb"


class Machine:
    """A machine of Colab's: `run` runs cells in IPython and returns what they print."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.drive, self.page = folder, folder / "drive", folder / "page.ipynb"
        self.package = write_fake_colab(folder / "colab")
        self.show("one")

    def show(self, words: str) -> None:
        """What the page holds from now on."""
        self.page.write_text(json.dumps({"cells": [], "metadata": {"said": words}}), encoding="utf-8")

    def said(self, path: Path) -> str:
        return json.loads(path.read_text(encoding="utf-8"))["metadata"]["said"]

    def run(self, *cells: str, **environment: str) -> str:
        program = (
            "from pathlib import Path\nfrom IPython.core.interactiveshell import InteractiveShell\n"
            f"import autograder.colab as colab; colab.DRIVE = Path({str(self.drive)!r})\n"
            "shell = InteractiveShell.instance()\n" + "".join(f"shell.run_cell({cell!r})\n" for cell in cells)
        )
        known = {
            "PYTHONPATH": f"{self.package}{os.pathsep}{ROOT}", "FAKE_PAGE": str(self.page), "HOME": str(self.folder),
            "IPYTHONDIR": str(self.folder / "ipython"), "PATH": "/nowhere",
        }  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, cwd=self.folder, env=known | environment
        )
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def start(**options: object) -> str:
    settings = "".join(f", {name}={value}" for name, value in options.items())
    return f"from autograder import colab; colab.start({NAME!r}{settings})"


CHECK = 'with check("softmax: sums to one"):  # 1 point\n    print("ran")'
IMPORT = "from autograder import check"


def test_without_a_gpu_it_says_whether_one_is_needed_and_how_to_get_it(machine: Machine) -> None:
    assert machine.run(start()) == "No GPU, and this notebook needs none.\n"
    assert "Runtime → Change runtime type → T4 GPU" in machine.run(start(gpu=True))


def test_a_gpu_is_named(machine: Machine, tmp_path: Path) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "nvidia-smi").write_text("#!/bin/sh\necho 'Tesla T4'\n", encoding="utf-8")
    (programs / "nvidia-smi").chmod(0o755)
    assert machine.run(start(gpu=True), PATH=f"{programs}:/bin:/usr/bin") == "GPU: Tesla T4\n"


def test_a_driver_that_finds_no_card_is_no_gpu(machine: Machine, tmp_path: Path) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "nvidia-smi").write_text("#!/bin/sh\necho 'no devices were found'; exit 6\n", encoding="utf-8")
    (programs / "nvidia-smi").chmod(0o755)
    assert machine.run(start(), PATH=f"{programs}:/bin:/usr/bin") == "No GPU, and this notebook needs none.\n"


def test_after_a_check_the_notebook_is_in_drive_and_the_work_goes_on_there(machine: Machine) -> None:
    said = machine.run(start(drive=True), IMPORT, CHECK, "from pathlib import Path; print(Path.cwd())")
    assert machine.said(machine.drive / COPY) == "one"
    assert COPY in said and said.rstrip().endswith(str((machine.drive / COPY).parent))


def test_other_cells_save_nothing_and_saving_by_hand_does(machine: Machine) -> None:
    machine.run(start(drive=True), "print(1)")
    assert not (machine.drive / COPY).exists()
    machine.run(start(drive=True), "colab.save()")
    assert machine.said(machine.drive / COPY) == "one"


def test_a_copy_from_another_sitting_is_set_aside_and_not_lost(machine: Machine) -> None:
    machine.run(start(drive=True), "colab.save()")
    machine.show("two")
    assert "There is a copy from before" in machine.run(start(drive=True), "colab.save()", "colab.save()")
    folder = (machine.drive / COPY).parent
    assert sorted(machine.said(path) for path in folder.iterdir()) == ["one", "two"]
    assert machine.said(machine.drive / COPY) == "two"


def test_a_copy_with_answers_stays_until_something_is_written_here_too(machine: Machine) -> None:
    from autograder.course import load_course
    from tools.sample_submissions import fill, read, solutions, to_bytes

    course = load_course(ROOT)
    entry = course.find("scaled_dot_product")
    released, answers = read(course.released(entry)), solutions(read(course.instructor(entry)))
    solved, begun = fill(released, answers), fill(released, answers, only=["softmax"])
    copy = machine.drive / COPY
    for page, kept in ((solved, solved), (released, solved), (begun, begun), (released, begun)):
        machine.page.write_bytes(to_bytes(page))
        said = machine.run(start(drive=True), "colab.save()")
        assert ("Not saved: nothing is written here yet" in said) == (page is released)
        assert json.loads(copy.read_bytes()) == kept
    assert len(list(copy.parent.glob("*.ipynb"))) == 2  # the one that was set aside for the other


def test_a_page_that_does_not_answer_is_said_and_the_copy_stays(machine: Machine) -> None:
    machine.run(start(drive=True), "colab.save()")
    said = machine.run(start(drive=True), "import os; del os.environ['FAKE_PAGE']; colab.save()")
    assert "did not answer" in said
    assert machine.said(machine.drive / COPY) == "one"


def test_a_reader_who_refuses_drive_works_on_without_it(machine: Machine) -> None:
    said = machine.run(start(drive=True), IMPORT, CHECK, FAKE_DRIVE="refused")
    assert "Drive was not opened (mount failed)" in said and "ran" in said
    assert not machine.drive.exists()


def test_saving_without_drive_says_what_to_tick(machine: Machine) -> None:
    assert "Tick KEEP_IN_DRIVE" in machine.run(start(), "colab.save()")


def test_a_later_notebook_finds_the_parts_that_are_kept_in_drive(machine: Machine) -> None:
    from autograder.course import load_course
    from tools.sample_submissions import fill, read, solutions, to_bytes

    course = load_course(ROOT)
    entry = course.find("scaled_dot_product")
    machine.page.write_bytes(to_bytes(fill(read(course.released(entry)), solutions(read(course.instructor(entry))))))
    machine.run(start(drive=True), "colab.save()")
    later = start(drive=True).replace("scaled_dot_product", "multi_head")
    said = machine.run(later, "from autograder.parts.scaled_dot_product import softmax")
    assert "softmax: yours, from" in said


def test_only_what_is_missing_is_installed_and_what_is_there_is_pinned(monkeypatch, capsys) -> None:
    asked = []
    monkeypatch.setattr(colab, "requires", lambda name: ["torch>=999", "numpy>=1", "nothere>=2", 'other; extra == "author"'])
    monkeypatch.setattr(colab.subprocess, "run", lambda command, **_: asked.append(command) or Done(0))
    colab.install_missing()
    (command,) = asked
    assert command[-1] == "nothere>=2" and command[-3] == "--constraint"
    pins = Path(command[-2]).read_text(encoding="utf-8").splitlines()
    assert any(line.startswith("numpy==") for line in pins)
    assert "torch is" in capsys.readouterr().out


def test_nothing_is_installed_where_nothing_is_missing(monkeypatch, capsys) -> None:
    monkeypatch.setattr(colab, "requires", lambda name: ["numpy>=1"])
    monkeypatch.setattr(colab.subprocess, "run", lambda *_, **__: pytest.fail("ran"))
    colab.install_missing()
    assert capsys.readouterr().out == ""


def test_what_pip_cannot_install_is_said_in_a_line(monkeypatch, capsys) -> None:
    monkeypatch.setattr(colab, "requires", lambda name: ["nothere>=2"])
    monkeypatch.setattr(colab.subprocess, "run", lambda *_, **__: Done(1))
    colab.install_missing()
    assert capsys.readouterr().out == "pip could not install nothere>=2: no network\n"


class Done:
    stdout, stderr = "", "first line\nno network"

    def __init__(self, returncode: int) -> None:
        self.returncode = returncode
