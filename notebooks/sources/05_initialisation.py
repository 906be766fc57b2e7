# %% [markdown]
# # 5. Initialisation
#
# Before the first step of learning, the weights are random numbers, and their size decides whether there will be
# learning at all. In this notebook you watch deep networks fail with weights that are too small and too large, work out
# the right size, and watch them work.
#
# Run each cell below an answer: `check(...)` says whether it is right, and `hint(...)` helps.

# %% [markdown]
# ## A deep network
#
# The lecture's network has ten layers of a hundred units each, without biases:
#
# $$z_i = h_{i-1}\,W_i^\top, \qquad h_i = \phi(z_i), \qquad h_0 = x,$$
#
# with one example in each row of $h$. (The lecture has one in each column.) The activation $\phi$ is ReLU or tanh. The
# backward pass is a loop from the last layer down. It starts with $\partial L/\partial h_{10}$, and at each layer it
# makes a gradient for $W_i$ and one for $h_{i-1}$.
#
# ```mermaid
# graph LR
#     x(("x")) --> m1["&times;"] -- "z₁" --> p1["&phi;"] -- "h₁" --> m2["&times;"]
#     W1(("W₁")) --> m1
#     W2(("W₂")) --> m2
#     m2 -- "z₂" --> p2["&phi;"] -- "h₂" --> more["&hellip;"]
# ```
#
# *Example, two layers of one unit, ReLU.* With $x = 2$, $w_1 = 0.5$ and $w_2 = 3$: $z_1 = h_1 = 1$ and
# $z_2 = h_2 = 3$. Both units are on, so that close to these weights $h_2 = w_2\,w_1\,x$. For an upstream gradient of 1,
# $\bar w_2 = w_1x = 1$, $\bar w_1 = w_2x = 6$ and $\bar x = w_2w_1 = 1.5$. With $w_1 = -0.5$ all three would be 0.
#
# The lecture's own code masks each layer by `Z[i]`. That is one row of the last layer's array, and it broadcasts
# without complaint. Every layer has its own.

# %%
exercise("initialisation.init_backward")

# %% [markdown]
# ## Watching the layers
#
# What do the activations of a layer look like, over all examples and all units? Two numbers tell most of it: their
# mean, and their standard deviation, which is the root of the mean squared distance from the mean.
#
# *Example.* A layer of two units and two examples, $\begin{bmatrix} 0 & 2 \\ 4 & 2 \end{bmatrix}$: the mean is 2, the
# squared distances are $4, 0, 4, 0$ with the mean 2, and the standard deviation is $1.41$.

# %%
exercise("initialisation.activation_stats")

# %% [markdown]
# Now the lecture's experiment: the same network with small weights, of standard deviation $0.01$, and with large ones,
# of standard deviation 1. At the left are your standard deviations of the layers; at the right, the norm of
# $\partial L/\partial W_i$, for an upstream gradient of the same size in both. The scales are logarithmic.

# %%
import matplotlib.pyplot as plt


def run(act, scale, depth=10, width=100):
    """Activations of every layer, and gradients of its weights, which have the standard deviation `scale`."""
    rng = np.random.default_rng(5)
    x, ws = rng.normal(size=(200, width)), [scale * rng.normal(size=(width, width)) for _ in range(depth)]
    out, cache = init_forward(x, ws, act)
    _, dws = init_backward(rng.normal(size=out.shape), cache)
    hs = [init_forward(x, ws[: layer + 1], act)[0] for layer in range(depth)]
    return hs, dws


try:
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    for name, act, scale in (("small", "relu", 0.01), ("large", "relu", 1.0), ("large, tanh", "tanh", 1.0)):
        hs, dws = run(act, scale)
        left.semilogy(range(1, 11), activation_stats(hs)[1], "o-", label=name)
        right.semilogy(range(1, 11), [np.linalg.norm(dw) for dw in dws], "o-", label=name)
    left.set(title="standard deviation of the activations", xlabel="layer")
    right.set(title="norm of the weights' gradient", xlabel="layer")
    left.legend()
    plt.show()
except NotImplementedError:
    plt.close()
    print("Finish init_backward and activation_stats, then run this cell again.")

# %% [markdown]
# With small weights the tenth layer's activations are around $10^{-12}$, and there is next to nothing to learn from:
# the gradient of a layer's weights is a product with the layer's input. In the low layers the input is still large, but
# by the time the gradient has come down there, it has become as small. That is why the lines at the right are so flat:
# one factor shrinks on the way up, the other on the way down. With large weights both explode. Under tanh the
# activations cannot, and stick at $\pm 1$ instead, while the gradients still grow from layer to layer on their way
# down.

# %% [markdown]
# ## Vanishing and exploding gradients
#
# On its way back through a layer, a gradient meets the weights and the slope of the activation. Over many layers these
# factors are multiplied.
#
# *Example, one unit in each layer.* Let $a^m = \sigma(w\,a^{m-1})$ in twenty layers, and $w = 1$. The sigmoid's slope
# is at most $\frac14$, so that from one layer's $z$ to the next a gradient shrinks to a quarter at best: after nineteen
# such steps, $4^{-19} \approx 3.6\cdot 10^{-12}$ of it is left. With $w = 4$ the product could be 1, but only where
# every slope is at its largest, at $z = 0$. And with $w = 4$ and $a$ around $0.5$, where is $z$?
#
# Measure it: run a network of sigmoids forward, go back through it, and note how long $\partial L/\partial z^m$ is in
# each layer.

# %%
exercise("initialisation.grad_norms")

# %% [markdown]
# Your norms, for networks of twenty layers of fifty units. The weights have the standard deviation $g/\sqrt{50}$, and
# $g$ differs from line to line. Does any of them keep its gradient?

# %%
try:
    figure, axes = plt.subplots(figsize=(6.5, 3.6), layout="constrained")
    for gain in (0.5, 1, 2, 4, 8, 32):
        rng = np.random.default_rng(1)
        ws = [gain / np.sqrt(50) * rng.normal(size=(50, 50)) for _ in range(20)]
        norms = grad_norms(rng.normal(size=50), ws, np.ones(50))
        axes.semilogy(range(1, 21), norms, "o-", markersize=3, label=f"g = {gain}")
    axes.set(title=r"norm of $\partial L/\partial z^m$ under sigmoids", xlabel="layer m", xticks=range(2, 21, 2))
    axes.legend(ncols=2)
    plt.show()
except NotImplementedError:
    plt.close()
    print("Finish grad_norms, then run this cell again.")

# %% [markdown]
# ## The variance of a sum
#
# How large should weights be, then? Take one preactivation, $z = \sum_i w_i x_i$ over $n_{in}$ inputs. Let all $w_i$
# and $x_i$ be independent with mean 0, the inputs with variance 1, and the weights with standard deviation $\sigma$.
#
# *Example.* Let $x_i$ be $+1$ or $-1$ by the toss of a coin, and $w_i$ be $+3$ or $-3$ by another. Each product is
# $\pm 3$ and has the variance 9. The square of the sum of two is $w_1^2x_1^2 + w_2^2x_2^2 + 2\,w_1w_2x_1x_2$. The first
# two terms are always 9. What is the mean of the third? (One lecture leaves such terms out without a word.)

# %%
exercise("initialisation.preact_variance")

# %% [markdown]
# Where the means are not 0, the variance of a product has more terms. The lecture writes
# $\mathbb E^2(w)$ in its formula; that is $(\mathbb E w)^2$, the square of the mean, and not the mean of the square.
#
# *Example.* If $w$ is always 2, and $h$ has the variance 3, $wh$ has the variance $4\cdot 3 = 12$. If $w$ and $h$ are
# $+1$ or $-1$, so is $wh$, and all three have the variance 1. Your formula should give both.
#
# Start from $\operatorname{var}(wh) = \mathbb E[w^2h^2] - (\mathbb E[wh])^2$.

# %%
exercise("initialisation.product_variance")

# %% [markdown]
# ## Xavier's weights
#
# Ask that the variance stays what it is from layer to layer. On the way forward, a unit adds up $n_{in}$ products, and
# you have just found the variance of such a sum: for inputs of variance 1 it should be 1 again. On the way back, an
# input adds up what comes from $n_{out}$ units, and the same should hold of that sum. If the layer is not square, no
# weights do both. Xavier's compromise is that the *mean* of the two variances is 1.
#
# *Example.* From 100 inputs to 300 units, forward alone would have $\operatorname{var}(w) = 0.01$, backward alone
# $0.0033$. The compromise lies between: with it, the variance of the activations halves, and that of the gradients
# grows by one half.
#
# Weights are (out, in). They are drawn from a generator that is handed in, so that the same seed gives the same weights
# again.

# %%
exercise("initialisation.xavier_normal")

# %% [markdown]
# ## ReLU
#
# Xavier's sums take no notice of the activation. A ReLU sets every negative $z$ to 0, and the lecture says that the
# variance halves. Look more closely.
#
# *Example.* Let $z$ be one of $-2, -1, 1, 2$, all equally likely. Its mean is 0, its second moment
# $\mathbb E[z^2] = 2.5$, and as the mean is 0 that is its variance. After the ReLU the values are $0, 0, 1, 2$: the
# mean is $0.75$, the second moment $1.25$, and the variance $1.25 - 0.75^2 = 0.6875$. One of these has halved, and it
# is not the variance.
#
# Which of the two does the next layer's $z = \sum_j w_j h_j$ depend on, where the $w_j$ have mean 0? Now work out the
# three numbers for a *normal* $z$ of mean 0.

# %%
exercise("initialisation.relu_moments")

# %% [markdown]
# A hundred thousand draws, and your three numbers beside the measured ones:

# %%
try:
    drawn = np.maximum(1.5 * np.random.default_rng(0).normal(size=100_000), 0)
    measured = drawn.mean(), (drawn**2).mean(), drawn.var()
    for name, yours, found in zip(("mean", "second moment", "variance"), relu_moments(1.5**2), measured):
        print(f"{name:14} yours {yours:.3f}   measured {found:.3f}")
except NotImplementedError:
    print("Finish relu_moments, then run this cell again.")

# %% [markdown]
# ## He's weights
#
# He's weights make up for what the ReLU takes away. They look at the way forward only: find the variance of $w$ with
# which the second moment of the activations stays the same from layer to layer.

# %%
exercise("initialisation.he_normal")

# %% [markdown]
# ## All of them
#
# Ten layers of a hundred units, with five kinds of weights. Each row is a network, each column a layer; the number is
# the standard deviation of the layer's activations. (The zeros that a ReLU makes of half of its inputs are not drawn.)
# Below them are the norms of the weights' gradients, for the same upstream gradient.

# %%
try:
    rng = np.random.default_rng(4)
    kinds = {
        "small, tanh": ("tanh", lambda: 0.01 * rng.normal(size=(100, 100))),
        "large, tanh": ("tanh", lambda: rng.normal(size=(100, 100))),
        "Xavier, tanh": ("tanh", lambda: xavier_normal(100, 100, rng)),
        "Xavier, ReLU": ("relu", lambda: xavier_normal(100, 100, rng)),
        "He, ReLU": ("relu", lambda: he_normal(100, 100, rng)),
    }
    x, upstream, norms = rng.normal(size=(500, 100)), rng.normal(size=(500, 100)), {}
    figure, grid = plt.subplots(5, 5, figsize=(10, 7.5), layout="constrained")
    for row, (name, (act, draw)) in zip(grid, kinds.items()):
        ws = [draw() for _ in range(10)]
        _, cache = init_forward(x, ws, act)
        norms[name] = [np.linalg.norm(dw) for dw in init_backward(upstream, cache)[1]]
        row[0].set_ylabel(name)
        for axes, layer in zip(row, (1, 3, 5, 7, 10)):
            h, _ = init_forward(x, ws[:layer], act)
            reach = (-1, 1) if act == "tanh" else (0, 2)
            axes.hist(h[h != 0], bins=40, range=reach, color="steelblue")
            axes.set(title=f"layer {layer}: {activation_stats([h])[1][0]:.2g}", yticks=[])
    plt.show()
    figure, axes = plt.subplots(figsize=(6.5, 3.4), layout="constrained")
    for name, each in norms.items():
        axes.semilogy(range(1, 11), each, "o-", markersize=4, label=name)
    axes.set(title="norm of the weights' gradient", xlabel="layer")
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    plt.show()
except NotImplementedError:
    plt.close("all")
    print("Finish init_backward, activation_stats, xavier_normal and he_normal, then run this cell again.")

# %% [markdown]
# ## In your own words

# %%
question("a_factor_of_two", points=2)

# %% [markdown]
# The lecture ends with the remark that a factor of two in the initial weights may decide whether a network learns at
# all. Take 50 square layers with ReLUs and Xavier's weights. By about what factor has the standard deviation of $z$
# changed from the first layer to the last, and why? What does that mean for the gradients of the weights?
#
# ### BEGIN SOLUTION
#
# In square layers Xavier's variance is $1/n$, so that $\operatorname{var}(z)$ of a layer is the second moment of the
# activations below. A ReLU halves the second moment, so each layer halves $\operatorname{var}(z)$, and 49 steps shrink
# the standard deviation by $2^{-49/2} \approx 4\cdot 10^{-8}$. On the way back half of the units are off in each layer,
# and the gradient shrinks in the same way. The gradient of a layer's weights is the product of the error at its output,
# small in the low layers, and its input, small in the high ones: everywhere around $10^{-8}$ of what it should be, and
# nothing learns. He's variance $2/n$ makes up for the factor in each layer.
#
# ### END SOLUTION
