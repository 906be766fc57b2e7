"""What to type where nothing says what a function's inputs are: a command with shapes that its names suggest."""

import ast
import inspect
import re
import shlex
import textwrap
from collections.abc import Callable, Sequence
from typing import Any

from .errors import UsageError
from .resolve import own_parameters


def title(function: Callable[..., Any]) -> str:
    """What a function is called in a sentence: Linear.forward, affine_forward."""
    name = getattr(function, "__qualname__", "")
    return name if name and "<locals>" not in name else getattr(function, "__name__", type(function).__name__)


class MissingInputsError(UsageError):
    """Nothing says what some inputs are. `command` is what to type, `own` what a module calls them."""

    def __init__(self, function: Callable[..., Any], missing: Sequence[str], command: str):
        few = missing[0] if len(missing) == 1 else f"{', '.join(missing[:-1])} and {missing[-1]}"
        options = [option for parameter in missing for option in guess(function, parameter)]
        self.command = " ".join((command, *options))
        self.own = re.sub(r"_(forward|backward)$", "", title(function)) + "_inputs"
        arrays = [name for name in missing if not guess(function, name)[0].startswith("--arg")]
        example = ", ".join(f'"{parameter}": ...' for parameter in missing)
        super().__init__(
            f"nothing says what {few} of {title(function)} {'is' if len(missing) == 1 else 'are'}. "
            f"Type, with your own shapes:\n\n{_folded(command, options)}\n\n"
            f"or put example_inputs = {{{example}}} into the module"
            + (f',\nor annotate the shapes, {arrays[0]}: Float[ndarray, "N D"]' if arrays else "")
        )


def _folded(command: str, options: Sequence[str], width: int = 100) -> str:
    """A command over several lines, as a shell reads it."""
    lines = ["  " + command]
    for option in options:
        if len(lines[-1]) + len(option) + 3 > width:
            lines[-1] += " \\"
            lines.append("      " + option)
        else:
            lines[-1] += " " + option
    return "\n".join(lines)


#: Plausible shapes by the function's name and the parameter's, the first that fits; "=" begins what is no array.
_GUESSES: tuple[tuple[str, str, str], ...] = (
    (r"", r"bn_param|ln_param|gn_param", '={"mode": "train"}'),
    (r"", r"dropout_param", '={"p": 0.6, "mode": "train", "seed": 1}'),
    (r"", r"conv_param|hparameters|hparams", '={"stride": 1, "pad": 1}'),
    (r"", r"pool_param", '={"pool_height": 2, "pool_width": 2, "stride": 2}'),
    (r"", r"activation|nonlinearity", "=relu"),
    (r"", r"mode", "=train"),
    (r"", r"training|train|is_training", "=True"),
    (r"", r"stride|G|groups", "=1"),
    (r"", r"pad|padding|axis", "=1"),
    (r"", r"(in_|input_|n_in|in_features|input_size|input_dim|n_x|fan_in|D)\w*", "=5"),
    (r"", r"(hidden|n_h|H$)\w*", "=6"),
    (r"", r"(out|n_out|num_classes|n_y|C$|n_classes|fan_out)\w*", "=4"),
    (r"conv", r"x|X|A_prev|inputs?|img|images?", "2,3,6,5"),
    (r"conv", r"w|W|filters?|kernels?", "4,3,3,3"),
    (r"pool|spatial|group", r"x|X|A_prev|inputs?|images?", "2,4,6,5"),
    (r"spatial|group", r"gamma|beta|scale|shift", "4"),
    (r"lstm", r"Wx", "5,24"),
    (r"lstm", r"Wh", "6,24"),
    (r"lstm", r"b", "24"),
    (r"(rnn|lstm|gru)\w*(step|cell)", r"x|xt|x_t", "4,5"),
    (r"rnn|lstm|gru", r"x|X|xs", "4,3,5"),
    (r"rnn|lstm|gru", r"prev_[hc]|h_?prev|c_?prev|h0|c0|[hac]_prev|a0", "4,6"),
    (r"rnn|lstm|gru", r"Wx|Wxh|W_xh|U", "5,6"),
    (r"rnn|lstm|gru", r"Wh|Whh|W_hh|V", "6,6"),
    (r"rnn|lstm|gru", r"b|bh", "6"),
    (r"embed", r"x", "4,3:int0..6"),
    (r"embed", r"W|w|weights?", "7,5"),
    (r"(svm|softmax|hinge|cross|nll|logistic)", r"W|w", "5,4"),
    (r"", r"y_?(pred|hat|prob)\w*|preds?|probs?|y_true|yhat", "8,4:0.1..0.9"),
    (r"", r"y|t|labels?|targets?|y_\w+", "8:int0..2"),
    (r"", r"Y", "8,4:0..1"),
    (r"(loss|softmax|cross)", r"x|scores|logits", "8,4"),
    (r"", r"[xX](_\w+)?|inputs?|data|A_prev|a|A|z|Z", "8,5"),
    (r"", r"w|W|theta|weights?|kernel", "5,4"),
    (r"", r"W1", "5,6"),
    (r"", r"W2", "6,4"),
    (r"", r"b1", "6"),
    (r"", r"b|b2|bias", "4"),
    (r"", r"gamma|beta|scale|shift|mu|mean|var", "5"),
    (r"", r"reg\w*|lam\w*|lambd|alpha|eps\w*|momentum|slope|temperature|lr|p|rate|delta|margin|keep_prob", "0.1"),
    (r"", r"mask", "8,5:bool"),
)


#: The same where the features come first and the examples are columns, as the names A_prev, xt, a_prev tell.
_BY_COLUMNS: tuple[tuple[str, str, str], ...] = (
    (r"conv|pool", r"A_prev", "2,6,5,3"),
    (r"conv", r"W", "3,3,3,4"),
    (r"conv", r"b", "1,1,1,4"),
    (r"pool", r"hparameters", '={"f": 2, "stride": 2}'),
    (r"", r"A|A_prev|X|xt", "5,8"),
    (r"", r"AL|Y", "1,8:0.1..0.9"),
    (r"", r"W", "4,5"),
    (r"", r"b", "4,1"),
    (r"", r"W1", "6,5"),
    (r"", r"b1", "6,1"),
    (r"", r"W2", "1,6"),
    (r"", r"b2", "1,1"),
    (r"", r"[ac]_prev|[ac]0", "6,8"),
    (r"", r"Wax", "6,5"),
    (r"", r"Waa", "6,6"),
    (r"", r"Wya|Wy", "3,6"),
    (r"", r"by", "3,1"),
    (r"", r"b[a-z]", "6,1"),
    (r"", r"W[a-z]", "6,11"),
)


def guess(function: Callable[..., Any], parameter: str) -> list[str]:
    """The options to type for a parameter: shapes that its code or its name suggests, or settings."""
    keys = _keys(function, parameter) if not re.search(r"param$|hparam", parameter) else []
    counted = _by_axes(function).get(parameter)
    if counted is not None:
        return [f"--input {parameter}={counted}"]
    named = {f"{parameter}.{key}": key for key in keys} or {parameter: parameter}
    typed = []
    for name, key in named.items():
        value = _guessed(function, key)
        setting = value.startswith("=")  # and no array
        typed.append(shlex.join(("--arg", name + value) if setting else ("--input", f"{name}={value}")))
    return typed


def _by_axes(function: Callable[..., Any]) -> dict[str, str]:
    """Shapes by parameter, one size for each axis that the code names; none where names suggest as many axes.

    Axes are named by `N, C, H, W = x.shape` and by `einsum("nchw,fc->nfhw", x, w)`.
    """
    axes: dict[str, list[str]] = {}
    for node in ast.walk(_body(function)):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple):
            array, names = ast.unparse(node.value).removesuffix(".shape"), node.targets[0].elts
            if ast.unparse(node.value) == f"{array}.shape" and all(isinstance(name, ast.Name) for name in names):
                axes.setdefault(array, list(map(ast.unparse, names)))
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("einsum") and node.args:
            texts = getattr(node.args[0], "value", "")
            if isinstance(texts, str) and "." not in texts:
                operands = texts.replace(" ", "").partition("->")[0].split(",")
                axes |= {ast.unparse(name): list(text) for name, text in zip(node.args[1:], operands)}
    known = {p.name: axes[p.name] for p in own_parameters(function) if p.name in axes}
    if all(_guessed(function, name).count(",") + 1 == len(found) for name, found in known.items()):
        return {}
    sizes: dict[str, int] = {}
    for name in (name for found in known.values() for name in found):
        sizes.setdefault(name, len(sizes) + 2)
    return {name: ",".join(str(sizes[axis]) for axis in found) for name, found in known.items()}


def _guessed(function: Callable[..., Any], name: str) -> str:
    columns = {"A", "A_prev", "AL", "xt", "a_prev", "parameters"} & {p.name for p in own_parameters(function)}
    for family, pattern, value in (*(_BY_COLUMNS if columns else ()), *_GUESSES):
        if re.search(family, title(function), re.IGNORECASE) and re.fullmatch(pattern, name):
            return value
    return "8,5"


def _body(function: Callable[..., Any]) -> ast.Module:
    """A function's source, parsed; an empty module where there is none to read."""
    try:
        return ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(function))))
    except (OSError, TypeError, SyntaxError, ValueError):
        return ast.Module([], [])


def _keys(function: Callable[..., Any], parameter: str) -> list[str]:
    """The keys that a function reads from a dict that it is given, in order of appearance."""
    body = _body(function)
    reads = [n.slice for n in ast.walk(body) if isinstance(n, ast.Subscript) and ast.unparse(n.value) == parameter]
    keys = [key.value for key in reads if isinstance(key, ast.Constant)]
    if any(isinstance(key, ast.Name) for key in reads):  # for k in ("W", "b"): ... parameters[k]
        keys += [n.value for t in ast.walk(body) if isinstance(t, (ast.Tuple, ast.List)) for n in t.elts
                 if isinstance(n, ast.Constant)]  # fmt: skip
    return list(dict.fromkeys(key for key in keys if isinstance(key, str)))
