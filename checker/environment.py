"""An author's own exception in words: their line, the arrays in it, and how to mend code that has outlived its NumPy.

Nothing here runs the author's code again: names in the failing line are looked up in the frame that the exception left.
"""

import ast
import builtins
import difflib
import inspect
import linecache
import re
import sysconfig
import textwrap
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

#: An exception's own text is cut after this many characters.
LONGEST = 200

_OURS = str(Path(__file__).resolve().parent)
_THEIRS = tuple({_OURS, str(Path(np.__file__).parent), *(sysconfig.get_path(p) for p in ("stdlib", "purelib", "platlib"))})


@dataclass(frozen=True)
class Place:
    """Where in an author's code something happened: file, line number and that line's text.

    `expression` is the part of the line that failed, if it is known; `variables` are the names that it could see.
    """

    file: str
    line: int
    source: str
    expression: str = ""
    variables: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def __str__(self) -> str:
        return f"{shown(self.file)}, line {self.line}" + (f": `{self.source}`" if self.source else "")


def shown(file: str) -> str:
    """A file's name as people write it: relative to the current folder where it lies below, else its last part."""
    path = Path(file)
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except (ValueError, OSError):
        return path.name


def describe(exception: BaseException, function: Any) -> str:
    """What the author's `function` raised and where, in a few sentences: the exception, the line, the mend.

    An exception that was raised in calling the function (it takes another number of arguments) is placed at its `def`.
    """
    name = getattr(function, "__name__", None) or type(function).__name__
    place = user_line(exception) or definition(function)
    return f"{name} raised {_told(exception, place)}"


def cannot_import(exception: BaseException, what: str) -> str:
    """What went wrong in loading the author's module `what`, in the same form."""
    return f"{what} cannot be imported: it raised {_told(exception, user_line(exception))}"


def _told(exception: BaseException, place: Place | None) -> str:
    where = "" if place is None else f" at {shown(place.file)}, line {place.line}" + (place.source and f", `{place.source}`")
    text = _text(exception)
    sentence = f"{type(exception).__name__}{where}" + (f": {text}" if text else "")
    return ". ".join(part.rstrip(".") for part in (sentence, explain(exception, place), there(exception, place)) if part)


def _text(exception: BaseException) -> str:
    """The exception's own words: the first line, shortened where NumPy is long."""
    if isinstance(exception, SyntaxError):
        return exception.msg or ""
    text = str(exception).strip().split("\n")[0].strip()
    text = re.sub(r"Input operand 1 has a mismatch in its core dimension \d, with gufunc signature \S+ \(size (\d+) is "
                  r"different from (\d+)\)", r"the inner lengths differ, \2 and \1", text)  # fmt: skip
    text = re.sub(r" \([^()]*\.py\)$", "", text)  # the file that a name could not be imported from
    return text if len(text) <= LONGEST else text[:LONGEST].rstrip() + " ..."


# -- places -----------------------------------------------------------------------------------------------------------


def user_line(exception: BaseException) -> Place | None:
    """The deepest line of the author's own code that an exception went through: not ours, not NumPy's, not Python's."""
    if isinstance(exception, SyntaxError) and exception.filename and exception.lineno:
        return Place(exception.filename, exception.lineno, (exception.text or "").strip())
    deepest, trace = None, exception.__traceback__
    while trace is not None:
        if _is_users(trace.tb_frame.f_code.co_filename):
            deepest = trace
        trace = trace.tb_next
    return _place(deepest) if deepest is not None else None


def _is_users(file: str) -> bool:
    if file.startswith("<"):  # a notebook's cell or exec'd text has a source; frozen modules and wrappers have none
        return bool(linecache.getline(file, 1)) and not file.startswith("<frozen")
    return not str(Path(file).absolute()).startswith(tuple(folder + "/" for folder in _THEIRS))


def _place(trace: types.TracebackType) -> Place:
    frame = trace.tb_frame
    file, line = frame.f_code.co_filename, trace.tb_lineno
    source = linecache.getline(file, line, frame.f_globals)
    positions = list(frame.f_code.co_positions())[trace.tb_lasti // 2 : trace.tb_lasti // 2 + 1]
    expression = source.strip()
    for first, last, start, end in positions:
        if first == last == line and start is not None and end is not None:
            expression = source.encode()[start:end].decode(errors="replace")
    return Place(file, line, source.strip(), expression, {**frame.f_globals, **frame.f_locals})


def definition(function: Any) -> Place | None:
    """Where a function is defined; None where it has no source."""
    try:
        function = inspect.unwrap(function)
        lines, first = inspect.getsourcelines(function)
        at = next((k for k, text in enumerate(lines) if re.match(r"\s*(async\s+)?(def|class)\b", text)), 0)
        return Place(inspect.getsourcefile(function) or "", first + at, lines[at].strip())
    except (OSError, TypeError, ValueError):
        return None


# -- what the line held -----------------------------------------------------------------------------------------------


def there(exception: BaseException, place: Place | None) -> str:
    """The shapes of the arrays in the failing line, where shapes may be what is wrong; else empty."""
    if place is None or not isinstance(exception, (ValueError, IndexError)) or isinstance(exception, UnicodeError):
        return ""
    unpacking = "values to unpack" in str(exception)  # then the expression holds the names on the left
    for text in (place.source,) if unpacking else (place.expression, place.source):
        known = [f"{name} is {_form(value)}" for name, value in _values(text, place.variables) if _form(value)]
        if known:
            return "There, " + (" and ".join(known) if len(known) < 3 else ", ".join(known[:6]))
    return ""


def _form(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.shape}"
    if isinstance(value, (tuple, list)):
        return f"a {type(value).__name__} of {len(value)}"
    return ""


def _values(text: str, variables: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Every variable in a line of code with its value, and `name.T`, `name['key']`, `self.name`, where they are read."""
    seen: dict[str, Any] = {}
    for node in _expressions(text):
        found, value = _look_up(node, variables)
        if found and not isinstance(value, (types.ModuleType, types.FunctionType, type)):
            seen.setdefault(ast.unparse(node), value)
    # `cache` is left out where `cache['x']` is known, and `x` where `x.T` is
    inner = {ast.unparse(n.value) for n in _expressions(text) if not isinstance(n, ast.Name) and ast.unparse(n) in seen}
    yield from ((name, value) for name, value in seen.items() if name not in inner)


def _expressions(text: str) -> list[ast.expr]:
    """The names, attributes and subscripts that a line reads; a line that opens a block is read without its colon."""
    text = text.strip()
    for attempt in (text, text.rstrip(",:"), re.sub(r"^(return|assert|if|while|elif|for \w+ in)\b", "", text).strip(" :,")):
        try:
            nodes = list(ast.walk(ast.parse(attempt)))
        except SyntaxError:
            continue
        read = [n for n in nodes if isinstance(n, (ast.Name, ast.Attribute, ast.Subscript)) and isinstance(n.ctx, ast.Load)]
        return sorted(read, key=lambda n: (n.lineno, n.col_offset))
    return []


def _look_up(node: ast.expr, variables: Mapping[str, Any]) -> tuple[bool, Any]:
    """A name's value, without running anything of the author's: no properties, no calls, no __getitem__ of theirs."""
    if isinstance(node, ast.Name):
        return node.id in variables, variables.get(node.id)
    if isinstance(node, ast.Attribute):
        known, owner = _look_up(node.value, variables)
        if known and isinstance(owner, np.ndarray):
            return (True, owner.T) if node.attr == "T" else (False, None)
        own = getattr(owner, "__dict__", {}) if known else {}
        return node.attr in own, own.get(node.attr)
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        known, owner = _look_up(node.value, variables)
        if known and type(owner) in (dict, list, tuple):
            try:
                return True, owner[node.slice.value]
            except (KeyError, IndexError, TypeError):
                return False, None
    return False, None


# -- mends ------------------------------------------------------------------------------------------------------------

#: What NumPy no longer has, and what to write in its place.
GONE = {
    "int": "int", "float": "float", "bool": "bool", "complex": "complex", "object": "object", "str": "str", "long": "int",
    "unicode": "str", "float_": "np.float64", "complex_": "np.complex128", "int_": "np.int64", "int0": "np.intp",
    "bool8": "np.bool_", "string_": "np.bytes_", "unicode_": "np.str_", "Inf": "np.inf", "Infinity": "np.inf",
    "infty": "np.inf", "PINF": "np.inf", "NINF": "-np.inf", "NaN": "np.nan", "NAN": "np.nan", "product": "np.prod",
    "cumproduct": "np.cumprod", "alltrue": "np.all", "sometrue": "np.any", "in1d": "np.isin", "row_stack": "np.vstack",
    "trapz": "np.trapezoid", "round_": "np.round", "asfarray": "np.asarray(..., dtype=float)", "asscalar": "a.item()",
    "alen": "len", "rank": "np.ndim", "msort": "np.sort(a, axis=0)", "mat": "np.asmatrix", "asmatrix": "np.array",
    "find_common_type": "np.result_type", "issctype": "isinstance(..., np.generic)", "cast": "a.astype", "disp": "print",
}  # fmt: skip
_METHODS = {"ptp": "np.ptp(a)", "itemset": "a[index] = value", "newbyteorder": "a.view(a.dtype.newbyteorder())",
            "tostring": "a.tobytes()"}  # fmt: skip
_ALIASES = {"numpy.lib": {"pad": "np.pad"}, "numpy.random": {"random_integers": "np.random.randint"},
            "numpy.linalg": {"linalg": "np.linalg"}, "numpy.core": {}, "string": {"letters": "string.ascii_letters"},
            "time": {"clock": "time.perf_counter"}, "fractions": {"gcd": "math.gcd"},
            "inspect": {"getargspec": "inspect.getfullargspec"}, "itertools": {"izip": "zip", "imap": "map"}}  # fmt: skip
_PYTHON_2 = {"xrange": "range", "raw_input": "input", "unicode": "str", "long": "int", "basestring": "str",
             "reduce": "functools.reduce", "cPickle": "pickle", "izip": "zip", "unichr": "chr", "cmp": "(a > b) - (a < b)",
             "StringIO": "io.StringIO", "Queue": "queue", "urllib2": "urllib.request", "__builtin__": "builtins"}  # fmt: skip
_DICT = {"iteritems": "items", "itervalues": "values", "iterkeys": "keys", "viewitems": "items"}

Mend = Callable[[re.Match[str], Place | None], str]


def explain(exception: BaseException, place: Place | None = None) -> str:
    """One sentence on how to mend what today's Python or NumPy refuses, and a few common slips; else empty."""
    place = place or user_line(exception)
    text = f"{type(exception).__name__}: {exception.msg if isinstance(exception, SyntaxError) else exception}"
    for pattern, mend in _MENDS:
        found = re.search(pattern, text, re.S)
        if found:
            said = mend if isinstance(mend, str) else mend(found, place)
            if said:
                return said
    return _misspelt(exception, place)


def _whole(_: re.Match[str], place: Place | None) -> str:
    """A float where only a whole number will do: which one, if the line shows it."""
    line = place.expression + " " + place.source if place else ""
    floats = [(n, v) for n, v in _values(place.source, place.variables) if isinstance(v, (float, np.floating))] if place else []
    if floats:
        name, value = floats[0]
        return f"{name} is the float {float(value):g}, and a size or index must be whole: compute it with // instead of /"
    if re.search(r"(?<!/)/(?!/)", line):
        return "A size or index must be whole, and / always gives a float in Python 3: use //"
    return "A size or index must be whole: use // instead of /, or int(...)"


def _gone(found: re.Match[str], _: Place | None) -> str:
    name = found[1] or found[2]
    if name in GONE:
        return f"NumPy no longer has np.{name}: write {GONE[name]}"
    return ""


def _moved(found: re.Match[str], _: Place | None) -> str:
    module, name = found[1], found[2]
    if module == "collections" and hasattr(__import__("collections.abc").abc, name):
        return f"Python moved collections.{name}: write collections.abc.{name}"
    other = _ALIASES.get(module, {}).get(name)
    return f"{module.replace('numpy', 'np')}.{name} is gone: write {other}" if other else ""


def _index_list(_: re.Match[str], place: Place | None) -> str:
    if place is not None and re.search(r"\[\s*\[.*,.*\]\s*\]", place.source):
        return "NumPy no longer reads a list of index arrays, a[[rows, cols]], as a tuple: write a[rows, cols]"
    return ""


def _one_number(_: re.Match[str], place: Place | None) -> str:
    """An array of one number where a number is needed."""
    for name, value in _values(place.source, place.variables) if place else ():
        if isinstance(value, np.ndarray) and value.ndim and value.size == 1:
            return f"NumPy no longer takes an array of one number, {name} of shape {value.shape}, for a number: add .item()"
    return "NumPy no longer takes an array of one number for a number: add .item(), or sum over every axis"


_UNPACKED = "The line unpacks another number of values than it is given; a backward unpacks what its forward put in the cache"
_ITERATORS = "In Python 3 {0} is an iterator, not a list: write list({0}(...))"

#: Patterns on "ExceptionType: text", each with the mend or with a function that words it; the first that says something.
_MENDS: tuple[tuple[str, str | Mend], ...] = (
    (r"^TypeError: .*'(?:numpy\.)?float\d*' object cannot be interpreted as an integer", _whole),
    (r"^TypeError: (expected a sequence of integers or a single integer, got '\d|slice indices must be integers)", _whole),
    (r"^TypeError: (can't multiply sequence by non-int of type '(numpy\.)?float|.*must be of integral type)", _whole),
    (r"^IndexError: (only integers, slices|arrays used as indices must be of integer)", _index_list),
    (r"^IndexError: only integers, slices", _whole),
    (r"^TypeError: Cannot cast .* from dtype\('float64'\) to dtype\('int64'\) according to the rule 'safe'", _whole),
    (r"^(IndexError|ValueError): .*(out of bounds|inhomogeneous|too many indices)", _index_list),
    (r"^AttributeError: (?:module 'numpy' has no attribute '(\w+)'|`np\.(\w+)` was removed)", _gone),
    (r"^(?:AttributeError: module '([\w.]+)' has no attribute '|ImportError: cannot import name '(?=\w+' from '))(\w+)", _moved),
    (r"^ImportError: cannot import name '(?P<name>\w+)' from '(?P<module>[\w.]+)'",
     lambda m, _: _from(m["module"], m["name"])),
    (r"^AttributeError: 'numpy\.ndarray' object has no attribute '(\w+)'",
     lambda m, _: f"NumPy's arrays no longer have .{m[1]}: write {_METHODS[m[1]]}" if m[1] in _METHODS else ""),
    (r"^TypeError: .*unexpected keyword argument 'newshape'", "NumPy renamed reshape's newshape to shape: give the shape "
     "without a name"),
    (r"^ValueError: Unable to avoid copy", "np.array(..., copy=False) now means never copy: write np.asarray(...)"),
    (r"^(TypeError: only (0-dimensional|length-1|size-1) arrays|ValueError: setting an array element with a sequence\.$)",
     _one_number),
    (r"^ValueError: .*inhomogeneous shape", "NumPy no longer makes an array of rows of different lengths: pad them, or give "
     "dtype=object"),
    (r"^AttributeError: 'dict' object has no attribute '(\w+)'",
     lambda m, _: f"Python 3's dicts have no {m[1]}: write .{_DICT[m[1]]}()" if m[1] in _DICT else
     "Python 3's dicts have no has_key: write key in d" if m[1] == "has_key" else ""),
    (r"^NameError: name '(\w+)' is not defined|^ModuleNotFoundError: No module named '(\w+)'",
     lambda m, _: f"Python 3 has no {m[1] or m[2]}: write {_PYTHON_2[m[1] or m[2]]}" if (m[1] or m[2]) in _PYTHON_2 else ""),
    (r"^NameError: name '(np|numpy)' is not defined", lambda m, _: "Is the import missing? Write import numpy as np"),
    (r"^TypeError: .*'(map|zip|filter)'", lambda m, _: _ITERATORS.format(m[1])),
    (r"^TypeError: 'dict_(keys|values|items)' object is not subscriptable",
     lambda m, _: f"In Python 3 d.{m[1]}() is a view, not a list: write list(d.{m[1]}())"),
    (r"^TypeError: arrays to stack must be passed", "NumPy no longer stacks what an iterator yields: make a list of it first"),
    (r"^TypeError: Calling np.sum\(generator\)", "NumPy no longer sums a generator: use Python's sum, or make a list first"),
    (r"^TypeError: exceptions must derive from BaseException", "A text cannot be raised: write raise ValueError(text)"),
    (r"^SyntaxError: Missing parentheses in call to '(\w+)'", lambda m, _: f"{m[1]} is a function in Python 3: {m[1]}(...)"),
    (r"^SyntaxError: multiple exception types must be parenthesized", "In Python 3 it is except Error as e"),
    (r"^SyntaxError: (Function|Lambda expression) parameters cannot be parenthesized", "Python 3 unpacks no tuples in a "
     "parameter list: take one parameter and unpack it in the body"),
    (r"^SyntaxError: (leading zeros in|invalid) decimal", "Python 3 writes octal numbers 0o17, and has no 1L"),
    (r"^SyntaxError: invalid syntax", lambda _, place: _old_syntax(place)),
    (r"^TabError", "Python 3 allows no mixture of tabs and spaces: indent with four spaces throughout"),
    (r"^ValueError: (not enough|too many) values to unpack", _UNPACKED),
    (r"^\w*TypeError: Cannot cast ufunc '\w+' output from dtype\('float\d*'\) to dtype\('u?int", "The array holds integers, "
     "and what is written into it does not: make it an array of floats"),
    (r"^TypeError: only integer scalar arrays can be converted to a scalar index", "Is it np.maximum, of two arrays, that is "
     "meant? The second argument of np.max is an axis"),
)  # fmt: skip


def _from(module: str, name: str) -> str:
    return _moved(re.match(r"([\w.]+) (\w+)", f"{module} {name}"), None)  # type: ignore[arg-type]


def _old_syntax(place: Place | None) -> str:
    source = place.source if place is not None else ""
    if re.match(r"raise\s+[\w.]+\s*,", source):
        return "Python 3 writes raise Error(text)"
    return "Python 3 writes != for <>" if "<>" in source else "Python 3 writes repr(x) for `x`" if "`" in source else ""


def _misspelt(exception: BaseException, place: Place | None) -> str:
    """A near name for one that does not exist."""
    name = getattr(exception, "name", None)
    if not isinstance(name, str):
        return ""
    if isinstance(exception, UnboundLocalError):
        return ""
    if isinstance(exception, NameError) and place is not None:
        known, prefix = [*place.variables, *dir(builtins)], ""
    elif isinstance(exception, AttributeError) and exception.obj is not None:
        known = dir(exception.obj) if isinstance(exception.obj, types.ModuleType) else [*vars(type(exception.obj))]
        known += list(getattr(exception.obj, "__dict__", {}))
        prefix = "np." if exception.obj is np else "."
    else:
        return ""
    near = difflib.get_close_matches(name, [k for k in known if not k.startswith("_")], 1, 0.75)
    return f"Did you mean {prefix}{near[0]}?" if near else ""


# -- code that still runs, and means something else -------------------------------------------------------------------


def changed_meaning(function: Any) -> tuple[str, ...]:
    """Places in a function's source that gave other numbers on an older NumPy. Worth saying when its answer is wrong."""
    try:
        lines, first = inspect.getsourcelines(inspect.unwrap(function))
        body = ast.parse(textwrap.dedent("".join(lines)))
    except (OSError, TypeError, SyntaxError, ValueError):
        return ()
    indices = _index_names(body)
    file = shown(inspect.getsourcefile(inspect.unwrap(function)) or "")
    found = []
    for node in ast.walk(body):
        if not (isinstance(node, ast.Subscript) and isinstance(node.slice, ast.List) and len(node.slice.elts) > 1):
            continue
        parts = node.slice.elts
        if all(isinstance(part, ast.Slice) or _is_index_array(part, indices) for part in parts):
            array, inside = ast.unparse(node.value), ", ".join(map(ast.unparse, parts))
            found.append(
                f"{file}, line {first + node.lineno - 1}: {array}[[{inside}]] picks whole rows; before NumPy 1.23 it meant "
                f"{array}[{inside}], which is how to write it"
            )
    return tuple(found)


def _index_names(body: ast.AST) -> set[str]:
    """Names that hold arrays of indices: assigned from arange and the like, or parameters that are called y or labels."""
    found = {a.arg for n in ast.walk(body) if isinstance(n, ast.arguments) for a in n.args if a.arg in ("y", "labels", "ys")}
    for node in ast.walk(body):
        if isinstance(node, ast.Assign) and _is_index_array(node.value, found):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return found


def _is_index_array(node: ast.expr, known: set[str]) -> bool:
    if isinstance(node, ast.Name):
        return node.id in known
    if isinstance(node, ast.Call):
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if called == "list" and node.args:
            return _is_index_array(node.args[0], known)
        return called in ("arange", "range", "argmax", "argmin", "nonzero", "argsort", "xrange", "astype")
    return isinstance(node, (ast.List, ast.ListComp))
