"""Every page of `course --help` fits a screen and ends with an example."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import pytest

from autograder.cli import parser

LINES, COLUMNS = 24, 80


def pages(top: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """The command line's own help, that of each subcommand, and of theirs."""
    yield top
    for action in top._actions:
        if isinstance(action, argparse._SubParsersAction):
            for sub in action.choices.values():
                yield from pages(sub)


PAGES = {page.prog: page for page in pages(parser())}


def test_the_command_line_has_the_subcommands_that_the_readme_names() -> None:
    assert PAGES.keys() >= {"course", "course build", "course progress", "course update", "course data fetch"}


@pytest.mark.parametrize("name", PAGES)
def test_a_help_page_fits_a_screen_and_ends_with_an_example(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(COLUMNS))
    lines = PAGES[name].format_help().rstrip().splitlines()
    assert len(lines) <= LINES, "\n".join(lines)
    assert max(map(len, lines)) <= COLUMNS
    last = " ".join(lines[lines.index("") :]).rpartition("example: ")
    assert last[1] and last[2].startswith(name if name != "course" else "course "), f"{name}: no example at its end"


@pytest.mark.parametrize("name", PAGES)
def test_an_example_in_a_help_page_is_a_command_that_the_command_line_takes(name: str) -> None:
    epilog = PAGES[name].epilog or ""
    for example in epilog.removeprefix("example: ").split("; "):
        parser().parse_args(example.split()[1:])  # exits where it is none
