"""The house keeps its promises: nothing is said twice, set-up skips what is done, and nobody's work is written over."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from autograder.course import load_course
from autograder.source import read_cells
from tools import environment, generated, lab, programs

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
LISTS = {"": PROJECT["dependencies"], **PROJECT["optional-dependencies"]}


def declared(name: str) -> set[str]:
    """The packages of one list, its own name (an extra that holds another) left out."""
    names = {canonicalize_name(Requirement(line).name) for line in LISTS[name]}
    return names - {canonicalize_name(PROJECT["name"])}


def pins() -> dict[str, Requirement]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    requirements = [Requirement(line) for line in lines if line and not line.startswith("#")]
    assert len({canonicalize_name(r.name) for r in requirements}) == len(requirements), "a package is pinned twice"
    return {canonicalize_name(requirement.name): requirement for requirement in requirements}


def test_no_package_is_in_two_lists() -> None:
    said = [name for extra in LISTS for name in declared(extra)]
    assert sorted(said) == sorted(set(said))


def test_each_level_holds_the_one_before_it_and_the_last_holds_every_extra() -> None:
    assert set(environment.LEVELS) <= set(LISTS)
    for smaller, larger in zip(environment.LEVELS, environment.LEVELS[1:], strict=False):
        assert any(entry.startswith(f"{PROJECT['name']}[{smaller}") for entry in LISTS[larger])
    aside = set(PROJECT["optional-dependencies"]) - set(environment.LEVELS)
    (last,) = [entry for entry in LISTS[environment.LEVELS[-1]] if entry.startswith(PROJECT["name"])]
    assert aside <= set(last.partition("[")[2].rstrip("]").split(","))


def test_the_conda_environment_repeats_no_package() -> None:
    listed = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    conda = {Requirement(entry).name for entry in listed if isinstance(entry, str)}
    (from_pip,) = [entry["pip"] for entry in listed if isinstance(entry, dict)]
    assert conda == {"python", "pip"}
    assert f"python{PROJECT['requires-python']}" in listed
    assert from_pip == ["--constraint constraints.txt", "--editable .[author]"]


def test_constraints_pin_every_package_that_we_ask_for_within_our_ranges() -> None:
    pinned = pins()
    for requirement in pinned.values():
        assert re.fullmatch(r"==[^*,+]+", str(requirement.specifier)), f"{requirement}: one exact version, no build"
    for extra in LISTS:
        assert declared(extra) <= set(pinned)
        for requirement in map(Requirement, LISTS[extra]):
            name = canonicalize_name(requirement.name)
            if name in pinned:
                (exact,) = pinned[name].specifier
                assert requirement.specifier.contains(exact.version), f"{requirement} does not admit {exact}"


def third_party_imports(folder: Path) -> set[str]:
    """Distributions that the folder's code imports, anywhere in it; one that is not installed by its import's name."""
    known, found = packages_distributions(), set()
    ours = {"autograder", "benchmarks", "internals", "tools", "tests"} | {path.stem for path in folder.rglob("*.py")}
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [str(node.module)]
            tops = {name.partition(".")[0] for name in names} - set(sys.stdlib_module_names) - ours
            found |= {canonicalize_name(known.get(top, [top])[0]) for top in tops}
    return found


@pytest.mark.parametrize("package", ["autograder", "internals", "tools", "tests", "benchmarks"])
def test_what_the_code_imports_is_declared(package: str) -> None:
    everything = set().union(*(declared(extra) for extra in LISTS))
    # Part of a declared package's interface: nbgrader's files are nbformat's, its database SQLAlchemy's, and so on.
    carried = {
        "google",  # Colab's own package, nowhere else
        "ipython",
        "jinja2",
        "nbclient",
        "nbconvert",
        "nbformat",
        "packaging",
        "pygments",
        "pyyaml",
        "sqlalchemy",
        "traitlets",
    }
    assert third_party_imports(ROOT / package) - everything - carried == set()


def test_importing_the_checks_loads_nothing_heavy() -> None:
    ask = "import sys, json, autograder; print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    loaded = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    heavy = {"torch", "pandas", "matplotlib", "nbgrader", "nbformat", "IPython", "jupytext", "jupyter_client", "rich"}
    assert not heavy & set(json.loads(loaded))


def test_the_readme_says_what_the_benchmark_measured() -> None:
    result = json.loads((ROOT / "benchmarks" / "results" / "grading.json").read_text(encoding="utf-8"))
    ours, theirs, alone = result["course"], result["nbgrader"], result["checks alone"]
    beyond = ours["core_seconds_each"] - alone["core_seconds_each"]
    words = (
        f"{result['ratio']:.0f} times the throughput: {ours['seconds_each']:.2f} s a submission against "
        f"{theirs['seconds_each']:.1f} s; of core time, {beyond:.2f} s a submission beyond the checks alone"
    )
    assert words in (ROOT / "README.md").read_text(encoding="utf-8")
    assert [call["submissions"] for call in ours["calls"]] == [200], "the whole benchmark, not a short one"
    assert [call["submissions"] for call in theirs["calls"]] == [20]


def test_the_readme_says_of_the_tokenizer_what_its_benchmark_measured() -> None:
    result = json.loads((ROOT / "benchmarks" / "results" / "tokenization.json").read_text(encoding="utf-8"))
    seconds = result["train_seconds"]
    words = f"{seconds['train_bpe']:.0f} s, {seconds['ratio']:.1f} times as long"
    assert words in (ROOT / "README.md").read_text(encoding="utf-8")
    assert result["merges"] == 4096 and result["characters"] > 5_000_000, "the whole benchmark, not a short one"


def test_the_readme_lists_every_notebook() -> None:
    course, readme = load_course(ROOT), (ROOT / "README.md").read_text(encoding="utf-8")
    for notebook in course.notebooks:
        names = [f"`{cell.name}`" for cell in read_cells(course.source(notebook)) if cell.kind == "exercise"]
        link = f"[{notebook.name}](modules/{notebook.module}/{notebook.name}.ipynb)"
        assert f"| {notebook.module} | {link} | {notebook.minutes} | {', '.join(names)} |" in readme


def test_every_notebook_of_the_course_is_there_in_all_its_forms() -> None:
    course = load_course(ROOT)
    for notebook in course.notebooks:
        for path in (course.source(notebook), course.answers(notebook), course.released(notebook)):
            assert path.is_file(), path
    released = set((ROOT / "modules").rglob("*.ipynb"))
    assert released == {course.start_page, *(course.released(notebook) for notebook in course.notebooks)}


def test_the_licence_of_the_package_is_the_one_in_the_file() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert PROJECT["license"] == "MIT"
    assert text.startswith("MIT License\n")
    assert "WITHOUT WARRANTY OF ANY KIND" in text


def test_the_datasets_folder_does_not_shadow_the_package_of_that_name() -> None:
    assert not (ROOT / "datasets" / "__init__.py").exists()


def test_nbgrader_reads_the_course_from_any_folder(tmp_path: Path) -> None:
    python = environment.binaries(ROOT / ".venv") / "python"
    if not python.exists():
        pytest.skip("no .venv: run `make`")
    ask = (
        "import json; from nbgrader.apps import NbGrader; app = NbGrader(); app.initialize([]); course = app.coursedir;"
        "print(json.dumps([course.course_id, course.root, course.db_url, course.release_directory]))"
    )
    shown = subprocess.run([python, "-c", ask], capture_output=True, text=True, cwd=tmp_path, check=True)
    gradebook = f"sqlite:///{ROOT}/build/gradebook.db"
    assert json.loads(shown.stdout.splitlines()[-1]) == [load_course(ROOT).id, str(ROOT), gradebook, "modules"]


# ---- work/


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with two released notebooks."""
    for name in ("01-first/a.ipynb", "01-first/b.ipynb"):
        path = tmp_path / "modules" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"released {name}", encoding="utf-8")
    return tmp_path


def test_a_students_notebook_is_never_overwritten(checkout: Path) -> None:
    assert [str(name) for name in generated.lay_out_work(checkout)] == ["01-first/a.ipynb", "01-first/b.ipynb"]
    mine = checkout / "work" / "01-first" / "a.ipynb"
    mine.write_text("my answers", encoding="utf-8")
    (checkout / "modules" / "01-first" / "a.ipynb").write_text("a newer release", encoding="utf-8")
    assert generated.lay_out_work(checkout) == []
    assert mine.read_text(encoding="utf-8") == "my answers"


def test_a_new_notebook_is_added_beside_a_students(checkout: Path) -> None:
    generated.lay_out_work(checkout)
    (checkout / "modules" / "02-second").mkdir()
    (checkout / "modules" / "02-second" / "c.ipynb").write_text("new", encoding="utf-8")
    assert [str(name) for name in generated.lay_out_work(checkout)] == ["02-second/c.ipynb"]
    assert sorted(p.name for p in (checkout / "work").rglob("*") if p.is_file()) == ["a.ipynb", "b.ipynb", "c.ipynb"]


# ---- building when stale


@pytest.fixture
def buildable(checkout: Path) -> Path:
    """A repository whose `course build` writes one line in a log, and one product."""
    course = environment.binaries(checkout / ".venv") / "course"
    course.parent.mkdir(parents=True)
    course.write_text("#!/bin/sh\necho ran >> log\nmkdir -p build/source\ncp solutions/n.py build/source/n\n")
    course.chmod(0o755)
    (checkout / "solutions").mkdir()
    (checkout / "solutions" / "n.py").write_text("1")
    (checkout / "course.toml").touch()
    (checkout / "nbgrader_config.py").touch()
    return checkout


def builds(checkout: Path) -> int:
    return len((checkout / "log").read_text().splitlines())


def test_a_second_build_is_skipped_until_a_source_or_a_product_changes(buildable: Path) -> None:
    for _ in range(2):
        generated.ensure_built(buildable)
    assert builds(buildable) == 1
    (buildable / "solutions" / "n.py").write_text("2")
    generated.ensure_built(buildable)
    assert builds(buildable) == 2
    (buildable / "modules" / "01-first" / "a.ipynb").write_text("edited by hand")
    generated.ensure_built(buildable)
    assert builds(buildable) == 3


def test_a_build_that_fails_is_tried_again(buildable: Path) -> None:
    course = environment.binaries(buildable / ".venv") / "course"
    course.write_text("#!/bin/sh\necho ran >> log\nexit 1\n")
    for _ in range(2):
        with pytest.raises(environment.SetupError, match="could not be built"):
            generated.ensure_built(buildable)
    assert builds(buildable) == 2


# ---- the environment


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A repository whose .venv says that it holds the instructor's packages."""
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_text(name)
    python = environment.binaries(tmp_path / ".venv") / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    done = {"level": "instructor", "fingerprint": environment.fingerprint(tmp_path)}
    (tmp_path / ".venv" / "course-setup.json").write_text(json.dumps(done))
    return tmp_path


def test_a_larger_environment_serves_a_smaller_need(installed: Path) -> None:
    assert [environment.ready(installed, level) for level in environment.LEVELS] == [True, True, False]


@pytest.mark.parametrize("changed", ["pyproject.toml", "constraints.txt"])
def test_an_environment_is_renewed_when_its_packages_change(installed: Path, changed: str) -> None:
    (installed / changed).write_text("other")
    assert not environment.ready(installed, "student")


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"level": "nobody", "fingerprint": ""}'])
def test_a_damaged_record_of_the_environment_means_not_ready(installed: Path, damage: str) -> None:
    (installed / ".venv" / "course-setup.json").write_text(damage)
    assert not environment.ready(installed, "student")


def test_an_index_that_does_not_answer_costs_less_than_its_limit() -> None:
    assert not environment.answers("http://127.0.0.1:9/", seconds=1)


def test_a_failed_installation_shows_what_pip_said(tmp_path: Path) -> None:
    python = environment.binaries(tmp_path) / "python"
    python.parent.mkdir()
    python.write_text("#!/bin/sh\necho ERROR: no matching distribution for nonsense\nexit 1\n")
    python.chmod(0o755)
    with pytest.raises(environment.SetupError, match="no matching distribution for nonsense"):
        environment.pip(tmp_path, "nonsense")
    assert "nonsense" in (tmp_path / "install.log").read_text()


def test_without_a_fit_python_make_says_so_in_one_line() -> None:
    done = subprocess.run(
        ["sh", "tools/python.sh", "-c", "0"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHON": "no-such-python"},
    )
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "Python 3.11 or later" in done.stderr


def test_a_missing_program_is_named_with_its_purpose_and_remedy(monkeypatch, capsys) -> None:
    monkeypatch.setattr(programs.shutil, "which", lambda name: "/usr/bin/dnf" if name == "dnf" else None)
    monkeypatch.setattr(programs.os, "geteuid", lambda: 1000)
    assert not programs.ensure("bubblewrap")
    said = capsys.readouterr().out
    assert len(said.splitlines()) == 1
    assert "sudo dnf install --assumeyes bubblewrap" in said
    assert "sandbox" in said


# ---- JupyterLab's two roles


def panels(role: str) -> set[str]:
    page = json.loads((ROOT / "tools" / "jupyter" / role / "labconfig" / "page_config.json").read_text())
    return {name.rpartition(":")[2] for name, off in page["disabledExtensions"].items() if off}


def test_students_have_validate_and_instructors_formgrader() -> None:
    assert "validate-assignment" not in panels("student") | panels("instructor")
    assert panels("student") >= {"formgrader", "create-assignment", "course-list", "assignment-list"}
    assert "formgrader" not in panels("instructor")


def test_a_role_changes_settings_and_keeps_the_persons_own(monkeypatch) -> None:
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", "/mine")
    first, mine = lab.surroundings("student")["JUPYTER_CONFIG_PATH"].split(os.pathsep)
    assert mine == "/mine"
    assert (Path(first) / "jupyter_server_config.json").is_file()
