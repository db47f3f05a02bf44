"""When a class is graded: the parts that a notebook imports are there, the course's own, and no other part is."""

import json
import sys

import pytest
from mini_course import answered
from three_notebooks import SOURCES, write_course

from autograder.answers import try_answers
from autograder.borrowing import lent
from autograder.build import build
from autograder.course import CourseError, load_course
from autograder.grading.codec import from_text, to_text
from autograder.grading.exam import Exam, prepare
from autograder.grading.grade import grade
from autograder.grading.journal import grader_version
from autograder.grading.remote import grade_apart, pack
from autograder.parts.lent import lending
from autograder.rules import checked_cells

slow = pytest.mark.slow
MISH = "def mish(x):\n    return x * torch.tanh(softplus(x))"
TWICE = "def double_mish(x):\n    return mish(mish(x))"


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    return write_course(tmp_path_factory.mktemp("course"))


@pytest.fixture(scope="module")
def exam(course):
    return prepare(course, course.find("mish"))


def run(exam, sandbox=True, **answers):
    data = json.dumps(answered(exam.released_json, **answers)).encode()
    return grade(data, "somebody", exam, sandbox=sandbox)


def statuses(result):
    return [check.status for check in result.checks]


def test_internals_import_from_internals_what_the_notebook_imports_from_parts(course):
    build(course)
    library = course.root / "internals"
    text = (library / "mish.py").read_text(encoding="utf-8")
    assert "from internals.softplus import softplus" in text and "autograder" not in text
    assert '__all__ = [\n    "double_mish",\n    "mish",\n]' in text
    released = course.released(course.find("mish")).read_text(encoding="utf-8")
    assert "from autograder.parts.softplus import softplus" in released


def test_an_export_cell_may_import_parts_too_and_does_not_export_them(tmp_path):
    course = write_course(tmp_path)
    path = course.source(course.find("gate"))
    imports = "import torch\n\nfrom autograder import check\nfrom autograder.parts.mish import mish\n"
    text = path.read_text(encoding="utf-8").replace(
        imports,
        f'{imports}\n# %% tags=["export"]\nimport math\nfrom autograder.parts.softplus import (\n    halve,\n)\nSHARE = halve(math.e)\n',
    )
    path.write_text(text, encoding="utf-8")
    build(course)
    library = (tmp_path / "internals" / "gate.py").read_text(encoding="utf-8")
    assert "from internals.mish import mish" in library and "from internals.softplus import (\n    halve,\n)" in library
    assert '__all__ = [\n    "SHARE",\n    "gate",\n]' in library


@pytest.mark.parametrize(
    ("imports", "problem"),
    [
        ("from autograder.parts.gate import gate", "gate does not come earlier in course.toml"),
        ("from autograder.parts.mish import mish", "mish does not come earlier in course.toml"),
        ("from autograder.parts.swish import swish", "swish is no notebook of course.toml"),
        ("from autograder.parts.softplus import hard", "has no hard; there are halve, softplus"),
        ("from autograder.parts.softplus import torch", "has no torch"),
        ("import autograder.parts.softplus", "write `from autograder.parts.NOTEBOOK import name`"),
        ("from autograder.parts.softplus import *", "write `from autograder.parts.NOTEBOOK import name`"),
        ("from autograder.parts import softplus", "write `from autograder.parts.NOTEBOOK import name`"),
    ],
)
def test_the_build_refuses_what_cannot_be_lent_with_file_and_line(imports, problem, tmp_path):
    course = write_course(tmp_path)
    path = course.source(course.find("mish"))
    source = SOURCES["02-more/mish"].lstrip()
    line = "from autograder.parts.softplus import softplus\n"
    path.write_text(source.replace(line, f"{line}{imports}\n"), encoding="utf-8")
    with pytest.raises(CourseError) as error:
        build(load_course(tmp_path))
    assert str(error.value).startswith(f"{path}:7: ") and problem in str(error.value)


def test_an_answer_imports_no_parts(tmp_path):
    course = write_course(tmp_path)
    path = course.source(course.find("gate"))
    body = "    from autograder.parts.softplus import halve\n    return mish(x) * y"
    path.write_text(path.read_text(encoding="utf-8").replace("    return mish(x) * y", body), encoding="utf-8")
    with pytest.raises(CourseError, match="an answer imports parts of softplus"):
        build(course)


def test_what_is_lent_is_what_is_imported_and_what_that_imports(course):
    def modules(name):
        notebook = course.find(name)
        return list(lent(course, notebook, checked_cells(course.source(notebook))))

    assert {name: modules(name) for name in ("cube", "softplus", "mish", "gate")} == {
        "cube": [],
        "softplus": [],
        "mish": ["softplus"],
        "gate": ["mish", "softplus"],
    }


@slow
def test_an_exam_carries_what_is_lent_wherever_it_goes_and_its_version_with_it(exam, tmp_path):
    assert list(exam.lent) == ["softplus"]
    assert from_text(Exam, to_text(exam)).lent == exam.lent
    course = write_course(tmp_path)
    source = course.source(course.find("softplus"))
    text = source.read_text(encoding="utf-8")
    source.write_text(text.replace("+ x.clamp(min=0)", "+ x.clamp(0)"), encoding="utf-8")
    changed = prepare(load_course(tmp_path), exam.notebook)
    assert changed.instructor_json == exam.instructor_json and changed.version != exam.version


@slow
@pytest.mark.parametrize("sandbox", [pytest.param(True, marks=pytest.mark.bubblewrap), False])
def test_a_submission_has_the_lent_part(sandbox, exam):
    assert statuses(run(exam, sandbox, mish=MISH, double_mish=TWICE)) == ["passed"] * 3
    assert run(exam, sandbox, mish=MISH.replace("tanh", "sin"), double_mish=TWICE).points == 0


@slow
@pytest.mark.parametrize("sandbox", [pytest.param(True, marks=pytest.mark.bubblewrap), False])
@pytest.mark.parametrize("package", ["internals", "autograder.parts"])
@pytest.mark.parametrize("notebook", ["mish", "gate", "cube", "scaled_dot_product"])
def test_a_submission_cannot_import_the_answers_to_its_own_notebook_nor_any_other(notebook, package, sandbox, exam):
    answer = f"from {package}.{notebook} import mish"
    result = run(exam, sandbox, mish=answer, double_mish=TWICE)
    assert result.points == 0
    assert "ModuleNotFoundError" in result.checks[0].message
    assert f"{package}.{notebook}: the course's notebook does not import" in result.checks[0].message


@slow
@pytest.mark.bubblewrap
def test_the_room_holds_the_lent_source_and_no_other(exam):
    look = (
        "import gc, glob, os, sys\nimport internals, internals.softplus\ndef mish(x):\n"
        "    files = [f for p in ('/course', *sys.path, *internals.__path__) for f in glob.glob(p + '/internals*/*')]\n"
        "    names = sorted(n for n in sys.modules if n.startswith(('internals', 'autograder.parts.s')))\n"
        "    texts = [t for t in gc.get_objects() if isinstance(t, dict) and any(\n"
        "        isinstance(v, str) and 'x * torch.tanh(soft' + 'plus(x))' in v for v in list(t.values()))]\n"
        "    raise ValueError(f'{files} {names} {len(texts)}')"
    )
    message = run(exam, mish=look).checks[0].message
    assert "ValueError: [] ['autograder.parts.softplus', 'internals', 'internals.softplus'] 0" in message


@slow
@pytest.mark.bubblewrap
def test_a_worker_elsewhere_gets_the_lent_parts_with_the_exam(exam):
    data = json.dumps(answered(exam.released_json, mish=MISH, double_mish=TWICE)).encode()
    text = grade_apart(grader_version(), pack(exam), data, "somebody", exam.notebook.limits, True)
    assert json.loads(text)["checks"] and all(check["status"] == "passed" for check in json.loads(text)["checks"])


@slow
@pytest.mark.bubblewrap
def test_parts_of_parts_are_lent(course):
    exam = prepare(course, course.find("gate"))
    assert run(exam, gate="def gate(x, y):\n    return mish(x) * y").points == 1


@slow
def test_answers_files_are_tried_with_the_lent_parts_and_leave_nothing_behind(course, capsys):
    before = sys.modules.get("internals")
    notebook = course.find("mish")
    assert {t.answer.name: t.problem for _, t in try_answers(course, notebook) if t.problem} == {}
    assert sys.modules.get("internals") is before
    assert "yours" not in capsys.readouterr().out


def test_lending_is_silent_never_looks_at_the_disk_and_ends(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "softplus.ipynb").write_text("{}", encoding="utf-8")
    with lending({"softplus": '__all__ = ["one"]\none = 1\n'}):
        from autograder.parts.softplus import one

        assert one == 1
        with pytest.raises(ImportError, match="cannot import name 'two'"):
            from autograder.parts.softplus import two  # noqa: F401
    assert capsys.readouterr().out == ""
    with pytest.raises(ImportError, match="the course has no notebook of this name"):
        import autograder.parts.softplus  # noqa: F401
