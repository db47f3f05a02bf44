"""The `course` command. Each subcommand lives in the module it is about; here are arguments, tables and exit codes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from autograder.course import CourseError, load_course


def build_command(arguments: argparse.Namespace) -> int:
    """`course build`: write what is generated; with --check, say what is stale."""
    from autograder.build import build, stale

    course = load_course()
    if arguments.check:
        lines = stale(course)
        print("\n".join(lines) or "everything generated is fresh")
        return 1 if lines else 0
    for path in build(course):
        print(path.relative_to(course.root))
    return 0


def answers_command(arguments: argparse.Namespace) -> int:
    """`course answers`: try every right and wrong answer, or every mutant; exit code 1 where one misbehaves."""
    from autograder.show import show_answers

    course = load_course()
    chosen = [course.find(name) for name in arguments.notebook] or list(course.notebooks)
    if arguments.changed:
        from autograder.mutants.rounds import try_changed

        return try_changed(course, arguments.seed)
    if arguments.record:
        from autograder.mutants.rounds import record_all

        return record_all(course, chosen)
    if arguments.mutants:
        from autograder.mutants.show import show_mutants

        return max(show_mutants(course, notebook, arguments.of, arguments.verbose) for notebook in chosen)
    return max(show_answers(course, notebook, arguments.verbose) for notebook in chosen)


def check_command(arguments: argparse.Namespace) -> int:
    """`course check`: run a student's visible checks in the terminal."""
    from autograder.show import show_checks

    return show_checks(Path(arguments.notebook))


def progress_command(arguments: argparse.Namespace) -> int:
    """`course progress`: how far a student is, read from their notebooks."""
    from autograder.progress.terminal import show

    course = load_course()
    return show(course, [course.find(name) for name in arguments.notebook], arguments.work or course.work)


def reset_command(arguments: argparse.Namespace) -> int:
    """`course reset`: begin a notebook again."""
    from autograder.work.commands import reset

    course = load_course()
    return reset(course, course.find(arguments.notebook), arguments.work or course.work)


def update_command(arguments: argparse.Namespace) -> int:
    """`course update`: bring a student's notebooks to the version that is released now."""
    from autograder.work.commands import update

    course = load_course()
    return update(course, [course.find(name) for name in arguments.notebook], arguments.work or course.work)


def grade_command(arguments: argparse.Namespace) -> int:
    """`course grade`: grade submissions into the gradebook, feedback pages, tables for an LMS and a report."""
    from autograder.grading.batch import grade_folder

    return grade_folder(
        load_course(),
        Path(arguments.folder),
        sandbox=not arguments.no_sandbox,
        db=arguments.db,
        workers=arguments.workers,
        cluster=arguments.cluster,
        yes=arguments.yes,
        again=arguments.again,
    )


def publish_command(arguments: argparse.Namespace) -> int:
    """`course publish`: write the course's address into course.toml, and into every notebook."""
    from autograder.publish import publish

    course = load_course()
    changed = publish(course, arguments.repository)
    for path in changed:
        print(path.relative_to(course.root))
    print("commit and push these to the branch main, which the links open" if changed else "nothing to change")
    return 0


def count(text: str) -> int:
    """A whole number above 0, for an argument."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a whole number above 0")
    return int(text)


def doctor_command(arguments: argparse.Namespace) -> int:
    """`course doctor`: what this machine supports; exit code 1 where grading cannot work."""
    from autograder.grading.doctor import examine
    from autograder.show import show_findings

    return show_findings(examine(load_course()))


def data_command(arguments: argparse.Namespace) -> int:
    """`course data`: list what the notebooks read, fetch it, verify it, or clear it away."""
    from autograder.data import commands

    return commands.RUN[arguments.action](arguments.key)


def add_data_command(sub: argparse.ArgumentParser) -> None:
    """The four actions of `course data`; none given lists."""
    sub.set_defaults(action="list", key=[])
    actions = sub.add_subparsers(metavar="ACTION")

    def action(name: str, keys: str, text: str, *examples: str) -> None:
        one = actions.add_parser(
            name, help=text, description=text[0].upper() + text[1:] + ".", epilog="example: " + "; ".join(examples)
        )
        one.set_defaults(action=name)
        if keys:
            one.add_argument("key", nargs=keys, metavar="KEY", help="as `course data` lists them")

    action("list", "", "list every key: what it is, its size, its licence, whether it is cached", "course data list")
    action("fetch", "+", "fetch keys, to be read offline later", "course data fetch minilm", "course data fetch all")
    action("verify", "*", "compare the files in the cache with their hashes", "course data verify minilm")
    action("clear", "*", "remove keys from the cache; all of them when none is given", "course data clear smollm2")


def add_students_commands(command: Callable[..., argparse.ArgumentParser]) -> None:
    """What a student does with their own folder. command: adds a subcommand, see `parser`."""
    which = "its name, or its file"
    sub = command("progress", progress_command, "say how far you are, from your own notebooks", "course progress")
    sub.add_argument("notebook", nargs="*", help=f"{which}: exercise by exercise; the whole course when none is given")
    add_work(sub)
    text = "begin a notebook again; yours is kept as a dated copy"
    sub = command("reset", reset_command, text, "course reset multi_head")
    sub.add_argument("notebook", help=which)
    add_work(sub)
    text = "bring your notebooks to the course's new version, your answers in them; a dated copy of each is kept"
    sub = command("update", update_command, text, "course update multi_head")
    sub.add_argument("notebook", nargs="*", help=f"{which}; all when none is given")
    add_work(sub)


def add_work(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--work", type=Path, metavar="FOLDER", help="where your notebooks are (default: work/)")


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(
        prog="course",
        description="Build, check and grade the course.",
        epilog="example: course check work/03-attention/scaled_dot_product.ipynb",
    )
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: object, text: str, example: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(
            name, help=text, description=text[0].upper() + text[1:] + ".", epilog=f"example: {example}"
        )
        sub.set_defaults(run=run)
        return sub

    sub = command(
        "build", build_command, "write modules/, internals/ and build/source/ from solutions/", "course build --check"
    )
    sub.add_argument("--check", action="store_true", help="write nothing; name what is stale, exit 1 if anything is")
    sub = command(
        "publish",
        publish_command,
        "let every notebook open on Colab, from the address where the course is published",
        "course publish --repository https://github.com/OWNER/NAME",
    )
    sub.add_argument("--repository", required=True, metavar="URL", help="its public address, or OWNER/NAME on GitHub")
    sub = command(
        "answers",
        answers_command,
        "try every wrong and right answer of the answers files",
        "course answers scaled_dot_product",
    )
    sub.add_argument("notebook", nargs="*", help="names of notebooks; all when none is given")
    sub.add_argument(
        "--verbose", action="store_true", help="show every answer's message, not only of those that misbehave"
    )
    what = sub.add_mutually_exclusive_group()
    what.add_argument("--mutants", action="store_true", help="try automatic mutants of the reference solutions instead")
    what.add_argument("--record", action="store_true", help="try both and record what came of them, to be committed")
    what.add_argument(
        "--changed", action="store_true", help="the same where a record no longer holds, and a random tenth of the rest"
    )
    sub.add_argument("--of", metavar="EXERCISE", default="", help="with --mutants: of this exercise only")
    sub.add_argument("--seed", type=int, metavar="N", help="with --changed: draw the same tenth again")
    sub = command(
        "check",
        check_command,
        "run the checks of your own notebook in the terminal",
        "course check work/03-attention/scaled_dot_product.ipynb",
    )
    sub.add_argument("notebook", help="your .ipynb file")
    add_students_commands(command)
    sub = command("grade", grade_command, "grade submissions", "course grade moodle.zip --workers 4")
    sub.add_argument("folder", help="a folder with one folder a student, a flat one, an LMS zip, or one notebook")
    sub.add_argument("--workers", type=count, metavar="N", help="how many at a time (default: one a core)")
    sub.add_argument("--db", metavar="URL", help="the gradebook (default: SQLite in build/gradebook.db)")
    sub.add_argument("--cluster", metavar="ADDRESS", help="grade on the workers of this Dask scheduler")
    sub.add_argument("--yes", action="store_true", help="commit results that change grades given before")
    sub.add_argument("--again", action="store_true", help="grade anew what is graded already and has not changed")
    sub.add_argument("--no-sandbox", action="store_true", help="run students' code with your rights, if you trust it")
    command("doctor", doctor_command, "say what this machine supports and what that means", "course doctor")
    text = "list, fetch, verify or clear what notebooks read; alone it lists"
    add_data_command(command("data", data_command, text, "course data fetch minilm"))
    return top


def main(argv: list[str] | None = None) -> int:
    """Run one command; what a person has to mend is one line on stderr and exit code 2."""
    arguments = parser().parse_args(argv)
    # jsonschema, which nbformat imports, compiles grammars of web addresses for 2.5 s where this package is installed;
    # no schema of ours has an address, and it does without.
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    try:
        return int(arguments.run(arguments))
    except CourseError as error:
        print(f"course: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("course: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        return 141


if __name__ == "__main__":
    sys.exit(main())
