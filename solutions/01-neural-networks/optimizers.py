# %% [markdown]
# # Optimizers
#
# ## What you will build
#
# Everything that happens between a gradient and the next weights. `cross_entropy`, the loss that nearly every model of
# this course descends; the optimizers `SGD`, `Adam` and `AdamW`; `decay_groups`, which says whose weights are pulled
# towards zero; `schedule`, the learning rate over time; `clip_grad_norm`, a safeguard; and `kaiming_init`, the
# numbers to begin with. All are checked against PyTorch's own. About an hour and a half; section 8, `Muon`, a recent
# optimizer for matrices, is optional, and a quarter of an hour of it.
#
# ## When it was invented, and why it matters
#
# Following the gradient of a few random examples instead of all of them goes back to Robbins and Monro (1951); momentum
# to Polyak (1964). For decades networks were trained with little else, and deep ones trained badly. Part of the trouble
# was where they started: Glorot and Bengio (2010), and for ReLU networks He et al. (2015), computed how large the first
# weights must be for a signal to survive many layers. Part of it was that one learning rate had to serve all weights:
# AdaGrad (Duchi et al. 2011) gave every weight its own, and Adam (Kingma and Ba 2014) is the descendant that stayed.
# Loshchilov and Hutter (2017) then noticed that weight decay does not do in Adam what it does in SGD, and took the two
# apart: AdamW.
#
# The recipe has hardly changed since. GPT-3 (Brown et al. 2020, Appendix B) was trained with Adam and LLaMA (Touvron et
# al. 2023, §2.3) with AdamW, both at betas 0.9 and 0.95, weight decay 0.1, gradients clipped to norm 1, a short warmup
# and a cosine down to a tenth of the peak. At the end of this notebook you will have written each part of that
# sentence.
#
# ## Prerequisites
#
# *backprop*: what a gradient is, and the four steps of training, forward pass, loss, backward pass, update. Here the
# gradients come from `torch.autograd`; the subject is the update.
#
# Letters: `N` examples in a batch, `C` classes; $\theta$ a weight, $g$ its gradient, $\eta$ the learning rate (`lr`),
# $\lambda$ the weight decay, $t$ the number of the step, from 1.

# %%
import math
from collections import defaultdict

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from autograder import check

sns.set_theme(style="whitegrid", context="notebook")
torch.set_num_threads(1)  # the models here are small: one thread is about as fast, and far steadier

# %% [markdown]
# ## 1 · The loss to descend
#
# A classifier writes one number per class, its *logits*. Softmax turns them into probabilities, and the loss is the
# surprise at what was right: minus the logarithm of the probability given to the true class $y$.
#
# $$p_c = \frac{e^{z_c}}{\sum_j e^{z_j}} \qquad L = -\log p_y = \log \sum_j e^{z_j} - z_y$$
#
# Both ends of that line say the same, but not in floating point. In float32 $e^{89}$ is infinite and
# $e^{-104}$ is 0, so "softmax, then log" gives `nan` or an infinite loss just where the model is most wrong and the
# gradient matters most. The right-hand form needs one repair only: $\log \sum_j e^{z_j}$ must not overflow. Take out
# the largest logit $m$:
#
# $$\log \sum_j e^{z_j} = m + \log \sum_j e^{z_j - m}$$
#
# No exponent is above 0 now, and one of them *is* 0, so the sum is at least 1 and its logarithm finite. This is the
# log-sum-exp trick.
#
# **`cross_entropy(logits, targets)`** ★★☆☆☆ · 10 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `logits` | (N, C), floats | one row per example, any real numbers |
# | `targets` | (N,), int64 | the true class of each example, from 0 to C − 1 |
# | result | scalar | the mean loss over the batch; gradients pass through to the logits |
#
# PyTorch's finished losses, its `log_softmax` and its `logsumexp` are not allowed.
#
# <details><summary>Hint 1</summary>Never compute a probability. Begin with logits from which each row's largest has
# been subtracted: the loss is the same, since softmax does not see a shift.</details>
# <details><summary>Hint 2</summary>With shifted logits s, the table of all log-probabilities is s minus the logarithm
# of the sum of e^s along the row. Keep that axis (<code>keepdim=True</code>) so that the shapes fit.</details>
# <details><summary>Hint 3</summary>From row i you need the entry in column targets[i]:
# <code>gather(1, targets[:, None])</code>, or two index tensors. Then minus the mean.</details>

# %% exercise="cross_entropy" minutes=10 level=2 forbid="torch.nn.functional.cross_entropy, torch.nn.functional.nll_loss, torch.nn.functional.log_softmax, torch.log_softmax, torch.Tensor.log_softmax, torch.logsumexp, torch.Tensor.logsumexp, torch.special.logsumexp, torch.special.log_softmax, torch.nn.CrossEntropyLoss, torch.nn.NLLLoss, torch.nn.LogSoftmax"
def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean over the batch of minus the log-probability of the true class, without overflow.

    logits: (N, C) floats   targets: (N,) int64, 0 to C - 1. Returns a scalar of the logits' dtype.
    """
    ### BEGIN SOLUTION
    shifted = logits - logits.max(dim=-1, keepdim=True).values  # (N, C), the largest of each row is 0
    log_p = shifted - shifted.exp().sum(dim=-1, keepdim=True).log()  # (N, C)
    return -log_p.gather(1, targets[:, None]).mean()
    ### END SOLUTION


# %% check="cross_entropy: the mean surprise at the true class" points=1
logits = check.randn(5, 3, seed=1)
targets = check.randint(0, 3, (5,), seed=2)
expected = F.cross_entropy(check.randn(5, 3, seed=1), check.randint(0, 3, (5,), seed=2))
loss = cross_entropy(logits, targets)
check.shape(loss, (), hint="one tensor for the whole batch, the mean of the examples' losses; no .item()")
check.close(loss, expected,
            hint="from row i only log_p[i, targets[i]]; of these 5 numbers minus the mean, not the sum")
### BEGIN HIDDEN TESTS
logits2 = 3 * check.randn(7, 4, seed=3)
targets2 = check.randint(0, 4, (7,), seed=4)
check.close(cross_entropy(logits2, targets2), F.cross_entropy(logits2, targets2),
            hint="7 examples, 4 classes: each row uses its own target, the mean is over the 7 rows")
one = check.randn(1, 6, seed=5).double()
check.close(cross_entropy(one, check.randint(2, 3, (1,), seed=6)), torch.logsumexp(one[0], dim=0) - one[0, 2],
            atol=1e-9, rtol=1e-9, hint="a single example in float64: log-sum-exp minus the logit of the true class")
### END HIDDEN TESTS

# %% check="cross_entropy: large logits do not overflow" points=1
logits = 300 * check.randn(6, 4, seed=7) + 1000 * check.arange(-1, 5).view(6, 1)
targets = check.randint(0, 4, (6,), seed=8)
check.close(cross_entropy(logits, targets), F.cross_entropy(logits, targets),
            hint="logits of some thousands: subtract each row's own maximum first, and never take the log of a softmax")
### BEGIN HIDDEN TESTS
logits2 = 200 * check.randn(5, 3, seed=9) - 5000
targets2 = check.randint(0, 3, (5,), seed=10)
check.close(cross_entropy(logits2, targets2), F.cross_entropy(logits2, targets2),
            hint="logits around -5000: subtract the row's maximum (not its absolute value, not a clamp)")
### END HIDDEN TESTS

# %% check="cross_entropy: its gradient is the softmax minus the truth" points=1
z = check.randn(4, 3, seed=11).requires_grad_()
y = check.randn(4, 3, seed=11).requires_grad_()
targets = check.randint(0, 3, (4,), seed=12)
F.cross_entropy(y, check.randint(0, 3, (4,), seed=12)).backward()
loss = cross_entropy(z, targets)
check.equal(getattr(loss, "requires_grad", False), True,
            hint="the loss carries no gradient: no detach, item, no_grad or NumPy on the way")
loss.backward()
check.close(z.grad, y.grad, hint="softmax minus one-hot, divided by the batch size")
### BEGIN HIDDEN TESTS
z2 = (50 * check.randn(3, 5, seed=13)).requires_grad_()
y2 = (50 * check.randn(3, 5, seed=13)).requires_grad_()
F.cross_entropy(y2, check.randint(0, 5, (3,), seed=14)).backward()
cross_entropy(z2, check.randint(0, 5, (3,), seed=14)).backward()
check.close(z2.grad, y2.grad, hint="large logits, gradient: softmax minus one-hot, divided by the batch size")
### END HIDDEN TESTS

# %% [markdown]
# Two classes, the truth is class 0, and the wrong class leads by a growing margin. The exact loss is almost a straight
# line. **Before you run the next cell:** where does "softmax by the formula, then log" leave it, and what does it
# return after that?

# %% demo="stable" alt="Line chart: your loss rises as a line, the naive one ends at a margin of 88."
margins = torch.linspace(0, 160, 161)
pairs = torch.stack([torch.zeros(161), margins], dim=1)  # (161, 2)
naive = -(pairs.exp() / pairs.exp().sum(1, keepdim=True))[:, 0].log()
own = torch.stack([cross_entropy(pair[None], torch.tensor([0])) for pair in pairs])
last = int(margins[naive.isfinite()].max())
figure, ax = plt.subplots(figsize=(7, 3.4), layout="constrained")
ax.plot(margins, own, "--", color="0.5", linewidth=3, label="cross_entropy, yours")
ax.plot(margins, naive, color="black", label="−log(softmax), by the formula")
ax.plot(last, naive[last], "o", color="black")
ax.annotate(f"after {last}: {naive[last + 1].item()}", (last, naive[last]), (8, -14), textcoords="offset points")
ax.set(title="The same formula, with and without the shift (float32)", xlabel="margin of the wrong class [logits]",
       ylabel="loss [nats]")
ax.legend()
plt.show()

# %% [markdown]
# ## 2 · Downhill with memory
#
# The plain step, $\theta \leftarrow \theta - \eta g$, has one weakness that explains most of what follows. Picture a
# ravine: steep across, nearly flat along. The steepness across limits $\eta$, for a larger step would bounce from wall
# to wall and out; and with that $\eta$ the walk along the floor takes for ever.
#
# Momentum (Polyak 1964; Sutskever et al. 2013, §2) lets the gradients of many steps add up in a velocity. Across the
# ravine they change sign and cancel; along it they agree and accumulate. With a gradient that stays $g$, the velocity
# grows to $g + \mu g + \mu^2 g + \dots = g / (1 - \mu)$: ten times the step at $\mu = 0.9$.
#
# $$g \leftarrow g + \lambda \theta \qquad v \leftarrow \mu v + g \qquad \theta \leftarrow \theta - \eta v$$
#
# The velocity starts at 0. The first of the three is *weight decay* in its old form: $\lambda\theta$ is the gradient of
# $\tfrac{\lambda}{2}\theta^2$, so each step also pulls every weight towards zero.
#
# The next cell gives what all optimizers share. As in PyTorch, parameters come in *groups*, each with settings of its
# own, and a parameter without a gradient (a frozen one) is passed over. What is left for you is one method,
# `update`, which `step` calls for every parameter that has a gradient.

# %% tags=["export"]
class Optimizer:
    """What all optimizers share: groups of parameters, a memory for each parameter, and the walk over them.

    params: tensors, or groups, dicts such as {"params": [...], "lr": 0.1}, whose settings win over the defaults.
    A subclass writes `update`, which changes one parameter in place.
    """

    def __init__(self, params, **defaults) -> None:
        params = list(params)
        groups = params if params and isinstance(params[0], dict) else [{"params": params}]
        self.param_groups = [{**defaults, **group, "params": list(group["params"])} for group in groups]
        for group in self.param_groups:
            group["peak_lr"] = group["lr"]  # what a schedule scales
        self.state: dict[Tensor, dict] = defaultdict(dict)  # for each parameter what its update remembers

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for group in self.param_groups:
            for p in group["params"]:
                p.grad = None

    def scale_lr(self, factor: float) -> None:
        """Set each group's learning rate to `factor` times the one that it was made with."""
        for group in self.param_groups:
            group["lr"] = factor * group["peak_lr"]

    def state_dict(self) -> dict:
        """For a checkpoint: each parameter's memory, in the parameters' order, and the groups' settings."""
        params = [p for group in self.param_groups for p in group["params"]]
        settings = [{key: value for key, value in group.items() if key != "params"} for group in self.param_groups]
        return {"state": [dict(self.state[p]) for p in params], "settings": settings}

    def load_state_dict(self, saved: dict) -> None:
        """Take up again where `state_dict` was called; for the same parameters in the same groups."""
        params = [p for group in self.param_groups for p in group["params"]]
        self.state.update(zip(params, map(dict, saved["state"]), strict=True))
        for group, settings in zip(self.param_groups, saved["settings"], strict=True):
            group.update(settings)

    @torch.no_grad()
    def step(self) -> None:
        """Update every parameter that has a gradient."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self.update(p, p.grad, self.state[p], group)

    def update(self, p: Tensor, g: Tensor, state: dict, group: dict) -> None:
        """Change one parameter in place. p, g: parameter and gradient, any one shape. state: the parameter's memory."""
        raise NotImplementedError


# %%
# Given: a walk to compare optimizers on, yours or PyTorch's. The gradients are noisy and of very different sizes.
def follow(make, steps=6, late=0, groups=False, fade=1.0, **settings):
    """Where an optimizer leads three parameters (4, 3), (5,) and (2,), the last of them frozen, in float64.

    make: the optimizer's class   settings: what it is made with. For the first `late` steps the second parameter has no
    gradient either. groups: the first parameter gets three times the learning rate, the others no weight decay. fade:
    what multiplies the learning rate after each step, as a schedule would. Returns (steps, 19): all 19 numbers, after each step.
    """
    params = [check.randn(4, 3, seed=1).double(), check.randn(5, seed=2).double(), check.randn(2, seed=3).double()]
    scales = [torch.logspace(-4, 1, 12).view(4, 3).double(), torch.logspace(1, -5, 5).double()]
    split = [{"params": params[:1], "lr": 3 * settings["lr"]}, {"params": params[1:], "weight_decay": 0.0}]
    optimizer = make(split if groups else params, **settings)
    places = []
    for step in range(steps):
        for number, (p, scale) in enumerate(zip(params, scales, strict=False)):
            noise = check.randn(*p.shape, seed=100 * step + number).double()
            p.grad = None if number == 1 and step < late else scale * (p + noise)
        optimizer.step()
        for group in optimizer.param_groups:
            group["lr"] *= fade
        places.append(torch.cat([p.flatten() for p in params]))
    return torch.stack(places)


def gradient_after(make, **settings):
    """What two steps, both with the gradient check.randn(5, seed=5), leave of it: (5,) float64."""
    p = check.randn(5, seed=4).double()
    p.grad = check.randn(5, seed=5).double()
    optimizer = make([p], **settings)
    optimizer.step()
    optimizer.step()
    return p.grad


# %% [markdown]
# **`SGD(params, lr, momentum=0.0, weight_decay=0.0)`**; you write `update`. ★★☆☆☆ · 10 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `p` | any | the parameter, to be changed **in place**; gradients are already switched off |
# | `g` | as `p` | its gradient, not to be changed |
# | `state` | dict | this parameter's own memory, empty at its first step; use whatever keys you like |
# | `group` | dict | the settings: `group["lr"]`, `group["momentum"]`, `group["weight_decay"]` |
# | result | nothing | |
#
# Read the settings from `group` each time: they may differ between groups, and a schedule changes them between steps.
#
# <details><summary>Hint 1</summary>Three lines, the three formulas above in that order. Which of the three quantities
# has to survive until the next step?</details>
# <details><summary>Hint 2</summary>The velocity lives in <code>state</code>. At the first step there is none:
# <code>state.get("velocity", 0)</code> is 0 then.</details>
# <details><summary>Hint 3</summary><code>p = p - …</code> makes a new tensor and leaves the parameter where it was;
# <code>p -= …</code> changes it. For g it is the other way round: make a new one.</details>

# %% exercise="SGD" minutes=10 level=2 forbid="torch.optim, torch.optim.SGD, torch.optim.sgd"
class SGD(Optimizer):
    """Stochastic gradient descent with momentum. Sutskever et al. 2013, §2, with the step taken as PyTorch does."""

    def __init__(self, params, lr: float, momentum: float = 0.0, weight_decay: float = 0.0) -> None:
        super().__init__(params, lr=lr, momentum=momentum, weight_decay=weight_decay)

    def update(self, p: Tensor, g: Tensor, state: dict, group: dict) -> None:
        """Change p in place by one step. p, g: any one shape. group: lr, momentum, weight_decay."""
        ### BEGIN SOLUTION
        g = g + group["weight_decay"] * p
        state["velocity"] = group["momentum"] * state.get("velocity", 0) + g
        p -= group["lr"] * state["velocity"]
        ### END SOLUTION


# %% check="SGD: a plain step against the gradient" points=1
expected = follow(torch.optim.SGD, 3, lr=0.05)
check.close(follow(SGD, 3, lr=0.05), expected, atol=1e-8, rtol=1e-7,
            hint="θ - lr · g, in place: `p -= …` changes the parameter, `p = …` only the name")
### BEGIN HIDDEN TESTS
expected2 = follow(torch.optim.SGD, 4, lr=0.011)
check.close(follow(SGD, 4, lr=0.011), expected2, atol=1e-8, rtol=1e-7, hint="another learning rate: read group['lr']")
### END HIDDEN TESTS

# %% check="SGD: momentum adds up past gradients" points=2
expected = follow(torch.optim.SGD, 5, lr=0.02, momentum=0.8)
check.close(follow(SGD, 5, lr=0.02, momentum=0.8), expected, atol=1e-8, rtol=1e-7,
            hint="row 0 is the place after step 1. v = momentum · v + g, with the whole g, then θ - lr · v")
expected_fade = follow(torch.optim.SGD, 5, lr=0.02, momentum=0.8, fade=0.7)
check.close(follow(SGD, 5, lr=0.02, momentum=0.8, fade=0.7), expected_fade, atol=1e-8, rtol=1e-7,
            hint="lr changes between steps: it multiplies the finished velocity and does not enter it")
### BEGIN HIDDEN TESTS
expected2 = follow(torch.optim.SGD, 7, late=3, lr=0.03, momentum=0.55)
check.close(follow(SGD, 7, late=3, lr=0.03, momentum=0.55), expected2, atol=1e-8, rtol=1e-7,
            hint="a parameter that joins later starts with velocity 0: each parameter has its own, in state")
### END HIDDEN TESTS

# %% check="SGD: weight decay joins the gradient" points=1
expected = follow(torch.optim.SGD, 4, lr=0.02, momentum=0.7, weight_decay=0.3)
check.close(follow(SGD, 4, lr=0.02, momentum=0.7, weight_decay=0.3), expected, atol=1e-8, rtol=1e-7,
            hint="g + weight_decay · θ takes the place of g before the velocity is made")
check.close(gradient_after(SGD, lr=0.1, momentum=0.5, weight_decay=0.3), check.randn(5, seed=5).double(),
            hint="the gradient is changed: `g = g + …` makes a new tensor, `g += …` does not")
### BEGIN HIDDEN TESTS
expected2 = follow(torch.optim.SGD, 5, groups=True, lr=0.01, momentum=0.6, weight_decay=0.9)
check.close(follow(SGD, 5, groups=True, lr=0.01, momentum=0.6, weight_decay=0.9), expected2, atol=1e-8, rtol=1e-7,
            hint="two groups with different lr and weight_decay: read both from group at every update")
check.close(gradient_after(SGD, lr=0.2, momentum=0.9), check.randn(5, seed=5).double(),
            hint="the gradient is changed: the velocity must be a tensor of its own, not the gradient itself")
### END HIDDEN TESTS

# %% [markdown]
# A ravine, $f(x, y) = \tfrac12 (x^2 + 25 y^2)$, and sixty steps from the same place. Across (y) plain descent
# bounces out as soon as $\eta > 2/25 = 0.08$; along (x) it shrinks the distance by the factor $1 - \eta$ per step.
# **Before you run the next cell:** which ends nearer to the minimum, SGD at its best learning rate or momentum at half
# of it?

# %% demo="ravine" alt="Contours with three paths: slow SGD, zigzag SGD and momentum, and the distance that remains."
def ravine_path(optimizer_class, steps=60, **settings):
    """Places (steps + 1, 2) on the ravine, from (-9, 2)."""
    place = torch.tensor([-9.0, 2.0], requires_grad=True)
    optimizer, places = optimizer_class([place], **settings), [place.detach().clone()]
    for _ in range(steps):
        optimizer.zero_grad()
        (0.5 * (place[0] ** 2 + 25 * place[1] ** 2)).backward()
        optimizer.step()
        places.append(place.detach().clone())
    return torch.stack(places)


def draw_ravine(panel, path, title):
    """Contours of the ravine and a path (steps + 1, 2) on a panel."""
    x, y = np.meshgrid(np.linspace(-10, 3, 120), np.linspace(-3, 3, 80))
    panel.contour(x, y, 0.5 * (x**2 + 25 * y**2), levels=[1, 4, 10, 20, 40, 70, 110], colors="0.75", linewidths=1)
    panel.plot(*path.T, ".-", color="black", linewidth=1, markersize=4)
    panel.plot(0, 0, "*", color="black", markersize=12)
    panel.set(title=f"{title}\nleft to go: {path[-1].norm():.2g}", xlabel="along, x", xlim=(-10, 3), ylim=(-3, 3))
    panel.grid(False)


figure, axes = plt.subplots(1, 3, figsize=(12, 3.4), sharey=True, layout="constrained")
draw_ravine(axes[0], ravine_path(SGD, lr=0.02), "SGD, lr 0.02")
draw_ravine(axes[1], ravine_path(SGD, lr=0.077), "SGD, lr 0.077")
draw_ravine(axes[2], ravine_path(SGD, lr=0.038, momentum=0.7), "momentum 0.7, lr 0.038")
axes[0].set_ylabel("across, y")
figure.suptitle("60 steps in a ravine (star = minimum)")
plt.show()

# %% [markdown]
# Turn the two knobs. At which learning rate does momentum 0 begin to leave the picture, and at which momentum 0.9? What
# does a momentum of 0.98 do at a small learning rate?

# %% demo="ravine-slider" alt="Contours with the path for the learning rate and momentum set by sliders."
def draw_momentum(lr=0.03, momentum=0.9):
    figure, ax = plt.subplots(figsize=(6.5, 3.6), layout="constrained")
    draw_ravine(ax, ravine_path(SGD, lr=lr, momentum=momentum), f"lr {lr:.3f}, momentum {momentum:.2f}, 60 steps")
    ax.set_ylabel("across, y")
    plt.show()


try:
    from ipywidgets import FloatSlider, interact

    interact(draw_momentum, lr=FloatSlider(0.03, min=0.005, max=0.15, step=0.005, readout_format=".3f"),
             momentum=FloatSlider(0.9, min=0.0, max=0.98, step=0.02))
except ImportError:
    print("pip install ipywidgets gives this picture sliders; without it, call draw_momentum(0.05, 0.5) in a new cell.")
    draw_momentum()

# %% [markdown]
# ## 3 · A step size for every weight
#
# Momentum still has one learning rate for all. In a network gradients differ by orders of magnitude, in size and in how
# often they come: the weights of a rare word get one in a thousand batches, the bias of the last layer in every batch.
# Adam (Kingma and Ba 2014, Algorithm 1) divides each gradient by its own typical size. It keeps two running averages
# per weight, of $g$ and of $g^2$:
#
# $$g \leftarrow g + \lambda\theta \qquad m \leftarrow \beta_1 m + (1-\beta_1)\, g \qquad v \leftarrow \beta_2 v +
# (1-\beta_2)\, g^2$$
#
# Both start at 0, so at first they are too small: after one step $m = (1 - \beta_1) g$, a tenth of $g$ at
# $\beta_1 = 0.9$. With a constant gradient, after $t$ steps exactly the share $1 - \beta_1^t$ of it has arrived.
# Dividing by that share repairs it (§3 of the paper, *bias correction*); $t$ counts the steps of this parameter,
# from 1:
#
# $$\hat m = \frac{m}{1-\beta_1^t} \qquad \hat v = \frac{v}{1-\beta_2^t} \qquad
# \theta \leftarrow \theta - \eta\, \frac{\hat m}{\sqrt{\hat v} + \epsilon}$$
#
# Multiply all gradients by 1000 and the step stays the same: $\hat m / \sqrt{\hat v}$ has no unit. It is near ±1
# where gradients agree, near 0 where they contradict each other. So $\eta$ is, roughly, the largest step a weight takes
# (after a long silence it can be $(1-\beta_1)/\sqrt{1-\beta_2}$ times that, about 3 $\eta$ at the default betas; §2.1
# there). $\epsilon$ stands *outside* the root, and only keeps a division by zero away.
#
# **`Adam(params, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0)`**; you write `update`. ★★★☆☆ · 10 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `p`, `g` | any one shape | parameter, to be changed in place; its gradient, not to be changed |
# | `state` | dict | the parameter's memory, empty at its first step |
# | `group` | dict | `group["lr"]`, `group["betas"]` (β₁, β₂), `group["eps"]`, `group["weight_decay"]` |
#
# <details><summary>Hint 1</summary>Three things survive from step to step. Two are averages; what is the
# third?</details>
# <details><summary>Hint 2</summary>Keep m and v themselves in <code>state</code>, uncorrected. The corrected ones are
# made anew at each step and thrown away.</details>
# <details><summary>Hint 3</summary>t belongs to the parameter, not to the optimizer: a parameter whose first gradient
# comes at step 10 is at t = 1 then. Count in <code>state</code>, and count before you divide.</details>

# %% exercise="Adam" minutes=10 level=3 forbid="torch.optim, torch.optim.Adam, torch.optim.AdamW, torch.optim.adam"
class Adam(Optimizer):
    """Adam, with weight decay as part of the gradient. Kingma and Ba 2014, Algorithm 1."""

    def __init__(self, params, lr: float = 0.001, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
                 weight_decay: float = 0.0) -> None:
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def update(self, p: Tensor, g: Tensor, state: dict, group: dict) -> None:
        """Change p in place by one step. p, g: any one shape. group: lr, betas, eps, weight_decay."""
        ### BEGIN SOLUTION
        beta1, beta2 = group["betas"]
        g = g + group["weight_decay"] * p
        state["t"] = state.get("t", 0) + 1
        state["m"] = beta1 * state.get("m", 0) + (1 - beta1) * g
        state["v"] = beta2 * state.get("v", 0) + (1 - beta2) * g**2
        m_hat = state["m"] / (1 - beta1 ** state["t"])
        v_hat = state["v"] / (1 - beta2 ** state["t"])
        p -= group["lr"] * m_hat / (v_hat.sqrt() + group["eps"])
        ### END SOLUTION


# %% check="Adam: the first step is lr in size, whatever the gradient" points=1
expected = follow(torch.optim.Adam, 1, lr=0.1)
place = follow(Adam, 1, lr=0.1)
check.close(place[:, :12], expected[:, :12], atol=1e-8, rtol=1e-7,
            hint="lr · g / (|g| + eps): both averages corrected, eps outside the root. nan: t is 1 here, not 0")
check.close(place[:, 12:], expected[:, 12:], atol=1e-8, rtol=1e-7,
            hint="the first parameter is right, the second is not: each has a t of its own, in state")
### BEGIN HIDDEN TESTS
expected2 = follow(torch.optim.Adam, 1, lr=0.03, betas=(0.6, 0.7))
check.close(follow(Adam, 1, lr=0.03, betas=(0.6, 0.7)), expected2, atol=1e-8, rtol=1e-7,
            hint="other betas, the same first step: m / (1 - β₁) and v / (1 - β₂)")
### END HIDDEN TESTS

# %% check="Adam: two averages, each corrected by its own beta" points=2
expected = follow(torch.optim.Adam, 8, lr=0.1, betas=(0.7, 0.9))
check.close(follow(Adam, 8, lr=0.1, betas=(0.7, 0.9)), expected, atol=1e-8, rtol=1e-7,
            hint="row 0 is the place after step 1; if it is right: keep m and v uncorrected, divide by 1 - β to the t")
expected_fade = follow(torch.optim.Adam, 6, lr=0.1, betas=(0.7, 0.9), fade=0.7)
check.close(follow(Adam, 6, lr=0.1, betas=(0.7, 0.9), fade=0.7), expected_fade, atol=1e-8, rtol=1e-7,
            hint="lr changes between steps: read group['lr'] at each step, and keep it out of both averages")
### BEGIN HIDDEN TESTS
expected2 = follow(torch.optim.Adam, 30, lr=0.05, betas=(0.95, 0.6))
check.close(follow(Adam, 30, lr=0.05, betas=(0.95, 0.6)), expected2, atol=1e-8, rtol=1e-7,
            hint="betas (0.95, 0.6), 30 steps: β₁ belongs to the gradients, β₂ to their squares")
### END HIDDEN TESTS

# %% check="Adam: each parameter counts its own steps" points=1
expected = follow(torch.optim.Adam, 6, late=3, lr=0.1, betas=(0.8, 0.9))
check.close(follow(Adam, 6, late=3, lr=0.1, betas=(0.8, 0.9)), expected, atol=1e-8, rtol=1e-7,
            hint="the second parameter's first gradient comes at step 4, and that is t = 1 for it: count in state")
### BEGIN HIDDEN TESTS
expected2 = follow(torch.optim.Adam, 9, late=5, groups=True, lr=0.02, betas=(0.5, 0.99), weight_decay=0.1)
check.close(follow(Adam, 9, late=5, groups=True, lr=0.02, betas=(0.5, 0.99), weight_decay=0.1), expected2,
            atol=1e-8, rtol=1e-7, hint="two groups, one parameter late: settings from group, memory and t from state")
### END HIDDEN TESTS

# %% check="Adam: eps outside the root, weight decay inside the gradient" points=1
expected = follow(torch.optim.Adam, 5, lr=0.1, eps=0.01)
check.close(follow(Adam, 5, lr=0.1, eps=0.01), expected, atol=1e-8, rtol=1e-7,
            hint="eps = 0.01: the divisor is (root of the corrected v) + eps")
expected_decay = follow(torch.optim.Adam, 5, lr=0.1, weight_decay=0.5)
check.close(follow(Adam, 5, lr=0.1, weight_decay=0.5), expected_decay, atol=1e-8, rtol=1e-7,
            hint="weight_decay = 0.5: g + weight_decay · θ enters both averages in the place of g")
check.close(gradient_after(Adam, lr=0.1, weight_decay=0.5), check.randn(5, seed=5).double(),
            hint="the gradient is changed: `g = g + …` makes a new tensor, `g += …` does not")
### BEGIN HIDDEN TESTS
expected2 = follow(torch.optim.Adam, 12, lr=0.07, betas=(0.3, 0.8), eps=0.2, weight_decay=2.0)
check.close(follow(Adam, 12, lr=0.07, betas=(0.3, 0.8), eps=0.2, weight_decay=2.0), expected2, atol=1e-8, rtol=1e-7,
            hint="large eps and weight_decay: (root of the corrected v) + eps; g + weight_decay · θ in both averages")
### END HIDDEN TESTS

# %% [markdown]
# What does bias correction do? Feed Adam a gradient that never changes. With the correction every step is $\eta$.
# **Before you run the next cell:** without it *both* averages start too small, $m$ above and $\sqrt v$ below the
# fraction bar. Will the first steps be too small or too large?

# %% demo="bias-correction" alt="Line chart: uncorrected at β₂ 0.999, Adam's first steps are several lr long."
t = np.arange(1, 3001)
figure, ax = plt.subplots(figsize=(7.5, 3.6), layout="constrained")
for beta2, style in ((0.999, "-"), (0.95, "--")):
    sizes = (1 - 0.9**t) / np.sqrt(1 - beta2**t)  # m / √v for a constant gradient, uncorrected
    ax.plot(t, sizes, style, color="black", label=f"without correction, β₂ = {beta2}")
    print(f"β₂ = {beta2}: first step {sizes[0]:.2f} lr, largest {sizes.max():.2f} lr at step {t[sizes.argmax()]}")
place = torch.zeros(1)
optimizer, before, corrected = Adam([place], lr=1.0), 0.0, []
for _ in t:
    place.grad = torch.ones(1)
    optimizer.step()
    corrected.append(abs(place.item() - before))
    before = place.item()
ax.plot(t, corrected, color="0.6", linewidth=4, alpha=0.7, label="yours, with correction")
ax.set(title="Size of Adam's step for a constant gradient (β₁ = 0.9)", xlabel="step", ylabel="step [learning rates]",
       xscale="log", ylim=(0, None))
ax.legend()
plt.show()

# %% [markdown]
# With $\beta_2 = 0.999$ far too large, most of all in the first tens of steps, when the network is most fragile: $v$
# averages over about $1/(1-\beta_2)$ steps, $m$ over about $1/(1-\beta_1)$, and the slower of the two sits under the
# fraction bar. With $\beta_2 = 0.95$ the two are nearly equally slow; the first steps come out too small, and soon
# right.
#
# Now the same walk in the ravine. **Before you run the next cell:** Adam divides each coordinate by its own typical
# gradient. What becomes of the ravine's 25 : 1? And what if we turn the ravine by 45°, so that it runs along no axis?

# %% demo="adam-ravine" alt="Contours: Adam leaves diagonally in the upright ravine and is slower in the turned one."
def turned_path(optimizer_class, angle, steps=60, **settings):
    """Places (steps + 1, 2), in the ravine's own axes, when the weights' axes are turned by an angle in radians."""
    turn = torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    weights = (turn.T @ torch.tensor([-9.0, 2.0])).requires_grad_()
    optimizer, places = optimizer_class([weights], **settings), [turn @ weights.detach()]
    for _ in range(steps):
        optimizer.zero_grad()
        x, y = turn @ weights
        (0.5 * (x**2 + 25 * y**2)).backward()
        optimizer.step()
        places.append(turn @ weights.detach())
    return torch.stack(places)


figure, axes = plt.subplots(1, 3, figsize=(12, 3.4), sharey=True, layout="constrained")
draw_ravine(axes[0], turned_path(SGD, 0, lr=0.038, momentum=0.7), "momentum, at any angle")
draw_ravine(axes[1], turned_path(Adam, 0, lr=0.4), "Adam, axes along the ravine")
draw_ravine(axes[2], turned_path(Adam, math.pi / 4, lr=0.4), "Adam, axes turned by 45°")
axes[0].set_ylabel("across, y")
plt.show()

# %% [markdown]
# Adam's first step goes diagonally: both coordinates move by $\eta$, however different their gradients. SGD does not
# care how the axes lie (its path is the same picture at any angle); Adam does, since it rescales *coordinates*, and a
# ravine that runs between them is out of its reach. In this small and exact problem momentum ends nearest to the
# minimum: Adam keeps taking steps of the order of $\eta$ until its averages have forgotten the slope. That real
# networks profit from it so much suggests that their ravines follow the coordinates to a good part. *Muon*, at the end,
# does without this assumption.

# %% [markdown]
# ## 4 · Weight decay, taken out of the gradient
#
# In SGD without momentum two things are the same: adding $\lambda\theta$ to the gradient, and shrinking $\theta$ by the
# factor $1 - \eta\lambda$ at each step. (With momentum the decay runs through the velocity as well, but every weight is
# still treated alike.) In Adam they are not. There $\lambda\theta$ goes through the division by $\sqrt{\hat v}$ like
# everything else: a weight with large gradients is hardly decayed at all, one with small gradients very much. Loshchilov and Hutter (2017, §2, Algorithm 2) shrink the weight directly and leave the
# gradient alone:
#
# $$\theta \leftarrow \theta - \eta\lambda\theta \qquad \text{then Adam's step, without decay}$$
#
# In their paper $\lambda$ is multiplied by the schedule alone; PyTorch multiplies it by the learning rate, as written
# here, and so does nearly all code that you will meet.
#
# **`AdamW(params, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01)`**; you write `update`. ★★☆☆☆ · 5 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `p`, `g` | any one shape | parameter, to be changed in place; its gradient, not to be changed |
# | `state` | dict | the parameter's memory, empty at its first step |
# | `group` | dict | as in `Adam`; the decay must not reach the two averages |
#
# `AdamW` inherits from your `Adam`, so that `super().update(…)` is Adam's step.
#
# <details><summary>Hint 1</summary>One line of your own, and then Adam. But your Adam adds the decay to the gradient:
# what must it be told?</details>
# <details><summary>Hint 2</summary>Hand Adam's update a group that is the same but for
# <code>weight_decay</code>.</details>
# <details><summary>Hint 3</summary><code>{**group, "weight_decay": 0.0}</code> is a changed copy. Do not change
# <code>group</code> itself: it is used again for the next parameter.</details>

# %% exercise="AdamW" minutes=5 level=2 forbid="torch.optim, torch.optim.AdamW, torch.optim.Adam, torch.optim.adamw"
class AdamW(Adam):
    """Adam with decoupled weight decay. Loshchilov and Hutter 2017, Algorithm 2, decay times lr as in PyTorch."""

    def __init__(self, params, lr: float = 0.001, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
                 weight_decay: float = 0.01) -> None:
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def update(self, p: Tensor, g: Tensor, state: dict, group: dict) -> None:
        """Change p in place by one step. p, g: any one shape. group: lr, betas, eps, weight_decay."""
        ### BEGIN SOLUTION
        p -= group["lr"] * group["weight_decay"] * p
        super().update(p, g, state, {**group, "weight_decay": 0.0})
        ### END SOLUTION


# %% check="AdamW: shrinks the weight, leaves the gradient alone" points=2
expected = follow(torch.optim.AdamW, 6, lr=0.1, betas=(0.7, 0.9), weight_decay=0.5)
check.close(follow(AdamW, 6, lr=0.1, betas=(0.7, 0.9), weight_decay=0.5), expected, atol=1e-8, rtol=1e-7,
            hint="θ shrinks in place by lr · weight_decay · θ, once; then Adam with weight_decay 0 in a copy of group")
### BEGIN HIDDEN TESTS
expected2 = follow(torch.optim.AdamW, 20, late=4, lr=0.03, betas=(0.5, 0.8), eps=0.05, weight_decay=3.0)
check.close(follow(AdamW, 20, late=4, lr=0.03, betas=(0.5, 0.8), eps=0.05, weight_decay=3.0), expected2,
            atol=1e-8, rtol=1e-7, hint="a large weight_decay: shrink by lr · weight_decay first, then Adam without it")
### END HIDDEN TESTS

# %% check="AdamW: groups with and without decay" points=1
expected = follow(torch.optim.AdamW, 6, groups=True, lr=0.05, weight_decay=0.8)
check.close(follow(AdamW, 6, groups=True, lr=0.05, weight_decay=0.8), expected, atol=1e-8, rtol=1e-7,
            hint="numbers 0-11 have three times the lr and decay, the rest does not: read group, and do not change it")
expected_fade = follow(torch.optim.AdamW, 6, groups=True, fade=0.7, lr=0.05, weight_decay=0.8)
check.close(follow(AdamW, 6, groups=True, fade=0.7, lr=0.05, weight_decay=0.8), expected_fade, atol=1e-8, rtol=1e-7,
            hint="lr changes between steps: read group['lr'] at each step, for the decay too")
### BEGIN HIDDEN TESTS
expected2 = follow(torch.optim.AdamW, 9, late=2, groups=True, lr=0.02, betas=(0.4, 0.6), eps=0.3, weight_decay=2.0)
check.close(follow(AdamW, 9, late=2, groups=True, lr=0.02, betas=(0.4, 0.6), eps=0.3, weight_decay=2.0), expected2,
            atol=1e-8, rtol=1e-7, hint="every setting comes from group, at every step")
### END HIDDEN TESTS

# %% [markdown]
# Two hundred weights at each of seven sizes of gradient, all starting at 1. Their gradients are pure noise around 0, so
# nothing but the decay should move them on average. **Before you run the next cell:** with AdamW every weight should
# end at the same place. Which weights does Adam with $\lambda\theta$ in its gradient hardly decay?

# %% demo="decoupled" alt="Mean weight against size of gradient: level for AdamW, a steep rise for Adam with L2."
scales = torch.logspace(-2, 1, 7)
generator = torch.Generator().manual_seed(0)
figure, ax = plt.subplots(figsize=(7.5, 3.6), layout="constrained")
for optimizer_class, style, name in ((Adam, "o-", "Adam, λθ in the gradient"), (AdamW, "s--", "AdamW, decoupled")):
    weights = torch.ones(7, 200)
    optimizer = optimizer_class([weights], lr=0.005, weight_decay=0.2)
    for _ in range(400):
        weights.grad = scales[:, None] * torch.randn(7, 200, generator=generator)  # noise, mean 0
        optimizer.step()
    ax.plot(scales, weights.mean(1), style, color="black" if style == "o-" else "0.5", label=name)
ax.axhline((1 - 0.005 * 0.2) ** 400, color="0.7", linestyle=":", label="(1 − ηλ)⁴⁰⁰")
ax.set(title="What 400 steps of decay leave of a weight of 1", xlabel="size of the weight's gradients (deviation)",
       ylabel="mean weight left", xscale="log")
ax.legend()
plt.show()

# %% [markdown]
# One promise of weight decay is that it treats all weights alike. Inside Adam's gradient it does not keep it.
#
# ### Who should be decayed at all?
#
# Decay keeps matrices from growing. A bias or the gain of a normalisation is a single vector whose size has a meaning
# (a gain of 0 would switch its feature off), and decaying it gains little. The usual rule, written down by T. He et al.
# (2018, §3.1, "no bias decay"): the weights of linear layers and convolutions are decayed, biases and the parameters of
# normalisations are not. In code: tensors with two or more axes are, vectors and numbers are not. Frozen parameters
# belong in no group at all.
#
# **`decay_groups(model, weight_decay)`** ★★☆☆☆ · 5 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `model` | `nn.Module` | any model; some parameters may have `requires_grad=False` |
# | `weight_decay` | float | for those that are decayed |
# | result | list of two dicts | `[{"params": […], "weight_decay": weight_decay}, {"params": […], "weight_decay": 0.0}]`: first the decayed, then the others, each in the model's order |
#
# <details><summary>Hint 1</summary>One pass over <code>model.parameters()</code>, two lists.</details>
# <details><summary>Hint 2</summary>A tensor knows its number of axes: <code>p.ndim</code>. A name such as "bias" is no
# safe guide; modules may call their parameters anything.</details>
# <details><summary>Hint 3</summary>First keep only the parameters with <code>p.requires_grad</code>, then sort them by
# whether <code>p.ndim</code> is at least 2.</details>

# %% exercise="decay_groups" minutes=5 level=2
def decay_groups(model: nn.Module, weight_decay: float) -> list[dict]:
    """Two groups for an optimizer: trainable tensors with two or more axes, decayed, and the other trainable ones.

    Returns [{"params": [...], "weight_decay": weight_decay}, {"params": [...], "weight_decay": 0.0}].
    """
    ### BEGIN SOLUTION
    trained = [p for p in model.parameters() if p.requires_grad]
    return [{"params": [p for p in trained if p.ndim >= 2], "weight_decay": weight_decay},
            {"params": [p for p in trained if p.ndim < 2], "weight_decay": 0.0}]
    ### END SOLUTION


# %%
# Given: models to sort, the last with matrices, filters, vectors and a frozen layer.
def two_layers():
    """Two linear layers and a norm between them."""
    return nn.Sequential(nn.Linear(4, 3), nn.LayerNorm(3), nn.Linear(3, 2))


def two_filters():
    """A convolution and a norm."""
    return nn.Sequential(nn.Conv1d(2, 3, 4), nn.BatchNorm1d(3))


class Mixed(nn.Module):
    """Parameters of 1 to 4 axes, two of them frozen, with names that give nothing away."""

    def __init__(self, width=3):
        super().__init__()
        self.first = nn.Linear(4, width)
        self.norm = nn.LayerNorm(width)
        self.frozen = nn.Linear(width, 2).requires_grad_(False)
        self.image = nn.Conv2d(1, 2, 3)
        self.bias_table = nn.Embedding(5, width)
        self.temperature = nn.Parameter(torch.tensor([0.5]))
        self.weight_of_classes = nn.Parameter(torch.zeros(width))


def forms_of(groups):
    """For each group which of the two keys it has; for anything else the name of its type."""
    return [[key for key in ("params", "weight_decay") if key in group] if isinstance(group, dict)
            else type(group).__name__ for group in (groups if isinstance(groups, list | tuple) else [groups])]


def numbers_of(params):
    """All numbers of a list of parameters, end to end."""
    return torch.cat([p.detach().flatten() for p in params])


# %% check="decay_groups: matrices decay, vectors do not" points=1
groups = decay_groups(check.fill(two_layers()), 0.1)
check.equal(forms_of(groups), [["params", "weight_decay"], ["params", "weight_decay"]],
            hint="a list of two dicts, each with params and weight_decay; the second says 0.0 explicitly")
model = check.fill(two_layers())
expected = torch.cat([model[0].weight.detach().flatten(), model[2].weight.detach().flatten()])
check.close(numbers_of(groups[0]["params"]), expected, hint="the first group holds the two weight matrices, in order")
check.close(float(groups[0]["weight_decay"]), 0.1, hint="the first group's weight_decay is the one handed in")
expected_rest = torch.cat([model[0].bias.detach(), model[1].weight.detach(), model[1].bias.detach(),
                           model[2].bias.detach()])
check.close(numbers_of(groups[1]["params"]), expected_rest,
            hint="the second group holds the vectors, biases and the norm's gain, in the model's order")
check.close(float(groups[1]["weight_decay"]), 0.0, hint="the second group has weight_decay 0.0")
### BEGIN HIDDEN TESTS
more = decay_groups(check.fill(two_filters()), 0.7)
model2 = check.fill(two_filters())
check.close(numbers_of(more[0]["params"]), model2[0].weight.detach().flatten(), hint="two or more axes: filters too")
check.close(float(more[0]["weight_decay"]), 0.7, hint="the first group's weight_decay is the one handed in")
### END HIDDEN TESTS

# %% check="decay_groups: axes decide, not names; frozen ones are left out" points=1
groups = decay_groups(check.fill(Mixed()), 0.2)
mixed = check.fill(Mixed())
expected = torch.cat([mixed.first.weight.detach().flatten(), mixed.image.weight.detach().flatten(),
                      mixed.bias_table.weight.detach().flatten()])
check.close(numbers_of(groups[0]["params"]), expected,
            hint="decayed: first.weight, image.weight (4 axes), bias_table.weight; not the frozen layer")
expected_rest = torch.cat([mixed.temperature.detach().flatten(), mixed.weight_of_classes.detach(),
                           mixed.first.bias.detach(), mixed.norm.weight.detach(), mixed.norm.bias.detach(),
                           mixed.image.bias.detach()])
check.close(numbers_of(groups[1]["params"]), expected_rest,
            hint="not decayed: temperature, weight_of_classes and the biases and gain; nothing frozen")
### BEGIN HIDDEN TESTS
groups2 = decay_groups(check.fill(Mixed(6)), 0.2)
mixed2 = check.fill(Mixed(6))
expected2 = torch.cat([mixed2.first.weight.detach().flatten(), mixed2.image.weight.detach().flatten(),
                       mixed2.bias_table.weight.detach().flatten()])
check.close(numbers_of(groups2[0]["params"]), expected2, hint="trainable tensors with two or more axes, and only those")
### END HIDDEN TESTS

# %% [markdown]
# ## 5 · The learning rate over time
#
# With a fixed learning rate, noisy gradients keep the weights rattling around the minimum at a distance that grows with
# $\eta$. So one begins large, to get far, and ends small, to settle. Four shapes are in common use; each gives a
# *factor*, by which the peak learning rate is multiplied. After a warmup of $w$ steps, with $s$ = `step` − $w$:
#
# | `kind` | factor | |
# |---|---|---|
# | `"constant"` | $1$ | |
# | `"cosine"` | $f + (1 - f)\,\tfrac12\,(1 + \cos \pi\,\tfrac{s}{T - w})$ | from 1 to the floor $f$ at step $T$ = `total`, and $f$ from then on (Loshchilov and Hutter 2016, eq. 5) |
# | `"step"` | $\gamma^{\lfloor s / k \rfloor}$ | falls by the factor $\gamma$ = `gamma` after every $k$ = `every` steps |
# | `"exponential"` | $\gamma^{s}$ | falls by the factor $\gamma$ at each step |
#
# *Warmup* goes the other way, and comes first: for the first $w$ steps, `step` = 0, 1, … $w - 1$, the factor rises in
# a straight line, (step + 1) / $w$, whatever the kind. Goyal et al. (2017, §2.2) needed it for large batches, Vaswani
# et al. (2017, §5.3) for the first transformer. Why it helps is not fully settled: Liu et al. (2019) blame Adam's
# $v$, which rests on few gradients at first. An experiment below looks at it.
#
# **`schedule(step, kind, warmup=0, total=100, floor=0.0, every=30, gamma=0.1)`** ★★☆☆☆ · 10 minutes
#
# | | type | meaning |
# |---|---|---|
# | `step` | int | the number of steps taken so far: 0 before the first |
# | `kind` | str | one of the four; anything else is a `ValueError`, at any step, also during warmup |
# | `warmup` | int | w, steps of warmup; 0 for none |
# | `total` | int | T, the step at which the cosine reaches its floor; more than `warmup` |
# | `floor`, `every`, `gamma` | float, int, float | as in the table |
# | result | float | the factor |
#
# <details><summary>Hint 1</summary>After the check of <code>kind</code>, warmup: if <code>step</code> lies in it, you
# know the answer. For all that follows only s matters.</details>
# <details><summary>Hint 2</summary>The cosine formula rises again after T. Which quantity in it must not grow beyond
# 1?</details>
# <details><summary>Hint 3</summary><code>min((step - warmup) / (total - warmup), 1)</code> is the progress; math.cos
# takes radians. The integer part of a quotient is <code>//</code>.</details>

# %% exercise="schedule" minutes=10 level=2 forbid="torch.optim, torch.optim.lr_scheduler"
def schedule(step: int, kind: str, warmup: int = 0, total: int = 100, floor: float = 0.0, every: int = 30,
             gamma: float = 0.1) -> float:
    """The factor on the peak learning rate after `step` steps: a linear warmup, then one of four shapes.

    kind: "constant", "cosine", "step" or "exponential". Raises ValueError for any other.
    Cosine: Loshchilov and Hutter 2016, eq. 5. Warmup: Goyal et al. 2017, §2.2
    """
    ### BEGIN SOLUTION
    if kind not in ("constant", "cosine", "step", "exponential"):
        raise ValueError(f"no schedule is called {kind!r}")
    if step < warmup:
        return (step + 1) / warmup
    s = step - warmup
    if kind == "cosine":
        progress = min(s / (total - warmup), 1)
        return floor + (1 - floor) * (1 + math.cos(math.pi * progress)) / 2
    if kind == "constant":
        return 1.0
    return gamma ** (s // every if kind == "step" else s)
    ### END SOLUTION


# %%
# Given: a schedule as a list of numbers, yours and PyTorch's.
def factors(function, steps, *args, **settings):
    """A schedule's factors at steps 0 to steps - 1: (steps,) float64."""
    return torch.tensor([float(function(step, *args, **settings)) for step in range(steps)], dtype=torch.float64)


def pytorch_factors(scheduler_class, steps, warmup=0, **settings):
    """The same from a scheduler of PyTorch's: (steps,) float64. warmup: 0 or at least 2."""
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    scheduler = scheduler_class(optimizer, **settings)
    if warmup:
        rise = torch.optim.lr_scheduler.LinearLR(optimizer, 1 / warmup, total_iters=warmup - 1)
        scheduler = torch.optim.lr_scheduler.SequentialLR(optimizer, [rise, scheduler], [warmup])
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return torch.tensor(rates, dtype=torch.float64)


# %% check="schedule: a cosine from one to the floor, and not up again" points=2
expected = pytorch_factors(torch.optim.lr_scheduler.CosineAnnealingLR, 21, T_max=20, eta_min=0.1)
check.close(factors(schedule, 21, "cosine", total=20, floor=0.1), expected, atol=1e-9, rtol=1e-9,
            hint="from 1 at step 0 over half-way between 1 and floor at step total / 2 to floor at step total")
check.close(float(schedule(27, "cosine", total=20, floor=0.1)), 0.1, hint="after total it stays at the floor")
### BEGIN HIDDEN TESTS
expected2 = pytorch_factors(torch.optim.lr_scheduler.CosineAnnealingLR, 13, T_max=13, eta_min=0.0)
check.close(factors(schedule, 13, "cosine", total=13), expected2, atol=1e-9, rtol=1e-9,
            hint="the floor is 0 by default")
check.close(float(schedule(100, "cosine", total=51, floor=0.3)), 0.3, hint="after total it stays at the floor")
check.close(float(schedule(50, "cosine")), 0.5, hint="total is 100 by default, and half-way the cosine is at one half")
### END HIDDEN TESTS

# %% check="schedule: steps, exponential and constant" points=1
expected = pytorch_factors(torch.optim.lr_scheduler.StepLR, 14, step_size=4, gamma=0.5)
check.close(factors(schedule, 14, "step", every=4, gamma=0.5), expected, atol=1e-9, rtol=1e-9,
            hint="four steps at 1, four at 1/2, four at 1/4: gamma to the number of whole fours")
expected_decay = pytorch_factors(torch.optim.lr_scheduler.ExponentialLR, 10, gamma=0.8)
check.close(factors(schedule, 10, "exponential", gamma=0.8), expected_decay, atol=1e-9, rtol=1e-9,
            hint="1, 0.8, 0.64, …: gamma to the power of the step")
check.close(factors(schedule, 4, "constant"), torch.full((4,), 1.0).double(), hint="constant is 1 throughout")
### BEGIN HIDDEN TESTS
expected2 = pytorch_factors(torch.optim.lr_scheduler.StepLR, 25, step_size=7, gamma=0.3)
check.close(factors(schedule, 25, "step", every=7, gamma=0.3), expected2, atol=1e-9, rtol=1e-9,
            hint="every 7 steps the factor is multiplied by 0.3")
### END HIDDEN TESTS

# %% check="schedule: warmup comes first, then the shape from its beginning" points=2
expected = pytorch_factors(torch.optim.lr_scheduler.CosineAnnealingLR, 17, warmup=5, T_max=12)
check.close(factors(schedule, 17, "cosine", warmup=5, total=17), expected, atol=1e-9, rtol=1e-9,
            hint="1/5, 2/5, … 1 at steps 0 to 4; the cosine begins at step 5 with 1 and reaches its floor at total, 17")
expected_step = pytorch_factors(torch.optim.lr_scheduler.StepLR, 14, warmup=3, step_size=4, gamma=0.5)
check.close(factors(schedule, 14, "step", warmup=3, every=4, gamma=0.5), expected_step, atol=1e-9, rtol=1e-9,
            hint="1/3, 2/3, 1, and only then the steps of 4 begin to count")
### BEGIN HIDDEN TESTS
expected2 = pytorch_factors(torch.optim.lr_scheduler.ExponentialLR, 12, warmup=4, gamma=0.7)
check.close(factors(schedule, 12, "exponential", warmup=4, gamma=0.7), expected2, atol=1e-9, rtol=1e-9,
            hint="1/4, 2/4, 3/4, 1, and then 1, 0.7, 0.49, …")
check.close(factors(schedule, 6, "constant", warmup=4), torch.tensor([0.25, 0.5, 0.75, 1, 1, 1]).double(),
            hint="1/4, 2/4, 3/4, 1, and then constant")
expected3 = pytorch_factors(torch.optim.lr_scheduler.CosineAnnealingLR, 30, warmup=10, T_max=20, eta_min=0.2)
check.close(factors(schedule, 30, "cosine", warmup=10, total=30, floor=0.2), expected3, atol=1e-9, rtol=1e-9,
            hint="warmup over 10 steps, then from 1 to the floor over the 20 that remain")
### END HIDDEN TESTS

# %% check="schedule: an unknown kind is an error" points=1
check.raises(lambda: schedule(60, "cosin"), ValueError, hint="raise ValueError for a kind that is not in the table")
check.raises(lambda: schedule(1, "liner", warmup=5), ValueError, hint="also during warmup: a typo should show at once")
check.close(float(schedule(60, "step")), 0.01, hint="the defaults: every=30, gamma=0.1")
### BEGIN HIDDEN TESTS
check.raises(lambda: schedule(0, "Cosine"), ValueError, hint="the four names are written in small letters")
check.close(float(schedule(2, "exponential")), 0.01, hint="the defaults: gamma=0.1")
### END HIDDEN TESTS

# %% [markdown]
# The four kinds side by side, after the same warmup of 10 steps. **Before you run the next cell:** which two are still
# at their peak at step 35, and which one reaches a tenth of it and stays there?

# %% demo="schedules" alt="Line chart of four learning rate schedules after a warmup of 10 steps."
figure, ax = plt.subplots(figsize=(7.5, 3.4), layout="constrained")
shapes = {"constant": {}, "cosine": {"floor": 0.1}, "step": {"every": 30, "gamma": 0.4}, "exponential": {"gamma": 0.96}}
for (kind, settings), style in zip(shapes.items(), ("-", "--", "-.", ":"), strict=True):
    label = ", ".join([kind, *(f"{name} {value}" for name, value in settings.items())])
    ax.plot(factors(schedule, 120, kind, warmup=10, total=100, **settings), style, color="black", label=label)
ax.set(title="Four schedules after 10 steps of warmup (total 100)", xlabel="step", ylabel="factor on the learning rate")
ax.legend()
plt.show()

# %% [markdown]
# Now warmup itself. A network of twelve layers learns to read digits with your Adam, at four learning rates, with and
# without a warmup of 20 steps, three times each. Beside the loss we count the ReLUs that are 0 for every image, and so
# pass no gradient on. **Before you run the next cell:** at which learning rates do you expect a difference, small or
# large ones?

# %% demo="warmup" alt="Loss and share of silent ReLUs against learning rate, with and without warmup, three runs each."
from autograder import data

images, labels = data.load("digits")
images = torch.as_tensor(np.asarray(images), dtype=torch.float32).flatten(1) / 16  # (1797, 64), 0 to 1
labels = torch.as_tensor(np.asarray(labels))


def tower(depth=12, width=64, seed=0):
    """Linear layers and ReLUs from 64 pixels to 10 classes, with He's initial weights."""
    generator = torch.Generator().manual_seed(seed)
    sizes = [64] + [width] * (depth - 1) + [10]
    layers = []
    for inside, outside in zip(sizes, sizes[1:], strict=False):
        layers += [nn.Linear(inside, outside), nn.ReLU()]
        nn.init.kaiming_normal_(layers[-2].weight, nonlinearity="relu", generator=generator)
        nn.init.zeros_(layers[-2].bias)
    return nn.Sequential(*layers[:-1])


def train(model, optimizer, steps=150, warmup=0, seed=0):
    """The loss of each of some steps on digits, batches of 64."""
    generator, losses = torch.Generator().manual_seed(seed), []
    for step in range(steps):
        chosen = torch.randint(0, len(images), (64,), generator=generator)
        optimizer.scale_lr(schedule(step, "constant", warmup=warmup))
        optimizer.zero_grad()
        loss = cross_entropy(model(images[chosen]), labels[chosen])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@torch.no_grad()
def silent_share(model):
    """The share of a model's ReLUs that are 0 for every image."""
    x, silent = images, []
    for layer in model:
        x = layer(x)
        if isinstance(layer, nn.ReLU):
            silent.append((x.amax(0) == 0).float())  # (width,)
    return torch.cat(silent).mean().item()


rates = (0.003, 0.01, 0.02, 0.03)
figure, axes = plt.subplots(1, 2, figsize=(12, 3.6), layout="constrained")
for warmup, style, shade in ((0, "o-", "black"), (20, "s--", "0.55")):
    ends, silent = np.zeros((3, len(rates))), np.zeros((3, len(rates)))
    for seed in range(3):
        for place, lr in enumerate(rates):
            model = tower(seed=seed)
            losses = train(model, Adam(model.parameters(), lr=lr), steps=100, warmup=warmup, seed=seed)
            ends[seed, place], silent[seed, place] = np.mean(losses[-20:]), silent_share(model)
    for ax, values in zip(axes, (ends, silent), strict=True):
        ax.plot(rates, values.mean(0), style, color=shade, label=f"warmup of {warmup} steps" if warmup else "no warmup")
        ax.plot(rates, values.T, ".", color=shade)
    for lr, loss, share in zip(rates, ends.mean(0), silent.mean(0), strict=True):
        print(f"warmup {warmup:2}, lr {lr}: mean loss {loss:.2f}, silent ReLUs {share:.0%}")
axes[0].axhline(math.log(10), color="0.7", linestyle=":", label="guessing: log 10")
axes[0].set(title="Twelve layers after 100 steps (dots: single runs)", ylabel="loss of the last 20 steps [nats]")
axes[1].set(title="ReLUs that are 0 for every image", ylabel="share of all ReLUs", ylim=(0, 1))
for ax in axes:
    ax.set(xlabel="learning rate", xscale="log")
    ax.set_xticks(rates, [str(lr) for lr in rates])
    ax.minorticks_off()
axes[0].legend()
plt.show()

# %% [markdown]
# At the smallest learning rate the warmup only costs: its first steps are short, and nothing needed them to be. At the
# larger ones the first steps of full size move every weight by about $\eta$ at once (the first step of Adam, you
# remember, is $\eta$ in size for large and for tiny gradients), and throw half of the ReLUs to where no image reaches
# them. A silent ReLU passes no gradient back, and so mostly stays silent. Warmup moves that edge to a larger learning
# rate; it is no cure for one that is too large throughout.

# %% [markdown]
# ## 6 · A speed limit
#
# Losses have cliffs: places where the gradient is suddenly a hundred times as long. One such step can undo hours of
# training. Pascanu et al. (2012, Algorithm 1) propose a limit: where the gradient of *all* parameters together, as one
# long vector, is longer than allowed, shorten it to that length. Its direction stays.
#
# $$\lVert g \rVert = \sqrt{\sum_p \lVert g_p \rVert^2} \qquad
# g_p \leftarrow g_p \cdot \min\!\left(1, \frac{c}{\lVert g \rVert + 10^{-6}}\right)$$
#
# The $10^{-6}$ is PyTorch's, and keeps a division by zero away. Shortening each tensor by itself would change the
# direction; so would cutting single numbers off. One factor serves all.
#
# **`clip_grad_norm(params, max_norm)`** ★★☆☆☆ · 5 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `params` | tensors of any shapes | a list, or an iterator such as `model.parameters()`; some may have no gradient, at least one has |
# | `max_norm` | float | c, the longest gradient allowed |
# | result | scalar tensor | the norm of all gradients together, **before** clipping |
#
# The gradients are changed; the parameters are not.
#
# <details><summary>Hint 1</summary>First the list of all gradients that exist. An iterator can be walked through only
# once, so make the list first and use it twice.</details>
# <details><summary>Hint 2</summary>The norm of the list of norms is the norm of it all.</details>
# <details><summary>Hint 3</summary><code>g *= factor</code> changes a gradient where it lies. The factor is never above
# 1: short gradients stay as they are.</details>

# %% exercise="clip_grad_norm" minutes=5 level=2 forbid="torch.nn.utils.clip_grad_norm_, torch.nn.utils.clip_grad_norm, torch.nn.utils.clip_grads_with_norm_, torch.nn.utils.get_total_norm"
def clip_grad_norm(params, max_norm: float) -> Tensor:
    """Shorten the gradient of all parameters together to at most max_norm, in place.

    params: tensors, some without a gradient. Returns the norm before, a scalar. Pascanu et al. 2012, Algorithm 1
    """
    ### BEGIN SOLUTION
    grads = [p.grad for p in params if p.grad is not None]
    norm = torch.stack([g.norm() for g in grads]).norm()
    for g in grads:
        g *= min(max_norm / (norm + 1e-6), 1)
    return norm
    ### END SOLUTION


# %%
# Given: parameters with gradients to clip.
def with_grads(scale=1.0, seed=1):
    """Parameters (4, 3), (2,), (5,) and (1,), whose gradients have deviation `scale`; the second has none."""
    params = [torch.zeros(4, 3).double(), torch.zeros(2).double(), torch.zeros(5).double(), torch.zeros(1).double()]
    for number in (0, 2, 3):
        params[number].grad = scale * check.randn(*params[number].shape, seed=seed + number).double()
    return params


def grads_of(params):
    """All gradients, end to end."""
    return torch.cat([p.grad.flatten() for p in params if p.grad is not None])


# %% check="clip_grad_norm: one norm for all, returned as it was" points=1
params = with_grads(3.0)
expected = nn.utils.clip_grad_norm_(with_grads(3.0), 1e9)
norm = clip_grad_norm(params, 1e9)
check.close(norm, expected, atol=1e-9, rtol=1e-9,
            hint="the root of the sum of all squares over all gradients; a parameter without gradient is passed over")
### BEGIN HIDDEN TESTS
few = with_grads(20.0, seed=9)
expected2 = nn.utils.clip_grad_norm_(with_grads(20.0, seed=9), 0.5)
check.close(clip_grad_norm(few, 0.5), expected2, atol=1e-9, rtol=1e-9, hint="return the norm before clipping")
### END HIDDEN TESTS

# %% check="clip_grad_norm: a long gradient is shortened, its direction kept" points=2
params = with_grads(3.0)
theirs = with_grads(3.0)
expected_norm = nn.utils.clip_grad_norm_(theirs, 2.0)
expected = grads_of(theirs)
norm = clip_grad_norm(params, 2.0)
check.close(grads_of(params), expected, atol=1e-9, rtol=1e-9,
            hint="multiply all in place by one factor, max_norm / (norm + 1e-6); same six digits: 1e-6 is missing")
check.close(norm, expected_norm, atol=1e-9, rtol=1e-9,
            hint="return the norm from before the clipping, not the shortened one")
### BEGIN HIDDEN TESTS
tiny = with_grads(1e-4, seed=5)
theirs2 = with_grads(1e-4, seed=5)
nn.utils.clip_grad_norm_(theirs2, 1e-5)
expected2 = grads_of(theirs2)
norm2 = clip_grad_norm(tiny, 1e-5)
check.close(1e5 * grads_of(tiny), 1e5 * expected2, atol=1e-6, rtol=1e-6,
            hint="tiny gradients, and a tinier limit: max_norm / (norm + 1e-6)")
### END HIDDEN TESTS

# %% check="clip_grad_norm: a short gradient stays, an iterator will do" points=1
params = with_grads(0.1, seed=3)
grads = torch.cat([check.randn(4, 3, seed=3).flatten(), check.randn(5, seed=5), check.randn(1, seed=6)])
expected = 0.1 * grads.double()
norm = clip_grad_norm(params, 5.0)
check.close(grads_of(params), expected, atol=1e-7, rtol=1e-7, hint="norm below the limit: the factor is 1, never more")
once = with_grads(3.0, seed=4)
theirs = with_grads(3.0, seed=4)
nn.utils.clip_grad_norm_(theirs, 0.3)
expected_once = grads_of(theirs)
norm_once = clip_grad_norm(iter(once), 0.3)
check.close(grads_of(once), expected_once, atol=1e-9, rtol=1e-9,
            hint="if the check above passes: an iterator can be walked through only once; make a list first")

# %% [markdown]
# The network from before, now with SGD and momentum, and one damaged batch at step 60: its images are 40 times too
# bright. **Before you run the next cell:** clipping shortens the damaged gradient to the length of an ordinary one.
# Will the run with clipping notice the batch at all?

# %% demo="clipping" alt="Two charts: loss and gradient norm with a spike at step 60, with and without clipping."
figure, axes = plt.subplots(1, 2, figsize=(12, 3.6), layout="constrained")
for limit, style, shade in ((math.inf, "-", "black"), (1.0, "--", "0.5")):
    model = tower(depth=4, seed=1)
    optimizer, generator = SGD(model.parameters(), lr=0.05, momentum=0.9), torch.Generator().manual_seed(1)
    losses, norms = [], []
    for step in range(120):
        chosen = torch.randint(0, len(images), (64,), generator=generator)
        optimizer.zero_grad()
        loss = cross_entropy(model((40 if step == 60 else 1) * images[chosen]), labels[chosen])
        loss.backward()
        norms.append(clip_grad_norm(model.parameters(), limit).item())
        optimizer.step()
        losses.append(loss.item())
    name = f"clipped to {limit:g}" if limit < math.inf else "not clipped"
    axes[0].plot(losses, style, color=shade, label=name)
    axes[1].plot(norms, style, color=shade, label=name)
    print(f"{name}: mean loss of steps 40 to 59 {np.mean(losses[40:60]):.2f}, "
          f"of the last 20 {np.mean(losses[-20:]):.2f}")
axes[0].set(title="One damaged batch at step 60", xlabel="step", ylabel="loss [nats]", yscale="log")
axes[1].set(title="Norm of the gradient, before clipping", xlabel="step", ylabel="norm", yscale="log")
axes[0].legend()
plt.show()

# %% [markdown]
# Both see the spike at that one batch. What differs is what comes after it: without the limit the step throws the
# weights far away, the velocity carries them further, and tens of steps go into repairing the damage; with it the next
# batch is hardly worse than the one before. Clipping does not repair the batch; it bounds what a single batch can do.
# The limit of 1 also shortens many ordinary gradients here (right picture), which costs a little speed at first. The
# norm that the function returns is worth plotting in every training run: it is the first to tell of trouble.

# %% [markdown]
# ## 7 · Where to begin
#
# All this assumes that gradients arrive. Let one layer compute $y = Wx$ with `fan_in` inputs. If the weights are
# independent with mean 0, then $\operatorname{Var}(y_i) = \text{fan\_in} \cdot \operatorname{Var}(W) \cdot
# \overline{x^2}$, so each layer multiplies the mean square by $\text{fan\_in} \cdot \operatorname{Var}(W)$. Fifty layers
# raise that factor to the fiftieth power, and nothing but a factor of 1 survives that. A ReLU sets half of its inputs to zero and so halves the mean square; the weights have to
# make up for it (He et al. 2015, §2.2, eq. 10):
#
# $$\operatorname{Var}(W) = \frac{2}{\text{fan\_in}} \qquad\text{in general}\qquad
# \text{deviation} = \frac{\text{gain}}{\sqrt{\text{fan\_in}}}, \quad \text{gain} = \sqrt 2 \text{ for ReLU}, \ 1
# \text{ without a non-linearity}$$
#
# (The first author is Kaiming He; PyTorch names the method after his given name.) `fan_in` counts how many numbers
# enter one output. In PyTorch a linear layer's weight is (outputs, inputs); a convolution's is (outputs, channels,
# height, width), and each output reads channels × height × width numbers.
#
# **`kaiming_init(weight, gain=2**0.5, generator=None)`** ★★☆☆☆ · 5 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `weight` | (outputs, …) | filled **in place** with normal numbers, mean 0; it may be a parameter of a layer |
# | `gain` | float | √2 for a ReLU network |
# | `generator` | `torch.Generator` or None | where the random numbers come from |
# | result | `weight` itself | |
#
# <details><summary>Hint 1</summary>How many numbers does one output's slice, <code>weight[0]</code>, hold?</details>
# <details><summary>Hint 2</summary>PyTorch refuses to overwrite a parameter while gradients are recorded:
# <code>with torch.no_grad():</code>.</details>
# <details><summary>Hint 3</summary><code>weight.normal_(0, deviation, generator=generator)</code> fills it. Its second
# argument is the standard deviation, not the variance.</details>

# %% exercise="kaiming_init" minutes=5 level=2 forbid="torch.nn.init, torch.nn.init.kaiming_normal_, torch.nn.init.kaiming_normal, torch.nn.init.kaiming_uniform_, torch.nn.init.xavier_normal_"
def kaiming_init(weight: Tensor, gain: float = 2**0.5, generator: torch.Generator | None = None) -> Tensor:
    """Fill a weight in place with normal numbers of mean 0 and deviation gain / root of fan_in, and return it.

    weight: (outputs, …); fan_in is the size of one output's slice. He et al. 2015, §2.2, eq. 10
    """
    ### BEGIN SOLUTION
    fan_in = weight[0].numel()
    with torch.no_grad():
        return weight.normal_(0, gain / math.sqrt(fan_in), generator=generator)
    ### END SOLUTION


# %% check="kaiming_init: the deviation keeps the signal's size" points=2
weight = kaiming_init(torch.zeros(800, 50), generator=torch.Generator().manual_seed(1))
check.shape(weight, (800, 50), hint="return the weight itself")
check.close(weight.std(), torch.tensor(0.2), atol=0.004,
            hint="a weight (800, 50) has fan_in 50 (inputs come second): deviation √2 / √50 = 0.2, variance 0.04")
check.close(weight.mean(), torch.tensor(0.0), atol=0.005, hint="the mean is 0")
check.close((weight.abs() > 0.4).double().mean(), torch.tensor(0.0455).double(), atol=0.006,
            hint="normal numbers: about one in 22 is more than two deviations away (of uniform ones, none)")
### BEGIN HIDDEN TESTS
wide = kaiming_init(torch.zeros(40, 1800).double(), generator=torch.Generator().manual_seed(2))
check.close(wide.std(), torch.tensor(1 / 30).double(), atol=0.0007, hint="fan_in 1800: deviation √2 / √1800 = 1/30")
### END HIDDEN TESTS

# %% check="kaiming_init: gain, and the fan of a convolution" points=1
linear = kaiming_init(torch.zeros(900, 25), gain=1.0, generator=torch.Generator().manual_seed(3))
check.shape(linear, (900, 25), hint="return the weight itself")
check.close(linear.std(), torch.tensor(0.2), atol=0.004, hint="gain 1, fan_in 25: deviation 1 / √25 = 0.2")
filters = kaiming_init(torch.zeros(300, 8, 5, 5), generator=torch.Generator().manual_seed(4))
check.close(filters.std(), torch.tensor(0.1), atol=0.002,
            hint="filters (300, 8, 5, 5): each output reads 8 · 5 · 5 = 200 numbers")
### BEGIN HIDDEN TESTS
line = kaiming_init(torch.zeros(500, 4, 9), gain=5 / 3, generator=torch.Generator().manual_seed(5))
check.close(line.std(), torch.tensor(5 / 18), atol=0.006, hint="gain 5/3, fan_in 4 · 9: deviation 5/3 / 6")
single = kaiming_init(torch.zeros(1, 3200), generator=torch.Generator().manual_seed(7))
check.close(single.std(), torch.tensor(0.025), atol=0.0015, hint="a single output of 3200 inputs: √2 / √3200 = 0.025")
### END HIDDEN TESTS

# %% check="kaiming_init: in place, also a layer's parameter, from the generator" points=1
layer = check.fill(nn.Linear(100, 700))
again = check.fill(nn.Linear(100, 700))
result = kaiming_init(layer.weight, generator=torch.Generator().manual_seed(6))
result_again = kaiming_init(again.weight, generator=torch.Generator().manual_seed(6))
check.close(layer.weight.std().detach(), torch.tensor(0.02).sqrt(), atol=0.003,
            hint="the layer's own weight has deviation √2 / √100 afterwards: fill it in place")
check.shape(result, (700, 100), hint="return the weight itself")
check.same(layer.weight.detach(), result.detach(), hint="return the weight itself")
check.same(result.detach(), result_again.detach(), hint="the same generator, the same numbers: hand generator on")
check.equal(result.requires_grad, True, hint="return the weight itself: it stays a parameter that is trained")
### BEGIN HIDDEN TESTS
check.close(again.weight.std().detach(), torch.tensor(0.02).sqrt(), atol=0.003, hint="fill the weight in place")
free = kaiming_init(torch.zeros(800, 50))
check.close(free.std(), torch.tensor(0.2), atol=0.004, hint="without a generator it works too")
### END HIDDEN TESTS

# %% [markdown]
# Fifty layers of width 256 with ReLUs, random inputs, four choices of the gain. **Before you run the next cell:** a
# gain of 1 is too small by a factor of $\sqrt 2$. What is left of the signal after 50 layers of that?

# %% demo="depth" alt="Log charts of the activations' and gradients' size by layer for four gains; only √2 stays level."
figure, axes = plt.subplots(1, 2, figsize=(12, 3.8), layout="constrained")
for gain, style in ((1.2, ":"), (1.0, "--"), (math.sqrt(2), "-"), (1.7, "-.")):
    generator = torch.Generator().manual_seed(0)
    signal, signals = torch.randn(128, 256, generator=generator), []
    for _ in range(50):
        weight = kaiming_init(torch.empty(256, 256), gain, generator).requires_grad_()
        signal = F.relu(signal @ weight.T)  # (128, 256)
        signal.retain_grad()
        signals.append(signal)
    signal.sum().backward()
    forward, backward = [s.std().item() for s in signals], [s.grad.norm().item() for s in signals]
    for ax, sizes in zip(axes, (forward, backward), strict=True):
        ax.plot(range(1, 51), sizes, style, color="black", label="√2" if gain == math.sqrt(2) else f"{gain}")
    print(f"gain {gain:.2f}: deviation {signals[0].std():.2g} after layer 1, {signals[-1].std():.2g} after layer 50")
axes[0].set(title="Forward: size of the activations", xlabel="layer", ylabel="standard deviation", yscale="log")
axes[1].set(title="Backward: size of the gradient", xlabel="layer", ylabel="norm", yscale="log")
axes[0].legend(title="gain")
plt.show()

# %% [markdown]
# A gain that is off by a sixth changes the signal by a factor of thousands over fifty layers, and the gradient by as
# much on its way back. This is why depth was so hard before anyone did this computation. Normalisation layers
# and residual connections (see the later notebook *layer_norm_comparison*) later took most of the weight off the initial numbers.

# %% [markdown]
# ## 8 · Optional: an optimizer for matrices
#
# *Nothing later needs this section; the recap follows it.*
#
# Adam treats a matrix as so many single numbers. But a layer *acts* as a matrix, and its gradient is usually dominated
# by a few directions: a few large singular values, the rest tiny. Muon (Jordan et al. 2024) takes the momentum $M$,
# with singular value decomposition $M = U \Sigma V^\top$, and steps along $U V^\top$: all directions that occur at all
# get the same length. It keeps the directions and forgets the sizes, as Adam's first step does with single numbers.
#
# A singular value decomposition at each step would cost too much. Five rounds of a polynomial do nearly the same. Make
# the norm of $X$ at most 1, then repeat
#
# $$A = X X^\top \qquad X \leftarrow a X + (b A + c A A) X \qquad (a, b, c) = (3.4445,\ -4.7750,\ 2.0315)$$
#
# Each round maps every singular value $s$ to $a s + b s^3 + c s^5$ and leaves $U$ and $V$ alone. The coefficients push
# small values up fast; the result wobbles around 1 instead of reaching it, and training does not mind. $A$ is a square
# of the rows' length, so a matrix that is taller than wide is better turned on its side first and back afterwards: the
# result is the same, the products are smaller.
#
# Muon's momentum, here as in PyTorch, is an average, and looks one step ahead (Nesterov):
#
# $$m \leftarrow \mu m + (1 - \mu) g \qquad u = (1 - \mu) g + \mu m$$
#
# $$\theta \leftarrow \theta - \eta\lambda\theta \qquad \text{then} \qquad
# \theta \leftarrow \theta - \eta \sqrt{\max(1, \tfrac{\text{rows}}{\text{columns}})}\ \text{orthogonalize}(u)$$
#
# **`Muon(params, lr=0.02, momentum=0.95, weight_decay=0.0)`**, for matrices only; you write `orthogonalize(x)` and
# `update`. ★★★☆☆ · 15 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `x` | (rows, columns) | any matrix; first divided by its norm (the root of the sum of squares) plus $10^{-7}$ |
# | result | (rows, columns) | after five rounds |
# | `p`, `g` | (rows, columns) | parameter, to be changed in place; its gradient, not to be changed |
#
# <details><summary>Hint 1</summary>Translate the formulas line by line; none needs more than one line.</details>
# <details><summary>Hint 2</summary><code>x.norm()</code> of a matrix is the root of the sum of squares. It is at least
# as large as the largest singular value, so after the division none is above 1.</details>
# <details><summary>Hint 3</summary>In <code>update</code>: the average in <code>state</code>, then the look ahead,
# which is not kept, then shrink, then step. Rows and columns are <code>p.shape</code>.</details>

# %% exercise="Muon" minutes=15 level=3 forbid="torch.optim, torch.optim.Muon, torch.linalg.svd, torch.svd, torch.linalg.polar, orthogonal_by_svd, MuonBySVD"
def orthogonalize(x: Tensor) -> Tensor:
    """Bring all singular values of a matrix near 1: five rounds of a polynomial. Jordan et al. 2024

    x: (rows, columns). Returns the same shape.
    """
    ### BEGIN SOLUTION
    if x.shape[0] > x.shape[1]:  # the same numbers from smaller products: A has the shorter side
        return orthogonalize(x.T).T
    x = x / (x.norm() + 1e-7)
    for _ in range(5):
        a = x @ x.T  # (rows, rows)
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x
    ### END SOLUTION


class Muon(Optimizer):
    """Momentum, orthogonalized: for matrices. Jordan et al. 2024; decay and scale as in PyTorch."""

    def __init__(self, params, lr: float = 0.02, momentum: float = 0.95, weight_decay: float = 0.0) -> None:
        super().__init__(params, lr=lr, momentum=momentum, weight_decay=weight_decay)

    def update(self, p: Tensor, g: Tensor, state: dict, group: dict) -> None:
        """Change p in place by one step. p, g: (rows, columns). group: lr, momentum, weight_decay."""
        ### BEGIN SOLUTION
        mu, lr = group["momentum"], group["lr"]
        state["m"] = mu * state.get("m", 0) + (1 - mu) * g
        ahead = (1 - mu) * g + mu * state["m"]
        p -= lr * group["weight_decay"] * p
        p -= lr * max(1, p.shape[0] / p.shape[1]) ** 0.5 * orthogonalize(ahead)
        ### END SOLUTION


# %%
# Given: the same by singular value decomposition, exact and slow, and a walk of two matrices.
def orthogonal_by_svd(x, rounds=5):
    """What `orthogonalize` should return: the polynomial on the singular values themselves."""
    u, s, v = torch.linalg.svd(x, full_matrices=False)
    s = s / (s.square().sum().sqrt() + 1e-7)
    for _ in range(rounds):
        s = 3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5
    return u @ torch.diag(s) @ v


class MuonBySVD:
    """What `Muon` should do. The look ahead is the step that PyTorch's SGD takes with Nesterov's momentum."""

    def __init__(self, params, lr, momentum=0.95, weight_decay=0.0):
        self.params, self.lr, self.shrink = params, lr, 1 - lr * weight_decay
        self.steps = [torch.zeros_like(p) for p in params]
        self.sgd = torch.optim.SGD(self.steps, lr=1 - momentum, momentum=momentum, nesterov=True)

    def step(self):
        for p, step in zip(self.params, self.steps, strict=True):
            step.zero_().grad = p.grad
        self.sgd.step()
        for p, step in zip(self.params, self.steps, strict=True):
            p *= self.shrink
            p += self.lr * max(1, len(p) / len(p.T)) ** 0.5 * orthogonal_by_svd(step)


def follow_matrices(make, steps=1, **settings):
    """Where an optimizer leads matrices (6, 3) and (2, 5): (steps, 28), float64. Gradients are fixed in advance."""
    params, places = [check.randn(6, 3, seed=1).double(), check.randn(2, 5, seed=2).double()], []
    optimizer = make(params, **settings)
    for step in range(steps):
        for number, p in enumerate(params):
            p.grad = check.randn(*p.shape, seed=10 * step + number + 7).double()
        optimizer.step()
        places.append(torch.cat([p.flatten() for p in params]))
    return torch.stack(places)


# %% check="Muon: orthogonalize brings the singular values near one" points=1
x = check.randn(4, 6, seed=1).double()
expected = orthogonal_by_svd(check.randn(4, 6, seed=1).double())
check.close(orthogonalize(x), expected, atol=1e-7, rtol=1e-7,
            hint="divide by the norm + 1e-7, then five times X ← a X + (b A + c A A) X with A = X Xᵀ")
tall = check.randn(7, 2, seed=2).double()
check.close(orthogonalize(tall), orthogonal_by_svd(check.randn(7, 2, seed=2).double()), atol=1e-7, rtol=1e-7,
            hint="a tall matrix: A = X Xᵀ is (rows, rows) and stands to the left of X")
square = check.randn(5, 5, seed=4).double()
check.close(orthogonalize(square), orthogonal_by_svd(check.randn(5, 5, seed=4).double()), atol=1e-7, rtol=1e-7,
            hint="a square matrix is like any other; one that turns matrices on their side must stop turning somewhere")
### BEGIN HIDDEN TESTS
small = (1e-5 * check.randn(3, 5, seed=3)).double()
check.close(orthogonalize(small), orthogonal_by_svd((1e-5 * check.randn(3, 5, seed=3)).double()), atol=1e-6, rtol=1e-6,
            hint="a tiny matrix: divide by its norm + 1e-7")
### END HIDDEN TESTS

# %% check="Muon: momentum, look ahead, decay and scale as PyTorch's" points=2
first = follow_matrices(MuonBySVD, 1, lr=0.5)
check.close(follow_matrices(Muon, 1, lr=0.5), first, atol=1e-6, rtol=1e-6,
            hint="numbers 0-17 are a (6, 3) matrix, whose step is √2 times as long; the (2, 5) is not scaled")
steps = follow_matrices(MuonBySVD, 4, lr=0.5, momentum=0.6)
check.close(follow_matrices(Muon, 4, lr=0.5, momentum=0.6), steps, atol=1e-6, rtol=1e-6,
            hint="the first step is right: m is an average and is kept; u looks ahead, takes the step, and is not kept")
decayed = follow_matrices(MuonBySVD, 4, lr=0.3, momentum=0.7, weight_decay=0.4)
check.close(follow_matrices(Muon, 4, lr=0.3, momentum=0.7, weight_decay=0.4), decayed, atol=1e-6, rtol=1e-6,
            hint="right without decay: θ first shrinks by lr · weight_decay · θ, which the root does not scale")
expected = follow_matrices(torch.optim.Muon, 3, lr=1.0, momentum=0.6, weight_decay=0.2)
check.close(follow_matrices(Muon, 3, lr=1.0, momentum=0.6, weight_decay=0.2), expected, atol=0.06, rtol=0.02,
            hint="near PyTorch's own Muon, which computes in rough numbers (bfloat16)")
### BEGIN HIDDEN TESTS
exact2 = follow_matrices(MuonBySVD, 20, lr=0.5, momentum=0.35, weight_decay=0.9)
check.close(follow_matrices(Muon, 20, lr=0.5, momentum=0.35, weight_decay=0.9), exact2, atol=1e-6, rtol=1e-6,
            hint="m is kept, u is not; only the step is scaled, by the root of the maximum of 1 and rows / columns")
exact3 = follow_matrices(MuonBySVD, 3, lr=0.02)
check.close(follow_matrices(Muon, 3), exact3, atol=1e-6, rtol=1e-6, hint="the defaults: lr 0.02, momentum 0.95")
### END HIDDEN TESTS

# %% [markdown]
# The gradient of a layer of the digit network before and after `orthogonalize`. Then the four optimizers on that
# network, each at the best of four learning rates for it (Muon for the hidden matrices, AdamW for the rest, as is
# usual). **Before you run the next cell:** how many of the 64 directions carry most of the gradient?

# %% demo="muon" alt="Singular values before and after orthogonalizing, and training loss of SGD, Adam, AdamW and Muon."
figure, axes = plt.subplots(1, 2, figsize=(12, 3.8), layout="constrained")
model = tower(depth=6, seed=0)
cross_entropy(model(images[:256]), labels[:256]).backward()
gradient = model[4].weight.grad
before, after = (torch.linalg.svdvals(matrix) for matrix in (gradient / gradient.norm(), orthogonalize(gradient)))
axes[0].semilogy(range(1, 65), before, ".-", color="0.5", label="gradient, norm 1")
axes[0].semilogy(range(1, 65), after, "s-", color="black", markersize=3, label="orthogonalized")
axes[0].set(title="Singular values of one layer's gradient", xlabel="direction", ylabel="singular value",
            ylim=(1e-5, 3))
axes[0].legend()


class Together:
    """Several optimizers in one."""

    def __init__(self, *optimizers):
        self.optimizers = optimizers

    def scale_lr(self, factor):
        for optimizer in self.optimizers:
            optimizer.scale_lr(factor)

    def zero_grad(self):
        for optimizer in self.optimizers:
            optimizer.zero_grad()

    def step(self):
        for optimizer in self.optimizers:
            optimizer.step()


def with_muon(model, lr):
    hidden = [layer.weight for layer in model[2:-1] if isinstance(layer, nn.Linear)]
    chosen = {id(p) for p in hidden}
    rest = [p for p in model.parameters() if id(p) not in chosen]
    return Together(Muon(hidden, lr=lr), AdamW(rest, lr=0.003))


makers = {"SGD, momentum 0.9": (lambda m, lr: SGD(m.parameters(), lr=lr, momentum=0.9), (0.01, 0.03, 0.1, 0.2)),
          "Adam": (lambda m, lr: Adam(m.parameters(), lr=lr), (0.001, 0.003, 0.006, 0.01)),
          "AdamW": (lambda m, lr: AdamW(decay_groups(m, 0.1), lr=lr), (0.001, 0.003, 0.006, 0.01)),
          "Muon and AdamW": (with_muon, (0.01, 0.02, 0.05, 0.1))}
for (name, (make, rates)), style in zip(makers.items(), (":", "--", "-.", "-"), strict=True):
    runs = {}
    for lr in rates:
        model = tower(depth=6, seed=0)
        runs[lr] = train(model, make(model, lr))
    best = min(runs, key=lambda lr: np.mean(runs[lr][-30:]))
    smooth = np.convolve(runs[best], np.ones(10) / 10, "valid")
    axes[1].plot(np.arange(len(smooth)) + 9, smooth, style, color="black", label=f"{name}, lr {best}")
    print(f"{name}: best lr {best}, mean loss of the last 30 steps {np.mean(runs[best][-30:]):.3f}")
axes[1].set(title="Digits, six layers", xlabel="step", ylabel="loss, mean of 10 [nats]", yscale="log")
axes[1].legend()
plt.show()

# %% [markdown]
# This is one small network, one seed and 150 steps: enough to see that all four work, not enough to rank them. What
# carries over is the picture on the left: a raw gradient pushes a few directions and leaves the others nearly alone;
# five rounds lift most of them to the same height.

# %% [markdown]
# ## Recap
#
# - Cross-entropy is log-sum-exp minus the true logit; take the largest logit out, and never take the log of a softmax.
# - Momentum lets gradients that agree add up and those that contradict each other cancel.
# - Adam divides a running average of $g$ by the root of one of $g^2$. Both start at 0; the correction makes the first
#   step as large as the learning rate, neither more nor less.
# - Decay inside Adam's gradient is divided away where gradients are large. AdamW shrinks the weights directly; vectors
#   are usually spared.
# - Warmup, then a slow descent. Warmup matters where the learning rate is large.
# - Clipping bounds the length of the whole gradient, keeps its direction, and reports its norm.
# - The first weights have deviation gain / √fan_in, or the signal dies or explodes with depth.
#
# Next: *convolutions*, where networks get deep enough for all of this to matter.

# %% [markdown]
# ## A question in words
#
# A friend trains a network with Adam: `weight_decay=0.1`, betas (0.9, 0.999), learning rate 0.01 from the first step.
# Within the first fifty steps the loss shoots up. The friend suspects the missing warmup, and adds a clipping of the
# gradient's norm to 1. It does not help: the loss shoots up just the same.
#
# In six to ten sentences: (a) why does clipping a gradient do so little to Adam's steps, and in which case would it
# still help? (b) What does warmup change in those fifty steps that clipping does not? (c) The friend says: "With weight
# decay 0.1 all my weights shrink alike." In which of this notebook's optimizers is that true, and what happens in the
# friend's?

# %% [markdown] essay="clip-and-warmup" points=3
# **(a)** Adam divides the average of the gradients by the root of the average of their squares. Multiply all gradients
# by the same factor and the ratio stays as it is; its steps are about lr in size however short the gradients are. If
# nearly every gradient is longer than 1 and is shortened, both averages shrink with them and the steps hardly change.
# Clipping still helps against a *single* outlier: it would enter m at once and could give a large step, and it would
# stay in v for about 1000 steps and make all steps too short. *(1 point: scale cancels in m / √v; an isolated spike is
# the case in which it helps.)*
#
# **(b)** Warmup scales the step itself, after the division, where no normalisation undoes it. In the first steps m and
# v rest on a handful of gradients, so the ratio is noisy and near ±1 for most weights: every weight moves by about lr
# per step, all at once, while the curvature is still large. Small steps at first let v settle and the network move to a
# region where lr = 0.01 is bearable. *(1 point: warmup scales the step, early Adam steps are of size lr for nearly all
# weights and rest on few gradients.)*
#
# **(c)** It is true of AdamW (and of the optional Muon), where each weight shrinks by the factor 1 − lr·λ, and of SGD,
# where the decay is part of the gradient but nothing divides it. In Adam λθ is added to the gradient and divided by √v
# with it. Weights with large gradients are hardly decayed, weights with small ones strongly. *(1 point: names AdamW,
# SGD or both, and the division of the decay by √v in Adam.)*

# %% [markdown]
# ## Sources
#
# - Robbins, Monro 1951. *A Stochastic Approximation Method.* Annals of Mathematical Statistics 22.
# - Polyak 1964. *Some methods of speeding up the convergence of iteration methods.* USSR Computational Mathematics and
#   Mathematical Physics 4. Momentum.
# - Glorot, Bengio 2010. *Understanding the difficulty of training deep feedforward neural networks.* AISTATS 2010.
# - Duchi, Hazan, Singer 2011. *Adaptive Subgradient Methods for Online Learning and Stochastic Optimization.* Journal
#   of Machine Learning Research 12. AdaGrad.
# - Pascanu, Mikolov, Bengio 2012. *On the difficulty of training Recurrent Neural Networks.* ICML 2013, arXiv
#   1211.5063. Algorithm 1: clipping by the norm.
# - Sutskever, Martens, Dahl, Hinton 2013. *On the importance of initialization and momentum in deep learning.* ICML
#   2013. §2 momentum.
# - Kingma, Ba 2014. *Adam: A Method for Stochastic Optimization.* ICLR 2015, arXiv 1412.6980. Algorithm 1, §2.1 size of
#   the steps, §3 bias correction.
# - He, Zhang, Ren, Sun 2015. *Delving Deep into Rectifiers.* ICCV 2015, arXiv 1502.01852. §2.2, eq. 10.
# - Loshchilov, Hutter 2016. *SGDR: Stochastic Gradient Descent with Warm Restarts.* ICLR 2017, arXiv 1608.03983. Eq. 5.
# - Goyal et al. 2017. *Accurate, Large Minibatch SGD: Training ImageNet in 1 Hour.* arXiv 1706.02677. §2.2 warmup.
# - Vaswani et al. 2017. *Attention Is All You Need.* NeurIPS 2017, arXiv 1706.03762. §5.3.
# - Loshchilov, Hutter 2017. *Decoupled Weight Decay Regularization.* ICLR 2019, arXiv 1711.05101. §2, Algorithm 2.
# - T. He et al. 2018. *Bag of Tricks for Image Classification with Convolutional Neural Networks.* CVPR 2019, arXiv
#   1812.01187. §3.1.
# - Liu et al. 2019. *On the Variance of the Adaptive Learning Rate and Beyond.* ICLR 2020, arXiv 1908.03265.
# - Brown et al. 2020. *Language Models are Few-Shot Learners.* NeurIPS 2020, arXiv 2005.14165. Appendix B.
# - Touvron et al. 2023. *LLaMA: Open and Efficient Foundation Language Models.* arXiv 2302.13971. §2.3.
# - Jordan et al. 2024. *Muon: An optimizer for hidden layers in neural networks.*
#   https://kellerjordan.github.io/posts/muon/
# - PyTorch documentation of `torch.optim`, `torch.optim.lr_scheduler`, `torch.nn.utils.clip_grad_norm_` and
#   `torch.nn.init`.
