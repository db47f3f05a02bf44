"""nbgrader's one configuration of this course.

nbgrader finds it in the repository's root; `make` writes a file into the environment that loads it from anywhere else.
"""

import tomllib
from pathlib import Path

from autograder.build import ESSAY_STUB

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
c.ClearSolutions.text_stub = ESSAY_STUB  # how an untouched essay is known
