"""nbgrader's one configuration of this course.

nbgrader finds it in the repository's root; `make` writes a file into the environment that loads it from anywhere else.
"""

import tomllib
from pathlib import Path

from nbconvert.preprocessors import CSSHTMLHeaderPreprocessor
from nbgrader.preprocessors import GetGrades

from autograder.build import ESSAY_STUB
from autograder.grading.plugins import ClearHiddenChecks
from autograder.grading.policy import load_policy

ROOT = Path(__file__).resolve().parent
(ROOT / "build").mkdir(exist_ok=True)  # SQLite creates the gradebook, not the folder that it lies in

c = get_config()
c.CourseDirectory.root = str(ROOT)
c.CourseDirectory.course_id = tomllib.loads((ROOT / "course.toml").read_text(encoding="utf-8"))["course"]["id"]
c.CourseDirectory.source_directory = "build/source"
c.CourseDirectory.release_directory = "modules"
c.CourseDirectory.submitted_directory = "build/submitted"
c.CourseDirectory.autograded_directory = "build/autograded"
c.CourseDirectory.feedback_directory = "build/feedback"
c.CourseDirectory.solution_directory = "build/solution"
c.CourseDirectory.db_url = f"sqlite:///{ROOT}/build/gradebook.db"
c.FormgradeExtension.debug = False
# Demos may take minutes, and no check needs them; sliders make nbclient miss a reply and wait for its time limit.
c.Execute.skip_cells_with_tag = "demo"
c.ClearSolutions.text_stub = ESSAY_STUB  # how an untouched essay is known
# nbgrader's own feedback pages would show students the code of hidden checks.
c.GenerateFeedback.preprocessors = [GetGrades, ClearHiddenChecks, CSSHTMLHeaderPreprocessor]
for name, settings in load_policy(ROOT).settings().items():  # course.toml's [late], for `nbgrader autograde` too
    c[name].update(settings)
