"""What nbgrader does to a notebook, where its own steps are not enough. `notebooks/nbgrader_config.py` puts them in.

Importing this needs nbgrader, the extra [course].
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat.notebooknode import NotebookNode
from nbgrader import utils
from nbgrader.api import Gradebook
from nbgrader.preprocessors import Execute, NbGraderPreprocessor
from traitlets import Integer

from .precheck import _HIDDEN, Expected, repaired

Made = tuple[NotebookNode, dict[str, Any]]

#: What a page must not show, wherever it turns up.
SECRET = ("HIDDEN TESTS", "checker.course.grading")


def expected(gradebook: Gradebook, assignment: str, name: str, source: Path) -> list[Expected]:
    """The cells of an assignment's notebook as the gradebook knows them, in the order of the `source` notebook."""
    notebook = gradebook.find_notebook(name, assignment)
    graded = {cell.name: float(cell.max_score) for cell in notebook.grade_cells}
    answers = {cell.name for cell in notebook.solution_cells}
    order = {grade_id: place for place, grade_id in enumerate(_order(source))}
    found = [
        Expected(
            cell.name, cell.cell_type, cell.source, grade=cell.name in graded, solution=cell.name in answers,
            locked=bool(cell.locked), points=graded.get(cell.name, 0.0), checksum=cell.checksum,
        )
        for cell in notebook.source_cells
    ]  # fmt: skip
    return sorted(found, key=lambda cell: order.get(cell.grade_id, len(order)))


def _order(source: Path) -> list[str]:
    if not source.is_file():
        return []
    cells = nbformat.read(source, as_version=4).cells
    return [cell.metadata.nbgrader.grade_id for cell in cells if "nbgrader" in cell.metadata]


class Repair(NbGraderPreprocessor):
    """Put right what can be before nbgrader looks: cells that were copied, deleted, moved, or lost their metadata."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> Made:
        """The notebook with the assignment's cells in order; what was put right is logged."""
        known = resources["nbgrader"]
        folder = self.parent.parent.coursedir
        place = folder.format_path(folder.source_directory, ".", known["assignment"])
        with Gradebook(known["db_url"]) as gradebook:
            wanted = expected(
                gradebook, known["assignment"], known["notebook"], Path(place, f"{known['notebook']}.ipynb")
            )
        cells, notes = repaired(nb.cells, wanted)
        for note in notes:
            self.log.warning("%s: %s", known["student"], note)
        nb.cells = [nbformat.from_dict(cell) for cell in cells]
        return nb, resources


class RestartingExecute(Execute):
    """Run a notebook; where a cell does not end, or ends the kernel, note that and run the others in a new kernel."""

    restarts = Integer(5, help="how many cells may end the kernel or time out before the rest is left").tag(config=True)
    max_output = Integer(100_000, help="how many characters of output are kept of a cell").tag(config=True)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.interrupt_on_timeout = False  # a loop may ignore an interrupt: the kernel is ended instead
        self.shutdown_kernel = "immediate"

    def preprocess(self, nb: NotebookNode, resources: Any = None, km: Any = None) -> Made:
        """The executed notebook."""
        self.stopped: dict[int, tuple[str, str]] = {}
        while True:
            self.running, self.written = 0, dict[int, int]()
            try:
                result: Made = super().preprocess(nb, resources, km)
                return result
            except CellTimeoutError:
                self.stopped[self.running] = ("TimeoutError", f"this cell was stopped after {self.timeout} seconds")
            except DeadKernelError:
                self.stopped[self.running] = ("KernelDied", "this cell ended the Python process that it ran in")
            if len(self.stopped) > self.restarts:
                for place in range(self.running + 1, len(nb.cells)):
                    self.stopped[place] = ("NotRun", "too many cells above had to be stopped")

    def preprocess_cell(self, cell: NotebookNode, resources: dict[str, Any], index: int) -> Made:
        """Run a cell, unless it is known to end the kernel."""
        self.running = index
        if index == 0:  # exit() in a cell is left without effect: it would end the kernel behind the cell
            self.kc.execute("get_ipython().ask_exit = lambda: None", silent=True, store_history=False)
        if index not in self.stopped:
            return self._run(cell, resources, index)
        if cell.cell_type == "code":
            cell.outputs = [_error(*self.stopped[index])]
        return cell, resources

    def _run(self, cell: NotebookNode, resources: dict[str, Any], index: int) -> Made:
        """Run a cell; of a test, the hidden part alone, so that its points depend on nothing that stands above it."""
        source = cell.source
        hidden = _HIDDEN.search(source) if utils.is_grade(cell) else None
        cell.source = hidden.group() if hidden else source
        try:
            done: Made = super().preprocess_cell(cell, resources, index)
            return done
        finally:
            cell.source = source

    def output(self, outs: list[NotebookNode], msg: dict[str, Any], display_id: str | None, cell_index: int) -> Any:
        """Keep an output, up to the limit: what comes behind it is never stored."""
        content = msg["content"]
        before = self.written.get(cell_index, 0)
        data = content.get("data", {})
        size = len(content.get("text", "")) + sum(len(str(each)) for key, each in data.items() if key[:5] != "image")
        self.written[cell_index] = before + size
        if before + size <= self.max_output or msg["msg_type"] == "error":
            return super().output(outs, msg, display_id, cell_index)
        if msg["msg_type"] == "stream" and before <= self.max_output:
            content["text"] = content["text"][: self.max_output - before] + "\n... (the rest was left out)\n"
            return super().output(outs, msg, display_id, cell_index)
        return None


def _error(name: str, message: str) -> NotebookNode:
    made: NotebookNode = nbformat.v4.new_output("error", ename=name, evalue=message, traceback=[f"{name}: {message}"])
    return made


class Outcomes(NbGraderPreprocessor):
    """Leave in a grade cell what nbgrader reads its points from, and nothing that it would misread.

    To nbgrader a warning on standard error is a failure, and a cell without a value has full marks. Here a warning does
    not count, and a hidden test that does not end with its points has failed.
    """

    def preprocess_cell(self, cell: NotebookNode, resources: dict[str, Any], cell_index: int) -> Made:
        """The cell with one value, or one error."""
        if cell.cell_type == "code" and utils.is_grade(cell) and not utils.is_solution(cell):
            cell.outputs = [each for each in cell.outputs if each.get("name") != "stderr"]
            failed = any(each.output_type == "error" for each in cell.outputs)
            if not failed and "checker.course.grading" in cell.source and not self._valued(cell):
                cell.outputs.append(_error("NoPoints", "the test did not end with its points"))
        return cell, resources

    def _valued(self, cell: NotebookNode) -> bool:
        """Whether there is one value, a number of points that the cell can have."""
        values = [each["data"].get("text/plain", "") for each in cell.outputs if each.output_type == "execute_result"]
        try:
            (points,) = map(float, values)
        except ValueError:
            return False
        return math.isfinite(points) and 0 <= points <= float(cell.metadata.nbgrader["points"])


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
        if utils.is_grade(cell) and utils.is_solution(cell) and cell.metadata.nbgrader["grade_id"] in self.waiting:
            cell.metadata.nbgrader["comment"] = cell.metadata.nbgrader.get("comment") or "This is not graded yet."
        if cell.cell_type == "code":
            if utils.is_grade(cell) and not utils.is_solution(cell):
                cell.source = _HIDDEN.sub("", cell.source).rstrip()
                cell.outputs = list(_told(cell.outputs))
            cell.outputs = [each for each in cell.outputs if not any(word in str(each) for word in SECRET)]
        return cell, resources


def _told(outputs: list[NotebookNode]) -> Iterator[NotebookNode]:
    for each in outputs:
        if each.output_type == "error":  # its traceback has the lines around it, hidden ones too
            yield _error(each.ename, each.evalue)
        elif each.output_type == "stream":
            yield each
