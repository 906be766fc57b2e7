# %% [markdown]
# # 3. Layers and losses
#
# A network is made of a few kinds of layers, and ends in a loss. Each of them knows how to go forward, and how to turn
# the gradient of its output into the gradients of its inputs. In this notebook you write the commonest: activations,
# the affine layer, and two cross-entropies. At the end your layers learn something.
#
# From here on there is a *batch*: the rows of $X$ are $N$ examples with $D$ features each, so $X$ is $N\times D$.
# Weights are (out, in), as in the lectures. A gradient has the shape of what it is the gradient of, and
# $\bar x$ is short for $\partial L/\partial x$.
#
# Run each cell below an answer: `check(...)` says whether it is right, and `hint(...)` helps.

# %% [markdown]
# ## Activations
#
# An activation $\phi$ is applied to each entry by itself: $a_{nd} = \phi(z_{nd})$. Its Jacobian is diagonal, as no
# entry moves any other, and nobody builds a diagonal matrix: what is left of the chain rule is one product per entry,
#
# $$\frac{\partial L}{\partial z_{nd}} = \frac{\partial L}{\partial a_{nd}}\;\phi'(z_{nd}), \qquad
#   \bar z = \bar a \odot \phi'(z),$$
#
# where $\odot$ multiplies entry by entry.
#
# *Example, with the cube.* $\phi(z) = z^3$ has the slope $3z^2$. With $z = (2, -1, 0)$ and $\bar a = (0.5, 4, 7)$
# the slopes are $(12, 3, 0)$, and $\bar z = (6, 12, 0)$. Where the curve is flat, nothing passes.
#
# Only the slopes differ from one activation to the next. For the ReLU, $\max(z, 0)$, look at both sides of 0. At 0
# itself there is a corner and no slope; the lectures take 0.

# %%
exercise("activations.relu_backward")

# %% [markdown]
# The sigmoid $\sigma(z) = 1/(1+e^{-z})$ squeezes every number into the interval from 0 to 1. Between $z = 0$ and
# $z = 0.01$ it rises from $0.5$ to $0.5025$, so that its slope at 0 is about $0.25$. Differentiate, and then write the
# slope with $\sigma$ itself: the forward has computed that already.
#
# It should also survive inputs of $\pm 1000$. What is $e^{1000}$ in floating point, and which exponentials are
# harmless?

# %%
exercise("activations.sigmoid_backward")

# %% [markdown]
# Your two activations, and what your backwards make of $\bar a = 1$: the slope at each $z$. How large does the
# sigmoid's slope become, and what is it at $z = 6$?

# %%
import matplotlib.pyplot as plt

try:
    z = np.linspace(-6, 6, 241)[:, None]
    figure, panels = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
    activations = {"ReLU": (relu_forward, relu_backward), "sigmoid": (sigmoid_forward, sigmoid_backward)}
    for axes, (name, (forward, backward)) in zip(panels, activations.items()):
        a, cache = forward(z)
        axes.plot(z, a, label="a")
        axes.plot(z, backward(np.ones_like(z), cache), "--", color="crimson", label="slope")
        axes.set(title=name, xlabel="z", ylim=(-0.1, 2) if name == "ReLU" else (-0.05, 1.05))
        axes.legend()
    plt.show()
except NotImplementedError:
    plt.close()
    print("Finish relu_backward and sigmoid_backward, then run this cell again.")

# %% [markdown]
# ## The affine layer
#
# For one example the layer is $z = Wa + b$. For a batch of rows it is
#
# $$O = XW^\top + b, \qquad o_{nm} = \sum_d x_{nd}\,w_{md} + b_m,$$
#
# with $W \in \mathbb R^{M\times D}$ and $b \in \mathbb R^M$. Each example has its own row of $X$, but all of them share
# $W$ and $b$:
#
# ```mermaid
# graph LR
#     X(("X, N&times;D")) --> mul["&times;"]
#     W(("W, M&times;D")) --> mul
#     mul -- "N&times;M" --> add["+"]
#     b(("b, M")) --> add
#     add -- "N&times;M" --> O(("O"))
# ```
#
# *Example, all numbers, two examples.* Let $o_n = w\,x_n + b$ with $x = (2, 5)$, $w = 4$, and let the upstream gradient
# be $\bar o = (1, -3)$. To first order the loss changes with the outputs as
#
# $$1\cdot o_1 - 3\cdot o_2 = (2w + b) - 3\,(5w + b) = -13\,w - 2\,b .$$
#
# So $\bar w = -13$ and $\bar b = -2$: what the examples share collects from all of them. And $\bar x = (4, -12)$: what
# belongs to one example hears from that example.
#
# Now with all indices. In which entries of $O$ does $w_{md}$ occur, and with what factor? And $x_{nd}$, and $b_m$?
# Write the three sums, then find the matrix products that compute them. The shapes leave little choice.

# %%
exercise("affine.affine_backward")

# %% [markdown]
# ## A layer of a network
#
# The affine map and the activation together make the layer $h = \mathrm{ReLU}(Wx + b)$. The lecture goes through it in
# stages: $c = Wx$, then $a = c + b$, then $h = \mathrm{ReLU}(a)$.
#
# ```mermaid
# graph LR
#     x(("x")) --> mul["&times;"]
#     W(("W")) --> mul
#     mul -- "c" --> add["+"]
#     b(("b")) --> add
#     add -- "a" --> relu["ReLU"]
#     relu -- "h" --> h(("h"))
# ```
#
# Backwards, each stage hands its gradient to the one before. (In the lecture's handwritten line for
# $\partial L/\partial a$, the right-hand side should have $\partial L/\partial h$.)
#
# *Example, one unit.* With $x = 2$, $w = 3$, $b = -5$ it is $a = 1$ and $h = 1$; the unit is on, and $b$, $w$ and $x$
# move $h$ with the slopes $1$, $2$ and $3$. With $b = -7$ it is $a = -1$ and $h = 0$: the unit is off, and nothing
# moves $h$ at all.
#
# Here is that unit with its numbers: above each arrow the value that goes forward, below it the gradient that comes
# back. Lower $b$ until the unit is off, and run the cell again: where does the gradient stop?

# %%
draw("relu(w*x + b)", x=2, w=3, b=-5)

# %%
exercise("affine.affine_relu_backward")

# %% [markdown]
# ## Two classes
#
# A network that decides between two classes ends in one number per example, the *logit* $z$. Its sigmoid
# $p = \sigma(z)$ is the probability of the label 1, and the loss is the binary cross-entropy, averaged over the batch:
#
# $$L = \frac1N\sum_n \bigl[-y_n\log p_n - (1-y_n)\log(1-p_n)\bigr], \qquad y_n \in \{0, 1\} .$$
#
# ```mermaid
# graph LR
#     z(("z")) --> sigma["&sigma;"]
#     sigma -- "p" --> ce["cross-entropy"]
#     y(("y")) --> ce
#     ce --> mean["mean"] --> L(("L"))
# ```
#
# The gradient by $z$ is what the lecture on layers calls the *local error* $\delta$ (printed so that it looks like
# $\int$). Chain the derivative by $p$ with the sigmoid's, and simplify before you code.
#
# *Example, one number.* At $z = 0.5$, $p = 0.6225$. For $y = 1$ the loss is $0.47408$, and $0.47031$ at $z = 0.51$: the
# slope is about $-0.376$. For $y = 0$ it rises from $0.97408$ to $0.98031$: the slope is about $0.623$.

# %% [markdown]
# ### Why it takes the logit
#
# The formula above, as it stands, for the label $y = 0$ and three logits. The loss should be about $z$ itself.

# %%
with np.errstate(all="ignore"):
    for z in (10.0, 40.0, 800.0):
        p = 1 / (1 + np.exp(-z))
        print(f"z = {z:5.0f}   p = {p:.12f}   -log(1 - p) = {-np.log(1 - p):.6f}")

# %% [markdown]
# From $z = 37$ on, $p$ rounds to 1, and the most mistaken examples of all have an infinite loss. So write
# $-\log(1-\sigma(z))$ and $-\log\sigma(z)$ with $z$, and see which exponentials remain.

# %%
exercise("losses.bce_with_logits_backward")

# %% [markdown]
# Both losses below are 0 when $p = y$, here for $y = 1$. The solid gradient is yours. The dashed one is what the
# squared error $\frac12(p-y)^2$ would send through your sigmoid instead. Compare them at the left, where the network is
# sure and wrong.

# %%
try:
    z = np.linspace(-8, 8, 161)
    one = np.ones(1, dtype=int)
    losses, slopes = [], []
    for each in z:
        loss, cache = bce_with_logits_forward(np.array([each]), one)
        losses.append(loss)
        slopes.append(bce_with_logits_backward(1.0, cache)[0])
    p, cache = sigmoid_forward(z[:, None])
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
    left.plot(z, losses, label="cross-entropy")
    left.plot(z, (p - 1) ** 2 / 2, "--", label="squared error")
    left.set(title="the loss for y = 1", xlabel="z")
    right.plot(z, slopes, label="cross-entropy")
    right.plot(z, sigmoid_backward(p - 1, cache), "--", label="squared error")
    right.set(title="its gradient by z", xlabel="z")
    left.legend()
    right.legend()
    plt.show()
except NotImplementedError:
    print("Finish sigmoid_backward and bce_with_logits_backward, then run this cell again.")

# %% [markdown]
# ## Many classes, node by node
#
# With $C$ classes there are $C$ logits per example, and the softmax turns them into probabilities:
#
# $$p_k = \frac{e^{z_k}}{\sum_l e^{z_l}}, \qquad L = \frac1N\sum_n -\log p_{n,y_n} .$$
#
# The label $y_n$ is a class, from 0 to $C-1$. Here is the forward, taken apart. First the largest logit of each row is
# subtracted, which changes no $p_k$ and keeps the exponentials small.
#
# ```mermaid
# graph LR
#     z(("z")) -- "&minus; max" --> s["s"]
#     s -- "exp" --> e["e"]
#     e -- "&Sigma;" --> total["total"]
#     total -- "log" --> lt["log_total"]
#     s --> logp["logp"]
#     lt -- "&minus;" --> logp
#     logp -- "&minus; logp[y]" --> nll["nll"]
#     nll -- "mean" --> L(("L"))
# ```
#
# *Example, one row.* $z = (1, 2, 0)$ and $y = 0$:
#
# | node | value |
# |---|---|
# | `s` | $(-1, 0, -2)$ |
# | `e` | $(0.3679, 1, 0.1353)$ |
# | `total` | $1.5032$ |
# | `log_total` | $0.4076$ |
# | `logp` | $(-1.4076, -0.4076, -2.4076)$ |
# | `nll` | $1.4076$ |
#
# Go backwards, one node at a time. Three things to watch: `nll` looks at one entry of each row; `log_total` is one
# number, and every entry of its row uses it; `s` feeds two nodes. The maximum counts as a constant. A report names the
# first node whose gradient is wrong.
#
# A test on paper: add the same number to all logits of a row, and the loss stays as it is. What must the entries of
# each row of $\bar z$ sum to?

# %%
exercise("losses.softmax_ce_graph_backward")

# %% [markdown]
# The same graph with the numbers of a small batch. Where your answer is wrong, your gradient stands below the right one
# in red, and the first wrong node is named. What comes back to `s` along its two arrows, and where is the sum? And what
# do the rows of the gradient of `z` sum to?

# %%
draw(softmax_ce_graph_backward)

# %% [markdown]
# ## Many classes, in one step
#
# Nobody wants seven arrays where one will do. Put your nodes together on paper, from `nll` to `z`, for the true class
# and for another one. Nearly everything cancels; compare with what was left for two classes.

# %%
exercise("losses.softmax_ce_backward")

# %% [markdown]
# Both ways should give the same numbers. At $z = (1, 2, 0)$ and $y = 0$:

# %%
try:
    z, y = np.array([[1.0, 2.0, 0.0]]), np.array([0])
    loss, cache = softmax_ce_graph_forward(z, y)
    print("node by node:", softmax_ce_graph_backward(1.0, cache)["dz"].round(4), f"loss {loss:.4f}")
    loss, cache = softmax_ce_forward(z, y)
    print("in one step: ", softmax_ce_backward(1.0, cache).round(4), f"loss {loss:.4f}")
except NotImplementedError:
    print("Finish softmax_ce_graph_backward and softmax_ce_backward, then run this cell again.")

# %% [markdown]
# ## It learns
#
# An affine layer below a softmax is a classifier. The cell below draws points of three classes, and trains your layer
# on your loss by gradient descent: forward, backward, a step against the gradient, two hundred times. A loss of
# $\log 3 = 1.0986$ is that of a guess.

# %%
try:
    rng = np.random.default_rng(3)
    y = np.repeat([0, 1, 2], 60)
    x = np.array([[0.0, 1.4], [-1.3, -0.8], [1.3, -0.8]])[y] + 0.65 * rng.normal(size=(180, 2))
    w, b, losses = np.zeros((3, 2)), np.zeros(3), []
    for _ in range(200):
        z, below = affine_forward(x, w, b)
        loss, above = softmax_ce_forward(z, y)
        losses.append(loss)
        _, dw, db = affine_backward(softmax_ce_backward(1.0, above), below)
        w, b = w - 0.5 * dw, b - 0.5 * db
    across, up = np.meshgrid(np.linspace(-3.5, 3.5, 200), np.linspace(-3.2, 3.8, 200))
    z, _ = affine_forward(np.c_[across.ravel(), up.ravel()], w, b)
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    left.plot(losses)
    left.set(title=f"the loss, from {losses[0]:.3f} to {losses[-1]:.3f}", xlabel="step", ylim=(0, None))
    right.contourf(across, up, z.argmax(axis=1).reshape(across.shape), levels=[-0.5, 0.5, 1.5, 2.5], alpha=0.3)
    right.scatter(*x.T, c=y, s=14, edgecolor="black", linewidth=0.3)
    right.set(title="the largest logit, and the points", aspect="equal")
    plt.show()
except NotImplementedError:
    print("Finish affine_backward and softmax_ce_backward, then run this cell again.")

# %% [markdown]
# ## In your own words

# %%
question("cross_entropy_or_squared_error", points=2)

# %% [markdown]
# An example has the label 1, and the network is sure of the opposite: $z = -8$. What gradient does it get from the
# cross-entropy, and what from the squared error $\frac12(p - y)^2$? Where does the difference come from, and what does
# it mean for learning?
#
# ### BEGIN SOLUTION
#
# Under the cross-entropy the slope $p(1-p)$ of the sigmoid cancels against the derivative by $p$, and the gradient is
# $p - y \approx -1$: as large as it can be. Under the squared error the slope stays: $(p-y)\,p(1-p) \approx -0.0003$,
# as the sigmoid is flat at $z = -8$. The worst mistake would be the one that hardly corrects itself, and the network
# would learn slowly or not at all from it.
#
# ### END SOLUTION
