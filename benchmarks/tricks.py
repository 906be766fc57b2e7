"""What students send beside plain answers: well-known tricks, all of whose answers are worthless, and honest oddities.

Run without isolation the tricks stay within the course's folder, which is a scratch one.
"""

from checker.course.notebooks import find

from .classroom import QUESTIONS, Answers, redefined, right

#: Whose answers are all right, and who submits first.
HONEST = "aaa"

_SOURCES = """
import json, pathlib
for path in sorted(pathlib.Path("../../..").glob("{pattern}")):
    for each in json.loads(path.read_text())["cells"]:
        if each["id"].endswith("_backward"):
            exec("".join(each["source"]), globals())
"""
#: What a trick is, and the code that stands below every answer. The answers are zeros; deserved are no marks at all.
TRICKS = {
    "np.testing.assert_allclose replaced": "np.testing.assert_allclose = lambda *given, **named: None",
    "np.isclose replaced within NumPy": "np._core.numeric.isclose = lambda *given, **named: np.True_",
    "the tests' helper defined anew": "def num_grad(f, x, dout, h=0):\n    return 0.0",
    "an array that equals everything": """
class Equal(np.ndarray):
    def __array_ufunc__(self, ufunc, *given, **named):
        return np.bool_(not ufunc.__name__.startswith("is"))

    def __array_function__(self, *given):
        return np.True_
""",
    "assertions dropped from the syntax tree": """
import ast

class Drop(ast.NodeTransformer):
    def visit_Expr(self, node):
        return None if "assert_" in ast.unparse(node) else node

get_ipython().ast_transformers.append(Drop())
""",
    "assertions dropped from a cell's text": """
get_ipython().input_transformers_cleanup.append(lambda lines: [line for line in lines if "assert_" not in line])
""",
    "run_cell_async replaced": """
_run = get_ipython().run_cell_async

async def _skip(code, *given, **named):
    return await _run("" if "assert_" in code else code, *given, **named)

get_ipython().run_cell_async = _skip
""",
    "points displayed before the assertion": "",
    "the answers read from source/": _SOURCES.format(pattern="source/*/*.ipynb"),
    "another student's answers": _SOURCES.format(pattern=f"submitted/{HONEST}/*/*.ipynb"),
    "the gradebook written into": """
import contextlib, pathlib, sqlite3
with contextlib.suppress(sqlite3.Error), sqlite3.connect("file:../../../gradebook.db?mode=rw", uri=True) as _book:
    _book.execute(
        "UPDATE grade SET manual_score = 2 WHERE notebook_id IN (SELECT n.id FROM submitted_notebook n "
        "JOIN submitted_assignment a ON n.assignment_id = a.id WHERE a.student_id = ?)",
        [pathlib.Path.cwd().parts[-2]],
    )
""",
    "otter's test class replaced": """
import contextlib
with contextlib.suppress(ImportError):
    from otter.test_files import exception_test

    def _passed(self, env):
        made = exception_test.TestCaseResult
        self.test_case_results = [made(test_case=each, message="", passed=True) for each in self.test_cases]

    exception_test.ExceptionTestFile.run = _passed
""",
    "no trick: a constant forward, zeros backward": "".join(
        f"def {question.name.replace('backward', 'forward')}(*given):\n    return np.zeros(1), None\n"
        for question in QUESTIONS
    ),
}
#: Right answers, called by something that an ordinary grader may take for a failure.
ODDITIES = {
    "a RuntimeWarning": "np.log(np.zeros(1))",
    "a debug print": "print('here')",
    "a debug print on standard error": "import sys; print('here', file=sys.stderr)",
}
COPIED = "a cell copied"


def hostile(count: int | None = None) -> dict[str, Answers]:
    """A class with an honest student and the first `count` tricks, by the names of the students."""
    class_: dict[str, Answers] = {HONEST: right()}
    for place, (words, code) in enumerate(list(TRICKS.items())[:count]):
        sent = redefined(right(), {question.name: _worthless(words, question.name) for question in QUESTIONS})
        class_[f"trick{place:02}"] = {name: f"{text}\n{code}" for name, text in sent.items()}
    return class_


def _worthless(words: str, name: str) -> str:
    zero = "np.zeros(()).view(Equal)" if "array" in words else "0.0"
    count = len(next(find(question.exercise).wrt for question in QUESTIONS if question.name == name))
    first = "get_ipython().displayhook(1)\n" if "displayed" in words else ""
    return f"{first}return {', '.join([zero] * count)}"


def honest(count: int | None = None) -> dict[str, Answers]:
    """A class in which every answer is right, and one student copied a cell."""
    class_: dict[str, Answers] = {HONEST: right()}
    for place, code in enumerate(list(ODDITIES.values())[:count]):
        class_[f"odd{place:02}"] = {name: f"{text}\n\n\n{_called(name, code)}" for name, text in right().items()}
    return class_


def _called(name: str, code: str) -> str:
    return f"_{name} = {name}\n\n\ndef {name}(dout, cache):\n    {code}\n    return _{name}(dout, cache)"


def copied() -> dict[str, Answers]:
    """A class of three; the second has copied a cell, as a slip of the hand does."""
    return {HONEST: right(), "mmm": {**right(), "copied": QUESTIONS[0].name}, "zzz": right()}
