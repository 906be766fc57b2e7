# %% [markdown]
# # 6. Normalisation
#
# A layer trains best when its inputs have mean 0 and variance 1. Batch norm makes them so, and passes gradients through
# the mean and the variance that it has used.
#
# Run each cell below an answer: `check(...)` says whether it is right, and `hint(...)` helps.

# %% [markdown]
# ## Batch norm
#
# For a batch of $N$ examples with $D$ features each, every feature $d$ is normalised over the batch:
#
# $$\mu_d = \frac1N\sum_n x_{nd},\qquad \sigma_d^2 = \frac1N\sum_n (x_{nd}-\mu_d)^2,\qquad
#   \hat x_{nd} = \frac{x_{nd}-\mu_d}{\sqrt{\sigma_d^2+\varepsilon}},\qquad o_{nd} = \gamma_d\,\hat x_{nd} + \beta_d .$$
#
# An entry $x_{nd}$ reaches the output along three paths: directly, through $\mu_d$, and through $\sigma_d^2$. Its
# gradient is the sum over all three.
#
# ```mermaid
# graph LR
#     x(("x")) --> mu["&mu;"]
#     x --> var["&sigma;&sup2;"]
#     mu --> var
#     x --> hat["x̂"]
#     mu --> hat
#     var --> hat
#     hat --> out["&gamma; x̂ + &beta;"]
# ```

# %%
exercise("batchnorm.batchnorm_backward")

# %% [markdown]
# ## Layer norm
#
# Layer norm takes the mean and the variance of each *example*, over its features. $\gamma$ and $\beta$ still belong to
# the features. Which sums run over which axis now?

# %%
exercise("normalisation.layernorm_backward")

# %% [markdown]
# ## In your own words

# %%
question("batch_of_one", points=2)

# %% [markdown]
# What does batch norm give for a batch of one example, and what is the gradient of its input? Why is layer norm not
# troubled?
#
# ### BEGIN SOLUTION
#
# With one example the mean is the example itself, so $\hat x = 0$, the output is $\beta$ whatever $x$ is, and the
# gradient of $x$ is 0. Layer norm's statistics run over the features of one example and do not depend on the batch.
#
# ### END SOLUTION
