"""Right answers, in the styles of many students: full marks, whatever stands beside them."""

import json

from .submission import Group, cell, filled, named, sent

group = Group("honest")

MUL = """def mul_forward(x, y):
    return x * y, (x, y)


def mul_backward(dout, cache):
    x, y = cache
    @FIRST@
    return dout * y, dout * x
"""
AFFINE = """def affine_forward(x, w, b):
    return x @ w.T + b, (x, w)


def affine_backward(dout, cache):
    x, w = cache
    @SECOND@
    return dout @ w, dout.T @ x, dout.sum(axis=0)
"""


def right(words: str, **given: str) -> None:
    """Right answers, with code in their places."""
    group.code(words, deserves=3.0, **{"mul": MUL, "affine": AFFINE, **given})


right("plain")
right(
    "warnings",
    first="import warnings; warnings.warn('careful')",
    second="np.log(np.zeros(3)); np.float64(1) / 0",
    last="np.array([1.0]) / 0",
)
right(
    "debug prints",
    top="print('start')",
    first="print('x', x, 'y', y)",
    second="print(dout.shape)\nprint(dout)",
    last="for i in range(300): print(i)",
)
right(
    "standard error and logging",
    first="import sys; print('here', file=sys.stderr)",
    second="import logging; logging.warning('there'); logging.getLogger('x').error('x')",
    top="import sys; sys.stderr.write('x')",
)
right("a slow cell and slow answers", top="import time; time.sleep(2)", second="import time; time.sleep(0.01)")
right(
    "plots",
    top="""
%matplotlib inline
import matplotlib.pyplot as plt
plt.plot([1, 2, 3])
plt.title("Loss")
plt.show()
fig, ax = plt.subplots()
ax.imshow(np.random.rand(8, 8))
fig.savefig("loss.png")
""",
)
right(
    "magics",
    top="%time sum(range(1000))\n%timeit -n 3 -r 2 sum(range(100))\n%precision 3\n%who\n%pwd",
    last="%%capture out\nprint('x')",
)
right(
    "helper functions and classes",
    mul="""
from collections import namedtuple
from dataclasses import dataclass
from functools import lru_cache, partial, wraps
Saved = namedtuple("Saved", "x y")
def logged(function):
    @wraps(function)
    def inner(*given, **named):
        return function(*given, **named)
    return inner
@logged
def mul_forward(x: float, y: float):
    return x * y, Saved(x, y)
def _times(a, b):
    return a * b
@logged
def mul_backward(dout, cache):
    return _times(dout, cache.y), _times(dout, cache.x)
""",
    affine="""
class Cache:
    def __init__(self, **values):
        self.__dict__.update(values)
class Affine:
    def forward(self, x, w, b):
        return np.einsum("nd,md->nm", x, w) + b[None, :], Cache(x=x, w=w, layer=self)
    def backward(self, dout, cache):
        return np.einsum("nm,md->nd", dout, cache.w), np.einsum("nm,nd->md", dout, cache.x), np.einsum("nm->m", dout)
layer = Affine()
def affine_forward(x, w, b):
    return layer.forward(x, w, b)
def affine_backward(dout, cache):
    return cache.layer.backward(dout, cache)
""",
)
right(
    "caches of all kinds",
    mul=MUL.replace("(x, y)\n\n", "{'x': x, 'y': y, 'why': None}\n\n").replace("= cache", "= cache['x'], cache['y']"),
    affine=AFFINE.replace("(x, w)\n\n\n", "lambda: (x, w)\n\n\n").replace("x, w = cache", "x, w = cache()"),
)
right(
    "loops in the place of products",
    affine=AFFINE.replace(
        "return dout @ w, dout.T @ x, dout.sum(axis=0)",
        """
    dx, dw, db = np.zeros(x.shape), np.zeros(w.shape), np.zeros(w.shape[0])
    for n in range(dout.shape[0]):
        for m in range(dout.shape[1]):
            db[m] += dout[n, m]
            for d in range(x.shape[1]):
                dx[n, d] += dout[n, m] * w[m, d]
                dw[m, d] += dout[n, m] * x[n, d]
    return dx, dw, db""",
    ),
)
right("single precision inside", top="np.float32(1) / 3", second="small = np.zeros(3, dtype=np.float32)")
right(
    "Fortran order and views",
    affine=AFFINE.replace(
        "return dout @ w, dout.T @ x, dout.sum(axis=0)",
        """
    dx, dw = np.asfortranarray(dout @ w), (x.T @ dout).T
    db = np.concatenate([dout.sum(axis=0), [0.0]])[:-1]
    return dx, dw, db""",
    ),
)
right(
    "settings of the session",
    top="""
import warnings
np.random.seed(0)
np.seterr(all="raise")
np.set_printoptions(precision=2, suppress=True)
warnings.filterwarnings("error")
import random
random.seed(1)
""",
)
right("an exit at the end", last="import sys\nsys.exit(0)", top="quit = None")
right("exit in a cell above", top="exit()")
right("errors in other cells", top="undefined_name", last="1 / 0")
right("a cell that does not parse", top="def broken(:", last="x = (")
right(
    "files of the student's own",
    top="""
import json, os, tempfile
with open("notes.txt", "w") as file:
    file.write("x")
print(open("notes.txt").read(), os.listdir("."))
np.save("weights.npy", np.zeros(3))
np.load("weights.npy")
with tempfile.TemporaryFile() as file:
    file.write(b"x")
with tempfile.TemporaryDirectory() as folder:
    json.dump({}, open(os.path.join(folder, "x.json"), "w"))
""",
)
right(
    "threads of the student's own",
    top="""
from concurrent.futures import ThreadPoolExecutor
import threading
pool = ThreadPoolExecutor(4)
print(list(pool.map(abs, range(-9, 0))))
threading.Thread(target=print, args=("done",)).start()
big = np.linalg.svd(np.random.rand(200, 200))
""",
)
right(
    "other alphabets",
    top='größe = "ß"\nπ = 3.14\nprint("渐变 🙂 \\u202e")',
    first="δ = dout",
    last="print('\\x1b[31mred\\x1b[0m')",
)
right(
    "a forward that is run again on the way back",
    first="assert np.isclose(mul_forward(x, y)[0], x * y)",
    second="assert affine_forward(x, w, np.zeros(len(w)))[0].shape == dout.shape",
)
right("stored outputs", last="[1, 2, 3]")
right("slow imports", top="import scipy.stats, unittest, sqlite3, asyncio, multiprocessing, http.client, xml.dom")
right("global state that does no harm", top="calls = []\nmemo = {}", first="calls.append(len(calls))")
right("NumPy numbers", mul=MUL.replace("return dout * y, dout * x", "return np.float64(dout * y), np.array(dout * x)"))
right(
    "recursion and generators",
    top="""
import sys
sys.setrecursionlimit(5000)
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)
print(fib(15), sum(each for each in range(10)))
async def later():
    return 1
await later()
""",
)
right("a long output", top="print('x' * 5000)\nfor i in range(2000): print(i, end=' ')")
right(
    "rich output",
    top="""
from IPython.display import HTML, Markdown, Math, display, clear_output
display(HTML("<table><tr><td>1</td></tr></table>"), Markdown("**x**"), Math("x^2"))
clear_output()
np.eye(3)
""",
)
right("interrupted by itself", top="raise KeyboardInterrupt")


def _windows(released):
    """As an editor on another system saves it: line endings, a mark, outputs, no ids."""
    notebook = filled(released, mul=MUL, affine=AFFINE)
    for each in notebook["cells"]:
        each["source"] = "".join(each["source"]).replace("\n", "\r\n")
        del each["id"]
    notebook["nbformat_minor"] = 4
    text = json.dumps(notebook, indent=1).replace("\n", "\r\n")
    return {"small.ipynb": b"\xef\xbb\xbf" + text.encode()}


group.files("from another system", _windows, deserves=3.0)


def _own_cells(released):
    notebook = filled(released, mul=MUL, affine=AFFINE)
    for number in range(100):
        notebook["cells"].insert(3, cell(f"x{number} = {number}", f"try-{number}"))
    named(notebook, "why")["source"] += "\n\nBecause."
    return sent(notebook)


group.files("many cells of the student's own", _own_cells, deserves=3.0)
