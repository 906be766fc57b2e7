"""The course for nbgrader: run its commands in this folder, or `python -m checker release` and the like above it.

    nbgrader generate_assignment 01_gates
    nbgrader autograde 01_gates
    nbgrader generate_feedback 01_gates
    nbgrader export
"""

import os
import sys
from pathlib import Path

from nbgrader.preprocessors import (
    AssignLatePenalties,
    CheckCellMetadata,
    ClearOutput,
    GetGrades,
    OverwriteCells,
    OverwriteKernelspec,
    SaveAutoGrades,
)

from checker.course import pages
from checker.course.preprocessors import ForStudents, Isolated, Repair

c = get_config()  # noqa: F821 - nbgrader brings it

# nbgrader starts alembic by its bare name, which is found only where the environment has been activated.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])

c.CourseDirectory.root = str(Path(__file__).resolve().parent)
c.CourseDirectory.course_id = "backpropagation"

# What students find in the place of an answer: the line that `checker` reports as "not attempted".
c.ClearSolutions.code_stub = {"python": "raise NotImplementedError  # your answer goes here"}
c.ClearSolutions.text_stub = "*Your answer goes here.*"

# A submission's cells are put in order before nbgrader looks at them: a copied cell would end the whole batch, and the
# points of a deleted one would stay open for ever.
c.Autograde.sanitize_preprocessors = [Repair, ClearOutput, OverwriteKernelspec, OverwriteCells, CheckCellMetadata]

# Students' code runs in a sandbox, and its answers are judged outside of it, also under nbgrader's own `autograde`.
c.Autograde.autograde_preprocessors = [Isolated, SaveAutoGrades, AssignLatePenalties, CheckCellMetadata]
c.Execute.timeout = 60  # seconds for each cell

# Feedback explains, and shows no hidden test; its pages hold no script, and its folders no file, of a student's.
c.GenerateFeedback.preprocessors = [GetGrades, ForStudents]
c.GenerateFeedback.exporter_class = pages.Page
c.GenerateFeedback.post_convert_hook = pages.only_pages
# The formgrader shows the same notebooks to instructors: what a student wrote runs in their browsers no more.
c.HTMLExporter.sanitize_html = True
c.HTMLExporter.preprocessors = [pages.Harmless]
c.HTMLExporter.filters = {
    "markdown2html": pages.markdown2html,
    "clean_html": pages.clean,
    "highlight_code": pages.code,
}
