# %% [markdown]
# # 4. Networks
#
# Layers on top of one another make a network, and backpropagation goes down through them with one array in its hand,
# the *local error*. In this notebook you write it for two layers, then for any number; you write a layer that no
# lecture has; you find out what has to be remembered of the forward pass; and at last you write the program that finds
# gradients by itself.
#
# Run each cell below an answer: `check(...)` says whether it is right, and `hint(...)` helps.

# %% [markdown]
# ## Local errors
#
# Take a network of two layers that decides between two classes. In the lecture's notation, without biases,
#
# $$\tilde h = W^{(1)}x, \quad h = \sigma(\tilde h), \quad \tilde y = W^{(2)}h, \quad \hat y = \sigma(\tilde y), \quad
#   L = -y\log\hat y - (1-y)\log(1-\hat y) .$$
#
# ```mermaid
# graph LR
#     x(("x")) --> m1["&times;"]
#     W1(("W⁽&sup1;⁾")) --> m1
#     m1 -- "h̃" --> s1["&sigma;"]
#     s1 -- "h" --> m2["&times;"]
#     W2(("W⁽&sup2;⁾")) --> m2
#     m2 -- "ỹ" --> s2["&sigma;"]
#     s2 -- "ŷ" --> bce["cross-entropy"]
#     y(("y")) --> bce
#     bce --> L(("L"))
# ```
#
# A unit's local error $\delta$ is the gradient of the loss by what goes *into* the unit's activation: by $\tilde y$,
# and by each entry of $\tilde h$. (The lecture's $\delta$ has been printed like $\int$.) With the errors known, each
# weight matrix needs only the error above it and the value below it.
#
# The one new step is to hand an error down a layer. The lecture speaks of *blame*: unit $i$ below is blamed for the
# error of unit $j$ above in proportion to the weight between them.
#
# *Example, one unit below and two above.* The unit below has $h = 0.5$ and feeds the two above with weights of 3 and 1,
# whose errors are $0.2$ and $-0.5$. Raise $h$ by a small $t$: what goes into the two units rises by $3t$ and $t$, and
# the loss changes by $(3\cdot 0.2 - 1\cdot 0.5)\,t = 0.1\,t$. That is the gradient by $h$. The lecture stops here,
# "ignoring $\sigma$"; the local error is one step further down, at $\tilde h$. At $h = 0.5$ the sigmoid has the slope
# $0.25$, so that $\delta = 0.025$.
#
# Now for $D$ units below, $M$ above, and a batch of $N$ examples in rows.

# %%
exercise("mlp.blame_backward")

# %% [markdown]
# ## Two layers
#
# Put it together: from the loss down to both weight matrices, with every error on the way.
#
# *Example, one unit in each layer.* $x = 2$, $w_1 = 0.5$, $w_2 = -1$, and the label $y = 1$:
#
# | $\tilde h$ | $h$ | $\tilde y$ | $\hat y$ | $L$ |
# |---|---|---|---|---|
# | $1$ | $0.7311$ | $-0.7311$ | $0.3250$ | $1.1240$ |
#
# With $w_1 = 0.51$ the loss is $1.1267$, and with $w_2 = -0.99$ it is $1.1191$: about $0.26$ and $-0.49$ are the slopes
# that your backward should find here. Which of the two weights would you raise?
#
# A report names the first node whose gradient is wrong.

# %%
exercise("mlp.mlp_bce_backward")

# %% [markdown]
# The whole way back, with the numbers of a small batch, and with your gradients in red where they differ. Which arrows
# does a local error take on its way from `y_tilde` to `h_tilde`, and at which node does each weight matrix take its
# gradient from it?

# %%
draw(mlp_bce_backward)

# %% [markdown]
# ## Any number of layers
#
# Now $L$ layers, with biases and an activation of your choice, $a^m = \sigma(z^m)$ and $z^m = W^m a^{m-1} + b^m$, where
# $a^0 = x$. The lecture goes backwards in three steps:
#
# 1. Find the local error of the last layer, $\partial C/\partial z^L$, from $\partial C/\partial a^L$.
# 2. For $m = L-1, L-2, \dots, 1$, find $\partial C/\partial z^m$ from $\partial C/\partial z^{m+1}$. You have done this
#    step above for the sigmoid.
# 3. For every $m$, find the gradient of $W^m$ from $\partial C/\partial z^m$ and $a^{m-1}$. The lecture forgets the
#    gradient of $b^m$; you should not.
#
# | | shape, for one example |
# |---|---|
# | $W^m$ | $N^m\times N^{m-1}$ |
# | $z^m$, $a^m$, $b^m$, $\partial C/\partial z^m$ | $N^m$ |
#
# Step 2 adds up over the units of layer $m+1$. One lecture lets that sum run to $N_m$: read $N^{m+1}$. Another one
# takes the error of layer $k+2$ where it should be $k+1$. In code, all of it is one loop, and each turn of the loop is
# the backward of one layer.

# %%
exercise("mlp.mlp_backward")

# %% [markdown]
# Your network, with 2, 24, 24 and 1 units and tanh, learns to tell two spirals apart. The targets are $+1$ and $-1$,
# and the loss is half the mean squared error, so that the upstream gradient is $(a^L - y)/N$.

# %%
import matplotlib.pyplot as plt

try:
    rng = np.random.default_rng(0)
    turn = np.tile(np.linspace(0.3, 2.2, 120), 2) * np.pi
    arm = np.repeat([1.0, -1.0], 120)
    x = np.c_[arm * turn * np.cos(turn), arm * turn * np.sin(turn)] / 3 + 0.05 * rng.normal(size=(240, 2))
    widths = (2, 24, 24, 1)
    ws = [rng.normal(size=(out, into)) / np.sqrt(into) for into, out in zip(widths, widths[1:])]
    bs = [np.zeros(out) for out in widths[1:]]
    across, up = np.meshgrid(np.linspace(-2.5, 2.5, 120), np.linspace(-2.5, 2.5, 120))
    plane, losses, drawn = np.c_[across.ravel(), up.ravel()], [], {}
    for step in range(2001):
        if step in (0, 50, 2000):
            drawn[step] = mlp_forward(plane, ws, bs)[0].reshape(across.shape)
        out, cache = mlp_forward(x, ws, bs)
        error = out - arm[:, None]
        losses.append(np.mean(error**2) / 2)
        _, dws, dbs = mlp_backward(error / len(x), cache)
        ws = [w - 0.5 * dw for w, dw in zip(ws, dws)]
        bs = [b - 0.5 * db for b, db in zip(bs, dbs)]
    figure, panels = plt.subplots(1, 4, figsize=(12, 3), layout="constrained")
    panels[0].semilogy(losses)
    panels[0].set(title="the loss", xlabel="step")
    for axes, (step, values) in zip(panels[1:], drawn.items()):
        axes.contourf(across, up, values, levels=np.linspace(-1, 1, 11), cmap="RdBu")
        axes.scatter(*x.T, c=arm, cmap="RdBu", s=8, edgecolor="black", linewidth=0.3)
        axes.set(title=f"after {step} steps", aspect="equal", xticks=[], yticks=[])
    plt.show()
except NotImplementedError:
    print("Finish mlp_backward, then run this cell again.")

# %% [markdown]
# ## A layer of one's own
#
# All that a network asks of a layer is a pair of functions: `forward(x)` gives the output and a cache, and
# `backward(dout, cache)` gives the gradient of each input. What the layer computes is its own affair. The lecture
# invites you to a wacky one; here is ours, entry by entry:
#
# $$f(x) = x\,\sin x + \log(1 + e^x) .$$
#
# *Example, of another wacky layer.* Let $f(x) = x\,e^x$. Both factors depend on $x$, so the slope has two terms,
# $e^x + x\,e^x$. At $x = 1$ and with $\bar o = 0.5$ the gradient is $0.5\cdot(2.718 + 2.718) = 2.718$.

# %%
exercise("custom.wacky_backward")

# %% [markdown]
# The layer, and the slope that you give it. Where the one is level, the other should cross 0.

# %%
try:
    x = np.linspace(-10, 10, 401)[:, None]
    out, cache = wacky_forward(x)
    figure, axes = plt.subplots(figsize=(7, 3.2), layout="constrained")
    axes.axhline(0, color="grey", linewidth=0.8)
    axes.plot(x, out, label="the layer")
    axes.plot(x, wacky_backward(np.ones_like(x), cache), "--", color="crimson", label="your slope")
    axes.set(xlabel="x")
    axes.legend()
    plt.show()
except NotImplementedError:
    print("Finish wacky_backward, then run this cell again.")

# %% [markdown]
# ## What must be remembered
#
# A forward pass makes an array in each layer, and the backward pass needs some of them again. They fill most of the
# memory in training, so it pays to know which. The lecture asks the question and leaves it open: what do we need to
# store for backprop at each layer?
#
# Ask each layer what its *two* gradients mention. An affine layer's are those of its weights and of its input; are the
# same arrays in both? An activation has only its input's, and it needs to know the slope. For tanh that can be had from
# the output, $1 - a^2$, so that $z$ need not be kept beside $a$.
#
# Then there are *frozen* layers, whose weights are not to change. Nobody asks for their gradient. And if all layers
# below some point are frozen, nothing has to flow down there at all.
#
# *Example.* `"affine tanh affine"`, where only `w3` is trainable. The input of the third layer, `x2`, is needed for the
# gradient of `w3`; there is nothing trainable below, so that nothing else is: `{"x2"}`.

# %%
exercise("memory.activation_memory")

# %% [markdown]
# How many numbers your answer keeps for a network of six affine layers of 512 units with ReLUs between them, and a
# batch of 2048 examples: first with all layers trainable, then with the lowest one frozen, then the lowest two, and so
# on. Weights are there in any case; it is the activations that freezing saves.

# %%
try:
    layers = " ".join(["affine relu"] * 5 + ["affine"])
    places = range(1, 12, 2)
    kept = [activation_memory(layers, " ".join(f"w{k}" for k in places[frozen:])) for frozen in range(6)]
    figure, axes = plt.subplots(figsize=(7, 3), layout="constrained")
    weights = np.array([sum(name[0] == "w" for name in names) * 512 * 512 for names in kept]) / 1e6
    activations = np.array([sum(name[0] == "x" for name in names) * 2048 * 512 for names in kept]) / 1e6
    axes.bar(range(6), activations, label="activations")
    axes.bar(range(6), weights, bottom=activations, label="weights")
    axes.set(xlabel="frozen layers, from the lowest up", ylabel="million numbers")
    axes.legend()
    plt.show()
except NotImplementedError:
    print("Finish activation_memory, then run this cell again.")

# %% [markdown]
# Now do it. The network below has five layers, of which the third and the fifth learn. Its cache is weighed: it may
# keep nothing alive that the backward can do without. (A frozen layer in the middle needs thinking about: what does the
# gradient need on its way *through* it?)

# %%
exercise("memory.freeze_backward")

# %% [markdown]
# ## The tape
#
# All these backward passes follow one scheme. Break the computation down into single operations; know the derivative of
# each; keep a record of which were applied to what; go through the record from its end. A program can do that. The
# record is called a *tape*, and the program automatic differentiation, or autograd.
#
# *Example.* Let $y = x\cdot x + x$ at $x = 3$. Two operations make two nodes. Each remembers where it came from, and
# its local derivatives:
#
# | node | value | parents | slopes |
# |---|---|---|---|
# | $p = x\cdot x$ | 9 | $x$, $x$ | 3, 3 |
# | $y = p + x$ | 12 | $p$, $x$ | 1, 1 |
#
# ```mermaid
# graph LR
#     x(("x")) -- "3" --> p["p"]
#     x -- "3" --> p
#     p -- "1" --> y["y"]
#     x -- "1" --> y
# ```
#
# Backwards: $\bar y = 1$. Then $y$ hands 1 to $p$ and 1 to $x$. Then $p$ hands $1\cdot 3$ to $x$, twice. In the end
# $\bar x = 1 + 3 + 3 = 7$, which is $2x + 1$.
#
# Two things can go wrong. A node that is used several times is given several gradients, and wants their sum. And it
# must not hand anything on before it has them all: in which order will you visit the nodes?
#
# You write a class whose objects act as numbers. `x * y` calls `x.__mul__(y)`; if the left operand is a plain number,
# as in `2 * x`, Python asks the right one, by `x.__rmul__(2)`.

# %%
exercise("tape.Var")

# %% [markdown]
# A formula that uses a node three times, with what `backward` should find. If your class gets any formula wrong, the
# smallest one that shows it is drawn instead, with your numbers in red.

# %%
draw(Var)

# %% [markdown]
# A picture of your tape: the lecture's smallest network,
#
# $$h = \mathrm{ReLU}(w_h x + b_h), \qquad o = w_o h + b_o, \qquad L = (y - o)^2,$$
#
# in seven operations. Each node shows its value, and below it the gradient that your `backward` has found. Follow the
# gradients from the right to the left.

# %%
from IPython.display import SVG


def picture(root, names):
    """The nodes that root was made of, as an SVG: each stands to the right of its parents."""
    nodes, columns = [], {}

    def column(node):
        if id(node) not in columns:
            columns[id(node)] = 1 + max((column(parent) for parent in node.parents), default=-1)
            nodes.append(node)
        return columns[id(node)]

    column(root)
    lines, boxes, rows, places = [], [], {}, {}
    for node in sorted(nodes, key=lambda node: not node.parents):
        users = [columns[id(user)] for user in nodes if node in user.parents]
        where = columns[id(node)] if node.parents else min(users, default=1) - 1
        rows[where] = rows.get(where, -1 if node.parents else 0) + 1
        x, y = places[id(node)] = 60 + 115 * where, 35 + 75 * rows[where]
        fill = "#dbe9f6" if node.parents else "#f3ead2"
        boxes.append(f'<rect x="{x - 42}" y="{y - 27}" width="84" height="54" rx="6" fill="{fill}" stroke="grey"/>')
        texts = names.get(id(node), ""), f"{node.value:.4g}", f"{node.grad:.4g}"
        for text, down, colour in zip(texts, (-12, 4, 20), ("black", "black", "crimson")):
            boxes.append(f'<text x="{x}" y="{y + down}" text-anchor="middle" fill="{colour}">{text}</text>')
    for node in nodes:
        for (left, top), (x, y) in ((places[id(parent)], places[id(node)]) for parent in node.parents):
            lines.append(f'<line x1="{left + 42}" y1="{top}" x2="{x - 42}" y2="{y}" stroke="grey"/>')
    width, height = 120 + 115 * columns[id(root)], 75 * (1 + max(rows.values()))
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-size="13">'
    return SVG("".join([head, *lines, *boxes, "</svg>"]))


drawing = None
try:
    x, y, w_h, b_h, w_o, b_o = (Var(value) for value in (2.0, 1.0, 0.75, -0.5, -1.5, 0.25))
    m_h = w_h * x
    z_h = m_h + b_h
    h = z_h.relu()
    m_o = w_o * h
    o = m_o + b_o
    e = y - o
    loss = e**2
    loss.backward()
    named = {"x": x, "y": y, "w_h": w_h, "b_h": b_h, "w_o": w_o, "b_o": b_o, "m_h": m_h, "z_h": z_h, "h": h}
    named |= {"m_o": m_o, "o": o, "e": e, "L": loss}
    drawing = picture(loss, {id(node): name for name, node in named.items()})
except NotImplementedError:
    print("Finish Var, then run this cell again.")
drawing

# %% [markdown]
# ## In your own words

# %%
question("forward_or_backward", points=2)

# %% [markdown]
# A friend proposes to do without a tape: let every number carry along its derivative by one chosen weight $w$, and let
# each operation compute the derivative of its result together with the result. At the end the loss knows $dL/dw$. Is
# that right? A network has a million weights and one loss: compare the two ways in time and in memory. For what kind of
# function would your friend's way be the better one?
#
# ### BEGIN SOLUTION
#
# It is right: the chain rule, multiplied from the input's end (forward mode). One pass gives the derivative of
# everything by *one* weight, so that a million weights take a million passes, each about as long as a forward pass. The
# tape gives the derivatives of one loss by all weights in a single backward pass, a few times as long as the forward.
# In return it has to remember the values of the whole forward pass, while the other way forgets each number as soon as
# nothing uses it any more. With few inputs and many outputs it is the other way round, and forward mode is the better
# one.
#
# ### END SOLUTION
