"""Simple functions that a list of numbers may be: 1 - out^2, 2 x, x / y, ... up to a plain constant."""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

MATCH = 2e-6


def sigmoid(z: np.ndarray) -> np.ndarray:
    """The logistic function."""
    return 1 / (1 + np.exp(-z))


FORMS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "{z}": lambda z: z,
    "{z}^2": lambda z: z * z,
    "sqrt({z})": lambda z: np.sqrt(z),
    "(1 - {z})": lambda z: 1 - z,
    "(1 + {z})": lambda z: 1 + z,
    "(1 - {z}^2)": lambda z: 1 - z * z,
    "(1 + {z}^2)": lambda z: 1 + z * z,
    "{z} (1 - {z})": lambda z: z * (1 - z),
    "{z}^3": lambda z: z**3,
    "{z}^4": lambda z: z**4,
    "|{z}|": np.abs,
    "sign({z})": np.sign,
    "exp({z})": np.exp,
    "exp(-{z})": lambda z: np.exp(-z),
    "log({z})": np.log,
    "sigmoid({z})": sigmoid,
    "(1 - sigmoid({z}))": lambda z: sigmoid(-z),
    "sigmoid({z}) (1 - sigmoid({z}))": lambda z: sigmoid(z) * sigmoid(-z),
    "tanh({z})": np.tanh,
    "(1 - tanh({z})^2)": lambda z: 1 - np.tanh(z) ** 2,
    "(1 - tanh({z}))": lambda z: 1 - np.tanh(z),
    "sin({z})": np.sin,
    "cos({z})": np.cos,
    "sinh({z})": np.sinh,
    "cosh({z})": np.cosh,
    "exp(-{z}^2)": lambda z: np.exp(-z * z),
    "exp(-{z}^2/2)": lambda z: np.exp(-z * z / 2),
    "log(1 + exp({z}))": lambda z: np.logaddexp(0, z),
    "{z} exp({z})": lambda z: z * np.exp(z),
    "{z} sigmoid({z})": lambda z: z * sigmoid(z),
    "(1 + exp({z}))": lambda z: 1 + np.exp(z),
    "sqrt(1 - {z}^2)": lambda z: np.sqrt(1 - z * z),
    "1/cos({z})^2": lambda z: np.cos(z) ** -2.0,
    "{z} log({z})": lambda z: z * np.log(z),
    "(1 + log({z}))": lambda z: 1 + np.log(z),
    "(1 - 2 {z})": lambda z: 1 - 2 * z,
    "(2 {z} - 1)": lambda z: 2 * z - 1,
}

PLAIN = {
    1.0: "", 2.0: "2 ", 0.5: "1/2 ", 3.0: "3 ", 1 / 3: "1/3 ", 4.0: "4 ", 0.25: "1/4 ",
    -1.0: "-", -2.0: "-2 ", -0.5: "-1/2 ", -3.0: "-3 ", -1 / 3: "-1/3 ", -4.0: "-4 ", -0.25: "-1/4 ",
}  # fmt: skip


#: A function that is only 1 and -1 needs as many numbers, or chance would name it.
SIGNS = 24


def plain(c: float) -> str | None:
    """How the constant `c` is written before a form, if it is a plain one."""
    return next((text for value, text in PLAIN.items() if abs(c - value) <= MATCH * abs(value)), None)


def times(c: float, word: str, any_constant: bool = False) -> str | None:
    """`c word` as it is read: 2 x, -x, 1/(2 x); None if c is no plain number and may not be another."""
    number = plain(c)
    if number is None:
        return f"{c:.6g} {word}" if any_constant else None
    if word.startswith("1/") and "1/" in number:
        sign, bottom = ("-" if c < 0 else ""), number.strip().split("/")[1]
        inner = word[2:]
        if inner[0] == "(" and inner.endswith(")") and " (" not in inner:
            inner = inner[1:-1] if " - " not in inner and " + " not in inner else inner
        return f"{sign}1/({bottom} {inner})"
    if word.startswith("1/") and number.strip(" -"):
        return f"{number.strip()}/{word[2:]}"
    return number + word


def steady(ratios: np.ndarray) -> float | None:
    """The one number that all `ratios` are, or None."""
    if not len(ratios) or not np.all(np.isfinite(ratios)):
        return None
    c = float(np.median(ratios))
    return c if c != 0 and np.max(np.abs(ratios - c)) <= MATCH * abs(c) else None


def varied(values: np.ndarray) -> bool:
    """Are there enough different numbers for a form to mean something? (A function of two values says little.)"""
    if len(values) < SIGNS and len(np.unique(np.round(values, 9))) < 3:
        return False
    return len(values) >= 4 and float(np.ptp(values)) > 1e-3 * float(np.max(np.abs(values)))


def name_form(values: np.ndarray, variables: Mapping[str, np.ndarray], any_constant: bool = False) -> str | None:
    """`values` as a plain constant times a form of one variable, or of two or three multiplied, else None.

    `values` and every variable are flat and of one length; nothing is named from fewer than four different numbers,
    and with `any_constant`, which allows any other one, from fewer than eight.
    """
    if any_constant and len(values) < 8:
        return None

    write = partial(times, any_constant=any_constant)
    if not varied(values) or not np.all(np.isfinite(values)):
        return None
    with np.errstate(all="ignore"):
        for form, function in FORMS.items():
            for name, z in variables.items():
                made = function(z)
                if not np.all(np.isfinite(made)) or not varied(made):
                    continue
                word = form.replace("({z})" if name.startswith("(") else "{z}", name)
                for ratio, text in ((values / made, word), (values * made, under(word))):
                    if (c := steady(ratio)) is not None and (named := write(c, text)) is not None:
                        return named
        return name_product(values, variables)


def under(word: str) -> str:
    """`1/word`, with brackets where the word needs them."""
    return word[2:] if word.startswith("1/") else f"1/({word})" if " " in word and word[0] != "(" else f"1/{word}"


def name_product(values: np.ndarray, variables: Mapping[str, np.ndarray]) -> str | None:
    """`values` as c z1^p z2^q..., with p, q whole or half: found by least squares on logarithms."""
    usable = {name: z for name, z in variables.items() if np.all(np.abs(z) > 1e-9) and varied(z)}
    names = list(usable)[:4]
    if len(names) < 2 or len(values) < len(names) + 5 or np.any(np.abs(values) < 1e-12):
        return None
    logs = np.stack([np.log(np.abs(usable[name])) for name in names] + [np.ones(len(values))], 1)
    powers, _, rank, _ = np.linalg.lstsq(logs, np.log(np.abs(values)), rcond=1e-10)
    if rank < logs.shape[1]:
        return None
    rounded = np.round(2 * powers[:-1]) / 2
    if np.max(np.abs(rounded)) > 3 or np.max(np.abs(rounded - powers[:-1])) > 1e-4:
        return None
    made = np.ones_like(values)
    for name, power in zip(names, rounded, strict=True):
        base = usable[name] if power == int(power) else np.abs(usable[name])
        made = made * base**power
    c = steady(values / made)
    if c is None or (text := plain(c)) is None:
        return None
    above = [written(name, p) for name, p in zip(names, rounded, strict=True) if p > 0]
    below = [written(name, -p) for name, p in zip(names, rounded, strict=True) if p < 0]
    top = text + (" ".join(above) or "1")
    return top + ("" if not below else f"/{below[0]}" if len(below) == 1 else f"/({' '.join(below)})")


def written(name: str, power: float) -> str:
    """A factor of a product, as it is read: x, x^2, sqrt(x)."""
    if power == 1:
        return name
    return f"sqrt({name})" if power == 0.5 else f"{name}^{power:g}"
