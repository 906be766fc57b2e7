"""Tampering with the judge: what works where tests and answers share a process."""

from .submission import MARKS, SEEN, Group

group = Group("judge")

group.code(
    "assert_allclose does nothing",
    MARKS,
    by="asserts",
    top="""
import numpy.testing
for name in ("assert_allclose", "assert_array_almost_equal", "assert_almost_equal", "assert_equal"):
    setattr(np.testing, name, lambda *given, **named: None)
""",
)

group.code(
    "every comparison of NumPy succeeds",
    MARKS,
    by="asserts",
    top="""
import builtins
import numpy._core.numeric as numeric
import numpy.testing._private.utils as utils
yes = lambda *given, **named: True
builtins.abs = lambda value: value * 0
utils.assert_array_compare = utils.assert_allclose = np.testing.assert_allclose = yes
np.allclose = np.isclose = np.array_equal = np.array_equiv = numeric.isclose = numeric.allclose = yes
np.isfinite = np.isnan = yes
np.max = np.abs = np.linalg.norm = lambda value, *given, **named: 0.0
""",
)

group.code(
    "assertions are caught",
    top="""
import builtins
class AssertionError(Warning):
    pass
builtins.AssertionError = AssertionError
get_ipython().set_custom_exc((Exception,), lambda *given, **named: print("1.0"))
get_ipython().showtraceback = lambda *given, **named: None
""",
)

group.code(
    "grade gives full marks",
    MARKS,
    top="""
import checker.course.grading
checker.course.grading.grade = lambda name: {"gates.mul_backward": 1.0}.get(name, 2.0)
""",
)

group.code(
    "a module of its own in the place of grading",
    MARKS,
    top="""
import sys, types
fake = types.ModuleType("checker.course.grading")
fake.grade = lambda name: 1.0 if "mul" in name else 2.0
sys.modules["checker.course.grading"] = fake
""",
)

group.code(
    "the parts of grading give full marks",
    MARKS,
    top="""
import checker.course.grading as grading, checker.credit as credit, checker.exercises as exercises
from checker.report import RIGHT, Report
def right(self, *given, **named):
    return Report(self.name, RIGHT, ())
exercises.Exercise.check = right
for module in (grading, credit):
    module.credit = lambda task, report: credit.total(task)
    module.parts = lambda task, report: ()
grading.judged = lambda task, defined: (credit.total(task), Report(task.name, RIGHT, ()), ())
""",
)

group.code(
    "import gives another module",
    MARKS,
    top="""
import builtins, types
real = builtins.__import__
def fake(name, *given, **named):
    if name == "checker.course.grading":
        module = types.SimpleNamespace(grade=lambda exercise: 1.0 if "mul" in exercise else 2.0)
        return module
    return real(name, *given, **named)
builtins.__import__ = fake
""",
)

group.code(
    "a finder on the import path",
    MARKS,
    top="""
import importlib.abc, importlib.machinery, sys
class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        if name in ("checker.course.grading", "solutions"):
            return importlib.machinery.ModuleSpec(name, self)
    def create_module(self, spec):
        return None
    def exec_module(self, module):
        module.grade = lambda name: 1.0 if "mul" in name else 2.0
for name in [name for name in sys.modules if name.startswith(("checker.course.grading", "solutions"))]:
    del sys.modules[name]
sys.meta_path.insert(0, Finder())
""",
)

group.code(
    "an input transformer rewrites the tests",
    MARKS,
    top="""
def rewrite(lines):
    text = "".join(lines)
    if "grade(" in text:
        return ["1.0\\n"] if "mul" in text else ["2.0\\n"]
    return [line for line in lines if "assert" not in line]
get_ipython().input_transformers_post.append(rewrite)
""",
)

group.code(
    "a syntax tree without assertions",
    MARKS,
    by="asserts",
    top="""
import ast
class Drop(ast.NodeTransformer):
    def visit_Assert(self, node):
        return ast.Pass()
    def visit_Expr(self, node):
        return ast.Pass() if "assert" in ast.unparse(node) else node
    def visit_For(self, node):
        return ast.Pass() if "assert" in ast.unparse(node) else node
get_ipython().ast_transformers.append(Drop())
""",
)

group.code(
    "a syntax tree with other marks",
    MARKS,
    top="""
import ast
class Other(ast.NodeTransformer):
    def visit_Call(self, node):
        if getattr(node.func, "id", "") == "grade":
            return ast.Constant(1.0 if "mul" in node.args[0].value else 2.0)
        return node
get_ipython().ast_transformers.append(Other())
""",
)

group.code(
    "display hooks show other values",
    MARKS,
    top="""
import sys
shell = get_ipython()
real = type(shell.displayhook).__call__
def shown(self, value=None):
    return real(self, 1.0 if isinstance(value, float) else value)
type(shell.displayhook).__call__ = shown
""",
)

group.code(
    "a value is shown before the test fails",
    MARKS,
    by="asserts",
    first="get_ipython().displayhook(1.0)",
    second="get_ipython().displayhook(2.0)\nraise SystemExit",
)

group.code(
    "cells are run by another function",
    MARKS,
    top="""
import types
shell = get_ipython()
from IPython.core.interactiveshell import ExecutionResult, InteractiveShell
async def nothing(self, *given, **named):
    return ExecutionResult(None)
def at_once(self, *given, **named):
    return ExecutionResult(None)
for each in (type(shell), InteractiveShell):
    each.run_cell_async, each.run_cell, each.run_code = nothing, at_once, nothing
    each.run_ast_nodes = nothing
""",
)

group.code(
    "hooks before and behind every cell",
    MARKS,
    by="asserts",
    top="""
import numpy.testing
def undo(*given):
    np.testing.assert_allclose = lambda *given, **named: None
for event in ("pre_execute", "pre_run_cell", "post_run_cell", "post_execute"):
    get_ipython().events.register(event, undo)
""",
)

group.code(
    "the caller's frames hold the right answer",
    MARKS,
    first="""
import sys
frame = sys._getframe(1)
while frame is not None:
    task = frame.f_locals.get("task")
    if hasattr(task, "answer"):
        return task.answer(dout, cache)
    frame = frame.f_back
""",
    second="""
import inspect
for each in inspect.stack():
    task = each.frame.f_locals.get("task")
    if hasattr(task, "answer"):
        return task.answer(dout, cache)
""",
)

group.code(
    "an object that looks at what it is compared with",
    MARKS,
    by="asserts",
    top="""
import sys
class Mirror:
    def __init__(self, place=0):
        self.place = place
    def __array__(self, dtype=None, copy=None):
        frame = sys._getframe(1)
        while frame is not None:
            if "desired" in frame.f_locals:
                wanted = frame.f_locals["desired"]
                if not isinstance(wanted, Mirror):
                    return np.array(wanted)
            frame = frame.f_back
        return np.zeros(())
""",
    first="return Mirror()",
    second="return Mirror(), Mirror(), Mirror()",
)

group.code(
    "the collector's objects hold the right answer",
    MARKS,
    top="""
import gc
def found(name):
    for each in gc.get_objects():
        if type(each).__name__ == "Exercise" and each.name == name and not each.stub:
            return each.answer
    loots = [each for each in gc.get_objects() if getattr(each, "__module__", "") == "solutions.gates"]
    return getattr(loots[0], "__globals__", {}).get(name) if loots else None
""",
    first="""
known = found("mul_backward")
if known:
    return known(dout, cache)
""",
    second="""
known = found("affine_backward")
if known:
    return known(dout, cache)
""",
)

group.code(
    "the solutions are imported",
    MARKS,
    first="""
import importlib, sys
sys.modules.pop("solutions", None)
return importlib.import_module("solutions.gates").mul_backward(dout, cache)
""",
    second="""
import importlib, sys
sys.modules.pop("solutions", None)
return importlib.import_module("solutions.affine").affine_backward(dout, cache)
""",
)

group.code(
    "the course looks the exercise up",
    MARKS,
    first="""
from checker.course.notebooks import find
return find("gates.mul_backward").answer(dout, cache)
""",
    second="""
from checker.course.key import key
from coursework.affine import affine_backward
return key(affine_backward.exercise).answer(dout, cache)
""",
)

group.code(
    "a profiler catches the judge",
    MARKS,
    top="""
import sys, threading
caught = {}
def profile(frame, event, argument):
    task = frame.f_locals.get("task") if event == "call" else None
    if hasattr(task, "answer") and not getattr(task, "stub", True):
        caught[task.name] = task.answer
sys.setprofile(profile)
threading.setprofile(profile)
get_ipython().events.register("pre_run_cell", lambda *given: sys.setprofile(profile))
""",
    first="""
if "mul_backward" in caught:
    return caught["mul_backward"](dout, cache)
""",
    second="""
if "affine_backward" in caught:
    return caught["affine_backward"](dout, cache)
""",
)

group.code(
    "a tracer makes the judge return",
    MARKS,
    top="""
import sys, threading
from checker.report import RIGHT, Report
def install(*given):
    import checker.course.grading as grading, checker.exercises
    checker.exercises.Exercise.check = lambda self, *given, **named: Report(self.name, RIGHT, ())
    from checker.credit import total
    grading.credit = lambda task, report: total(task)
    grading.parts = lambda task, report: (grading.Part("", total(task), total(task)),)
def trace(frame, event, argument):
    if frame.f_code.co_name in ("judged", "graded"):
        sys.settrace(None)
        install()
    return None
sys.settrace(trace)
threading.settrace(trace)
get_ipython().events.register("pre_run_cell", lambda *given: sys.settrace(trace))
""",
)

group.code(
    "random numbers are all zero",
    MARKS,
    by="asserts",
    top="""
class Zeros:
    def __init__(self, *given):
        pass
    def __getattr__(self, name):
        def drawn(*given, size=None, **named):
            return np.zeros(size) if size is not None else 0.0
        return drawn
np.random.default_rng = np.random.Generator = np.random.RandomState = Zeros
np.random.seed = lambda *given: None
""",
)

group.code(
    "the history has the tests",
    SEEN,
    last="""
for each in [*In, *get_ipython().history_manager.input_hist_raw]:
    if "HIDDEN " + "TESTS" in each and "loot" not in each and "chr(" not in each:
        print(chr(76) + "OOT", each[-300:])
get_ipython().run_line_magic("history", "-g -l 20")
""",
)

group.code(
    "names of the tests are the student's own",
    top="""
grade = check = lambda *given: 1.0
judged = credit = total = report = lambda *given: (1.0, None, ())
__builtins__.__dict__.update(isinstance=lambda *given: True, float=lambda *given: 1.0, callable=lambda each: True)
""",
)

group.code(
    "constants of the interpreter are overwritten",
    top="""
import ctypes
zero = 0.0
def poison():
    for value in (0.0, 1.0):
        ctypes.c_double.from_address(id(value) + 16).value = 7.0
    ctypes.c_int.from_address(id(257) + 24).value = 1
poison()
""",
    last="""
import ctypes
ctypes.c_int.from_address(id(1) + 24).value = 2
ctypes.pythonapi.Py_IncRef(ctypes.py_object(0))
""",
)

group.code(
    "a report is printed as the grader prints it",
    top="""
print("mul_backward: right, 1 of 1 point")
print("affine_backward: right, 2 of 2 points")
""",
    first='print("mul_backward: right, 1 of 1 point")',
    second='print({"score": 2.0, "verdict": "right"})',
    last="1.0",
)

group.code(
    "cell magics keep the tests from running",
    MARKS,
    top="""
from IPython.core.magic import register_cell_magic
def silent(lines):
    text = "".join(lines)
    return ["%%silent\\n", *lines] if "grade(" in text or "assert" in text else lines
@register_cell_magic
def silent_(line, cell):
    return None
get_ipython().register_magic_function(lambda line, cell: None, "cell", "silent")
get_ipython().input_transformers_cleanup.insert(0, silent)
""",
)

group.code(
    "the visible check and its render are replaced",
    top="""
import checker.notebook, checker.render.html, checker.render.text, checker.standin
checker.notebook.check.__code__ = (lambda function, forward=None, *, seed=0: 1.0).__code__
checker.render.html.render = lambda *given, **named: "<b>right</b>"
checker.standin.MEASUREMENTS.clear()
class Always(dict):
    def __missing__(self, name):
        return lambda *given: True
    def __contains__(self, name):
        return True
checker.standin.MEASUREMENTS.update(Always())
""",
)
