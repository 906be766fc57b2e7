"""What a submission comes to where nothing is in its way: tests and answers in one kernel, in the course's own folder.

It is stock nbgrader without its gradebook: the submission's cells with the hidden tests put back, run by nbclient in
`autograded/<student>/<assignment>/`, and nbgrader's own reading of the points. An attack that comes to nothing here
would prove nothing by coming to nothing elsewhere.
"""

import json
import shutil
from pathlib import Path
from typing import Any

from checker.course.precheck import prepared

from .submission import CHANGED, MARKS, SEEN, Submission
from .world import CANARY, Course, Grader, Result, World, job

#: Seconds for a cell. Longer ones are no matter for this grader.
CELL = 12
PATIENCE = 120.0

#: Hidden tests as courses write them: by asserting, and by the numeric derivative of the student's own forward.
ASSERTED = {
    "mul_backward_test": """
import numpy as np
import numpy.testing
rng = np.random.default_rng(3)
for _ in range(3):
    x, y, dout = rng.normal(size=3)
    out, cache = mul_forward(x, y)
    np.testing.assert_allclose(mul_backward(dout, cache), (dout * y, dout * x))
""",
    "affine_backward_test": """
import numpy as np
import numpy.testing
def slope(function, x, h=1e-5):
    found = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[i] += h
        down[i] -= h
        found[i] = (function(up) - function(down)) / (2 * h)
    return found
rng = np.random.default_rng(4)
x, w, b, dout = rng.normal(size=(3, 4)), rng.normal(size=(2, 4)), rng.normal(size=2), rng.normal(size=(3, 2))
out, cache = affine_forward(x, w, b)
dx, dw, db = affine_backward(dout, cache)
np.testing.assert_allclose(dx, slope(lambda x: (affine_forward(x, w, b)[0] * dout).sum(), x), rtol=1e-5, atol=1e-7)
np.testing.assert_allclose(dw, slope(lambda w: (affine_forward(x, w, b)[0] * dout).sum(), w), rtol=1e-5, atol=1e-7)
np.testing.assert_allclose(db, slope(lambda b: (affine_forward(x, w, b)[0] * dout).sum(), b), rtol=1e-5, atol=1e-7)
""",
}


def executed(task: tuple[dict[str, Any], str]) -> str:
    """Run a notebook in a folder, in a kernel of its own; the points of its tests by their names, and its outputs."""
    import nbformat
    from nbclient import NotebookClient
    from nbgrader.utils import determine_grade, is_grade

    notebook, folder = nbformat.from_dict(task[0]), task[1]
    client = NotebookClient(
        notebook, timeout=CELL, kernel_name="python3", resources={"metadata": {"path": folder}}, allow_errors=True,
        interrupt_on_timeout=True,
    )  # fmt: skip
    problem = ""
    try:
        client.execute()
    except Exception as caught:
        problem = f"{type(caught).__name__}: {caught}"[:300]
    tests = [cell for cell in notebook.cells if is_grade(cell) and cell.cell_type == "code"]
    points = {} if problem else {cell.metadata.nbgrader.grade_id: determine_grade(cell)[0] for cell in tests}
    shown = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return json.dumps({"points": points, "problem": problem, "shown": json.dumps(shown)})


def unguarded(submission: Submission, course: Course, root: Path, grader: Grader) -> Result:
    """Grade a submission with nothing in its way."""
    world = World(course, root)
    folder = world.course / "autograded" / "cheat" / submission.assignment
    try:
        asked = job(submission, course, world, grader.folder)
        notebooks, _ = prepared(asked.submitted, {}, asked.wanted)
        notebook = notebooks[submission.assignment]
        for cell in notebook["cells"]:
            if submission.by == "asserts" and cell["metadata"].get("nbgrader", {}).get("grade_id") in ASSERTED:
                cell["source"] = ASSERTED[cell["metadata"]["nbgrader"]["grade_id"]]
            elif cell["source"].startswith("check("):
                cell["source"] = cell["source"].partition("\n")[2]
        folder.mkdir(parents=True)
        (folder / f"{submission.assignment}.ipynb").write_text(json.dumps(notebook), encoding="utf-8", errors="replace")
        for name, data in asked.submitted.items():
            if not name.endswith(".ipynb"):
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes(data)
        world.before = world.state()
        text, wrong = grader.ask((notebook, str(folder)), PATIENCE)
        effects = world.effects({})
    finally:
        world.close()
    own = ("course/autograded/cheat", "course/autograded/cheat/")
    if CHANGED in effects and all(path == own[0] or path.startswith(own[1]) for path in world.changed()):
        del effects[CHANGED]
    answer = json.loads(text) if text else {"points": {}, "shown": "", "problem": wrong}
    carried = [
        path for path in folder.rglob("*") if path.is_file() and (path.suffix != ".ipynb" or "got-" in str(path))
    ]
    if any(word in answer["shown"] for word in ("LOOT", CANARY)) or any(_holds(path) for path in carried):
        effects[SEEN] = answer["shown"][:200]
    if sum(answer["points"].values()) > submission.deserves + 1e-9:
        effects[MARKS] = str(answer["points"])
    shutil.rmtree(root, ignore_errors=True)
    return Result(None, effects, text=str(answer["problem"] or answer["shown"])[:2000])


def _holds(path: Path) -> bool:
    try:
        return CANARY.encode() in path.read_bytes()
    except OSError:
        return False
