"""What is said of code that raises, and of code whose meaning changed. Every sentence is met here."""

import linecache
import textwrap

import numpy as np
import pytest

from checker import environment, places

X = np.arange(12.0).reshape(4, 3)
W = np.ones((4, 5))


def raised(source, *arguments, name="f"):
    """Run a function given as text, from a file that has its lines; what `describe` says of what it raises."""
    namespace = {"np": np}
    text = textwrap.dedent(source).lstrip("\n")
    file = f"<{name}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    exec(compile(text, file, "exec"), namespace)
    try:
        namespace[name](*arguments)
    except Exception as problem:
        return environment.describe(problem, namespace[name])
    raise AssertionError("nothing was raised")


# -- the mends --------------------------------------------------------------------------------------------------------

MENDS = [
    # a size or an index that is a float
    (
        "h = len(x) / 2\n    np.zeros((h, 3))",
        "h is the float 2: a size or index must be whole, so compute it with // for /",
    ),
    ("range(len(x) / 2)", "A size or index must be whole, and / always gives a float in Python 3: use //"),
    ("x.reshape(2.0, -1)", "A size or index must be whole: use // for /, or int(...)"),
    ("x[len(x) / 2]", "A size or index must be whole, and / always gives a float in Python 3: use //"),
    ("x[: len(x) / 2]", "A size or index must be whole, and / always gives a float in Python 3: use //"),
    ("[0] * (len(x) / 2)", "A size or index must be whole, and / always gives a float in Python 3: use //"),
    ("np.zeros(len(x) / 2)", "A size or index must be whole, and / always gives a float in Python 3: use //"),
    ("np.pad(x, len(x) / 2)", "A size or index must be whole, and / always gives a float in Python 3: use //"),
    ("np.bincount(x[0] / 2)", "A size or index must be whole, and / always gives a float in Python 3: use //"),
    # what NumPy no longer has
    ("np.int(3)", "NumPy no longer has np.int: write int"),
    ("np.float(3)", "NumPy no longer has np.float: write float"),
    ("x.astype(np.float_)", "NumPy no longer has np.float_: write np.float64"),
    ("np.product(x)", "NumPy no longer has np.product: write np.prod"),
    ("np.alltrue(x)", "NumPy no longer has np.alltrue: write np.all"),
    ("np.asscalar(x[:1, 0])", "NumPy no longer has np.asscalar: write a.item()"),
    ("np.trapz(x)", "NumPy no longer has np.trapz: write np.trapezoid"),
    ("np.in1d(x, x)", "NumPy no longer has np.in1d: write np.isin"),
    ("np.reshape(x, newshape=(3, 4))", "newshape= is gone: write reshape(a, shape)"),
    ("np.Inf", "NumPy no longer has np.Inf: write np.inf"),
    ("np.lib.pad(x, 1, 'constant')", "np.lib.pad is gone: write np.pad"),
    ("from numpy import product", "np.product is gone: write np.prod"),
    ("x.itemset(3)", "NumPy's arrays no longer have .itemset: write a[index] = value"),
    ("np.array(x, copy=False, dtype=int)", "copy=False now forbids a copy: write np.asarray(...) instead"),
    ("s = x[:1, 0]\n    float(s)", "NumPy no longer takes s, an array of shape (1,), for a number: write s.item()"),
    (
        "s = x[:1, :1]\n    out = np.zeros(3)\n    out[0] = s",
        "takes s, an array of shape (1, 1), for a number: write s.item()",
    ),
    (
        "float(np.ones(1))",
        "NumPy no longer takes an array of one number for a number: add .item(), or sum over every axis",
    ),
    (
        "np.array([[1.0], [1.0, 2.0]])",
        "NumPy no longer makes an array of rows of different lengths: pad them, or give dtype",
    ),
    ("np.vstack(map(float, [1]))", "NumPy does not stack an iterator: make a list of it first"),
    ("np.sum(i for i in range(3))", "NumPy no longer sums a generator: use Python's sum"),
    (
        "x[[slice(None), 0]]",
        "NumPy no longer reads a list of indices, a[[rows, cols]], as a tuple: write a[rows, cols]",
    ),
    ("x[[np.arange(3), np.arange(2)]]", "NumPy no longer reads a list of indices, a[[rows, cols]], as a tuple: write"),
    (
        "np.arange(3).__isub__(0.5)",
        "The array holds integers, and what is written into it does not: make it an array of",
    ),
    ("np.max(x, np.zeros((4, 3)))", "If two arrays are to be compared it is np.maximum or np.minimum"),
    # Python 2
    ("xrange(3)", "Python 3 has no xrange: write range"),
    ("import cPickle", "Python 3 has no cPickle: write pickle"),
    ("{}.iteritems()", "Python 3's dicts have no iteritems: write d.items()"),
    ("{}.has_key(1)", "Python 3's dicts have no has_key: write key in d"),
    ("map(float, [1])[0]", "In Python 3 map(...) is no list: write list(map(...))"),
    ("{}.keys()[0]", "In Python 3 d.keys() is no list: write list(d.keys())"),
    ("raise 'wrong'", "A text cannot be raised: write raise ValueError(text)"),
    (
        "import collections\n    collections.Iterable",
        "Python moved collections.Iterable: write collections.abc.Iterable",
    ),
    ("from collections import Iterable", "Python moved collections.Iterable: write collections.abc.Iterable"),
    ("from itertools import izip", "itertools.izip is gone: write zip"),
    # slips
    ("a, b, c = (x, x)", "A backward must unpack as many values as its forward packs into the cache"),
    ("np.maximun(x, 0)", "Did you mean np.maximum?"),
    ("return dotu + x", "Did you mean dout?"),
]


@pytest.mark.parametrize(("line", "mend"), MENDS, ids=[line.split("\n")[-1].strip() for line, _ in MENDS])
def test_a_line_that_breaks_gets_its_mend(line, mend):
    assert mend in raised(f"def f(x, dout=None):\n    {line}", X)


SYNTAX = [
    ("print 'loss'", "In Python 3 print is a function: write print(...)"),
    ("try:\n    pass\nexcept ValueError, e:\n    pass", "Python 3 writes except Error as e"),
    ("raise ValueError, 'wrong'", "Python 3 writes raise Error(text)"),
    ("a = 1 <> 2", "Python 3 writes != for <>"),
    ("a = `1`", "Python 3 writes repr(x) for `x`"),
    ("def f((a, b)):\n    pass", "Python 3 takes no tuple as a parameter: take one name, and unpack it in the body"),
    ("a = 0777", "Python 3 writes octal numbers with 0o"),
    ("a = 1L", "Python 3 has no 1L: write 1"),
    (
        "if True:\n\ta = 1\n        b = 2",
        "Python 3 allows no mixture of tabs and spaces: indent with four spaces throughout",
    ),
]


@pytest.mark.parametrize(("source", "mend"), SYNTAX, ids=[source for source, _ in SYNTAX])
def test_a_file_written_for_python_2_gets_its_mend(source, mend):
    with pytest.raises(SyntaxError) as caught:
        compile(source, "old.py", "exec")
    told = environment.cannot_import(caught.value, "old.py")
    assert told.startswith(f"old.py cannot be imported: it raised {type(caught.value).__name__} at old.py, line ")
    assert told.endswith(mend)
    assert environment.explain(caught.value) == mend


def test_a_missing_numpy_import_is_named():
    namespace = {}
    exec("def f():\n    return np.ones(3)", namespace)
    with pytest.raises(NameError) as caught:
        namespace["f"]()
    assert environment.explain(caught.value) == "Is import numpy as np missing?"


def test_nothing_is_said_where_nothing_is_known():
    assert environment.explain(ValueError("the batch is empty")) is None
    assert raised("def f():\n    raise ValueError('the batch is empty')") == (
        "f raised ValueError at <f>, line 2, `raise ValueError('the batch is empty')`: the batch is empty"
    )


# -- the line, and what it held ---------------------------------------------------------------------------------------


def test_a_shape_error_shows_the_line_and_its_arrays():
    told = raised("def f(x, w):\n    y = 2 * x\n    return x + y @ w", X, W)
    assert told.startswith("f raised ValueError at <f>, line 3, `return x + y @ w`: matmul: 3 and 4 differ")
    assert told.endswith(". There, y is (4, 3) and w is (4, 5)")


def test_transposes_and_dict_entries_are_shown_as_they_are_used():
    told = raised("def f(x, params):\n    return x.T @ params['W'].T", X, {"W": W})
    assert told.endswith("There, x.T is (3, 4) and params['W'].T is (5, 4)")


def test_attributes_of_a_layer_are_shown_without_running_its_properties():
    class Layer:
        def __init__(self):
            self.w = W

        @property
        def trap(self):
            raise AssertionError("a property was run")

    told = raised("def f(self, x):\n    return x.dot(self.w) + 0 * self.trap", Layer(), X)
    assert told.endswith("There, x is (4, 3) and self.w is (4, 5)")


def test_a_cache_of_another_length_is_counted():
    told = raised("def f(cache):\n    x, w, b = cache", (X, W))
    assert "not enough values to unpack (expected 3, got 2)" in told
    assert told.endswith("There, cache is a tuple of 2")


def test_the_deepest_line_of_the_authors_own_code_is_shown():
    told = raised("def helper(x):\n    return np.linalg.inv(x)\ndef f(x):\n    return helper(x)", X)
    assert "at <f>, line 2, `return np.linalg.inv(x)`" in told


def test_a_call_with_too_many_arguments_is_placed_at_the_definition(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text("\n\ndef f(dout):\n    return dout\n")
    namespace = {}
    exec(compile((tmp_path / "mine.py").read_text(), str(tmp_path / "mine.py"), "exec"), namespace)
    problem = TypeError("f() takes 1 positional argument but 2 were given")
    told = environment.describe(problem, namespace["f"])
    assert (
        told
        == "f raised TypeError at mine.py, line 3, `def f(dout):`: f() takes 1 positional argument but 2 were given"
    )


def test_a_long_text_is_cut():
    told = raised("def f():\n    raise ValueError('x' * 1000)")
    assert told.endswith("xxx [...]")
    assert len(told) < 300


def test_user_line_gives_file_line_and_text():
    try:
        np.linalg.inv(X)
    except np.linalg.LinAlgError as problem:
        place = environment.user_line(problem)
    assert place.file == __file__
    assert place.source == "np.linalg.inv(X)"
    assert environment.user_line(ValueError("never raised")) is None


# -- code that still runs, and means something else -------------------------------------------------------------------


def index_by_list(smax, y):
    rows = np.arange(len(y))
    return smax[[rows, y]]


def index_by_rows(smax, y):
    best, worst = 0, 1
    return smax[[0, 2]], smax[[best, worst]], smax[np.arange(len(y)), y], smax[[0]]


def test_a_list_of_index_arrays_is_noticed_in_the_source():
    (note,) = environment.changed_meaning(index_by_list)
    line = index_by_list.__code__.co_firstlineno + 2
    assert note.endswith(
        f"test_environment.py, line {line}: `smax[[rows, y]]` picks whole rows; before NumPy 1.23 it meant "
        "`smax[rows, y]`, which is how to write that now"
    )


def test_rows_that_are_meant_are_not_suspected():
    assert environment.changed_meaning(index_by_rows) == ()
    assert environment.changed_meaning(np.exp) == ()


def test_a_notebooks_cell_is_called_so():
    assert places.shown("/tmp/ipykernel_4711/38420834.py") == "the cell"
    assert places.shown("<ipython-input-3-a1b2>") == "the cell"
