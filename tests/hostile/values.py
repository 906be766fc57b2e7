"""Values that lie: about their numbers, shape, type, length or equality, or that are too large to look at."""

import inspect
import json
from functools import cache

import numpy as np

from checker.course import grading
from checker.course.notebooks import find

from .submission import AFFINE, MARKS, MUL, Group, filled, named, sent

group = Group("value")

LIAR = """
class Liar(np.ndarray):
    def __array_ufunc__(self, ufunc, method, *inputs, **named):
        shape = max((getattr(each, "shape", ()) for each in inputs), key=len)
        return np.full(shape, ufunc.__name__ not in ("isnan", "isinf", "not_equal", "signbit"))
    def __array_function__(self, function, types, given, named):
        return np.full(self.shape, True)
    def __eq__(self, other):
        return True
    def __array_wrap__(self, *given, **named):
        return self
    def all(self, *given, **named):
        return True
    any = all
"""
group.code(
    "arrays that equal everything",
    MARKS,
    by="asserts",
    top=LIAR,
    first="return np.zeros(()).view(Liar), np.zeros(()).view(Liar)",
    second="return tuple(np.zeros_like(each).view(Liar) for each in (x, w, w[:, 0]))",
)

group.code(
    "floats that equal everything",
    top="""
class Same(float):
    __eq__ = __le__ = __ge__ = __lt__ = __bool__ = lambda self, *other: True
    __hash__ = float.__hash__
    __sub__ = __rsub__ = __mul__ = __rmul__ = __abs__ = __truediv__ = lambda self, *other: Same(0.0)
    __float__ = lambda self: 0.0
    __array_ufunc__ = lambda self, *given, **named: True
""",
    first="return Same(1), Same(1)",
    second="return Same(1), Same(1), Same(1)",
)

group.code(
    "arrays that lie about shape and type",
    top="""
class Shaped(np.ndarray):
    shape = property(lambda self: (3, 4))
    dtype = property(lambda self: np.dtype(float))
    size = property(lambda self: 12)
    nbytes = property(lambda self: 1 << 60)
    strides = property(lambda self: (1 << 40, 1))
    ndim = property(lambda self: 2)
    flags = property(lambda self: 1 / 0)
    base = property(lambda self: self)
    def tobytes(self, *given):
        return b"x"
    def __len__(self):
        return 1 << 62
    def __reduce__(self):
        raise SystemExit
""",
    first="return np.zeros(1, 'i1').view(Shaped), np.zeros((), 'U3').view(Shaped)",
    second="return tuple(np.zeros(0, 'c16').view(Shaped) for each in range(3))",
)

group.code(
    "objects that pretend to be arrays",
    top="""
class Pretender:
    __class__ = property(lambda self: np.ndarray)
    __array_interface__ = {"shape": (1 << 20, 1 << 20), "typestr": "<f8", "data": (8, False), "version": 3}
    __array_struct__ = property(lambda self: 1 / 0)
    dtype, shape, ndim, size = np.dtype(float), (5,), 1, 5
    def __array__(self, *given, **named):
        while True:
            import time
            time.sleep(1)
    def __getattr__(self, name):
        return self
    def __call__(self, *given):
        return self
    def __iter__(self):
        while True:
            yield self
    def __len__(self):
        return 3
""",
    first="return Pretender(), Pretender()",
    second="return Pretender()",
)

group.code(
    "containers that lie about their length",
    top="""
class Endless(tuple):
    def __iter__(self):
        while True:
            yield 0.0
    def __len__(self):
        return 2 ** 62
    def __getitem__(self, place):
        return self
class Keys(dict):
    def items(self):
        while True:
            yield object(), 1
    keys = values = __iter__ = items
    def __len__(self):
        return -1
class Items(list):
    __iter__ = Endless.__iter__
    __len__ = lambda self: 2 if self else 1 / 0
""",
    first="return Endless((0.0, 0.0))",
    second="return Items([Keys(x=1), Endless(), Keys()])",
)

group.code(
    "generators that never end",
    first="""
def numbers():
    while True:
        yield 0.0
return numbers()
""",
    second="""
import itertools
return itertools.repeat(dout), itertools.count(), iter(int, 1)
""",
)

group.code(
    "NaN everywhere",
    MARKS,
    by="asserts",
    mul=MUL.replace("return x * y", "return x * float('nan')"),
    affine=AFFINE.replace("x @ w.T + b", "x @ w.T * np.nan"),
    first="return np.nan, np.nan",
    second="return np.full_like(x, np.nan), np.full_like(w, np.nan), np.full(w.shape[0], np.nan)",
)

group.code(
    "payloads in NaN and infinities",
    first="""
odd = np.array([0x7FF0DEADBEEF0001, 0xFFF8000000000001], dtype=np.uint64).view(float)
return odd[0], odd[1]
""",
    second="""
odd = np.uint64(0x7FF0000000000001).view(float)
return np.full_like(x, odd), np.full_like(w, np.inf), np.full(w.shape[0], -np.inf, dtype=np.longdouble)
""",
)

group.code(
    "a constant forward and no slope",
    MARKS,
    by="asserts",
    affine=AFFINE.replace("return x @ w.T + b, (x, w)", "return np.zeros((len(x), len(w))), (x, w)"),
    mul=MUL.replace("return x * y, ", "return 0.0, "),
)

HALVED = AFFINE.replace("return x @ w.T + b", "return x @ w.T * 0.5 + b")
NUMERIC = HALVED.replace(
    "@SECOND@",
    """f = lambda *given: (affine_forward(*given)[0] * dout).sum()
    b, gradients = np.zeros(w.shape[0]), []
    for k, each in enumerate((x, w, b)):
        g = np.zeros_like(each)
        for i in np.ndindex(each.shape):
            up, down = each.copy(), each.copy()
            up[i] += 1e-5
            down[i] -= 1e-5
            g[i] = (f(*[up if j == k else v for j, v in enumerate((x, w, b))])
                    - f(*[down if j == k else v for j, v in enumerate((x, w, b))])) / 2e-5
        gradients.append(g)
    return tuple(gradients)""",
)
group.code(
    "numeric derivatives of its own wrong forward",
    MARKS,
    by="asserts",
    affine=NUMERIC,
    mul=MUL.replace("return x * y, ", "return x + y, "),
)

group.code(
    "numeric derivatives of its own right forward",
    MARKS,
    by="asserts",
    affine=NUMERIC.replace("x @ w.T * 0.5 + b", "x @ w.T + b"),
    first="""
h = 1e-6
f = lambda x, y: mul_forward(x, y)[0]
x, y = cache
return dout * (f(x + h, y) - f(x - h, y)) / (2 * h), dout * (f(x, y + h) - f(x, y - h)) / (2 * h)
""",
)

group.code(
    "arrays of a terabyte",
    first="return np.broadcast_to(0.0, (10**6, 10**6)), np.zeros((10**9, 0))",
    second="""
from numpy.lib.stride_tricks import as_strided
return as_strided(np.zeros(1), (1 << 40,), (0,)), np.zeros((0, 1 << 60)), np.broadcast_to(0.0, (1,) * 31 + (1 << 50,))
""",
)

group.code(
    "arrays of 400 MB",
    first="return np.zeros(50_000_000), 0.0",
    second="return tuple(np.ones((7000, 7000)) for _ in range(1)) + (0.0, 0.0)",
)

group.code(
    "views beyond their memory",
    first="""
from numpy.lib.stride_tricks import as_strided
inside = np.zeros(16)
return as_strided(inside[8:], (4, 4), (-8, -8)), as_strided(inside, (3,), (1,))
""",
    second="""
a = np.zeros(1000)
return tuple(a[k:1000 - k] for k in range(400)), a[::-1], a.view("u1")[3:].view("V5")
""",
)

group.code(
    "texts of 100 MB",
    first="return 'x' * 100_000_000, b'y' * 100_000_000",
    second="return {'x' * 50_000_000: 1}, 10 ** 400_000, [b'z' * 1000] * 100_000",
)

group.code(
    "containers that hold themselves",
    first="""
loop = [0.0]
loop.append(loop)
return loop, loop
""",
    second="""
deep = ()
for _ in range(100_000):
    deep = (deep,)
wide = [0.0]
for _ in range(40):
    wide = [wide, wide]
table = {}
table["x"] = table
return deep, wide, table
""",
)

group.code(
    "arrays of objects, records, dates and files",
    first="""
cycle = np.empty(2, object)
cycle[:] = [cycle, lambda: 0]
return cycle, np.zeros(2, "M8[s]")
""",
    second="""
return np.memmap("own.bin", float, "w+", shape=(2,)), np.zeros(3, [("x", "f8"), ("y", "O")]), np.ma.masked_all(3)
""",
)

group.code(
    "numbers of other kinds",
    first="""
from decimal import Decimal
return Decimal(0), complex(0, 1e300)
""",
    second="""
from fractions import Fraction
return True, Fraction(1, 10 ** 5000), np.float16(0)
""",
)

PICKLED = """
class Bomb:
    def __reduce__(self):
        return (open, ("@OUTSIDE@/unpickled", "w"))
    __reduce_ex__ = lambda self, protocol: self.__reduce__()
    __getstate__ = __getnewargs__ = __reduce__
class Fault(Exception):
    __reduce__ = Bomb.__reduce__
    __reduce_ex__ = Bomb.__reduce_ex__
"""
group.code(
    "objects that act when they are unpickled",
    top=PICKLED,
    mul=MUL.replace("(x, y)\n\n", "Bomb()\n\n", 1),
    first="return Bomb(), Bomb()",
    second="raise Fault(Bomb())",
    last="raise Fault(Bomb())",
)

group.code(
    "exceptions that fight back",
    top="""
class Stubborn(BaseException):
    def __str__(self):
        raise SystemExit("no")
    __repr__ = __str__
    args = property(__str__)
    __traceback__ = property(__str__)
class Named(type):
    __name__ = property(lambda cls: "a\\0b\\ud800<script>")
    __module__ = __qualname__ = __name__
class Odd(Exception, metaclass=Named):
    def __str__(self):
        return "\\ud800\\0" + "x" * 50_000_000
""",
    first="raise Stubborn()",
    second="raise Odd()",
    last="raise Odd()",
)

group.code(
    "exceptions in chains and groups",
    first="""
problem = ValueError("inner")
for _ in range(5000):
    problem = ExceptionGroup("group", [problem])
raise problem
""",
    second="""
problem = None
for _ in range(3000):
    try:
        raise ValueError("x") from problem
    except ValueError as caught:
        problem = caught
first = problem
while first.__cause__ is not None:
    first = first.__cause__
first.__cause__ = problem
raise problem
""",
    last="raise ExceptionGroup('g', [ValueError('x')] * 100_000)",
)

for odd in ("StopIteration", "SystemExit", "GeneratorExit", "MemoryError"):
    group.code(f"{odd} out of an answer", first=f"raise {odd}", second=f"raise {odd}", last=f"raise {odd}")

group.code(
    "functions that lie about themselves",
    top="""
import inspect
class Function:
    __name__ = property(lambda self: 5)
    __signature__ = property(lambda self: inspect.Signature([]))
    __code__ = __wrapped__ = property(lambda self: self)
    __module__ = "solutions.gates"
    exercise = property(lambda self: self)
    def __init__(self, give):
        self.give = give
    def __call__(self, *given, **named):
        return self.give
    def __eq__(self, other):
        return True
    def __hash__(self):
        return 1 / 0
    def __bool__(self):
        raise SystemExit
class Odd:
    def __getattribute__(self, name):
        raise SystemExit
    __call__ = lambda self, *given: 0.0
""",
    mul=MUL + "mul_backward = Function((0.0, 0.0))",
    affine=AFFINE
    + """
affine_backward, affine_forward = Function((0.0, 0.0, 0.0)), Odd()
""",
)

group.code(
    "builtins for answers",
    mul=MUL + "mul_forward, mul_backward = eval, exec",
    affine=AFFINE + "affine_forward, affine_backward = print, type",
)

group.code(
    "a signature of nonsense",
    top="""
import inspect
def odd(dout, cache):
    return 0.0, 0.0
class Parameter(inspect.Parameter):
    name = property(lambda self: "self.x; \\ud800")
    kind = property(lambda self: 99)
class Signature:
    parameters = {"x": Parameter("x", 1), "y": Parameter("x", 1)}
odd.__signature__ = Signature()
odd.__name__ = "\\ud800<b>" * 1000
odd.__defaults__ = (odd, odd)
""",
    mul=MUL + "mul_backward = odd",
    affine=AFFINE + "affine_backward = affine_forward = odd",
)

group.code(
    "the visible check's numbers by heart",
    first="""
import json, os, coursework
path = os.path.join(os.path.dirname(coursework.__file__), "values", "gates.json")
known = json.load(open(path))["exercises"]["mul_backward"]["ordinary"]
for each in known:
    if each["inputs"] == list(cache):
        return tuple(each["expected"].get(f"gradient {name}", 0.0) for name in "xy")
""",
    second="""
import os
if os.environ.get("NBGRADER_EXECUTION") == "autograde":
    return None
""",
)


# -- a table of right answers -----------------------------------------------------------------------------------------


_ASKED = ("gates", "mul_backward"), ("affine", "affine_backward")


@cache
def _asked(name: str) -> tuple[str, ...]:
    """What the hidden test asked of right answers: a line for each call, its arguments and what they give."""
    task = find(name)
    table: dict[str, str] = {}

    def answer(dout, cache):
        gradients = task.answer(dout, cache)
        table[_key(dout, cache)] = repr([np.asarray(each).tolist() for each in gradients])
        return gradients

    def right(*given):
        return task.forward(*given)

    right.__signature__ = inspect.signature(task.forward)
    grading.judged(task, {task.answer.__name__: answer, task.forward.__name__: right})
    return tuple(f"{key!r}: {value}," for key, value in table.items())


def _key(dout, cache):
    return repr([np.round(np.asarray(each), 9).tolist() for each in (dout, *cache)])


def _table(released):
    """Both answers by table: somebody who passed wrote down what was asked, and what was right."""
    tables = {name: "\n".join(_asked(f"{topic}.{name}")) for topic, name in _ASKED}
    key = "lambda dout, cache: repr([np.round(np.asarray(each), 9).tolist() for each in (dout, *cache)])"
    top = f"key = {key}\n" + "\n".join(f"{name}_known = {{\n{text}\n}}" for name, text in tables.items())
    notebook = filled(
        released, top=top,
        first="known = mul_backward_known.get(key(dout, cache))\nif known:\n    return tuple(known)",
        second="known = affine_backward_known.get(key(dout, cache))\nif known:\n    return tuple(map(np.array, known))",
    )  # fmt: skip
    return sent(notebook)


group.files("a table of what was asked before", _table, MARKS)


def _slowly(released):
    """A cell that is a single literal of 8 MB."""
    notebook = filled(released)
    named(notebook, "mul_backward")["source"] += f"table = {json.dumps(list(range(1_200_000)))}\n"
    return sent(notebook)


group.files("a literal of 8 MB", _slowly)
