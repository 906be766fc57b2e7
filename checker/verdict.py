"""A claim against an estimate -> Report: `gradcheck()` and its siblings for other calling styles."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from . import tree
from .calling import Pair
from .compare import RIGHT, Progress
from .contract import flat, name_of
from .elsewhere import Fault, Search, ordinary_size
from .errors import Interrupted, UsageError, UserCodeError
from .findings import forward_findings, gradient_findings
from .inputs import Declaration
from .overflow import overflow_finding
from .point import Point, settle_doubts, visit
from .report import CANNOT_TELL, NOT_ATTEMPTED, Finding, Report
from .report import RIGHT as IS_RIGHT
from .report import WRONG as IS_WRONG
from .settings import demand_function, demand_settings, told

#: Other points and shapes that are looked at after the given inputs, if the caller does not say.
TRIALS = 8
OWN_FORWARD = "judged against its own forward only"
#: The length of axes at which the search goes on if the given inputs are too large for a full check.
SMALL = 6


def gradcheck(
    forward: Callable[..., Any],
    backward: Callable[..., Any] | None,
    inputs: Any,
    *,
    names: Sequence[str] | None = None,
    wrt: Sequence[str] | None = None,
    reference: Callable[..., Any] | None = None,
    declaration: Declaration | None = None,
    advise: Callable[..., Any] | None = None,
    style: str = "auto",
    mode: str = "auto",
    trials: int | None = None,
    seed: int = 0,
    rtol: float = 1e-7,
    name: str | None = None,
    progress: Progress | None = None,
) -> Report:
    """Judge a hand-written backward against numeric derivatives of its forward.

    The claim is the vector-Jacobian product in denominator layout: dx = (dy/dx) . dout, each gradient of its input's
    shape. How forward and backward may be written is listed at `checker.calling.Pair`.

    Args:
        forward: `f(*inputs) -> out` or `-> (out, cache)`.
        backward: `b(dout, cache)`, `b(dout, *inputs)` and relatives; None if the forward returns `(loss, gradients)`.
        inputs: the forward's arguments, as a tuple or list in its order or as a dict by name. Floats and arrays of
            floats are differentiated, also inside tuples, lists and dicts; everything else is passed on.
        names: the arguments' names, where the forward's signature does not tell.
        wrt: differentiate with respect to these arguments only.
        reference: a forward known to be right. Then the author's forward is compared with it first, and the backward
            is judged against the reference's derivative.
        declaration: how other inputs are drawn; by default this is inferred from `inputs`.
        advise: given the diagnosis' `Case`, may name the cause before the general relations do.
        style: "auto", or "gradient" for a backward that takes the forward's arguments and no upstream gradient.
        mode: "full" (every entry), "fast" (two random directions, at most ten forwards) or "auto" (by the work).
        trials: how many other points and shapes are looked at; by default 8, and none in fast mode.
        seed: draws upstream gradients, directions and other points.
        rtol: the relative difference allowed beyond the estimate's own error bar.
        name: what the report is about; by default the backward's name.
        progress: called as progress(done, total) in a full check.

    Returns a Report, which is true only if the verdict is "right". Nothing that the code under test raises gets out.
    Raises UsageError if the check cannot be set up as called, and Interrupted (with a report) on Ctrl-C.
    """
    demand_settings(mode=mode, style=style, trials=trials, seed=seed, rtol=rtol, name=name)
    demand_function("advise", advise, optional=True)
    demand_function("progress", progress, optional=True)
    if not isinstance(declaration, Declaration | None):
        raise UsageError(f"declaration is {told(declaration)}; make one: Declaration.from_signature(forward)")
    pair = Pair(forward, backward, inputs, names=names, wrt=wrt, reference=reference, gradient=style == "gradient")
    trials = (0 if mode == "fast" else TRIALS) if trials is None else trials
    check = _Check(pair, declaration, advise, mode, trials, seed, rtol, name or name_of(backward or forward), progress)
    return check.report()


def check_grad(f: Callable[..., Any], grad: Callable[..., Any], inputs: Any, **options: Any) -> Report:
    """Judge `grad(*inputs)`, the gradient of a scalar function. Options and errors as `gradcheck`.

    Where f returns an array of its input's shape, grad is judged as the derivative entry by entry.
    """
    demand_function("f", f)
    demand_function("grad", grad)
    return gradcheck(f, grad, inputs, style="gradient", **options)


def check_value_and_grad(f: Callable[..., Any], inputs: Any, **options: Any) -> Report:
    """Judge a function that returns `(loss, gradients)` together. Options and errors as `gradcheck`."""
    demand_function("f", f)
    return gradcheck(f, None, inputs, **options)


@dataclass
class _Check:
    """The course of one check."""

    pair: Pair
    declaration: Declaration | None
    advise: Callable[..., Any] | None
    mode: str
    trials: int
    seed: int
    rtol: float
    name: str
    progress: Progress | None

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)
        self.notes: list[str] = []
        if self.declaration is None:
            pair = self.pair
            self.declared = Declaration.from_sample(tuple(pair.values), list(pair.names), pair.forward_function)
            defaults = self.declared.draw(np.random.default_rng(0))[len(pair.values) :]
            pair.adopt(self.declared.names, [*pair.values, *defaults])
        else:
            self.declared = self.declaration

    def report(self) -> Report:
        """The given inputs first; if nothing is wrong there, other points and shapes."""
        try:
            return self._judge()
        except UserCodeError as problem:
            return self._raised(problem)
        except NotImplementedError as unfinished:
            return self._result(NOT_ATTEMPTED, [Finding("", NOT_ATTEMPTED, str(unfinished))])
        except KeyboardInterrupt:
            finding = Finding("", CANNOT_TELL, "interrupted; nothing wrong had been found by then")
            raise Interrupted(self._result(CANNOT_TELL, [finding])) from None

    def _judge(self) -> Report:
        everything = list(self.pair.paths)
        point = visit(self.pair, self.pair.values, self.rng, mode=self.mode, rtol=self.rtol, progress=self.progress)
        self.mode = point.mode
        if not point.seen.attempted:
            message = f"{name_of(self.pair.backward_function)} is not written yet"
            return self._result(NOT_ATTEMPTED, [Finding("", NOT_ATTEMPTED, message)])
        left = [path for path in everything if path not in self.pair.paths]
        unclaimed = [path for path in left if not self.pair.is_constant(path) or self.pair.may_vary(path)]
        if unclaimed:
            self.notes.append(f"no gradient was returned for {', '.join(unclaimed)}, so none was judged")
        if self.pair.left_out:
            names = ", ".join(self.pair.left_out)
            self.notes.append(
                f"{name_of(self.pair.backward_function)} takes no upstream gradient of {names}: taken as 0"
            )
        forward = forward_findings(point)
        if any(f.cause == "forward-shape" for f in forward):
            return self._result(IS_WRONG, forward, "forward")
        if np.any(np.isnan(flat(point.seen.run.outs))) and (unstable := self._overflowed()) is not None:
            return unstable
        if any(b.kind == "contract" for b in point.seen.breaches):
            from .besides import wrong_besides

            besides = wrong_besides(point, self.rng, self.rtol) if not forward else []
            kind = "forward" if forward else "contract"
            return self._result(IS_WRONG, [*forward, *point.seen.breaches, *besides], kind)
        if not np.any(point.function.defined) and point.function.out.size:
            message = f"{name_of(self.pair.forward_function)} returns nan or inf at these inputs"
            finding = Finding("", CANNOT_TELL, f"{message}: there is nothing to differentiate")
            return self._overflowed() or self._result(CANNOT_TELL, [finding])
        if not np.all(point.function.defined):
            lost = int(np.sum(~point.function.defined))
            self.notes.append(f"{_counted(lost, 'output is', 'outputs are')} not finite here, and left out")
        passed = settle_doubts(point, self.rng, self.rtol)
        if passed:
            sits = _counted(passed, "entry sits", "entries sit")
            beside = "beside the corner it is right" if passed == 1 else "just beside it they are right"
            self.notes.append(f"{sits} on a corner, where conventions differ; {beside}")
        empty = [path for path, x in zip(self.pair.paths, point.function.x) if not x.size]
        if empty:
            self.notes.append(f"{' and '.join(empty)} {'has' if len(empty) == 1 else 'have'} no entries to compare")
        findings = gradient_findings(point)
        if forward or any(f.verdict == IS_WRONG for f in findings):
            return self._explained(point, [*forward, *findings])
        return self._search(point, findings)

    def _search(self, point: Point, findings: list[Finding]) -> Report:
        pending = {f.subject for f in findings if f.verdict == CANNOT_TELL}
        search = Search(self.pair, self._for_search(point), self.seed, self.rtol, set(pending))
        fault = search.run(self.trials if self.trials or not pending else 4)
        if fault is not None:
            return self._fault(fault)
        if search.visited:
            tried = _counted(search.visited, "other point or shape was", "other points and shapes were")
            self.notes.append(f"{tried} tried (seed {self.seed})")
        for position, finding in enumerate(findings):
            if finding.verdict == CANNOT_TELL and finding.subject not in search.pending:
                message = f"{finding.message}; the rest agrees, and so does everything at inputs of ordinary size"
                findings[position] = Finding(finding.subject, IS_RIGHT, message, shape=finding.shape)
        if any(f.verdict == CANNOT_TELL for f in findings):
            return self._result(CANNOT_TELL, findings)
        overflow = overflow_finding(self.pair) if self.trials else None
        return self._result(IS_RIGHT, [*findings, overflow] if overflow else findings, "unstable" if overflow else "")

    def _for_search(self, point: Point) -> Declaration:
        """Where other inputs come from: where one check of everything takes too long, from smaller samples."""
        if point.mode == "full" or self.declared.declared:
            return self.declared
        small = self.declared.shrunk(SMALL, self.rng)
        return Declaration.from_sample(small, list(self.declared.names), self.pair.forward_function)

    def _fault(self, fault: Fault) -> Report:
        """A report on what is wrong elsewhere although all is well at the given inputs."""
        kind = "edge" if fault.variation.edge else "values"
        forward = forward_findings(fault.point) if fault.point is not None else []
        if not forward and fault.met is not None and (forward := forward_findings(fault.met)):
            fault = replace(fault, point=fault.met)  # where it was shrunk to, the outputs are right by chance
        inputs = in_brief(self.pair.names, fault.inputs)
        where = f"right at the given inputs, wrong with {fault.variation.why}: {inputs} (seed {self.seed})"
        if fault.error is not None:
            return self._raised(fault.error, kind, where, fault.inputs)
        if fault.finding is not None:
            return self._result(IS_WRONG, [fault.finding], kind, where, fault.inputs)
        assert fault.point is not None
        return self._explained(fault.point, [*forward, *gradient_findings(fault.point)], kind, where, fault)

    def _explained(
        self, point: Point, findings: list[Finding], kind: str = "", where: str = "", fault: Fault | None = None
    ) -> Report:
        """The findings with their causes. Those of a fault are looked for where it was met, before it was shrunk."""
        from .causes import explain  # only a wrong answer needs it, and a right one should not wait for its import

        evidence = fault.met if fault is not None and fault.met is not None else point
        declared = (fault.variation.declaration if fault is not None else None) or self.declared
        findings = explain(evidence, findings, declared, self.rng, self.rtol, self.advise)
        kinds = [f.kind for f in findings if f.verdict == IS_WRONG]
        kind = kind or next((k for k in ("forward", "values", "shape") if k in kinds), kinds[0])
        return self._result(IS_WRONG, findings, kind, where, point.values)

    def _overflowed(self) -> Report | None:
        """Where the forward gives nan or inf: a report if all is well at numbers of ordinary size."""
        calm = ordinary_size(self.pair, self.pair.values)
        if calm is None:
            return None
        there = visit(self.pair, calm, self.rng, mode="fast", rtol=self.rtol)
        right = there.comparison is not None and there.comparison.worst == RIGHT and not there.seen.breaches
        if not right or not np.all(there.function.defined):
            return None
        message = f"{name_of(self.pair.forward_function)} returns nan or inf at these inputs"
        advice = "it overflows: subtract the row maximum before exp, or use a form that stays finite"
        message += ", though the gradient is right at smaller ones"
        return self._result(IS_WRONG, [Finding("", IS_WRONG, message, "unstable", "overflow", advice)], "unstable")

    def _raised(self, problem: UserCodeError, kind: str = "error", where: str = "", inputs: Any = None) -> Report:
        """The author's own exception, as theirs."""
        raised = problem.__cause__
        assert isinstance(raised, BaseException)
        if isinstance(raised, NotImplementedError):
            message = f"{name_of(problem.function)} is not written yet"
            return self._result(NOT_ATTEMPTED, [Finding("", NOT_ATTEMPTED, message)])
        from . import environment

        message = environment.describe(raised, problem.function)
        if problem.function is self.pair.reference:
            return self._result(CANNOT_TELL, [Finding("", CANNOT_TELL, f"the reference failed: {message}")])
        finding = Finding("", IS_WRONG, message, "error", type(raised).__name__)
        return self._result(IS_WRONG, [finding], kind, where, inputs)

    def _result(
        self,
        verdict: str,
        findings: Sequence[Finding],
        kind: str = "",
        where: str = "",
        inputs: Sequence[Any] | None = None,
    ) -> Report:
        if self.pair.reference is None and any(f.shape for f in findings):
            self.notes.append(OWN_FORWARD)
        return Report(
            name=self.name,
            verdict=verdict,
            findings=tuple(findings),
            kind=kind,
            notes=tuple(self.notes),
            where=where,
            mode=self.mode if self.mode != "auto" else "",
            seed=self.seed,
            forwards=self.pair.forwards,
            backwards=self.pair.backwards,
            inputs=dict(zip(self.pair.names, self.pair.values if inputs is None else inputs)),
        )


def _counted(number: int, one: str, several: str) -> str:
    return f"{number} {one if number == 1 else several}"


def in_brief(names: Sequence[str], values: Sequence[Any]) -> str:
    """Arguments by name, each in a few characters: its numbers if they are few, else its shape."""
    return ", ".join(f"{name} {_brief(value)}" for name, value in zip(names, values) if _brief(value))


def _brief(value: Any) -> str:
    if isinstance(value, np.ndarray):
        if value.size <= 6:
            short = "{:.4g}".format  # without the blanks of a column
            return np.array2string(value, separator=", ", formatter={"float_kind": short}).replace("\n", "")
        return f"{value.shape}"
    if isinstance(value, (tuple, list, dict)):
        value = tree.map_leaves(lambda leaf: np.shape(leaf) if isinstance(leaf, np.ndarray) else leaf, value)
    text = f"{value:.6g}" if isinstance(value, float) else repr(value)
    return f"= {text}" if len(text) <= 60 else ""
