# %% [markdown]
# # 1. Gates
#
# Every backward pass, however long, is put together from a few local rules. This notebook is about the three smallest:
# a gate that adds, one that multiplies, and one that takes the larger of two numbers.
#
# Write your answers in the place of `raise NotImplementedError`, run the cell, and run the cell below it: `check(...)`
# says whether the answer is right, and if not, what is wrong with it. `hint(...)` helps, a little more each time.

# %% [markdown]
# ## What a gate does
#
# A gate computes its output on the way forward, and remembers what it will need on the way back. On the way back it is
# given one number, $\bar o = \partial L/\partial o$: how fast the loss $L$ at the far end of the graph changes with the
# gate's own output $o$. It owes each of its inputs the same kind of number. The chain rule says how to get it:
#
# $$\frac{\partial L}{\partial x} = \frac{\partial o}{\partial x}\,\bar o .$$
#
# The first factor is *local*: it depends on the gate alone. The second comes from *upstream*, and in code it is called
# `dout`. Here is $o = (x + y)\,z$ at $x=-2$, $y=5$, $z=-4$, with value | gradient on each edge:
#
# ```mermaid
# graph LR
#     x(("x")) -- "-2 | -4" --> add["+"]
#     y(("y")) -- "5 | -4" --> add
#     add -- "q = 3 | -4" --> mul["&times;"]
#     z(("z")) -- "-4 | 3" --> mul
#     mul -- "-12 | 1" --> o(("o"))
# ```

# %% [markdown]
# ## The add gate
#
# Let $o = x + y$. Raise $x$ by a small $h$: by how much does $o$ rise? That slope is the local derivative.

# %%
exercise("gates.add_backward")

# %% [markdown]
# ## The multiply gate
#
# Let $o = xy$. Now the slope with respect to one input depends on the value of the other, so the forward has to keep
# them: that is what the `cache` is for.

# %%
exercise("gates.mul_backward")

# %% [markdown]
# ## The max gate
#
# Let $o = \max(x, y)$. A small step of the smaller input changes nothing at all.

# %%
exercise("gates.max_backward")

# %% [markdown]
# ## In your own words

# %%
question("what_gates_do", points=2)

# %% [markdown]
# The three gates are sometimes called the *distributor*, the *switcher* and the *router*. Which is which, and why? One
# sentence for each.
#
# ### BEGIN SOLUTION
#
# The add gate distributes: both local derivatives are 1, so each input gets the whole upstream gradient. The multiply
# gate switches: each input's gradient is the upstream one times the value of the *other* input. The max gate routes:
# the larger input gets all of the upstream gradient and the other one nothing.
#
# ### END SOLUTION
