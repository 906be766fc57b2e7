"""What nbgrader does to a notebook, where its own steps are not enough. `notebooks/nbgrader_config.py` puts them in.

Importing this needs nbgrader, the extra [course].
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from nbformat.notebooknode import NotebookNode
from nbgrader import utils
from nbgrader.api import Gradebook
from nbgrader.preprocessors import Execute, NbGraderPreprocessor
from traitlets import Unicode

from . import outputs
from .gradebook import cells_of
from .isolation.client import FULL
from .outcome import GRADED, Job, Limits, Outcome
from .pages import NOT_YET
from .precheck import _HIDDEN, Expected, repaired
from .submission import graded

Made = tuple[NotebookNode, dict[str, Any]]

#: What a page must not show, wherever it turns up.
SECRET = ("HIDDEN TESTS", "checker.course.grading")


class Repair(NbGraderPreprocessor):
    """Put right what can be before nbgrader looks: cells that were copied, deleted, moved, or lost their metadata."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> Made:
        """The notebook with the assignment's cells in order; what was put right is logged."""
        known = resources["nbgrader"]
        cells, notes = repaired(nb.cells, _wanted(self, known))
        for note in notes:
            self.log.warning("%s: %s", known["student"], note)
        nb.cells = [nbformat.from_dict(cell) for cell in cells]
        return nb, resources


class Isolated(Execute):
    """Grade a notebook in nbgrader's own `autograde` as the course's does: run in a sandbox, judged outside of it.

    It stands in the place of nbgrader's `Execute`, and its seconds for a cell are `c.Execute.timeout`. Raises
    RuntimeError where nothing could be graded, so that nbgrader gives no marks.
    """

    isolation = Unicode(FULL, help='"full", "bubblewrap", or "none": without a sandbox').tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: Any = None, km: Any = None) -> Made:
        """The notebook with the outputs of its cells, and the points of its tests as their values."""
        known = resources["nbgrader"]
        name = known["notebook"]
        job = Job(
            known["student"], known["assignment"], {name: _wanted(self, known)},
            {f"{name}.ipynb": nbformat.writes(nb).encode()}, files=_beside(resources["metadata"]["path"]),
            limits=Limits(cell=float(self.timeout or Limits().cell)), isolation=self.isolation,
        )  # fmt: skip
        outcome = Outcome.from_json(graded(job))
        for note in (*outcome.notes, *outcome.incidents):
            self.log.warning("%s: %s", known["student"], note)
        if outcome.state != GRADED:
            raise RuntimeError("; ".join(outcome.notes))
        (done,) = outcome.notebooks
        nb.cells = [nbformat.from_dict(cell) for cell in done.notebook["cells"]]
        unread = {mark.grade_id: mark.said for mark in done.marks if mark.score is None}
        for cell in nb.cells:  # to nbgrader a test without a value has full marks; of a test it knows no other state
            if utils.is_grade(cell) and not utils.is_solution(cell) and cell.metadata.nbgrader["grade_id"] in unread:
                said = unread[cell.metadata.nbgrader["grade_id"]]
                cell.outputs.append(nbformat.from_dict(outputs.error("ToBeRead", said)))
        return nb, resources


def _wanted(step: NbGraderPreprocessor, known: dict[str, Any]) -> tuple[Expected, ...]:
    """The cells that the notebook under way should have."""
    folder = step.parent.parent.coursedir
    place = folder.format_path(folder.source_directory, ".", known["assignment"])
    with Gradebook(known["db_url"]) as gradebook:
        source = Path(place, f"{known['notebook']}.ipynb")
        return tuple(cells_of(gradebook.find_notebook(known["notebook"], known["assignment"]), source))


def _beside(folder: str) -> dict[str, bytes]:
    """The files that lie beside a notebook."""
    paths = [path for path in Path(folder).rglob("*") if path.is_file() and not path.is_symlink()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths if path.suffix != ".ipynb"}


class ForStudents(NbGraderPreprocessor):
    """A graded notebook as its author may see it: without hidden tests, or anything that shows them."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> Made:
        """The notebook, in which answers that nobody has read yet are said to be so."""
        known = resources["nbgrader"]
        with Gradebook(known["db_url"]) as gradebook:
            submitted = gradebook.find_submission_notebook(known["notebook"], known["assignment"], known["student"])
            self.waiting = {grade.name for grade in submitted.grades if grade.needs_manual_grade}
        done: Made = super().preprocess(nb, resources)
        return done

    def preprocess_cell(self, cell: NotebookNode, resources: dict[str, Any], cell_index: int) -> Made:
        """The cell without its hidden part; of a test's outputs, the explanation and the name of an exception."""
        if utils.is_grade(cell) or utils.is_task(cell):
            own = cell.metadata.nbgrader
            own["waiting"] = own["grade_id"] in self.waiting
            if own["waiting"]:
                own["comment"] = own.get("comment") or NOT_YET
        if cell.cell_type == "code":
            if utils.is_grade(cell) and not utils.is_solution(cell):
                cell.source = _HIDDEN.sub("", cell.source).rstrip()
                cell.outputs = list(_told(cell.outputs))
            cell.outputs = [each for each in cell.outputs if not any(word in str(each) for word in SECRET)]
        return cell, resources


def _told(shown: list[NotebookNode]) -> Iterator[NotebookNode]:
    for each in shown:
        if each.output_type == "error":  # its traceback has the lines around it, hidden ones too
            yield nbformat.from_dict(outputs.error(each.ename, each.evalue))
        elif each.output_type == "stream":
            yield each
