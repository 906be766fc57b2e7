"""What is needed, by walking the chain rule's factors; the partly frozen network with autograd."""

import autograd.numpy as anp


def activation_memory(layers, trainable):
    """Collect every factor on the way from the top to each gradient that is wanted."""
    names = layers.split()
    affine = [k for k, name in enumerate(names) if name == "affine"]
    needed = set()
    for target in affine:
        if f"w{target + 1}" not in trainable.split():
            continue
        needed.add(f"x{target}")  # counted from 0, a layer's input has the layer's number
        for k in range(len(names) - 1, target, -1):
            needed.add({"affine": f"w{k + 1}"}.get(names[k], f"x{k + 1}"))
    return needed


def partly_frozen(x, *weights):
    for w in weights[:-1]:
        z = anp.dot(x, w.T)
        x = anp.where(z > 0, z, 0.0)
    return anp.dot(x, weights[-1].T)


AUTOGRAD = {"freeze_backward": partly_frozen}
VALUES = {"activation_memory": activation_memory}
