"""What today's Python and NumPy refuse, and what to write instead: a sentence each, found by the exception's text."""

import builtins
import collections.abc
import difflib
import re
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from .places import Place, values

Mend = Callable[[re.Match[str], Place | None], str]

#: What NumPy no longer has, and what to write in its place.
NUMPY = {
    "int": "int", "float": "float", "bool": "bool", "complex": "complex", "object": "object", "str": "str",
    "long": "int", "unicode": "str", "float_": "np.float64", "complex_": "np.complex128", "int0": "np.intp",
    "bool8": "np.bool_", "string_": "np.bytes_", "unicode_": "np.str_", "PINF": "np.inf", "NINF": "-np.inf",
    "Inf": "np.inf", "Infinity": "np.inf", "infty": "np.inf", "NaN": "np.nan", "NAN": "np.nan",
    "product": "np.prod", "cumproduct": "np.cumprod", "alltrue": "np.all", "sometrue": "np.any",
    "in1d": "np.isin", "row_stack": "np.vstack", "trapz": "np.trapezoid", "round_": "np.round",
    "asscalar": "a.item()", "asfarray": "np.asarray(a, dtype=float)", "alen": "len", "rank": "np.ndim",
    "msort": "np.sort(a, axis=0)", "mat": "np.asmatrix", "cast": "a.astype", "find_common_type": "np.result_type",
}  # fmt: skip
METHODS = {"ptp": "np.ptp(a)", "itemset": "a[index] = value", "tostring": "a.tobytes()"}
#: What other modules no longer have.
MODULES = {
    "numpy.lib": {"pad": "np.pad"},
    "numpy.random": {"random_integers": "np.random.randint"},
    "string": {"letters": "string.ascii_letters", "maketrans": "str.maketrans"},
    "time": {"clock": "time.perf_counter"},
    "fractions": {"gcd": "math.gcd"},
    "inspect": {"getargspec": "inspect.getfullargspec"},
    "itertools": {"izip": "zip", "imap": "map", "izip_longest": "itertools.zip_longest"},
    "scipy.misc": {"logsumexp": "scipy.special.logsumexp", "comb": "scipy.special.comb"},
}
PYTHON_2 = {
    "xrange": "range", "raw_input": "input", "unicode": "str", "long": "int", "basestring": "str", "izip": "zip",
    "reduce": "functools.reduce", "unichr": "chr", "cmp": "(a > b) - (a < b)", "cPickle": "pickle",
    "StringIO": "io.StringIO", "Queue": "queue", "urllib2": "urllib.request", "__builtin__": "builtins",
}  # fmt: skip
DICTS = {"iteritems": "d.items()", "itervalues": "d.values()", "iterkeys": "d.keys()", "has_key": "key in d"}


def mend(exception: BaseException, place: Place | None) -> str:
    """One sentence on what to write instead, or on a near name for a misspelt one; empty where nothing is known."""
    text = f"{type(exception).__name__}: {exception.msg if isinstance(exception, SyntaxError) else exception}"
    for pattern, advice in MENDS:
        found = re.search(pattern, text, re.DOTALL)
        said = "" if found is None else advice if isinstance(advice, str) else advice(found, place)
        if said:
            return said
    return _misspelt(exception, place)


def _whole(_: re.Match[str], place: Place | None) -> str:
    """A float where only a whole number will do: which one, if the line shows it."""
    known = values(place.source, place.variables) if place is not None else ()
    for name, value in known:
        if isinstance(value, (float, np.floating)):
            return f"{name} is the float {float(value):g}: a size or index must be whole, so compute it with // for /"
    if place is not None and re.search(r"(?<!/)/(?!/)", place.source):
        return "A size or index must be whole, and / always gives a float in Python 3: use //"
    return "A size or index must be whole: use // for /, or int(...)"


def _index_list(_: re.Match[str], place: Place | None) -> str:
    if place is not None and re.search(r"[\w\])]\s*\[\s*\[.*,.*\]\s*\]", place.source):
        return "NumPy no longer reads a list of indices, a[[rows, cols]], as a tuple: write a[rows, cols]"
    return ""


def _one_number(_: re.Match[str], place: Place | None) -> str:
    """An array of one number where a number is needed."""
    known = values(place.source, place.variables) if place is not None else ()
    for name, value in known:
        if isinstance(value, np.ndarray) and value.ndim and value.size == 1:
            return f"NumPy no longer takes {name}, an array of shape {value.shape}, for a number: write {name}.item()"
    return "NumPy no longer takes an array of one number for a number: add .item(), or sum over every axis"


def _gone(found: re.Match[str], _: Place | None) -> str:
    name = found[1] or found[2]
    return f"NumPy no longer has np.{name}: write {NUMPY[name]}" if name in NUMPY else ""


def _moved(found: re.Match[str], _: Place | None) -> str:
    groups = found.groupdict()
    module, name = groups["module"], groups["name"]
    if module == "collections" and name in collections.abc.__all__:
        return f"Python moved collections.{name}: write collections.abc.{name}"
    instead = MODULES.get(module, {}).get(name) or (NUMPY.get(name) if module == "numpy" else None)
    return f"{module.replace('numpy', 'np')}.{name} is gone: write {instead}" if instead else ""


def _python_2(found: re.Match[str], _: Place | None) -> str:
    return f"Python 3 has no {found[1]}: write {PYTHON_2[found[1]]}" if found[1] in PYTHON_2 else ""


def _old_syntax(_: re.Match[str], place: Place | None) -> str:
    source = place.source if place is not None else ""
    if re.match(r"raise\s+[\w.]+\s*,", source):
        return "Python 3 writes raise Error(text)"
    return "Python 3 writes != for <>" if "<>" in source else "Python 3 writes repr(x) for `x`" if "`" in source else ""


#: Patterns on "ExceptionType: text", each with its sentence or a function that words it; the first that says something.
MENDS: tuple[tuple[str, str | Mend], ...] = (
    # sizes and indices
    (r"^TypeError: '(numpy\.)?float\d*' object cannot be interpreted as an integer", _whole),
    (r"^TypeError: expected a sequence of integers or a single integer, got '\d", _whole),
    (r"^TypeError: slice indices must be integers", _whole),
    (r"^TypeError: can't multiply sequence by non-int of type '(numpy\.)?float", _whole),
    (r"^TypeError: .*must be of integral type", _whole),
    (r"^TypeError: Cannot cast .* from dtype\('float64'\) to dtype\('int64'\) according to the rule 'safe'", _whole),
    (r"^IndexError: (only integers, slices|arrays used as indices must be of integer)", _index_list),
    (r"^IndexError: only integers, slices", _whole),
    (r"^(IndexError|ValueError): .*(out of bounds|inhomogeneous|too many indices)", _index_list),
    # NumPy
    (r"^AttributeError: (?:module 'numpy' has no attribute '(\w+)'|`np\.(\w+)` was removed)", _gone),
    (r"^AttributeError: module '(?P<module>[\w.]+)' has no attribute '(?P<name>\w+)'", _moved),
    (r"^ImportError: cannot import name '(?P<name>\w+)' from '(?P<module>[\w.]+)'", _moved),
    (
        r"^AttributeError: 'numpy\.ndarray' object has no attribute '(\w+)'",
        lambda m, _: f"NumPy's arrays no longer have .{m[1]}: write {METHODS[m[1]]}" if m[1] in METHODS else "",
    ),
    (r"^TypeError: .*unexpected keyword argument 'newshape'", "newshape= is gone: write reshape(a, shape)"),
    (r"^ValueError: Unable to avoid copy", "copy=False now forbids a copy: write np.asarray(...) instead"),
    (r"^TypeError: only (0-dimensional|length-1|size-1) arrays", _one_number),
    (r"^ValueError: setting an array element with a sequence\.$", _one_number),
    (
        r"^ValueError: .*inhomogeneous shape",
        "NumPy no longer makes an array of rows of different lengths: pad them, or give dtype=object",
    ),
    (r"^TypeError: arrays to stack must be passed", "NumPy does not stack an iterator: make a list of it first"),
    (r"^TypeError: Calling np.sum\(generator\)", "NumPy no longer sums a generator: use Python's sum"),
    (
        r"^\w*TypeError: Cannot cast ufunc '\w+' output from dtype\('float\d*'\) to dtype\('u?int",
        "The array holds integers, and what is written into it does not: make it an array of floats",
    ),
    (
        r"^TypeError: only integer scalar arrays can be converted to a scalar index",
        "If two arrays are to be compared it is np.maximum or np.minimum: the second argument of np.max is an axis",
    ),
    # Python 2
    (r"^NameError: name '(\w+)' is not defined", _python_2),
    (r"^ModuleNotFoundError: No module named '(\w+)'", _python_2),
    (
        r"^AttributeError: 'dict' object has no attribute '(\w+)'",
        lambda m, _: f"Python 3's dicts have no {m[1]}: write {DICTS[m[1]]}" if m[1] in DICTS else "",
    ),
    (
        r"^TypeError: .*'(map|zip|filter|range)'",
        lambda m, _: f"In Python 3 {m[1]}(...) is no list: write list({m[1]}(...))",
    ),
    (
        r"^TypeError: 'dict_(keys|values|items)' object is not subscriptable",
        lambda m, _: f"In Python 3 d.{m[1]}() is no list: write list(d.{m[1]}())",
    ),
    (r"^TypeError: exceptions must derive from BaseException", "A text cannot be raised: write raise ValueError(text)"),
    (
        r"^SyntaxError: Missing parentheses in call to '(\w+)'",
        lambda m, _: f"In Python 3 {m[1]} is a function: write {m[1]}(...)",
    ),
    (r"^SyntaxError: multiple exception types must be parenthesized", "Python 3 writes except Error as e"),
    (
        r"^SyntaxError: (Function|Lambda expression) parameters cannot be parenthesized",
        "Python 3 takes no tuple as a parameter: take one name, and unpack it in the body",
    ),
    (r"^SyntaxError: leading zeros in decimal", "Python 3 writes octal numbers with 0o"),
    (r"^SyntaxError: invalid decimal literal", "Python 3 has no 1L: write 1"),
    (r"^SyntaxError: invalid syntax", _old_syntax),
    (r"^TabError", "Python 3 allows no mixture of tabs and spaces: indent with four spaces throughout"),
    # slips
    (r"^NameError: name 'np' is not defined", "Is import numpy as np missing?"),
    (
        r"^ValueError: (not enough|too many) values to unpack",
        "A backward must unpack as many values as its forward packs into the cache",
    ),
)


def _misspelt(exception: BaseException, place: Place | None) -> str:
    """A near name for one that does not exist."""
    name = getattr(exception, "name", None)
    if not isinstance(name, str) or isinstance(exception, UnboundLocalError):
        return ""
    if isinstance(exception, NameError) and place is not None:
        known, prefix = [*place.variables, *dir(builtins)], ""
    elif isinstance(exception, AttributeError) and exception.obj is not None:
        known, prefix = _attributes(exception.obj), "np." if exception.obj is np else "."
    else:
        return ""
    near = difflib.get_close_matches(name, [other for other in known if not other.startswith("_")], 1, 0.7)
    return f"Did you mean {prefix}{near[0]}?" if near else ""


def _attributes(owner: Any) -> list[str]:
    if isinstance(owner, types.ModuleType):
        return list(vars(owner))
    return [*getattr(owner, "__dict__", {}), *(name for kind in type(owner).__mro__ for name in vars(kind))]
