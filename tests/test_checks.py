"""What the verbs say: in a student's words, by exact types, the same in a notebook as from the judge."""

import linecache
import subprocess
import sys

import numpy as np
import pytest
import torch

from autograder import check
from autograder.checks import CheckFailed
from autograder.forbidden import uses

T = torch.tensor


def message(verb, *values, **options):
    """What a verb says, "" where it is content."""
    try:
        getattr(check, verb)(*values, **options)
    except CheckFailed as failed:
        return failed.reason
    return ""


class Agreeable:
    __module__ = "__main__"  # as in a notebook

    def __eq__(self, other):
        return True

    def __ne__(self, other):
        return False


class Subclass(torch.Tensor):
    __module__ = "__main__"


@pytest.mark.parametrize(
    ("verb", "values"),
    [
        ("close", (T([1.0, 2.0]), T([1.0, 2.000001]))),
        ("close", (T([1.0, 2.0]).double(), T([1.0, 2.0]))),
        ("close", (T([1.0, 2.0]).bfloat16(), T([1.0, 2.0]))),
        ("close", (torch.nn.Parameter(T([1.0])), T([1.0]))),
        ("close", (T([float("nan"), float("inf")]), T([float("nan"), float("inf")]))),
        ("close", (np.float32(0.1), 0.1)),
        ("close", (1, 1.0)),
        ("close", (T(2.0), 2.0)),
        ("close", (np.array(2.0), 2.0)),
        ("close", ([1.0, (2.0, T([3.0]))], [1.0, [2.0, T([3.0])]])),
        ("equal", (T([1, 2], dtype=torch.int32), T([1, 2]))),
        ("equal", ("abc", "abc")),
        ("equal", ({"a": [1]}, {"a": [1]})),
        ("equal", (None, None)),
        ("equal", (True, True)),
        ("equal", (3, 3)),
        ("equal", (np.int64(3), 3)),
        ("below", (0.5, 1)),
        ("above", (T(2.0), 1)),
        ("shape", (torch.zeros(2, 3), (2, 3))),
        ("shape", (np.zeros(4), (4,))),
        ("dtype", (torch.zeros(2), torch.float32)),
        ("dtype", (np.zeros(2), np.float64)),
        ("dtype", (np.zeros(2), "float64")),
        ("finite", (T([1.0]),)),
        ("finite", (2.0,)),
        ("same", (T([1.0]), T([1.0]))),
        ("raises", (lambda: int("x"), ValueError)),
        ("raises", (lambda: [][1], LookupError)),
    ],
)
def test_a_verb_is_content(verb, values):
    assert message(verb, *values) == ""


@pytest.mark.parametrize(
    ("verb", "values", "words"),
    [
        (
            "close",
            (T([[1.0, 2.0], [3.0, 4.0]]), T([[1.0, 2.0], [3.5, 4.0]])),
            "at [1, 0] expected 3.5, got 3   (1 of 4 entries differ)",
        ),
        ("close", (T([float("nan"), 1.0]), T([0.25, 1.0])), "at [0] expected 0.25, got nan   (1 of 2 entries differ)"),
        ("close", (torch.zeros(2, 7, 5), torch.zeros(2, 5, 7)), "expected shape (2, 5, 7), got (2, 7, 5)"),
        ("close", (np.zeros(2), torch.zeros(2)), "expected a torch.Tensor, got a numpy.ndarray"),
        ("close", (torch.zeros(2), np.zeros(2)), "expected a numpy.ndarray, got a torch.Tensor"),
        ("close", (None, T([1.0])), "expected a torch.Tensor, got None (is a return, or a gradient, missing?)"),
        ("close", (Agreeable(), T([1.0])), "expected a torch.Tensor, got Agreeable"),
        ("equal", (Agreeable(), 3), "expected a number, got Agreeable"),
        ("equal", (Agreeable(), "a"), "expected 'a', got Agreeable"),
        ("close", (torch.zeros(2).as_subclass(Subclass), torch.zeros(2)), "got Subclass, a subclass of torch.Tensor"),
        ("close", (torch.zeros(2, device="meta"), torch.zeros(2)), "expected a tensor on cpu, got one on meta"),
        ("close", (T([1, 2]), T([1.0, 2.0])), "expected dtype float32, got int64"),
        ("equal", (T([1.0, 0.0]), T([True, False])), "expected dtype bool, got float32"),
        ("close", (T(2.0, requires_grad=True), 2.0), "a tensor that requires grad: take its .item()"),
        ("close", (T([2.0]), 2.0), "expected a number, got a torch.Tensor of shape (1,)"),
        ("close", (True, 1.0), "expected a number, got a bool (True)"),
        ("close", ("1", 1.0), "expected a number, got a str"),
        ("close", (float("nan"), 1.0), "expected 1, got nan"),
        ("equal", (2.5, 3), "expected the integer 3, got 2.5"),
        ("equal", ("abd", "abc"), "expected 'abc', got 'abd'   (they differ from position 2)"),
        ("equal", ([1, 5, 3], [1, 2, 3]), "item 1: expected 2, got 5"),
        ("equal", ([1], [1, 2]), "expected 2 items, got 1"),
        ("equal", ({"a": 1}, {"b": 1}), "key 'b' is missing"),
        ("equal", (1, True), "expected True, got an int (1)"),
        ("below", (2.0, 1), "expected less than 1, got 2"),
        ("below", (float("nan"), 1), "expected less than 1, got nan"),
        ("above", (0.5, 1), "expected more than 1, got 0.5"),
        ("shape", (torch.zeros(3, 2), (2, 3)), "expected shape (2, 3), got (3, 2)"),
        ("shape", ([1, 2], (2,)), "expected a tensor or an array of shape (2,), got a list"),
        ("dtype", (torch.zeros(2).double(), torch.float32), "expected dtype float32, got float64"),
        ("finite", (T([1.0, float("inf")]),), "at [1] expected a finite number, got inf   (1 of 2 entries differ)"),
        ("same", (T([1.0]), T([2.0])), "these two should be the same: at [0] the second gives 2, the first 1"),
        ("raises", (lambda: 3, ValueError), "expected ValueError to be raised, but the call returned an int (3)"),
        ("raises", (lambda: [][1], ValueError), "expected ValueError, got IndexError: list index out of range"),
    ],
)
def test_a_verb_says_what_is_wrong(verb, values, words):
    assert words in message(verb, *values)


def test_a_failure_shows_title_place_and_hint_and_nothing_else():
    with pytest.raises(CheckFailed) as caught, check("causal_mask: nothing later"):
        check.equal(torch.ones(2, 2).triu().bool(), torch.ones(2, 2).tril().bool(), hint="keep the lower triangle")
    lines = [
        "✗ causal_mask: nothing later",
        "  at [0, 1] expected False, got True   (2 of 4 entries differ)",
        "  hint: keep the lower triangle",
    ]
    assert str(caught.value).splitlines() == lines
    shown = "\n".join(caught.value._render_traceback_())
    assert all(line in shown for line in lines)
    assert "Traceback" not in shown


def test_a_pass_prints_one_line(capsys):
    with check("f: holds"):
        check.equal(1, 1, hint="h")
    assert capsys.readouterr().out == "✓ f: holds\n"


def test_an_unwritten_exercise_is_called_that():
    with pytest.raises(CheckFailed, match="not written yet: f still raises NotImplementedError"), check("f: holds"):
        raise NotImplementedError()


def test_a_students_exception_becomes_one_line_with_theirs():
    names = {"__name__": "__main__"}
    exec("def f(x):\n    y = 0\n    return x / y\n", names)
    with (
        pytest.raises(CheckFailed, match=r"your code raised ZeroDivisionError: division by zero   \(in f\)"),
        check("f: holds"),
    ):
        names["f"](1)


def test_what_the_students_code_writes_to_stderr_goes_to_stdout(capsys):
    with check("f: holds"):
        print("a warning", file=sys.stderr)
    captured = capsys.readouterr()
    assert captured.err == "" and "a warning" in captured.out


@pytest.mark.parametrize(
    "body",
    [
        "return F.softmax(x, -1)",
        "from torch import softmax as s\n    return s(x, -1)",
        "import torch as t\n    return t.softmax(x, -1)",
        "return helper(x)",
    ],
)
def test_a_forbidden_call_is_named_in_the_notebook(body, tmp_path):
    source = f"def helper(x):\n    return F.softmax(x, -1)\ndef softmax(x):\n    {body}\n"
    path = tmp_path / "cell.py"
    path.write_text(source)
    names = {"__name__": "__main__", "F": torch.nn.functional, "check": check}
    exec(compile(source, str(path), "exec"), names)
    cell = (
        "with check('softmax: sums', forbid=['torch.softmax', 'torch.nn.functional.softmax']):\n    check.equal(1, 1)"
    )
    saved = sys.modules["__main__"]
    with pytest.raises(CheckFailed, match="softmax may not call torch"):
        exec(cell, names)
    assert sys.modules["__main__"] is saved


@pytest.mark.parametrize("body", ["return F.softmax(x, -1)", "return helper(x)"])
@pytest.mark.parametrize("decorator", ["", "@staticmethod", "@property"])
def test_a_forbidden_call_is_found_in_a_class_whose_source_inspect_cannot_find(body, decorator):
    source = f"def helper(x): return F.softmax(x, -1)\nclass Layer:\n    {decorator}\n    def forward(x):\n        {body}\n"
    linecache.cache["<cell>"] = (len(source), None, source.splitlines(keepends=True), "<cell>")  # as IPython does
    names = {"__name__": "__main__", "F": torch.nn.functional}
    exec(compile(source, "<cell>", "exec"), names)
    forbidden = ["torch.nn.functional.softmax"]
    assert uses(names["Layer"], names, forbidden) == forbidden
    assert uses(names["Layer"], names, ["torch.softmax"]) == []


def test_inputs_are_the_same_every_time_and_touch_no_global_state():
    before = torch.random.get_rng_state()
    assert torch.equal(check.randn(2, 3, seed=1), check.randn(2, 3, seed=1))
    assert not torch.equal(check.randn(2, 3, seed=1), check.randn(2, 3, seed=2))
    assert torch.equal(check.randint(0, 5, (4,), seed=1), check.randint(0, 5, (4,), seed=1))
    assert torch.equal(torch.random.get_rng_state(), before)


def test_fill_depends_on_names_and_shapes_alone():
    torch.manual_seed(0)
    one = check.fill(torch.nn.Linear(3, 4))
    torch.manual_seed(1)
    two = check.fill(torch.nn.Linear(3, 4))
    assert torch.equal(one.weight, two.weight) and torch.equal(one.bias, two.bias)
    assert one.bias.abs().sum() > 0
    assert not torch.equal(check.fill(torch.nn.Linear(4, 3)).weight, one.weight.T)


def test_importing_check_loads_neither_torch_nor_jupyter():
    code = (
        "import sys; from autograder import check; "
        "print([m for m in ('torch', 'IPython', 'nbgrader', 'nbformat', 'jupyter_core') if m in sys.modules])"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )
