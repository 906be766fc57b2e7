# %% [markdown]
# # 8. Recurrent networks
#
# A recurrent network reads a sequence one step at a time, and uses the same weights at every step. So its graph is as
# long as the sequence, and one weight occurs in it many times. This notebook goes back through that graph node by node,
# then through any number of steps at once, and then forwards.
#
# Write your answers in the place of `raise NotImplementedError`, run the cell, and run the cell below it: `check(...)`
# says whether the answer is right, and if not, what is wrong with it. `hint(...)` helps, a little more each time.

# %% [markdown]
# ## One unit, two steps
#
# The lecture's network keeps a state $\mathbf a^{(t)}$ and computes the next one from it and from an input:
#
# $$h_i^{(t)} = \sum_{j=1}^n W_{ij}\,a_j^{(t-1)} + \sum_{l=1}^{n_{in}} W^{in}_{il}\,x_l^{(t)} + b_i, \qquad
#   a_i^{(t)} = \varphi\big(h_i^{(t)}\big), \qquad \varphi = \tanh .$$
#
# (In the slide the first sum leaves out $j = 1$. It should leave out nothing.) Take a single unit with a single input,
# $w = 0.5$, $w^{in} = 1$ and $b = 0$. It starts from $a^{(0)} = 0.5$, reads $x = 1$ and then $x = 0$, and should end at
# $y^* = 1$: the loss is $l = \frac12(a^{(2)} - 1)^2$. Below, each edge carries its value and, behind the bar, the
# derivative of $l$ by it.
#
# ```mermaid
# graph LR
#     a0(("a(0)")) -- "0.5 | -0.0353" --> s1["w a + x"]
#     x1(("x(1)")) -- "1 | -0.0706" --> s1
#     w(("w")) -. "share -0.0353" .-> s1
#     s1 -- "h = 1.25 | -0.0706" --> t1["tanh"]
#     t1 -- "a = 0.8483 | -0.2517" --> s2["w a + x"]
#     x2(("x(2)")) -- "0 | -0.5035" --> s2
#     w -. "share -0.4271" .-> s2
#     s2 -- "h = 0.4241 | -0.5035" --> t2["tanh"]
#     t2 -- "a = 0.4004 | -0.5996" --> l(("l = 0.1798"))
# ```
#
# Read it from the right. The loss is a square, so $\partial l/\partial a^{(2)} = 0.4004 - 1 = -0.5996$. The slope of
# tanh there is $0.8397$, which gives $-0.5035$ for $h^{(2)}$. From there one unit of $a^{(1)}$ moves $h^{(2)}$ by
# $0.5$, and so on to the left.
#
# The weight $w$ has two uses. To first order each use acts by itself, so $\partial l/\partial w$ is the sum of two
# shares, $-0.4271 - 0.0353 = -0.4624$. The earlier share is the smaller: it has come through one step more. The cell
# below measures both shares, with a weight of its own for each use.

# %%
def loss_of_two_uses(w_first, w_second):
    """The loss of the two steps above, where the two uses of w are told apart."""
    a1 = np.tanh(w_first * 0.5 + 1)
    a2 = np.tanh(w_second * a1 + 0)
    return (a2 - 1) ** 2 / 2


step = 1e-6
first = (loss_of_two_uses(0.5 + step, 0.5) - loss_of_two_uses(0.5 - step, 0.5)) / (2 * step)
second = (loss_of_two_uses(0.5, 0.5 + step) - loss_of_two_uses(0.5, 0.5 - step)) / (2 * step)
both = (loss_of_two_uses(0.5 + step, 0.5 + step) - loss_of_two_uses(0.5 - step, 0.5 - step)) / (2 * step)
print(f"share of the first use {first:.4f}, of the second {second:.4f}; both together {both:.4f}")

# %% [markdown]
# ## One step, node by node
#
# Now $H$ units, $D$ inputs, and a batch of $N$ sequences, one in each row. The code for batches calls the state `h` and
# what tanh is taken of `a`, as most libraries do; the lecture's letters are the other way round.
#
# | | lecture, one sequence | code, a batch | shape in the code |
# |---|---|---|---|
# | input | $\mathbf x^{(t)}$ | `x` | $(N, D)$ |
# | state before, state after | $\mathbf a^{(t-1)}$, $\mathbf a^{(t)}$ | `h_prev`, `h` | $(N, H)$ |
# | what tanh is taken of | $\mathbf h^{(t)}$ | `a` | $(N, H)$ |
# | weights, bias | $W^{in}$, $W$, $b$ | `wx`, `wh`, `b` | $(H, D)$, $(H, H)$, $(H,)$ |
#
# ```mermaid
# graph LR
#     x(("x")) --> fx["from_x = x wxᵀ"]
#     wx(("wx")) --> fx
#     hp(("h_prev")) --> fh["from_h = h_prev whᵀ"]
#     wh(("wh")) --> fh
#     fx --> a["a = from_x + from_h + b"]
#     fh --> a
#     b(("b")) --> a
#     a --> h["h = tanh a"]
# ```
#
# Give every node its gradient, from right to left. `wh` is square, so that its shape does not tell whether a transpose
# is missing: write one entry out, say $\partial a_{n1}/\partial h'_{n2}$, before you write the matrix product.

# %%
exercise("rnn.rnn_step_stages_backward")

# %% [markdown]
# The same without the names of the nodes, and this time with a forward of your own: what must it keep for the way back?

# %%
exercise("rnn.rnn_step_backward")

# %% [markdown]
# ## The loss of one time
#
# At time $t$ the network gives $\mathbf y^{(t)} = W^{out}\mathbf a^{(t)}$, and pays for its distance from a target:
#
# $$l^{(t)} = \tfrac12\sum_k\Big(\sum_i W^{out}_{ki}\,a_i^{(t)} - y_k^{*(t)}\Big)^2 .$$
#
# *Example.* Two units with $\mathbf a = (0.5, -1)$, and one output with $W^{out} = (2, 3)$ and $y^* = 1$. The output is
# $2\cdot 0.5 - 3 = -2$, so the error is $-3$ and $l = 4.5$. Raise $a_1$ by $0.01$: the output rises by $0.02$, the
# error is $-2.98$ and $l = 4.4402$, less by about $0.06$. The slope is $-6$. Raise $W^{out}_1$ by $0.01$ instead: the
# output rises by $0.005$, and the slope is $-1.5$.

# %%
exercise("rnn.rnn_readout_loss_backward")

# %% [markdown]
# ## Two steps, unrolled
#
# Here is the scalar example again with vectors, and with a loss at both times. It is in the lecture's letters: $h$ is
# what tanh is taken of, $a$ is the state. Nodes first, from right to left; when they all have their derivatives, those
# of the parameters can be read off.
#
# ```mermaid
# graph LR
#     a0(("a0")) --> h1["h1"] --> a1["a1"] --> h2["h2"] --> a2["a2"]
#     x1(("x[0]")) --> h1
#     x2(("x[1]")) --> h2
#     a1 --> l1["half |a1 - y[0]|&sup2;"] --> L(("loss"))
#     a2 --> l2["half |a2 - y[1]|&sup2;"] --> L
#     p(("w, w_in, b")) -.-> h1
#     p -.-> h2
# ```
#
# Two places need care: a node with two arrows going out, and a parameter with two.

# %%
exercise("rnn.rnn_two_steps_backward")

# %% [markdown]
# ## Any number of steps
#
# With $T$ steps the loss is $\mathcal L = \sum_t l^{(t)}$. In the function below, `dh[:, t]` is what the losses send to
# the state of time $t$ *directly*. More arrives there from the steps that come after. The weights serve at all times:
#
# $$\frac{\partial\mathcal L}{\partial\mathbf w} = \sum_t\frac{\partial l^{(t)}}{\partial\mathbf w}
#   = \sum_t\sum_{s\le t}\frac{\partial l^{(t)}}{\partial\mathbf w^{(s)}},$$
#
# where $\mathbf w^{(s)}$ is the weights as used at time $s$. (The sum over $s$ is only implied in the lecture.) Walking
# back through time once collects the whole double sum: at each step, everything that later losses have to say has
# already been added up in one array of the state's shape.

# %%
exercise("rnn.rnn_backward")

# %% [markdown]
# Your `rnn_backward` can now say how much an input of time $t$ matters for the state at the end. The cell sends a
# gradient into the last state alone, for three networks whose recurrent weights differ by a factor, and draws the size
# of `dx[:, t]`. Which steps can each of them learn from?

# %%
import matplotlib.pyplot as plt

try:
    rng = np.random.default_rng(0)
    sequences, times, units, inputs = 8, 40, 32, 4
    x = 0.2 * rng.normal(size=(sequences, times, inputs))
    wx, b = 0.3 * rng.normal(size=(units, inputs)), np.zeros(units)
    wh = rng.normal(size=(units, units)) / np.sqrt(units)
    heard = {}
    for scale in (0.5, 0.9, 1.3):
        h, cache = rnn_forward(x, np.zeros((sequences, units)), wx, scale * wh, b)
        dh = np.zeros_like(h)
        dh[:, -1] = rng.normal(size=(sequences, units))
        heard[scale] = np.linalg.norm(rnn_backward(dh, cache)[0], axis=(0, 2))
    figure, axes = plt.subplots(figsize=(7, 3.2))
    for (scale, sizes), colour in zip(heard.items(), ("tab:blue", "tab:green", "tab:red")):
        axes.semilogy(sizes, ".-", color=colour, label=f"weights times {scale}")
    axes.set(xlabel="time t of the input", ylabel="size of dx[:, t]", title="What the last state hears of each input")
    axes.legend()
except NotImplementedError:
    print("Finish rnn_backward, then run this cell again.")

# %% [markdown]
# ## Three factors
#
# One term of that double sum can be written as a product. The lecture names its factors, and leaves it to you to find
# them:
#
# | factor | what it is | shape |
# |---|---|---|
# | $q_i^{(t)} = \partial l^{(t)}/\partial a_i^{(t)}$ | how the loss moves with the state | $(H,)$ |
# | $J_{ij}^{(t)} = \partial a_i^{(t)}/\partial a_j^{(t-1)}$ | how a state moves with the one before | $(H, H)$ |
# | $\overline M_{kij}^{(t)} = \partial a_k^{(t)}/\partial W_{ij}$ | how a state moves with the weights *at once*, the state before held fixed | $(H, H, H+D+1)$ |
#
# In $\overline M$ all parameters stand in one matrix, $[W, W^{in}, b]$, and accordingly their inputs in one vector,
# $\hat{\mathbf a}^{(t-1)} = (\mathbf a^{(t-1)}, \mathbf x^{(t)}, 1)$. (This is what stands behind the bias in the slide.)
#
# *Example.* For the single unit at the top and $t = 2$: a small rise of $a^{(1)}$ moves $h^{(2)}$ half as much, and
# $a^{(2)}$ by $0.8397$ of that: $J^{(2)} = 0.4198$. The parameters are $(w, w^{in}, b)$ and $\hat a = (0.8483, 0, 1)$;
# $w$ moves $h^{(2)}$ by $0.8483$, $w^{in}$ not at all, $b$ by $1$. So $\overline M^{(2)} = (0.7123, 0, 0.8397)$. And
# $q^{(2)} = -0.5996$. The product $q\,\overline M$ begins with $-0.4271$: the share of the second use.
#
# With more units, ask of each factor which entries must be 0: does unit $k$ see the weight $W_{ij}$ at all?

# %%
exercise("rnn.rnn_immediate_influence")

# %% [markdown]
# $J$ is wanted as the lecture defines it: the row is the *new* state's index (numerator layout).

# %%
exercise("rnn.rnn_jacobian")

# %%
exercise("rnn.rnn_loss_gradient")

# %% [markdown]
# ## One term, and all of them
#
# The lecture's term for a loss two steps later is
#
# $$\frac{\partial l^{(t+2)}}{\partial W_{ij}^{(s-1)}}
#   = \mathbf q^{(t+2)}\,\mathbf J^{(t+2)}\mathbf J^{(t+1)}\mathbf J^{(t)}\;\overline{\mathbf M}_{ij} .$$
#
# The slide does not say how $s$ and $t$ go together, nor at which time $\overline{\mathbf M}$ is taken. Follow the path:
# the weight, used at time $s-1$, moves the state of time $s-1$, and the first Jacobian must lead from *that* state to
# the next. So here $s = t$, and $\overline{\mathbf M}$ is that of time $t-1$. For the single unit: the first use of $w$
# moves $a^{(1)}$ by $\overline M^{(1)} = 0.2804\cdot 0.5 = 0.1402$, and
#
# $$q^{(2)}J^{(2)}\overline M^{(1)} = -0.5996\cdot 0.4198\cdot 0.1402 = -0.0353,$$
#
# which is the first share again.
#
# In the functions below time counts from 0 to $T-1$, and `js[t]` leads from the state of time $t-1$ to that of time $t$.

# %%
exercise("rnn.bptt_term")

# %% [markdown]
# The whole derivative of one loss is the sum of its terms. If each were computed afresh, $T$ steps would cost about
# $T^2/2$ products. How many are needed?

# %%
exercise("rnn.bptt_gradient")

# %% [markdown]
# ## Vanishing and exploding gradients
#
# A term that goes back $k$ steps has $k$ Jacobians in it. In one dimension that is a product of $k$ numbers: $0.9^{60}$
# is $0.002$, $1.1^{60}$ is $304$. In more dimensions the largest absolute eigenvalue of $W$, its spectral radius
# $\rho$, plays that part, as long as the states are small and tanh is nearly a straight line with the slope 1.
#
# The cell runs networks of 50 units that differ in $\rho$ alone, goes back from the last state with your Jacobians, and
# draws the size of $\mathbf q\,\mathbf J\cdots\mathbf J$. The dotted lines are $\rho^k$. Where do the curves leave them,
# and why do they leave them downwards?

# %%
try:
    rng = np.random.default_rng(1)
    units, back = 50, 60
    random = rng.normal(size=(units, units))
    random /= np.max(np.abs(np.linalg.eigvals(random)))
    w_in, b = 0.05 * rng.normal(size=(units, 3)), np.zeros(units)
    x = rng.normal(size=(back, 3))
    start = rng.normal(size=units)
    curves = {}
    for radius in (0.5, 0.9, 1.0, 1.1, 2.5):
        w, a = radius * random, np.zeros(units)
        jacobians = []
        for t in range(back):
            jacobians.append(rnn_jacobian(a, x[t], w, w_in, b))
            a = rnn_recurrence(a, x[t], w, w_in, b)
        q = start / np.linalg.norm(start)
        sizes = [1.0]
        for j in reversed(jacobians):
            q = q @ j
            sizes.append(np.linalg.norm(q))
        curves[radius] = sizes
    figure, axes = plt.subplots(figsize=(7, 4))
    colours = ("tab:blue", "tab:cyan", "tab:green", "tab:orange", "tab:red")
    for (radius, sizes), colour in zip(curves.items(), colours):
        axes.semilogy(sizes, color=colour, label=f"$\\rho$ = {radius}")
        axes.semilogy(float(radius) ** np.arange(back + 1), ":", color=colour, linewidth=1)
    axes.set(xlabel="steps back", ylabel="size of q J ... J", ylim=(1e-12, 1e8), title="Gradients through time")
    axes.legend()
except NotImplementedError:
    print("Finish rnn_jacobian, then run this cell again.")

# %% [markdown]
# ## Truncated backpropagation through time
#
# Going back to the beginning of a long sequence from every loss is dear, and the far terms are often small. So one
# stops after $k$ uses of the weights: from the loss of time $t$ the uses at the times $t, t-1, \ldots, t-k+1$ count, as
# far as the sequence goes. The lecture unrolls "for some number" of steps; $k$ is that number.
#
# *Example.* Suppose that in a sequence of three times every term $q^{(t)}J\cdots J\,\overline M^{(s)}$ were
# $\left(\tfrac12\right)^{t-s}$. There are three terms with $s = t$, two with $s = t-1$ and one with $s = t-2$: the whole
# gradient is $3 + 2\cdot\tfrac12 + \tfrac14 = 4.25$. With $k = 2$ it is $4$, with $k = 1$ it is $3$. What is left out is
# not random: it is always what happened long ago.

# %%
exercise("rnn.truncated_bptt")

# %% [markdown]
# How much is lost? The cell compares your truncated gradient with the whole one, for networks that forget at different
# speeds.

# %%
try:
    rng = np.random.default_rng(2)
    units, inputs, times = 12, 2, 30
    random = rng.normal(size=(units, units))
    random /= np.max(np.abs(np.linalg.eigvals(random)))
    w_in, b = 0.2 * rng.normal(size=(units, inputs)), np.zeros(units)
    w_out = rng.normal(size=(1, units))
    errors = {}
    for radius in (0.5, 0.7, 0.95):
        a, qs, js, m_bars = np.zeros(units), [], [], []
        for _ in range(times):
            x = rng.normal(size=inputs)
            h = radius * random @ a + w_in @ x + b
            js.append(rnn_jacobian(a, x, radius * random, w_in, b))
            m_bars.append(rnn_immediate_influence(h, a, x))
            a = rnn_recurrence(a, x, radius * random, w_in, b)
            qs.append(rnn_loss_gradient(a, w_out, rng.normal(size=1)))
        qs, js, m_bars = np.array(qs), np.array(js), np.array(m_bars)
        whole = truncated_bptt(qs, js, m_bars, times)
        lost = [np.linalg.norm(truncated_bptt(qs, js, m_bars, k) - whole) for k in range(1, times)]
        errors[radius] = np.array(lost) / np.linalg.norm(whole)
    figure, axes = plt.subplots(figsize=(7, 3.2))
    for (radius, lost), colour in zip(errors.items(), ("tab:blue", "tab:green", "tab:red")):
        axes.semilogy(range(1, times), lost, ".-", color=colour, label=f"$\\rho$ = {radius}")
    axes.set(xlabel="k", ylabel="relative error", title="What truncation leaves out of the gradient")
    axes.legend()
except NotImplementedError:
    print("Finish the three factors and truncated_bptt, then run this cell again.")

# %% [markdown]
# ## Real-time recurrent learning
#
# Backpropagation through time has to keep every state until the end. The alternative goes forwards: it carries along
#
# $$M^{(t)}_{kij} = \frac{\mathrm d a^{(t)}_k}{\mathrm d W_{ij}},$$
#
# the influence that *all* past uses of the weight have had on the present state, where $\overline M$ holds that of the
# present use alone. When a loss comes in, its gradient is ready at once.
#
# ```mermaid
# graph LR
#     m0["M(t-1)"] -- "J(t)" --> m1["M(t)"]
#     i["immediate influence at t"] --> m1
#     m1 -- "q(t)" --> g["gradient of l(t)"]
#     m1 -- "J(t+1)" --> m2["M(t+1)"]
#     i2["immediate influence at t+1"] --> m2
# ```
#
# *Example.* The single unit once more, for $w$ alone. Nothing has influenced $a^{(0)}$, so $M^{(0)} = 0$, and after one
# step $M^{(1)} = \overline M^{(1)} = 0.1402$. Let $w$ rise by $0.01$: $a^{(1)}$ rises by about $0.001402$, and $a^{(2)}$
# by $J^{(2)} = 0.4198$ of that, which is $0.0005886$, besides the $0.0071228$ that the second use brings. Together
# $0.0077114$, so $M^{(2)} = 0.7711$; and $q^{(2)}M^{(2)} = -0.4624$, the whole derivative, with no way back.
#
# Write this step for matrices and tensors.

# %%
exercise("rtrl.rtrl_step")

# %%
exercise("rtrl.rtrl_grad")

# %% [markdown]
# Both ways add up the same double sum, in another order, so they must agree to the last digits. The cell runs a
# sequence forwards with your `rtrl_step` and `rtrl_grad`, compares the gradient with what your `truncated_bptt` gives
# with $k = T$, and counts the numbers that each way has to keep.

# %%
try:
    rng = np.random.default_rng(3)
    units, inputs, times = 6, 2, 25
    w, w_in = rng.normal(size=(units, units)) / np.sqrt(units), rng.normal(size=(units, inputs))
    b, w_out = rng.normal(size=units), rng.normal(size=(1, units))
    a, m, forwards = np.zeros(units), np.zeros((units, units, units + inputs + 1)), 0
    qs, js, m_bars = [], [], []
    for t in range(times):
        x, y = rng.normal(size=inputs), rng.normal(size=1)
        m_bars.append(rnn_immediate_influence(w @ a + w_in @ x + b, a, x))
        js.append(rnn_jacobian(a, x, w, w_in, b))
        a = rnn_recurrence(a, x, w, w_in, b)
        qs.append(rnn_loss_gradient(a, w_out, y))
        m = rtrl_step(m, js[t], m_bars[t])
        forwards = forwards + rtrl_grad(qs[t], m)
    backwards = truncated_bptt(np.array(qs), np.array(js), np.array(m_bars), times)
    difference, size = np.max(np.abs(forwards - backwards)), np.max(np.abs(backwards))
    print(f"largest difference {difference:.1e}, where the largest entry is {size:.3g}")
    for length in (times, 1_000_000):
        print(f"kept for {length} steps: {length * units} numbers to go back, {m.size} to go forwards")
except NotImplementedError:
    print("Finish rtrl_step, rtrl_grad, truncated_bptt and the three factors, then run this cell again.")

# %% [markdown]
# One exercise on this is left for your own time, with `python -m checker gradcheck coursework.rtrl.rtrl`: the whole
# algorithm for steps that come one by one and only once, as from a sensor. The check measures that its memory does not
# grow.

# %% [markdown]
# ## In your own words

# %%
question("backwards_or_forwards", points=3)

# %% [markdown]
# A network of 100 units with 10 inputs runs day and night and is to learn while it runs. Compare full backpropagation
# through time, truncation with $k = 20$, and real-time recurrent learning: how do the memory and the work of one step
# grow with the number of units $n$ and with the time $T$? Which of the three gradients is exact, and which would you
# choose?
#
# ### BEGIN SOLUTION
#
# Full backpropagation through time keeps all states, $nT$ numbers, and these grow without end; its work is of order
# $n^2$ per step (a matrix times a vector), but it can begin only when the sequence ends, which it never does here.
# Truncation keeps the last $k$ states, $20\,n$ numbers. Going back $k$ steps from every loss costs of order $k n^2$ a
# step. Its gradient leaves out whatever acts over more than $k$ steps, so it is not exact. Real-time recurrent learning
# keeps the influence, $n\cdot n\,(n + n_{in} + 1)$ numbers, here $100\cdot 100\cdot 111 \approx 1.1$ million whatever
# $T$ is; but each step multiplies it by $J$, of order $n^4$ operations, here about $10^8$. Like full backpropagation
# its gradient is exact as long as the weights stay as they are while it is collected. For 100 units truncation is the
# usual choice; where long memory matters and the network is small, real-time recurrent learning. Full backpropagation
# is out of the question for a stream that does not end.
#
# ### END SOLUTION
