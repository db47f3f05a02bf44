"""Yours or ours: a later notebook gets the student's own part where it is on disk and passes, else the course's."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from mini_course import answered
from three_notebooks import write_course

from autograder.build import build
from autograder.parts import places
from autograder.parts.slices import cut, read_statements, text_of

ROOT = Path(__file__).resolve().parents[1]
slow = pytest.mark.slow
SOFTPLUS = "def softplus(x):\n    return torch.logaddexp(x, torch.zeros_like(x))"
HALVE = "def halve(x):\n    return x / 2"
STUB = "def halve(x):\n    # YOUR CODE HERE\n    raise NotImplementedError()"
MISH = "def mish(x):\n    return x * torch.tanh(softplus(x))"
TWICE = "def double_mish(x):\n    return mish(mish(x))"
IMPORT = "from autograder.parts.softplus import softplus, halve"
MINE = "yours, from 01-sums/softplus"
BOTH = f"softplus, halve: {MINE}\n"


class Student:
    """A student with a copy of the course: what is in work/, and what a notebook of work/02-more prints."""

    def __init__(self, root: Path) -> None:
        self.root, self.work = root, root / "work"
        self.course = write_course(root)
        build(self.course)
        (self.work / "02-more").mkdir(parents=True)

    def released(self, name: str) -> bytes:
        return self.course.released(self.course.find(name)).read_bytes()

    def save(self, name: str, folder: str = "", **answers: str) -> Path:
        """Save a notebook with these answers, where JupyterLab has it."""
        return self.put(name, json.dumps(answered(self.released(name), **answers)), folder)

    def put(self, name: str, text: str, folder: str = "") -> Path:
        path = self.work / (folder or self.course.find(name).module) / f"{name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def run(self, program: str = IMPORT, folder: str = "02-more", **environment: str) -> str:
        """What a program prints that runs as a notebook of this folder does."""
        known = {"PYTHONPATH": f"{self.root}{os.pathsep}{ROOT}", "XDG_CACHE_HOME": str(self.root / "cache")}
        command = [sys.executable, "-c", textwrap.dedent(program)]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            cwd=self.work / folder,
            env={**os.environ, **known, **environment},
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def student(tmp_path):
    return Student(tmp_path)


def cell(source: str, **more: object) -> dict:
    return {"cell_type": "code", "id": "mine", "metadata": {}, "source": source, "outputs": [],
            "execution_count": None, **more}  # fmt: skip


def with_cells(student: Student, before: str, *sources: str) -> None:
    """Save softplus solved, with cells added before the cell of this id."""
    notebook = answered(student.released("softplus"), softplus=SOFTPLUS, halve=HALVE)
    place = [c["id"] for c in notebook["cells"]].index(before)
    notebook["cells"][place:place] = [cell(source) for source in sources]
    student.put("softplus", json.dumps(notebook))


def test_nothing_heavy_is_imported_before_a_part_is(tmp_path):
    ask = "import sys, autograder.parts; print(sorted({n.partition('.')[0] for n in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    for name in ("torch", "nbgrader", "nbformat", "IPython", "jupytext", "jupyter_client", "rich", "internals"):
        assert f"'{name}'" not in loaded


@slow
def test_with_nothing_on_disk_the_part_is_ours_and_colab_is_told_why(student):
    program = f"{IMPORT}\nassert halve(3.0) == 1.5 and halve.__module__ == 'internals.softplus'"
    assert student.run(program) == "softplus, halve: ours, no softplus.ipynb of yours here\n"
    told = student.run(program, COLAB_RELEASE_TAG="release-colab")
    assert told == "softplus, halve: ours, no softplus.ipynb of yours here (on Colab nothing is on disk)\n"


@slow
def test_a_solved_notebook_lends_its_own_parts_and_the_second_time_at_once(student):
    student.save("softplus", softplus=SOFTPLUS, halve=HALVE)
    check = "\nassert halve.__module__ == 'autograder.parts.softplus' and softplus.__module__ == halve.__module__"
    assert student.run(IMPORT + check) == BOTH
    again = f"""
        import time, internals.softplus, autograder.parts.trial as trial
        trial._process = None
        start = time.perf_counter()
        {IMPORT}
        print(time.perf_counter() - start)
    """
    said, _, seconds = student.run(again).partition("\n")
    assert said + "\n" == BOTH and float(seconds) < 0.5


@slow
def test_a_half_solved_notebook_lends_what_it_has(student):
    student.save("softplus", softplus=SOFTPLUS)
    assert student.run() == f"softplus: {MINE}; halve: ours, yours is not written yet\n"


WRONG = {
    "def halve(x):\n    return x * 2": "yours does not pass yet: 'half of it'",
    "def halve(x):\n    return x / 0": "yours does not pass yet: 'half of it'",
    "def halve(x):\n    exit()": "yours does not pass yet: 'half of it'",
    "def halve(x):\n    return input()": "yours does not pass yet: 'half of it'",
    "def halve(x):\n    while True: pass": "yours does not end within 4 s",
    "def halve(x): return x / 2\nwhile halve(2): pass": "",  # the loop is no part of halve
    "def halve(x):\n    import os; os._exit(0)": "yours ends its process: does it exit, or crash?",
    "def halve(x):\n    import ctypes; ctypes.string_at(0)": "yours ends its process: does it exit, or crash?",
    "import not_there\ndef halve(x):\n    return not_there.half(x)": "yours does not run: ModuleNotFoundError: "
    "No module named 'not_there'",
    "def halve(x:\n    return x / 2": "yours does not run: it is not Python: '(' was never closed",
    "import sys\nhalve = sys.exit(1)": "yours does not run: RuntimeError: it exits",
    "half = 2": "your notebook does not define halve",
    STUB: "yours is not written yet",
}


@slow
def test_what_is_wrong_with_one_part_is_said_in_a_line_and_costs_no_other(student):
    versions = [str(student.save("softplus", f"version-{n}", softplus=SOFTPLUS, halve=h)) for n, h in enumerate(WRONG)]
    there = student.save("softplus")
    program = f"""
        import shutil
        import autograder.parts.trial as trial
        trial.SECONDS = 4
        for version in {versions}:
            shutil.copy(version, {str(there)!r})
            {IMPORT}
            assert halve(3.0) == 1.5
    """
    wanted = [f"softplus: {MINE}; halve: ours, {why}" if why else BOTH.strip() for why in WRONG.values()]
    assert student.run(program).splitlines() == wanted


NO_NOTEBOOK = {
    "": "the file is empty",
    "[]": "not a notebook (it has no cells)",
    "no JSON at all": "not a notebook (not JSON at line 1)",
    '{"cells": [{"cell_type": "code", "source": "def hal': "not a notebook (truncated after 51 bytes)",
    '{"cells": []}': "your notebook does not define softplus",
}


@slow
def test_a_file_that_is_no_notebook_is_said_in_a_line(student):
    there = student.put("softplus", "")
    program = f"""
        for text in {list(NO_NOTEBOOK)}:
            open({str(there)!r}, "w").write(text)
            {IMPORT}
            assert halve(3.0) == 1.5
    """
    for said, reason in zip(student.run(program).splitlines(), NO_NOTEBOOK.values(), strict=True):
        assert said.startswith("softplus") and reason in said and "yours, from" not in said


@slow
def test_the_checks_that_count_are_the_courses(student):
    notebook = answered(student.released("softplus"), softplus=SOFTPLUS, halve="def halve(x):\n    return 'half'")
    for c in notebook["cells"]:
        if c["id"] == "halve-half-of-it":
            c["source"] = 'with check("halve: half of it"):\n    pass'
    student.put("softplus", json.dumps(notebook))
    assert student.run() == f"softplus: {MINE}; halve: ours, yours does not pass yet: 'half of it'\n"


@slow
def test_given_cells_that_were_deleted_and_marks_that_were_lost_cost_nothing(student):
    notebook = answered(student.released("softplus"), softplus=SOFTPLUS, halve=HALVE)
    notebook["cells"] = [c for c in notebook["cells"] if "import torch\n" not in "".join(c["source"])]
    for c in notebook["cells"]:
        c["metadata"] = {}
        del c["id"]
    student.put("softplus", json.dumps(notebook))
    assert student.run() == BOTH


@slow
def test_the_students_helpers_come_along_and_their_experiments_do_not_run(student):
    halve = "def halve(x):\n    return times(x, SHARES['half'])"
    notebook = answered(student.released("softplus"), softplus=SOFTPLUS, halve=halve)
    mine = ["%matplotlib inline\nimport time", "SHARES = {}\nSHARES['half'] = 0.5\nopen('ran', 'w')",
            "def times(x, share):\n    return x * share", "print(halve(2))\ntime.sleep(1000)"]  # fmt: skip
    notebook["cells"][1:1] = [cell(source) for source in mine]
    student.put("softplus", json.dumps(notebook))
    assert student.run(f"{IMPORT}\nassert halve(3.0) == 1.5") == BOTH
    assert not list(student.root.rglob("ran"))


@slow
def test_an_edit_counts_at_the_next_import_in_the_same_kernel(student):
    path = student.save("softplus", softplus=SOFTPLUS)
    student.save("softplus", folder="later", softplus=SOFTPLUS, halve=HALVE)
    later = student.work / "later" / "softplus.ipynb"
    said = student.run(f"{IMPORT}\nimport shutil; shutil.copy({str(later)!r}, {str(path)!r})\n{IMPORT}").splitlines()
    assert said == [f"softplus: {MINE}; halve: ours, yours is not written yet", BOTH.strip()]


@slow
def test_what_rests_on_a_part_of_the_same_notebook_uses_the_students_own(student):
    student.save("softplus", softplus=SOFTPLUS, halve=HALVE)
    student.save("mish", mish=MISH + "\n\nmish.mine = True", double_mish=TWICE)
    program = "from autograder.parts.mish import double_mish, mish\nassert double_mish.__globals__['mish'] is mish"
    assert student.run(program) == "double_mish, mish: yours, from 02-more/mish\n"
    student.save("mish", double_mish=TWICE)
    said = student.run("from autograder.parts.mish import double_mish, mish")
    assert said == "double_mish: ours, yours needs mish, not written yet; mish: ours, yours is not written yet\n"


@slow
def test_a_part_may_rest_on_a_part_of_a_yet_earlier_notebook_whoever_lends_it(student):
    student.save("mish", mish=MISH, double_mish=TWICE)
    program = "from autograder.parts.mish import mish\nprint(mish.__globals__['softplus'].__module__)"
    assert student.run(program) == "mish: yours, from 02-more/mish\ninternals.softplus\n"
    student.save("softplus", softplus=SOFTPLUS)
    assert student.run(program) == "mish: yours, from 02-more/mish\nautograder.parts.softplus\n"


@slow
def test_a_notebook_borrows_nothing_from_itself(student):
    halve = "from autograder.parts.softplus import halve"
    student.save("softplus", softplus=SOFTPLUS, halve=halve)
    assert "halve: ours, yours does not run: ModuleNotFoundError" in student.run()
    program = """
        try:
            from autograder.parts.softplus import halve
        except ImportError as error:
            print(error)
    """
    said = student.run(program, JPY_SESSION_NAME="/01-sums/softplus.ipynb")
    assert said == "autograder.parts.softplus: a notebook does not import its own parts, only those of earlier ones\n"


def test_notebooks_are_looked_for_beside_the_running_one_and_in_work_and_never_among_the_courses(tmp_path, monkeypatch):
    monkeypatch.setattr(places, "modules", lambda: {"softplus": "01-sums"})
    (tmp_path / "course.toml").write_text("", encoding="utf-8")

    def found(running, *there):
        for path in there:
            (tmp_path / path).mkdir(parents=True, exist_ok=True)
            (tmp_path / path / "softplus.ipynb").touch()
        (tmp_path / running).mkdir(parents=True, exist_ok=True)
        monkeypatch.setattr(places, "_folder", tmp_path / running)
        path = places.students("softplus")
        for place in there:
            (tmp_path / place / "softplus.ipynb").unlink()
        return path and str(path.parent.relative_to(tmp_path))

    assert found("mine/x", "mine/01-sums", "work/01-sums") == "mine/01-sums"
    assert found("mine/x", "mine/x", "mine/01-sums") == "mine/x"
    assert found("work", "work/01-sums") == found(".", "work/01-sums") == found("mine", "work/01-sums")
    assert found("mine/x", "mine/02-more", "01-sums") is None
    for ours in ("modules", "build/source", "solutions"):  # nobody's work, and graded with nobody's
        assert found("work/02-more", f"{ours}/01-sums") is None
        assert found(f"{ours}/02-more", f"{ours}/01-sums", "work/01-sums") is None


@slow
def test_notebooks_that_import_each_other_end(student):
    student.save("mish", mish="from autograder.parts.softplus import halve\n" + MISH + "\nhalve = halve", double_mish=TWICE)
    student.save("softplus", softplus=SOFTPLUS, halve="from autograder.parts.mish import mish\n" + HALVE + " + 0 * mish(x)")
    said = student.run().splitlines()
    assert len(said) == 1 and f"softplus: {MINE}" in said[0] and "halve: ours, " in said[0]


@slow
def test_without_a_copy_of_the_course_the_checks_in_the_students_notebook_count(student, tmp_path_factory):
    alone = tmp_path_factory.mktemp("alone")
    halve = "def halve(x):\n    return x * 2"
    path = student.save("softplus", softplus=SOFTPLUS, halve=halve)
    path.rename(alone / path.name)
    library = tmp_path_factory.mktemp("installed")
    (student.root / "internals").rename(library / "internals")
    said = student.run(folder=str(alone), PYTHONPATH=f"{library}{os.pathsep}{ROOT}")
    assert said == f"softplus: {MINE}; halve: ours, yours does not pass yet: 'half of it'\n"


@slow
def test_a_cache_that_cannot_be_written_costs_only_time(student):
    student.save("softplus", softplus=SOFTPLUS, halve=HALVE)
    (student.root / "file").write_text("", encoding="utf-8")
    assert student.run(XDG_CACHE_HOME=str(student.root / "file")) == BOTH
    assert not list(student.work.rglob("*.json"))


@slow
def test_the_table_says_whose_each_part_is(student):
    student.save("softplus", softplus=SOFTPLUS)
    program = f"""
        {IMPORT}
        from autograder.parts.mish import mish
        from autograder import parts
        print()
        table = parts.whose()
        assert [part.yours for part in table] == [True, False, False]
    """
    assert student.run(program).partition("\n\n")[2] == (
        f"softplus  {MINE}\n"
        "halve     ours, yours is not written yet\n"
        "mish      ours, no mish.ipynb of yours here\n"
        "1 of 3 parts are yours\n"
    )


@slow
def test_a_missing_name_is_an_import_error_and_the_others_are_not_blamed(student):
    program = """
        try:
            from autograder.parts.softplus import halve, quarter
        except ImportError as error:
            print(error)
        from autograder.parts import softplus
        print(softplus.halve(3.0), softplus.halve(3.0))
    """
    first, error, values = student.run(program).splitlines()
    assert first == "halve: ours, no softplus.ipynb of yours here"
    assert error.startswith("cannot import name 'quarter'") and values == "1.5 1.5"


@slow
def test_a_notebooks_cell_and_the_source_of_a_part_in_it(student):
    student.save("softplus", softplus=SOFTPLUS, halve=HALVE)
    program = """
        from IPython.core.interactiveshell import InteractiveShell
        shell = InteractiveShell()
        shell.run_cell("import torch\\nfrom autograder.parts.softplus import halve\\nfrom autograder.parts.softplus "
                       "import (softplus as soft)\\nimport inspect")
        shell.run_cell("print(inspect.getsource(halve) + inspect.getsource(soft))")
    """
    assert student.run(program) == f"halve: {MINE}\nsoftplus: {MINE}\n{HALVE}\n{SOFTPLUS}\n\n"


@slow
def test_course_check_uses_the_parts_as_the_notebook_does(student):
    student.save("softplus", softplus=SOFTPLUS.replace("return", "print('mine')\n    return"))
    path = student.save("mish", mish=MISH, double_mish=TWICE)
    program = f"from autograder.cli import main; assert main(['check', {str(path)!r}]) == 0"
    assert "3 of 3 checks pass" in student.run(program, folder="..")


@slow
def test_course_check_names_a_cell_that_is_not_python(student):
    path = student.save("mish", mish=MISH.replace("return", "retrun"), double_mish=TWICE)
    program = f"from autograder.cli import main; assert main(['check', {str(path)!r}]) == 1"
    printed = student.run(program, folder="..")
    assert "✗ the cell that begins `def mish" in printed
    assert "your code is not Python: invalid syntax (line" in printed


def test_a_slice_is_what_a_name_rests_on_in_order():
    cells = ["import math, os\nimport torch", "table = {}\ntable['a'] = 1\nother = 2", "%time 1\n!ls",
             "def f(x):\n    return math.sqrt(x) + table['a']", "print(f(1))", "torch.x = 1", "def g(x):\n    return f(x)",
             "table = dict(table)", "class A:\n    g = g"]  # fmt: skip
    assert text_of(cut(read_statements(cells), ["A"])).split("\n\n") == [
        "import math, os", "table = {}", "table['a'] = 1", "def f(x):\n    return math.sqrt(x) + table['a']",
        "def g(x):\n    return f(x)", "table = dict(table)", "class A:\n    g = g\n",
    ]  # fmt: skip
