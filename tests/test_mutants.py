"""Automatic mutants: which there are, under which names, what becomes of them, and when a record still holds."""

from __future__ import annotations

import ast
import json
import shutil
import textwrap
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mini_course import ANSWERS, SOURCE, write_course

from autograder.cli import main
from autograder.course import load_course
from autograder.mutants import record, rounds
from autograder.mutants.excuses import Excuse, match
from autograder.mutants.library import CHOSEN, _cosmic_ray
from autograder.mutants.make import make_mutants
from autograder.mutants.normal import normal
from autograder.mutants.trial import Outcome, share, try_mutants

HEAD = "def f(x: Tensor, y: Tensor, n: int, axis: int = -1, mask=None) -> Tensor:"


def cell(body: str, head: str = HEAD) -> str:
    """An exercise's cell with this solution."""
    solution = textwrap.indent(textwrap.dedent(body).strip(), "    ")
    return f'{head}\n    """Says: x - 1 @ y."""\n    ### BEGIN SOLUTION\n{solution}\n    ### END SOLUTION\n'


def mutants(body: str, gradients: bool = False):
    return make_mutants("f", cell(body), gradients)


def changes(body: str, gradients: bool = False) -> set[tuple[str, str]]:
    return {(mutant.operator, mutant.after) for mutant in mutants(body, gradients)}


# ---- which mutants there are


@pytest.mark.parametrize(
    ("body", "operator", "after"),
    [
        # cosmic-ray's
        ("return x.sum(dim=-1)", "number", "return x.sum(dim=-2)"),
        ("return x.sum(dim=-1)", "number", "return x.sum(dim=-0)"),
        ("return x.sum(dim=-1)", "sign dropped", "return x.sum(dim=1)"),
        ("return x.sum(0, keepdim=True)", "true or false", "return x.sum(0, keepdim=False)"),
        ("return x + y", "operator", "return x - y"),
        ("return x * y", "operator", "return x / y"),
        ("return x & y", "operator", "return x | y"),
        ("return x < n", "boundary", "return x <= n"),
        ("return x < n", "comparison turned", "return x > n"),
        ("return x < n", "comparison negated", "return x >= n"),
        ("return ~x", "inversion dropped", "return x"),
        ("if n > 1 and x:\n    y = x\nreturn y", "and or or", "if n > 1 or x:"),
        ("if n:\n    y = x\nreturn y", "condition negated", "if not n:"),
        ("for i in range(n):\n    y += i\nreturn y", "loop", "for i in []:"),
        ("while n:\n    if x: break\nreturn y", "loop", "if x: continue"),
        # arithmetic
        ("return x @ y", "operands swapped", "return y @ x"),
        ("return x @ y", "operator", "return x * y"),
        ("return x - y", "operands swapped", "return y - x"),
        ("return x / n", "operand dropped", "return x"),
        ("return x + y * n", "operand dropped", "return x + y"),
        ("return (x + y) * n", "parentheses dropped", "return x + y * n"),
        ("return torch.exp(x - y)", "sign", "return torch.exp(-(x - y))"),
        ("return x + 1e-5", "number", "return x + 0.001"),
        ("return x * 0.3", "number", "return x * 0.6"),
        ("return 10000 * x", "number", "return 20000 * x"),
        ('return x.masked_fill(y, float("-inf"))', "sign", "return x.masked_fill(y, float('inf'))"),
        ("return x < n", "off by one", "return x < n - 1"),
        ("return x + y", "sign", "return -(x + y)"),
        ("return x.bool()", "result inverted", "return ~x.bool()"),
        ("return x, y + 1", "result transposed", "return x, (y + 1).mT"),
        # calls
        ("return x @ y.transpose(-2, -1)", "call dropped", "return x @ y"),
        ("return x @ y.mT", "call dropped", "return x @ y"),
        ("return x / math.sqrt(n)", "call dropped", "return x / n"),
        ("return torch.softmax(x, dim=axis)", "argument dropped", "return torch.softmax(x)"),
        ("return torch.softmax(x, dim=axis)", "default", "return torch.softmax(x, dim=-1)"),
        ("return g(x, y)", "arguments swapped", "return g(y, x)"),
        ("return x.view(2, n, 4)", "arguments swapped", "return x.view(n, 2, 4)"),
        ("return x.tril()", "argument added", "return x.tril(-1)"),
        ("return x.tril()", "counterpart", "return x.triu()"),
        ("return x.max()", "counterpart", "return x.min()"),
        ("return torch.ones(n, 3)", "counterpart", "return torch.zeros(n, 3)"),
        ("return torch.ones(n, 3)", "off by one", "return torch.ones(n + 1, 3)"),
        ("return torch.arange(n)", "off by one", "return torch.arange(1, n)"),
        ("return torch.ones(2, dtype=torch.bool)", "dtype", "return torch.ones(2, dtype=torch.float32)"),
        ("return x @ x", "other name", "return y @ x"),
        ("a = x\nb = y\nreturn a - 1", "other name", "return b - 1"),
        # indices
        ("return x[:, None]", "axes swapped", "return x[None, :]"),
        ("return x[:, None, n]", "axis dropped", "return x[:, n]"),
        ("return x.unsqueeze(1)", "number", "return x.unsqueeze(2)"),
        ("return x[:n]", "off by one", "return x[:n - 1]"),
        ("return x[:n]", "bound swapped", "return x[n:]"),
        ("return x[:n]", "index dropped", "return x"),
        ("return x[0::2]", "bound dropped", "return x[0:]"),
        ("return x, y", "order swapped", "return (y, x)"),
        ("B, T = x.shape\nreturn x.view(T, B)", "order swapped", "T, B = x.shape"),
        ('return torch.einsum("nd,md->nm", x, y)', "axes swapped", "return torch.einsum('nd,md->mn', x, y)"),
        # statements
        ("x = g(x)\nreturn x", "statement deleted", "pass"),
        ("x.add_(1)\nreturn x", "statement deleted", "pass"),
        ("if n:\n    x = y\nreturn x", "always", "x = y"),
        ("if n:\n    x = y\nreturn x", "never", "pass"),
        ("return x if n else y", "never", "return y"),
        ("with torch.no_grad():\n    z = x + y\nreturn z", "with dropped", "z = x + y"),
        ("x += y\nreturn x", "operator", "x -= y"),
        ("return [i for i in x if i > n]", "always", "return [i for i in x]"),
    ],
)
def test_an_operator_makes_the_change_that_it_names(body: str, operator: str, after: str) -> None:
    found = changes(body)
    assert any(name == operator and text.splitlines()[0] == after for name, text in found), sorted(found)


@pytest.mark.parametrize("operator", [name for names in CHOSEN.values() for name in names])
def test_the_operators_of_the_library_do_what_their_own_examples_say(operator: str) -> None:
    _, _, mutate_code, provider = _cosmic_ray()
    for example in provider[operator].examples():
        changed = mutate_code(example.pre_mutation_code, provider[operator](), example.occurrence)
        assert changed.split() == example.post_mutation_code.split()


def test_a_gradient_is_cut_only_where_checks_look_at_gradients() -> None:
    assert not any(name == "gradient cut" for name, _ in changes("z = x @ y\nreturn z"))
    assert ("gradient cut", "z = (x @ y).detach()") in changes("z = x @ y\nreturn z", gradients=True)
    for body in ("mask = mask.unsqueeze(1)\nreturn mask @ 1", "z = torch.arange(n) - torch.arange(3)[:, None]\nreturn 1"):
        assert not any(name == "gradient cut" and text.startswith(("z", "mask")) for name, text in changes(body, True))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x.transpose(-2, -1)", "x.transpose(-1, -2)"),
        ("x.mT.contiguous()", "x.mT"),
        ("x.sum(dim=-0)", "x.sum(dim=0)"),
        ("f(a=1, b=2)", "f(b=2, a=1)"),
        ("(a - b).abs()", "(b - a).abs()"),
        ("not a is b", "a is not b"),
        ("~(a < b)", "a >= b"),
        ("x[0:n]", "x[:n]"),
        ("x[n + 1 - 1]", "x[n]"),
        ("x - 1 - 1", "x - 2"),
        ("x / 1 + 0", "x"),
        ("if None is not None: a = 1", "pass"),
        ("if c: pass", "pass"),
        ("a = a", "pass"),
        ("def f():\n    pass\n    return 1", "def f():\n    return 1"),
    ],
)
def test_what_only_looks_different_is_the_same(one: str, other: str) -> None:
    assert normal(ast.parse(one)) == normal(ast.parse(other))


@pytest.mark.parametrize("body", ["return x.contiguous().view(n, 3)", "return x.transpose(-1, -2)", "x = x + 0\nreturn x"])
def test_no_mutant_is_the_reference_in_another_form(body: str) -> None:
    afters = {mutant.after for mutant in mutants(body)}
    assert not afters & {"return x.view(n, 3)", "return x.transpose(-2, -1)", "x = x - 0"}


def test_only_what_a_student_writes_is_changed() -> None:
    source = cell('z: Tensor | None = x  # x - 1\nprint(f"{n - 1} left")\nreturn z + 1')
    assert make_mutants("f", source)
    for mutant in make_mutants("f", source):
        assert mutant.source.splitlines()[:3] == source.splitlines()[:3]
        assert "Tensor | None" in mutant.source
        assert '{n - 1} left"' in mutant.source or mutant.operator == "statement deleted"


def test_a_mutant_keeps_the_layout_and_says_which_line_changed() -> None:
    body = "é = x * 2  # é\nreturn (é -\n        y)  # é"
    (mutant,) = [mutant for mutant in mutants(body) if mutant.operator == "operands swapped"]
    assert (mutant.line, mutant.before, mutant.after) == (5, "return (é -\ny)  # é", "return y - é  # é")
    assert "    é = x * 2  # é\n" in mutant.source


# ---- names


def test_an_id_survives_unrelated_edits() -> None:
    body = "z = x @ y\nreturn z / n"
    before = {(m.operator, m.after): m.id for m in mutants(body)}
    after = {(m.operator, m.after): m.id for m in mutants("# a remark\nw = n\n" + body.replace("/ n", "/ 2"))}
    same = [key for key in before if key[1].startswith("z =") and key in after]
    assert len(same) >= 4
    assert all(before[key] == after[key] for key in same)


def test_ids_tell_exercises_and_occurrences_apart() -> None:
    body = "x = x + y\nx = x + y\nreturn x"
    ids = [m.id for m in mutants(body)]
    assert len(set(ids)) == len(ids)
    assert not set(ids) & {m.id for m in make_mutants("g", cell(body))}


def test_the_order_is_fixed() -> None:
    body = "z = torch.softmax(x @ y.mT / n, dim=-1)\nreturn z @ x, z"
    assert mutants(body) == mutants(body)
    assert [m.line for m in mutants(body)] == sorted(m.line for m in mutants(body))


# ---- every mutant is Python, and another program

NAMES = st.sampled_from(["x", "y", "n", "mask", "self.w", "2", "-1", "0.5", "x.shape", "None"])


def deeper(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    binary = st.sampled_from(["+", "-", "*", "/", "@", "**", "//", "&", "<", "==", "and", "is not"])
    calls = st.sampled_from(["torch.softmax({}, dim={})", "{}.transpose({}, 1)", "{}[:, {}]", "{}[{}:]", "g({}, *{})",
                             "torch.einsum('ab,bc->ac', {}, {})", "[i for i in {} if {}]", "({}, {})", "~{} if {} else 1",
                             "f'{{{}}} {{{}}}'", "(lambda a, b=1: a - b)({}, {})", "{{'k': {}, 'l': {}}}"])  # fmt: skip
    return st.one_of(
        st.builds(lambda a, op, b: f"({a} {op} {b})", inner, binary, inner),
        st.builds(lambda form, a, b: form.format(f"({a})", f"({b})"), calls, inner, inner),
    )


EXPRESSIONS = st.recursive(NAMES, deeper, max_leaves=8)
STATEMENTS = st.lists(
    st.one_of(
        st.builds("z = {}".format, EXPRESSIONS),
        st.builds("x += {}".format, EXPRESSIONS),
        st.builds("if {}:\n    x = {}\nelse:\n    y = 1".format, EXPRESSIONS, EXPRESSIONS),
        st.builds("for i in {}:\n    print(i)  # é".format, EXPRESSIONS),
        st.builds("with {}:\n    a, b = {}".format, EXPRESSIONS, EXPRESSIONS),
    ),
    max_size=3,
)


@settings(max_examples=40, deadline=None)
@given(STATEMENTS, EXPRESSIONS)
def test_every_mutant_is_python_and_differs_from_the_reference_and_from_the_others(body: list[str], result: str) -> None:
    source = cell("\n".join([*body, f"return {result}"]))
    try:
        reference = normal(ast.parse(source))
    except SyntaxError:  # a lambda or a generator where it may not stand
        return
    made = make_mutants("f", source)
    forms = [normal(ast.parse(mutant.source)) for mutant in made]
    assert reference not in forms
    assert len(set(forms)) == len(forms)
    assert len({mutant.id for mutant in made}) == len(made)


# ---- excuses


def excuse(key: str, kind: str = "equivalent") -> Excuse:
    return Excuse(kind, key, "f", "because", 1)


def test_an_excuse_names_a_mutant_by_its_id_or_by_operator_and_text() -> None:
    (mutant,) = [m for m in mutants("return x @ y") if m.operator == "operands swapped"]
    for key in (mutant.id, "operands swapped@y@x", "operands swapped @ y @ x"):
        assert match([excuse(key)], mutant)
    for key in ("00000000", "operands swapped@x @ y", "operator@y @ x"):
        assert match([excuse(key)], mutant) is None
    assert match([Excuse("equivalent", mutant.id, "g", "because", 1)], mutant) is None


def test_equivalents_do_not_count_and_excused_survivors_do() -> None:
    made = mutants("return x @ y")[:4]
    outcomes = [Outcome(made[0], "failed"), Outcome(made[1], "timed out")]
    assert share(outcomes) == 1
    assert share([*outcomes, Outcome(made[2], "survived", excuse=excuse("a"))]) == 1
    assert share([*outcomes, Outcome(made[2], "survived", excuse=excuse("a", "survivor"))]) == 2 / 3
    assert share([]) == 1


# ---- what becomes of them


def outcomes_of(course, only: str = "") -> dict[tuple[str, str], Outcome]:
    return {(o.mutant.operator, o.mutant.after): o for _, o in try_mutants(course, course.notebooks[0], only)}


@pytest.mark.slow
def test_a_mutant_that_no_check_notices_survives_and_one_that_never_ends_is_killed_in_time(tmp_path) -> None:
    loop = "    while x > 100:\n        x = x - 1\n    if x == 3.75:\n        return [0] * 10**11\n    return x / 2\n"
    course = write_course(tmp_path, SOURCE.replace("    return x / 2\n", loop))
    begun = time.monotonic()
    found = outcomes_of(course, "halve")
    seconds = time.monotonic() - begun
    assert found["comparison turned", "while x < 100:"].how == "timed out"
    assert found["number", "return x / 3"].how == "failed"
    assert found["number", "return x / 3"].check == "halve: half of it"
    assert "expected 3.5, got 2.33333" in found["number", "return x / 3"].message
    assert found["number", "while x > 99:"].how == "survived"
    assert found["comparison negated", "if x != 3.75:"].how == "raised"  # MemoryError, within the limit
    assert "MemoryError" in found["comparison negated", "if x != 3.75:"].message
    assert seconds < 120


@pytest.mark.slow
def test_survivors_need_an_excuse_and_an_excuse_its_survivor(tmp_path, capsys, monkeypatch) -> None:
    course = write_course(tmp_path, SOURCE.replace("    return x / 2\n", "    y = max(x, -1000)\n    return y / 2\n"))
    monkeypatch.chdir(tmp_path)
    assert main(["answers", "--mutants", "--of", "halve"]) == 1
    shown = capsys.readouterr().out
    assert "  + y = max(x, 1000)" not in shown  # killed
    assert "  - y = max(x, -1000)\n  + y = x\n" in shown
    lines = [line.strip() for line in shown.splitlines() if line.strip().startswith("# %% equivalent=")]
    assert len(lines) >= 3
    answers = course.answers(course.notebooks[0])
    excuses = "\n\n".join(line.replace('because=""', 'because="never below"') for line in lines)
    answers.write_text(ANSWERS + "\n\n" + excuses + "\n", encoding="utf-8")
    assert main(["answers", "--mutants", "--of", "halve"]) == 0
    assert "never below" in capsys.readouterr().out
    stale = '\n\n# %% equivalent="12345678" of="halve" because="gone"\n'
    answers.write_text(ANSWERS + "\n\n" + excuses + stale, encoding="utf-8")
    line = (ANSWERS + "\n\n" + excuses).count("\n") + 3
    assert main(["answers", "--mutants", "--of", "halve"]) == 2
    assert f"softplus.answers.py:{line}: no surviving mutant of halve is '12345678'" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cell_line", "words"),
    [
        ('# %% equivalent="12345678" of="halve"', 'because="reason"'),
        ('# %% equivalent="12345678" of="third" because="b"', "no exercise 'third'"),
        ('# %% survivor="12345678" of="halve" because=" "', "write why"),
        ('# %% survivor="sign@" of="halve" because="b"', "name a mutant by its id"),
    ],
)
def test_an_excuse_that_breaks_a_rule_is_refused_with_its_line(cell_line, words, tmp_path, capsys, monkeypatch) -> None:
    write_course(tmp_path, answers=ANSWERS + "\n\n" + cell_line + "\n")
    monkeypatch.chdir(tmp_path)
    assert main(["answers"]) == 2
    said = capsys.readouterr().err
    assert f"softplus.answers.py:{ANSWERS.count(chr(10)) + 3}: " in said and words in said


# ---- records


@pytest.fixture
def course(tmp_path):
    return write_course(tmp_path)


def fingerprint(course) -> str:
    return record.fingerprint(course, course.notebooks[0])


@pytest.mark.parametrize(
    ("before", "after", "holds"),
    [
        ("# Why?", "# Why then?", True),
        ("# A model answer", "# Another model answer", True),
        ("y = softplus(check.arange(5).float())", "y = 3", True),
        ("return x / 2", "return x * 0.5", False),
        ("check.close(halve(7.0), 3.5", "check.close(halve(8.0), 4.0", False),
        ("import torch.nn.functional as F\n", "import torch.nn.functional as F\nimport math\n", False),
    ],
)
def test_a_hash_is_of_what_decides_and_of_nothing_else(course, before, after, holds) -> None:
    first, path = fingerprint(course), course.source(course.notebooks[0])
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after), encoding="utf-8")
    assert (fingerprint(course) == first) == holds


def test_a_hash_is_of_the_answers_file(course) -> None:
    first, path = fingerprint(course), course.answers(course.notebooks[0])
    path.write_text(ANSWERS.replace("return x * 2", "return x * 3"), encoding="utf-8")
    assert fingerprint(course) != first


def test_a_hash_is_of_the_parts_that_a_notebook_imports(course) -> None:
    root, entry = course.root, '[[module.notebook]]\nname = "later"\ntitle = "Later"\nminutes = 5\n'
    (root / "course.toml").write_text((root / "course.toml").read_text(encoding="utf-8") + entry, encoding="utf-8")
    first, later = (course := load_course(root)).notebooks
    imports = "from autograder import check\nfrom autograder.parts.softplus import halve"
    text = SOURCE.replace("from autograder import check", imports).replace('exercise="halve"', 'exercise="third"')
    course.source(later).write_text(text, encoding="utf-8")
    before = {record.fingerprint(course, notebook) for notebook in course.notebooks}
    course.source(first).write_text(SOURCE.replace("return x / 2", "return x * 0.5"), encoding="utf-8")
    after = {record.fingerprint(course, notebook) for notebook in course.notebooks}
    assert len(before | after) == 4


@pytest.mark.parametrize(
    ("name", "before", "after", "holds"),
    [
        ("compare.py", "equal_nan=True", "equal_nan=False", False),
        ("grading/judge.py", "HIDDEN", "VEILED", False),
        ("grading/grade.py", "may not call", "must not call", False),
        ("grading/grade.py", "MAX_ROOMS = 40", "MAX_ROOMS = 41", True),
        ("grading/report.py", "def ", "def  ", True),
        ("cli.py", "course", "kurs", True),
    ],
)
def test_a_hash_is_of_the_code_that_decides_and_of_no_other(course, monkeypatch, tmp_path, name, before, after, holds):
    package = tmp_path / "autograder"
    shutil.copytree(record.PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(record, "PACKAGE", package)
    first, text = fingerprint(course), (package / name).read_text(encoding="utf-8")
    assert before in text
    (package / name).write_text(text.replace(before, after), encoding="utf-8")
    assert (fingerprint(course) == first) == holds


def test_every_module_that_trying_needs_is_hashed_or_known_not_to_decide() -> None:
    aside = {  # what they do for a notebook shows in its cells, or decides nothing
        "course.py", "grading/room.py", "grading/submission.py", "limits.py", "parts/lent.py",
    }  # fmt: skip
    needed: set[str] = set()
    for name in record.FILES:
        for node in ast.walk(ast.parse((record.PACKAGE / name).read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "autograder":
                base = "/".join(str(node.module).split(".")[1:])
                names = [base, *(f"{base}/{alias.name}".lstrip("/") for alias in node.names)]
                needed |= {f"{n}.py" for n in names if (record.PACKAGE / f"{n}.py").is_file()}
    assert needed - set(record.FILES) - set(record.FUNCTIONS) == aside
    for name, functions in record.FUNCTIONS.items():
        assert len(record._functions(record.PACKAGE / name, functions)) == len(functions)


ROWS = (record.Row("softplus", 4, 2, 20, 18, 3, 1, 1), record.Row("halve", 4, 2, 5, 5, 0, 0, 0))


def test_a_record_is_read_back_and_holds_until_something_changes(course) -> None:
    notebook = course.notebooks[0]
    assert record.problem(course, notebook) == "not tried yet"
    kept = record.Record(fingerprint(course), ROWS)
    assert record.write(course, notebook, kept) == [record.path_of(course, notebook)]
    assert record.write(course, notebook, kept) == []
    assert record.read(course, notebook) == kept
    assert record.problem(course, notebook) == ""
    course.answers(notebook).write_text(ANSWERS + "\n", encoding="utf-8")
    assert record.problem(course, notebook) == ""  # a blank line decides nothing
    course.source(notebook).write_text(SOURCE.replace("x / 2", "x * 0.5"), encoding="utf-8")
    assert record.problem(course, notebook) == "changed since it was last tried"


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"hash": "a"}', '{"hash": "a", "exercises": [{"exercise": "b"}]}'])
def test_a_damaged_record_counts_as_none(course, damage: str) -> None:
    record.path_of(course, course.notebooks[0]).write_text(damage, encoding="utf-8")
    assert record.problem(course, course.notebooks[0]) == "not tried yet"


def test_the_table_is_made_of_the_records(course) -> None:
    assert "Not tried yet." in record.table(course)
    record.write(course, course.notebooks[0], record.Record("a", ROWS))
    text = record.table(course)
    assert "| `softplus` | 4 | 2 | 20 | 18 | 3 | 1 | 1 |\n| `halve` | 4 | 2 | 5 | 5 | 0 | 0 | 0 |\n" in text
    assert "| all | 8 | 4 | 25 | 23 | 3 | 1 | 1 |" in text
    assert f"{23 / 24:.1%} of the mutants" in text


def test_changed_notebooks_are_tried_and_a_tenth_of_the_others(tmp_path, monkeypatch, capsys) -> None:
    write_course(tmp_path)
    text = (tmp_path / "course.toml").read_text(encoding="utf-8")
    one = text[text.index("[[module.notebook]]") :]
    text += "".join(one.replace('"softplus"', f'"n{number}"') for number in range(1, 24))
    (tmp_path / "course.toml").write_text(text, encoding="utf-8")
    course = load_course(tmp_path)
    changed = {"n3", "n7"}
    tried: list[tuple[str, bool]] = []

    def attempt(course, notebook, keep):
        tried.append((notebook.name, keep))
        return int(notebook.name == "n7"), []

    monkeypatch.setattr(record, "problem", lambda course, notebook: "changed" if notebook.name in changed else "")
    monkeypatch.setattr(rounds, "_try", attempt)
    assert rounds.try_changed(course, seed=5) == 1
    first, tried[:] = list(tried), []
    assert [name for name, keep in first if keep] == ["n3", "n7"]
    assert len(first) == 2 + 3  # three of twenty-two
    assert "--seed 5" in capsys.readouterr().out
    rounds.try_changed(course, seed=5)
    assert tried == first
    changed.clear()
    draws = set()
    for _ in range(4):
        tried.clear()
        assert rounds.try_changed(course) in (0, 1)
        draws.add(tuple(tried))
    assert len(draws) > 1


@pytest.mark.slow
def test_a_round_writes_the_record_and_a_record_that_lies_is_noticed(tmp_path, monkeypatch, capsys) -> None:
    course = write_course(tmp_path)
    notebook = course.notebooks[0]
    monkeypatch.chdir(tmp_path)
    if main(["answers", "--record"]) == 1:  # the mini course's survivors, excused
        assert record.read(course, notebook) is None  # a notebook that misbehaves gets no record
        lines = [line.strip() for line in capsys.readouterr().out.splitlines() if "# %% equivalent=" in line]
        excuses = "\n\n".join(line.replace('because=""', 'because="so"') for line in lines)
        course.answers(notebook).write_text(ANSWERS + "\n\n" + excuses + "\n", encoding="utf-8")
        assert main(["answers", "--record"]) == 0
    assert "softplus.tested.json: renewed; commit it" in capsys.readouterr().out
    path = record.path_of(course, notebook)
    data = json.loads(path.read_text(encoding="utf-8"))
    assert data["exercises"][1]["exercise"] == "halve" and data["exercises"][1]["mutants"] >= 5
    assert "## 01-sums/softplus" in (tmp_path / "solutions" / "MUTANTS.md").read_text(encoding="utf-8")
    data["exercises"][1]["killed"] += 1
    path.write_text(json.dumps(data), encoding="utf-8")
    assert main(["answers", "--changed", "--seed", "1"]) == 1
    assert "says something else than what came out" in capsys.readouterr().out


def test_the_courses_own_records_are_there_for_every_notebook() -> None:
    course = load_course(Path(__file__).resolve().parents[1])
    for notebook in course.notebooks:
        found = record.read(course, notebook)
        assert found, f"{notebook.name}: run make mutants"
        assert all(row.mutants >= 5 and row.killed + row.equivalent + row.survived == row.mutants for row in found.rows)
    assert (course.root / "solutions" / "MUTANTS.md").read_text(encoding="utf-8") == record.table(course)
