"""Hundreds of submissions that lie, break, pry and stay, graded in one batch with honest ones: each ends as it must."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.adversarial import hosts
from tests.adversarial.cases import Case
from tests.adversarial.course import FULL, SECRETS
from tests.adversarial.driver import BATCH_SECONDS, FAMILIES, in_order

pytestmark = [pytest.mark.bubblewrap, pytest.mark.slow, pytest.mark.xdist_group("adversarial")]  # one batch, not one a worker
CASES = [pytest.param(case, id=f"{family}: {case.name}") for family, cases in FAMILIES.items() for case in cases]


@dataclass
class Batch:
    """One run of the whole suite, and the host before and after it."""

    results: dict[str, dict]
    seconds: float
    uid: int
    before: dict
    after: dict
    strays: list[str]
    canary_died: str


@pytest.fixture(scope="module", params=["self", "ordinary"])
def batch(request: pytest.FixtureRequest) -> Iterator[Batch]:
    """Graded as whoever runs the tests; where that is root, as an ordinary user too, with other workers."""
    who = request.param
    if reason := hosts.why_not(who):
        pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="adversarial-"))
    folder.chmod(0o777)
    died = ""
    try:
        try:
            with hosts.canaries(hosts.who_is(who)) as targets:
                before = hosts.state(targets["canary"])
                came = hosts.drive(who, folder / "out.json", targets, workers=2 if who == "self" else 3)
                strays, after = hosts.strays(), hosts.state(targets["canary"])
        except AssertionError as problem:
            if "canary" not in str(problem):
                raise
            died = str(problem)
        yield Batch(came["results"], came["seconds"], came["uid"], before, after, strays, died)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize("case", CASES)
def test_every_submission_ends_exactly_as_it_must(case: Case, batch: Batch) -> None:
    result = batch.results[case.name]
    assert "raised" not in result, f"the grader itself failed: {result['raised']}"
    said = "\n".join(result["words"])[:3000]
    came = {key: result[key] for key in ("outcome", "exercises", "points")}
    assert came == {"outcome": case.outcome, "exercises": case.exercises, "points": case.total}, said
    assert case.says in said
    if case.outcome != "refused":
        assert result["max_points"] == sum(FULL.values())


@pytest.mark.parametrize("case", CASES)
def test_what_is_said_of_it_can_be_stored_and_gives_nothing_away(case: Case, batch: Batch) -> None:
    """Words go into a database, a page and a terminal; PostgreSQL takes no null, UTF-8 no half surrogate pair."""
    result = batch.results[case.name]
    for text in (*result.get("words", ()), result.get("notebook", "")):
        text.encode()
        assert not set(text) & {"\0", "\x1b"}
    for text in result.get("words", ()):
        assert len(text) < 5000
        assert not any(secret in text for secret in SECRETS if secret != "bandicoot-9023")  # a visible hint


def test_the_batch_ends_in_time(batch: Batch) -> None:
    assert len(batch.results) == len(in_order())
    assert batch.seconds < BATCH_SECONDS


def test_the_host_is_as_it_was(batch: Batch) -> None:
    assert batch.after == batch.before
    assert not batch.canary_died


def test_nothing_that_a_submission_started_still_runs(batch: Batch) -> None:
    assert batch.strays == []


def test_the_suite_runs_as_who_it_says(batch: Batch, request: pytest.FixtureRequest) -> None:
    assert (batch.uid == hosts.NOBODY) == ("ordinary" in request.node.name) or batch.uid != 0


def test_the_suite_is_large_and_its_names_are_unique() -> None:
    names = [case.name for case in in_order()]
    assert len(names) == len(set(names)) >= 60
    assert sum(len(cases) for cases in FAMILIES.values()) == len(names)


def test_without_a_room_the_attacks_work(tmp_path: Path) -> None:
    """An attack that could not work anyway would prove nothing: some that can do no lasting harm are let loose."""
    tame = [case.name for cases in FAMILIES.values() for case in cases if case.bites]
    assert tame
    with hosts.canaries(hosts.who_is("self")) as targets:
        before = hosts.state(targets["canary"])
        came = hosts.drive("self", tmp_path / "out.json", targets, names=tame, sandbox=False, workers=1)
        for name in tame:
            words = "\n".join(came["results"][name]["words"])
            assert "ValueError: worked: " in words, f"{name} did nothing: {words}"
        folder = Path(targets["canary"])
        moved = folder.with_name(folder.name + "-left-behind")
        changed = moved if moved.exists() else folder
        assert moved.exists() or hosts.state(str(changed)) != before
        shutil.rmtree(moved, ignore_errors=True)
