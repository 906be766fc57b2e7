# %% [markdown]
# # 7. Convolution, pooling and attention
#
# Three layers in which one number is used in many places: a filter that slides over an image, a maximum over windows
# that may overlap, and an attention that lets every query look at every key. What is used in many places collects
# gradients from all of them. The work is to find out which.
#
# Write your answers in the place of `raise NotImplementedError`, run the cell, and run the cell below it: `check(...)`
# says whether the answer is right, and if not, what is wrong with it. `hint(...)` helps, a little more each time.

# %% [markdown]
# ## A filter on a row of numbers
#
# Slide a filter $w = (w_0, w_1)$ along $x = (x_0, x_1, x_2, x_3)$ and put down one number at each place:
#
# $$o_i = w_0\,x_i + w_1\,x_{i+1} + b, \qquad i = 0, 1, 2.$$
#
# ```mermaid
# graph LR
#     x0(("x0")) -- "w0" --> o0["o0"]
#     x1(("x1")) -- "w1" --> o0
#     x1 -- "w0" --> o1["o1"]
#     x2(("x2")) -- "w1" --> o1
#     x2 -- "w0" --> o2["o2"]
#     x3(("x3")) -- "w1" --> o2
# ```
#
# *Example.* With $x = (1, 2, 0, 3)$, $w = (2, -1)$ and $b = 0$ the output is $(0, 4, -3)$. Let the upstream gradient be
# $\bar o = (1, 10, 100)$, so that the decimals show where a gradient has come from. Two of the seven gradients, found by
# following arrows:
#
# - $x_1$ has two arrows, one to $o_0$ with the weight $w_1 = -1$ and one to $o_1$ with the weight $w_0 = 2$:
#   $\bar x_1 = -1\cdot 1 + 2\cdot 10 = 19$.
# - $w_0$ stands on three arrows, where it multiplies $1$, $2$ and $0$: $\bar w_0 = 1\cdot 1 + 2\cdot 10 + 0\cdot 100 = 21$.
#
# Find the other five on paper. You should get $\bar x = (2, 19, 190, -100)$, $\bar w = (21, 302)$ and $\bar b = 111$.

# %% [markdown]
# ## On images
#
# Now $x$ is a batch of $N$ images with $C$ channels, and $w$ holds $F$ filters with as many channels:
#
# | | shape |
# |---|---|
# | images $x$ | $(N, C, H, W)$ |
# | filters $w$, one bias each | $(F, C, H_w, W_w)$, $(F,)$ |
# | output $o$ | $(N, F, H', W')$ |
#
# A *padding* of $p$ puts $p$ zeros round the image, on all four sides. A *stride* of $s$ moves the window by $s$ pixels
# from one place to the next. Whole windows only: along the rows there are
#
# $$H' = \left\lfloor\frac{H + 2p - H_w}{s}\right\rfloor + 1$$
#
# of them, and along the columns $W'$ likewise. *Example:* $H = 6$, $p = 1$, $H_w = 3$, $s = 2$ gives
# $\lfloor 5/2\rfloor + 1 = 3$ windows. They cover rows 0 to 6 of the padded image, which has 8: the last row is left
# over, and no window ever sees it.
#
# The output at place $(i, j)$ is the sum, over channels and pixels, of the filter times the window whose first pixel is
# $(is, js)$ of the padded image, plus the bias. The cell draws the windows of the example.

# %%
import matplotlib.pyplot as plt
from matplotlib.patches import Rectangle


def draw_windows(axes, height, width, window, stride, pad):
    """Draw a padded image with its windows, each a little smaller than it is, so that all can be seen."""
    for row in range(height + 2 * pad):
        for column in range(width + 2 * pad):
            inside = pad <= row < pad + height and pad <= column < pad + width
            colour = "white" if inside else "lightgrey"
            axes.add_patch(Rectangle((column, row), 1, 1, facecolor=colour, edgecolor="grey"))
    rows, columns = ((side + 2 * pad - window) // stride + 1 for side in (height, width))
    for place in range(rows * columns):
        i, j = divmod(place, columns)
        inset = 0.08 + 0.05 * ((i + j) % 3)
        corner, side = (j * stride + inset, i * stride + inset), window - 2 * inset
        colour = f"C{place % 10}"
        axes.add_patch(Rectangle(corner, side, side, fill=False, edgecolor=colour, linewidth=2))
        axes.text(corner[0] + 0.1, corner[1] + 0.45, f"{i},{j}", color=colour, fontsize=8)
    axes.set(xlim=(-0.2, width + 2 * pad + 0.2), ylim=(height + 2 * pad + 0.2, -0.2), aspect="equal")
    axes.set(title=f"stride {stride}, padding {pad}: {rows} x {columns} windows")
    axes.axis("off")


figure, axes = plt.subplots(1, 2, figsize=(9, 4.2))
draw_windows(axes[0], 6, 6, 3, 2, 1)
draw_windows(axes[1], 6, 6, 3, 3, 0)

# %% [markdown]
# ## What an error can tell
#
# Before you begin: a wrong gradient is seldom wrong everywhere, and *where* it is wrong says more than by how much. Let
# the loss be the sum of all outputs of a filter of ones, that is, the sum over all windows of the sum of their pixels.
# Somebody reasons: "raise a pixel by 1, and the sum of its window rises by 1, so every gradient is 1." The cell measures
# the gradient numerically, takes their 1 from it, and draws what is left, for windows of 3 x 3 at three strides. The
# report on a wrong answer of yours will draw such a map of its error.
#
# What do the numbers count, if you add the 1 again? At which stride is the reasoning right in every window, and what
# does the border of -1 mean there?

# %%
from checker import numerical_gradient


def sum_of_windows(image, window, stride):
    """The sum over all windows of the sum of their pixels."""
    rows, columns = ((side - window) // stride + 1 for side in image.shape)
    places = [(i * stride, j * stride) for i in range(rows) for j in range(columns)]
    return sum(image[top : top + window, left : left + window].sum() for top, left in places)


def show_numbers(axes, numbers, title, cmap="viridis"):
    """Draw a matrix as a picture with its numbers in it."""
    axes.imshow(numbers, cmap=cmap)
    middle = (np.min(numbers) + np.max(numbers)) / 2
    for (row, column), number in np.ndenumerate(numbers):
        colour = "white" if number <= middle else "black"
        axes.text(column, row, f"{number:.3g}", ha="center", va="center", color=colour, fontsize=8)
    axes.set(title=title, xticks=[], yticks=[])


image = np.random.default_rng(0).normal(size=(7, 7))
figure, axes = plt.subplots(1, 3, figsize=(10, 3.6))
for ax, stride in zip(axes, (1, 2, 3)):
    measured = np.round(
        numerical_gradient(lambda image, stride=stride: sum_of_windows(image, 3, stride), image).value, 6
    )
    show_numbers(ax, measured - np.ones_like(image), f"measured less 1, stride {stride}")

# %% [markdown]
# ## The convolution layer
#
# The forward first, then the three gradients. At a single place $(i, j)$ a convolution is an affine layer of one window,
# and you know that one's backward. Two things are new: windows share pixels, and all windows share $w$ and $b$.

# %%
exercise("convolution.conv_backward")

# %% [markdown]
# Your layer at work. The picture on the left goes through two filters, one that answers to edges from left to right and
# one to edges from top to bottom; your backward then says which pixels the *one* output in the middle depends on, and
# how. In which places is this gradient not 0, and where have you seen its numbers before?

# %%
try:
    picture = np.zeros((12, 12))
    picture[3:10, 3:9] = 1.0
    picture[3:6, 6:9] = 0.0
    slope = np.array([[1.0, 0.0, -1.0], [2.0, 0.0, -2.0], [1.0, 0.0, -1.0]])
    filters = np.stack([slope, slope.T])[:, None]
    out, cache = conv_forward(picture[None, None], filters, np.zeros(2), stride=1, pad=1)
    dout = np.zeros_like(out)
    dout[0, 0, 6, 6] = 1.0
    dx, dw, db = conv_backward(dout, cache)
    shown = (picture, "the picture"), (out[0, 0], "first filter"), (out[0, 1], "second filter")
    figure, axes = plt.subplots(1, 4, figsize=(12, 3.2))
    for ax, (pixels, title) in zip(axes, (*shown, (dx[0, 0], "gradient of one output"))):
        limit = max(1.0, np.max(np.abs(pixels)))
        ax.imshow(pixels, cmap="RdBu", vmin=-limit, vmax=limit)
        ax.set(title=title, xticks=[], yticks=[])
except NotImplementedError:
    print("Finish conv_forward and conv_backward, then run this cell again.")

# %% [markdown]
# ## Max pooling
#
# Pooling makes an image smaller: it keeps the maximum of each window, channel by channel. It is a max gate with more
# than two inputs, and has no parameters.
#
# *Example, in one dimension.* Let $x = (1, 5, 2, 4)$. With windows of 2 that lie side by side (stride 2), $o = (5, 4)$,
# and an upstream gradient of $(1, 10)$ comes back as $\bar x = (0, 1, 0, 10)$. With overlapping windows (stride 1),
# $o = (5, 5, 4)$, and $(1, 10, 100)$ comes back as $\bar x = (0, 11, 0, 100)$: the 5 has won twice.
#
# ```mermaid
# graph LR
#     x0(("1")) -.-> o0["5"]
#     x1(("5")) --> o0
#     x1 --> o1["5"]
#     x2(("2")) -.-> o1
#     x2 -.-> o2["4"]
#     x3(("4")) --> o2
# ```
#
# What must the forward remember: the maxima, or something else?

# %%
exercise("pooling.maxpool_backward")

# %% [markdown]
# The cell sends a gradient of 1 into every output of windows of 2 x 2, once side by side and once overlapping. Check some of
# the numbers on the right by eye.

# %%
try:
    image = np.random.default_rng(4).permutation(36).reshape(6, 6).astype(float)
    gradients = {}
    for stride in (2, 1):
        out, cache = maxpool_forward(image[None, None], 2, 2, stride)
        gradients[stride] = maxpool_backward(np.ones_like(out), cache)[0, 0]
    figure, axes = plt.subplots(1, 3, figsize=(10, 3.6))
    show_numbers(axes[0], image, "the image", "cividis")
    for ax, (stride, gradient) in zip(axes[1:], gradients.items()):
        show_numbers(ax, gradient, f"gradient, stride {stride}")
except NotImplementedError:
    print("Finish maxpool_forward and maxpool_backward, then run this cell again.")

# %% [markdown]
# ## Attention
#
# A filter looks at its neighbours, always with the same weights. Attention looks everywhere, and computes the weights
# from the data. Each of $T$ queries $q_t \in \mathbb R^D$ is compared with each of $S$ keys $k_i \in \mathbb R^D$; a
# softmax makes weights of the scores; and the output is the mean of the values $v_i \in \mathbb R^M$ with these weights:
#
# $$s_{ti} = \frac{q_t\cdot k_i}{\sqrt D}, \qquad p_{ti} = \frac{e^{s_{ti}}}{\sum_j e^{s_{tj}}}, \qquad
#   o_t = \sum_i p_{ti}\,v_i .$$
#
# ```mermaid
# graph LR
#     q(("q")) --> s["s = q kᵀ / &radic;D"]
#     k(("k")) --> s
#     s --> p["p = softmax of each row"]
#     p --> o["o = p v"]
#     v(("v")) --> o
# ```
#
# | | `q` | `k` | `v` | $s$, $p$ | `out` |
# |---|---|---|---|---|---|
# | shape | $(N, T, D)$ | $(N, S, D)$ | $(N, S, M)$ | $(N, T, S)$ | $(N, T, M)$ |
#
# *Example, with single numbers.* One query $q = 1$, two keys $k = (0, \ln 3)$, two values $v = (4, 8)$, and $D = 1$. The
# scores are $(0, \ln 3)$, the weights $p = (\tfrac14, \tfrac34)$, and $o = \tfrac14\cdot 4 + \tfrac34\cdot 8 = 7$.
#
# - Raise $v_1$ by $0.01$: $o$ rises by $0.0025$. The slope is that value's weight.
# - Raise the *score* $s_2$ by $0.01$, and $o$ becomes $7.0075$: the slope is $0.75$. Raise $s_1$ instead: $o$ becomes
#   $6.9925$, the slope is $-0.75$. More weight on the first key is weight taken from the second.
# - Raise both scores by $0.01$: nothing happens. A softmax does not notice what is added to a whole row, so the slopes of
#   a row of scores always add up to 0.
#
# Go back through the picture from right to left, one box at a time. The middle box is one you know from cross-entropy,
# but there it came together with a logarithm.
#
# If `causal` is set, query $t$ may look at the keys $0$ to $t$ only: the scores of the others count as minus infinity.

# %%
exercise("attention.attention_backward")

# %% [markdown]
# If the values are the unit vectors, the output *is* the matrix of weights. The cell uses this to draw what each query
# looks at, without and with the mask, and then your gradient: how the keys move the output of query 5 alone. Which rows
# of it should be 0 under the mask?

# %%
try:
    rng = np.random.default_rng(5)
    steps, size = 10, 4
    q, k = rng.normal(size=(1, steps, size)), rng.normal(size=(1, steps, size))
    drawn = []
    for causal in (False, True):
        weights, cache = attention_forward(2 * q, 2 * k, np.eye(steps)[None], causal)
        dout = np.zeros_like(weights)
        dout[0, 5] = rng.normal(size=steps)
        dq, dk, dv = attention_backward(dout, cache)
        title = "causal" if causal else "all keys"
        drawn += [(weights[0], f"weights, {title}"), (dk[0], f"gradient of the keys, {title}")]
    figure, axes = plt.subplots(1, 4, figsize=(12, 3.4))
    for ax, (numbers, title) in zip(axes, drawn):
        limit = np.max(np.abs(numbers))
        low, cmap = (-limit, "RdBu") if title.startswith("gradient") else (0.0, "Blues")
        ax.imshow(numbers, cmap=cmap, vmin=low, vmax=limit)
        ax.set(title=title, ylabel="key" if title.startswith("gradient") else "query", xticks=[])
    figure.tight_layout()
except NotImplementedError:
    print("Finish attention_forward and attention_backward, then run this cell again.")

# %% [markdown]
# ## In your own words

# %%
question("why_share", points=2)

# %% [markdown]
# Imagine a layer that looks at the same windows as a convolution, but has a filter of its own for every place. What
# becomes of the sums in $\bar w$, $\bar b$ and $\bar x$? Take one image of 32 x 32 with one channel, one filter of 3 x 3
# and padding 1: how many weights has each of the two layers, and from how many places does each single weight hear?
# What does that mean for learning?
#
# ### BEGIN SOLUTION
#
# Without sharing, each weight and each bias is used at one place only, so for one image their gradients have one term
# (the sum over the batch stays). The gradient of $x$ keeps its sum: pixels are still shared by overlapping windows, each
# with the weights of its own place. The convolution has 9 weights (and 1 bias), each of which hears from all
# $32\cdot 32 = 1024$ places of every image (at the border a few of them see padding, which is 0). The other layer has
# $1024\cdot 9 = 9216$ weights, each of which hears from one place. So it needs far more images to learn the same thing:
# what it has learnt about an edge at one place says nothing about the next, while a convolution learns it once for all.
#
# ### END SOLUTION
