"""The file itself: cells, metadata, JSON and bytes that no student's editor would write."""

import copy
import gzip
import json
import pickle

from .submission import MARKS, SMALL, Group, cell, filled, named, sent

group = Group("notebook")
EITHER = ("graded", "not graded")


def tests(notebook):
    """The cells with the tests."""
    return [named(notebook, f"{name}_test") for name in ("mul_backward", "affine_backward")]


def marked(grade_id, **others):
    """nbgrader's metadata of a cell that is graded."""
    known = {"grade": True, "grade_id": grade_id, "locked": False, "solution": False, "task": False}
    return {"nbgrader": {**known, "schema_version": 3, "cell_type": "code", "points": 100, **others}}


@group.changed("tests replaced by their points")
def replaced(notebook):
    for test, points in zip(tests(notebook), (1.0, 2.0)):
        test["source"] = str(points)
        test["outputs"] = [{"output_type": "execute_result", "execution_count": 1, "metadata": {},
                            "data": {"text/plain": str(points)}}]  # fmt: skip


@group.changed("tests deleted")
def deleted(notebook):
    notebook["cells"] = [each for each in notebook["cells"] if not each["id"].endswith("_test")]


@group.changed("points of all sizes")
def pointed(notebook):
    for test, points in zip(tests(notebook), (1e308, float("nan"))):
        test["metadata"]["nbgrader"] |= {"points": points, "max_score": points, "score": 100, "auto_score": 100}
    named(notebook, "why")["metadata"]["nbgrader"] |= {"points": -5, "solution": False}


@group.changed("tests that are answers, answers that are tests")
def flipped(notebook):
    for test in tests(notebook):
        test["metadata"]["nbgrader"] |= {"solution": True, "locked": False, "task": True}
        test["source"] = "2.0"
    named(notebook, "mul_backward")["metadata"]["nbgrader"] |= {"grade": True, "points": 100, "locked": True}
    named(notebook, "affine_backward")["source"] += "2.0\n"


@group.changed("graded cells of the student's own")
def added(notebook):
    for number in range(3):
        notebook["cells"].append({**cell("100.0", f"bonus-{number}"), "metadata": marked(f"bonus-{number}")})
    notebook["cells"].append({**cell("2.0", "setup-2"), "metadata": marked("setup")})


@group.changed("two tests of one name")
def twice(notebook):
    for test in tests(notebook):
        other = copy.deepcopy(test)
        other["source"], other["metadata"] = "2.0", marked(test["id"], points=test["metadata"]["nbgrader"]["points"])
        notebook["cells"].insert(0, other)


@group.changed("another cell under the name of a test")
def renamed(notebook):
    for test in tests(notebook):
        notebook["cells"].insert(0, cell("2.0", test["id"]))
        test["id"], test["metadata"] = "x", {}


@group.changed("the question is a program")
def program(notebook):
    why = named(notebook, "why")
    why.update(cell_type="code", source="2.0", outputs=[{"output_type": "execute_result", "execution_count": 1,
               "metadata": {}, "data": {"text/plain": "2.0"}}], execution_count=1)  # fmt: skip
    why["metadata"]["nbgrader"] |= {"solution": False, "locked": False, "cell_type": "code"}


@group.changed("tests of other types")
def retyped(notebook):
    for test, kind in zip(tests(notebook), ("raw", "heading")):
        test["cell_type"] = kind
    named(notebook, "setup")["cell_type"] = "markdown"


@group.changed("tags that skip")
def tagged(notebook):
    for each in notebook["cells"]:
        each["metadata"]["tags"] = ["skip-execution", "raises-exception", "remove_cell", "parameters", "hide_input"]
        each["metadata"]["editable"] = each["metadata"]["deletable"] = False


@group.changed("everything in reverse")
def reversed_(notebook):
    notebook["cells"].reverse()


@group.changed("marks of hidden tests")
def hidden(notebook):
    mark = "### BEGIN HIDDEN TESTS\n"
    notebook["cells"].insert(0, cell(f"{mark}grade = 1\n### END HIDDEN TESTS\n" + mark * 30_000))
    for test in tests(notebook):
        test["source"] = mark * 30_000 + "2.0\n### END HIDDEN TESTS"
    named(notebook, "why")["source"] = mark * 30_000


@group.changed("hidden tests of the student's own")
def own_tests(notebook):
    text = '### BEGIN HIDDEN TESTS\nfrom checker.course.grading import grade\n\ngrade("{}")\n### END HIDDEN TESTS'
    for test, name in zip(tests(notebook), ("solutions.os", "gates.add_backward")):
        test["source"] = text.format(name)
        notebook["cells"].append({**cell(text.format("gates.mul_backward")), "metadata": marked("own-test")})


@group.changed("magics above the answer")
def magics(notebook):
    for name, magic in (("mul_backward", "%%script false --no-raise-error\n"), ("affine_backward", "%%capture out\n")):
        named(notebook, name)["source"] = magic + named(notebook, name)["source"]
    lines = ("%reset -f", "%load_ext autoreload", "%autoreload 2", "%pdb on", "%debug", "%run own.py", "%pylab", "%who",
             "%%html\n<script>pwned()</script>", "%edit x", "%store", "%env", "%cd ..", "%%javascript\n1", "%prun 1",
             "%%timeit\n1", "%doctest_mode", "%xmode Verbose", "%gui qt", "%logstart own.log")  # fmt: skip
    for line in lines:
        notebook["cells"].append(cell(line))


@group.changed("another kernel")
def kernel(notebook):
    notebook["metadata"] = {"kernelspec": {"name": "../../bash", "argv": ["touch", "@OUTSIDE@/@TOKEN@"], "language": 5},
                            "language_info": {"name": "bash", "pygments_lexer": "../../../x"},
                            "widgets": {"application/vnd.jupyter.widget-state+json": {"state": 5}}}  # fmt: skip


@group.changed("metadata of every kind")
def garbage(notebook):
    values = (5, None, "x", [], [[]], {"grade_id": 5}, {"grade_id": None}, {"grade_id": ["mul_backward_test"]},
              {"grade_id": {"a": 1}}, {"grade_id": "why", "points": "x"}, {"grade_id": True})  # fmt: skip
    for number, value in enumerate(values):
        made = cell("x = 1", "same")
        notebook["cells"].append({**made, "metadata": {"nbgrader": value}, "id": number if number % 2 else ["x"]})
        notebook["cells"].append({**made, "metadata": value, "source": value, "outputs": value, "cell_type": value})
    notebook["cells"] += [5, None, [], "x", {}]


@group.changed("a deep pile of metadata", states=EITHER)
def deep(notebook):
    pile: dict = {}
    for _ in range(400):
        pile = {"nbgrader": pile, "grade_id": [pile]} if not pile else {"nbgrader": pile}
    notebook["metadata"]["pile"] = named(notebook, "mul_backward")["metadata"]["nbgrader"] = pile


PARSED = {
    "signs": "x = " + "-" * 200_000 + "1", "nots": "x = " + "not " * 100_000 + "1", "sums": "x = 1" + "+1" * 200_000,
    "brackets": "(" * 50_000, "lambdas": "lambda:" * 50_000 + "1", "calls": "f" + "()" * 100_000,
    "branches": "if 1: pass\n" + "elif 1: pass\n" * 20_000, "powers": "x = 1" + "**1" * 100_000, "zeros": "x\0y",
    "digits": "x = " + "9" * 100_000, "comparisons": "x = 1" + "<1" * 300_000, "forms": "f'" + "{" * 5000,
    "folded": "x = ((1,) * 10**4,) * 10**5 and 0",
    "classes": "".join(f"class A{number}: pass\n" for number in range(20_000)),
}  # fmt: skip


@group.changed("sources that break parsers")
def parsed(notebook):
    for text in PARSED.values():
        notebook["cells"].append(cell(text))


@group.changed("an answer that breaks parsers")
def unparsed(notebook):
    for name, other in (("mul_backward", "signs"), ("affine_backward", "branches")):
        answer = named(notebook, name)
        answer["metadata"] = {}
        answer["id"] = f"lost-{name}"
        answer["source"] += "\n\n" + PARSED[other]


@group.changed("lone surrogates")
def surrogates(notebook):
    notebook["cells"].append(cell('print("\ud800 and \\ud800")\nraise ValueError("\\udfff")'))
    notebook["cells"].append({**cell("\ud800"), "cell_type": "markdown"})
    named(notebook, "why")["source"] += "\n\udc80"
    named(notebook, "mul_backward")["source"] += "\n# \ud800"


@group.changed("control characters and other directions")
def controls(notebook):
    text = "\x1b]0;pwned\x07\x1b[2J\x9b31m\u202egrade\u202c\u2066\r\x08\x00"
    notebook["cells"].append(cell(f"print({text!r})\nraise ValueError({text!r})"))
    notebook["cells"].append(cell("x = 1" + text))
    notebook["metadata"]["kernelspec"] = {"name": text, "display_name": text}
    named(notebook, "mul_backward")["source"] = named(notebook, "mul_backward")["source"].replace(
        "return 0.0, 0.0", f"raise ValueError({text!r})"
    )
    named(notebook, "affine_backward")["source"] += f"\naffine_backward.__name__ = {text!r}\n"


@group.changed("a hundred thousand cells", states=EITHER)
def many(notebook):
    notebook["cells"] += [{**cell(f"# {number}"), "cell_type": "markdown"} for number in range(100_000)]


@group.changed("twenty thousand copies of a test", states=EITHER)
def copies(notebook):
    notebook["cells"] += [dict(tests(notebook)[0]) for _ in range(20_000)]


@group.changed("100 MB of source", states=EITHER)
def heavy(notebook):
    notebook["cells"].append({**cell("x" * 100_000_000), "cell_type": "markdown"})


@group.changed("60 MB of outputs")
def outputs(notebook):
    made = [{"output_type": "stream", "name": "stdout", "text": "x" * 60_000_000}]
    notebook["cells"].append({**cell("1"), "outputs": made})


RAW = {
    "brackets without end": lambda notebook: b"[" * 1_000_000,
    "braces without end": lambda notebook: b'{"cells":' * 200_000,
    "a number of a million digits": lambda notebook: b'{"cells": [], "nbformat": ' + b"9" * 1_000_000 + b"}",
    "constants that are no JSON": lambda notebook: json.dumps({**notebook, "nbformat_minor": float("inf")}).encode(),
    "keys given twice": lambda notebook: json.dumps(notebook).encode()[:-1] + b', "cells": [5], "cells": {"x": 1}}',
    "cells that are no list": lambda notebook: json.dumps({**notebook, "cells": {"a": 1}}).encode(),
    "a format of the future": lambda notebook: json.dumps({**notebook, "nbformat": 99}).encode(),
    "an older format of nonsense": lambda notebook: json.dumps(
        {"nbformat": 3, "nbformat_minor": 0, "worksheets": [{"cells": [5, {"cell_type": "x"}]}] * 100}
    ).encode(),
    "a pickle": lambda notebook: pickle.dumps(notebook),
    "a compressed file": lambda notebook: gzip.compress(b"\0" * 100_000_000),
    "zeros": lambda notebook: b"\0" * 1_000_000,
    "blanks": lambda notebook: b" " * 50_000_000,
}
for words, text in RAW.items():
    group.raw(words, text, states=EITHER if words == "keys given twice" or "constants" in words else ("not graded",))

group.raw("UTF-16 with a mark", lambda notebook: json.dumps(notebook).encode("utf-16"), states=EITHER)

# -- files beside it --------------------------------------------------------------------------------------------------

NUMPY = b"""
import os, sys
here = os.path.dirname(os.path.abspath(__file__))
sys.path = [path for path in sys.path if os.path.abspath(path or ".") != here]
del sys.modules["numpy"]
import numpy, numpy.testing
numpy.testing.assert_allclose = lambda *given, **named: None
"""
CHECKER = b"""
import sys, types
for name in ("checker.notebook", "checker.course", "checker.course.grading"):
    sys.modules[name] = types.ModuleType(name)
class Float:
    def __class_getitem__(cls, item):
        return cls
sys.modules["checker.notebook"].check = sys.modules["checker.notebook"].hint = lambda *given: None
sys.modules["checker.course.grading"].grade = lambda name: 1.0 if "mul" in name else 2.0
__path__ = []
"""
PLANTED = b"open('@OUTSIDE@/@TOKEN@', 'w').close()\n"


def _beside(others):
    return lambda released: {**sent(filled(released)), **others}


group.files("numpy.py beside the notebook", _beside({"numpy.py": NUMPY}), MARKS, by="asserts")
group.files("checker.py beside the notebook", _beside({"checker.py": CHECKER}), MARKS)
group.files(
    "modules of Python's own beside the notebook",
    _beside(dict.fromkeys(("sitecustomize.py", "json.py", "random.py", "IPython/__init__.py", "ast.py", "conftest.py",
                           "nbgrader_config.py", "jupyter_nbconvert_config.py", "encodings.py", "pickle.py", "x.pth",
                           "solutions/__init__.py", "checker/course/submission.py"), PLANTED)),
)  # fmt: skip


@group.changed("modules written by the notebook")
def written(notebook):
    names = ("numpy", "checker", "json", "random", "os", "struct", "IPython", "traceback", "sitecustomize", "solutions")
    text = "".join(f"open('{name}.py', 'w').write({PLANTED.decode()!r})\n" for name in names)
    text += "import os, importlib\nos.mkdir('checker')\nopen('checker/__init__.py', 'w')"
    notebook["cells"].insert(2, cell(text))
    named(notebook, "mul_backward")["source"] = "import os; os._exit(1)"


#: Names that a careless extraction would follow, or a careless page show.
NAMES = ("../escaped.ipynb", "../../source/small/small.ipynb", "/@OUTSIDE@/escaped.ipynb", "..\\..\\small.ipynb",
         "a\nb.ipynb", "-rf.ipynb", "$(touch pwned).ipynb", "<img src=x onerror=pwned()>.ipynb", "x" * 240 + ".ipynb",
         "small.ipynb/", "nul\0.ipynb", "\ud800.ipynb", "small.ipynb.ipynb", ".", "..", "")  # fmt: skip
group.files("names that lead elsewhere", lambda released: {**sent(filled(released)), **dict.fromkeys(NAMES, b"{}")})
group.files("only names that lead elsewhere", lambda released: dict.fromkeys(NAMES, b"{}"), states=("not graded",))
group.files(
    "three notebooks of other names",
    lambda released: {name: sent(filled(released))[f"{SMALL}.ipynb"] for name in ("a.ipynb", "b.ipynb", "../c.ipynb")},
    states=("not graded",),
)
