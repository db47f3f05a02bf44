"""A student's folder: a new version comes in without touching an answer, and nothing of theirs is ever lost."""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from mini_course import SOURCE, answered, write_course
from nbformat import reads
from nbgrader.utils import compute_checksum

from autograder.build import build
from autograder.cli import main
from autograder.course import load_course
from autograder.extras import is_panel
from autograder.grading.cells import Refused
from autograder.parts.notebook import title_of
from autograder.work import commands
from autograder.work.cells import cells_of, is_behind, nbgraders_checksum
from autograder.work.merge import merge

ROOT = Path(__file__).resolve().parents[1]
SOFTPLUS = "def softplus(x):\n    return torch.logaddexp(x, torch.zeros_like(x))"
HALVE = "def halve(x):\n    return x / 2"
# The next version: a statement, a given cell and a check are other ones, an exercise is new, prose has moved.
NEWER = (
    SOURCE.replace("# # Softplus", "# # Softplus, second edition")
    .replace("import torch.nn.functional as F", "import torch.nn.functional as F\n\nHALF = 0.5")
    .replace("check.close(halve(7.0), 3.5", "check.close(halve(9.0), 4.5")
    .replace("log(1 + e^x).", "log(1 + e^x), for any x.")
    .replace("# %% [markdown]\n# Why?", """# %% [markdown]
# ## 3
# <details><summary>Hint 1</summary>a</details>
# <details><summary>Hint 2</summary>b</details>
# <details><summary>Hint 3</summary>c</details>

# %% exercise="treble" minutes=1 level=1
def treble(x):
    ### BEGIN SOLUTION
    return x * 3
    ### END SOLUTION

# %% check="treble: three times" points=1
check.close(treble(7.0), 21.0, hint="times three")

# %% [markdown]
# Why?""")
)  # fmt: skip


class Versions(tuple):
    """(entry, old, new), short where a failure shows it."""

    def __new__(cls, *three):
        return super().__new__(cls, three)

    def __repr__(self) -> str:
        return "Versions"


@pytest.fixture(scope="module")
def versions(tmp_path_factory):
    """The notebook's entry, and its released file in two versions."""
    made = []
    for source in (SOURCE, NEWER):
        course = write_course(tmp_path_factory.mktemp("course"), source)
        build(course)
        made.append(course.released(course.notebooks[0]).read_bytes())
    return Versions(course.notebooks[0], *made)


def sources(content: bytes) -> list[str]:
    return [cell.source for cell in cells_of(content)[1]]


def cell(source: str, kind: str = "code", **more: object) -> dict:
    code = {"outputs": [], "execution_count": None} if kind == "code" else {}
    return {"cell_type": kind, "id": "mine", "metadata": {}, "source": source, **code, **more}


def to_bytes(notebook: dict) -> bytes:
    return json.dumps(notebook).encode()


@pytest.mark.parametrize("entry", load_course(ROOT).notebooks, ids=lambda entry: entry.name)
def test_every_released_cell_vouches_for_itself_as_nbgrader_reckons(entry) -> None:
    content = load_course(ROOT).released(entry).read_bytes()
    notebook = reads(content.decode(), as_version=4)
    for theirs, ours in zip(notebook.cells, cells_of(content)[1], strict=True):
        assert ours.as_released, ours.ids
        if ours.marks:
            assert nbgraders_checksum(ours) == compute_checksum(theirs)
    assert merge(content, content, entry).changed is False and not is_behind(content, content)


def test_answers_move_to_the_new_version_and_what_changed_is_named(versions) -> None:
    entry, old, new = versions
    book = answered(old, softplus=SOFTPLUS, halve=HALVE, **{"essay-why": "Because."})
    done = merge(to_bytes(book), new, entry)
    assert is_behind(to_bytes(book), new) and done.changed
    assert (done.carried, done.restated, done.rechecked, done.new) == (
        ["softplus", "halve"],
        ["softplus"],
        ["halve"],
        ["treble"],
    )
    expected = sources(to_bytes(answered(new, softplus=SOFTPLUS, halve=HALVE, **{"essay-why": "Because."})))
    assert sources(done.content) == expected
    assert "HALF" in "".join(expected) and "second edition" in expected[0]
    assert not merge(done.content, new, entry).changed and not is_behind(done.content, new)


def test_an_untouched_copy_becomes_the_new_version_exactly(versions) -> None:
    entry, old, new = versions
    done = merge(old, new, entry)
    assert json.loads(done.content)["cells"] == json.loads(new)["cells"]
    assert done.carried == [] and done.restated == ["softplus"]


def test_cells_of_ones_own_stay_where_they_were(versions) -> None:
    entry, old, new = versions
    book = answered(old, softplus=SOFTPLUS)
    places = {c["id"]: n for n, c in enumerate(book["cells"])}
    book["cells"].insert(places["softplus"], cell("def helper(x):\n    return x"))
    book["cells"].insert(0, cell("My notes", "markdown"))
    book["cells"].append(cell("", outputs=[]))
    text = sources(merge(to_bytes(book), new, entry).content)
    assert text[0] == "My notes" and text[-1] == ""
    assert text[text.index(SOFTPLUS) - 1].startswith("def helper")


def test_notes_written_into_the_courses_text_are_kept(versions) -> None:
    entry, old, new = versions
    book = json.loads(old)
    book["cells"][0]["source"] = "# Softplus\n\nmy note"
    same = merge(to_bytes(book), old, entry)
    assert not same.changed
    text = sources(merge(to_bytes(book), new, entry).content)
    assert text.count("# Softplus\n\nmy note") == 1 and any("second edition" in t for t in text)


def test_an_answer_to_what_is_asked_no_longer_stays_as_a_cell_of_ones_own(versions) -> None:
    entry, old, new = versions
    mine = "def treble(x):\n    return x + x + x"
    done = merge(to_bytes(answered(new, treble=mine)), old, entry)
    assert done.gone == ["treble"] and mine in sources(done.content)
    kept = next(c for c in cells_of(done.content)[1] if c.source == mine)
    assert not kept.marks
    assert not merge(done.content, old, entry).changed


def test_a_check_that_was_edited_is_the_courses_again(versions) -> None:
    entry, old, _ = versions
    title = "softplus: large inputs"
    book = answered(old, **{"softplus-large-inputs": f'with check("{title}"):\n    pass'})
    done = merge(to_bytes(book), old, entry)
    assert done.replaced == [title] and done.changed
    assert sources(done.content) == sources(old)


def test_answers_without_marks_are_found_as_grading_finds_them(versions) -> None:
    entry, old, new = versions
    book = answered(old, softplus=SOFTPLUS, halve=HALVE)
    for number, one in enumerate(book["cells"]):
        one["metadata"], one["id"] = {}, f"c{number}"
    done = merge(to_bytes(book), new, entry)
    assert done.carried == ["softplus", "halve"]
    assert sources(done.content).count(SOFTPLUS) == 1
    marked = {c.marks.get("grade_id"): c.source for c in cells_of(done.content)[1]}
    assert marked["halve"] == HALVE


def test_outputs_stay_with_the_cells_that_read_as_they_did(versions) -> None:
    entry, old, new = versions
    book = answered(old, softplus=SOFTPLUS)
    for one in book["cells"]:
        if one["cell_type"] == "code":
            one["outputs"] = [{"output_type": "stream", "name": "stdout", "text": one["id"]}]
    cells = {c["id"]: c for c in json.loads(merge(to_bytes(book), new, entry).content)["cells"]}
    assert cells["softplus-the-values"]["outputs"] and cells["softplus"]["outputs"]
    assert not cells["halve-half-of-it"]["outputs"], "another check now"


@pytest.mark.parametrize("content", [b"", b"{", b"PK\x03\x04", b'{"cells": []}', b'{"worksheets": []}', b"null"])
def test_what_is_no_notebook_is_left_alone_with_a_reason(versions, content: bytes) -> None:
    with pytest.raises(Refused):
        merge(content, versions[2], versions[0])


WORDS = st.sampled_from(["x = 1", "def halve(x):\n    return x * 0.5", "", "notes é", "%time 1", "def f(:", SOFTPLUS])
ACTS = st.lists(
    st.tuples(st.sampled_from(["add", "note", "answer", "edit", "drop", "double", "swap", "unmark"]),
              st.integers(0, 30), WORDS), max_size=8)  # fmt: skip


def tampered(book: dict, acts: list[tuple[str, int, str]]) -> dict:
    """A notebook as students hand them about."""
    book = copy.deepcopy(book)
    cells = book["cells"]
    for act, where, words in acts:
        n = where % len(cells)
        if act == "add":
            cells.insert(n, cell(words, id=f"mine-{where}"))
        elif act == "note":
            cells.insert(n, cell(words, "markdown", id=f"note-{where}"))
        elif act == "answer":
            solved = [c for c in cells if c["metadata"].get("nbgrader", {}).get("solution")]
            if solved:
                solved[where % len(solved)]["source"] = words
        elif act == "edit":
            cells[n]["source"] = words
        elif act == "drop" and len(cells) > 3:
            del cells[n]
        elif act == "double":
            cells.insert(n, copy.deepcopy(cells[n]))
        elif act == "swap":
            cells[n], cells[n - 1] = cells[n - 1], cells[n]
        elif act == "unmark":
            cells[n]["metadata"] = {}
    return book


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=ACTS)
@example(acts=[("double", 3, ""), ("answer", 0, SOFTPLUS)])
@example(acts=[("swap", 5, ""), ("add", 5, "x = 1")])
def test_whatever_a_student_did_nothing_they_wrote_is_lost_and_a_second_update_changes_nothing(versions, acts) -> None:
    entry, old, new = versions
    book = to_bytes(tampered(json.loads(old), acts))
    done = merge(book, new, entry)
    there = sources(done.content)
    for held in cells_of(book)[1]:
        if not held.as_released and not title_of(held.source) and held.source.strip():
            assert held.source in there or held.squeezed in {t.squeezed for t in cells_of(new)[1]}
    again = merge(done.content, new, entry)
    assert not again.changed
    ids = [c["id"] for c in json.loads(done.content)["cells"]]
    assert len(set(ids)) == len(ids)
    course = [c.ids[0] for c in cells_of(new)[1]]
    assert [i for i in ids if i in set(course)] == course, "the course's cells, each once, in its order"


# ---- the commands


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A checkout of the newer version whose student solved the older one; gives the path of their notebook."""
    course = write_course(tmp_path)
    build(course)
    mine = tmp_path / "work" / "01-sums" / "softplus.ipynb"
    mine.parent.mkdir(parents=True)
    released = course.released(course.notebooks[0])
    mine.write_bytes(to_bytes(answered(released.read_bytes(), softplus=SOFTPLUS)))
    build(write_course(tmp_path, NEWER))
    monkeypatch.chdir(tmp_path)
    return mine


def copies(mine: Path) -> list[Path]:
    return sorted((mine.parents[1] / "copies").glob("*"))


def test_course_update_says_what_it_did_and_keeps_a_dated_copy(folder, capsys) -> None:
    before, date = folder.read_bytes(), folder.stat().st_mtime
    assert main(["update"]) == 0
    said = capsys.readouterr().out
    (kept,) = copies(folder)
    assert said.splitlines() == [
        f"work/01-sums/softplus.ipynb: updated; yours is kept in work/copies/{kept.name}",
        "  your answers are in it: softplus",
        "  the statement changed, read it again: softplus",
        "  the checks changed, run them again: halve",
        "  new exercises: treble",
    ]
    assert kept.read_bytes() == before and kept.stat().st_mtime == pytest.approx(date, abs=1)
    assert SOFTPLUS in sources(folder.read_bytes()) and any(is_panel(s) for s in sources(folder.read_bytes()))
    assert main(["update", "softplus"]) == 0
    assert capsys.readouterr().out == "your notebooks are up to date\n" and copies(folder) == [kept]


def test_course_update_lays_out_what_is_missing_and_leaves_what_it_cannot_read(folder, capsys) -> None:
    folder.unlink()
    assert main(["update"]) == 0
    assert capsys.readouterr().out == "work/01-sums/softplus.ipynb: new\n"
    folder.write_text("not a notebook")
    assert main(["update"]) == 1
    assert capsys.readouterr().out.startswith("work/01-sums/softplus.ipynb: left as it is: not a notebook")
    assert folder.read_text() == "not a notebook"


def test_a_file_saved_while_it_is_updated_is_left_as_it_is(folder, capsys, monkeypatch) -> None:
    keep = commands.keep_copy

    def saved_meanwhile(work, path, content):
        kept = keep(work, path, content)
        path.write_bytes(b"newer")
        return kept

    monkeypatch.setattr(commands, "keep_copy", saved_meanwhile)
    assert main(["update"]) == 1
    assert "saved just now" in capsys.readouterr().out and folder.read_bytes() == b"newer"


def test_course_reset_begins_again_and_keeps_a_dated_copy(folder, capsys) -> None:
    before = folder.read_bytes()
    for _ in range(2):
        assert main(["reset", "softplus"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    (kept,) = copies(folder)
    assert first == f"work/01-sums/softplus.ipynb: as released again; yours is kept in work/copies/{kept.name}"
    assert second == "work/01-sums/softplus.ipynb: as released already"
    assert kept.read_bytes() == before
    course = load_course(folder.parents[2])
    assert folder.read_bytes() == course.released(course.notebooks[0]).read_bytes()
    folder.write_bytes(before)
    assert main(["reset", "softplus"]) == 0 and len(copies(folder)) == 2, "two copies within a second are two files"


def test_an_unknown_notebook_and_an_unbuilt_course_are_one_line(folder, capsys) -> None:
    for command in ("reset", "update", "progress"):
        assert main([command, "nonsense"]) == 2
        said = capsys.readouterr().err
        assert said.startswith("course: nonsense: no such notebook") and said.count("\n") == 1
    (folder.parents[2] / "modules" / "01-sums" / "softplus.ipynb").unlink()
    for command in ("reset", "update"):
        assert main([command, "softplus"]) == 2
        assert capsys.readouterr().err.rstrip().endswith("not there; run `course build`")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")  # Windows has none
@pytest.mark.parametrize("command", ["update", "reset"])
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("nth", [1, 2])
def test_killed_at_any_write_nothing_is_lost_and_running_again_goes_on(folder, command, moment, nth) -> None:
    before = folder.read_bytes()
    child = os.fork()
    if child == 0:
        replace, calls = Path.replace, iter(range(1, 9))

        def killed(self, target):
            now = next(calls) == nth
            if now and moment == "before":
                os._exit(9)
            done = replace(self, target)
            if now:
                os._exit(9)
            return done

        Path.replace = killed  # type: ignore[method-assign]
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        main([command, "softplus"])
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert before in [path.read_bytes() for path in (folder, *copies(folder))]
    json.loads(folder.read_bytes())
    assert main([command, "softplus"]) == 0
    text = sources(folder.read_bytes())
    assert "second edition" in text[0] and (SOFTPLUS in text) == (command == "update")
