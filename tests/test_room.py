"""What a room may say, and when: nothing out of turn counts, whatever stands in the lines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.course import CourseError
from autograder.grading.room import Lines, Script

STEPS = ["a", "b", "c"]
HONEST = [report for step in STEPS for report in ({"start": step}, {"id": step, "records": [], "error": None})]


def script():
    heard = []
    job = {"steps": [{"id": step} for step in STEPS]}
    return Script(job, lambda report, in_turn: heard.append((report["id"], in_turn))), heard


def test_the_steps_in_their_order_then_the_end():
    room, heard = script()
    assert [room.hear(report) for report in HONEST] == ["begins", ""] * 3
    assert room.hear({"end": True}) == "done"
    assert heard == [("a", True), ("b", True), ("c", True)]


@pytest.mark.parametrize("heard_before", range(len(HONEST)))
def test_no_end_before_the_last_step_has_come_to_its_end(heard_before):
    room, _ = script()
    for report in HONEST[:heard_before]:
        room.hear(report)
    assert room.hear({"end": True}) == ""


odd = st.sampled_from([None, True, 3, [], {}, "start", "nowhere", "", *STEPS])
reports = st.one_of(
    st.builds(lambda key, value: {key: value}, st.sampled_from(["start", "id", "end", "broken", "x"]), odd),
    st.just({}),
)


@given(st.lists(reports, max_size=12), st.integers(1, len(HONEST)))
def test_what_is_said_out_of_turn_changes_nothing_but_is_told(forged, when):
    """Forged reports between two honest ones: a step counts once, and a report that came second is out of turn."""
    room, heard = script()
    for report in HONEST[:when]:
        room.hear(report)
    said = [report for report in forged if "start" not in report]  # a forged start of the next step is that step's
    for report in said:
        room.hear(report)
    for report in HONEST[when:]:
        room.hear(report)
    assert room.hear({"end": True}) == "done"
    in_turn = [name for name, turn in heard if turn]
    assert in_turn == STEPS
    assert len(heard) - len(in_turn) == sum("id" in report for report in [*said, *HONEST]) - len(STEPS)


def test_a_broken_room_is_believed_before_the_first_step_alone():
    room, _ = script()
    with pytest.raises(CourseError, match="a room cannot be entered: no room"):
        room.hear({"broken": "no room"})
    room.hear(HONEST[0])
    assert room.hear({"broken": "no room"}) == ""


@given(st.lists(st.binary(max_size=20)))
def test_lines_come_out_as_they_went_in_however_they_are_cut(pieces):
    lines = Lines()
    came = [line for piece in pieces for line in lines.add(piece)]
    assert came == b"".join(pieces).split(b"\n")[:-1]


def test_a_line_without_an_end_is_too_much():
    lines = Lines()
    for _ in range(17):
        assert not lines.too_much
        lines.add(b"x" * 1_000_000)
    assert lines.too_much


def test_many_lines_are_too_much():
    lines = Lines()
    for _ in range(64):
        assert not lines.too_much
        lines.add(b"x" * 1_000_000 + b"\n")
    assert lines.too_much
