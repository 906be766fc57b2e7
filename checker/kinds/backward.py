"""A backward pass: the vector-Jacobian product of a forward, judged by the numeric derivative of the reference's."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..calling import CACHE, OUTPUT, UPSTREAM, parameters
from ..nodes import first_wrong, opened
from ..recognise import Doing, rounding
from ..recognise import doing as pair_doing
from ..report import WRONG, Finding, Report
from ..retained import retained
from ..verdict import gradcheck
from . import Answer
from .value import differences


def doing(task: Any, answer: Answer, inputs: Sequence[Any], seed: int = 0) -> Doing:
    """Outputs, gradients, and what the pair leaves behind; `seed` draws the upstream gradient."""
    try:
        at = opened(task, answer, inputs)
    except Exception as problem:  # a staged forward is run to see its nodes
        return {"raised": np.array(type(problem).__name__)}
    done = pair_doing(at.forward, at.function, at.inputs, at.names, at.wrt, seed)
    if task.memory and "raised" not in done and answer.forward is not None:
        done = {**done, "memory": retained(answer.forward, inputs)}
    return done


def judge(task: Any, answer: Answer, inputs: Sequence[Any], expected: Doing, **options: Any) -> Report:
    """The general check. A student's forward has no reference beside it: it is compared with `expected` first."""
    misfit = _misfit(task, answer, expected)
    if misfit is not None:
        return Report(task.name, WRONG, (misfit,), "contract")
    at = opened(task, answer, inputs)
    if task.stub:
        mine = pair_doing(at.forward, at.function, at.inputs, at.names, at.wrt)
        ran = any(key.startswith("output") for key in mine)
        findings = differences(at.forward.__name__, mine, expected, rounding(inputs), "forward") if ran else []
        if any(finding.verdict == WRONG for finding in findings):
            return Report(task.name, WRONG, tuple(findings), "forward", inputs=dict(zip(at.names, at.inputs)))
    reference = None if task.stub else opened(task, Answer(at.function, task.forward), inputs).forward
    report = gradcheck(
        at.forward, at.function, at.inputs, names=at.names, wrt=at.wrt, reference=reference,
        declaration=at.declaration, name=task.name, **options,
    )  # fmt: skip
    if task.nodes:
        report = first_wrong(_by_name(report), tuple(task.nodes))
        if report and report.kind == "unstable":  # the forward is given: that it overflows is not the answer's fault
            report = replace(report, kind="", findings=tuple(f for f in report.findings if f.kind != "unstable"))
    return _lean(task, answer, inputs, expected, report) if task.memory and report else report


def _by_name(report: Report) -> Report:
    """The report with the advice of a staged backward where it returns too few gradients."""
    advice = "return a dict with the gradient of every node and every input, by name"
    findings = tuple(replace(f, advice=advice) if f.cause == "count" else f for f in report.findings)
    return replace(report, findings=findings)


def _misfit(task: Any, answer: Answer, expected: Doing) -> Finding | None:
    """A breach where the backward asks for something that nobody hands it: one dout for each output, and the cache."""
    count = sum(key.startswith("output") for key in expected)
    required = [p.name for p in parameters(answer.function) if p.default is p.empty]
    known = {*task.declaration.names, *(name for name in required if CACHE.match(name) or UPSTREAM.match(name))}
    strange = [name for name in required[1:] if name not in known and not OUTPUT.match(name)]
    if len(required) <= max(count, 1) + 1 or not strange:
        return None
    wanted = "(dout, cache)" if count == 1 else f"{count} upstream gradients and the cache"
    message = f"{answer.function.__name__} takes {', '.join(required)}; it is called with {wanted}"
    return Finding("", WRONG, message, "contract", "signature", f"leave out {', '.join(strange)}, or give a default")


def _lean(task: Any, answer: Answer, inputs: Sequence[Any], expected: Doing, report: Report) -> Report:
    """A right report, unless the cache keeps more alive than is needed."""
    assert answer.forward is not None
    mine, needed = int(retained(answer.forward, inputs)), int(expected["memory"])
    if mine <= needed:
        return report
    message = f"the cache keeps {mine} bytes alive beside the inputs and the output, where {needed} are enough"
    advice = "ask of each array that is kept: which gradient needs it? A view keeps the whole array alive"
    finding = Finding("memory", WRONG, message, "contract", "memory", advice)
    return replace(report, verdict=WRONG, kind="contract", findings=(finding, *report.findings))
