# %% [markdown]
# # 2. Derivatives of vectors and matrices
#
# A gate works on numbers. A layer works on vectors and matrices, and its derivatives come with rows and columns. This
# notebook says where the rows and columns go, how such derivatives are chained, and how the largest of them, which has
# three axes, can be done without.
#
# Write your answers in the place of `raise NotImplementedError`, run the cell, and run the cell below it: `check(...)`
# says whether the answer is right, and if not, what is wrong with it. `hint(...)` helps, a little more each time.

# %% [markdown]
# ## One output: the gradient
#
# For a function of one number, $\Delta f \approx f'(x)\,\Delta x$. If $x \in \mathbb R^n$, every entry may move, and to
# first order their effects add up:
#
# $$\Delta f \approx \sum_{i=1}^n \frac{\partial f}{\partial x_i}\,\Delta x_i .$$
#
# The $n$ slopes together are the gradient $\nabla_x f$, written as a column of the same size as $x$. The gradient by a
# matrix $A$ has the shape of $A$ in the same way. This is called *denominator layout*, and one sentence holds it all:
# **the gradient of a number has the shape of what it is the gradient of.** (One of the lectures writes gradients as
# rows. The numbers are the same.)
#
# *Example.* Let $f(x) = x_1^2\,x_2 + 3x_2$ at $x = (2, -1)$, where $f = -7$. Then
#
# $$\nabla_x f = \begin{bmatrix} 2x_1x_2 \\ x_1^2 + 3 \end{bmatrix} = \begin{bmatrix} -4 \\ 7 \end{bmatrix}.$$
#
# For the step $\Delta x = (0.01,\ 0.02)$ it foretells $\Delta f \approx -4\cdot 0.01 + 7\cdot 0.02 = 0.1$. The true
# change is $0.100702$.

# %% [markdown]
# ### A quadratic function
#
# The simplest function with curvature is $f(x) = x^\top A\,x + b^\top x$. For one variable that is $ax^2 + bx$, with
# the slope $2ax + b$. For two variables, written out, it is
#
# $$f = a_{11}x_1^2 + a_{12}x_1x_2 + a_{21}x_2x_1 + a_{22}x_2^2 + b_1x_1 + b_2x_2 .$$
#
# Differentiate these terms one by one. With $A = \begin{bmatrix} 1 & 3 \\ 0 & 2 \end{bmatrix}$, $b = (0, 1)$ and
# $x = (1, 2)$ you should find $\nabla_x f = (8, 12)$. Nothing says that $A$ is symmetric, and here it is not.
#
# Then go over to any number of variables: $f = \sum_i\sum_j x_i\,a_{ij}\,x_j + \sum_i b_i\,x_i$.

# %%
exercise("hessians.quadratic_gradient")

# %% [markdown]
# The cell below draws level lines of a quadratic function, and your gradient at a grid of points. What angle do the
# arrows make with the lines? Where are they longest?

# %%
import matplotlib.pyplot as plt

try:
    a, b = np.array([[1.0, 1.5], [0.0, 2.0]]), np.array([-1.0, 0.5])
    across, up = np.meshgrid(np.linspace(-2, 2, 60), np.linspace(-2, 2, 60))
    heights = np.array([quadratic(point, a, b) for point in np.c_[across.ravel(), up.ravel()]])
    points = np.array([(p, q) for p in np.linspace(-1.75, 1.75, 8) for q in np.linspace(-1.75, 1.75, 8)])
    arrows = np.array([quadratic_gradient(point, a, b) for point in points])
    figure, axes = plt.subplots(figsize=(5, 5))
    axes.contour(across, up, heights.reshape(across.shape), levels=14, cmap="viridis")
    axes.quiver(*points.T, *arrows.T, color="crimson", width=0.004)
    axes.set(aspect="equal", xlabel="$x_1$", ylabel="$x_2$", title="level lines and your gradient")
    plt.show()
except NotImplementedError:
    print("Finish quadratic_gradient, then run this cell again.")

# %% [markdown]
# ## Many outputs: the Jacobian, and its transpose
#
# Let $x \in \mathbb R^m$ and $y \in \mathbb R^n$. There are $mn$ slopes $\partial y_i/\partial x_j$, and two ways to
# lay them out:
#
# | layout | rows | columns | shape | small changes |
# |---|---|---|---|---|
# | Jacobian, $J$ | outputs | inputs | $n\times m$ | $\Delta y \approx J\,\Delta x$ |
# | denominator, $\nabla_x y = J^\top$ | inputs | outputs | $m\times n$ | $\Delta y \approx (\nabla_x y)^\top\Delta x$ |
#
# The lectures also write $\partial y/\partial x$ for $\nabla_x y$, and so do we.
# In denominator layout, column $i$ is the gradient of $y_i$: a column as tall as $x$, as before. We use this layout
# unless an exercise says otherwise. The lecture that introduces it lists the entries of $\partial y_1/\partial x$ down
# to $x_n$; as $x$ has $m$ entries, read $x_m$.
#
# *Example.* Let $y = (x_1x_2,\ x_1 + x_2,\ x_2^2)$ at $x = (2, 3)$. Two inputs, three outputs:
#
# $$\frac{\partial y}{\partial x} = \begin{bmatrix} x_2 & 1 & 0 \\ x_1 & 1 & 2x_2 \end{bmatrix}
#   = \begin{bmatrix} 3 & 1 & 0 \\ 2 & 1 & 6 \end{bmatrix}.$$
#
# Raise $x_1$ alone by $0.1$: $y$ moves by about $0.1$ times the first row, $(0.3,\ 0.1,\ 0)$.

# %% [markdown]
# ### A layer
#
# A fully connected layer takes $h \in \mathbb R^d$ to $a = \sigma(\tilde h)$, entry by entry, with $\tilde h = Wh$.
# The weight $w_{ij}$ leads *to* unit $i$ *from* input $j$:
#
# ```mermaid
# graph LR
#     h1(("h₁")) -- "w₁₁" --> s1["&Sigma;"]
#     h1 -- "w₂₁" --> s2["&Sigma;"]
#     h2(("h₂")) -- "w₁₂" --> s1
#     h2 -- "w₂₂" --> s2
#     s1 -- "h̃₁" --> g1["&sigma;"] --> a1(("a₁"))
#     s2 -- "h̃₂" --> g2["&sigma;"] --> a2(("a₂"))
# ```
#
# Find the path from $h_1$ to $a_2$ in the picture, and multiply what lies on it. (The lecture puts $W_{22}$ on that
# path; compare.)
#
# *Example, one input and one unit.* With $h = 2$ and $w = 0.5$: $\tilde h = 1$ and $a = \sigma(1) = 0.7311$. The
# sigmoid's slope there is $0.1966$, and $\tilde h$ rises half as fast as $h$, so $da/dh = 0.1966\cdot 0.5 = 0.0983$.

# %%
exercise("jacobians.layer_jacobian")

# %% [markdown]
# ## The chain rule
#
# Let $x \in \mathbb R^m$, $y = f(x) \in \mathbb R^n$ and $z = g(y) \in \mathbb R^p$. Small changes pass through both
# steps:
#
# $$\Delta y \approx \left(\frac{\partial y}{\partial x}\right)^{\!\top}\Delta x, \qquad
#   \Delta z \approx \left(\frac{\partial z}{\partial y}\right)^{\!\top}\Delta y .$$
#
# *Example.* One input, two numbers between, one output: $\partial y_1/\partial x = 3$, $\partial y_2/\partial x = 2$,
# $\partial z/\partial y_1 = -1$, $\partial z/\partial y_2 = 4$.
#
# ```mermaid
# graph LR
#     x(("x")) -- "3" --> y1(("y₁"))
#     x -- "2" --> y2(("y₂"))
#     y1 -- "-1" --> z(("z"))
#     y2 -- "4" --> z
# ```
#
# Raise $x$ by a small $h$. Then $y_1$ rises by $3h$ and $y_2$ by $2h$, and $z$ by $-1\cdot 3h + 4\cdot 2h = 5h$. Each
# path from $x$ to $z$ contributes the product of its slopes, and the paths are added.
#
# Now put one change into the other, for any $m$, $n$ and $p$, and read off $\partial z/\partial x$ in denominator
# layout. Its shape is $m\times p$. Mind the order of the factors: transposing a product turns it round.

# %%
exercise("jacobians.vector_chain")

# %% [markdown]
# A network is a long chain of such factors, and its last step gives a single number, the loss. The factor of that step
# is a column. Whoever multiplies from that end always multiplies a matrix by a column; whoever begins at the other end
# multiplies matrices by matrices. With 1000 units in each layer, that is a million products per layer against a
# thousand million. Backpropagation is the chain rule, evaluated from the cheap end.

# %% [markdown]
# ## The Hessian
#
# The gradient is itself a vector that depends on $x$, so it has a derivative: the Hessian, with
#
# $$H_{ij} = \frac{\partial^2 f}{\partial x_i\,\partial x_j}, \qquad H = \nabla_x(\nabla_x f) = \nabla_x^2 f .$$
#
# (In the lecture's matrix the numerators have lost their 2: read $\partial^2 f$.) The order of the two derivatives does
# not matter for the functions that we meet, so $H$ is symmetric. It says how $f$ bends:
#
# $$\Delta f \approx \nabla f^\top\Delta x + \tfrac12\,\Delta x^\top H\,\Delta x .$$
#
# *Example.* Take $f = x_1^2x_2 + 3x_2$ again, at $(2, -1)$. Differentiate the two entries of its gradient,
# $2x_1x_2$ and $x_1^2 + 3$:
#
# $$H = \begin{bmatrix} 2x_2 & 2x_1 \\ 2x_1 & 0 \end{bmatrix} = \begin{bmatrix} -2 & 4 \\ 4 & 0 \end{bmatrix}.$$
#
# For $\Delta x = (0.01,\ 0.02)$ the second term is $\frac12(-2\cdot 0.0001 + 2\cdot 4\cdot 0.0002) = 0.0007$. The
# gradient alone foretold $0.1$; together they say $0.1007$, and the truth was $0.100702$.

# %%
exercise("hessians.quadratic_hessian")

# %% [markdown]
# The eigenvalues of the Hessian are the curvatures along its eigenvectors. Both positive: a bowl. One of each sign: a
# saddle, whose flat point is no minimum. One of them 0: a trough, along which nothing bends.

# %%
try:
    matrices = {
        "bowl": np.array([[1.0, 0.4], [0.0, 2.0]]),
        "saddle": np.array([[1.0, 0.4], [0.0, -2.0]]),
        "trough": np.array([[1.0, 2.0], [0.0, 1.0]]),
    }
    across, up = np.meshgrid(np.linspace(-1, 1, 30), np.linspace(-1, 1, 30))
    b, points = np.zeros(2), np.c_[across.ravel(), up.ravel()]
    bends = [np.linalg.eigvalsh(quadratic_hessian(b, a, b)).round(2) + 0.0 for a in matrices.values()]
    figure, panels = plt.subplots(1, 3, figsize=(10, 3.6), subplot_kw={"projection": "3d"}, layout="constrained")
    for axes, (name, a), (least, most) in zip(panels, matrices.items(), bends):
        heights = np.array([quadratic(point, a, b) for point in points])
        axes.plot_surface(across, up, heights.reshape(across.shape), cmap="viridis")
        axes.set(title=f"{name}: curvatures {least:g} and {most:g}", xlabel="$x_1$", ylabel="$x_2$")
        axes.set(xticks=[-1, 0, 1], yticks=[-1, 0, 1])
    plt.show()
except NotImplementedError:
    print("Finish quadratic_hessian, then run this cell again.")

# %% [markdown]
# ## A derivative with three axes
#
# How does $z = Wx$ change with $W$? For numbers, $z = wx$ and $dz/dw = x$. For $W \in \mathbb R^{m\times n}$ and
# $z \in \mathbb R^p$, each entry $z_k$ is a number, and its gradient has the shape of $W$. There are $p$ of these
# matrices, stacked along a third axis:
#
# $$T = \frac{\partial z}{\partial W} \in \mathbb R^{m\times n\times p}, \qquad
#   T_{ijk} = \frac{\partial z_k}{\partial w_{ij}} .$$
#
# *Example, of another function.* Let $z_k = w_{k1}w_{k2}$, the product of a row's two entries, at
# $W = \begin{bmatrix} 2 & 3 \\ 5 & 7 \end{bmatrix}$. Then
#
# $$\frac{\partial z_1}{\partial W} = \begin{bmatrix} 3 & 2 \\ 0 & 0 \end{bmatrix}, \qquad
#   \frac{\partial z_2}{\partial W} = \begin{bmatrix} 0 & 0 \\ 7 & 5 \end{bmatrix},$$
#
# and these are `T[:, :, 0]` and `T[:, :, 1]`. The zeros say that a weight of one row does not move the other row's
# entry.
#
# Now for $z = Wx$, that is $z_k = \sum_j w_{kj}\,x_j$. In which entries of $z$ does $w_{ij}$ occur, and with what
# factor?

# %%
exercise("tensors.dWx_dW")

# %% [markdown]
# What you have made, slice by slice, for a matrix of shape $4\times 6$. Grey is 0.

# %%
try:
    tensor = dWx_dW(np.ones((4, 6)), np.array([1.0, -2.0, 3.0, -1.0, 2.0, -3.0]))
    figure, panels = plt.subplots(1, 4, figsize=(10, 2), layout="constrained")
    for k, axes in enumerate(panels):
        axes.imshow(np.ma.masked_equal(tensor[:, :, k], 0), cmap="RdBu", vmin=-3, vmax=3)
        axes.set(facecolor="lightgrey", title=rf"$\partial z_{k + 1}/\partial W$", xticks=[], yticks=[])
    plt.show()
    print(f"{np.count_nonzero(tensor)} of {tensor.size} entries are not 0")
except NotImplementedError:
    print("Finish dWx_dW, then run this cell again.")

# %% [markdown]
# ## The shortcut
#
# For a layer from 1000 inputs to 1000 units the tensor has $10^9$ entries, eight gigabytes of them, nearly all 0. But
# nobody wants the tensor. What is wanted is how the *loss* changes with $W$, given $\bar z = \partial L/\partial z$,
# and that is a sum over the entries of $z$:
#
# $$\frac{\partial L}{\partial W} = \sum_k \bar z_k\,\frac{\partial z_k}{\partial W} .$$
#
# *Example.* In the example above, let $\bar z = (10, -1)$. Then
#
# $$\frac{\partial L}{\partial W} = 10\begin{bmatrix} 3 & 2 \\ 0 & 0 \end{bmatrix}
#   - \begin{bmatrix} 0 & 0 \\ 7 & 5 \end{bmatrix} = \begin{bmatrix} 30 & 20 \\ -7 & -5 \end{bmatrix}.$$
#
# Carry out the same sum for $z = Wx$ on paper, with the zeros of your tensor in mind. What is left is a product of two
# vectors, and needs no tensor at all. You also owe the layer below the gradient by $x$.

# %%
exercise("tensors.product_backward")

# %% [markdown]
# Both ways side by side: the tensor, contracted as the formula above says, and your shortcut.

# %%
from time import perf_counter

try:
    rng = np.random.default_rng(0)
    w, x, dz = rng.normal(size=(200, 150)), rng.normal(size=150), rng.normal(size=200)
    start = perf_counter()
    tensor = dWx_dW(w, x)
    long_way = sum(dz[k] * tensor[:, :, k] for k in range(len(dz)))
    middle = perf_counter()
    _, cache = product_forward(w, x)
    shortcut, _ = product_backward(dz, cache)
    end = perf_counter()
    print(f"the same matrix: {np.allclose(long_way, shortcut)}")
    print(f"with the tensor: {(middle - start) * 1e3:8.2f} ms, {tensor.nbytes / 1e6:8.2f} MB")
    print(f"the shortcut:    {(end - middle) * 1e3:8.2f} ms, {shortcut.nbytes / 1e6:8.2f} MB")
except NotImplementedError:
    print("Finish dWx_dW and product_backward, then run this cell again.")

# %% [markdown]
# ## Least squares
#
# Everything together. Predict $y \in \mathbb R^m$ from $x \in \mathbb R^d$ by $Wx$, and add up the squared errors over
# $N$ examples, which are the columns of $X$ and $Y$:
#
# $$L = \frac12\sum_{n=1}^N \left\lVert y^{(n)} - Wx^{(n)} \right\rVert^2
#   = \frac12\sum_{n=1}^N z^{(n)\top} z^{(n)}, \qquad z^{(n)} = y^{(n)} - Wx^{(n)} .$$
#
# ```mermaid
# graph LR
#     W(("W")) --> mul["&times;"]
#     X(("X")) --> mul
#     mul -- "W X" --> minus["&minus;"]
#     Y(("Y")) --> minus
#     minus -- "Z" --> half["&frac12; &Sigma; z&sup2;"]
#     half --> L(("L"))
# ```
#
# On some of the lecture's lines the $\frac12$ is missing. With it, the derivative of the last step has no factor of 2.
#
# *Example, all numbers.* With $w = 2$, $x = 3$, $y = 5$: $z = -1$ and $L = 0.5$. For $w = 2.01$ it is $z = -1.03$ and
# $L = 0.53045$: the slope by $w$ is about 3. For $y = 5.01$, $z = -0.99$ and $L = 0.49005$: the slope by $y$ is about
# $-1$. Find both slopes by the chain rule through $z$, and mind the sign with which each of $w$ and $y$ enters $z$.

# %%
exercise("least_squares.lsq_backward")

# %% [markdown]
# ## Downhill
#
# The gradient points to where the loss rises fastest. Gradient descent goes the other way, in steps of a *rate*
# $\epsilon$ times the gradient:
#
# $$W \leftarrow W - \epsilon\,\frac{\partial L}{\partial W} .$$
#
# *Example.* In the numbers above the gradient by $w$ is 3. With $\epsilon = 0.1$ the new weight is
# $2 - 0.1\cdot 3 = 1.7$, so that $z = 5 - 5.1 = -0.1$: the loss has fallen from $0.5$ to $0.005$. With
# $\epsilon = 1$ it would be $w = -1$ and $L = 32$.

# %%
exercise("least_squares.lsq_descend")

# %% [markdown]
# The loss over the two weights of $W = [w_1\ w_2]$, and where your descent goes with three rates. The Hessian of this
# loss by $W$ decides which of them work: along an eigenvector of curvature $\lambda$, a step multiplies the distance to
# the minimum by $1 - \epsilon\lambda$, and that grows as soon as $\epsilon > 2/\lambda$.

# %%
try:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(2, 30)) * np.array([[1.0], [0.4]])
    y = np.array([[1.5, -1.0]]) @ x + 0.1 * rng.normal(size=(1, 30))
    steepest = np.linalg.eigvalsh(x @ x.T)[-1]
    across, up = np.meshgrid(np.linspace(-4, 7, 60), np.linspace(-4, 4, 60))
    heights = np.array([lsq_forward(w[None], x, y)[0] for w in np.c_[across.ravel(), up.ravel()]])
    figure, panels = plt.subplots(1, 3, figsize=(10, 3.4), sharey=True, layout="constrained")
    for axes, share in zip(panels, (0.3, 1.8, 2.05)):
        path = [np.array([[-1.0, 2.5]])]
        for _ in range(20):
            path.append(lsq_descend(path[-1], x, y, share / steepest, 1))
        axes.contour(across, up, heights.reshape(across.shape), levels=np.geomspace(0.5, 500, 12), norm="log")
        axes.plot(*np.concatenate(path).T, "o-", color="crimson", markersize=3, linewidth=1)
        axes.set(title=rf"$\epsilon = {share}/\lambda$", xlabel="$w_1$", xlim=(-4, 7), ylim=(-4, 4))
    panels[0].set_ylabel("$w_2$")
    plt.show()
except NotImplementedError:
    print("Finish lsq_forward, lsq_backward and lsq_descend, then run this cell again.")

# %% [markdown]
# ## In your own words

# %%
question("normal_equation_for_one_example", points=2)

# %% [markdown]
# For a single example, the lecture sets the gradient of the loss by $W$ to 0, and solves it for
# $W = y\,x^\top(x\,x^\top)^{-1}$. Why can this not be evaluated if $x$ has more than one entry? How many examples are
# needed for one solution and no other, and what can be said of the solutions if there are fewer?
#
# ### BEGIN SOLUTION
#
# Every row of $x\,x^\top$ is a multiple of $x^\top$: the matrix has rank 1, and for $n > 1$ no inverse. With $N$
# examples the condition is $W\,XX^\top = YX^\top$, and $XX^\top$ is invertible if and only if $X$ has $n$ linearly
# independent columns, so that at least $n$ examples are needed; then $W = YX^\top(XX^\top)^{-1}$. With fewer there
# are infinitely many minimisers: adding to $W$ a matrix that maps all the given $x$ to 0 changes no prediction. One of
# them is the smallest, for one example $y\,x^\top/\lVert x\rVert^2$.
#
# ### END SOLUTION
