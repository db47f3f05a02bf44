# %% [markdown]
# # Layer normalisation
#
# ## What you will build
#
# The three layers that keep the numbers in a deep network in a sensible range: `BatchNorm`, which came first,
# `LayerNorm`, which transformers use, and `RMSNorm`, which most of today's use instead. Then the backward pass of the
# last two by hand, `layer_norm_backward` and `rms_norm_backward`, and the two places where a norm can stand,
# `PreNormBlock` and `PostNormBlock`. About an hour and a half. On the way you send gradients through up to 96 layers and
# train transformers of 6 and of 24, to see what the norm, its place and the residual connection are each good for.
#
# ## When it was invented, and why it matters
#
# Ioffe and Szegedy (2015) normalised each feature over the examples of a batch, and networks for images trained many
# times faster. Why that helps is still argued about: their own explanation, a shift of the layers' inputs, did not
# survive the measurements of Santurkar et al. (2018), who find a smoother loss. Text does not fit the method
# well: sentences differ in length, and the statistics of words differ from batch to batch (Shen et al. 2020). Ba et al.
# (2016) turned it by ninety degrees: normalise each example over its own *features*. The transformer took this layer
# over (Vaswani et al. 2017, §3.1), placed after each residual connection.
#
# That place turned out to matter more than the formula. Deep stacks could hardly be trained without tricks such as
# warm-up, until the norm moved *into* the branch, before attention and before the feed-forward layer: in GPT-2
# (Radford et al. 2019, §2.3), in the deep translators of Wang et al. (2019), and in most models since. Xiong et al.
# (2020) worked out why, and you will measure what they predict. Zhang and Sennrich (2019) left out half of the formula and lost
# nothing; that is the RMSNorm of T5 and Llama.
#
# ## Prerequisites
#
# *multi_head*, whose `MultiHeadAttention` comes back here; `nn.Module` and `nn.Parameter`; the chain rule of *backprop*
# (01) for sections 4 and 5.
#
# Letters: `B` sequences in a batch, `T` tokens in each, `D` features of a token, `L` layers. `...` stands for any
# leading axes, such as (B, T), or none where not stated otherwise.

# %%
import time

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from autograder import check
from autograder.parts.multi_head import MultiHeadAttention
from autograder.parts.scaled_dot_product import causal_mask

sns.set_theme(style="whitegrid", context="notebook")
torch.set_num_threads(1)  # the models here are small: one thread is about as fast, and far steadier

# %% [markdown]
# ## 1 · Batch normalisation: each feature, over the batch
#
# Take one feature and look at its values in all tokens of a batch. Subtract their mean, divide by their standard
# deviation: now they have mean 0 and variance 1, whatever the layer before has done to them. Two learned numbers per
# feature, `weight` and `bias`, let the network choose another scale and another centre where it needs one (Ioffe and
# Szegedy 2015, Algorithm 1; they call them γ and β):
#
# $$y = \frac{x - \mu}{\sqrt{\sigma^2 + \varepsilon}} \cdot \text{weight} + \text{bias} \qquad
# \mu, \sigma^2: \text{mean and variance of the feature over all } N \text{ rows of the batch}$$
#
# $\varepsilon$ stands *inside* the root and keeps the division finite where a feature is constant.
#
# **Before you go on:** the output for one sentence now depends on which other sentences happen to be in the batch. What
# will you do in use, where there may be only one?
#
# The answer is a second mode. In training, each batch also updates two *running statistics* of every feature, with
# `momentum` m (a small number; the word has nothing to do with an optimizer's momentum):
#
# $$\text{running} \leftarrow (1 - m) \cdot \text{running} + m \cdot \text{this batch's}$$
#
# and in evaluation these take the place of μ and σ². One detail to get right: the normalisation itself divides by the
# plain variance (the sum of squares over N), the running variance collects the *unbiased* one (over N − 1), since it
# speaks for all data and not for this batch (Ioffe and Szegedy 2015, §3.1 and Algorithm 2).
#
# **`BatchNorm(num_features, eps=1e-5, momentum=0.1)`**, an `nn.Module`. `__init__` is given. You write `forward(x)`.
# ★★★☆☆ · 15 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `x` | (..., D) | N rows of D features; N is the product of the leading axes, (N, D) or (B, T, D). N ≥ 2 in training |
# | `self.weight`, `self.bias` | (D,) | parameters, learned |
# | `self.running_mean`, `self.running_var` | (D,) | buffers: saved with the model, not learned |
# | `self.training` | bool | kept by `nn.Module`: True after `.train()`, False after `.eval()` |
# | result | shape of `x` | |
#
# In training, gradients flow through μ and σ² too, since both are made of `x`. The running statistics are updated
# *without* gradients, and only in training. PyTorch's batch normalisation is not allowed: the checks compare you with
# it.
#
# <details><summary>Hint 1</summary>Begin with x of shape (N, D) and with training alone: mean and variance along which
# axis? Then add the other mode, then the running statistics, then a third axis.</details>
# <details><summary>Hint 2</summary><code>x.flatten(0, -2)</code> makes (N, D) of any number of leading axes.
# <code>var</code> divides by N − 1 unless you say <code>correction=0</code>.</details>
# <details><summary>Hint 3</summary>Under <code>with torch.no_grad():</code>, a buffer is updated in place, by
# <code>copy_</code>, or by <code>lerp_(target, share)</code>, which moves it by that share of the way to the target.
# The last line, with weight and bias, is the same in both modes.</details>

# %% exercise="BatchNorm" minutes=15 level=3 forbid="torch.nn.BatchNorm1d, torch.nn.BatchNorm2d, torch.nn.LazyBatchNorm1d, torch.nn.SyncBatchNorm, torch.nn.functional.batch_norm, torch.batch_norm, torch.native_batch_norm, torch.nn.functional.instance_norm"
class BatchNorm(nn.Module):
    """Normalise every feature over all rows of the batch, in evaluation by running statistics.

    Parameters: weight, bias (D,). Buffers: running_mean, running_var (D,). Ioffe and Szegedy 2015, Algorithms 1 and 2
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = nn.Parameter(torch.ones(num_features))
        self.bias = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise x (..., D); in training also update the running statistics. Returns the shape of x."""
        ### BEGIN SOLUTION
        if self.training:
            rows = x.flatten(0, -2)  # (N, D)
            mean, var = rows.mean(0), rows.var(0, correction=0)  # (D,), (D,)
            with torch.no_grad():
                self.running_mean.lerp_(mean, self.momentum)
                self.running_var.lerp_(rows.var(0), self.momentum)
        else:
            mean, var = self.running_mean, self.running_var
        return (x - mean) / torch.sqrt(var + self.eps) * self.weight + self.bias
        ### END SOLUTION


# %% check="BatchNorm: in training, each feature over the batch" points=2
norm = check.fill(BatchNorm(3))
theirs = check.fill(nn.BatchNorm1d(3))
x = 3 * check.randn(5, 3, seed=1) + 2
expected = theirs(x)
expected_mean = torch.zeros(3)
out = norm(x)
check.shape(out, (5, 3), hint="the result has the shape of x")
check.close(BatchNorm(3)(x).mean(0), expected_mean, atol=1e-4,
            hint="with weight 1 and bias 0, each feature (column) has mean 0 over the rows: statistics along axis 0")
check.close(((out - norm.bias) / norm.weight).mean(0), expected_mean, atol=1e-4,
            hint="normalised x, times weight, plus bias, in this order; before both, mean 0 over the rows")
check.close(out, expected,
            hint="is the variance divided by N (correction=0), and the deviation its root? weight multiplies, bias adds")
small = 1e-3 * check.randn(4, 3, seed=2)
expected_small = theirs(small)
check.close(norm(small), expected_small, hint="features that hardly vary: eps is added to the variance, inside the root")
rough = check.fill(BatchNorm(3, eps=0.5))
theirs_rough = check.fill(nn.BatchNorm1d(3, eps=0.5))
expected_rough = theirs_rough(x)
check.close(rough(x), expected_rough, hint="eps 0.5: read it off the layer, self.eps")
check.equal(x, 3 * check.randn(5, 3, seed=1) + 2, hint="x was changed in place: make a new tensor")
### BEGIN HIDDEN TESTS
wide = check.fill(BatchNorm(7, eps=0.5)).double()
theirs_wide = check.fill(nn.BatchNorm1d(7, eps=0.5)).double()
y = check.randn(2, 7, seed=3).double()
expected_wide = theirs_wide(y)
check.close(wide(y), expected_wide, hint="2 rows of 7 features, eps 0.5, float64: read eps off the layer")
### END HIDDEN TESTS

# %% check="BatchNorm: running statistics follow the batches" points=2
norm = BatchNorm(3)
theirs = check.fill(nn.BatchNorm1d(3))
x = 3 * check.randn(5, 3, seed=4) + 2
x.requires_grad_()  # as in a network, where gradients go on to the layer before
seen = 3 * check.randn(5, 3, seed=4) + 2
first = theirs(seen)
out = norm(x)
check.close(norm.running_mean, torch.lerp(torch.zeros(3), seen.mean(0), 0.1),
            hint="running mean: 0.9 of the old (which was 0) plus 0.1 of the mean of this batch")
check.close(norm.running_var, torch.lerp(torch.ones(3), seen.var(0), 0.1),
            hint="running variance: 0.9 of the old (which was 1) plus 0.1 of the unbiased variance, over N - 1")
check.equal(norm.running_mean.requires_grad, False, hint="update under torch.no_grad(): no graph hangs on the buffers")
check.equal(norm.running_var.requires_grad, False, hint="update under torch.no_grad(): no graph hangs on the buffers")
slow = BatchNorm(3, momentum=0.3)
out3 = slow(3 * check.randn(5, 3, seed=4) + 2)
check.close(slow.running_mean, torch.lerp(torch.zeros(3), seen.mean(0), 0.3),
            hint="momentum 0.3: read it off the layer, self.momentum")
y = check.randn(2, 3, seed=5)
second = theirs(y)
out2 = norm(y)
check.close(norm.running_mean, theirs.running_mean, hint="after a second batch: 0.9 of the running mean, 0.1 of the new")
check.close(norm.running_var, theirs.running_var, hint="after a second batch: 0.9 of the running variance, 0.1 new")
### BEGIN HIDDEN TESTS
quick = BatchNorm(4, momentum=0.7)
z = check.randn(6, 4, seed=6) - 5
out4 = quick(check.randn(6, 4, seed=6) - 5)
check.close(quick.running_mean, torch.lerp(torch.zeros(4), z.mean(0), 0.7), hint="momentum 0.7: read it off the layer")
check.close(quick.running_var, torch.lerp(torch.ones(4), z.var(0), 0.7), hint="momentum 0.7: read it off the layer")
### END HIDDEN TESTS

# %% check="BatchNorm: in evaluation, by the running statistics" points=2
norm = check.fill(BatchNorm(3, eps=0.5))
theirs = check.fill(nn.BatchNorm1d(3, eps=0.5))
x = 3 * check.randn(5, 3, seed=7) + 2
y = check.randn(4, 3, seed=8) - 1
learned = theirs(x)
seen = norm(x)
theirs.eval()
norm.eval()
expected = theirs(y)
out = norm(y)
check.close(out, expected,
            hint="after .eval() μ and σ² are the running statistics; eps (here 0.5), weight and bias as before")
check.close(norm.running_mean, theirs.running_mean, hint="in evaluation nothing is learned: running statistics stay")
check.close(norm.running_var, theirs.running_var, hint="in evaluation nothing is learned: running statistics stay")
expected_one = theirs(y[:1])
check.close(norm(y[:1]), expected_one, hint="in evaluation a single row must do: it needs no companions")
### BEGIN HIDDEN TESTS
fresh = BatchNorm(5, eps=0.5)
fresh.eval()
z = check.randn(3, 5, seed=9)
check.close(fresh(check.randn(3, 5, seed=9)), F.batch_norm(z, torch.zeros(5), torch.ones(5), eps=0.5),
            hint="never trained: running mean 0 and variance 1, and eps (here 0.5) is added in this mode too")
### END HIDDEN TESTS

# %% check="BatchNorm: tokens of all sequences are rows" points=1
norm = check.fill(BatchNorm(5))
theirs = check.fill(nn.BatchNorm1d(5))
x = 2 * check.randn(2, 3, 5, seed=10) - 1
expected = theirs(x.transpose(1, 2)).transpose(1, 2)
out = norm(x)
check.shape(out, (2, 3, 5), hint="the result has the shape of x: (B, T, D)")
check.close(out, expected, hint="x (2, 3, 5) has 6 rows of 5 features: mean and variance over both leading axes")
check.close(norm.running_var, theirs.running_var, hint="6 rows, so the unbiased variance divides by 5")
### BEGIN HIDDEN TESTS
deep = check.fill(BatchNorm(2))
theirs_deep = check.fill(nn.BatchNorm1d(2))
z = check.randn(2, 3, 4, 2, seed=11)
expected_deep = theirs_deep(z.flatten(0, 2)).view(2, 3, 4, 2)
check.close(deep(z), expected_deep, hint="three leading axes: 24 rows of 2 features")
### END HIDDEN TESTS

# %% check="BatchNorm: gradients pass through mean and variance" points=1
norm = check.fill(BatchNorm(3))
x = check.randn(5, 3, seed=12).requires_grad_()
norm(x).pow(3).sum().backward()
theirs = check.fill(nn.BatchNorm1d(3))
x2 = check.randn(5, 3, seed=12).requires_grad_()
theirs(x2).pow(3).sum().backward()
check.close(norm.weight.grad, theirs.weight.grad, hint="the gradient of weight differs: y = normalised x * weight + bias")
check.close(norm.bias.grad, theirs.bias.grad, hint="the gradient of bias differs: y = normalised x * weight + bias")
check.close(x.grad, x2.grad,
            hint="the gradient of x differs: mean and variance are made of x, compute them outside torch.no_grad()")

# %% [markdown]
# One and the same token, in 400 batches with different companions drawn at random. How much does its normalised value
# depend on them?
#
# **Before you run the next cell:** how does the spread fall as the batch grows? And with *two* rows in a batch, which
# values can a feature take at all?

# %% demo="companions" alt="Left: the spread of one output falls with batch size, 0 in evaluation. Right: histograms."
generator = torch.Generator().manual_seed(0)
token = torch.tensor([0.5])  # one feature of the token that we watch
batch_sizes = [2, 4, 8, 16, 32, 64, 128, 256]
norm, values = BatchNorm(1), {}
with torch.no_grad():
    for size in batch_sizes:
        others = torch.randn(400, size - 1, 1, generator=generator)  # 400 batches of companions
        values[size] = torch.stack([norm(torch.cat([token[None], batch]))[0, 0] for batch in others])  # (400,)
    norm.eval()
    in_evaluation = norm(token[None])[0, 0]
spread = [float(values[size].std()) for size in batch_sizes]

figure, axes = plt.subplots(1, 2, figsize=(11, 3.8), layout="constrained")
axes[0].loglog(batch_sizes, spread, "o-", color="black", label="in training")
line = spread[-1] * (batch_sizes[-1] / np.array(batch_sizes)) ** 0.5
axes[0].loglog(batch_sizes, line, "--", color="0.6", label="slope −½")
axes[0].set(title="How much companions decide", xlabel="rows in the batch", ylabel="spread of one output (std)")
axes[0].set_xticks(batch_sizes, [str(size) for size in batch_sizes])
axes[0].minorticks_off()
axes[0].legend()
for size, color in ((2, "0.75"), (8, "0.5"), (128, "0.1")):
    axes[1].hist(values[size], bins=np.linspace(-1.5, 3, 46), color=color, histtype="stepfilled", alpha=0.75,
                 label=f"{size} rows")
axes[1].axvline(in_evaluation, color="black", linestyle=":", label="in evaluation")
axes[1].set(title="The same token in 400 batches", xlabel="normalised value of x = 0.5", ylabel="batches")
axes[1].legend()
plt.show()
print(f"with 2 rows, {float((values[2].abs() > 0.99).double().mean()):.0%} of the values are within 0.01 of 1 or −1")

# %% [markdown]
# With two rows, the larger one becomes +1 and the smaller one −1, whatever they are (but for ε): all that is left of
# the token is whether it beat its neighbour. The noise falls with the root of the batch size. Some noise does no harm
# in training, and may even regularise; but a layer that depends on the batch size works badly where batches are small
# (Wu and He 2018 make this their starting point), and it computes two different functions in training and in use.
# (The dotted line stands at about 0.5 because the data has mean 0 and variance 1 and the running statistics have last
# seen many batches of 256 rows of it.)

# %% [markdown]
# ## 2 · Layer normalisation: each token, over its features
#
# The cure is to take mean and variance from the token's *own* features (Ba et al. 2016, §3):
#
# $$y = \frac{x - \mu}{\sqrt{\sigma^2 + \varepsilon}} \odot \text{weight} + \text{bias} \qquad
# \mu, \sigma^2: \text{mean and variance of the } D \text{ features of one token}$$
#
# The formula is the old one, read along another axis. There are no companions any more, no running statistics, no
# second mode: training and use compute the same function. `weight` and `bias` still belong to features, D each, shared
# by all tokens.
#
# **`LayerNorm(d_model, eps=1e-5)`**, an `nn.Module`. This time you write `__init__` too. ★★☆☆☆ · 10 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `x` | (..., D) | D = `d_model` features in the last axis |
# | `self.weight` | (D,) | an `nn.Parameter`, ones at first |
# | `self.bias` | (D,) | an `nn.Parameter`, zeros at first |
# | `self.eps` | float | |
# | result | shape of `x` | each token normalised, then scaled and shifted |
#
# The variance divides by D, not by D − 1.
#
# <details><summary>Hint 1</summary><code>BatchNorm.__init__</code> above shows how parameters are made. Which of its
# lines do you need here?</details>
# <details><summary>Hint 2</summary>Mean and variance now run along the last axis, −1. In which shape must they come out
# to be subtracted from x?</details>
# <details><summary>Hint 3</summary><code>x.mean(-1, keepdim=True)</code> has shape (..., 1) and broadcasts against
# (..., D). The variance is the mean of the squares of what is left then; or <code>var</code> with
# <code>correction=0</code>.</details>

# %% exercise="LayerNorm" minutes=10 level=2 forbid="torch.nn.LayerNorm, torch.nn.functional.layer_norm, torch.layer_norm, torch.native_layer_norm, torch.nn.GroupNorm, torch.nn.functional.group_norm, torch.group_norm"
class LayerNorm(nn.Module):
    """Normalise every token over its own features.

    Parameters: weight (D,), ones at first; bias (D,), zeros at first; D = d_model. Ba et al. 2016, §3
    """

    def __init__(self, d_model: int, eps: float = 1e-5) -> None:
        super().__init__()
        ### BEGIN SOLUTION
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(d_model))
        self.bias = nn.Parameter(torch.zeros(d_model))
        ### END SOLUTION

    def forward(self, x: Tensor) -> Tensor:
        """Normalise x (..., D) along its last axis. Returns the shape of x."""
        ### BEGIN SOLUTION
        centred = x - x.mean(-1, keepdim=True)  # (..., D)
        var = centred.pow(2).mean(-1, keepdim=True)  # (..., 1)
        return centred / torch.sqrt(var + self.eps) * self.weight + self.bias
        ### END SOLUTION


# %% check="LayerNorm: has weight, ones, and bias, zeros" points=1
norm = LayerNorm(6)
check.equal(sorted(dict(norm.named_parameters())), ["bias", "weight"],
            hint="two attributes, self.weight and self.bias, each an nn.Parameter: a plain tensor is never trained")
check.equal(norm.weight.tolist(), [1.0, 1.0, 1.0, 1.0, 1.0, 1.0], hint="weight starts as d_model ones: it multiplies")
check.equal(norm.bias.tolist(), [0.0, 0.0, 0.0, 0.0, 0.0, 0.0], hint="bias starts as d_model zeros: it is added")
check.close(norm(check.arange(6).float()),
            torch.tensor([-1.46385, -0.87831, -0.29277, 0.29277, 0.87831, 1.46385]),
            hint="0 … 5 has mean 2.5 and variance 35/12: divided by its root, the ends become ±1.464")
check.equal(norm.eps, 1e-5, hint="self.eps keeps what the constructor was given; 1e-5 unless something else was")
### BEGIN HIDDEN TESTS
check.equal(LayerNorm(3).weight.tolist(), [1.0, 1.0, 1.0], hint="weight has d_model entries")
check.equal(LayerNorm(3).bias.tolist(), [0.0, 0.0, 0.0], hint="bias has d_model entries")
check.equal(LayerNorm(3, eps=0.5).eps, 0.5, hint="self.eps keeps what the constructor was given")
### END HIDDEN TESTS

# %% check="LayerNorm: each token over its own features" points=2
norm = check.fill(LayerNorm(6))
theirs = check.fill(nn.LayerNorm(6))
x = 3 * check.randn(2, 4, 6, seed=21) + 2
expected = theirs(x)
out = norm(x)
check.shape(out, (2, 4, 6), hint="the result has the shape of x")
check.close(LayerNorm(6)(x).mean(-1), torch.zeros(2, 4), atol=1e-4,
            hint="with weight 1 and bias 0, the 6 features of each token have mean 0: statistics along the last axis")
check.close(((out - norm.bias) / norm.weight).mean(-1), torch.zeros(2, 4), atol=1e-4,
            hint="normalised x, times weight, plus bias, in this order: less the bias, each token has mean 0")
check.close(out, expected,
            hint="is the variance divided by D (correction=0), and the deviation its root? weight multiplies, bias adds")
check.close(norm(x[1, 2]), expected[1, 2], hint="a token alone, (D,), gets what it gets in a batch")
### BEGIN HIDDEN TESTS
wide = check.fill(LayerNorm(3))
y = check.randn(3, 2, 5, 3, seed=22)
theirs_wide = check.fill(nn.LayerNorm(3))
expected_wide = theirs_wide(y)
check.close(wide(y), expected_wide, hint="any leading axes: statistics along the last axis alone")
### END HIDDEN TESTS

# %% check="LayerNorm: eps is added to the variance" points=1
norm = check.fill(LayerNorm(6))
theirs = check.fill(nn.LayerNorm(6))
x = 1e-3 * check.randn(4, 6, seed=23)
expected = theirs(x)
check.close(norm(x), expected, hint="tokens that hardly vary: sqrt(var + eps), not sqrt(var) + eps")
rough = check.fill(LayerNorm(6, eps=0.5))
theirs_rough = check.fill(nn.LayerNorm(6, eps=0.5))
y = check.randn(4, 6, seed=24)
expected_rough = theirs_rough(y)
check.close(rough(y), expected_rough, hint="eps 0.5: keep the constructor's eps and use it")
### BEGIN HIDDEN TESTS
zeros = torch.zeros(2, 6)
expected_zeros = theirs(torch.zeros(2, 6))
check.close(norm(zeros), expected_zeros, hint="a constant token becomes the bias: eps keeps the division finite")
### END HIDDEN TESTS

# %% check="LayerNorm: gradients of x, weight and bias" points=1
norm = check.fill(LayerNorm(6))
x = check.randn(2, 3, 6, seed=25).requires_grad_()
norm(x).pow(3).sum().backward()
theirs = check.fill(nn.LayerNorm(6))
x2 = check.randn(2, 3, 6, seed=25).requires_grad_()
theirs(x2).pow(3).sum().backward()
check.close(norm.weight.grad, theirs.weight.grad, hint="the gradient of weight differs: y = normalised x * weight + bias")
check.close(norm.bias.grad, theirs.bias.grad, hint="the gradient of bias differs: y = normalised x * weight + bias")
check.close(x.grad, x2.grad, hint="the gradient of x differs: let it pass through mean and variance, no detach")

# %% [markdown]
# Four sentences of six tokens go through both layers, in training mode. Then we change **one** token, the last of
# sentence 0, and see which outputs change.
#
# **Before you run the next cell:** which cells of the two tables will not be white? And what does the left one mean for
# a language model, which at position 0 must not know what comes at position 5?

# %% demo="one-token" alt="Two tables: BatchNorm's outputs change everywhere, LayerNorm's only where the token was."
generator = torch.Generator().manual_seed(1)
before = torch.randn(4, 6, 8, generator=generator)  # (B, T, D)
after = before.clone()
after[0, 5] = 4 * torch.randn(8, generator=generator)
figure, axes = plt.subplots(1, 2, figsize=(11, 3.4), layout="constrained")
with torch.no_grad():
    for ax, norm in zip(axes, (BatchNorm(8), LayerNorm(8)), strict=True):
        change = (norm(after) - norm(before)).abs().mean(-1)  # (B, T)
        sns.heatmap(change, ax=ax, cmap="Greys", vmin=0, vmax=1, annot=True, fmt=".2f", cbar=False, linewidths=1,
                    linecolor="lightgrey")
        for number in ax.texts:
            number.set_color("white" if float(number.get_text()) > 0.6 else "black")
        ax.set(title=type(norm).__name__, xlabel="position", ylabel="sentence")
        ax.tick_params(axis="y", labelrotation=0)
figure.suptitle("mean change of the output after one token (sentence 0, position 5) was replaced")
plt.show()

# %% [markdown]
# In a batch norm every row takes part in the mean and variance of every feature, so one token changes all outputs: in
# other sentences, and at *earlier positions of its own*. The future leaks into the past, past any causal mask. Padding
# tokens take part as well. A layer norm keeps each token to itself, as the feed-forward layer does; in a transformer
# only attention moves anything between positions.

# %% [markdown]
# ## 3 · RMSNorm: leave out the mean
#
# A layer norm does two things: it shifts each token to mean 0 and it scales it to length $\sqrt D$. Zhang and Sennrich
# (2019, §3) suspected that only the scaling matters, left the mean out and the bias with it, and found results about as
# good at less cost:
#
# $$y = \frac{x}{\text{RMS}(x)} \odot \text{weight} \qquad
# \text{RMS}(x) = \sqrt{\tfrac{1}{D} \textstyle\sum_i x_i^2 + \varepsilon}$$
#
# T5 uses it, Llama uses it (Touvron et al. 2023, §2.2), and most open models since.
#
# **`RMSNorm(d_model, eps=1e-6)`**, an `nn.Module`. ★☆☆☆☆ · 5 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `x` | (..., D) | D = `d_model` features in the last axis |
# | `self.weight` | (D,) | an `nn.Parameter`, ones at first; there is no bias |
# | `self.eps` | float | added to the mean of the squares, inside the root |
# | result | shape of `x` | |
#
# <details><summary>Hint 1</summary>Read the name backwards: the <b>r</b>oot of the <b>m</b>ean of the
# <b>s</b>quares.</details>
# <details><summary>Hint 2</summary>Your LayerNorm with three things taken out: the mean, where it is subtracted and
# inside the variance, and the bias.</details>
# <details><summary>Hint 3</summary><code>x.pow(2).mean(-1, keepdim=True)</code> is the mean of the squares, (..., 1).
# <code>torch.rsqrt</code> is one over the root, if you like.</details>

# %% exercise="RMSNorm" minutes=5 level=1 forbid="torch.nn.RMSNorm, torch.nn.functional.rms_norm, torch.rms_norm"
class RMSNorm(nn.Module):
    """Divide every token by the root mean square of its features.

    Parameter: weight (D,), ones at first; D = d_model. Zhang and Sennrich 2019, eq. 4
    """

    def __init__(self, d_model: int, eps: float = 1e-6) -> None:
        super().__init__()
        ### BEGIN SOLUTION
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(d_model))
        ### END SOLUTION

    def forward(self, x: Tensor) -> Tensor:
        """Scale x (..., D) along its last axis. Returns the shape of x."""
        ### BEGIN SOLUTION
        rms = torch.sqrt(x.pow(2).mean(-1, keepdim=True) + self.eps)  # (..., 1)
        return x / rms * self.weight
        ### END SOLUTION


# %% check="RMSNorm: has weight, ones, and nothing else" points=1
norm = RMSNorm(4)
check.equal(sorted(dict(norm.named_parameters())), ["weight"],
            hint="one attribute, self.weight, an nn.Parameter; RMSNorm has no bias")
check.equal(norm.weight.tolist(), [1.0, 1.0, 1.0, 1.0], hint="weight starts as d_model ones: it multiplies")
check.close(norm(torch.tensor([1.0, 1.0, 5.0, 3.0])), torch.tensor([1 / 3, 1 / 3, 5 / 3, 1.0]),
            hint="the squares 1, 1, 25, 9 have mean 9, so x is divided by 3; no mean is subtracted")
check.equal(norm.eps, 1e-6, hint="self.eps keeps what the constructor was given; 1e-6 unless something else was")
### BEGIN HIDDEN TESTS
check.equal(RMSNorm(3).weight.tolist(), [1.0, 1.0, 1.0], hint="weight has d_model entries")
check.equal(RMSNorm(3, eps=0.5).eps, 0.5, hint="self.eps keeps what the constructor was given")
### END HIDDEN TESTS

# %% check="RMSNorm: each token over its own features" points=1
norm = check.fill(RMSNorm(6))
theirs = check.fill(nn.RMSNorm(6, eps=1e-6))
x = 3 * check.randn(2, 4, 6, seed=31) + 2
expected = theirs(x)
out = norm(x)
check.shape(out, (2, 4, 6), hint="the result has the shape of x")
check.close(RMSNorm(6)(x).pow(2).mean(-1), torch.ones(2, 4), atol=1e-4,
            hint="with weight 1, the squares of each token's features have mean 1: along the last axis, and the root")
check.close((out / norm.weight).pow(2).mean(-1), torch.ones(2, 4), atol=1e-4,
            hint="the weight multiplies, feature by feature: without it, the squares of each token have mean 1")
check.close(out, expected, hint="x over its root mean square, times weight; no mean is subtracted, no bias added")
### BEGIN HIDDEN TESTS
y = check.randn(3, 2, 5, 6, seed=32)
expected_y = theirs(y)
check.close(norm(y), expected_y, hint="any leading axes: along the last axis alone")
check.close(norm(y[0, 1, 2]), expected_y[0, 1, 2], hint="a token alone, (D,), gets what it gets in a batch")
### END HIDDEN TESTS

# %% check="RMSNorm: eps is added to the mean of the squares" points=1
norm = check.fill(RMSNorm(6))
theirs = check.fill(nn.RMSNorm(6, eps=1e-6))
x = 1e-3 * check.randn(4, 6, seed=33)
expected = theirs(x)
check.close(norm(x), expected, hint="tiny tokens: sqrt(mean of squares + eps), not sqrt(mean of squares) + eps")
rough = check.fill(RMSNorm(6, eps=0.5))
theirs_rough = check.fill(nn.RMSNorm(6, eps=0.5))
y = check.randn(4, 6, seed=34)
expected_rough = theirs_rough(y)
check.close(rough(y), expected_rough, hint="eps 0.5: keep the constructor's eps and use it")
### BEGIN HIDDEN TESTS
nothing = torch.zeros(2, 6)
check.close(norm(nothing), torch.zeros(2, 6), hint="a token of zeros stays zero: eps keeps the division finite")
### END HIDDEN TESTS

# %% check="RMSNorm: gradients of x and weight" points=1
norm = check.fill(RMSNorm(6))
x = check.randn(2, 3, 6, seed=35).requires_grad_()
norm(x).pow(3).sum().backward()
theirs = check.fill(nn.RMSNorm(6, eps=1e-6))
x2 = check.randn(2, 3, 6, seed=35).requires_grad_()
theirs(x2).pow(3).sum().backward()
check.close(norm.weight.grad, theirs.weight.grad, hint="the gradient of weight differs: y = x / RMS(x) * weight")
check.close(x.grad, x2.grad, hint="the gradient of x differs: let it pass through the root mean square, no detach")

# %% [markdown]
# ### What a norm cannot see
#
# Tokens of two features can be drawn as points. **Before you run the next cell:** 300 random points go through each
# norm, with weight 1 and bias 0. On which curve will RMSNorm put them all? And LayerNorm? (Two conditions, mean 0 and
# variance 1, for two numbers: how many points are left?)

# %% demo="geometry" alt="A cloud of points; LayerNorm leaves two points of it, RMSNorm a circle."
generator = torch.Generator().manual_seed(2)
points = torch.randn(300, 2, generator=generator) * 1.5 + torch.tensor([1.0, 0.3])
figure, axes = plt.subplots(1, 3, figsize=(12, 4), layout="constrained", sharex=True, sharey=True)
with torch.no_grad():
    pictures = {"x": points, "LayerNorm(x)": LayerNorm(2)(points), "RMSNorm(x)": RMSNorm(2)(points)}
for ax, (name, cloud) in zip(axes, pictures.items(), strict=True):
    ax.plot([-6, 6], [-6, 6], ":", color="0.6", linewidth=1)
    ax.scatter(*cloud.T, s=14, color="black", alpha=0.5)
    ax.set(title=name, xlabel="feature 0", aspect="equal", xlim=(-6, 6), ylim=(-6, 6))
axes[0].set_ylabel("feature 1")
axes[1].text(1.0, 1.3, "both features equal", fontsize=9, rotation=45)
plt.show()

# %% [markdown]
# RMSNorm keeps the direction of a token and forgets its length: all points land on the circle of radius $\sqrt 2$ (in D
# dimensions, the sphere of radius $\sqrt D$). LayerNorm first drops the part along the dotted diagonal and then does
# the same, and in two dimensions nothing is left but a side: (1, −1) or (−1, 1). Of D numbers that could vary freely,
# LayerNorm leaves D − 2 and RMSNorm D − 1. With hundreds of features neither loss is felt.
#
# Turn the knobs on eight features: a common factor, and a common shift. Which of the two norms does not notice the
# factor, which not the shift?

# %% demo="knobs" alt="Bars of eight features, of LayerNorm and of RMSNorm; only RMSNorm reacts to the shift."
FEATURES = torch.tensor([0.4, -1.1, 0.9, 0.1, -0.3, 1.6, -0.8, 0.2])


def draw_norms(factor, shift):
    """Eight features times a factor plus a shift, and what both norms make of them; outlined: without either."""
    figure, axes = plt.subplots(1, 3, figsize=(12, 3.2), layout="constrained")
    with torch.no_grad():
        for ax, norm, name in zip(axes, (nn.Identity(), LayerNorm(8), RMSNorm(8)), ("x", "LayerNorm(x)", "RMSNorm(x)"),
                                  strict=True):
            ax.bar(range(8), norm(factor * FEATURES + shift), color="0.5", label=f"{factor:.1f} x + {shift:.1f}")
            ax.bar(range(8), norm(FEATURES), facecolor="none", edgecolor="black", linewidth=1.5, label="x itself")
            ax.set(title=name, xlabel="feature", xticks=range(8))
            ax.grid(axis="x", visible=False)
    axes[0].set_ylabel("value")
    axes[0].legend(fontsize=9)
    plt.show()


try:
    from ipywidgets import FloatSlider, interact

    interact(draw_norms, factor=FloatSlider(2.0, min=0.2, max=5, step=0.2), shift=FloatSlider(1.5, min=-4, max=4, step=0.5))
except ImportError:
    print("pip install ipywidgets gives this picture sliders; without it, call draw_norms(3, -1) in a new cell.")
    draw_norms(2.0, 1.5)

# %% [markdown]
# ### Is it faster?
#
# RMSNorm does less arithmetic. Summaries like to say that it is so and so many percent faster; Zhang and Sennrich
# (2019, abstract) themselves report 7% to 64%, depending on the model. That spread is a warning: the number
# belongs to an implementation, not to the formula. So we measure, on your machine: your two classes, and PyTorch's
# finished ones, over 256 tokens of several widths; a third LayerNorm, which asks `x.var` for the variance; and, as something
# to compare with, one matrix product D × 4D, the first half of a feed-forward layer.
#
# **Before you run the next cell:** your LayerNorm reads and writes x several times, PyTorch's does everything in one
# go. Which difference do you expect to be larger, yours against theirs, or LayerNorm against RMSNorm?

# %% demo="timing" alt="Time against width: own and PyTorch's norms, and a matrix product far above all of them."
def microseconds(function, x, budget=0.08):
    """The median time of one call, in µs."""
    times, began = [], time.perf_counter()
    while len(times) < 3 or time.perf_counter() - began < budget:
        start = time.perf_counter()
        function(x)
        times.append(time.perf_counter() - start)
    return 1e6 * float(np.median(times))


class LayerNormByVar(LayerNorm):
    """The same once more, by PyTorch's var, which is careful about rounding and takes its time."""

    def forward(self, x):
        scale = torch.rsqrt(x.var(-1, keepdim=True, correction=0) + self.eps)
        return (x - x.mean(-1, keepdim=True)) * scale * self.weight + self.bias


widths, measured = [64, 256, 1024, 2048], {}
with torch.no_grad():
    for D in widths:
        x, matrix = torch.randn(256, D), nn.Linear(D, 4 * D, bias=False)
        contestants = {"LayerNorm by x.var": LayerNormByVar(D), "LayerNorm, yours": LayerNorm(D),
                       "RMSNorm, yours": RMSNorm(D), "LayerNorm, PyTorch's": nn.LayerNorm(D),
                       "RMSNorm, PyTorch's": nn.RMSNorm(D, eps=1e-6), "matrix D × 4D": matrix}
        for name, layer in contestants.items():
            measured[name, D] = microseconds(layer, x)

figure, ax = plt.subplots(figsize=(8.5, 4.2), layout="constrained")
for name, style, color in zip(contestants, ("+-.", "o-", "s--", "^-", "v--", "x:"),
                              ("0.3", "0", "0", "0.5", "0.5", "0.3"), strict=True):
    ax.loglog(widths, [measured[name, D] for D in widths], style, color=color, label=name)
ax.set(title="One call on 256 tokens", xlabel="width D [features]", ylabel="time [µs]")
ax.set_xticks(widths, [f"{D:,}" for D in widths])
ax.minorticks_off()
ax.legend(fontsize=9)
plt.show()
print("time of RMSNorm / time of LayerNorm")
for whose in ("yours", "PyTorch's"):
    ratios = [measured[f"RMSNorm, {whose}", D] / measured[f"LayerNorm, {whose}", D] for D in widths]
    print(f"  {whose:10}", ", ".join(f"D = {D}: {ratio:.2f}" for D, ratio in zip(widths, ratios, strict=True)))
print("two norms as a share of a layer's matrix products (12 D² weights: three times the one measured here)")
for name in ("LayerNorm, yours", "RMSNorm, yours", "LayerNorm, PyTorch's", "RMSNorm, PyTorch's"):
    shares = [2 * measured[name, D] / (3 * measured["matrix D × 4D", D]) for D in widths]
    print(f"  {name:21}", ", ".join(f"D = {D}: {share:.1%}" for D, share in zip(widths, shares, strict=True)))

# %% [markdown]
# Read your own numbers: a ratio below 1 means that RMSNorm is faster. Four things decide it.
#
# - **The implementation.** Each PyTorch operation in your `forward` goes through memory once; a fused kernel reads x
#   once and writes it once. Compare the lines for the *same* formula, LayerNorm by `x.var`, yours and PyTorch's: between
#   these the difference can be larger than between the two formulas. A library whose LayerNorm is fused and whose
#   RMSNorm is not may well have the *slower* RMSNorm; so it was with PyTorch 2.13 on the processor we tried.
# - **Memory or arithmetic.** Once fused, both norms read and write the same bytes; where memory is the limit, as on
#   most GPUs, a saved subtraction saves next to nothing.
# - **The width.** The work of a norm grows with D, that of the matrices around it with D². The last lines say how
#   small its share becomes. A norm that is a third faster speeds up the *model* by a third of that share.
# - **The rest of the model.** The largest gains of Zhang and Sennrich are with recurrent networks, in which a norm is
#   called at every time step.
#
# So "RMSNorm is 30% faster" is not a fact about RMSNorm. What always holds: it has fewer operations and half the
# parameters, and models trained with it are about as good.

# %% [markdown]
# ## 4 · Backward through a layer norm
#
# A norm divides by something that is made of its own input, so its gradient is less obvious than that of any layer so
# far, and it explains most of what comes in section 6. Take one token. Write $\sigma = \sqrt{\text{var} +
# \varepsilon}$ and
#
# $$\hat x_i = \frac{x_i - \mu}{\sigma} \qquad y_i = \hat x_i\, w_i + b_i$$
#
# and let $g_i = \partial \mathcal{L} / \partial y_i$ be the gradient that arrives. The parameters are easy. They are
# shared by all tokens, so their gradients are sums over all of these:
#
# $$\frac{\partial \mathcal{L}}{\partial b_i} = \sum_{\text{tokens}} g_i \qquad
# \frac{\partial \mathcal{L}}{\partial w_i} = \sum_{\text{tokens}} g_i\, \hat x_i \qquad
# \frac{\partial \mathcal{L}}{\partial \hat x_i} = g_i\, w_i =: \hat g_i$$
#
# Now $x$. Nudging $x_j$ moves $\hat x_i$ in three ways: directly where i = j, through $\mu$ and through $\sigma$. The
# two detours are
#
# $$\frac{\partial \mu}{\partial x_j} = \frac 1D \qquad
# \frac{\partial \sigma}{\partial x_j} = \frac{1}{2 \sigma} \cdot \frac{2}{D} (x_j - \mu) = \frac{\hat x_j}{D}$$
#
# (in the second, the part through $\mu$ vanishes, since $\sum_i (x_i - \mu) = 0$). By the quotient rule
#
# $$\frac{\partial \hat x_i}{\partial x_j} = \frac 1\sigma \Big( \delta_{ij} - \frac 1D - \frac{\hat x_i\, \hat x_j}{D}
# \Big)$$
#
# where $\delta_{ij}$ is 1 if i = j, else 0. Multiply by $\hat g_i$ and sum over i; each sum over 1/D is a mean:
#
# $$\frac{\partial \mathcal{L}}{\partial x_j} = \frac 1\sigma \Big( \hat g_j - \text{mean}(\hat g) - \hat x_j \cdot
# \text{mean}(\hat g \odot \hat x) \Big)$$
#
# Look at what is subtracted. The first mean takes out the part of $\hat g$ along (1, …, 1), the second the part along
# $\hat x$: precisely the two directions in which LayerNorm is blind, shift and scale. Moving $x$ there changes
# nothing, so the gradient has no part there. And in front stands $1 / \sigma$: **the larger the input, the smaller the
# gradient that passes.** Keep this in mind.
#
# **`layer_norm_backward(grad_out, x, weight, eps=1e-5)`** returns a tuple `(grad_x, grad_weight, grad_bias)`.
# ★★★★☆ · 15 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `grad_out` | (..., D) | $g$, the gradient of the loss with respect to the output |
# | `x` | (..., D) | the input, one or more leading axes |
# | `weight` | (D,) | |
# | `grad_x` | (..., D) | |
# | `grad_weight`, `grad_bias` | (D,) | sums over all tokens |
#
# No autograd here: it is what the checks compare you with. All inputs are plain numbers, without `requires_grad`, and
# nobody differentiates your result again. (The bias is not among the arguments. Why is it not needed?)
#
# <details><summary>Hint 1</summary>Compute forward first: σ, then x̂. Then the lines of the derivation in their order.
# Which quantities have one number per token, which one per feature?</details>
# <details><summary>Hint 2</summary>Every mean in the formula for x runs over the D features of one token, with
# <code>keepdim=True</code>. The sums for weight and bias run over everything <i>but</i> the features.</details>
# <details><summary>Hint 3</summary><code>(grad_out * x_hat).flatten(0, -2).sum(0)</code> sums over all leading axes.
# In the formula for x it is ĝ = g · weight that counts, not g.</details>

# %% exercise="layer_norm_backward" minutes=15 level=4 forbid="torch.autograd.grad, torch.autograd.backward, torch.Tensor.backward, torch.autograd.functional.vjp, torch.autograd.functional.jacobian, torch.func.vjp, torch.func.grad, torch.func.jacrev, torch.native_layer_norm_backward, torch.ops.aten.native_layer_norm_backward"
def layer_norm_backward(
    grad_out: Tensor, x: Tensor, weight: Tensor, eps: float = 1e-5
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of a layer norm, by hand.

    grad_out: (..., D), of the loss with respect to the output. x: (..., D), the input, at least one leading axis.
    weight: (D,). Returns the gradients of x (..., D), of weight (D,) and of bias (D,), the last two summed over tokens.
    """
    ### BEGIN SOLUTION
    std = torch.sqrt(x.var(-1, keepdim=True, correction=0) + eps)  # (..., 1)
    x_hat = (x - x.mean(-1, keepdim=True)) / std  # (..., D)
    g_hat = grad_out * weight  # (..., D)
    along = (g_hat * x_hat).mean(-1, keepdim=True)  # (..., 1)
    grad_x = (g_hat - g_hat.mean(-1, keepdim=True) - x_hat * along) / std  # (..., D)
    return grad_x, (grad_out * x_hat).flatten(0, -2).sum(0), grad_out.flatten(0, -2).sum(0)
    ### END SOLUTION


# %% check="layer_norm_backward: weight and bias collect from all tokens" points=1
g = check.randn(2, 3, 5, seed=41).double()
x = 2 * check.randn(2, 3, 5, seed=42).double() + 1
w = check.randn(5, seed=43).double()
grad_x, grad_weight, grad_bias = layer_norm_backward(g, x, w)
w2 = check.randn(5, seed=43).double().requires_grad_()
b2 = check.randn(5, seed=44).double().requires_grad_()
F.layer_norm(2 * check.randn(2, 3, 5, seed=42).double() + 1, (5,), w2, b2).backward(check.randn(2, 3, 5, seed=41).double())
check.shape(grad_bias, (5,), hint="return (grad_x, grad_weight, grad_bias); bias has one number per feature")
check.close(grad_bias, b2.grad, atol=1e-8, rtol=1e-7, hint="the bias is added to every token: sum grad_out over all tokens")
check.shape(grad_weight, (5,), hint="weight has one number per feature: sum over all leading axes")
check.close(grad_weight, w2.grad, atol=1e-8, rtol=1e-7,
            hint="sum grad_out times x̂ over all tokens: x̂ = (x - μ) / √(var + eps), variance over D (correction=0)")
check.shape(layer_norm_backward(g[0], x[0], w)[2], (5,), hint="one leading axis or three: sum over all but the last")
### BEGIN HIDDEN TESTS
h = check.randn(4, 3, seed=45).double()
y = check.randn(4, 3, seed=46).double()
v = check.randn(3, seed=47).double()
_, hidden_weight, hidden_bias = layer_norm_backward(h, y, v, 0.5)
v2 = check.randn(3, seed=47).double().requires_grad_()
c2 = check.randn(3, seed=48).double().requires_grad_()
F.layer_norm(check.randn(4, 3, seed=46).double(), (3,), v2, c2, 0.5).backward(check.randn(4, 3, seed=45).double())
check.close(hidden_bias, c2.grad, atol=1e-8, rtol=1e-7, hint="one leading axis: sum over it")
check.close(hidden_weight, v2.grad, atol=1e-8, rtol=1e-7, hint="with eps 0.5: σ is the root of the variance plus eps")
### END HIDDEN TESTS

# %% check="layer_norm_backward: grad_x has no part along shift and scale" points=1
g = check.randn(4, 6, seed=49).double()
x = 2 * check.randn(4, 6, seed=50).double() + 1
w = check.randn(6, seed=51).double()
x2 = 2 * check.randn(4, 6, seed=50).double() + 1
x2.requires_grad_()
F.layer_norm(x2, (6,), check.randn(6, seed=51).double(), eps=0.0).backward(check.randn(4, 6, seed=49).double())
grad_x, _, _ = layer_norm_backward(g, x, w, 0.0)
check.close(grad_x.sum(-1), torch.zeros(4).double(), atol=1e-8,
            hint="a shift of x changes nothing, so each token's gradient sums to 0: subtract the mean of ĝ = g · weight")
check.close((grad_x * x).sum(-1), torch.zeros(4).double(), atol=1e-4,
            hint="a scaling of x changes nothing, so the gradient is at right angles to it: subtract x̂ · mean(ĝ · x̂)")
check.close(grad_x.norm(dim=-1), x2.grad.norm(dim=-1), atol=1e-8, rtol=1e-7,
            hint="the length differs: ĝ = g · weight, once; divide by σ, once; σ² is the variance plus eps, here 0")

# %% check="layer_norm_backward: grad_x is autograd's" points=2
g = check.randn(2, 3, 5, seed=52).double()
x = check.randn(2, 3, 5, seed=53).double()
w = check.randn(5, seed=54).double()
x2 = check.randn(2, 3, 5, seed=53).double().requires_grad_()
F.layer_norm(x2, (5,), check.randn(5, seed=54).double()).backward(check.randn(2, 3, 5, seed=52).double())
grad_x, _, _ = layer_norm_backward(g, x, w)
check.shape(grad_x, (2, 3, 5), hint="grad_x has the shape of x: every token has its own")
check.close(grad_x, x2.grad, atol=1e-8, rtol=1e-7,
            hint="(ĝ - mean(ĝ) - x̂ · mean(ĝ · x̂)) / σ, with ĝ = g · weight, means over features, variance over D")
check.equal(x, check.randn(2, 3, 5, seed=53).double(), hint="x was changed in place: make new tensors")
check.equal(g, check.randn(2, 3, 5, seed=52).double(), hint="grad_out was changed in place: make new tensors")
### BEGIN HIDDEN TESTS
h = check.randn(4, 7, seed=55).double()
y = 3 * check.randn(4, 7, seed=56).double() - 2
v = check.randn(7, seed=57).double()
y2 = 3 * check.randn(4, 7, seed=56).double() - 2
y2.requires_grad_()
F.layer_norm(y2, (7,), check.randn(7, seed=57).double(), eps=0.5).backward(check.randn(4, 7, seed=55).double())
grad_y, _, _ = layer_norm_backward(h, y, v, 0.5)
check.close(grad_y, y2.grad, atol=1e-8, rtol=1e-7, hint="with eps 0.5: σ is the root of variance plus eps, everywhere")
### END HIDDEN TESTS

# %% [markdown]
# The bias is not needed because it is gone after one derivative: $y$ depends on it with slope 1, and nothing else does.
#
# PyTorch's own backward pass of a layer norm is this formula in one kernel. It keeps two numbers per token from the
# forward pass, μ and 1/σ, and computes x̂ anew.

# %% [markdown]
# ## 5 · Backward through RMSNorm
#
# The same for RMSNorm, and this time the last step is yours. With $r = \text{RMS}(x)$ (its ε included),
# $\hat x_i = x_i / r$ and $y_i = \hat x_i\, w_i$, there is only one detour left, through $r$:
#
# $$\frac{\partial r}{\partial x_j} = \frac{1}{2r} \cdot \frac{2 x_j}{D} = \frac{\hat x_j}{D} \qquad
# \frac{\partial \hat x_i}{\partial x_j} = \frac 1r \Big( \delta_{ij} - \frac{\hat x_i\, \hat x_j}{D} \Big)$$
#
# What is $\partial \mathcal{L} / \partial x_j = \sum_i \hat g_i\, \partial \hat x_i / \partial x_j$, with
# $\hat g_i = g_i\, w_i$?
#
# **`rms_norm_backward(grad_out, x, weight, eps=1e-6)`** returns a tuple `(grad_x, grad_weight)`. ★★★☆☆ · 10 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `grad_out` | (..., D) | $g$, the gradient of the loss with respect to the output |
# | `x` | (..., D) | the input, one or more leading axes |
# | `weight` | (D,) | |
# | `grad_x` | (..., D) | |
# | `grad_weight` | (D,) | summed over all tokens |
#
# Again without autograd, and for inputs without `requires_grad`.
#
# <details><summary>Hint 1</summary>Write the sum over i on paper: in the first term only i = j remains, the second has
# a factor that does not depend on i.</details>
# <details><summary>Hint 2</summary>Compare with the layer norm's result: one of its three terms came from μ, and there
# is no μ here.</details>
# <details><summary>Hint 3</summary>Forward first: r with <code>keepdim=True</code>, then x̂ = x / r. The gradient of the
# weight is the same as before, with this x̂.</details>

# %% exercise="rms_norm_backward" minutes=10 level=3 forbid="torch.autograd.grad, torch.autograd.backward, torch.Tensor.backward, torch.autograd.functional.vjp, torch.autograd.functional.jacobian, torch.func.vjp, torch.func.grad, torch.func.jacrev"
def rms_norm_backward(grad_out: Tensor, x: Tensor, weight: Tensor, eps: float = 1e-6) -> tuple[Tensor, Tensor]:
    """The gradients of an RMSNorm, by hand.

    grad_out: (..., D), of the loss with respect to the output. x: (..., D), the input, at least one leading axis.
    weight: (D,). Returns the gradients of x (..., D) and of weight (D,), the latter summed over tokens.
    """
    ### BEGIN SOLUTION
    rms = torch.sqrt(x.pow(2).mean(-1, keepdim=True) + eps)  # (..., 1)
    x_hat = x / rms  # (..., D)
    g_hat = grad_out * weight  # (..., D)
    grad_x = (g_hat - x_hat * (g_hat * x_hat).mean(-1, keepdim=True)) / rms  # (..., D)
    return grad_x, (grad_out * x_hat).flatten(0, -2).sum(0)
    ### END SOLUTION


# %% check="rms_norm_backward: weight collects from all tokens" points=1
g = check.randn(2, 3, 5, seed=61).double()
x = 2 * check.randn(2, 3, 5, seed=62).double() + 1
w = check.randn(5, seed=63).double()
grad_x, grad_weight = rms_norm_backward(g, x, w)
w2 = check.randn(5, seed=63).double().requires_grad_()
F.rms_norm(2 * check.randn(2, 3, 5, seed=62).double() + 1, (5,), w2, 1e-6).backward(check.randn(2, 3, 5, seed=61).double())
check.shape(grad_weight, (5,), hint="return (grad_x, grad_weight); weight has one number per feature")
check.close(grad_weight, w2.grad, atol=1e-8, rtol=1e-7,
            hint="sum grad_out times x̂ over all tokens: x̂ is x / √(mean of squares + eps), eps 1e-6 by default")
check.shape(rms_norm_backward(g[0], x[0], w)[1], (5,), hint="one leading axis or three: sum over all but the last")
w3 = check.randn(5, seed=63).double().requires_grad_()
x3 = 2 * check.randn(2, 3, 5, seed=62).double() + 1
F.rms_norm(x3, (5,), w3, 0.5).backward(check.randn(2, 3, 5, seed=61).double())
check.close(rms_norm_backward(g, x, w, 0.5)[1], w3.grad, atol=1e-8, rtol=1e-7,
            hint="eps 0.5: use the eps that is handed in")
### BEGIN HIDDEN TESTS
h = check.randn(4, 3, seed=64).double()
y = check.randn(4, 3, seed=65).double()
v = check.randn(3, seed=66).double()
_, hidden_weight = rms_norm_backward(h, y, v, 0.5)
v2 = check.randn(3, seed=66).double().requires_grad_()
F.rms_norm(check.randn(4, 3, seed=65).double(), (3,), v2, 0.5).backward(check.randn(4, 3, seed=64).double())
check.close(hidden_weight, v2.grad, atol=1e-8, rtol=1e-7, hint="with eps 0.5: r is the root of the mean square plus eps")
### END HIDDEN TESTS

# %% check="rms_norm_backward: grad_x is autograd's" points=2
g = check.randn(2, 3, 5, seed=67).double()
x = check.randn(2, 3, 5, seed=68).double() + 1
w = check.randn(5, seed=69).double()
x2 = check.randn(2, 3, 5, seed=68).double() + 1
x2.requires_grad_()
F.rms_norm(x2, (5,), check.randn(5, seed=69).double(), 1e-6).backward(check.randn(2, 3, 5, seed=67).double())
grad_x, _ = rms_norm_backward(g, x, w)
check.shape(grad_x, (2, 3, 5), hint="grad_x has the shape of x: every token has its own")
check.close((grad_x * x).sum(-1), torch.zeros(2, 3).double(), atol=1e-4,
            hint="a scaling of x changes nothing, so the gradient is at right angles to it: subtract x̂ · mean(ĝ · x̂)")
check.close(grad_x.norm(dim=-1), x2.grad.norm(dim=-1), atol=1e-8, rtol=1e-7,
            hint="the length differs: ĝ = g · weight, no mean of ĝ is subtracted here, and divide by r, once")
check.close(grad_x, x2.grad, atol=1e-8, rtol=1e-7, hint="(ĝ - x̂ · mean(ĝ · x̂)) / r, the mean over features")
check.equal(x, check.randn(2, 3, 5, seed=68).double() + 1, hint="x was changed in place: make new tensors")
check.equal(g, check.randn(2, 3, 5, seed=67).double(), hint="grad_out was changed in place: make new tensors")
### BEGIN HIDDEN TESTS
h = check.randn(4, 7, seed=70).double()
y = 3 * check.randn(4, 7, seed=71).double() - 2
v = check.randn(7, seed=72).double()
y2 = 3 * check.randn(4, 7, seed=71).double() - 2
y2.requires_grad_()
F.rms_norm(y2, (7,), check.randn(7, seed=72).double(), 0.5).backward(check.randn(4, 7, seed=70).double())
grad_y, _ = rms_norm_backward(h, y, v, 0.5)
check.close(grad_y, y2.grad, atol=1e-8, rtol=1e-7, hint="with eps 0.5: r is the root of the mean square plus eps")
### END HIDDEN TESTS

# %% [markdown]
# Suppose the loss would like the output to move upwards: the same gradient $g$ arrives for every token. The next cell
# draws, at points around the origin and at three distances from it, in which direction gradient descent moves *x*.
#
# **Before you run it:** an arrow for a token that already points straight up? And how do the arrows of the outer circle
# compare with those of the inner one?

# %% demo="tangents" alt="Arrows at three circles: all tangent to the circles, shorter the farther out."
angles = torch.arange(0, 360, 30) * torch.pi / 180
ring = torch.stack([angles.cos(), angles.sin()], dim=-1)  # (12, 2)
tokens = torch.cat([radius * ring for radius in (1.0, 2.0, 4.0)]).double()  # (36, 2)
upwards = torch.tensor([0.0, -1.0]).double().expand(36, 2)  # the loss falls when the output's feature 1 grows
grad_x, _ = rms_norm_backward(upwards, tokens, torch.ones(2).double())
figure, ax = plt.subplots(figsize=(6.6, 6.4), layout="constrained")
for radius in (1.0, 2.0, 4.0):
    ax.add_patch(plt.Circle((0, 0), radius, fill=False, color="0.8"))
ax.quiver(*tokens.T, *-grad_x.T, angles="xy", scale_units="xy", scale=1.0, width=0.006, color="black")
ax.scatter(*tokens.T, s=16, color="0.4")
ax.set(title="Where gradient descent moves x", xlabel="feature 0", ylabel="feature 1", xlim=(-5, 5), ylim=(-5, 5),
       aspect="equal")
plt.show()
lengths = grad_x.norm(dim=-1).view(3, 12).mean(-1)
print("mean length of the gradient at distance 1, 2, 4:", ", ".join(f"{length:.3f}" for length in lengths))

# %% [markdown]
# Every arrow is a tangent: along its own direction a token gains nothing, and one that points straight up already has
# no arrow at all. And twice the distance means half the arrow. A norm divides the gradient by the size of what it
# normalises; that is all you need for the next section.

# %% [markdown]
# ## 6 · Where to put it
#
# A transformer's layer consists of two *sublayers*, attention and feed-forward, each wrapped in a residual connection
# as in *convolutions* (01): the sublayer computes what to add to x. The norm can stand after the addition or before the
# sublayer:
#
# $$\text{post-norm:} \quad \text{norm}(x + f(x)) \qquad\qquad \text{pre-norm:} \quad x + f(\text{norm}(x))$$
#
# Post-norm is the original (Vaswani et al. 2017, §3.1) and BERT's. Pre-norm is that of GPT-2, GPT-3 and Llama. In
# pre-norm nothing ever stands in the way of x itself: from the first layer to the last there is a path of nothing but
# additions, the *residual stream*. What leaves it after the last layer has never been normalised as a whole, so a
# pre-norm model needs one more norm at its end.
#
# **`PreNormBlock(d_model, sublayer, norm=LayerNorm)`**, an `nn.Module`. ★★☆☆☆ · 5 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `d_model` | int | D |
# | `sublayer` | a module or function | takes (..., D), and perhaps more arguments; returns (..., D) |
# | `norm` | a class | `norm(d_model)` makes the norm: `LayerNorm`, `RMSNorm`, `nn.LayerNorm`, … |
# | `x` | (..., D) | |
# | `*args`, `**kwargs` | | whatever else `forward` is given, a mask say, goes to the sublayer as it is |
# | result | (..., D) | x + sublayer(norm(x), …) |
#
# Attributes: `self.norm` and `self.sublayer`, so that their parameters are found and saved under these names.
#
# <details><summary>Hint 1</summary>In <code>__init__</code> two attributes; in <code>forward</code> one line.</details>
# <details><summary>Hint 2</summary><code>norm</code> is a class, not yet a layer: call it with the width, and keep what
# comes out.</details>
# <details><summary>Hint 3</summary><code>self.sublayer(something, *args, **kwargs)</code> hands everything on. Which of
# the two summands is normalised?</details>

# %% exercise="PreNormBlock" minutes=5 level=2
class PreNormBlock(nn.Module):
    """x + sublayer(norm(x)): the norm inside the branch, the stream itself untouched.

    Attributes: norm, made by norm(d_model), and sublayer. Xiong et al. 2020, Figure 1 (b)
    """

    def __init__(self, d_model: int, sublayer, norm=LayerNorm) -> None:
        super().__init__()
        ### BEGIN SOLUTION
        self.norm = norm(d_model)
        self.sublayer = sublayer
        ### END SOLUTION

    def forward(self, x: Tensor, *args, **kwargs) -> Tensor:
        """x (..., D); everything else goes to the sublayer as it is. Returns (..., D)."""
        ### BEGIN SOLUTION
        return x + self.sublayer(self.norm(x), *args, **kwargs)
        ### END SOLUTION


# %% check="PreNormBlock: the stream passes untouched" points=1
block = PreNormBlock(6, torch.zeros_like, norm=nn.LayerNorm)  # a sublayer that has nothing to add
x = 3 * check.randn(2, 4, 6, seed=81) + 1
check.close(block(x), 3 * check.randn(2, 4, 6, seed=81) + 1,
            hint="a sublayer that returns zeros adds nothing, so x must come out as it went in: add x itself, unnormalised")
doubled = PreNormBlock(6, torch.ones_like, norm=nn.LayerNorm)
raised = doubled(x)
check.equal(x, 3 * check.randn(2, 4, 6, seed=81) + 1, hint="x was changed in place (x += …): make a new tensor")
check.close(raised - x, torch.ones(2, 4, 6), hint="the sublayer's result is added as it is, once")
normed = PreNormBlock(6, torch.tanh, norm=nn.LayerNorm)
check.close(normed(x) - x, torch.tanh(F.layer_norm(x, (6,))), hint="what is added is sublayer(norm(x)): the sublayer reads norm(x)")
scaled = PreNormBlock(6, torch.tanh, norm=nn.RMSNorm)
check.close(scaled(x) - x, torch.tanh(F.rms_norm(x, (6,))),
            hint="norm=nn.RMSNorm: self.norm is made by the class that was handed in, norm(d_model)")

# %% check="PreNormBlock: x + f(norm(x))" points=2
block = PreNormBlock(6, check.fill(nn.Linear(6, 6)))
check.equal(sorted(dict(block.named_parameters())), ["norm.bias", "norm.weight", "sublayer.bias", "sublayer.weight"],
            hint="attributes self.norm = norm(d_model), LayerNorm by default, and self.sublayer")
check.fill(block.norm)
x = 3 * check.randn(2, 4, 6, seed=82) + 1
linear = check.fill(nn.Linear(6, 6))
theirs = check.fill(nn.LayerNorm(6))
expected = x + linear(theirs(x))
check.close(block(x), expected, hint="norm first, then the sublayer, then add x itself; nothing after the sum")
x2 = check.randn(4, 6, seed=86).requires_grad_()
x3 = check.randn(4, 6, seed=86).requires_grad_()
block(x2).pow(2).sum().backward()
(x3 + linear(theirs(x3))).pow(2).sum().backward()
check.close(x2.grad, x3.grad, atol=1e-4,
            hint="gradients pass along both ways, the stream and the branch: no detach, no no_grad")
### BEGIN HIDDEN TESTS
other = PreNormBlock(5, check.fill(nn.Linear(5, 5)), norm=nn.RMSNorm)
check.fill(other.norm)
y = check.randn(3, 5, seed=83)
linear2 = check.fill(nn.Linear(5, 5))
theirs2 = check.fill(nn.RMSNorm(5))
expected2 = y + linear2(theirs2(y))
check.close(other(y), expected2, hint="the norm is made by the class that was handed in: norm(d_model)")
### END HIDDEN TESTS

# %% check="PreNormBlock: further arguments reach the sublayer" points=1
block = PreNormBlock(6, check.fill(nn.Bilinear(6, 3, 6)), norm=nn.LayerNorm)
x = check.randn(4, 6, seed=84)
y = check.randn(4, 3, seed=85)
both = check.fill(nn.Bilinear(6, 3, 6))
expected = x + both(F.layer_norm(x, (6,)), y)
check.close(block(x, y), expected, hint="block(x, y) is x + sublayer(norm(x), y): hand *args on, neither normalised nor added")
check.close(block(x, input2=y), expected, hint="named arguments too: hand **kwargs on")

# %% [markdown]
# **`PostNormBlock(d_model, sublayer, norm=LayerNorm)`**, an `nn.Module`: norm(x + f(x)). All else as above.
# ★☆☆☆☆ · 5 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `d_model`, `sublayer`, `norm` | | as for `PreNormBlock` |
# | `x`, `*args`, `**kwargs` | (..., D), … | as for `PreNormBlock` |
# | result | (..., D) | norm(x + sublayer(x, …)) |
#
# <details><summary>Hint 1</summary>The same attributes as before; <code>forward</code> has its three steps in another
# order.</details>
# <details><summary>Hint 2</summary>The sublayer reads x as it is: it comes out of the norm of the block
# before.</details>
# <details><summary>Hint 3</summary>What is normalised is the sum.</details>

# %% exercise="PostNormBlock" minutes=5 level=1
class PostNormBlock(nn.Module):
    """norm(x + sublayer(x)): the norm after the addition, as in the original transformer.

    Attributes: norm, made by norm(d_model), and sublayer. Vaswani et al. 2017, §3.1
    """

    def __init__(self, d_model: int, sublayer, norm=LayerNorm) -> None:
        super().__init__()
        ### BEGIN SOLUTION
        self.norm = norm(d_model)
        self.sublayer = sublayer
        ### END SOLUTION

    def forward(self, x: Tensor, *args, **kwargs) -> Tensor:
        """x (..., D); everything else goes to the sublayer as it is. Returns (..., D)."""
        ### BEGIN SOLUTION
        return self.norm(x + self.sublayer(x, *args, **kwargs))
        ### END SOLUTION


# %% check="PostNormBlock: what comes out is normalised" points=1
block = PostNormBlock(6, torch.zeros_like, norm=nn.LayerNorm)  # a sublayer that has nothing to add
x = 3 * check.randn(2, 4, 6, seed=91) + 1
check.close(block(x), F.layer_norm(x, (6,)), hint="a sublayer that returns zeros adds nothing: norm(x + 0) is norm(x)")
curved = PostNormBlock(6, torch.tanh, norm=nn.LayerNorm)
summed = curved(x)
check.equal(x, 3 * check.randn(2, 4, 6, seed=91) + 1, hint="x was changed in place (x += …): make a new tensor")
check.close(summed, F.layer_norm(x + torch.tanh(x), (6,)),
            hint="the sublayer reads x as it is, its result is added to x, and the norm comes last, over the sum")
scaled = PostNormBlock(6, torch.tanh, norm=nn.RMSNorm)
check.close(scaled(x), F.rms_norm(x + torch.tanh(x), (6,)),
            hint="norm=nn.RMSNorm: self.norm is made by the class that was handed in, norm(d_model)")

# %% check="PostNormBlock: norm(x + f(x))" points=1
block = PostNormBlock(6, check.fill(nn.Linear(6, 6)))
check.equal(sorted(dict(block.named_parameters())), ["norm.bias", "norm.weight", "sublayer.bias", "sublayer.weight"],
            hint="attributes self.norm = norm(d_model), LayerNorm by default, and self.sublayer")
check.fill(block.norm)
x = 3 * check.randn(2, 4, 6, seed=92) + 1
linear = check.fill(nn.Linear(6, 6))
theirs = check.fill(nn.LayerNorm(6))
expected = theirs(x + linear(x))
check.close(block(x), expected, hint="the sublayer, then add x, then the norm over the sum")
x2 = check.randn(4, 6, seed=96).requires_grad_()
x3 = check.randn(4, 6, seed=96).requires_grad_()
block(x2).pow(3).sum().backward()
theirs(x3 + linear(x3)).pow(3).sum().backward()
check.close(x2.grad, x3.grad, atol=1e-4,
            hint="gradients pass along both ways, through x and the sublayer: no detach, no no_grad")
### BEGIN HIDDEN TESTS
other = PostNormBlock(5, check.fill(nn.Linear(5, 5)), norm=nn.RMSNorm)
check.fill(other.norm)
y = check.randn(3, 5, seed=93)
linear2 = check.fill(nn.Linear(5, 5))
theirs2 = check.fill(nn.RMSNorm(5))
expected2 = theirs2(y + linear2(y))
check.close(other(y), expected2, hint="the norm is made by the class that was handed in: norm(d_model)")
### END HIDDEN TESTS

# %% check="PostNormBlock: further arguments reach the sublayer" points=1
block = PostNormBlock(6, check.fill(nn.Bilinear(6, 3, 6)), norm=nn.LayerNorm)
x = check.randn(4, 6, seed=94)
y = check.randn(4, 3, seed=95)
both = check.fill(nn.Bilinear(6, 3, 6))
expected = F.layer_norm(x + both(x, y), (6,))
check.close(block(x, y), expected, hint="block(x, y) is norm(x + sublayer(x, y)): hand *args on")
check.close(block(x, input2=y), expected, hint="named arguments too: hand **kwargs on")

# %% [markdown]
# ### A name that misleads
#
# In the Llama code of the library transformers a layer has two norms, `input_layernorm` and `post_attention_layernorm`.
# Many summaries conclude that Llama normalises after attention. Read what it does, in this order:
#
# | step | in formulas |
# |---|---|
# | keep x, normalise it by `input_layernorm`, attention, add what was kept | $h = x + \text{attention}(\text{norm}_1(x))$ |
# | keep h, normalise it by `post_attention_layernorm`, MLP, add what was kept | $y = h + \text{MLP}(\text{norm}_2(h))$ |
#
# The second norm stands after attention in the order of the lines, and *before* the MLP in every sense that matters:
# attention's result joins the stream unnormalised. It is the MLP's pre-norm, Llama is two `PreNormBlock`s per layer, and
# both norms are RMSNorms in spite of their names. Whether a norm is "pre" or "post" is decided by one question: **is the
# sum x + f(…) itself normalised before it is handed on?**
#
# ### The laboratory
#
# A small language model made of your blocks, with matrices drawn as in the analysis of Xiong et al. (2020, §3.2): Xavier
# initialisation, biases zero. Beside the two blocks stand two broken ones: one without the residual connection, one
# without the norm.

# %%
# Given: the model of the experiments.
class NoResidualBlock(nn.Module):
    """sublayer(norm(x)): nothing is added, every sublayer starts from the last one's output."""

    def __init__(self, d_model, sublayer, norm=LayerNorm):
        super().__init__()
        self.norm, self.sublayer = norm(d_model), sublayer

    def forward(self, x):
        return self.sublayer(self.norm(x))


class NoNormBlock(nn.Module):
    """x + sublayer(x): nothing is normalised."""

    def __init__(self, d_model, sublayer):
        super().__init__()
        self.sublayer = sublayer

    def forward(self, x):
        return x + self.sublayer(x)


class CausalAttention(nn.Module):
    """Self-attention to the past that returns its output alone: MultiHeadAttention returns the weights too."""

    def __init__(self, d_model, num_heads):
        super().__init__()
        self.attention = MultiHeadAttention(d_model, num_heads)

    def forward(self, x):
        return self.attention(x, mask=causal_mask(x.shape[1]))[0]


class LanguageModel(nn.Module):
    """Characters (B, T), T ≤ 32, to logits (B, T, 64). Each of `depth` layers is attention and feed-forward, in blocks."""

    def __init__(self, block, depth, width=32, num_heads=2):
        super().__init__()
        self.tokens, self.places = nn.Embedding(64, width), nn.Embedding(32, width)
        blocks = []
        for _ in range(depth):
            blocks.append(block(width, CausalAttention(width, num_heads)))
            blocks.append(block(width, nn.Sequential(nn.Linear(width, 4 * width), nn.ReLU(), nn.Linear(4 * width, width))))
        self.blocks = nn.ModuleList(blocks)
        # Where the stream leaves the last block unnormalised, one more norm; the block without norms stays without.
        self.norm = LayerNorm(width) if block in (PreNormBlock, NoResidualBlock) else nn.Identity()
        self.head = nn.Linear(width, 64)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_normal_(module.weight)
                nn.init.zeros_(module.bias)
            if isinstance(module, nn.Embedding):
                nn.init.normal_(module.weight, std=0.5**0.5)  # token plus place: variance 1

    def stream(self, ids):
        """What enters the first layer, and what leaves each: depth + 1 tensors (B, T, D)."""
        states = [self.tokens(ids) + self.places.weight[: ids.shape[1]]]
        for attention, feed_forward in zip(self.blocks[::2], self.blocks[1::2], strict=True):
            states.append(feed_forward(attention(states[-1])))
        return states

    def forward(self, ids):
        return self.head(self.norm(self.stream(ids)[-1]))

    def gradients(self):
        """The norm of the gradient of each layer's second feed-forward matrix, after backward: (depth,)."""
        return torch.stack([block.sublayer[2].weight.grad.norm() for block in self.blocks[1::2]])


def random_batch(seed, B=4):
    """Random characters (B, 32), and random characters to predict, (B · 32)."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(64, (B, 32), generator=generator), torch.randint(64, (B * 32,), generator=generator)


# %% [markdown]
# ### Gradients through 6 to 96 layers
#
# At the start of training, in pre-norm, every sublayer adds something of about the same size, since it reads a
# normalised input. The summands are nearly independent, so their *variances* add: after L layers the stream has a size
# of about $\sqrt{1 + cL}$ (Xiong et al. 2020, Lemma 2). The final norm divides by it, and as you derived, so does the
# gradient: for the last layer it must fall as $1 / \sqrt L$. In post-norm the last thing before the head is a norm over
# a sum of two things of fixed size: no L in sight (their Theorem 1 says both).
#
# **Before you run the next cell:** draw the two lines for the last layer's gradient against depth. Then guess the
# picture on the right: at 96 layers, which layers get how much?

# %% demo="depth" alt="Last layer's gradient: falls as 1/√L in pre-norm, level in post-norm. Right: by layer at 96."
DEPTHS, SEEDS = [6, 12, 24, 48, 96], 3
PLACES = {"pre-norm": PreNormBlock, "post-norm": PostNormBlock}
by_layer = {}
for name, block in PLACES.items():
    for depth in DEPTHS:
        runs = []
        for seed in range(SEEDS):
            torch.manual_seed(seed)
            model, (ids, targets) = LanguageModel(block, depth), random_batch(seed)
            F.cross_entropy(model(ids).flatten(0, 1), targets).backward()
            runs.append(model.gradients())
        by_layer[name, depth] = torch.stack(runs)  # (SEEDS, depth)

figure, axes = plt.subplots(1, 2, figsize=(12, 4), layout="constrained")
slopes = {}
for name, style, color in (("pre-norm", "o-", "black"), ("post-norm", "s--", "0.5")):
    last = torch.stack([by_layer[name, depth][:, -1] for depth in DEPTHS])  # (depths, SEEDS)
    slopes[name] = np.polyfit(np.log(DEPTHS), last.mean(1).log().numpy(), 1)[0]
    axes[0].loglog(DEPTHS, last.mean(1), style, color=color, label=name)
    axes[0].fill_between(DEPTHS, last.amin(1), last.amax(1), color=color, alpha=0.2, linewidth=0)
    layers = by_layer[name, 96].mean(0)
    axes[1].semilogy(range(1, 97), layers, style[1:], color=color, label=name)
reference = float(by_layer["pre-norm", 96][:, -1].mean()) * (96 / np.array(DEPTHS)) ** 0.5
axes[0].loglog(DEPTHS, reference, ":", color="0.3", linewidth=3, alpha=0.6, label="∝ 1/√L")
axes[0].set_xticks(DEPTHS, [str(depth) for depth in DEPTHS])
axes[0].set_yticks([0.05, 0.1, 0.2, 0.4], ["0.05", "0.1", "0.2", "0.4"])
axes[0].minorticks_off()
axes[0].set(title="The last layer", xlabel="depth L [layers]", ylabel="norm of the gradient")
axes[1].set(title="Every layer, at depth 96", xlabel="layer", ylabel="norm of the gradient")
for ax in axes:
    ax.legend()
plt.show()
print(f"slope on the left, depth 6 to 96 (theory: -0.5 and 0): "
      f"{slopes['pre-norm']:.2f} pre-norm, {slopes['post-norm']:.2f} post-norm")

# %% [markdown]
# Two predictions of theory, measured on your blocks: pre-norm follows the dotted line, post-norm has no slope worth the
# name. Seen over the layers, a pre-norm model gives the *early* layers the larger gradients: the constant $1/\sqrt{1 +
# cL}$ of the final norm reaches all of them along the stream, and what an early layer writes is read by all later ones
# as well. Post-norm has a norm to pass at every block, each of which divides by the size of its sum; in our runs this
# makes ups and downs without a clear direction.
#
# What follows for training? Adam takes steps of about the same size whatever the gradient's. Xiong et al. (2020, §3.3)
# conclude that large gradients near the output make such steps harmful at first, and that this is what the warm-up of
# the original transformer (Vaswani et al. 2017, §5.3) is for; their pre-norm models train without one. It is not the
# whole story, as the next picture shows.
#
# ### Without the residual, without the norm
#
# **Before you run the next cell**, which looks at 24 layers of all four blocks before any training: in which of them
# will the numbers grow without bound? And in which will the tokens of a sentence end up alike, so that nobody can tell
# any more what was where?

# %% demo="four-streams" alt="By layer, for four blocks: size of the stream, cosine between tokens, gradient."
BLOCKS = {"pre-norm": PreNormBlock, "post-norm": PostNormBlock, "no residual": NoResidualBlock, "no norm": NoNormBlock}
STYLES = {"pre-norm": ("-", "black"), "post-norm": ("--", "0.5"), "no residual": (":", "0.25"), "no norm": ("-.", "0.65")}
figure, axes = plt.subplots(1, 3, figsize=(14, 4), layout="constrained")
for name, block in BLOCKS.items():
    sizes, cosines, gradients = [], [], []
    for seed in range(SEEDS):
        torch.manual_seed(seed)
        model, (ids, targets) = LanguageModel(block, 24), random_batch(seed)
        F.cross_entropy(model(ids).flatten(0, 1), targets).backward()
        with torch.no_grad():
            states = torch.stack(model.stream(ids))  # (25, B, T, D)
        unit = F.normalize(states, dim=-1)
        pairs = (unit @ unit.mT).flatten(2)[..., torch.ones(32, 32).triu(1).flatten().bool()]  # (25, B, pairs)
        sizes.append(states.pow(2).mean((1, 2, 3)).sqrt())
        cosines.append(pairs.mean((1, 2)))
        gradients.append(model.gradients())
    size, cosine, gradient = (torch.stack(runs).mean(0) for runs in (sizes, cosines, gradients))
    style, color = STYLES[name]
    axes[0].semilogy(range(25), size, style, color=color, linewidth=2, label=name)
    axes[1].plot(range(25), cosine, style, color=color, linewidth=2, label=name)
    axes[2].semilogy(range(1, 25), gradient, style, color=color, linewidth=2, label=name)
    print(f"{name:11}: after 24 layers, size {size[-1]:8.3g}, cosine between tokens {cosine[-1]:.3f}; "
          f"gradient of layer 1 {gradient[0]:.1e}, of layer 24 {gradient[-1]:.1e}")
axes[0].set(title="Size of the stream", xlabel="layer", ylabel="root mean square")
axes[1].set(title="How alike the tokens are", xlabel="layer", ylabel="mean cosine of two tokens", ylim=(-0.05, 1.05))
axes[2].set(title="Gradient", xlabel="layer", ylabel="norm of the gradient")
axes[1].legend()
plt.show()

# %% [markdown]
# - **No norm**: each layer reads what all before it have piled up and adds its share of *that*. Sizes multiply instead
#   of adding, and the line is straight on a logarithmic axis. The gradients explode with them.
# - **No residual**: the sizes are in order, but within a few layers all tokens have become the same vector. Attention
#   takes averages, and averages of averages lose their differences; without a path around it, nothing brings them back
#   (Dong et al. 2021 prove that attention alone loses them doubly exponentially with depth).
# - **Post-norm** is on the same way, only slower: at every block the norm shrinks what came along the residual to make
#   room for what was added, so of the first layers' tokens little is left after 24. Noci et al. (2022, Figure 1) see
#   this in deep post-norm translators and find that it hinders training.
# - **Pre-norm** keeps the tokens apart longest. Its stream grows, but as a root.
#
# ### The test: train all four
#
# Characters of Shakespeare, AdamW with the same learning rate for all, ten steps of warm-up, clipped gradients. Two
# depths for the two blocks that people use, 6 (as in the original transformer) and 24; and the two broken ones at 24,
# for fewer steps. The dotted line is the entropy of single characters: what a model reaches that knows how frequent each
# character is and nothing of its neighbours.
#
# **Before you run the next cell**, which takes up to a minute: which of the six get below that line?

# %% demo="training" alt="Loss curves: pre-norm falls at both depths, post-norm only at 6; the broken ones do not learn."
from collections import Counter

from internals.vocabularies import load_text

text = load_text()[:1_000_000]
number = {character: i for i, (character, _) in enumerate(Counter(text).most_common(63))}
corpus = torch.tensor([number.get(character, 63) for character in text])  # rare characters share the number 63
shares = corpus.bincount(minlength=64) / len(corpus)
unigram = -float(torch.xlogy(shares, shares).sum())  # nats


def train(block, depth, steps, rate=2e-3, warm_up=10, seed=0):
    """The loss of every step, in nats."""
    torch.manual_seed(seed)
    model, generator, losses = LanguageModel(block, depth), torch.Generator().manual_seed(seed), []
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, fused=True)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = rate * min(1, (step + 1) / warm_up)
        starts = torch.randint(len(corpus) - 33, (8, 1), generator=generator)
        rows = corpus[starts + torch.arange(33)]  # (B, T + 1) = (8, 33)
        loss = F.cross_entropy(model(rows[:, :-1]).flatten(0, 1), rows[:, 1:].flatten())
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    return losses


BUDGET = {6: {"pre-norm": 150, "post-norm": 150},
          24: {"pre-norm": 90, "post-norm": 90, "no residual": 40, "no norm": 5}}  # steps
figure, axes = plt.subplots(1, 2, figsize=(12, 4.2), layout="constrained", sharey=True)
for ax, depth in zip(axes, (6, 24), strict=True):
    ax.axhline(unigram, color="0.4", linestyle=":", linewidth=1.5, label="single characters")
    for name, steps in BUDGET[depth].items():
        losses = train(BLOCKS[name], depth, steps)
        style, color = STYLES[name]
        smooth = [np.mean(losses[max(0, step - 9) : step + 1]) for step in range(len(losses))]
        ax.plot(range(1, len(losses) + 1), smooth, style, color=color, linewidth=2,
                label=f"{name} (far above)" if min(smooth) > 10 else name)
        print(f"{depth:2} layers, {name:11}: first loss {losses[0]:9.2f}, "
              f"mean of the last {len(smooth[-20:])} of {steps} steps {np.mean(losses[-20:]):9.2f}")
    ax.set(title=f"{depth} layers", xlabel="step", ylim=(2.4, 4.7))
axes[0].set_ylabel("loss [nats per character], mean of 10 steps")
axes[1].legend(fontsize=9)
plt.show()
print(f"entropy of single characters: {unigram:.2f} nats")

# %% [markdown]
# At 6 layers both learn, post-norm later: for a hundred steps it stays at the dotted line. At 24 pre-norm learns too, a
# little behind itself at 6, and post-norm stops at the dotted line (give or take the noise of small batches): it has
# found how frequent the characters are, which the bias of the last layer can do alone, and has not begun to use the
# text. The model without residuals ends in the same place, for the same reason: after 24 layers its tokens are all
# alike. (Ninety and forty steps are too few to tell a late start from none: after those, the shallow post-norm model
# was on the line too. So we gave both of these 200 steps, with two seeds, and they were on it still.) The one without
# norms starts at a loss far beyond the frame.
#
# Be careful with what this shows. One learning rate, ninety steps, a tiny model: post-norm is *harder to start*, not
# worse. Deep post-norm models do train with a long warm-up, a smaller rate or a special initialisation (Liu et al. 2020;
# Wang et al. 2022, up to 1,000 layers). One can even do without any norm, if the first weights are made small enough
# (Zhang, Dauphin and Ma 2019). Pre-norm is what works without such care. Newer models move the norm once more: Gemma 2
# normalises each sublayer's input *and* its output, before it is added to the stream (Gemma Team 2024, §2), OLMo 2 only
# the output (Team OLMo 2025).
#
# If you have a few minutes more: does a smaller rate with a long warm-up get the deep post-norm model off the line? In a
# cell of your own, `train(PostNormBlock, 24, 1000, rate=3e-4, warm_up=500)` returns its losses after a minute or two.
# When we ran it the answer was no: 3.31 nats at the end, on the dotted line, where `PreNormBlock` under the same call
# came to 2.50.

# %% [markdown]
# ## Recap
#
# - A norm makes numbers comparable: subtract a mean, divide by a deviation, give scale and centre back as parameters.
# - BatchNorm takes its statistics from the batch: it depends on companions, leaks the future, and has a second mode.
#   LayerNorm takes them from each token's own features. RMSNorm keeps only the division.
# - Backward, a norm removes the part of the gradient along the directions it is blind to, and divides the rest by the
#   size of its input.
# - Pre-norm, x + f(norm(x)), leaves the stream alone: it grows as a root, the last layer's gradient falls as 1/√L, and
#   one norm more stands at the end. Post-norm, norm(x + f(x)), keeps the last gradient and loses the tokens in depth.
# - Residual connections keep tokens apart, norms keep sizes in order. A deep transformer needs both.
# - "RMSNorm is x% faster" is a statement about two implementations. Measure yours.
#
# Next: *transformer_full*, in which your blocks become layers of an encoder and a decoder.

# %% [markdown]
# ## A question in words
#
# A friend has built a decoder of 48 layers with `PostNormBlock`. Its loss comes down to the entropy of single tokens
# within minutes and stays there. The friend reads that "Llama uses post-attention layer norm", takes the place of the
# norm to be right, and doubles the learning rate.
#
# In six to ten sentences: (a) What would you look at, before any training, to find out what is wrong, and what do you
# expect to see? (b) You exchange the blocks for `PreNormBlock` and it learns. Explain by the formula of the backward
# pass why the last layer's gradient is now smaller than before and why the early layers get theirs nevertheless. (c) What
# is wrong in the argument about Llama, and which part of the model must not be forgotten after the exchange?

# %% [markdown] essay="where-to-norm" points=3
# **(a)** One forward pass through the fresh model: how alike the tokens of a sequence are after each layer (mean cosine),
# and the size of the states. Sizes will be 1 everywhere, thanks to the norms, but the cosine will approach 1: at every
# block the norm shrinks what arrives along the residual, attention averages, and after 48 layers all positions hold
# nearly the same vector. From it only one prediction can be made, the same for all positions, and the best such
# prediction is the frequency of the tokens: exactly the loss that was seen. A higher rate cannot help. *(1 point:
# looks at the states before training; tokens alike, hence the unigram loss. Naming large gradients near the output and
# the missing warm-up (Xiong et al.) earns the point as well, if tied to a measurement.)*
#
# **(b)** The gradient through a norm is divided by σ, the size of what is normalised. In a pre-norm model the stream is
# a sum of about 96 contributions of similar size, so it grows like √L, and the final norm divides the gradient by that:
# 1/√L for the last layer; in post-norm each sum is of two things of fixed size, and σ does not depend on L. The early
# layers get theirs along the stream: the derivative of x + f(norm(x)) contains the identity, so nothing between an
# early layer and the final norm divides or turns this part of the gradient. *(1 point: 1/σ with a stream growing as
# √L; identity path.)*
#
# **(c)** `post_attention_layernorm` stands after attention in the code but inside the MLP's branch: y = h +
# MLP(norm(h)). The sum h itself is not normalised, so it is the MLP's pre-norm. After the exchange the stream leaves the
# last block unnormalised and grown: a final norm before the head is needed. *(1 point: pre-norm of the MLP, since the
# sum is not normalised; the final norm.)*

# %% [markdown]
# ## Sources
#
# - Ioffe, Szegedy 2015. *Batch Normalization: Accelerating Deep Network Training by Reducing Internal Covariate Shift.*
#   ICML 2015, arXiv 1502.03167. §3.1, Algorithms 1 and 2.
# - Ba, Kiros, Hinton 2016. *Layer Normalization.* arXiv 1607.06450. §3.
# - Vaswani et al. 2017. *Attention Is All You Need.* NeurIPS 2017, arXiv 1706.03762. §3.1 post-norm, §5.3 warm-up.
# - Santurkar, Tsipras, Ilyas, Mądry 2018. *How Does Batch Normalization Help Optimization?* NeurIPS 2018, arXiv
#   1805.11604.
# - Wu, He 2018. *Group Normalization.* ECCV 2018, arXiv 1803.08494. Small batches.
# - Zhang, Sennrich 2019. *Root Mean Square Layer Normalization.* NeurIPS 2019, arXiv 1910.07467. Abstract, §3 and eq. 4.
# - Zhang, Dauphin, Ma 2019. *Fixup Initialization: Residual Learning Without Normalization.* ICLR 2019, arXiv
#   1901.09321.
# - Radford et al. 2019. *Language Models are Unsupervised Multitask Learners* (GPT-2). §2.3.
# - Wang et al. 2019. *Learning Deep Transformer Models for Machine Translation.* ACL 2019, arXiv 1906.01787.
# - Xiong, Yang, He, Zheng, Zheng, Xing, Zhang, Lan, Wang, Liu 2020. *On Layer Normalization in the Transformer
#   Architecture.* ICML 2020, arXiv 2002.04745. Lemma 2, Theorem 1, Figures 1 and 3.
# - Liu, Liu, Gao, Chen, Han 2020. *Understanding the Difficulty of Training Transformers.* EMNLP 2020, arXiv 2004.08249.
# - Shen, Yao, Gholami, Mahoney, Keutzer 2020. *PowerNorm: Rethinking Batch Normalization in Transformers.* ICML 2020,
#   arXiv 2003.07845.
# - Dong, Cordonnier, Loukas 2021. *Attention is Not All You Need: Pure Attention Loses Rank Doubly Exponentially with
#   Depth.* ICML 2021, arXiv 2103.03404.
# - Noci, Anagnostidis, Biggio, Orvieto, Singh, Lucchi 2022. *Signal Propagation in Transformers: Theoretical
#   Perspectives and the Role of Rank Collapse.* NeurIPS 2022, arXiv 2206.03126. Figure 1.
# - Wang, Ma, Dong, Huang, Zhang, Wei 2022. *DeepNet: Scaling Transformers to 1,000 Layers.* arXiv 2203.00555.
# - Touvron et al. 2023. *LLaMA: Open and Efficient Foundation Language Models.* arXiv 2302.13971. §2.2 pre-norm, RMSNorm.
# - Gemma Team 2024. *Gemma 2: Improving Open Language Models at a Practical Size.* arXiv 2408.00118. §2.
# - Team OLMo 2025. *2 OLMo 2 Furious.* arXiv 2501.00656.
# - PyTorch documentation of `torch.nn.BatchNorm1d`: biased variance for the output, unbiased for the running one.
