"""Whatever was done to a file, its answers are found where one reading is plausible, and nothing else of it is used."""

import contextlib
import json
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mini_course import write_course

from autograder.course import load_course
from autograder.grading.exam import Exam, places_of
from autograder.grading.python_text import renamed_from
from autograder.grading.submission import Refused, defines, graft, read
from autograder.rules import checked_cells
from autograder.source import scope_of


def exam_of(course, notebook):
    """An exam without expectations: the reference need not run for a graft."""
    path = course.source(notebook)
    cells = checked_cells(path)
    places, instructor, released = places_of(path, cells)
    return Exam(notebook, path, places, {}, scope_of(path, cells), {}, instructor, released)


@pytest.fixture(scope="module")
def exam(tmp_path_factory):
    course = write_course(tmp_path_factory.mktemp("course"))
    return exam_of(course, course.notebooks[0])


COURSE = load_course(Path(__file__).resolve().parents[1])
SOFTPLUS, HALVE = "def softplus(x):\n    return 1", "def halve(x):\n    return 2"


@pytest.fixture
def solved(exam):
    notebook = json.loads(exam.released_json)
    for cell in notebook["cells"]:
        cell["source"] = {"softplus": SOFTPLUS, "halve": HALVE, "essay-why": "My essay."}.get(
            cell["id"], cell["source"]
        )
    return notebook


def grafted(notebook, exam):
    return graft(read(json.dumps(notebook).encode()), exam)


def cell(notebook, name):
    return next(c for c in notebook["cells"] if c["id"] == name)


def assert_all_found(result):
    assert {name: source.strip() for name, source in result.answers.items()} == {
        "softplus": SOFTPLUS,
        "halve": HALVE,
        "essay-why": "My essay.",
    }


def test_an_honest_notebook_needs_no_recovery(solved, exam):
    result = grafted(solved, exam)
    assert_all_found(result)
    assert not result.flags and not result.notes and not result.added


def test_metadata_stripped(solved, exam):
    for c in solved["cells"]:
        c["metadata"] = {}
        del c["id"]
    result = grafted(solved, exam)
    assert_all_found(result)
    assert result.flags == [
        "all marks were lost (copied into a new notebook?); the answers were found by their definitions"
    ]
    assert not result.added


def test_ids_swapped(solved, exam):
    one, two = cell(solved, "softplus"), cell(solved, "halve")
    one["metadata"], two["metadata"] = two["metadata"], one["metadata"]
    one["id"], two["id"] = two["id"], one["id"]
    assert_all_found(grafted(solved, exam))


def code(source, **more):
    return {"cell_type": "code", "id": "a1b2c3d4", "metadata": {}, "source": source, "outputs": []} | more


def position(notebook, name):
    return [c["id"] for c in notebook["cells"]].index(name)


def place_before(exam, name):
    """The id of the place before this one."""
    ids = [place.id for place in exam.places]
    return ids[ids.index(name) - 1]


def strip_marks(notebook):
    for c in notebook["cells"]:
        c["metadata"] = {}
        c.pop("id", None)


def run_in_order(result, exam):
    """The names that the room would hold at the end, and at each check: answers and added cells in their order."""
    names: dict = {}
    at_check: dict[str, dict] = {}
    for source in result.added.get("", ()):
        exec(source, names)
    for place in exam.places:
        if place.kind == "exercise":
            exec(result.answers.get(place.id, place.released), names)
        if place.kind == "check":
            at_check[place.id] = dict(names)
        for source in result.added.get(place.id, ()):
            exec(source, names)
    return names, at_check


def test_an_edited_check_is_put_back_and_noted(solved, exam):
    cell(solved, "halve-half-of-it")["source"] = "pass"
    result = grafted(solved, exam)
    assert_all_found(result)
    assert result.notes == ["changed cells, the originals count: halve: half of it"]
    assert not result.added and not result.flags


def test_edited_checks_without_marks_are_known_by_their_titles(solved, exam):
    strip_marks(solved)
    checks = [c for c in solved["cells"] if "".join(c["source"]).startswith("with check(")]
    for c in checks:
        c["source"] = "".join(c["source"]).replace("hint=", "atol=9, hint=")
    result = grafted(solved, exam)
    assert_all_found(result)
    assert result.notes == [
        "changed cells, the originals count: softplus: the values, softplus: large inputs, halve: half of it"
    ]
    assert not result.added


def test_a_cell_laid_out_anew_by_an_editor_is_unchanged(solved, exam):
    c = cell(solved, "halve-half-of-it")
    c["source"] = "# mine\n" + "".join(c["source"]).replace("(", "(\n        ", 1) + "\n\n"
    result = grafted(solved, exam)
    assert not result.notes and not result.flags and not result.added


def test_edited_points_and_wrong_versions_do_not_matter(solved, exam):
    for c in solved["cells"]:
        marks = c["metadata"].get("nbgrader", {})
        marks |= {"points": 100, "schema_version": "one", "locked": False, "grade": None, "cell_type": "markdown"}
    result = grafted(solved, exam)
    assert_all_found(result)
    assert not result.flags and not result.notes and not result.added


def test_what_a_student_adds_to_a_given_cell_still_runs(solved, exam):
    given = next(c for c in solved["cells"] if c["id"].startswith("given-"))
    given["source"] = "".join(given["source"]) + "\nfrom math import tau\nMINE = 3\ntorch = None"
    result = grafted(solved, exam)
    assert result.added == {given["id"]: ["from math import tau\nMINE = 3"]}
    assert result.notes == [f"changed cells, the originals count: {given['id']}"]


def test_a_helper_defined_in_a_check_or_demo_cell_is_kept_and_nothing_else_of_it(solved, exam):
    cell(solved, "softplus-the-values")["source"] = "def helper(x):\n    return x\nx = 3\nprint(x)"
    assert grafted(solved, exam).added == {"softplus-the-values": ["def helper(x):\n    return x"]}


def test_a_copied_check_with_other_code_is_the_students_own_cell(solved, exam):
    copy = json.loads(json.dumps(cell(solved, "halve-half-of-it"))) | {"source": "def helper(x):\n    return x"}
    solved["cells"].insert(position(solved, "halve"), copy)
    result = grafted(solved, exam)
    assert result.added == {place_before(exam, "halve"): ["def helper(x):\n    return x"]}
    assert not result.notes and not result.flags


def test_a_helper_moved_with_its_answer_runs_before_the_checks(solved, exam):
    answer = cell(solved, "halve")
    solved["cells"].remove(answer)
    answer["source"] = "def halve(x):\n    return helper(x)"
    solved["cells"] += [
        code("import math\nFACTOR = 0.5\ndef helper(x):\n    return x * FACTOR\nprint(helper(3))"),
        answer,
    ]
    result = grafted(solved, exam)
    assert not result.flags
    assert result.notes == ["halve: it uses helper, defined further down; that ran first"]
    assert result.added[place_before(exam, "halve")] == ["FACTOR = 0.5\ndef helper(x):\n    return x * FACTOR"]
    _, at_check = run_in_order(result, exam)
    assert at_check["halve-half-of-it"]["halve"](7.0) == 3.5


def test_a_helper_written_below_the_check_runs_before_it(solved, exam):
    cell(solved, "softplus")["source"] = "def softplus(x):\n    return one(x)"
    solved["cells"].append(code("def one(x):\n    return two(x)"))
    solved["cells"].append(code("@str\ndef three(x): pass\ndef two(x):\n    return 2"))
    result = grafted(solved, exam)
    _, at_check = run_in_order(result, exam)
    assert at_check["softplus-the-values"]["softplus"](0) == 2
    assert result.notes == ["softplus: it uses one, defined further down; that ran first"]


def test_a_helper_in_the_cell_of_a_later_answer_runs_before_it(solved, exam):
    cell(solved, "softplus")["source"] = "def softplus(x):\n    return shared(x)"
    cell(solved, "halve")["source"] = "def shared(x):\n    return 5\ndef halve(x):\n    return shared(x)"
    _, at_check = run_in_order(grafted(solved, exam), exam)
    assert at_check["softplus-the-values"]["softplus"](0) == 5


def test_a_decorator_and_an_import_keep_their_order(solved, exam):
    here = position(solved, "halve")
    cell(solved, "halve")["source"] = "@twice\ndef halve(x):\n    return x / 4"
    solved["cells"][here:here] = [
        code("import functools"),
        code("def twice(f):\n    return functools.wraps(f)(lambda x: 2 * f(x))"),
    ]
    result = grafted(solved, exam)
    _, at_check = run_in_order(result, exam)
    assert at_check["halve-half-of-it"]["halve"](7.0) == 3.5
    assert len(result.added[place_before(exam, "halve")]) == 2 and not result.flags and not result.notes


def test_a_definition_again_before_the_check_runs_as_in_the_notebook(solved, exam):
    solved["cells"].insert(position(solved, "halve") + 1, code("def halve(x):\n    return x / 2"))
    result = grafted(solved, exam)
    _, at_check = run_in_order(result, exam)
    assert at_check["halve-half-of-it"]["halve"](7.0) == 3.5


def test_an_experiment_after_the_check_does_not_touch_the_answer(solved, exam):
    solved["cells"].append(code("def halve(x):\n    return 'later'"))
    result = grafted(solved, exam)
    assert result.answers["halve"] == HALVE and not result.flags
    _, at_check = run_in_order(result, exam)
    assert at_check["halve-half-of-it"]["halve"](7.0) == 2


@pytest.mark.parametrize("where", ["before", "after", "end"])
def test_an_answer_written_into_another_cell_counts(solved, exam, where):
    cell(solved, "halve")["source"] = next(p for p in exam.places if p.id == "halve").released
    here = {"before": position(solved, "halve"), "after": position(solved, "halve") + 1, "end": 999}[where]
    solved["cells"].insert(here, code(HALVE))
    result = grafted(solved, exam)
    assert_all_found(result)
    assert result.notes == ["halve: its own cell is unsolved; the student's definition in another cell counts"]
    assert not result.added and not result.flags


def test_all_answers_in_one_cell(solved, exam):
    cell(solved, "softplus")["source"] = f"import math\n{SOFTPLUS}\n\n{HALVE}"
    del solved["cells"][position(solved, "halve")]
    result = grafted(solved, exam)
    assert result.answers["softplus"].strip() == f"import math\n{SOFTPLUS}"
    assert result.answers["halve"].split("\n", 1) == ["import math", "\n" + HALVE]
    assert result.flags == ["halve: answered in one cell with softplus"] and not result.added


def test_a_renamed_function_is_graded_under_its_name(solved, exam):
    cell(solved, "halve")["source"] = "def my_half(x):\n    return x / 2"
    result = grafted(solved, exam)
    assert result.answers["halve"] == "def my_half(x):\n    return x / 2\n\nhalve = my_half"
    assert result.flags == ["halve: the answer is called my_half; graded under the name halve"]


def test_what_a_stub_defines_beside_the_answer_is_not_the_answer_renamed():
    stub = "class Copy:\n    def forward(self): ...\n\nclass Sum:\n    def forward(self): ..."
    assert renamed_from(stub, stub, "Copy", frozenset({"Copy"})) == ""
    assert renamed_from(stub.replace("Copy", "Keep"), stub, "Copy", frozenset({"Copy"})) == "Keep"


def test_a_renamed_function_without_marks_is_found_where_it_belongs(solved, exam):
    cell(solved, "halve")["source"] = "def my_half(x):\n    return x / 2"
    strip_marks(solved)
    result = grafted(solved, exam)
    assert result.answers["halve"].endswith("halve = my_half") and len(result.flags) == 2 and not result.added


def test_of_several_new_names_none_is_guessed(solved, exam):
    cell(solved, "halve")["source"] = "def one(a):\n    return 1\ndef two(b):\n    return 2"
    result = grafted(solved, exam)
    assert result.answers["halve"].startswith("def one")
    assert result.notes == ["halve: its cell does not define halve; graded as it stands"] and not result.flags


def test_the_answer_to_another_exercise_is_an_answer_as_it_stands(solved, exam):
    cell(solved, "halve")["source"] = SOFTPLUS
    result = grafted(solved, exam)
    assert result.answers["halve"] == SOFTPLUS == result.answers["softplus"]
    assert result.attempted(next(p for p in exam.places if p.id == "halve"))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("def halve(x):\n    half = x / 2", "    return half"),
        ('def halve(x):\n    """Half."""', "    return x / 2"),
        ("def halve(x):", "    return x / 2"),
        ("def halve(x):\n    return (x /", "2)"),
        ("class halve:\n    def one(self):\n        return 1", "    def two(self):\n        return 2"),
    ],
)
@pytest.mark.parametrize("marked_twice", [True, False])
def test_an_answer_split_over_two_cells_is_joined(solved, exam, first, second, marked_twice):
    here = position(solved, "halve")
    other = json.loads(json.dumps(solved["cells"][here])) if marked_twice else code("")
    solved["cells"][here]["source"] = first
    solved["cells"].insert(here + 1, other | {"source": second})
    result = grafted(solved, exam)
    assert result.answers["halve"] == f"{first}\n{second}"
    assert result.flags == ["halve: the answer was split over several cells; joined"] and not result.added


def test_a_marked_cell_cut_between_two_functions_keeps_both(solved, exam):
    here = position(solved, "halve")
    other = json.loads(json.dumps(solved["cells"][here]))
    solved["cells"][here]["source"] = "def helper(x):\n    return x / 2"
    solved["cells"].insert(here + 1, other | {"source": "def halve(x):\n    return helper(x)"})
    _, at_check = run_in_order(grafted(solved, exam), exam)
    assert at_check["halve-half-of-it"]["halve"](7.0) == 3.5


@pytest.mark.parametrize("kind", ["markdown", "raw"])
@pytest.mark.parametrize("marks", [True, False])
def test_an_answer_turned_into_text_is_read_as_code(solved, exam, kind, marks):
    cell(solved, "halve")["cell_type"] = kind
    if not marks:
        strip_marks(solved)
    result = grafted(solved, exam)
    assert_all_found(result)
    assert f"halve: its cell was turned into a {kind} cell; read as code" in result.flags


@pytest.mark.parametrize("text", ["My essay, in prose.", "x = 1"])
def test_an_essay_turned_into_code_is_read_as_text(solved, exam, text):
    cell(solved, "essay-why").update(cell_type="code", source=text)
    result = grafted(solved, exam)
    assert result.answers["essay-why"] == text and not result.added
    assert result.flags == ["essay why: written into a code cell; read as text"]


def test_an_essay_written_below_its_cell_is_part_of_it(solved, exam):
    here = position(solved, "essay-why")
    solved["cells"].insert(here + 1, {"cell_type": "markdown", "metadata": {}, "source": "And more."})
    result = grafted(solved, exam)
    assert result.answers["essay-why"] == "My essay.\n\nAnd more."
    solved["cells"][here]["source"] = next(p for p in exam.places if p.id == "essay-why").released
    assert grafted(solved, exam).answers["essay-why"] == "And more."


def test_two_marked_essays_are_joined_and_equal_ones_are_one(solved, exam):
    copy = json.loads(json.dumps(cell(solved, "essay-why")))
    solved["cells"].append(copy)
    assert grafted(solved, exam).answers["essay-why"] == "My essay."
    copy["source"] = "Other words."
    result = grafted(solved, exam)
    assert result.answers["essay-why"] == "My essay.\n\nOther words."
    assert result.flags == ["essay why: 2 cells are marked as its answer; their texts are joined"]


def test_a_picture_attached_to_an_essay_is_kept_in_it(solved, exam):
    cell(solved, "essay-why").update(
        source="See ![a](attachment:a.png) ![b](attachment:b.svg)",
        attachments={"a.png": {"image/png": "aGVsbG8=\n"}, "b.svg": {"image/svg+xml": "PHN2Zz4="}, "c": 3},
    )
    essay = grafted(solved, exam).answers["essay-why"]
    assert essay == "See ![a](data:image/png;base64,aGVsbG8=) ![b](attachment:b.svg)"


def test_added_cells_keep_their_place(solved, exam):
    place = [c["id"] for c in solved["cells"]].index("halve")
    solved["cells"].insert(place, {"cell_type": "code", "metadata": {}, "source": "helper = 3", "id": "mine"})
    result = grafted(solved, exam)
    assert list(result.added.values()) == [["helper = 3"]]
    assert next(iter(result.added)).startswith("text-")


def test_of_an_answer_twice_the_last_one_written_counts_flagged(solved, exam):
    copy = json.loads(json.dumps(cell(solved, "halve"))) | {"source": "def halve(x):\n    return 'second'"}
    solved["cells"].insert(position(solved, "halve") + 1, copy)
    later = json.loads(json.dumps(copy)) | {"source": "def halve(x):\n    return 'third'"}
    solved["cells"].append(later)
    result = grafted(solved, exam)
    assert result.answers["halve"].endswith("'third'") and not result.added
    assert result.flags == ["halve: 3 cells are marked as its answer; the last one written counts"]


def test_of_two_definitions_without_marks_the_one_that_its_check_met_counts_flagged(solved, exam):
    solved["cells"].append(code("def halve(x):\n    return 'an experiment'"))
    cell(solved, "halve")["metadata"], cell(solved, "halve")["id"] = {}, "x"
    result = grafted(solved, exam)
    assert_all_found(result)
    assert result.flags == [
        "halve: defined in 2 cells; the last one before its check counts",
        "halve: the answer's marks were lost or stand on another cell; found by its definition",
    ]


def test_every_cell_twice_changes_nothing(solved, exam):
    solved["cells"] = [c for c in solved["cells"] for _ in range(2)]
    result = grafted(solved, exam)
    assert_all_found(result)
    assert not result.flags and not result.notes and not result.added


def test_an_unsolved_copy_does_not_hide_the_answer(solved, exam):
    for name in ("halve", "essay-why"):
        stub = next(p for p in exam.places if p.id == name).released
        solved["cells"].append(json.loads(json.dumps(cell(solved, name))) | {"source": stub})
    result = grafted(solved, exam)
    assert_all_found(result)
    assert not result.flags and not result.notes and not result.added


def test_a_deleted_answer_is_flagged(solved, exam):
    solved["cells"].remove(cell(solved, "halve"))
    result = grafted(solved, exam)
    assert "halve" not in result.answers
    assert result.flags == ["no answer cell for halve: deleted or renamed?"]


def test_an_old_format_is_read(solved, exam):
    cells = [
        {
            "cell_type": c["cell_type"],
            "input" if c["cell_type"] == "code" else "source": c["source"],
            "metadata": c["metadata"],
        }
        for c in solved["cells"]
    ]
    assert_all_found(
        grafted({"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": cells}]}, exam)
    )


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        (b"PK\x03\x04\xff\xfe", "a zip, not a notebook"),
        (b"%PDF-1.4", "a PDF, not a notebook"),
        (b"\xef\xbb\xbf<!DOCTYPE html>", "a web page, not a notebook"),
        (b"\x1f\x8b\x08", "a packed file"),
        (b"\x89PNG\xff", "not UTF-8"),
        (b"{" + b"x" * 100_000_000, "larger than 100 MB"),
        (b'{"cells": [' + b'{"source": "x"},' * 5001 + b"3]}", "it has 5,001 cells"),
        (b'{"cells": [' + b"{}," * 5_000_000 + b"4]}", "of too many parts"),
        (b"<<<<<<< HEAD", "not JSON at line 1"),
        (b'{"worksheets": [{"cells": {}}, 3]}', "nothing in it belongs"),
        (b'{"cells": [{"source": "' + b"x" * 5_000_001 + b'"}]}', "more than 5 MB of code"),
        (b'{"cells": []}', "nothing in it belongs"),
        (b'{"cells": [{"cell_type": "co', "truncated after 28 bytes"),
        (b"hello", "not JSON at line 1"),
        (b"[]", "it has no cells"),
        (b"{}", "it has no cells"),
        (b'{"cells": 3}', "it has no cells"),
        (b"[" * 100_000, "not a notebook"),
        (b'{"cells": [{"cell_type": "code", "source": "x = 1"}]}', "nothing in it belongs to softplus"),
    ],
)
def test_what_is_no_notebook_is_refused_in_words_to_act_on(data, words, exam):
    with pytest.raises(Refused) as caught:
        graft(read(data), exam)
    assert words in str(caught.value) and "hand" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("change", ["bom", "crlf", "utf-16", "lists", "4.0", "colab", "kernel", "outputs", "damaged"])
def test_the_ways_a_file_is_saved_do_not_matter(solved, exam, change):
    text = json.dumps(solved, ensure_ascii=False)
    if change == "lists":
        for c in solved["cells"]:
            c["source"] = "".join(c["source"]).replace("\n", "\r\n").splitlines(keepends=True)
        text = json.dumps(solved)
    elif change == "4.0":
        for c in solved["cells"]:
            del c["id"]
        text = json.dumps(solved | {"nbformat_minor": 0})
    elif change == "colab":
        for number, c in enumerate(solved["cells"]):
            c["metadata"] |= {"id": f"aB3dE{number}", "colab": {"base_uri": "x"}, "outputId": "ff"}
        text = json.dumps(solved | {"metadata": {"colab": {"provenance": []}, "kernelspec": {"name": "python3"}}})
    elif change == "kernel":
        text = json.dumps(solved | {"metadata": {"kernelspec": {"name": "ir", "language": "R"}}, "nbformat": 99})
    elif change == "outputs":
        for c in solved["cells"]:
            c["outputs"] = [{"output_type": "stream", "text": "x" * 2_000_000}]
        text = json.dumps(solved)
    elif change == "damaged":
        solved["cells"][1]["outputs"] = ["@@"]
        text = json.dumps(solved)
    data = {
        "bom": lambda: b"\xef\xbb\xbf" + text.encode(),
        "crlf": lambda: json.dumps(solved, indent=1).replace("\n", "\r\n").encode(),
        "utf-16": lambda: text.encode("utf-16"),
        "damaged": lambda: text.encode().replace(b"@@", b"\xff\xe9"),
    }.get(change, text.encode)()
    result = graft(read(data), exam)
    assert_all_found(result)
    assert not result.flags and not result.notes and not result.added


def test_a_paste_into_a_new_colab_notebook_of_the_answers_alone(exam):
    cells = [{"cell_type": "code", "metadata": {"id": f"x{n}"}, "source": s} for n, s in enumerate([HALVE, SOFTPLUS])]
    result = grafted({"nbformat": 4, "nbformat_minor": 0, "metadata": {}, "cells": cells}, exam)
    assert result.answers == {"halve": HALVE, "softplus": SOFTPLUS} and not result.added
    assert len(result.flags) == 1


def test_of_a_key_given_twice_the_last_counts(solved, exam):
    text = json.dumps(solved).replace('"source": "def halve', '"source": "nothing", "source": "def halve')
    assert_all_found(graft(read(text.encode()), exam))


def test_half_characters_and_nul_become_something_that_can_be_stored(solved, exam):
    cell(solved, "halve")["source"] = "def halve(x):\n    return '\ud800 \ud83d\ude00 \0 \ufeff'\r"
    answer = grafted(solved, exam).answers["halve"]
    assert answer == "def halve(x):\n    return '\ufffd \U0001f600 \ufffd \ufeff'\n"


def test_a_number_too_long_for_python_is_no_reason_to_stop(solved, exam):
    text = json.dumps(solved).replace('"nbformat": 4', '"nbformat": ' + "4" * 9000 + ', "x": [NaN, -Infinity, 1e999]')
    assert_all_found(graft(read(text.encode()), exam))


@pytest.mark.parametrize(
    "source",
    [
        "x" * 1_200_000,
        "(" * 100_000,
        "-" * 100_000 + "1",
        "x = " + "+".join("1" * 50_000),
        "a" + ".b" * 50_000,
        "\n" * 500_000,
        " " * 500_000 + "?",
        "halve " * 100_000,
        "def halve(" * 20_000,
        "halve;" * 16_000,
        "halve=1;" * 12_000,
        "halve\n" * 16_000,
        "def halve(x):\n    return x\n" * 3_000,
        "if 1:\n" + "".join(" " * n + "if 1:\n" for n in range(1, 150)),
        "'\\d' is 3\ndef f(:",
    ],
    ids=range(15),
)
def test_huge_and_twisted_cells_are_read_in_moments(solved, exam, source):
    solved["cells"].insert(3, code(source))
    solved["cells"].append(code("def halve(x):\n" + source))
    cell(solved, "essay-why")["source"] = source
    began = time.monotonic()
    result = grafted(solved, exam)
    assert result.answers["softplus"] == SOFTPLUS
    assert time.monotonic() - began < 5


def test_empty_cells_are_nothing(solved, exam):
    for here in range(len(solved["cells"]), -1, -1):
        solved["cells"].insert(here, code(" \n"))
    result = grafted(solved, exam)
    assert_all_found(result)
    assert not result.flags and not result.notes and not result.added


def test_an_emptied_answer_is_an_answer(solved, exam):
    cell(solved, "halve")["source"] = ""
    result = grafted(solved, exam)
    assert result.answers["halve"] == "" and not result.flags
    assert result.attempted(next(p for p in exam.places if p.id == "halve"))


def test_a_stub_laid_out_anew_is_not_attempted(exam):
    notebook = json.loads(exam.released_json)
    c = cell(notebook, "halve")
    c["source"] = "# hm\n" + "".join(c["source"]).replace("    ", "  ") + "\n\n"
    assert not grafted(notebook, exam).attempted(next(p for p in exam.places if p.id == "halve"))


@given(st.data())
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_order_of_cells_loses_an_answer(solved, exam, data):
    """Shuffled, doubled, stripped here and there: the definitions are unique, so there is one reading."""
    drawn = data.draw(st.permutations(solved["cells"]))
    again = data.draw(st.lists(st.sampled_from(solved["cells"]), max_size=4))
    cells = [dict(c) for c in [*drawn, *again]]
    for c in cells:
        if data.draw(st.booleans()) and c["id"] != "essay-why":
            c["metadata"], c["id"] = {}, "new"
    result = grafted(solved | {"cells": cells}, exam)
    assert_all_found(result)


@given(st.permutations(range(6)), st.sets(st.integers(0, 5)))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_helper_runs_before_what_needs_it(solved, exam, order, gaps):
    """A chain of helpers in any order and place: each answer's checks find all of it."""
    chain = [f"def h{n}(x):\n    return h{n + 1}(x)" for n in range(5)] + ["def h5(x):\n    return 5"]
    cell(solved, "halve")["source"] = "def halve(x):\n    return h0(x)"
    notebook = json.loads(json.dumps(solved))
    for n, helper in enumerate(order):
        notebook["cells"].insert(n * 3 if n in gaps else len(notebook["cells"]), code(chain[helper]))
    _, at_check = run_in_order(grafted(notebook, exam), exam)
    assert at_check["halve-half-of-it"]["halve"](7.0) == 5


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["cells", "worksheets", "cell_type", "source", "metadata", "nbgrader", "grade_id", "id", "attachments"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(junk, st.lists(junk, max_size=5))
def test_no_file_makes_the_reader_fail(exam, whole, cells):
    for notebook in (whole, {"cells": cells}):
        with contextlib.suppress(Refused):
            grafted(notebook, exam)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("def f(x): pass", True),
        ("class f: pass", True),
        ("f = lambda x: x", True),
        ("%time\ndef f(x): pass", True),
        ("def f(x:\n    return", True),
        ("def g(x):\n    def f(): pass", False),
        ("f(3)", False),
        ("# def f", False),
    ],
)
def test_defines(source, found):
    assert defines(source, "f") is found


@given(st.lists(st.text(alphabet="defhalv(x):\n %!?=#'\"@,[]{}\\\0\ud800 1", max_size=60), max_size=4), st.booleans())
@settings(deadline=None)
def test_no_code_makes_the_graft_fail(exam, sources, marked):
    cells = [code(source, id="halve" if marked else "x") for source in sources] + [code(SOFTPLUS, id="softplus")]
    assert grafted({"cells": cells}, exam).answers["softplus"].startswith(SOFTPLUS)


def test_thousands_of_cells_are_read_in_moments(solved, exam):
    solved["cells"] += [code(f"def halve_{n}(x):\n    return halve_{n + 1}(x)") for n in range(4900)]
    cell(solved, "halve")["source"] = "def halve(x):\n    return halve_0(x)"
    began = time.monotonic()
    assert len(grafted(solved, exam).added) > 0
    assert time.monotonic() - began < 20


@pytest.mark.parametrize("notebook", COURSE.notebooks, ids=lambda notebook: notebook.name)
def test_each_notebook_of_the_course_is_recovered_without_its_marks(notebook):
    """Marks gone, every answer moved to the end in the opposite order: nothing is lost and nothing is added."""
    exam = exam_of(COURSE, notebook)
    whole = json.loads(exam.instructor_json)
    expected = grafted(whole, exam)
    assert not expected.flags and not expected.notes and not expected.added
    assert set(expected.answers) == {place.id for place in exam.of_kind("exercise", "essay")}
    strip_marks(whole)
    stripped = grafted(whole, exam)
    assert stripped.answers == expected.answers and len(stripped.flags) == 1 and not stripped.added
    answers = [c for c in whole["cells"] if "".join(c["source"]) in expected.answers.values()]
    answers = [c for c in answers if c["cell_type"] == "code"]
    whole["cells"] = [c for c in whole["cells"] if c not in answers] + answers[::-1]
    assert grafted(whole, exam).answers == expected.answers
