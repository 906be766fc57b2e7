"""Which activations may be dropped: the lecture's sentence on frozen layers, completed."""

import numpy as np

from checker.retained import retained
from solutions import memory


def test_frozen_layers_below_the_lowest_trainable_one_need_nothing():
    """S2-14, as said there: but the input of the lowest trainable layer must stay."""
    needed = memory.activation_memory("affine tanh affine tanh affine", "w5")
    assert needed == {"x4"}


def test_a_frozen_layer_above_a_trainable_one_still_needs_its_weights_and_slope():
    """S2-14, not said there: without them the gradient below is lost, or wrong by more than its own size."""
    assert memory.activation_memory("affine tanh affine tanh", "w1") == {"x0", "x2", "w3", "x4"}
    rng = np.random.default_rng(0)
    inputs = memory.freeze_backward.exercise.inputs()
    out, cache = memory.freeze_forward(*inputs)
    dout = rng.normal(size=out.shape)
    right, _ = memory.freeze_backward(dout, cache)
    stopped, _ = memory.stopped_at_the_frozen_layer(dout, cache)
    assert np.linalg.norm(right) > 0
    assert not stopped.any()


def test_only_the_inputs_of_layers_that_learn_and_one_mask_are_kept():
    """S2-12: everything would be several times as much."""
    inputs = memory.freeze_backward.exercise.inputs(case={"N": 50})
    _, (h2, mask, _, h4, _) = memory.freeze_forward(*inputs)
    kept = retained(memory.freeze_forward, inputs)
    assert kept == h2.nbytes + mask.nbytes + h4.nbytes
    assert mask.dtype == bool
    assert retained(memory._keep_everything, inputs) > 1.5 * kept
