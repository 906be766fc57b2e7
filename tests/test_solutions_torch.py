"""The references against PyTorch's own layers, in float64, wherever it has the function: needs the [peers] extra."""

import importlib
from pathlib import Path

import numpy as np
import pytest

import solutions
from checker import tree
from checker.nodes import opened
from tests.test_solutions import EXERCISES, agree, pulled, right

TORCH = {}
for topic in solutions.TOPICS:
    if (Path(__file__).parent / "oracles" / f"{topic}.py").exists():
        TORCH |= getattr(importlib.import_module(f"tests.oracles.{topic}"), "TORCH", {})
CASES = [(name, case) for name in TORCH if name in EXERCISES for case in ("ordinary", *EXERCISES[name].edges)]

pytestmark = pytest.mark.peers


def test_there_are_layers_to_compare_with():
    assert {"batchnorm_backward", "layernorm_backward"} <= TORCH.keys()
    assert TORCH.keys() <= EXERCISES.keys()


@pytest.mark.parametrize(("name", "case"), CASES)
def test_the_reference_agrees_with_torch(name, case):
    torch = pytest.importorskip("torch")
    task = EXERCISES[name]
    inputs = task.inputs(2, task.edges.get(case, {}))
    outs, douts, gradients = pulled(task, inputs)
    at = opened(task, right(task), inputs)

    def tensor(leaf, differentiable):
        if isinstance(leaf, np.ndarray) or (isinstance(leaf, float) and differentiable):
            return torch.tensor(leaf, requires_grad=differentiable)
        return leaf

    given = {
        name: tree.map_leaves(lambda leaf, name=name: tensor(leaf, name in at.wrt), value)
        for name, value in zip(at.names, at.inputs)
    }
    returned = TORCH[name](*given.values())
    returned = list(returned) if isinstance(returned, (tuple, list)) else [returned]
    for out, wanted in zip(outs, returned, strict=True):
        agree(out, wanted.detach().numpy(), "output")
    sum((out * torch.tensor(dout)).sum() for out, dout in zip(returned, douts)).backward()
    leaves = {path: leaf for name in at.wrt for path, leaf in tree.flatten(given[name], name)}
    for path, gradient in gradients.items():
        exact = leaves[path].grad
        agree(gradient, np.zeros(np.shape(gradient)) if exact is None else exact.numpy(), path)
