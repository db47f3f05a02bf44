"""Whatever way a class's work comes, each piece finds its student and its notebook, and none of it can do harm."""

import json
import os
import pickle
import shutil
import stat
import struct
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mini_course import COURSE, SOURCE, write_course

from autograder.course import CourseError, load_course
from autograder.grading import intake, stores
from autograder.grading.intake import find
from autograder.grading.naming import named, original
from autograder.grading.submission import Refused
from autograder.source import read_cells

SECOND = """
[[module]]
name = "02-heads"
title = "Heads"
[[module.notebook]]
name = "multi_head"
title = "Heads"
minutes = 5
[[module.notebook]]
name = "multi_head_big"
title = "Big heads"
minutes = 5
"""
HINTS = "# <details><summary>Hint 1</summary>a</details>"
OTHER = f"""
# %% [markdown]
# # {{0}}

# %%
import torch

# %% [markdown]
{HINTS}

# %% exercise="{{1}}" minutes=1 level=1
def {{1}}(x):
    ### BEGIN SOLUTION
    return x
    ### END SOLUTION
""".lstrip()


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    root = tmp_path_factory.mktemp("course")
    write_course(root)
    (root / "course.toml").write_text(COURSE + SECOND)
    (root / "solutions" / "02-heads").mkdir()
    for name, exercise in (("multi_head", "split"), ("multi_head_big", "merge")):
        (root / "solutions" / "02-heads" / f"{name}.py").write_text(OTHER.format(name, exercise))
    return load_course(root)


def notebook(course, name="softplus", marks=True, **more):
    """A notebook as a student has it, made of the source's cells."""
    cells = [
        {
            "cell_type": "markdown" if cell.kind in ("text", "essay") else "code",
            "metadata": {"nbgrader": {"grade_id": cell.grade_id}} if marks else {},
            "source": cell.source,
        }
        for cell in read_cells(course.source(course.find(name)))
    ]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": more, "cells": cells}).encode()


def write(folder, files):
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        os.utime(path, (1_700_000_000, 1_700_000_000))
    return folder


def pack(path, files):
    """A zip. files: name or ZipInfo → bytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def summary(handed):
    return [(h.student, h.notebook.name if h.notebook else "", h.problem) for h in handed]


def test_nbgraders_folders(course, tmp_path):
    stamp = b"2026-01-30 15:30:10.123456 UTC\n"
    handed = find(
        course,
        write(
            tmp_path,
            {
                "anna/01-sums/softplus.ipynb": notebook(course),
                "anna/01-sums/timestamp.txt": stamp,
                "anna/02-heads/multi_head.ipynb": notebook(course, "multi_head"),
                "anna/02-heads/.ipynb_checkpoints/multi_head-checkpoint.ipynb": b"old",
                "anna/02-heads/data.csv": b"1,2",
                "ben/01-sums/softplus.ipynb": notebook(course),
                "ben/01-sums/timestamp.txt": b"yesterday",
            },
        ),
    )
    assert summary(handed) == [("anna", "softplus", ""), ("anna", "multi_head", ""), ("ben", "softplus", "")]
    assert [h.timestamp for h in handed] == [stamp.decode().strip(), "", ""]
    assert not any(h.notes for h in handed)
    assert [h.name for h in handed][0] == "anna/01-sums/softplus.ipynb"
    assert handed[0].read() == notebook(course)


def test_a_flat_folder(course, tmp_path):
    files = {
        "anna_softplus.ipynb": notebook(course),
        "ben-li 01-sums softplus.ipynb": notebook(course),
        "softplus_carla.ipynb": notebook(course),
        "dora.ipynb": notebook(course, "multi_head", marks=False),
        "emil_multi_head_big (1).ipynb": notebook(course, "multi_head_big"),
        "softplus.ipynb": notebook(course),
        "notes.txt": b"",
    }
    handed = find(course, write(tmp_path, files))
    assert summary(handed) == [
        ("?", "softplus", "whose is it? put it into a folder named after the student"),
        ("anna", "softplus", ""),
        ("ben-li", "softplus", ""),
        ("carla", "softplus", ""),
        ("dora", "multi_head", ""),
        ("emil", "multi_head_big", ""),
    ]
    assert [h.notes for h in handed[1:5]] == [()] * 4
    assert handed[5].notes == ("graded as multi_head_big, the only notebook that fits; renamed by a browser?",)


@pytest.mark.parametrize(
    "form",
    [
        "{}_assignsubmission_file_/softplus.ipynb",
        "{}_assignsubmission_file/a/softplus.ipynb",
        "{}_assignsubmission_file_softplus.ipynb",
    ],
)
@pytest.mark.parametrize("packed", [True, False])
def test_what_moodle_makes(course, tmp_path, form, packed):
    files = {
        form.format("Zoë O'Neil-Núñez_12345"): notebook(course),
        form.format("Wei Zhang_12346"): notebook(course),
        form.format("Wei Zhang_12347"): notebook(course),
        "Late Text_12348_assignsubmission_onlinetext_/onlinetext.html": b"<p>x</p>",
    }
    path = pack(tmp_path / "Sums-17.zip", files) if packed else write(tmp_path, files)
    handed = find(course, path)
    assert summary(handed) == [
        ("Late Text", "", "no notebook was handed in; hand in the .ipynb file itself"),
        ("Wei Zhang_12346", "softplus", ""),
        ("Wei Zhang_12347", "softplus", ""),
        ("Zoë O'Neil-Núñez", "softplus", ""),
    ]
    assert handed[1].read() == notebook(course)


@pytest.mark.parametrize("packed", [True, False])
def test_what_canvas_makes(course, tmp_path, packed):
    files = {
        "liwei_12345_67890_softplus.ipynb": notebook(course),
        "núñezana_LATE_12346_67891_softplus-1.ipynb": notebook(course),
        "LATE_anon_a1B2c_67892_softplus.ipynb": notebook(course),
        "anon_zz9ZZ_67893_softplus (2).ipynb": notebook(course),
        "orocarl_12347_67895_essay.pdf": b"%PDF",
        "orocarl_12347_67894_softplus-12.ipynb": notebook(course),
        "pdfonly_12348_67896_homework.pdf": b"%PDF",
    }
    handed = find(course, pack(tmp_path / "submissions.zip", files) if packed else write(tmp_path, files))
    assert summary(handed) == [
        ("anon_a1B2c", "softplus", ""),
        ("anon_zz9ZZ", "softplus", ""),
        ("liwei_12345", "softplus", ""),
        ("núñezana_12346", "softplus", ""),
        ("orocarl_12347", "softplus", ""),
        ("pdfonly_12348", "", "no notebook was handed in; hand in the .ipynb file itself"),
    ]
    assert [h.late for h in handed] == [True, False, False, True, False, False]
    assert handed[0].notes == handed[3].notes == ("late, says Canvas",)
    assert handed[1].notes == ("graded as softplus, the only notebook that fits; renamed by a browser?",)
    assert handed[2].notes == handed[4].notes == ()


def test_what_blackboard_makes(course, tmp_path):
    files = {
        "Sums 1_u123_attempt_2026-01-30-15-30-10_softplus.ipynb": notebook(course),
        "Sums 1_u123_attempt_2026-01-30-15-30-10.txt": b"",
        "Sums 1_u123_attempt_2026-02-01-08-00-00_softplus.ipynb": notebook(course, again=1),
    }
    (handed,) = find(course, pack(tmp_path / "s.zip", files))
    assert (handed.student, handed.read()) == ("u123", notebook(course, again=1))


@pytest.mark.parametrize(
    "name",
    [
        "softplus (1).ipynb",
        "softplus(12).ipynb",
        "Copy of softplus.ipynb",
        "Copy of Copy of softplus.ipynb",
        "softplus - Copy.ipynb",
        "softplus - Copy (2).ipynb",
        "softplus-Copy1.ipynb",
        "softplus copy 2.ipynb",
        "Kopie von softplus.ipynb",
        "softplus-1.ipynb",
        "softplus.ipynb.txt",
        "Softplus.IPYNB",
    ],
)
def test_a_copys_name_is_seen_through(course, tmp_path, name):
    write(tmp_path, {f"anna/01-sums/{name}": notebook(course)})
    (handed,) = find(course, tmp_path)
    assert handed.notebook and (handed.student, handed.notebook.name, handed.name) == (
        "anna",
        "softplus",
        f"anna/01-sums/{name}",
    )
    renamed = name != "softplus.ipynb.txt"
    assert handed.notes == (
        ("graded as softplus, the only notebook that fits; renamed by a browser?",) if renamed else ()
    )


def test_a_notebook_is_known_by_its_cells_whatever_its_name(course, tmp_path):
    write(
        tmp_path,
        {
            "anna/01-sums/softplus.ipynb": notebook(course, "multi_head"),
            "ben/homework final.ipynb": notebook(course, "multi_head_big", marks=False),
            "carl/x.ipynb": json.dumps({"cells": [{"cell_type": "code", "source": "def halve(x): return x"}]}).encode(),
            "dora/x.ipynb": json.dumps({"cells": [{"cell_type": "code", "source": "print(1)"}]}).encode(),
            "emil/x.ipynb": b"not json",
            "finn/softplus.ipynb": b'{"cells": [',
            "gina/softplus.ipynb": json.dumps({"cells": [{"cell_type": "code", "source": "1"}]}).encode(),
        },
    )
    handed = find(course, tmp_path)
    assert summary(handed) == [
        ("anna", "multi_head", ""),
        ("ben", "multi_head_big", ""),
        ("carl", "softplus", ""),
        ("dora", "", "it holds no cell of the course's notebooks; hand in the notebook itself"),
        ("emil", "", "not a notebook (not JSON at line 1); save the notebook and hand it in again"),
        ("finn", "softplus", ""),  # refused when it is graded, in the same words
        ("gina", "softplus", ""),
    ]
    assert handed[0].notes == ("graded as multi_head, the only notebook whose cells it holds",)


def test_what_could_be_two_notebooks_is_not_guessed(course, tmp_path):
    source = "def split(x): return x\ndef merge(x): return x"
    write(tmp_path, {"anna/x.ipynb": json.dumps({"cells": [{"cell_type": "code", "source": source}]}).encode()})
    assert summary(find(course, tmp_path)) == [
        ("anna", "", "could be multi_head or multi_head_big; name the file after its notebook")
    ]


def test_of_two_files_the_later_counts(course, tmp_path):
    old, new = notebook(course, age="old"), notebook(course, age="new")
    write(
        tmp_path,
        {
            "anna/01-sums/softplus.ipynb": new,
            "anna/01-sums/a.ipynb": old,
            "ben/softplus.ipynb": old,
            "ben/softplus (1).ipynb": new,
            "ben/softplus (10).ipynb": new,
            "ben/softplus (2).ipynb": old,
        },
    )
    os.utime(tmp_path / "anna/01-sums/softplus.ipynb", (1_800_000_000, 1_800_000_000))
    anna, ben = find(course, tmp_path)
    assert anna.read() == new
    assert anna.notes == ("the latest of 2 files for this notebook; left out: anna/01-sums/a.ipynb",)
    assert ben.name == "ben/softplus (10).ipynb"
    assert "left out: ben/softplus.ipynb, ben/softplus (1).ipynb, ben/softplus (2).ipynb" in ben.notes[-1]


def test_a_later_file_that_cannot_be_read_does_not_hide_one_that_can(course, tmp_path):
    write(tmp_path, {"anna/softplus.ipynb": notebook(course), "anna/softplus (1).ipynb": b'{"cells": ['})
    (handed,) = find(course, tmp_path)
    assert handed.name == "anna/softplus.ipynb" and "left out: anna/softplus (1).ipynb" in handed.notes[0]


def test_canvas_counts_attachments_upwards(course, tmp_path):
    files = {f"li_1_{number}_softplus{end}.ipynb": notebook(course, n=number) for number, end in ((9, "-1"), (10, ""))}
    (handed,) = find(course, pack(tmp_path / "x.zip", files))
    assert handed.read() == notebook(course, n=10)


@pytest.mark.parametrize(
    ("place", "student"),
    [
        ("anna/01-sums/softplus.ipynb", "anna"),
        ("anna/softplus.ipynb", "anna"),
        ("x/anna_softplus.ipynb", "anna"),
        ("x/li_12345_67890_softplus-1.ipynb", "li_12345"),
        ("x/anna.ipynb", "anna"),
    ],
)
def test_one_file(course, tmp_path, place, student):
    write(tmp_path, {place: notebook(course)})
    (handed,) = find(course, tmp_path / place)
    assert handed.notebook and (handed.student, handed.notebook.name, handed.problem) == (student, "softplus", "")


def test_a_zip_of_one_bare_notebook_does_not_say_whose_it_is(course, tmp_path):
    (handed,) = find(course, pack(tmp_path / "x.zip", {"softplus.ipynb": notebook(course)}))
    assert (handed.student, handed.problem) == ("?", "whose is it? put it into a folder named after the student")


@pytest.mark.parametrize("around", ["", "class of 2026/"])
def test_a_folder_around_everything_is_seen_through(course, tmp_path, around):
    for layout in ("{}/01-sums/softplus.ipynb", "{}/softplus.ipynb", "{}_softplus.ipynb", "{}_1_2_softplus.ipynb"):
        path = pack(tmp_path / "x.zip", {around + layout.format(s): notebook(course) for s in ("anna", "ben")})
        assert {h.student.partition("_")[0] for h in find(course, path)} == {"anna", "ben"}, layout


def test_one_student_alone_is_a_student(course, tmp_path):
    path = pack(
        tmp_path / "x.zip",
        {"anna/softplus.ipynb": notebook(course), "anna/multi_head.ipynb": notebook(course, "multi_head")},
    )
    assert {h.student for h in find(course, path)} == {"anna"}


def test_handed_work_travels_to_other_processes(course, tmp_path):
    path = pack(tmp_path / "x.zip", {"anna/softplus.ipynb": notebook(course)})
    write(tmp_path / "f", {"ben/softplus.ipynb": notebook(course)})
    for handed in (*find(course, path), *find(course, tmp_path / "f")):
        assert pickle.loads(pickle.dumps(handed)).read() == notebook(course)


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (lambda p: p / "nothing", "no such folder, zip or notebook"),
        (lambda p: p, "no submissions; expected FOLDER/STUDENT/MODULE/NOTEBOOK.ipynb"),
        (lambda p: write(p, {"x.zip": b"PK\x03\x04 not at all"}) / "x.zip", "not a zip that can be opened"),
        (lambda p: write(p, {"x.zip": b""}) / "x.zip", "not a zip that can be opened"),
        (lambda p: pack(p / "x.zip", {}), "no submissions"),
        (lambda p: write(p, {"x.txt": b""}) / "x.txt", "no submissions"),
    ],
)
def test_where_there_is_nothing_one_line_says_so(course, tmp_path, prepare, words):
    path = prepare(tmp_path)
    with pytest.raises(CourseError) as caught:
        find(course, path)
    assert words in str(caught.value) and str(path) in str(caught.value) and "\n" not in str(caught.value)


def member(name, mode=0, **more):
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    info.compress_type = zipfile.ZIP_DEFLATED
    for key, value in more.items():
        setattr(info, key, value)
    return info


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (member("mallory/softplus.ipynb", stat.S_IFLNK | 0o777), "a link, not followed"),
        (member("mallory/softplus.ipynb", stat.S_IFIFO | 0o777), "not an ordinary file"),
        (member("mallory/../../softplus.ipynb"), "leads out of the zip"),
        (member("/mallory/softplus.ipynb"), "leads out of the zip"),
        (member("mallory\\..\\softplus.ipynb"), "leads out of the zip"),
        (member("C:\\mallory\\softplus.ipynb"), "leads out of the zip"),
        (member("mallory/softplus.ipynb", compress_type=zipfile.ZIP_LZMA), "packed in an uncommon way"),
        (member("mallory/" + "x" * 2000 + "/softplus.ipynb"), "its name is too long"),
        (member("mallory/work.zip"), "a zip among the files is not opened"),
    ],
)
def test_a_dangerous_member_is_refused_and_the_others_are_graded(course, tmp_path, entry, words):
    path = pack(tmp_path / "x.zip", {entry: notebook(course), "zoe/softplus.ipynb": notebook(course)})
    handed = find(course, path)
    assert [h.problem for h in handed if h.student == "zoe"] == [""]
    (bad,) = [h for h in handed if h.student != "zoe"]
    assert words in bad.problem and "\n" not in bad.problem
    assert list(tmp_path.iterdir()) == [path]


def test_bombs_are_refused(course, tmp_path, monkeypatch):
    files = {"anna/softplus.ipynb": b" " * 20_000_000, "zoe/softplus.ipynb": notebook(course)}
    anna, zoe = find(course, pack(tmp_path / "x.zip", files))
    assert "times smaller, as no notebook is" in anna.problem and not zoe.problem
    monkeypatch.setattr(stores, "MAX_BYTES", 1_000_000)
    anna, zoe = find(course, pack(tmp_path / "y.zip", files))
    assert "larger than" in anna.problem and not zoe.problem
    for limit, value, words in (("MAX_TOTAL", 1_000_000, "unpacks to more"), ("MAX_ENTRIES", 1, "more than 1 files")):
        with monkeypatch.context() as patch, pytest.raises(CourseError, match=words):
            patch.setattr(stores, limit, value)
            find(course, tmp_path / "y.zip")
    with monkeypatch.context() as patch, pytest.raises(CourseError, match="more than 1 files"):
        patch.setattr(stores, "MAX_ENTRIES", 1)
        find(course, write(tmp_path / "f", files))


def test_a_member_that_lies_about_its_size_is_cut_short(course, tmp_path, monkeypatch):
    """What is read is bounded by what comes out, not by what the directory says."""
    monkeypatch.setattr(stores, "MAX_BYTES", 1_000_000)
    path = pack(tmp_path / "x.zip", {"anna/softplus.ipynb": notebook(course) + b" " * 3_000_000})
    data = bytearray(path.read_bytes())
    at = data.rindex(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 1000)
    path.write_bytes(data)
    (handed,) = find(course, path)
    assert "damaged in x.zip" in handed.problem or len(handed.read()) <= 1_000_001


def test_a_damaged_member_costs_itself(course, tmp_path):
    path = pack(tmp_path / "x.zip", {"anna/softplus.ipynb": notebook(course), "zoe/softplus.ipynb": notebook(course)})
    data = bytearray(path.read_bytes())
    data[60:100] = bytes(40)
    path.write_bytes(data)
    anna, zoe = find(course, path)
    assert "damaged in x.zip" in anna.problem and not zoe.problem


def test_links_in_a_folder_are_not_followed(course, tmp_path):
    secret = write(tmp_path / "secret", {"softplus.ipynb": notebook(course)})
    folder = write(tmp_path / "f", {"zoe/softplus.ipynb": notebook(course), "mallory/x.txt": b""})
    (folder / "mallory" / "softplus.ipynb").symlink_to(secret / "softplus.ipynb")
    (folder / "nora").symlink_to(secret)
    os.mkfifo(folder / "mallory" / "multi_head.ipynb")
    handed = {h.name: h for h in find(course, folder)}
    assert "a link" in handed["mallory/softplus.ipynb"].problem
    assert "not an ordinary file" in handed["mallory/multi_head.ipynb"].problem
    assert "a link" in handed["nora"].problem
    assert handed["zoe/softplus.ipynb"].problem == ""
    for name in ("mallory/softplus.ipynb", "mallory/multi_head.ipynb", "nora"):
        with pytest.raises(Refused):
            handed[name].read()


def test_a_file_gone_since_it_was_listed_is_refused_in_words(course, tmp_path):
    write(tmp_path / "f", {"zoe/softplus.ipynb": notebook(course)})
    pack(tmp_path / "x.zip", {"zoe/softplus.ipynb": notebook(course)})
    both = [*find(course, tmp_path / "f"), *find(course, tmp_path / "x.zip")]
    shutil.rmtree(tmp_path / "f")
    (tmp_path / "x.zip").unlink()
    for handed in both:
        with pytest.raises(Refused, match="cannot be read"):
            handed.read()


def test_names_are_printable_and_of_one_spelling(course, tmp_path):
    path = pack(
        tmp_path / "x.zip",
        {"Zoe\u0308/softplus.ipynb": notebook(course), "a\n\x1b[2Jb/softplus.ipynb": notebook(course)},
    )
    write(tmp_path / "f", {})
    os.makedirs(os.fsencode(tmp_path / "f") + b"/caf\xe9")
    with open(os.fsencode(tmp_path / "f") + b"/caf\xe9/softplus.ipynb", "wb") as file:
        file.write(notebook(course))
    assert [h.student for h in find(course, path)] == ["Zo\u00eb", r"a\n\x1b[2Jb"]
    (cafe,) = find(course, tmp_path / "f")
    assert cafe.student == r"caf\udce9" and cafe.read() == notebook(course)


NAMES = ("softplus", "multi_head", "multi_head_big")
MODULES = ("01-sums", "02-heads")
person = st.text(alphabet="abcXYZé-' .", min_size=1, max_size=12).map(str.strip).filter(lambda s: s.strip(" .-_'"))


@given(person, st.integers(1, 10**9), st.sampled_from(NAMES))
def test_moodles_names_are_read_back(student, number, name):
    for form in ("{}_{}_assignsubmission_file_/{}.ipynb", "{}_{}_assignsubmission_file_{}.ipynb"):
        said = named(tuple(form.format(student, number, name).split("/")), MODULES, NAMES)
        assert (said.student, said.lms_id, said.notebook, said.renamed) == (student, str(number), name, False)


@given(
    st.text(alphabet="abcxyzéß", min_size=1, max_size=12),
    st.integers(1, 10**9),
    st.integers(1, 10**9),
    st.sampled_from(NAMES),
    st.booleans(),
    st.sampled_from(["", "-1", "-12"]),
)
def test_canvass_names_are_read_back(student, user, attachment, name, late, again):
    said = named((f"{student}{'_LATE' * late}_{user}_{attachment}_{name}{again}.ipynb",), MODULES, NAMES)
    assert (said.student, said.notebook, said.late, said.renamed) == (f"{student}_{user}", name, late, False)


@given(
    st.sampled_from(NAMES),
    st.lists(st.sampled_from([" ({})", "-Copy{}", " - Copy ({})"]), max_size=3),
    st.integers(1, 99),
)
def test_marks_of_copies_come_off_in_any_number(name, marks, number):
    file = name + "".join(mark.format(number) for mark in marks) + ".ipynb"
    assert original(file, NAMES)[0] == name
    assert (original(file, NAMES)[2] > 0) == bool(marks)


@given(st.lists(st.text(min_size=1, max_size=300), min_size=1, max_size=4))
def test_no_name_makes_the_reader_fail(parts):
    said = named(tuple(parts), MODULES, NAMES)
    assert said.notebook in ("", *NAMES)


@given(st.lists(st.tuples(st.text(max_size=30), st.binary(max_size=30)), max_size=5), st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
def test_no_archive_makes_the_intake_fail(course, tmp_path, members, data):
    """Any names, then any bytes changed: a list, or one line that says why not; never a file on disk."""
    path = tmp_path / "any.zip"
    pack(path, {member(f"s{n}/{name}"): content for n, (name, content) in enumerate(members)})
    changed = bytearray(path.read_bytes())
    for at in data.draw(st.lists(st.integers(0, len(changed) - 1), max_size=6)):
        changed[at] = data.draw(st.integers(0, 255))
    path.write_bytes(changed)
    os.utime(path, ns=(0, data.draw(st.integers(1, 10**18))))
    try:
        for handed in find(course, path):
            assert handed.student and handed.name.isprintable() and "\n" not in handed.problem
            try:
                handed.read()
            except Refused as refusal:
                assert "\n" not in str(refusal)
    except CourseError as error:
        assert "\n" not in str(error)
    assert [p.name for p in tmp_path.iterdir()] == ["any.zip"]


def test_a_source_that_cannot_be_read_leaves_names_to_decide(tmp_path):
    course = write_course(tmp_path, SOURCE.replace("# %%", "# %% bare words", 1))
    write(tmp_path / "f", {"anna/softplus.ipynb": b"{}"})
    assert summary(intake.find(course, tmp_path / "f")) == [("anna", "softplus", "")]


def test_a_whole_folder_of_work_counts_once_the_start_page_and_dated_copies_aside(course, tmp_path):
    """A student hands in all of work/: `make lab`'s start page holds no answers, `course reset` left an older copy."""
    page = json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}).encode()
    older = notebook(course, older=True)
    files = {
        "anna/start.ipynb": page,
        "anna/01-sums/softplus.ipynb": notebook(course),
        "anna/copies/softplus-2026-01-30-153010.ipynb": older,
        "ben/start.ipynb": page,
    }
    write(tmp_path, files)
    os.utime(tmp_path / "anna/copies/softplus-2026-01-30-153010.ipynb", (1_600_000_000, 1_600_000_000))
    anna, ben = find(course, tmp_path)
    assert (anna.name, anna.problem) == ("anna/01-sums/softplus.ipynb", "")
    assert "left out: anna/copies/softplus-2026-01-30-153010.ipynb" in anna.notes[0]
    assert ben.problem.startswith("no notebook was handed in")
