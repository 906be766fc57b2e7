"""The pictures of docs/numerics.md, from what `measure` found, and a diagram; legible on white and on black."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from checker.numerical import SAFETY, STEP

from . import measure

GREY, BLUE, ORANGE, GREEN, RED = "#7d8590", "#3b8eea", "#db7b2b", "#3fa34d", "#e5534b"


def _blank(size: tuple[float, float]) -> Any:
    """Axes of an empty picture with nothing behind it."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    mpl.rcParams.update(
        {
            "svg.fonttype": "path",  # letters look alike everywhere
            "svg.hashsalt": "pictures",  # names within the file are the same each time
            "font.family": "DejaVu Sans",  # comes with matplotlib
            "font.size": 9.5,
            "text.color": GREY,
            "axes.labelcolor": GREY,
            "axes.edgecolor": GREY,
            "xtick.color": GREY,
            "ytick.color": GREY,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.facecolor": "none",
            "figure.facecolor": "none",
            "lines.linewidth": 1.8,
        }
    )
    return Figure(figsize=size, layout="constrained").add_subplot()


def _axes(size: tuple[float, float] = (7.2, 3.4)) -> Any:
    """Axes to draw curves in."""
    axes = _blank(size)
    axes.grid(color=GREY, alpha=0.18, linewidth=0.6)
    return axes


def _said(axes: Any, x: float, y: float, text: str, colour: str = GREY, **where: Any) -> None:
    """Words beside a line, in its colour, instead of a legend."""
    axes.annotate(text, (x, y), color=colour, **where)


def steps(found: measure.Steps) -> Any:
    """The V."""
    axes = _axes()
    axes.loglog(found.steps, np.maximum(found.one_sided, 1e-16), color=ORANGE)
    axes.loglog(found.steps, np.maximum(found.central, 1e-16), color=BLUE)
    axes.loglog(found.steps, np.maximum(found.extrapolated, 1e-16), color=GREEN)
    axes.axvline(STEP, color=GREY, linestyle=":", linewidth=1.2)
    _said(axes, 2e-4, 1e-3, "one-sided", ORANGE, ha="right")
    _said(axes, 2.5e-4, 1e-6, "central", BLUE, ha="right")
    _said(axes, 4e-2, 1e-10, "Richardson", GREEN)
    _said(axes, STEP * 0.75, 5e-1, "cube root of $\\varepsilon$", ha="right")
    _said(axes, 3e-15, 3e-5, "rounding")
    _said(axes, 1e-2, 2.5e-1, "truncation", ha="right")
    axes.set(xlabel="step $h$, relative to $x$", ylabel="relative error", ylim=(1e-14, 2), xlim=(1e-16, 0.7))
    return axes.figure


def ladder(found: measure.Rungs) -> Any:
    """The steps, what each says of its own error, and the estimate that is taken."""
    axes = _axes()
    axes.loglog(found.steps[:-1], np.maximum(found.change, 1e-17), "-", color=ORANGE, linewidth=1.2)
    axes.loglog(found.steps, found.rounding, "-", color=BLUE, linewidth=1.2)
    axes.loglog(found.steps, np.maximum(found.off, 1e-17), "o", color=GREY, markersize=4.5)
    step, bar, off = found.taken
    axes.loglog([step, step], [off, bar], color=GREEN)
    axes.loglog([step], [bar], "_", color=GREEN, markersize=12, markeredgewidth=2)
    axes.loglog([step], [off], "o", color=GREEN, markersize=6)
    _said(axes, found.steps[1] / 2.6, found.change[0] * 1.5, "change to the\nnext step", ORANGE, ha="right", va="top")
    _said(axes, found.steps[-5], found.rounding[-5] * 6, "rounding", BLUE, ha="left")
    _said(axes, found.steps[-1], 1e-9, "dots: true error of the\ncentral difference", GREY, va="top")
    taken = "the estimate that is taken:\nits error bar, and its true error"
    _said(axes, step / 1.7, off, taken, GREEN, ha="right", va="center")
    axes.set(xlabel="step $h$", ylabel="relative to the derivative", ylim=(min(off / 4, 1e-14), 30))
    return axes.figure


def coverage(found: dict[str, measure.Coverage]) -> Any:
    """The share of estimates whose true error is below so many error bars."""
    axes = _axes()
    for (size, each), colour in zip(found.items(), (BLUE, GREEN, ORANGE, RED)):
        ratio = np.sort(np.clip(each.ratio, 1e-5, 1e3))
        axes.semilogx(ratio, np.arange(1, ratio.size + 1) / ratio.size, color=colour, label=size)
    for bars, word in ((1.0, "one bar"), (SAFETY, f"{SAFETY:g} bars:\nwhat a verdict needs")):
        axes.axvline(bars, color=GREY, linestyle=":", linewidth=1.2)
        _said(axes, bars * (0.9 if bars == 1 else 1.15), 0.03, word, ha="right" if bars == 1 else "left")
    axes.legend(frameon=False, labelcolor=GREY, title="points", loc="upper left")
    axes.set(xlabel="true error / error bar", ylabel="share of the estimates", xlim=(1e-4, 1e2), ylim=(0, 1.02))
    return axes.figure


def saturated(found: measure.Saturated) -> Any:
    """The loop's error of a right answer crosses the line that courses draw; the error bar goes along."""
    axes = _axes()
    axes.semilogy(found.x, np.maximum(found.loop, 1e-13), color=ORANGE)
    axes.semilogy(found.x, found.bar, color=BLUE)
    axes.semilogy(found.x, np.maximum(found.ours, 1e-13), "o", color=BLUE, markersize=3)
    axes.axhline(1e-7, color=RED, linewidth=1.2, linestyle=":")
    _said(axes, 35.5, 1.6e-7, "the line at 1e-7", RED, ha="right")
    _said(axes, 16.5, 3e-3, "the loop's error,\nstep 1e-5", ORANGE, ha="right")
    _said(axes, 26.5, 8e-5, "this checker's error bar,\nand its true error (dots)", BLUE, va="top")
    axes.set(xlabel="$x$, the sigmoid's input", ylabel="relative error", ylim=(1e-13, 30))
    return axes.figure


def corner(found: measure.Corner) -> Any:
    """Gaps that stay, and gaps that close in proportion to the step."""
    axes = _axes((7.2, 3.0))
    axes.loglog(found.steps, found.corner, color=RED)
    axes.loglog(found.steps, found.curve, color=BLUE)
    axes.loglog(found.steps, found.central, "--", color=GREY, linewidth=1.4)
    _said(axes, 3e-8, 1.4, "corner: relu at 0", RED)
    _said(axes, 2e-6, 3e-5, "curve: softplus$(1000\\,x)/1000$ at 0", BLUE)
    _said(axes, 3e-8, 0.22, "relu's central difference: 1/2 at every step", GREY)
    axes.set(xlabel="step $h$", ylabel="slope right $-$ slope left", ylim=(1e-6, 5))
    return axes.figure


def power(found: measure.Power) -> Any:
    """Small mistakes get through in the end."""
    axes = _axes((7.2, 2.8))
    axes.semilogx(found.off, 100 * found.caught, "o-", color=BLUE, markersize=4.5)
    axes.set(
        xlabel=f"one entry of {found.size:,} is off by this share of itself",
        ylabel=f"noticed, % of {found.trials} runs",
        ylim=(-4, 106),
    )
    axes.invert_xaxis()
    return axes.figure


def located(found: measure.Located) -> Any:
    """Evaluations grow with the logarithm."""
    axes = _axes((7.2, 3.0))
    axes.loglog(found.sizes, 2 * found.sizes, color=GREY)
    axes.loglog(found.sizes, found.located, "o-", color=BLUE, markersize=4.5)
    axes.loglog(found.sizes, found.fast, "o-", color=GREEN, markersize=4.5)
    _said(axes, 2.5e3, 2.2e4, "every entry by itself, $2n$", GREY, ha="right")
    named, fast = int(found.located[-1]), int(found.fast[-1])
    _said(axes, found.sizes[-1], 1.6 * named, f"one wrong entry is named: {named}", BLUE, ha="right")
    _said(axes, found.sizes[-1], 0.55 * fast, f"all is right: {fast}", GREEN, ha="right", va="top")
    axes.set(xlabel="numbers that go in, $n$", ylabel="forward evaluations", ylim=(2, 4e6))
    return axes.figure


def rows(found: measure.Rows) -> Any:
    """A batch costs what one row does."""
    axes = _axes((7.2, 2.8))
    axes.loglog(found.rows, 2 * found.sizes, color=GREY)
    axes.loglog(found.rows, found.layernorm, "o-", color=BLUE, markersize=4.5)
    axes.loglog(found.rows, found.softmax, "o-", color=GREEN, markersize=4.5)
    _said(axes, found.rows[2], 2.8 * found.sizes[2], "every entry by itself, $2n$", GREY, ha="right")
    _said(axes, found.rows[-1], found.layernorm[-1] * 1.35, "layer normalisation", BLUE, ha="right")
    _said(axes, found.rows[-1], found.softmax[-1] * 0.65, "softmax", GREEN, ha="right", va="top")
    axes.set(xlabel="rows of the batch, of 10 numbers each", ylabel="forward evaluations", ylim=(10, 5e4))
    return axes.figure


def processes() -> Any:
    """The judge, the judged, and what goes between them."""
    axes = _blank((7.2, 3.1))
    axes.set(xlim=(0, 100), ylim=(5, 43))
    axes.axis("off")
    _box(axes, (1, 12, 33, 30), BLUE, "the judge", "answers\nhidden inputs\nthe notebook, as data\nverdict, gradebook")
    _box(axes, (62, 6, 37, 36), RED, "", "", dashed=True)
    _box(
        axes, (65, 12, 31, 25), ORANGE, "the judged: a worker", "the notebook's cells\nthe functions that\nthey define"
    )
    _said(axes, 80.5, 8, "locked in: five layers, each tried", RED, ha="center")
    _said(axes, 80.5, 38.6, "one for each notebook", RED, ha="center")
    _said(axes, 17.5, 8, "never runs a line of a submission", BLUE, ha="center")
    for ends, y, words in (
        ((35.5, 60.5), 30, "cells, calls, arguments"),
        ((60.5, 35.5), 19, "outputs, what was returned"),
    ):
        axes.annotate("", (ends[1], y), (ends[0], y), arrowprops={"arrowstyle": "->", "color": GREY, "linewidth": 1.4})
        _said(axes, 48, y + 1.2, words, ha="center", fontsize=8.5)
    _said(axes, 48, 13.2, "numbers, texts, arrays:\nbounded, never unpickled", ha="center", fontsize=8.5)
    return axes.figure


def _box(axes: Any, place: tuple[float, ...], colour: str, title: str, words: str, dashed: bool = False) -> None:
    from matplotlib.patches import FancyBboxPatch

    x, y, width, height = place
    style = "--" if dashed else "-"
    frame: dict[str, Any] = {"boxstyle": "round,pad=0,rounding_size=1.2", "edgecolor": colour, "facecolor": "none"}
    axes.add_patch(FancyBboxPatch((x, y), width, height, linestyle=style, linewidth=1.4, **frame))
    _said(axes, x + width / 2, y + height - 4.6, title, colour, ha="center", weight="bold")
    _said(axes, x + width / 2, y + (height - 4) / 2, words, ha="center", va="center", linespacing=1.5)


#: Each picture's name, and how it is made.
PICTURES: dict[str, Callable[[], Any]] = {
    "steps": lambda: steps(measure.steps()),
    "ladder": lambda: ladder(measure.ladder()),
    "coverage": lambda: coverage(measure.coverage()),
    "saturated": lambda: saturated(measure.saturated()),
    "corner": lambda: corner(measure.corner()),
    "power": lambda: power(measure.power()),
    "located": lambda: located(measure.located()),
    "rows": lambda: rows(measure.rows()),
    "processes": processes,
}


def write(figure: Any, path: Path) -> None:
    """Save a picture, with nothing in the file that differs from one run to the next."""
    figure.savefig(path, metadata={"Date": None, "Creator": None})
