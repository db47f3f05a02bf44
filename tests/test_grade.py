"""One submission in, one Result out: every exercise ends in one status, and costs only itself."""

import json
import os
import signal
import sys
import time

import pytest
from mini_course import answered, write_course

from autograder.grading import warm
from autograder.grading.exam import prepare
from autograder.grading.grade import grade
from autograder.limits import Limits

pytestmark = [pytest.mark.bubblewrap, pytest.mark.slow]
RIGHT = {
    "softplus": "def softplus(x):\n    return torch.logaddexp(x, torch.zeros_like(x))",
    "halve": "def halve(x):\n    return x / 2",
}


@pytest.fixture(scope="module")
def exam(tmp_path_factory):
    course = write_course(tmp_path_factory.mktemp("course"))
    return prepare(course, course.notebooks[0])


def run(exam, limits=None, **answers):
    return grade(json.dumps(answered(exam.released_json, **answers)).encode(), "somebody", exam, limits)


def statuses(result):
    return [check.status for check in result.checks]


def test_the_reference_gets_everything(exam):
    result = grade(exam.instructor_json, "reference", exam)
    assert (result.outcome, result.points, result.max_points, result.reasons) == ("graded", 4, 4, ())
    assert result.exercises() == {"softplus": "passed", "halve": "passed"}


def test_the_untouched_notebook_gets_nothing(exam):
    result = grade(exam.released_json, "untouched", exam)
    assert (result.outcome, result.points, set(statuses(result))) == ("graded", 0, {"not attempted"})
    assert all("not written yet" in check.message for check in result.checks)


def test_a_failure_says_what_the_notebook_says_and_hides_what_is_hidden(exam):
    result = run(exam, **RIGHT | {"softplus": "def softplus(x):\n    return torch.log(1 + torch.exp(x))"})
    assert statuses(result) == ["failed", "failed", "passed"]
    hidden, shown = (check.message for check in result.checks[:2])
    assert hidden == (
        "✗ softplus: the values\n  right on the inputs shown, wrong on others: does it do what the statement says for "
        "every input?"
    )
    assert (
        shown
        == "✗ softplus: large inputs\n  at [0] expected 1000, got inf   (1 of 2 entries differ)\n  hint: do not overflow"
    )


def test_an_error_in_a_hidden_check_shows_no_hidden_value(exam):
    body = "def softplus(x):\n    if x.abs().max() > 50: raise ValueError(f'secret {x.tolist()}')\n    return torch.logaddexp(x, torch.zeros_like(x))"
    message = run(exam, softplus=body).checks[0].message
    assert message == "✗ softplus: the values\n  right on the inputs shown, raises ValueError on others"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("while True: pass", "timed out"),
        ("import time; time.sleep(60)", "timed out"),
        ("import os; os._exit(0)", "died"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "died"),
        ("raise SystemExit", "failed"),
        ("return [0] * 10**10", "failed"),
        ("raise KeyboardInterrupt", "failed"),
        ("return 'x' * 30_000_000", "failed"),
        ("return x, x", "failed"),
    ],
)
def test_a_crash_a_loop_or_an_exit_costs_one_exercise(body, status, exam):
    result = run(exam, Limits(check_seconds=4), **RIGHT | {"softplus": f"def softplus(x):\n    {body}"})
    assert result.outcome == "graded"
    assert statuses(result) == [status, status, "passed"]


def test_a_cell_that_never_ends_costs_its_exercise(exam):
    result = run(exam, Limits(check_seconds=4), **RIGHT | {"softplus": "def softplus(x): pass\nwhile True: pass"})
    assert statuses(result) == ["timed out", "timed out", "passed"]


def test_a_syntax_error_is_said(exam):
    result = run(exam, **RIGHT | {"softplus": "def softplus(x:\n    return"})
    assert statuses(result) == ["failed", "failed", "passed"]
    assert "your code is not Python" in result.checks[0].message


def test_noise_warnings_and_plots_lose_nothing(exam):
    noisy = (
        "import sys, warnings\nimport matplotlib.pyplot as plt\ndef softplus(x):\n    print('x' * 100000)\n    print('e', file=sys.stderr)\n"
        "    warnings.warn('w')\n    plt.plot([1, 2])\n    plt.show()\n    return torch.logaddexp(x, torch.zeros_like(x))"
    )
    assert run(exam, **RIGHT | {"softplus": noisy}).points == 4


def test_added_cells_are_run_and_their_errors_tolerated(exam):
    notebook = answered(exam.released_json, **RIGHT | {"halve": "def halve(x):\n    return half_of(x)"})
    mine = [
        {
            "cell_type": "code",
            "id": f"mine-{n}",
            "metadata": {},
            "source": source,
            "outputs": [],
            "execution_count": None,
        }
        for n, source in enumerate(["1 / 0", "def half_of(x):\n    return x / 2"])
    ]
    place = [c["id"] for c in notebook["cells"]].index("halve")
    notebook["cells"][place:place] = mine
    result = grade(json.dumps(notebook).encode(), "helper", exam)
    assert result.points == 4
    assert "half_of(x):" in result.notebook_json


@pytest.mark.parametrize(
    "cheat",
    [
        "class Yes:\n    def __eq__(self, other): return True\n    def __getattr__(self, name): return self\ndef {name}(x): return Yes()",
        "import autograder.compare as c\nc.close = c.equal = lambda *a, **k: None\ndef {name}(x): return x",
        "import sys\nfor m in list(sys.modules.values()):\n    if hasattr(m, 'check'): m.check = None\ndef {name}(x): return x",
        "import json\n_dumps = json.dumps\njson.dumps = lambda report, **k: _dumps(dict(report, records=[]) if 'records' in report else report)\n"
        "def {name}(x): return x",
        "import autograder.grading.engine as e\ne.Recorder._record = lambda self, *a: None\ndef {name}(x): return x",
        "import torch\ntorch.Tensor.detach = lambda self: torch.full_like(self, 3.5)\ndef {name}(x): return x",
    ],
)
@pytest.mark.parametrize("name", ["softplus", "halve"])
def test_cheats_earn_nothing(cheat, name, exam):
    result = run(exam, **RIGHT | {name: cheat.format(name=name)})
    assert all(check.points == 0 for check in result.checks if check.exercise == name)


@pytest.mark.parametrize(
    ("softplus", "forbidden"),
    [
        ("def softplus(x):\n    return F.softplus(x)", True),
        ("from torch.nn.functional import softplus", True),
        ("import torch.nn.functional as G\ndef softplus(x):\n    return G.softplus(x)", True),
        (RIGHT["softplus"], False),
        ("%time 1\ndef softplus(x):\n    return F.softplus(x)", True),
        ("lines = !ls\ndef softplus(x):\n    return F.softplus(x)", True),
        ("%matplotlib inline\n" + RIGHT["softplus"], False),
    ],
)
def test_a_forbidden_call_is_found_in_the_syntax_tree(softplus, forbidden, exam):
    result = run(exam, **RIGHT | {"softplus": softplus})
    assert (result.points == 1) == forbidden
    assert ("may not call" in result.checks[0].message) == forbidden


@pytest.mark.parametrize(
    ("helper", "answer", "forbidden"),
    [
        ("def h(x):\n    return F.softplus(x)", "def softplus(x):\n    return h(x)", True),
        ("from torch.nn.functional import softplus as theirs", "def softplus(x):\n    return theirs(x)", True),
        ("h = F.softplus", "def softplus(x):\n    return h(x)", True),
        ("print(F.softplus(torch.ones(2)))", RIGHT["softplus"], False),
    ],
)
def test_an_added_cell_may_look_at_the_library_but_not_lend_it(helper, answer, forbidden, exam):
    notebook = answered(exam.released_json, softplus=answer)
    place = [c["id"] for c in notebook["cells"]].index("softplus")
    mine = {"cell_type": "code", "id": "mine", "metadata": {}, "source": helper, "outputs": [], "execution_count": None}
    notebook["cells"].insert(place, mine)
    result = grade(json.dumps(notebook).encode(), "somebody", exam)
    assert result.points == (0 if forbidden else 3)


def test_the_room_shows_nothing_of_the_course_and_no_network(exam):
    look = (
        "import os, socket\ndef halve(x):\n    seen = [p for p in {places} if os.path.exists(p)]\n    try:\n"
        "        socket.create_connection(('127.0.0.1', 22), 1)\n        seen.append('network')\n    except OSError as e:\n"
        "        seen.append(e.strerror) if e.errno != 101 and e.errno != 111 else None\n"
        "    uid, interfaces = os.getuid(), os.listdir('/sys/class/net') if os.path.exists('/sys/class/net') else []\n"
        '    raise ValueError(f\'{{uid}} {{seen}} {{interfaces}} {{[k for k in os.environ if k.startswith(("SECRET", "PYTEST"))]}}\')'
    )
    places = [
        str(exam.source),
        str(exam.source.parents[2]),
        os.path.abspath("solutions"),
        os.path.expanduser("~/.bashrc"),
        "/etc/shadow",
    ]
    os.environ["SECRET_OF_THE_HOST"] = "1"
    try:
        message = run(exam, halve=look.format(places=places)).checks[2].message
    finally:
        del os.environ["SECRET_OF_THE_HOST"]
    assert "ValueError: 60001 [] [] []" in message


def test_nothing_outside_the_private_folder_can_be_written(exam):
    body = (
        "import os, sys\ndef halve(x):\n    done = []\n    for place in ('/x', '/usr/x', '/dev/x', '/etc/x', os.path.dirname(os.__file__) + '/x', '/course/x',"
        " '/proc/sys/vm/swappiness'):\n        try:\n            open(place, 'w').close()\n            done.append(place)\n        except OSError:\n"
        "            pass\n    try:\n        os.chmod('/proc/self/exe', 0o4755)\n        done.append('chmod')\n    except OSError:\n        pass\n"
        "    open('/box/mine', 'w').write('x')\n    raise ValueError(f'{done}')"
    )
    before = os.stat(os.path.realpath(sys.executable)).st_mode
    assert "ValueError: []" in run(exam, halve=body).checks[2].message
    assert os.stat(os.path.realpath(sys.executable)).st_mode == before


def test_what_one_submission_leaves_behind_the_next_does_not_see(exam):
    leave = "import os\ndef halve(x):\n    open('/box/left', 'w').write('x')\n    open('/dev/shm/left', 'w').write('x')\n    return x / 2"
    look = "import os\ndef halve(x):\n    assert not os.path.exists('/box/left') and not os.path.exists('/dev/shm/left')\n    return x / 2"
    assert run(exam, halve=leave).checks[2].points == 1
    assert run(exam, halve=look).checks[2].points == 1


def test_grading_twice_gives_the_same_result(exam):
    answers = RIGHT | {"softplus": "def softplus(x):\n    return x.clamp(min=0)"}
    assert run(exam, **answers) == run(exam, **answers)


def test_a_warm_server_that_is_lost_is_replaced(exam):
    assert run(exam, **RIGHT).points == 4
    os.kill(warm.server()._process.pid, signal.SIGKILL)
    assert run(exam, **RIGHT).points == 4


def test_a_twin_serves_as_its_server_does_and_outlives_nobody(exam, monkeypatch):
    first = warm.WarmServer()
    begun = time.monotonic()
    twin = warm.WarmServer(first.twin().detach())
    assert time.monotonic() - begun < 2, "it imported everything again"
    monkeypatch.setattr(warm, "_server", twin)
    assert run(exam, **RIGHT).points == 4
    first.close()
    assert run(exam, **RIGHT).points == 4
    twin.close()
    assert run(exam, **RIGHT).points == 4, "a server of its own where the twin is gone"
    warm.stop()
