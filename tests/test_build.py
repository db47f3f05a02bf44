"""From source to notebooks: what is generated, that it is the same every time, and what is refused."""

import json
import subprocess
import sys

import nbformat
import pytest
from mini_course import SOURCE, write_course

from autograder.build import build, outputs, stale
from autograder.course import CourseError
from autograder.source import slug


@pytest.fixture
def course(tmp_path):
    return write_course(tmp_path)


def cells_of(path):
    return {cell.id: cell for cell in nbformat.read(path, as_version=4).cells}


def test_the_release_holds_no_solution_and_nothing_hidden(course):
    build(course)
    text = course.released(course.notebooks[0]).read_text(encoding="utf-8")
    for secret in ("log1p", "secret_big", "secret hint", "model answer", "BEGIN SOLUTION", "HIDDEN"):
        assert secret not in text
        assert secret in course.instructor(course.notebooks[0]).read_text(encoding="utf-8")
    assert "raise NotImplementedError()" in text and "Your answer here" in text


def test_cells_carry_nbgraders_metadata(course):
    build(course)
    cells = cells_of(course.released(course.notebooks[0]))
    marks = cells["softplus-large-inputs"].metadata.nbgrader
    assert (marks.grade, marks.locked, marks.points, marks.schema_version, marks.grade_id) == (
        True,
        True,
        2,
        3,
        "softplus-large-inputs",
    )
    assert not cells["softplus-large-inputs"].metadata.editable
    assert (cells["softplus"].metadata.nbgrader.solution, cells["softplus"].metadata.nbgrader.locked) == (True, False)
    assert cells["essay-why"].metadata.nbgrader.points == 3
    assert cells["demo-plot"].metadata.tags == ["demo"]
    nbformat.validate(nbformat.read(course.released(course.notebooks[0]), as_version=4))


def test_a_rebuild_is_byte_identical_in_another_process(course):
    here = {str(path): content for path, content in outputs(course).items()}
    code = (
        "import sys, pathlib, hashlib; from autograder.build import outputs; from autograder.course import load_course\n"
        "for p, c in outputs(load_course(pathlib.Path(sys.argv[1]))).items(): print(p, hashlib.sha256(c).hexdigest())"
    )
    import hashlib

    there = subprocess.run(
        [sys.executable, "-c", code, str(course.root)],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONHASHSEED": "7", "PYTHONPATH": ":".join(sys.path), "PATH": ""},
    ).stdout
    assert dict(line.split() for line in there.splitlines()) == {
        p: hashlib.sha256(c).hexdigest() for p, c in here.items()
    }


def test_the_library_module_runs_and_holds_the_solutions(course):
    build(course)
    names = {}
    exec((course.root / "internals" / "softplus.py").read_text(encoding="utf-8"), names)
    import torch

    assert torch.allclose(names["softplus"](torch.tensor([0.0])), torch.tensor([2.0]).log())
    assert names["__all__"] == ["halve", "softplus"]
    assert "check" not in names and "BEGIN" not in (course.root / "internals" / "softplus.py").read_text(
        encoding="utf-8"
    )


def test_stale_names_what_was_edited_what_is_missing_and_what_nothing_builds(course):
    build(course)
    assert stale(course) == []
    assert build(course) == []
    released = course.released(course.notebooks[0])
    released.write_bytes(released.read_bytes() + b"\n")
    (course.root / "internals" / "softplus.py").unlink()
    (course.root / "internals" / "old.py").write_text("")
    lines = stale(course)
    assert [line.partition(":")[0] for line in lines] == [
        "modules/01-sums/softplus.ipynb",
        "internals/softplus.py",
        "internals/old.py",
    ]
    assert all("course build" in line for line in lines)
    build(course)
    assert stale(course) == [] and not (course.root / "internals" / "old.py").exists()


@pytest.fixture
def handwritten(course):
    path = course.root / "solutions" / "library" / "shared.py"
    path.parent.mkdir()
    path.write_text('"""Shared."""\n\nfrom internals.softplus import softplus\n', encoding="utf-8")
    return path


def test_a_handwritten_library_module_is_copied_with_where_it_comes_from(course, handwritten):
    assert [line.partition(":")[0] for line in stale(course)][-1] == "internals/shared.py"
    build(course)
    copy = course.root / "internals" / "shared.py"
    first, rest = copy.read_text(encoding="utf-8").split("\n", 1)
    assert "course build" in first and "solutions/library/shared.py" in first
    assert rest == handwritten.read_text(encoding="utf-8")
    assert stale(course) == []
    copy.write_text("edited by hand", encoding="utf-8")
    assert [line[:26] for line in stale(course)] == ["internals/shared.py: stale"]
    handwritten.unlink()
    build(course)
    assert not copy.exists() and stale(course) == []


def test_a_handwritten_module_that_cannot_be_built_is_one_line(course, handwritten):
    handwritten.write_text("def half(:\n", encoding="utf-8")
    with pytest.raises(CourseError, match=r"shared.py:1: not Python"):
        outputs(course)
    handwritten.rename(handwritten.with_name("softplus.py"))
    with pytest.raises(CourseError, match="a notebook is called softplus too"):
        outputs(course)


@pytest.fixture
def package(course):
    """A package of the library: its own __init__.py, a module, and settings in a folder below."""
    folder = course.root / "solutions" / "library" / "trainer"
    (folder / "configs").mkdir(parents=True)
    (folder / "__init__.py").write_text('"""The trainer."""\n', encoding="utf-8")
    (folder / "loop.py").write_text("STEPS = 3\n", encoding="utf-8")
    (folder / "configs" / "cpu.toml").write_text("# é\nsteps = 3\n", encoding="utf-8")
    (folder / "notes.txt").write_text("not copied")
    return folder


def test_a_package_of_the_library_is_copied_with_its_settings(course, package):
    build(course)
    copy = course.root / "internals" / "trainer"
    copied = [path for path in copy.rglob("*") if path.is_file()]
    assert sorted(path.relative_to(copy).as_posix() for path in copied) == [
        "__init__.py",
        "configs/cpu.toml",
        "loop.py",
    ]
    for path in copied:
        first, rest = path.read_text(encoding="utf-8").split("\n", 1)
        source = package / path.relative_to(copy)
        assert first.startswith("# Generated") and source.relative_to(course.root).as_posix() in first
        assert rest == source.read_text(encoding="utf-8")
    assert stale(course) == []
    (copy / "configs" / "old.toml").write_text("")
    (package / "loop.py").unlink()
    assert [line.partition(":")[0] for line in stale(course)] == [
        "internals/trainer/configs/old.toml",
        "internals/trainer/loop.py",
    ]
    build(course)
    assert not (copy / "loop.py").exists() and stale(course) == []


def test_a_notebook_named_like_a_package_is_its_init(course, package):
    package.rename(package.with_name("softplus"))
    with pytest.raises(
        CourseError, match="a notebook is called softplus too, and both would be internals/softplus/__init__.py"
    ):
        outputs(course)
    (package.with_name("softplus") / "__init__.py").unlink()
    build(course)
    made = course.root / "internals" / "softplus" / "__init__.py"
    assert "def softplus" in made.read_text(encoding="utf-8")
    assert (made.parent / "loop.py").exists() and not (course.root / "internals" / "softplus.py").exists()


def test_settings_that_cannot_be_read_are_one_line(course, package):
    (package / "configs" / "cpu.toml").write_text("steps = \n")
    with pytest.raises(CourseError, match=r"cpu.toml:1: not TOML"):
        outputs(course)


def test_long_names_give_short_ids_that_differ():
    ids = {slug("causal_mask: " + "very " * 30 + end) for end in ("much", "little")}
    assert len(ids) == 2 and all(len(name) <= 64 for name in ids)


REFUSED = {  # what is changed in the source, and the words of the refusal
    "exercise without a check": (
        '# %% check="halve: half of it" points=1\ncheck.close(halve(7.0), 3.5, hint="divide by two")',
        "",
        "exercise halve has no check after it",
    ),
    "check for no exercise": (
        'check="softplus: large inputs"',
        'check="double: large inputs"',
        "no exercise before it has that name",
    ),
    "check without a property": ('check="halve: half of it"', 'check="halve"', "name the exercise and one property"),
    "duplicate exercise": ('exercise="halve"', 'exercise="softplus"', "a second exercise named 'softplus'"),
    "duplicate check": ('check="halve: half of it"', 'check="softplus: the values"', "a second check named"),
    "points missing": ('check="halve: half of it" points=1', 'check="halve: half of it"', "check cell without points="),
    "no points": ('check="halve: half of it" points=1', 'check="halve: half of it" points=0', "at least 1"),
    "hints missing": (
        "# ## 2\n# <details><summary>Hint 1</summary>a</details>\n",
        "# ## 2\n",
        "has 2 hints in the markdown cell above it",
    ),
    "solution marker left": (
        "    return x / 2\n    ### END SOLUTION",
        "    return x / 2",
        "`### BEGIN SOLUTION` without its pair",
    ),
    "no solution marked": (
        "    ### BEGIN SOLUTION\n    return x / 2\n    ### END SOLUTION",
        "    return x / 2",
        "nothing would be left",
    ),
    "hidden marker left": ("### END HIDDEN TESTS\n", "", "without its pair"),
    "hidden marker in a demo": ("print(y)", "print(y)\n### BEGIN HIDDEN TESTS", "outside a check cell"),
    "a bare assert": (
        'check.close(halve(7.0), 3.5, hint="divide by two")',
        "assert halve(7.0) == 3.5",
        "no bare assert",
    ),
    "outside the grammar": (
        'check.close(halve(7.0), 3.5, hint="divide by two")',
        'check.close(halve(7.0), halve(8.0) - 0.5, hint="h")',
        "made from the student's halve",
    ),
    "an unknown key": ('exercise="halve" minutes=1', 'exercise="halve" minuts=1', "unknown key minuts"),
    "a wrong type": ("minutes=1 level=1", 'minutes="one" level=1', "minutes='one': expected int"),
    "bare words": ("# %% [markdown]\n# Why?", "# %% [markdown] A question\n# Why?", "bare words"),
    "unlocked": (
        'check="halve: half of it" points=1',
        'check="halve: half of it" points=1 locked=false',
        "unknown key locked",
    ),
    "does not define": ("def halve(x)", "def half(x)", "does not define halve"),
    "a demo's name outside": ("def halve(x):\n", "def halve(x):\n    print(y)\n", "y is bound only in a demo cell"),
    "alt missing": ('alt="a line"', 'alt=""', "without alt text"),
    "not Python": ("return x / 2", "return x /", "not Python"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_broken_rule_is_refused_with_file_and_line(name, tmp_path):
    before, after, words = REFUSED[name]
    assert SOURCE.count(before) >= 1
    source = SOURCE.replace(before, after)
    course = write_course(tmp_path, source)
    with pytest.raises(CourseError) as caught:
        outputs(course)
    path, line, rest = str(caught.value).split(":", 2)
    assert path.endswith("softplus.py") and 1 <= int(line) <= len(source.splitlines())
    assert words in rest
    assert not (course.root / "modules").exists()


def test_a_missing_source_is_one_line(tmp_path):
    course = write_course(tmp_path)
    course.source(course.notebooks[0]).unlink()
    with pytest.raises(CourseError, match="softplus.py: cannot be read: No such file"):
        outputs(course)


def test_notebooks_are_written_one_cell_line_per_line_for_readable_diffs(course):
    build(course)
    text = course.released(course.notebooks[0]).read_text(encoding="utf-8")
    assert json.loads(text)["nbformat_minor"] == 5
    assert '    "def softplus(x):\\n",\n' in text
