"""The checker under test, run on a case, and what its report must say."""

import re
import warnings

import checker
from checker.report import Report

from .case import Case

#: What the sentence about a breach must mention, by the term that is broken (`breaches.breaches`).
SENTENCES = {
    "writes dout": r"writes into (its upstream gradient|dout)",
    "writes input": r"writes into (its|the|an) input",
    "writes cache": r"writes into the cache|same cache",
    "returns dout": r"dout",
    "shares gradient": r"memory",
    "shares input": r"memory|view|itself",
    "count": r"\b(one|1|2|3|4|two|three|four|gradients?)\b.*gradient",
    "None": r"is None",
    "type": r"not an array|is a (str|list)|dtype",
    "dtype": r"dtype",
    "shape": r"has shape",
    "not finite": r"nan|inf|finite",
    "another answer": r"second time",
    "random": r"deterministic",
    "not linear": r"linear in dout|uses dout twice",
    "ignores dout": r"ignores dout",
}


def check(case: Case, **options) -> Report:
    """The checker's report on a case."""
    options = {"name": case.name, **case.options, **options}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if case.style == "gradient":
            return checker.check_grad(case.forward, case.backward, case.inputs(), **options)
        if case.style == "value_and_grad":
            return checker.check_value_and_grad(case.forward, case.inputs(), **options)
        if case.style == "jacobian":
            return checker.check_jacobian(case.forward, case.backward, case.inputs(), **options)
        if case.style == "hessian":
            return checker.check_hessian(case.forward, case.backward, case.inputs(), **options)
        if case.style == "jvp":
            return checker.check_jvp(case.forward, case.backward, case.inputs(), **options)
        if case.style == "layer":
            return checker.check_layer(case.forward(), case.inputs(), **options)
        if case.style == "methods":
            layer = case.forward()
            return checker.gradcheck(layer.forward, layer.backward, case.inputs(), **options)
        return checker.gradcheck(case.forward, case.backward, case.inputs(), **options)


def attempt(case: Case) -> Report:
    """The report; a checker that falls over gets no point and does not end the run."""
    try:
        return check(case)
    except Exception as error:
        return Report(case.name, "crashed", notes=(f"{type(error).__name__}: {error}",))


def text(report: Report) -> str:
    """Everything that the report says."""
    parts = [f"{f.subject} {f.message} {f.cause} {f.advice}" for f in report.findings]
    return " ".join([*parts, *report.notes, report.where, report.kind])


def holds(case: Case, report: Report) -> bool:
    """Whether the report says of the case what its label asks for."""
    match case.label:
        case "right":
            return report.verdict == "right" and report.kind == ""
        case "nasty":
            return report.verdict in ("right", "cannot tell") and report.kind == ""
        case "wrong" | "elsewhere" | "edge":
            return report.verdict == "wrong"
        case "unstable":
            return report.kind == "unstable"
        case "contract":
            kinds = ("contract", "shape") if case.cause == "shape" else ("contract",)
            return (
                report.verdict == "wrong"
                and report.kind in kinds
                and bool(re.search(SENTENCES[case.cause], text(report)))
            )
        case "unattempted":
            return report.verdict == "not attempted"
    return report.verdict == "wrong" and report.kind == case.label


def named(case: Case, report: Report) -> bool:
    """Whether the report gives a cause, and one of the case's words occurs in what it says about it."""
    said = " ".join(f"{f.cause} {f.message} {f.advice}".lower() for f in report.findings if f.cause)
    return any(word in said for word in case.cause.lower().split("|"))
