"""Check cells split between the room and the judge: what is refused, and what must never reach the room."""

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.grammar import GrammarError, Scope, split

SCOPE = Scope(
    student=frozenset({"f", "g", "Layer"}), given=frozenset({"F", "torch", "np", "nn"}), demo=frozenset({"picture"})
)
ACCEPTED = {
    "a value in a variable": (
        "x = check.randn(2, 3, seed=0)\nwant = F.softmax(x, -1)\ncheck.close(f(x), want, hint='rows')",
        "x = check.randn(2, 3, seed=0)\ncheck.close(f(x), site=0)",
    ),
    "a loop": (
        "for n in (2, 3):\n    x = check.randn(n, 4, seed=1)\n    e = F.softmax(x, -1)\n    check.close(f(x), e, hint='h')",
        "for n in (2, 3):\n    x = check.randn(n, 4, seed=1)\n    check.close(f(x), site=0)",
    ),
    "gradients": (
        "x = check.randn(2, 3, seed=0).requires_grad_()\nf(x).sum().backward()\ny = check.randn(2, 3, seed=0).requires_grad_()\n"
        "F.softmax(y, -1).sum().backward()\ncheck.close(x.grad, y.grad, hint='h')",
        "x = check.randn(2, 3, seed=0).requires_grad_()\nf(x).sum().backward()\ncheck.close(x.grad, site=0)",
    ),
    "a method that prepares an input": (
        "x = check.randn(3, seed=0)\nx.requires_grad_()\nf(x).backward()\ncheck.close(x.grad, torch.tensor([1.0, 2.0, 3.0]), hint='h')",
        "x = check.randn(3, seed=0)\nx.requires_grad_()\nf(x).backward()\ncheck.close(x.grad, site=0)",
    ),
    "a module and its reference": (
        "m = Layer(4, 3)\ncheck.fill(m)\nr = check.fill(nn.Linear(4, 3))\nx = check.randn(2, 4, seed=0)\ncheck.close(m(x), r(x), hint='h')",
        "m = Layer(4, 3)\ncheck.fill(m)\nx = check.randn(2, 4, seed=0)\ncheck.close(m(x), site=0)",
    ),
    "training": (
        "m = f(4)\nopt = torch.optim.SGD(m.parameters(), lr=0.1)\nfor i in range(20):\n    opt.zero_grad()\n"
        "    loss = m(check.randn(8, 4, seed=0)).pow(2).mean()\n    loss.backward()\n    opt.step()\ncheck.below(loss.item(), 0.5, hint='h')",
        "m = f(4)\nopt = torch.optim.SGD(m.parameters(), lr=0.1)\nfor i in range(20):\n    opt.zero_grad()\n"
        "    loss = m(check.randn(8, 4, seed=0)).pow(2).mean()\n    loss.backward()\n    opt.step()\ncheck.below(loss.item(), site=0)",
    ),
    "an input changed in one place": (
        "x = check.randn(4, seed=0)\nlater = x.clone()\nlater[3] = 9.0\ncheck.same(f(x), f(later), hint='h')\n"
        "check.close(f(x), F.relu(x), hint='h')",
        "x = check.randn(4, seed=0)\nlater = x.clone()\nlater[3] = 9.0\ncheck.same(f(x), f(later), site=0)\ncheck.close(f(x), site=1)",
    ),
    "two inputs in one line": (
        "q, k = check.randn(2, 3, seed=0), check.randn(4, 3, seed=1)\nwant = q @ k.mT\ncheck.close(f(q, k), want, hint='h')",
        "q, k = check.randn(2, 3, seed=0), check.randn(4, 3, seed=1)\ncheck.close(f(q, k), site=0)",
    ),
    "without gradients, and an error": (
        "with torch.no_grad():\n    out = f(3)\ncheck.equal(out, 'abc', hint='h')\ncheck.raises(lambda: f(-1), ValueError, hint='h')",
        "with torch.no_grad():\n    out = f(3)\ncheck.equal(out, site=0)\ncheck.raises(lambda: f(-1), site=1)",
    ),
}
REFUSED = {
    "an assert": ("assert f(1) == 2", "no bare assert"),
    "a branch": ("out = f(1)\nif out:\n    check.equal(out, 2, hint='h')", "no branches"),
    "try": ("try:\n    f(1)\nfinally:\n    pass", "use check.raises"),
    "a function": ("def same(x, want):\n    check.close(f(x), want, hint='h')", "no functions"),
    "an import": ("from torch import softmax\ncheck.close(f(1), softmax(1), hint='h')", "no import"),
    "an alias": ("close = check.close\nclose(f(1), 2, hint='h')", "call verbs directly"),
    "a comprehension": ("[check.equal(f(x), 3, hint='h') for x in (1, 2)]", "only calls stand alone"),
    "a verb in a call": ("print(check.equal(f(1), 3, hint='h'))", "call verbs directly"),
    "keywords": ("check.close(value=f(1), expected=2, hint='h')", "by position"),
    "no hint": ("check.close(f(1), 2.5)", "without a hint"),
    "a walrus": ("check.close(f(x := 3), 2.5, hint='h')", "NamedExpr"),
    "a lambda": ("h = lambda x: f(x)\ncheck.close(h(1), 2.5, hint='h')", "no lambda"),
    "no verb": ("f(1)", "nothing is checked"),
    "expected from the student": ("check.close(f(1), g(2), hint='h')", "made from the student's g"),
    "expected from the student, in a variable": (
        "want = g(2)\ncheck.close(f(1), want, hint='h')",
        "made from the student's want",
    ),
    "nothing of the student's": (
        "x = check.randn(2, seed=1)\ncheck.close(F.relu(x), F.relu(x), hint='h')",
        "from the student's code",
    ),
    "answers in a table": (
        "cases = {'a': [1, 2]}\nfor text in cases:\n    check.equal(f(text), cases[text], hint='h')",
        "plain input",
    ),
    "answers in a table, renamed": (
        "t = {'a': [1, 2]}\ncases = t\ncheck.equal(f(cases), cases['a'], hint='h')",
        "plain input",
    ),
    "answers in pairs": (
        "for text, want in [('a', [1, 2])]:\n    check.equal(f(text), want, hint='h')",
        "write the cases out",
    ),
    "an answer beside the input": (
        "x, want = check.randn(2, seed=0), torch.tensor([1.0, 2.0])\ncheck.close(f(x), want, hint='h')",
        "a statement of its own",
    ),
    "an expectation that changes the input": (
        "x = check.randn(2, seed=0)\nF.relu(x).sum().backward()\ncheck.close(f(x), F.relu(x), hint='h')",
        "an input of its own",
    ),
    "global randomness": ("x = torch.randn(3)\ncheck.close(f(x), F.relu(x), hint='h')", "global randomness"),
    "NumPy's": ("x = np.random.rand(3)\ncheck.close(f(x), F.relu(x), hint='h')", "global randomness"),
    "an unfilled module": (
        "r = nn.Linear(2, 2)\nx = check.randn(2, seed=0)\ncheck.close(f(x), r(x), hint='h')",
        "check.fill",
    ),
    "an unknown name": ("check.close(f(y), 2.5, hint='h')", "no cell before this one"),
    "a demo's name": ("check.close(f(picture), 2.5, hint='h')", "a demo cell"),
    "a name of the notebook": ("F = 3\ncheck.close(f(F), 2.5, hint='h')", "a name of the notebook"),
    "only shapes": ("x = check.randn(2, 3, seed=0)\ncheck.shape(f(x), (2, 3), hint='h')", "could be read off"),
    "only ones": (
        "x = check.randn(2, 3, seed=0)\ncheck.close(f(x).sum(-1), torch.ones(2), hint='h')",
        "could be read off",
    ),
    "only the input": ("x = check.randn(2, 3, seed=0)\ncheck.close(f(x), x.clone(), hint='h')", "could be read off"),
    "compared inside the room": (
        "check.equal((f(1) == torch.tensor([1, 2])).all().item(), True, hint='h')",
        "could be read off",
    ),
    "two lines of text": ("check.equal(f('''a\nb'''), 'abc', hint='h')", "several lines"),
    "only hidden": ("### BEGIN HIDDEN TESTS\ncheck.equal(f(1), 3, hint='h')\n### END HIDDEN TESTS", "the visible part"),
    "augmented": ("x = 3\nx += 1\ncheck.equal(f(x), 7, hint='h')", "bind a new name"),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_the_probe_holds_the_students_side_only(name):
    source, probe = ACCEPTED[name]
    assert split(source, SCOPE).probe == ast.unparse(ast.parse(probe))


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_split_is_refused_with_the_way_to_write_it(name):
    source, words = REFUSED[name]
    with pytest.raises(GrammarError) as caught:
        split(source, SCOPE)
    assert words in caught.value.rule
    assert 1 <= caught.value.line <= len(source.splitlines())


def test_the_refusal_names_the_line():
    with pytest.raises(GrammarError) as caught:
        split("x = 3\ny = 4\ncheck.close(f(x), g(y), hint='h')", SCOPE)
    assert caught.value.line == 3


def test_sites_know_whether_they_are_hidden():
    source = "check.equal(f(1), 3, hint='h')\n### BEGIN HIDDEN TESTS\ncheck.equal(f(2), 5, hint='h')\n### END HIDDEN TESTS\ncheck.finite(f(1), hint='h')"
    assert [(site.verb, site.hidden) for site in split(source, SCOPE).sites] == [
        ("equal", False),
        ("equal", True),
        ("finite", False),
    ]


INPUTS = [
    "check.randn(2, 3, seed={n})",
    "check.randint(0, 9, (4,), seed={n})",
    "{n}",
    "'text{n}'",
    "[{n}, 1, 2]",
    "check.arange({n})",
]
SECRETS = [
    "F.secret_{n}(i{k})",
    "torch.tensor([{n}.125, 7777.5])",
    "'SECRET{n}'",
    "np.secret_{n}(i{k}, 8888)",
    "{{'SECRET{n}': i{k}}}",
]
STUDENTS = ["f(i{k})", "g(i{k}, 5)", "f(g(i{k}))", "f(i{k}).mean()"]


@st.composite
def check_cells(draw):
    """A check cell of inputs, the student's values, and expectations that each hold something only the judge may know."""
    count = draw(st.integers(1, 4))
    lines = [f"i{n} = {draw(st.sampled_from(INPUTS)).format(n=n)}" for n in range(count)]
    for n in range(draw(st.integers(1, 5))):
        k = draw(st.integers(0, count - 1))
        student, secret = draw(st.sampled_from(STUDENTS)).format(k=k), draw(st.sampled_from(SECRETS)).format(n=n, k=k)
        if draw(st.booleans()):
            lines.append(f"out{n} = {student}")
            student = f"out{n}"
        if draw(st.booleans()):
            lines.append(f"want{n} = {secret}")
            if draw(st.booleans()):
                lines.append(f"again{n} = want{n}")
                secret = f"again{n}"
            else:
                secret = f"want{n}"
        verb = draw(st.sampled_from(["close", "equal"]))
        lines.append(f"check.{verb}({student}, {secret}, hint='SECRET hint {n}')")
        if draw(st.booleans()):
            lines.insert(draw(st.integers(count, len(lines))), f"F.secret_call(i{k})")
    return "\n".join(lines)


@given(check_cells())
def test_nothing_that_only_an_expectation_needs_reaches_the_room(source):
    try:
        parts = split(source, SCOPE)
    except GrammarError as refusal:
        assert "an input of its own" in refusal.rule  # the stray call on an input that the student's side needs
        return
    for secret in ("SECRET", "secret", "7777.5", ".125", "8888", "want", "again", "hint"):
        assert secret not in parts.probe
    assert parts.probe.count("check.close(") + parts.probe.count("check.equal(") == len(parts.sites)
