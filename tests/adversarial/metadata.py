"""Notebooks whose marks were lost, damaged or changed on purpose. Answers are found; nothing else of the file counts."""

from __future__ import annotations

import json
from typing import Any

from tests.adversarial.cases import answers, code_cell, edited


def cell(notebook: dict, name: str) -> dict:
    return next(c for c in notebook["cells"] if c.get("id") == name)


def checks(notebook: dict) -> list[dict]:
    return [c for c in notebook["cells"] if c["metadata"].get("nbgrader", {}).get("grade") and c["cell_type"] == "code"]


def stripped(notebook: dict) -> None:
    for c in notebook["cells"]:
        c["metadata"] = {}
        c.pop("id", None)
    notebook["nbformat_minor"] = 0


def without_ids(notebook: dict) -> None:
    for c in notebook["cells"]:
        c.pop("id", None)
    notebook["nbformat_minor"] = 4


def colab(notebook: dict) -> None:
    for number, c in enumerate(notebook["cells"]):
        c["metadata"]["id"] = c["id"]
        c["metadata"]["colab"] = {"base_uri": "https://localhost:8080/"}
        c["metadata"]["outputId"] = f"{number:08x}"
    notebook["metadata"] = {"colab": {"provenance": []}, "kernelspec": {"name": "python3", "display_name": "Python 3"}}


def swapped(notebook: dict) -> None:
    one, two = cell(notebook, "halve"), cell(notebook, "root")
    for key in ("id", "metadata"):
        one[key], two[key] = two[key], one[key]


def wrong_schema(notebook: dict) -> None:
    for c in notebook["cells"]:
        if "nbgrader" in c["metadata"]:
            c["metadata"]["nbgrader"]["schema_version"] = "three"


def metadata_is_text(notebook: dict) -> None:
    for c in notebook["cells"]:
        if "nbgrader" in c["metadata"]:
            c["metadata"]["nbgrader"] = "grade me"


def points_changed(notebook: dict) -> None:
    for c in notebook["cells"]:
        if "points" in c["metadata"].get("nbgrader", {}):
            c["metadata"]["nbgrader"]["points"] = 1000


def checks_replaced(notebook: dict) -> None:
    for c in checks(notebook):
        c["source"] = "print('all is well')"
    cell(notebook, "halve")["source"] = "def halve(x):\n    return x"


def checks_deleted(notebook: dict) -> None:
    notebook["cells"] = [c for c in notebook["cells"] if c not in checks(notebook)]
    cell(notebook, "halve")["source"] = "def halve(x):\n    return x"


def check_moved_up(notebook: dict) -> None:
    gone = checks(notebook)
    notebook["cells"] = gone + [c for c in notebook["cells"] if c not in gone]


def check_became_an_exercise(notebook: dict) -> None:
    """The marks of the answer on the check cell: the definition still is in the other."""
    mine, theirs = cell(notebook, "halve"), next(c for c in checks(notebook) if c["id"].startswith("halve"))
    theirs["metadata"], theirs["id"] = json.loads(json.dumps(mine["metadata"])), mine["id"]
    mine["metadata"] = {}
    del mine["id"]


def imports_deleted(notebook: dict) -> None:
    notebook["cells"] = [c for c in notebook["cells"] if "import torch.nn.functional" not in c["source"]]


def imports_replaced(notebook: dict) -> None:
    given = next(c for c in notebook["cells"] if "import torch.nn.functional" in c["source"])
    given["source"] = "check = torch = F = None"


def everything_twice(notebook: dict) -> None:
    notebook["cells"] += json.loads(json.dumps(notebook["cells"]))


def two_answers(notebook: dict) -> None:
    copy = json.loads(json.dumps(cell(notebook, "halve")))
    cell(notebook, "halve")["source"] = "def halve(x):\n    return 'first try'"
    notebook["cells"].insert(notebook["cells"].index(cell(notebook, "halve")) + 1, copy)


def answer_deleted(notebook: dict) -> None:
    notebook["cells"].remove(cell(notebook, "halve"))


def answer_moved(notebook: dict) -> None:
    mine = cell(notebook, "halve")
    notebook["cells"].remove(mine)
    notebook["cells"].insert(0, mine)


def answer_pasted(notebook: dict) -> None:
    """The answer in a new cell at the end, the marked one deleted."""
    mine = cell(notebook, "halve")
    notebook["cells"].remove(mine)
    notebook["cells"].append(code_cell(mine["source"]))


def answer_split(notebook: dict) -> None:
    place = notebook["cells"].index(cell(notebook, "halve"))
    notebook["cells"][place]["source"] = "def halve(x):\n    return by_two(x)"
    notebook["cells"].insert(place + 1, code_cell("def by_two(x):\n    return x / 2"))


def all_in_one_cell(notebook: dict) -> None:
    names = ("softplus", "halve", "root")
    cell(notebook, "softplus")["source"] = "\n\n".join(cell(notebook, name)["source"] for name in names)
    notebook["cells"] = [c for c in notebook["cells"] if c["id"] not in ("halve", "root")]


def other_kernel(notebook: dict) -> None:
    notebook["metadata"] = {
        "kernelspec": {"name": "ir", "display_name": "R", "language": "R", "argv": ["touch", "/tmp/left-behind-kernel"]},
        "language_info": {"name": "R"},
    }


def format_three(notebook: dict) -> Any:
    cells = [{**c, "input": c["source"], "language": "python"} for c in notebook["cells"]]
    for c in cells:
        if c["cell_type"] == "code":
            del c["source"]
    return {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": cells, "metadata": {}}]}


def format_of_the_future(notebook: dict) -> None:
    notebook["nbformat"], notebook["nbformat_minor"] = 99, 99


def attachments(notebook: dict) -> None:
    for c in notebook["cells"]:
        c["attachments"] = {"../../x.png": {"image/png": "AAAA"}}


def ids_that_are_paths(notebook: dict) -> None:
    notebook["cells"].append(code_cell("y = 1", "../../../../tmp/left-behind-id"))
    notebook["cells"].append(code_cell("y = 2", "x" * 100_000))


CASES = [
    edited("all marks stripped, in nbformat 4.0", stripped, outcome="flagged"),
    edited("cell ids stripped, nbgrader's marks kept", without_ids),
    edited("as Colab saves it", colab),
    edited("the marks of two answers swapped", swapped, outcome="flagged"),
    edited("a schema version that is a word", wrong_schema),
    edited("marks that are text", metadata_is_text),
    edited("every check worth a thousand points", points_changed),
    edited("checks replaced by a print", checks_replaced, statuses={"halve": "failed"}),
    edited("checks deleted", checks_deleted, statuses={"halve": "failed"}),
    edited("checks moved to the top", check_moved_up),
    edited("an answer's marks put on its check", check_became_an_exercise, outcome="flagged"),
    edited("the imports deleted", imports_deleted),
    edited("the imports replaced", imports_replaced),
    edited("every cell twice", everything_twice),
    edited("two different answers with the same marks", two_answers, outcome="flagged", says="2 cells"),
    edited("an answer deleted", answer_deleted, outcome="flagged", statuses={"halve": "not attempted"}),
    edited("an answer moved to the top", answer_moved),
    edited("an answer pasted into a new cell", answer_pasted, outcome="flagged", says="halve"),
    edited("an answer split in two cells", answer_split),
    edited("all answers in one cell", all_in_one_cell, outcome="flagged", says="answered in one cell"),
    edited("the kernel of another language", other_kernel),
    edited("nbformat 3", format_three),
    edited("a format of the future", format_of_the_future),
    edited("attachments with paths", attachments),
    edited("cell ids that are paths and very long", ids_that_are_paths),
    answers("the answer to another exercise", statuses={"halve": "failed"}, halve="def root(x):\n    return x ** 0.5"),
]
