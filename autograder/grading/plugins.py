"""What nbgrader's own tools load from us, so that they do as `course grade` does: see nbgrader_config.py."""

from __future__ import annotations

from nbconvert.exporters.exporter import ResourcesDict
from nbformat.notebooknode import NotebookNode
from nbgrader.plugins import LateSubmissionPlugin
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Float

from autograder.grading.policy import LatePolicy


class CourseLatePenalty(LateSubmissionPlugin):
    """course.toml's [late] as the plugin of nbgrader's AssignLatePenalties."""

    grace_minutes = Float(0.0, help="Minutes after the due date that cost nothing").tag(config=True)
    percent_per_day = Float(0.0, help="Percent of the points earned, for each day begun after that").tag(config=True)
    max_percent = Float(100.0, help="The most percent that are taken off").tag(config=True)

    def late_submission_penalty(self, student_id: str, score: float, total_seconds_late: float) -> float:
        """The points to take off a notebook's score."""
        policy = LatePolicy(self.grace_minutes, self.percent_per_day, self.max_percent)
        return policy.penalty(score, total_seconds_late)


class ClearHiddenChecks(NbGraderPreprocessor):
    """Takes hidden checks and marking schemes out of what nbgrader's generate_feedback shows students.

    Unlike nbgrader's ClearHiddenTests it looks only into cells that the course wrote, so that a marker in a student's
    answer neither hides the answer nor stops the batch.
    """

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict) -> tuple[NotebookNode, ResourcesDict]:
        """The notebook, changed in place."""
        from autograder.grading.feedback import released  # imported late: nbgrader loads this module at every start

        return released(nb), resources
