"""Whatever was done to a file, its answers are found where one reading is plausible, and nothing else of it is used."""

import contextlib
import json
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mini_course import write_course

from autograder.grading.exam import places_of
from autograder.grading.submission import Refused, defines, graft, read
from autograder.rules import checked_cells


@pytest.fixture(scope="module")
def exam(tmp_path_factory):
    """The parts of an Exam that a graft looks at; the reference need not run for it."""
    course = write_course(tmp_path_factory.mktemp("course"))
    path = course.source(course.notebooks[0])
    places, instructor, released = places_of(path, checked_cells(path))
    return SimpleNamespace(
        places=places,
        notebook=course.notebooks[0],
        released_json=released,
        instructor_json=instructor,
        of_kind=lambda *kinds: (place for place in places if place.kind in kinds),
    )


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


def test_an_edited_check_is_put_back_and_noted(solved, exam):
    cell(solved, "halve-half-of-it")["source"] = "pass"
    result = grafted(solved, exam)
    assert_all_found(result)
    assert result.notes == ["halve-half-of-it: this cell was changed; the original counts"]
    assert not result.added


def test_added_cells_keep_their_place(solved, exam):
    place = [c["id"] for c in solved["cells"]].index("halve")
    solved["cells"].insert(place, {"cell_type": "code", "metadata": {}, "source": "helper = 3", "id": "mine"})
    result = grafted(solved, exam)
    assert list(result.added.values()) == [["helper = 3"]]
    assert next(iter(result.added)).startswith("text-")


def test_an_answer_twice_is_flagged_and_the_last_one_written_counts(solved, exam):
    copy = json.loads(json.dumps(cell(solved, "halve")))
    copy["source"] = "def halve(x):\n    return 'later'"
    solved["cells"].append(copy)
    result = grafted(solved, exam)
    assert result.answers["halve"].endswith("'later'")
    assert len(result.flags) == 1 and "2 cells are marked" in result.flags[0]


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
        (b"PK\x03\x04\xff\xfe", "not UTF-8"),
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


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["cells", "cell_type", "source", "metadata", "nbgrader", "grade_id", "id", "input"]),
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
