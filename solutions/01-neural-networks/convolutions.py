# %% [markdown]
# # Convolutions
#
# ## What you will build
#
# The parts of an image network: `conv2d`, which looks for the same small pattern everywhere; `max_pool2d`, which keeps
# that a pattern was there and forgets where exactly; `receptive_field`, which says how far such a network can see;
# `dropout`, which makes it harder to learn by heart; and `ResidualBlock`, the shortcut without which today's models
# could not be deep. `conv2d` and `max_pool2d` are checked against PyTorch's own. About an hour.
#
# ## When it was invented, and why it matters
#
# Fukushima (1980) built a network, the neocognitron, whose units look at small patches and repeat the same feature
# detector all over the image. LeCun et al. (1989) trained such a network by backpropagation on handwritten zip codes,
# and LeNet-5 (LeCun et al. 1998, §II) had the form that you build here: convolution, pooling, convolution, pooling,
# and a few ordinary layers on top. For years it remained a method for digits. In 2012 Krizhevsky et al. trained a much
# larger one on 1.2 million labelled photographs and won the ImageNet contest with a top-5 error of 15.3%; the second
# best entry had 26.2%.
#
# Then networks became deeper: 8 layers in 2012, 19 in 2014 (Simonyan and Zisserman), 152 in 2015 (He et al.). The step
# that made the last jump possible is a single addition, $y = x + F(x)$. Every transformer layer contains it twice. So
# this notebook is about images, but its last part is in every language model that you will build.
#
# ## Prerequisites
#
# *optimizers*: `cross_entropy`, `Adam` and `kaiming_init`, which you wrote there, train the networks here.
#
# Letters: `B` images in a batch, `C` channels, `H` and `W` height and width in pixels; `O` filters, which become the
# channels of the output; `kh` and `kw` the height and width of a filter.

# %%
import math

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from autograder import check
from autograder.parts.optimizers import Adam, cross_entropy, kaiming_init

sns.set_theme(style="whitegrid", context="notebook")
torch.set_num_threads(1)  # the models here are small: one thread is about as fast, and far steadier

# %% [markdown]
# ## 1 · The same small question everywhere
#
# An image is a table of numbers with a *location*, row and column, and at each location one or more *channels*: one for
# grey, three for red, green and blue, and later, inside the network, one for each pattern that was looked for. A linear
# layer would treat all of that as one long vector. It has a weight of its own for each pair of pixel and output, and
# what it learns about a collar in the upper left corner tells it nothing about a collar two pixels further down.
#
# Two observations about images save nearly all of these weights (LeCun et al. 1998, §II.A). What belongs together lies
# together, so one output needs to see a small patch only: *local receptive fields*. And what is worth looking for here
# is worth looking for there: *shared weights*. What remains is a small table of weights, a *filter*, which is laid
# over each patch in turn; the sum of the products is the output at that place:
#
# $$y_{b,o,i,j} = \text{bias}_o + \sum_{c}\sum_{u}\sum_{v} w_{o,c,u,v} \; x_{b,\,c,\,s i + u,\,s j + v}$$
#
# The first layer of LeNet-5 has six filters of 5 × 5 weights and one bias each. These 156 parameters do the work of
# 122,304 connections (LeCun et al. 1998, §II.B).
#
# Three things to note. A filter reaches through *all* channels: it has a table for each, and adds up what they give.
# The *stride* $s$ is the step from one patch to the next; a stride of 2 about halves height and width. And since a
# 3 × 3 patch cannot be centred on a border pixel, the output shrinks, unless the image is first surrounded by a *padding* of
# $p$ rows and columns of zeros on each of its four sides. The output then has
#
# $$H_{out} = \left\lfloor \frac{H + 2p - kh}{s} \right\rfloor + 1 \qquad
# W_{out} = \left\lfloor \frac{W + 2p - kw}{s} \right\rfloor + 1$$
#
# (In mathematics a convolution turns the filter upside down first; what is computed here, and in all libraries, is
# called cross-correlation there. Since filters are learned, it makes no difference.)
#
# The shortest way to compute it makes the patches an axis of their own. `x.unfold(dimension, size, step)` cuts a
# dimension into overlapping pieces and puts what is inside the pieces in a new last axis, without copying anything:
# for `x = torch.arange(5)`, `x.unfold(0, 3, 1)` is `[[0, 1, 2], [1, 2, 3], [2, 3, 4]]`. Every patch then meets every
# filter in one big product. Libraries have done it in this way for a long time, because matrix products are what
# processors are best at (Chellapilla et al. 2006).
#
# **Before you write it:** a grey image of 28 × 28 pixels and 16 filters of 5 × 5, stride 1, no padding. Which shape has
# the output, and how many weights and biases has the layer?
#
# **`conv2d(x, weight, bias=None, stride=1, padding=0)`** ★★★☆☆ · 15 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `x` | (B, C, H, W) | images, or what an earlier layer made of them |
# | `weight` | (O, C, kh, kw) | one filter per output channel; kh and kw may differ |
# | `bias` | (O,) or None | added to each output channel |
# | `stride` | int | step from patch to patch, in both directions |
# | `padding` | int | rows and columns of zeros added on each of the four sides |
# | result | (B, O, H_out, W_out) | gradients pass through to `x`, `weight` and `bias` |
#
# PyTorch's finished convolutions are not allowed. `F.pad` and `F.unfold` are; `F.pad(x, (1, 1, 2, 2))` adds one column
# on the left and right and two rows above and below.
#
# <details><summary>Hint 1</summary>Pad first. Then make the windows: unfold the axis of the rows, then the axis of the
# columns. Print the shape after each.</details>
# <details><summary>Hint 2</summary>The windows have shape (B, C, H_out, W_out, kh, kw). The sum runs over c, u and v,
# which are axes 1, 4 and 5 of the windows and axes 1, 2 and 3 of the weight. Which axes remain, and in which order
# should they come?</details>
# <details><summary>Hint 3</summary><code>torch.einsum</code> says it in one line: give each axis a letter. The bias is
# (O,) and must meet axis 1 of (B, O, H_out, W_out): <code>bias[:, None, None]</code>.</details>

# %% exercise="conv2d" minutes=15 level=3 forbid="torch.conv2d, torch.conv1d, torch.conv3d, torch.convolution, torch.conv_transpose2d, torch.nn.functional.conv2d, torch.nn.functional.conv1d, torch.nn.functional.conv3d, torch.nn.functional.conv_transpose2d, torch.nn.Conv1d, torch.nn.Conv2d, torch.nn.Conv3d"
def conv2d(x: Tensor, weight: Tensor, bias: Tensor | None = None, stride: int = 1, padding: int = 0) -> Tensor:
    """Lay each filter over each patch of each image, and sum the products.

    x: (B, C, H, W)   weight: (O, C, kh, kw)   bias: (O,) or None. Returns (B, O, H_out, W_out) with
    H_out = (H + 2 · padding − kh) // stride + 1, and W_out likewise.   LeCun et al. 1998, §II
    """
    ### BEGIN SOLUTION
    kh, kw = weight.shape[2:]
    x = F.pad(x, (padding, padding, padding, padding))
    windows = x.unfold(2, kh, stride).unfold(3, kw, stride)  # (B, C, H_out, W_out, kh, kw)
    out = torch.einsum("bcyxuv,ocuv->boyx", windows, weight)  # (B, O, H_out, W_out)
    return out if bias is None else out + bias[:, None, None]
    ### END SOLUTION


# %% check="conv2d: a filter, laid over each patch" points=1
image = torch.tensor([[[[1.0, 2, 0, 1], [0, 3, 1, 0], [2, 0, 0, 1]]]])  # (1, 1, 3, 4)
pattern = torch.tensor([[[[1.0, 2], [0, -1]]]])  # (1, 1, 2, 2)
out = conv2d(image, pattern)
check.shape(out, (1, 1, 2, 3),
            hint="a 2 × 2 filter fits into 3 × 4 pixels at 2 × 3 places; the axes are (B, O, H_out, W_out)")
check.close(out, torch.tensor([[[[2.0, 1, 2], [6, 5, 0]]]]),
            hint="upper left: 1·1 + 2·2 + 0·0 − 1·3 = 2. The filter is laid on as it is, not turned upside down")
### BEGIN HIDDEN TESTS
tall = check.randn(1, 1, 3, 2, seed=1)
photo = check.randn(1, 1, 6, 7, seed=2)
check.close(conv2d(photo, tall), F.conv2d(photo, tall), hint="a filter of 3 rows and 2 columns on 6 × 7 pixels")
### END HIDDEN TESTS

# %% check="conv2d: a filter adds up all channels, and each has its own bias" points=2
x = check.randn(2, 3, 7, 6, seed=3)
w = check.randn(4, 3, 2, 5, seed=4)
b = check.randn(4, seed=5)
out = conv2d(x, w, b)
check.shape(out, (2, 4, 6, 2), hint="2 images, 4 filters of 2 × 5: the filters become the channels of the output")
check.close(conv2d(x, w), F.conv2d(x, w),
            hint="without a bias: sum over the channels too, with each filter's own table for each channel")
check.close(out, F.conv2d(x, w, b), hint="without the bias it is right: bias[o] is added to output channel o")
check.dtype(conv2d(x.double(), w.double()), torch.float64, hint="float64 stays float64: no buffer of another dtype")
### BEGIN HIDDEN TESTS
x2 = check.randn(3, 2, 5, 5, seed=6).double()
w2 = check.randn(5, 2, 3, 3, seed=7).double()
b2 = check.randn(5, seed=8).double()
check.close(conv2d(x2, w2, b2), F.conv2d(x2, w2, b2), atol=1e-9, rtol=1e-9,
            hint="3 images, 2 channels, 5 filters, float64")
x3 = check.randn(5, 5, 5, 5, seed=9)  # every size 5: a wrong axis raises no error
w3 = check.randn(5, 5, 1, 1, seed=10)
b3 = check.randn(5, seed=11)
check.close(conv2d(x3, w3, b3), F.conv2d(x3, w3, b3), hint="a 1 × 1 filter mixes the channels of each pixel")
### END HIDDEN TESTS

# %% check="conv2d: the stride is the step from patch to patch" points=1
x = check.randn(2, 3, 9, 7, seed=12)
w = check.randn(5, 3, 3, 2, seed=13)
check.shape(conv2d(x, w, stride=2), (2, 5, 4, 3), hint="9 rows, patches of 3, in steps of 2: at rows 0, 2, 4 and 6")
check.close(conv2d(x, w, stride=2), F.conv2d(x, w, stride=2),
            hint="patch (i, j) begins at row stride · i and column stride · j; what does not fit is left out at the end")
### BEGIN HIDDEN TESTS
check.close(conv2d(x, w, stride=3), F.conv2d(x, w, stride=3), hint="a stride of 3, larger than the filter is wide")
check.close(conv2d(x, w, check.arange(5).float(), 4), F.conv2d(x, w, torch.arange(5.0), stride=4),
            hint="a stride of 4 and a bias: what does not fit at the end is left out")
### END HIDDEN TESTS

# %% check="conv2d: padding surrounds the image with zeros" points=1
x = check.randn(2, 3, 5, 6, seed=14)
w = check.randn(4, 3, 3, 3, seed=15)
b = check.randn(4, seed=16)
check.shape(conv2d(x, w, b, padding=1), (2, 4, 5, 6), hint="3 × 3 filters with a padding of 1 keep height and width")
check.close(conv2d(x, w, b, padding=1), F.conv2d(x, w, b, padding=1),
            hint="one row or column of zeros on each of the four sides of the image, before the filter; then the bias")
check.close(conv2d(x, w, b, stride=2, padding=2), F.conv2d(x, w, b, stride=2, padding=2),
            hint="stride and padding together: the first patch begins at the corner of the padded image")
### BEGIN HIDDEN TESTS
w2 = check.randn(2, 3, 1, 4, seed=17)
check.close(conv2d(x, w2, None, 1, 3), F.conv2d(x, w2, padding=3),
            hint="the same padding in both directions, whatever the filter's shape")
check.close(conv2d(x, w2, stride=3, padding=1), F.conv2d(x, w2, stride=3, padding=1), hint="stride 3, padding 1")
### END HIDDEN TESTS

# %% check="conv2d: gradients reach image, weight and bias" points=1
x = check.randn(2, 3, 5, 4, seed=18).requires_grad_()
w = check.randn(4, 3, 2, 3, seed=19).requires_grad_()
b = check.randn(4, seed=20).requires_grad_()
x_again = check.randn(2, 3, 5, 4, seed=18).requires_grad_()
w_again = check.randn(4, 3, 2, 3, seed=19).requires_grad_()
b_again = check.randn(4, seed=20).requires_grad_()
out_again = F.conv2d(x_again, w_again, b_again, stride=2, padding=1)
out_again.square().sum().backward()
out = conv2d(x, w, b, stride=2, padding=1)
check.close(out.detach(), out_again.detach(), hint="the gradient follows the forward pass: repair the checks above first")
check.equal(out.requires_grad, True, hint="the result is cut off from x: no detach, no .data, no NumPy on the way")
out.square().sum().backward()
check.close(w.grad, w_again.grad, hint="the weight stays connected: no detach, no item, no NumPy on the way")
check.close(x.grad, x_again.grad, hint="the image stays connected: an earlier layer learns through it")
check.close(b.grad, b_again.grad, hint="the bias stays connected")

# %% [markdown]
# (The question above: 16 channels of 24 × 24, from 16 · 25 weights and 16 biases, 416 in all.)
#
# What does a filter see? The next cell lays four 3 × 3 filters, **set by hand**, over a picture of Fashion-MNIST (Xiao
# et al. 2017: 70,000 grey pictures of clothes in ten classes, 28 × 28 pixels). If they cannot be fetched, digits take
# their place, here and in all that follows, and the cell says so; what the text says about results is about the
# clothes.
#
# **Before you run it:** the second filter is positive above and negative below. At which edges of the picture will the
# result be positive, at which negative, and what does it give inside a region of one shade?

# %% demo="filters" alt="A picture; the same blurred; its horizontal edges, its vertical edges and its outline."
from autograder import data

train_x, train_y, test_x, test_y = (torch.as_tensor(np.asarray(part)) for part in data.load("fashion"))
train_x, test_x = (part.float()[:, None] / 255 for part in (train_x, test_x))  # (images, 1, 28, 28), 0 to 1
clothes = len(train_x) == 60_000
NAMES = (["T-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"]
         if clothes else [str(digit) for digit in range(10)])
DATA = "Fashion-MNIST" if clothes else "digits"
print(f"{DATA}: {len(train_x):,} pictures to train, {len(test_x):,} to test")
FILTERS = {"blur": [[1 / 9, 1 / 9, 1 / 9], [1 / 9, 1 / 9, 1 / 9], [1 / 9, 1 / 9, 1 / 9]],
           "horizontal edges": [[1, 2, 1], [0, 0, 0], [-1, -2, -1]],
           "vertical edges": [[1, 0, -1], [2, 0, -2], [1, 0, -1]],
           "outline": [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]]}
bank = torch.tensor(list(FILTERS.values()), dtype=torch.float32)[:, None]  # (4, 1, 3, 3)
picture = test_x[:1]
seen = conv2d(picture, bank, padding=1)[0]  # (4, 28, 28)
figure, axes = plt.subplots(1, 5, figsize=(12, 2.9), layout="constrained")
axes[0].imshow(picture[0, 0], cmap="Greys")
axes[0].set_title(f"input: {NAMES[test_y[0]]}")
for ax, name, result in zip(axes[1:], FILTERS, seen, strict=True):
    top = result.abs().max()
    shown = ax.imshow(result, cmap="gray", vmin=-top, vmax=top)
    ax.set_title(name)
for ax in axes:
    ax.set(xticks=[], yticks=[])
figure.colorbar(shown, ax=axes[-1], ticks=[-top, 0, top]).ax.set_yticklabels(["negative", "0", "positive"])
plt.show()

# %% [markdown]
# In the four results middle grey is zero, white positive, black negative. The edge filters sum to zero, so a region of
# one shade gives exactly nothing; what remains is where the shade *changes*, with a sign for the direction: the second
# filter answers positively where the ink ends as one goes down, negatively where it begins. (The input is drawn as a
# print, more ink for larger numbers.) In 2012 nobody set such filters by hand any more: the first layer of Krizhevsky
# et al. learned edges in many directions by itself (their Figure 3).
#
# A filter for any direction is a mixture of the two edge filters, $\cos\theta \cdot$ vertical $+ \sin\theta \cdot$
# horizontal. Turn the angle and watch which edges light up. At which angle does a given edge vanish?

# %% demo="angle" alt="A picture filtered by an edge filter whose direction a slider sets."
def draw_direction(degrees=45, number=0):
    angle = math.radians(degrees)
    mixed = math.cos(angle) * bank[2:3] + math.sin(angle) * bank[1:2]
    result = conv2d(test_x[number : number + 1], mixed, padding=1)[0, 0]
    figure, axes = plt.subplots(1, 3, figsize=(8.5, 2.9), layout="constrained")
    axes[0].imshow(test_x[number, 0], cmap="Greys")
    axes[0].set_title(NAMES[test_y[number]])
    axes[1].imshow(mixed[0, 0], cmap="gray", vmin=-2.5, vmax=2.5)
    axes[1].set_title(f"filter, {degrees}°")
    axes[2].imshow(result, cmap="gray", vmin=-4, vmax=4)
    axes[2].set_title("result")
    for ax in axes:
        ax.set(xticks=[], yticks=[])
    plt.show()


try:
    from ipywidgets import IntSlider, interact

    interact(draw_direction, degrees=IntSlider(45, 0, 360, 15), number=IntSlider(0, 0, 99, 1, description="picture"))
except ImportError:
    print("pip install ipywidgets gives this picture sliders; without it, call draw_direction(90, 3) in a new cell.")
    draw_direction()

# %% [markdown]
# (The question above: at the two angles where the filter's direction runs along the edge; a horizontal edge vanishes at
# 0° and 180°, a vertical one at 90° and 270°.)
#
# ## 2 · That it was there, not where
#
# A collar two pixels lower gives the same response two pixels lower: a convolution *moves along* with its input. To
# recognise a shirt, the exact place should matter less and less. Pooling makes small blocks of the response into one
# number each. LeNet-5 averaged; Krizhevsky et al. (2012, §3.4) and nearly all after them keep the maximum: the pattern
# was here somewhere, this strongly.
#
# $$y_{b,c,i,j} = \max_{0 \le u, v < k} \; x_{b,\,c,\,s i + u,\,s j + v}$$
#
# There is no weight in it, and no channel meets another. Usually the blocks touch, $s = k$, but they may overlap:
# Krizhevsky et al. used $k = 3$, $s = 2$. Where padding is asked for, it must never win, not even among
# negative numbers. So what must the image be surrounded with?
#
# **`max_pool2d(x, kernel, stride=None, padding=0)`** ★★☆☆☆ · 5 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `x` | (B, C, H, W) | floats, negative ones too |
# | `kernel` | int, k | height and width of a block |
# | `stride` | int or None | step from block to block; None: as large as the block |
# | `padding` | int | rows and columns added on each side, at most half of `kernel`; they never are the maximum |
# | result | (B, C, H_out, W_out) | sizes as for `conv2d` with kh = kw = k |
#
# The gradient of each output goes to the largest entry of its block. (Where several are equally large, how they share
# it is left open.)
#
# PyTorch's finished pooling is not allowed.
#
# <details><summary>Hint 1</summary>The windows are the same as in <code>conv2d</code>. What is done with each of them
# is different.</details>
# <details><summary>Hint 2</summary>Which number is smaller than all others? <code>F.pad</code> takes a
# <code>value</code>.</details>
# <details><summary>Hint 3</summary><code>amax</code> takes the maximum over several axes at once; the two axes inside
# the windows are the last ones.</details>

# %% exercise="max_pool2d" minutes=5 level=2 forbid="torch.max_pool2d, torch.max_pool1d, torch.nn.functional.max_pool2d, torch.nn.functional.max_pool1d, torch.nn.functional.max_pool3d, torch.nn.functional.adaptive_max_pool2d, torch.nn.functional.max_pool2d_with_indices, torch.nn.MaxPool2d, torch.nn.MaxPool1d, torch.nn.AdaptiveMaxPool2d"
def max_pool2d(x: Tensor, kernel: int, stride: int | None = None, padding: int = 0) -> Tensor:
    """Keep the largest number of each block, channel by channel.

    x: (B, C, H, W). kernel: side of a block. stride: step between blocks, None for kernel. padding: at most kernel / 2.
    Returns (B, C, H_out, W_out) with H_out = (H + 2 · padding − kernel) // stride + 1, and W_out likewise.
    """
    ### BEGIN SOLUTION
    stride = kernel if stride is None else stride
    x = F.pad(x, (padding, padding, padding, padding), value=-math.inf)
    windows = x.unfold(2, kernel, stride).unfold(3, kernel, stride)  # (B, C, H_out, W_out, kernel, kernel)
    return windows.amax(dim=(-2, -1))
    ### END SOLUTION


# %% check="max_pool2d: the largest of each block" points=1
image = torch.tensor([[[[1.0, 2, 0, 1, 5], [0, 3, 1, 0, 0], [2, 0, 0, -1, 7], [-3, 1, -2, -4, 0]]]])  # (1, 1, 4, 5)
out = max_pool2d(image, 2)
check.shape(out, (1, 1, 2, 2), hint="4 × 5 pixels make 2 × 2 whole blocks of 2 × 2; the fifth column is left over")
check.close(out, torch.tensor([[[[3.0, 1], [2, 0]]]]), hint="the largest of 1, 2, 0, 3 is 3; blocks touch by default")
### BEGIN HIDDEN TESTS
x = check.randn(2, 3, 9, 7, seed=31)
check.close(max_pool2d(x, 3), F.max_pool2d(x, 3), hint="blocks of 3 × 3, 2 images, 3 channels")
### END HIDDEN TESTS

# %% check="max_pool2d: each channel for itself, in steps of stride" points=1
x = check.randn(2, 4, 9, 8, seed=32)
check.shape(max_pool2d(x, 3, stride=2), (2, 4, 4, 3), hint="the channels stay apart; 9 rows, blocks of 3, steps of 2")
check.close(max_pool2d(x, 3, stride=2), F.max_pool2d(x, 3, stride=2),
            hint="block (i, j) begins at row stride · i and column stride · j; the blocks may overlap")
### BEGIN HIDDEN TESTS
check.close(max_pool2d(x, 2, 3), F.max_pool2d(x, 2, stride=3), hint="a stride larger than the block leaves gaps")
check.close(max_pool2d(x, 4, 1), F.max_pool2d(x, 4, stride=1), hint="a stride of 1: a block at each place")
wide = check.randn(3, 2, 4, 11, seed=33).double()
check.close(max_pool2d(wide, 2), F.max_pool2d(wide, 2), hint="4 × 11 pixels in float64")
### END HIDDEN TESTS

# %% check="max_pool2d: padding never wins" points=1
x = -1000 * (1 + check.rand(2, 3, 5, 6, seed=34))  # all of them below -1000
check.close(max_pool2d(x, 3, stride=2, padding=1), F.max_pool2d(x, 3, stride=2, padding=1),
            hint="all numbers here are below -1000: pad all four sides with what is smaller than every number")
### BEGIN HIDDEN TESTS
deep = 1000 * check.randn(1, 2, 6, 7, seed=35) - 5000
check.close(max_pool2d(deep, 5, padding=2), F.max_pool2d(deep, 5, padding=2),
            hint="numbers around -5000: pad with what is smaller than every number; the stride is still the kernel")
check.close(max_pool2d(deep, 4, 3, 1), F.max_pool2d(deep, 4, stride=3, padding=1),
            hint="padding on all four sides, with a stride of 3")
### END HIDDEN TESTS

# %% check="max_pool2d: the gradient goes to the winner" points=1
x = check.randn(2, 3, 5, 6, seed=36).requires_grad_()
x_again = check.randn(2, 3, 5, 6, seed=36).requires_grad_()
out_again = F.max_pool2d(x_again, 3, stride=2, padding=1)
out_again.square().sum().backward()
out = max_pool2d(x, 3, stride=2, padding=1)
check.close(out.detach(), out_again.detach(), hint="the gradient follows the forward pass: repair the checks above first")
check.equal(out.requires_grad, True, hint="the result is cut off from x: no detach, no .data, no NumPy on the way")
out.square().sum().backward()
check.close(x.grad, x_again.grad, hint="the gradient of an output goes to the largest entry of its block, and to no other")

# %% [markdown]
# ### A convolutional network against an ordinary one
#
# Now the two are put to work. The convolutional network (CNN) has two convolutions of 3 × 3, each followed by a ReLU
# and pooling of 2 × 2, and one linear layer. The multilayer perceptron (MLP) has one hidden layer, of a width that
# gives it about as many parameters. Both learn with your `Adam` and `cross_entropy`, from the same batches in the same
# order. Then both are tested twice: on the test pictures, and on the same pictures moved by 1, 2, 3 and 4 pixels, up,
# down, left and right. For training PyTorch's own convolution runs, which is several times as fast as ours; at the end
# the trained network is run through *your* `conv2d` and `max_pool2d`.
#
# **Before you run it:** the pictures of the training set are all centred. Which network will lose more on moved ones?
# And will the other lose nothing?

# %% demo="cnn-mlp" alt="Accuracy against pixels of shift: both networks fall, the perceptron faster than the CNN."
def make_cnn(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),  # (B, 8, 14, 14)
                         nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),  # (B, 16, 7, 7)
                         nn.Flatten(), nn.Linear(16 * 7 * 7, 10))


def make_mlp(seed=0, width=12):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Flatten(), nn.Linear(28 * 28, width), nn.ReLU(), nn.Linear(width, 10))


def train(model, images, labels, steps, lr=0.003, batch=64, seed=0):
    """The loss of each step of Adam on random batches."""
    generator, optimizer, losses = torch.Generator().manual_seed(seed), Adam(model.parameters(), lr=lr), []
    for _ in range(steps):
        chosen = torch.randint(0, len(images), (batch,), generator=generator)
        optimizer.zero_grad()
        loss = cross_entropy(model(images[chosen]), labels[chosen])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def moved(images, down, right):
    """Images moved by some pixels, at most 4 either way; what comes in is 0."""
    return F.pad(images, (4, 4, 4, 4))[:, :, 4 - down : 32 - down, 4 - right : 32 - right]


def accuracy(model, images, labels):
    with torch.no_grad():
        return (model(images).argmax(-1) == labels).double().mean().item()


def after_moves(model, images, labels, pixels):
    """Accuracy, averaged over the four directions."""
    ways = [(pixels, 0), (-pixels, 0), (0, pixels), (0, -pixels)] if pixels else [(0, 0)]
    return sum(accuracy(model, moved(images, *way), labels) for way in ways) / len(ways)


networks = {"CNN": make_cnn(), "MLP": make_mlp()}
sample_x, sample_y = test_x[:1000], test_y[:1000]
figure, ax = plt.subplots(figsize=(7, 3.8), layout="constrained")
for (name, model), style in zip(networks.items(), ("o-", "s--"), strict=True):
    train(model, train_x, train_y, steps=400)
    scores = [after_moves(model, sample_x, sample_y, pixels) for pixels in range(5)]
    parameters = sum(p.numel() for p in model.parameters())
    print(f"{name}: {parameters:,} parameters, accuracy {scores[0]:.3f}, after 2 pixels {scores[2]:.3f}")
    ax.plot(range(5), scores, style, color="black", label=f"{name}, {parameters:,} parameters")
ax.axhline(0.1, color="0.6", linestyle=":", label="guessing")
ax.set(title=f"{DATA}: the same test pictures, moved", xlabel="shift [pixels]", ylabel="accuracy", ylim=(0, 1))
ax.set_xticks(range(5))
ax.legend()
plt.show()

first, second, last = networks["CNN"][0], networks["CNN"][3], networks["CNN"][7]
with torch.no_grad():
    hidden = max_pool2d(conv2d(sample_x[:200], first.weight, first.bias, padding=1).relu(), 2)
    hidden = max_pool2d(conv2d(hidden, second.weight, second.bias, padding=1).relu(), 2)
    apart = (last(hidden.flatten(1)) - networks["CNN"](sample_x[:200])).abs().max().item()
print(f"the CNN through your conv2d and max_pool2d: logits differ by at most {apart:.0e}")

# %% [markdown]
# On centred pictures the difference is small; on moved ones it is large. But the CNN suffers too, and it is worth
# knowing why. Its convolutions do move along with the picture: move the input by four pixels, and the 7 × 7 map moves
# by one. What comes after them is a linear layer with a weight for each place of that map. It has seen only centred
# clothes. A network that averages each channel over all places before its last layer (*global average pooling*)
# forgets the place altogether; the 56 layers of section 5 end in this way. The other cure is to move the training
# pictures, at random.
#
# So what the CNN has is an assumption, built in: *nearby pixels belong together, and a pattern means the same
# anywhere*. Where an assumption is true, it saves data. In module 07, *vision_transformer*, you meet a model without
# it, and see what that costs.

# %% [markdown]
# ## 3 · How far does it see?
#
# A pixel after one 3 × 3 convolution has seen 3 × 3 pixels of the image. After a second one it has seen 5 × 5, since
# its window of 3 is made of pixels which themselves see one further on each side. After a layer with a stride of 2,
# neighbouring pixels of the map lie two pixels of the image apart, and every further window reaches twice as far. This
# is why deep networks alternate convolution and pooling: many small filters see as much as a large one, with fewer
# weights and more non-linearities in between. (Three 3 × 3 layers see as much as one of 7 × 7, with 27 instead of 49
# weights per pair of channels: Simonyan and Zisserman 2014, §2.3.)
#
# Walk through the layers. Two numbers are enough: the field $r$, the side of what one pixel of the current map sees,
# and the jump $j$, the distance in the image between two neighbouring pixels of it. Before the first layer both are 1.
# A layer with kernel $k$ and stride $s$ makes of them (Araujo et al. 2019)
#
# $$r \leftarrow r + (k - 1)\, j \qquad\qquad j \leftarrow j \cdot s$$
#
# **`receptive_field(layers)`** ★☆☆☆☆ · 5 minutes
#
# | | type | meaning |
# |---|---|---|
# | `layers` | list of (kernel, stride), two ints each | the first layer first; may be empty: 1; left unchanged |
# | result | int | how many pixels of the image, in height and in width, one pixel of the last map sees |
#
# <details><summary>Hint 1</summary>Do two layers on paper first: kernel 3 and stride 2, then kernel 3 and stride 1.
# Draw the image as a row of pixels.</details>
# <details><summary>Hint 2</summary>One loop, two variables. What a layer's own stride does is felt by the layers after
# it, not by itself: mind the order of the two updates.</details>
# <details><summary>Hint 3</summary><code>for kernel, stride in layers:</code> and a return after the loop. The two
# layers from hint 1 see 3 + 2 · 2 = 7 pixels.</details>

# %% exercise="receptive_field" minutes=5 level=1
def receptive_field(layers: list[tuple[int, int]]) -> int:
    """How many pixels of the input, in one direction, one pixel of the last layer sees.

    layers: (kernel, stride) of each layer, the first first.   Araujo et al. 2019
    """
    ### BEGIN SOLUTION
    field, jump = 1, 1
    for kernel, stride in layers:
        field += (kernel - 1) * jump
        jump *= stride
    return field
    ### END SOLUTION


# %% check="receptive_field: windows on windows" points=1
check.equal(receptive_field([(3, 1)]), 3, hint="one layer of kernel 3 sees 3 pixels")
check.equal(receptive_field([(3, 1), (3, 1), (3, 1)]), 7, hint="each further layer of kernel 3 adds one on either side")
check.equal(receptive_field([(5, 1), (2, 1)]), 6, hint="a kernel k adds k - 1 pixels, not k")
check.equal(receptive_field([]), 1, hint="no layer: a pixel sees itself")
layers = [(3, 1), (2, 1)]
receptive_field(layers)
check.equal(len(layers), 2, hint="the list belongs to the caller: read it, take nothing out")
### BEGIN HIDDEN TESTS
check.equal(receptive_field([(1, 1), (7, 1), (1, 1), (4, 1)]), 10, hint="a 1 × 1 kernel adds nothing")
### END HIDDEN TESTS

# %% check="receptive_field: a stride counts for all layers after it" points=1
check.equal(receptive_field([(3, 2), (3, 1)]), 7, hint="after a stride of 2, the next window's pixels lie 2 apart")
check.equal(receptive_field([(3, 1), (2, 2), (3, 1), (2, 2)]), 10, hint="the two-layer CNN above: 3, 4, 8, 10")
check.equal(receptive_field([(3, 2), (3, 2), (3, 1)]), 15,
            hint="strides multiply: after two strides of 2 the pixels lie 4 apart")
check.equal(receptive_field([(3, 1), (4, 2)]), 6, hint="a layer's own stride does not widen its own window")
### BEGIN HIDDEN TESTS
check.equal(receptive_field([(7, 2), (3, 2), (3, 3), (2, 1), (5, 1)]), 79, hint="strides multiply: 7, 11, 19, 31, 79")
check.equal(receptive_field([(2, 2), (2, 2), (2, 2), (2, 2), (2, 2)]), 32, hint="five halvings: 2, 4, 8, 16, 32")
### END HIDDEN TESTS

# %% [markdown]
# Autograd can measure the same: which pixels of the image get a gradient from *one* pixel in the middle of the last
# map? The next cell asks your `conv2d`, with random filters, 20 times, and draws the average size of the gradient,
# with a frame around all pixels that get any.
#
# **Before you run it:** the field is a square. Is the influence of its pixels the same all over it?

# %% demo="field" alt="Three squares of gradient, wider with depth and stride, dark in the middle, faint at the rim."
STACKS = {"3 layers of 3 × 3": [(3, 1)] * 3, "8 layers of 3 × 3": [(3, 1)] * 8,
          "the same 8, stride 2 in the first two": [(3, 2)] * 2 + [(3, 1)] * 6}
figure, axes = plt.subplots(1, 3, figsize=(11, 4), layout="constrained")
for ax, (name, layers) in zip(axes, STACKS.items(), strict=True):
    generator, influence = torch.Generator().manual_seed(0), torch.zeros(81, 81)
    for _ in range(20):
        x = torch.randn(1, 1, 81, 81, generator=generator).requires_grad_()
        y = x
        for kernel, stride in layers:
            weight = kaiming_init(torch.empty(4, y.shape[1], kernel, kernel), generator=generator)
            y = conv2d(y, weight, stride=stride, padding=1).relu()
        y[0, :, y.shape[2] // 2, y.shape[3] // 2].sum().backward()
        influence += x.grad[0, 0].abs() / 20
    rows = (influence.sum(1) > 0).nonzero()
    first, side = rows.min().item(), (rows.max() - rows.min() + 1).item()
    print(f"{name}: receptive_field says {receptive_field(layers)}, measured {side}")
    ax.imshow(influence, cmap="Greys", vmin=0, vmax=influence.max() / 2)
    ax.add_patch(plt.Rectangle((first - 0.5, first - 0.5), side, side, fill=False, linestyle="--", color="0.4"))
    ax.set(title=f"{name}\nsees {receptive_field(layers)} × {receptive_field(layers)} pixels", xticks=[], yticks=[],
           xlim=(9.5, 70.5), ylim=(70.5, 9.5))
plt.show()

# %% [markdown]
# The side of the square is what your function says. Inside it the influence is far from even: most paths from the
# middle of the map lead to the middle of the square, as most sums of dice are near the middle, and the rim counts for
# little. Luo et al. (2016) call the dark part the *effective* receptive field, and show that it grows only with the
# root of the depth where the field itself grows with the depth.
#
# Keep this for text. A convolution over words with kernel 3 sees one word to either side; for a verb to meet its
# subject 20 words earlier it takes 20 layers, fewer only with strides or with gaps in the filter, and then faintly.
# Attention (module 03) connects any two words in one layer.

# %% [markdown]
# ## 4 · Not by heart
#
# A network with more parameters than examples can learn its examples by heart. Hinton et al. (2012) proposed a strange
# cure: in each step of training, switch off each unit with probability $p$, at random. No unit can rely on another one
# being there, so each must be useful on its own (Srivastava et al. 2014, §2, compare it to genes that are mixed anew
# in every generation). Krizhevsky et al. (2012, §4.2) had it in two of their fully connected layers, and transformers
# have it still.
#
# When the network is *used*, all units are on. But then the next layer, which has learned to live with sums of
# $(1 - p)$ of its inputs, would get sums that are larger on average, by $1 / (1 - p)$. The modern remedy, *inverted*
# dropout, is to enlarge during training, so that nothing need be done in use. (Mind the letter: in Srivastava et al. $p$
# is the probability of being *kept*; here, as in PyTorch, of being dropped.)
#
# $$y_i = \begin{cases} 0 & \text{with probability } p \\ \dfrac{x_i}{1 - p} & \text{otherwise} \end{cases}
# \qquad\text{so that}\quad \mathbb{E}[y_i] = p \cdot 0 + (1 - p) \cdot \frac{x_i}{1 - p} = x_i$$
#
# **`dropout(x, p=0.5, training=True, generator=None)`** ★★☆☆☆ · 10 minutes
#
# | | | meaning |
# |---|---|---|
# | `x` | any shape, float32 or float64 | left unchanged |
# | `p` | float, 0 ≤ p < 1 | probability that an entry is dropped, each independently of the others |
# | `training` | bool | False: return `x` as it is, and draw no random numbers |
# | `generator` | `torch.Generator` or None | where the random numbers come from; None: PyTorch's own |
# | result | shape and dtype of `x` | gradients pass through the entries that were kept |
#
# PyTorch's finished dropout is not allowed.
#
# <details><summary>Hint 1</summary>Deal with <code>training=False</code> first. Otherwise you need one random yes or
# no for each entry of x.</details>
# <details><summary>Hint 2</summary><code>torch.rand(x.shape, generator=generator)</code> is uniform from 0 to 1. Which
# part of these numbers is below p?</details>
# <details><summary>Hint 3</summary>Multiply by the mask of what is kept, and divide by the probability of being kept.
# A mask of bools times a tensor of floats keeps the tensor's dtype.</details>

# %% exercise="dropout" minutes=10 level=2 forbid="torch.dropout, torch.dropout_, torch.native_dropout, torch.nn.functional.dropout, torch.nn.functional.dropout1d, torch.nn.functional.dropout2d, torch.nn.functional.alpha_dropout, torch.nn.functional.feature_alpha_dropout, torch.nn.Dropout, torch.nn.Dropout1d, torch.nn.Dropout2d"
def dropout(x: Tensor, p: float = 0.5, training: bool = True, generator: torch.Generator | None = None) -> Tensor:
    """Drop entries at random while training and enlarge the rest, so that the expectation stays; else return x.

    x: any shape, floats. p: probability of being dropped, 0 <= p < 1. Returns shape and dtype of x.
    Srivastava et al. 2014, §4; scaled during training (their §10)
    """
    ### BEGIN SOLUTION
    if not training:
        return x
    kept = torch.rand(x.shape, generator=generator) >= p
    return x * kept / (1 - p)
    ### END SOLUTION


# %% check="dropout: when the network is used, nothing is dropped" points=1
x = check.randn(40, 50, seed=41)
check.close(dropout(x, 0.3, training=False), F.dropout(x, 0.3, training=False),
            hint="with training=False return x as it is: neither dropped nor scaled")
check.close(dropout(x, 0.0), F.dropout(x, 0.0), hint="with p = 0 nothing is dropped and nothing enlarged")
source = torch.Generator().manual_seed(7)
dropout(x, 0.3, training=False, generator=source)
check.equal(source.get_state(), torch.Generator().manual_seed(7).get_state(),
            hint="with training=False draw no random numbers: return first")
### BEGIN HIDDEN TESTS
y = check.randn(7, 3, 2, seed=42).double()
check.close(dropout(y, 0.9, False), F.dropout(y, 0.9, training=False), hint="training=False, p = 0.9: x as it is")
### END HIDDEN TESTS

# %% check="dropout: an entry is zero, or enlarged by 1 / (1 − p)" points=2
ones = torch.ones(60, 50)
levels = dropout(ones, 0.2, generator=torch.Generator().manual_seed(1)).unique()
check.close(levels, torch.tensor([0.0, 1.25]), hint="of ones, p = 0.2 leaves nothing but 0 and 1 / 0.8 = 1.25")
check.equal(ones, torch.ones(60, 50), hint="x was changed in place: make a new tensor")
x = check.randn(60, 50, seed=43)
out = dropout(x, 0.2, generator=torch.Generator().manual_seed(1))
kept_as_they_should_be = (out - 1.25 * x).abs().minimum(out.abs())
check.close(kept_as_they_should_be, torch.zeros(60, 50), hint="every entry is either 0 or its own x / (1 - p)")
check.dtype(dropout(x.double(), 0.2), torch.float64, hint="the result has the dtype of x: float64 stays float64")
### BEGIN HIDDEN TESTS
levels2 = dropout(torch.ones(5, 4, 3, 30).double(), 0.75, generator=torch.Generator().manual_seed(2)).unique()
check.close(levels2, torch.tensor([0.0, 4.0]).double(), hint="p = 0.75: 0 and 1 / 0.25 = 4")
check.dtype(levels2, torch.float64, hint="float64 stays float64")
levels3 = dropout(torch.ones(400), generator=torch.Generator().manual_seed(3)).unique()
check.close(levels3, torch.tensor([0.0, 2.0]), hint="by default p is 0.5, and dropout is on")
### END HIDDEN TESTS

# %% check="dropout: a share p of the entries, and the mean stays" points=2
out = dropout(torch.ones(200, 500), 0.2, generator=torch.Generator().manual_seed(4))
check.close((out == 0).double().mean(), torch.tensor(0.2).double(), atol=0.008,
            hint="p is the share that is dropped, not kept; if it is nearly right: draw one number for each entry")
check.close(out.double().mean(), torch.tensor(1.0).double(), atol=0.01, hint="the mean stays: divide by 1 - p")
### BEGIN HIDDEN TESTS
out2 = dropout(torch.ones(300, 400), 0.9, generator=torch.Generator().manual_seed(5))
check.close((out2 == 0).double().mean(), torch.tensor(0.9).double(), atol=0.006, hint="p = 0.9 drops nine in ten")
check.close(out2.double().mean(), torch.tensor(1.0).double(), atol=0.06,
            hint="p = 0.9: what is left is 10 times as large")
### END HIDDEN TESTS

# %% check="dropout: each entry for itself, in every call anew, from the generator" points=1
gone = (dropout(torch.ones(300, 4000), 0.4, generator=torch.Generator().manual_seed(6)) == 0).double()
check.close((gone[:, 1:] * gone[:, :-1]).mean(), torch.tensor(0.16).double(), atol=0.02,
            hint="two neighbours in a row are both dropped with probability 0.4², if each is drawn for itself")
check.close((gone[1:] * gone[:-1]).mean(), torch.tensor(0.16).double(), atol=0.02,
            hint="two neighbours in a column are both dropped with probability 0.4², if each is drawn for itself")
source = torch.Generator().manual_seed(8)
once = (dropout(torch.ones(20000), 0.4, generator=source) == 0).double()
then = (dropout(torch.ones(20000), 0.4, generator=source) == 0).double()
check.close((once * then).mean(), torch.tensor(0.16).double(), atol=0.015, hint="every call draws anew")
again = (dropout(torch.ones(20000), 0.4, generator=torch.Generator().manual_seed(8)) == 0).double()
check.same(once, again, hint="the same generator in the same state drops the same entries: hand generator on")
third = (dropout(torch.ones(20000), 0.4, generator=source) == 0).double()
fourth = (dropout(torch.ones(20000), 0.4, generator=source) == 0).double()
counts = torch.stack([once.sum(), then.sum(), third.sum(), fourth.sum()])
check.above(counts.std(), 1.0, hint="how many are dropped is chance too: a yes or no for each entry, no fixed number")
free = (dropout(torch.ones(20000), 0.4) == 0).double()
free_then = (dropout(torch.ones(20000), 0.4) == 0).double()
check.close((free * free_then).mean(), torch.tensor(0.16).double(), atol=0.02,
            hint="without a generator every call draws anew too: None means PyTorch's own, not a fixed seed")
### BEGIN HIDDEN TESTS
check.close(free.mean(), torch.tensor(0.4).double(), atol=0.02, hint="without a generator it works too")
### END HIDDEN TESTS

# %% check="dropout: gradients pass through what is kept" points=1
x = torch.ones(300, 40).requires_grad_()
out = dropout(x, 0.2, generator=torch.Generator().manual_seed(9))
check.close(out.detach().unique(), torch.tensor([0.0, 1.25]),
            hint="the gradient follows the forward pass: repair the checks above first")
check.equal(out.requires_grad, True, hint="the result is cut off from x: no detach, no .data, no NumPy on the way")
out.sum().backward()
check.close(x.grad.unique(), torch.tensor([0.0, 1.25]), hint="the gradient is 0 where dropped, 1 / (1 - p) where kept")
check.same(x.grad, out.detach(), hint="the gradient passes where the entry passed: the same mask, no detach")
### BEGIN HIDDEN TESTS
used = torch.ones(30).requires_grad_()
dropout(used, 0.2, training=False).sum().backward()
check.close(used.grad, torch.ones(30), hint="when the network is used, gradients pass everywhere: return x itself")
### END HIDDEN TESTS

# %% [markdown]
# A network with two hidden layers of 128 units, about 118,000 parameters, learns from **300** pictures, with your
# dropout at p = 0.5 after each hidden layer and without it, three times each. **Before you run the next cell:** which
# of the two has the lower loss on the pictures it learns from? And on others?

# %% demo="by-heart" alt="Loss by step: on test pictures it turns up again without dropout, and less or later with it."
class Droppy(nn.Module):
    """784 → 128 → 128 → 10 with dropout after each hidden layer."""

    def __init__(self, p, seed):
        super().__init__()
        torch.manual_seed(seed)
        self.layers = nn.ModuleList([nn.Linear(784, 128), nn.Linear(128, 128), nn.Linear(128, 10)])
        self.p, self.generator = p, torch.Generator().manual_seed(seed)

    def forward(self, x):
        x = x.flatten(1)
        for layer in self.layers[:-1]:
            x = dropout(layer(x).relu(), self.p, self.training, self.generator)
        return self.layers[-1](x)


figure, axes = plt.subplots(1, 2, figsize=(11, 3.8), sharey=True, layout="constrained")
for p, style in ((0.0, "o-"), (0.5, "s--")):
    curves = np.zeros((3, 2, 9))  # seeds, on what, points in time
    for seed in range(3):
        few = torch.randperm(len(train_x), generator=torch.Generator().manual_seed(seed))[:300]
        model = Droppy(p, seed)
        for point in range(9):
            model.eval()
            with torch.no_grad():
                curves[seed, 0, point] = cross_entropy(model(train_x[few]), train_y[few]).item()
                curves[seed, 1, point] = cross_entropy(model(sample_x), sample_y).item()
            model.train()
            if point < 8:
                train(model, train_x[few], train_y[few], steps=30, lr=0.003, batch=32, seed=100 * seed + point)
        model.eval()
        right = accuracy(model, sample_x, sample_y)
        print(f"p = {p}, run {seed}: at the end loss {curves[seed, 0, -1]:.2f} on the 300, {curves[seed, 1, -1]:.2f} "
              f"on others; accuracy on others {right:.3f}")
    for ax, values, where in zip(axes, curves.transpose(1, 0, 2), ("the 300 pictures", "other pictures"), strict=True):
        ax.plot(30 * np.arange(9), values.mean(0), style, color="black", label=f"p = {p}")
        ax.fill_between(30 * np.arange(9), values.min(0), values.max(0), color="0.5", alpha=0.25, linewidth=0)
        ax.set(title=f"Loss on {where}", xlabel="step", ylim=(0, 2.5))
axes[0].set_ylabel("loss [nats]")
axes[1].legend(title="dropout (grey: three runs)")
plt.show()

# %% [markdown]
# On the 300 pictures the network without dropout comes close to a loss of 0: it knows them by heart. On others its
# loss reaches a lowest point and then rises, because it becomes ever more certain, also where it is wrong. With
# dropout it learns its own pictures more slowly, and pays less for confidence. Look at the accuracies as well, though:
# in our runs those with dropout are even a little lower. Dropout on a small network tames the loss more than it wins
# classes; and where data are plenty it may be left out altogether: PaLM, a language model which read its text once,
# was trained without it (Chowdhery et al. 2022, §5).

# %% [markdown]
# ## 5 · Deep: the shortcut
#
# If a network of 20 layers works, one of 56 cannot be worse: let the first 20 layers be the same, and let the other 36
# hand on what they get. He et al. (2016, Figure 1) trained both on the same pictures. The deep one was worse, *also on
# the pictures it was trained on*. It was not learning by heart, then; the optimizer did not find a solution which was
# known to exist. Their remedy is to make "hand on what you get" the place to start from. Let the layers compute only
# the *difference*, the residual (§3.1, eq. 1 and 2):
#
# $$y = \text{relu}\big(F(x) + x\big) \quad\text{or, where shapes differ,}\quad y = \text{relu}\big(F(x) + W_s\, x\big)$$
#
# $$F(x) = \text{BN}_2\big(\text{conv}_2(\text{relu}(\text{BN}_1(\text{conv}_1(x))))\big)$$
#
# With $F$ near zero the block already does no harm. And the derivative of $x + F(x)$ is $1 + F'(x)$: whatever $F'$ is,
# there is a way back for the gradient that no layer has multiplied. (The last ReLU still lets the gradient through or
# stops it, pixel by pixel; an $x$ that comes out of a ReLU is not negative, so with $F = 0$ it passes unchanged.)
#
# BN is *batch normalisation* (Ioffe and Szegedy 2015): for each channel, subtract the mean over batch and places,
# divide by the standard deviation, then scale and shift by two learned numbers. In use, when there may be a single image, it
# takes running averages of mean and variance that it kept while training. You build it in module 04,
# *layer_norm_comparison*; here `nn.BatchNorm2d` does it. Once a block halves height and width (stride 2) or changes
# the number of channels, $x$ and $F(x)$ cannot be added. The shortcut then has a 1 × 1 convolution with the same
# stride, and BN after it: the projection $W_s$ (§3.3, option B).
#
# **`ResidualBlock(in_channels, out_channels, stride=1, norm=True)`**, an `nn.Module`; you write `__init__` and
# `forward(x)`. ★★★☆☆ · 15 minutes
#
# | | what |
# |---|---|
# | `conv1` | `nn.Conv2d`, from in_channels to out_channels, 3 × 3, with the block's stride, padding 1, no bias |
# | `bn1` | `nn.BatchNorm2d` of out_channels; with `norm=False`, `nn.Identity()` |
# | `conv2` | `nn.Conv2d`, from out_channels to out_channels, 3 × 3, stride 1, padding 1, no bias |
# | `bn2` | made like `bn1`, but one of its own |
# | `shortcut` | stride 1 and in_channels = out_channels: `nn.Identity()`; else `nn.Sequential(projection, bn)` |
# | `projection` | `nn.Conv2d`, from in_channels to out_channels, 1 × 1, with the block's stride, no bias |
# | `bn` | made like `bn1`, but one of its own |
#
# | | shape | |
# |---|---|---|
# | `x` | (B, in_channels, H, W) | |
# | result | (B, out_channels, ⌈H / stride⌉, ⌈W / stride⌉) | |
#
# The first five are attributes, and their names matter: the checks set the weights by them. The last two are the two
# parts of the Sequential and need no name. Why no bias? The normalisation that follows would subtract it again;
# without normalisation we leave it out all the same.
#
# <details><summary>Hint 1</summary>Begin with the case without a projection and with norm. Make the five attributes in
# <code>__init__</code>; <code>forward</code> is the formulas from the inside out.</details>
# <details><summary>Hint 2</summary>The addition comes after <code>bn2</code> and before the last ReLU. Call
# <code>self.shortcut(x)</code> whatever it is: an Identity returns its input, so <code>forward</code> needs no
# <code>if</code>.</details>
# <details><summary>Hint 3</summary>Three layers may or may not be normalisations. Choose the class once:
# <code>make = nn.BatchNorm2d if norm else nn.Identity</code>. <code>nn.Identity</code> accepts arguments and ignores
# them.</details>

# %% exercise="ResidualBlock" minutes=15 level=3
class ResidualBlock(nn.Module):
    """Two 3 × 3 convolutions and a shortcut around them.

    Modules: conv1, bn1, conv2, bn2, shortcut, as in the table above. He et al. 2016, §3.3, with a projection (option B)
    where the shape changes. norm=False leaves out the normalisation.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1, norm: bool = True) -> None:
        super().__init__()
        ### BEGIN SOLUTION
        make = nn.BatchNorm2d if norm else nn.Identity
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=False)
        self.bn1 = make(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.bn2 = make(out_channels)
        self.shortcut = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            project = nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)
            self.shortcut = nn.Sequential(project, make(out_channels))
        ### END SOLUTION

    def forward(self, x: Tensor) -> Tensor:
        """Add what the layers make of x to what the shortcut makes of it.

        x: (B, in_channels, H, W). Returns (B, out_channels, ⌈H / stride⌉, ⌈W / stride⌉).
        """
        ### BEGIN SOLUTION
        hidden = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(hidden)) + self.shortcut(x))
        ### END SOLUTION


# %%
# Given: the numbers to expect. `check.fill` sets weights from their names and shapes alone, and so does this.
def filled(name, *shape):
    """What `check.fill` gives to a parameter of this name, such as "conv1.weight", and this shape."""
    *path, last = name.split(".")
    root = module = nn.Module()
    for part in path:
        module.add_module(part, nn.Module())
        module = module.get_submodule(part)
    module.register_parameter(last, nn.Parameter(torch.empty(shape)))
    return check.fill(root).get_parameter(name).detach()


# %% check="ResidualBlock: its weights are those of the table" points=1
check.equal(sorted(dict(ResidualBlock(4, 4).named_parameters())),
            ["bn1.bias", "bn1.weight", "bn2.bias", "bn2.weight", "conv1.weight", "conv2.weight"],
            hint="no projection where nothing changes shape; the convolutions have no bias")
check.equal(sorted(dict(ResidualBlock(4, 6, norm=False).named_parameters())),
            ["conv1.weight", "conv2.weight", "shortcut.0.weight"],
            hint="from 4 to 6 channels, without norm: nn.Sequential(convolution, nn.Identity()) as the shortcut")
check.equal(sorted(dict(ResidualBlock(4, 6).named_parameters())),
            ["bn1.bias", "bn1.weight", "bn2.bias", "bn2.weight", "conv1.weight", "conv2.weight", "shortcut.0.weight",
             "shortcut.1.bias", "shortcut.1.weight"],
            hint="from 4 to 6 channels, with norm: a BatchNorm2d of its own after the 1 × 1 convolution")
check.equal(sorted(dict(ResidualBlock(5, 5, stride=2).named_parameters())),
            ["bn1.bias", "bn1.weight", "bn2.bias", "bn2.weight", "conv1.weight", "conv2.weight", "shortcut.0.weight",
             "shortcut.1.bias", "shortcut.1.weight"],
            hint="a stride of 2 changes the shape too, even with as many channels as before: a projection")
check.equal(list(ResidualBlock(4, 6).conv1.weight.shape), [6, 4, 3, 3], hint="conv1 goes from 4 to 6 channels, 3 × 3")
### BEGIN HIDDEN TESTS
check.equal(list(ResidualBlock(5, 7).conv2.weight.shape), [7, 7, 3, 3], hint="conv2 goes from out to out, 3 × 3")
check.equal(list(ResidualBlock(5, 7, 2).shortcut[0].weight.shape), [7, 5, 1, 1], hint="the projection is 1 × 1")
check.equal(sorted(dict(ResidualBlock(3, 3, 1, False).named_parameters())), ["conv1.weight", "conv2.weight"],
            hint="without norm and without projection only the two convolutions have weights")
### END HIDDEN TESTS

# %% check="ResidualBlock: what comes in goes round the convolutions" points=2
still = check.fill(ResidualBlock(3, 3, norm=False))
nn.init.zeros_(still.conv2.weight)
x = check.randn(2, 3, 5, 4, seed=51)
check.shape(still(x), (2, 3, 5, 4), hint="stride 1 and padding 1 keep height and width")
check.close(still(x), F.relu(x),
            hint="with conv2 at zero F(x) is zero: relu(x) remains, the shortcut and the last ReLU")
block = check.fill(ResidualBlock(3, 3, norm=False))
out = block(x)
check.close(out[0, :, 3], torch.tensor([[0.0, 2.4738, 3.4196, 5.4278], [0.5320, 0.0, 2.9627, 6.1236],
                                        [0.0, 3.4819, 2.9509, 0.0]]), atol=1e-3,
            hint="row 3 of the first image: ReLU after conv1, then conv2, then add the shortcut, then the last ReLU")
check.equal(x, check.randn(2, 3, 5, 4, seed=51), hint="x was changed in place: make a new tensor")
### BEGIN HIDDEN TESTS
inner = F.relu(F.conv2d(x, filled("conv1.weight", 3, 3, 3, 3), padding=1))
outer = F.conv2d(inner, filled("conv2.weight", 3, 3, 3, 3), padding=1)
check.close(out, F.relu(outer + x), hint="relu(conv2(relu(conv1(x))) + x)")
### END HIDDEN TESTS

# %% check="ResidualBlock: normalised after each convolution" points=2
block = check.fill(ResidualBlock(4, 4))
x = 3 * check.randn(5, 4, 6, 3, seed=52) + 1
out = block(x)
check.close(out[0, :, 1], torch.tensor([[2.9539, 3.5444, 4.4831], [1.3526, 0.0, 4.8371], [0.7633, 0.0, 2.0453],
                                        [0.0, 4.1951, 0.3377]]), atol=1e-3,
            hint="row 1 of the first image: each convolution has its own normalisation; the sum comes after bn2")
### BEGIN HIDDEN TESTS
y = 3 * check.randn(5, 4, 6, 3, seed=52) + 1
inner = F.conv2d(y, filled("conv1.weight", 4, 4, 3, 3), padding=1)
inner = F.relu(F.batch_norm(inner, None, None, filled("bn1.weight", 4), filled("bn1.bias", 4), training=True))
outer = F.conv2d(inner, filled("conv2.weight", 4, 4, 3, 3), padding=1)
outer = F.batch_norm(outer, None, None, filled("bn2.weight", 4), filled("bn2.bias", 4), training=True)
check.close(out, F.relu(outer + y), hint="relu(bn2(conv2(relu(bn1(conv1(x))))) + x)")
### END HIDDEN TESTS

# %% check="ResidualBlock: a projection where the shape changes" points=2
x = check.randn(2, 3, 7, 6, seed=53)
half = check.fill(ResidualBlock(3, 5, stride=2, norm=False))
nn.init.zeros_(half.conv2.weight)
check.shape(half(x), (2, 5, 4, 3), hint="a stride of 2 makes 4 × 3 of 7 × 6, in conv1 and in the projection")
check.close(half(x), F.relu(F.conv2d(x, filled("shortcut.0.weight", 5, 3, 1, 1), stride=2)),
            hint="with conv2 at zero the projected x remains: 1 × 1, with the block's stride, then ReLU")
### BEGIN HIDDEN TESTS
wider = check.fill(ResidualBlock(3, 5))
inner = F.conv2d(x, filled("conv1.weight", 5, 3, 3, 3), padding=1)
inner = F.relu(F.batch_norm(inner, None, None, filled("bn1.weight", 5), filled("bn1.bias", 5), training=True))
outer = F.conv2d(inner, filled("conv2.weight", 5, 5, 3, 3), padding=1)
outer = F.batch_norm(outer, None, None, filled("bn2.weight", 5), filled("bn2.bias", 5), training=True)
around = F.conv2d(x, filled("shortcut.0.weight", 5, 3, 1, 1))
around = F.batch_norm(around, None, None, filled("shortcut.1.weight", 5), filled("shortcut.1.bias", 5), training=True)
check.close(wider(x), F.relu(outer + around),
            hint="more channels at stride 1: a 1 × 1 projection and BatchNorm2d on the shortcut")
halved = check.fill(ResidualBlock(4, 4, stride=2, norm=False))
y = check.randn(4, 4, 5, 6, seed=54)
inner4 = F.relu(F.conv2d(y, filled("conv1.weight", 4, 4, 3, 3), stride=2, padding=1))
outer4 = F.conv2d(inner4, filled("conv2.weight", 4, 4, 3, 3), padding=1)
around4 = F.conv2d(y, filled("shortcut.0.weight", 4, 4, 1, 1), stride=2)
check.close(halved(y), F.relu(outer4 + around4),
            hint="stride 2 with equal channels: conv1 and the projection have the stride, conv2 has not")
### END HIDDEN TESTS

# %% check="ResidualBlock: in use, a picture's result does not depend on its batch" points=1
block = check.fill(ResidualBlock(4, 6, stride=2))
seen = 2 * check.randn(8, 4, 6, 6, seed=55) + 1
after_training = block(seen)
block.eval()
x = check.randn(3, 4, 6, 6, seed=56)
check.same(block(x)[:1], block(x[:1]), hint="in eval mode BatchNorm2d uses its running averages: use nn.BatchNorm2d")
first = F.conv2d(2 * check.randn(8, 4, 6, 6, seed=55) + 1, filled("conv1.weight", 6, 4, 3, 3), stride=2, padding=1)
check.close(block.bn1.running_mean, 0.1 * first.mean(dim=(0, 2, 3)),
            hint="after one batch bn1's running mean is a tenth of the mean of what conv1 gave: call bn1 only once")
### BEGIN HIDDEN TESTS
around = F.conv2d(2 * check.randn(8, 4, 6, 6, seed=55) + 1, filled("shortcut.0.weight", 6, 4, 1, 1), stride=2)
check.close(block.shortcut[1].running_mean, 0.1 * around.mean(dim=(0, 2, 3)),
            hint="the projection's BatchNorm2d sees the projected batch")
### END HIDDEN TESTS

# %% [markdown]
# ### Fifty-six layers
#
# Now the study. The next cell builds a network as He et al. did for small pictures (§4.2): one convolution, then 27
# blocks of two, in three stages of 9, and a linear layer: 1 + 54 + 1 = 56 layers with weights. Ours is far narrower
# (8, 8 and 16 channels instead of 16, 32 and 64) and reads pictures of 14 × 14, so that it trains in seconds. Each
# block is your `ResidualBlock`. For the *plain* network the shortcut is replaced by a module that returns zero;
# nothing else changes. All convolutions begin as your `kaiming_init` sets them. (The two 1 × 1 projections are not
# counted; for small pictures He et al. did without them and filled the new channels with zeros.)
#
# That gives four networks: plain or residual, without or with BatchNorm. We ask each of them, before any training, how
# long the gradient of the loss is in each of its 55 convolutions.
#
# **Before you run it:** a gradient walks from layer 55 back to layer 1. In which of the four networks does it arrive
# about as long as it started?

# %% demo="gradients" alt="Log chart of gradient norm by layer: with BatchNorm the plain one explodes towards layer 1."
class Nothing(nn.Module):
    """A shortcut that is cut."""

    def forward(self, x):
        return torch.zeros((), dtype=x.dtype)


def make_deep(residual, norm, blocks=9, widths=(8, 8, 16), seed=0, kaiming=True):
    """6 · blocks + 2 layers for pictures of (B, 1, 14, 14)."""
    torch.manual_seed(seed)
    channels = widths[0]
    norms = [nn.BatchNorm2d(channels)] if norm else []
    layers = [nn.Conv2d(1, channels, 3, padding=1, bias=False), *norms, nn.ReLU()]
    for stage, width in enumerate(widths):
        for number in range(blocks):
            block = ResidualBlock(channels, width, 2 if stage and not number else 1, norm)
            if not residual:
                block.shortcut = Nothing()
            layers.append(block)
            channels = width
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10))
    if kaiming:
        for module in model.modules():
            if isinstance(module, nn.Conv2d):
                kaiming_init(module.weight)
    return model


def gradient_norms(model, images, labels):
    """The length of the gradient in each 3 × 3 convolution, from the first to the last."""
    model.zero_grad()
    cross_entropy(model(images), labels).backward()
    return np.array([p.grad.double().norm().item() for p in model.parameters() if p.dim() == 4 and p.shape[-1] == 3])


def signal_sizes(model, images):
    """The root of the mean square of what each block gives, from the first to the last."""
    sizes = []
    with torch.no_grad():
        for layer in model:
            images = layer(images)
            if isinstance(layer, ResidualBlock):
                sizes.append(images.double().square().mean().sqrt().item())
    return sizes


small_x = F.avg_pool2d(train_x, 2)  # (images, 1, 14, 14)
small_x = (small_x - small_x.mean()) / small_x.std()
VARIANTS = {"plain": (False, False), "plain, BatchNorm": (False, True),
            "residual": (True, False), "residual, BatchNorm": (True, True)}
STYLES = dict(zip(VARIANTS, ((":", "0.45"), (":", "black"), ("-", "0.45"), ("-", "black")), strict=True))
figure, ax = plt.subplots(figsize=(9, 4.2), layout="constrained")
for name, kind in VARIANTS.items():
    model = make_deep(*kind)
    norms, sizes = gradient_norms(model, small_x[:64], train_y[:64]), signal_sizes(model, small_x[:64])
    style, color = STYLES[name]
    ax.semilogy(range(1, 56), norms, style, color=color, linewidth=2, label=name)
    print(f"{name:20} signal after the first block {sizes[0]:.0e}, after the last {sizes[-1]:.0e}; "
          f"gradient in the first layer {norms[0]:.0e}, in the last {norms[-1]:.0e}")
ax.set(title="56 layers before training", xlabel="convolution, counted from the image", ylabel="length of its gradient")
ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
plt.show()
default = gradient_norms(make_deep(False, False, kaiming=False), small_x[:64], train_y[:64])
print(f"plain, with the initial weights that PyTorch sets by itself: no layer's gradient is longer than {default.max():.0e}")

# %% [markdown]
# Read the picture with the printed lines.
#
# - **Plain, no normalisation.** With the weights that PyTorch sets by itself the gradient has *vanished*: the last
#   line says what is left of it. With He's weights, which you wrote in *optimizers*, it does not shrink from layer to
#   layer any more, but it is tiny everywhere, because the signal faded on the way *forward*. He's rule holds on
#   average and for wide layers; ours are narrow, and the zeros of the padding take a little from each.
# - **Plain, BatchNorm.** Now nothing vanishes. The gradient *grows* on its way back, by a factor per layer, and the
#   first layers get one that is longer by orders of magnitude than the last layers'. Yang et al. (2019) derive this:
#   at initialisation BatchNorm itself makes the gradient of a deep network without shortcuts explode, whatever the
#   weights.
# - **Residual, no normalisation.** Level, but enormous. Each block adds its own output to what came in, so the signal
#   grows from block to block, and the loss and all its gradients with it.
# - **Residual, BatchNorm.** The addition carries the gradient back and the normalisation keeps each branch in size. The
#   curve still rises towards the image, but far less than that of the plain network with BatchNorm.
#
# And training? The same four, 60 steps of Adam on batches of 32.

# %% demo="fifty-six" alt="Loss by step for four networks of 56 layers: only residual with BatchNorm falls quickly."
figure, axes = plt.subplots(1, 2, figsize=(12, 4.2), layout="constrained")
for name, kind in VARIANTS.items():
    model = make_deep(*kind)
    losses = train(model, small_x, train_y, steps=60, batch=32)
    norms = gradient_norms(model, small_x[:64], train_y[:64])
    style, color = STYLES[name]
    axes[0].plot(np.arange(9, 60), np.convolve(losses, np.ones(10) / 10, "valid"), style, color=color, linewidth=2,
                 label=name)
    axes[1].semilogy(range(1, 56), norms.clip(1e-12), style, color=color, linewidth=2, label=name)
    print(f"{name:20} mean loss of the first 10 steps {np.mean(losses[:10]):6.2f}, "
          f"of the last 20 {np.mean(losses[-20:]):5.2f}; gradient first / last {norms[0] / max(norms[-1], 1e-30):.0e}")
axes[0].axhline(math.log(10), color="0.7", linewidth=1)
axes[0].text(59, 3.3, "the thin line is guessing: log 10", ha="right", color="0.4")
axes[0].set(title=f"{DATA}, 56 layers", xlabel="step", ylabel="training loss, mean of 10 [nats]", ylim=(0, 3.5))
axes[1].set(title="Gradients after 60 steps", xlabel="convolution, counted from the image",
            ylabel="length of its gradient")
axes[1].legend()
plt.show()

# %% [markdown]
# What does it show, and what not?
#
# The residual network with BatchNorm learns from the start. The plain ones stay near guessing: without normalisation
# nothing moves, with it the loss has hardly begun to fall. The residual one without normalisation begins with an
# enormous loss and needs the steps to come back from there. So at this width, and in the first steps, it takes both.
#
# It is tempting to say: "deep plain networks fail because their gradients vanish, and the shortcut cures that". He et
# al. (2016, §4.1) say otherwise about their own experiment. Their plain networks had BatchNorm; they checked the
# gradients and found them healthy in size; and the deeper ones did train, only to a *higher training error* than the
# shallower ones: 34 layers against 18 on ImageNet, 56 against 20 on small pictures (Figure 6). They call that
# *degradation*, and argue that vanishing gradients are unlikely to be its cause. Our right-hand picture agrees at least
# in this: with BatchNorm, plain, nothing vanishes. What is seen here, in sixty steps, is an exploding start; what they
# saw, after 64,000 iterations, is a worse end. Both are cured by the same addition, and our little study does not tell
# why the second occurs.
#
# One more observation to take along. A sum that each layer only adds to *grows*, unless something holds it.
# Transformers are stacks of $x + F(x)$ too, and where the normalisation stands in them decides whether they train:
# module 04, *layer_norm_comparison*.

# %% [markdown]
# ## 6 · Why images came first, and what text lacked
#
# Between 2012 and 2016 image recognition was rebuilt on networks like these. Language was not; its turn came later.
# Why?
#
# **One trained model served many tasks.** A network trained on ImageNet's 1.2 million labelled photographs turned out
# to be useful for tasks it had never seen: take what its last layers give and put a simple classifier on top. Donahue
# et al. (2014) and Razavian et al. (2014) did so for scenes, birds, attributes and image search, and beat methods made
# for each. Text had pre-trained vectors for single words; all above them was built and trained anew for each task. Kim
# (2014) put one convolution over word vectors and trained it seven times, once per data set. Four years later Howard
# and Ruder (2018) still began their abstract with the observation that methods in language needed task-specific
# modifications and training from scratch, while vision had long moved on.
#
# **Labels were few.** The seven data sets of Kim (2014, Table 1) have between 3,775 and 11,855 sentences each. Saying
# what is in a photograph takes a second; marking the grammar of a sentence takes training. What text had in abundance
# was text without labels, and it took until 2018 to make good use of it: predict the next word, or a hidden one
# (modules 05, 06).
#
# **Sentences are long, and their parts far apart.** In an image neighbours belong together. In *the keys which the man
# who lives upstairs lost are here*, *are* belongs to *keys*. A stack of convolutions of kernel 3 needs a layer per
# word of distance (section 3); a recurrent network has to carry the subject through every step in between. Cho et al.
# (2014) found that their neural translator did well on short sentences and lost quality rapidly as they got longer.
# Vaswani et al. (2017, Table 1) compare just this: how many steps apart are two positions in a layer that is
# recurrent, convolutional, or attends? In the last, one.
#
# So the transformer kept what vision had found, depth, shortcuts, normalisation, dropout, and exchanged the one
# assumption that does not fit language: that what belongs together is near.

# %% [markdown]
# ## Recap
#
# - A convolution is a linear layer with two assumptions: look at patches only, and use the same weights everywhere. It
#   moves along with its input; what follows it need not.
# - Pooling keeps that a pattern was there and forgets, a little, where. It has no weights. Its padding is $-\infty$.
# - The receptive field grows by (k − 1) · jump per layer, and strides multiply the jump. Its rim counts for little.
# - Dropout zeroes a share p and divides the rest by 1 − p; in use it does nothing.
# - $x + F(x)$ gives the gradient a way back that no layer has multiplied. Together with a normalisation, 56 layers
#   train from the first step.
# - Degradation is not vanishing gradients: with BatchNorm plain networks have plenty of gradient, at the start too
#   much.
#
# Next: module 02, *tokenization*. What are the pixels of a text?

# %% [markdown]
# ## A question in words
#
# A friend recognises hand-drawn symbols of 32 × 32 pixels, with 500 examples and an MLP. The training accuracy is
# 100%, the test accuracy 70%. Users draw the symbols anywhere in the frame. The friend has three ideas: (1) more
# hidden units, (2) dropout, (3) 56 convolutional layers, "because deep is better". And adds: "but without shortcuts,
# since the gradients won't vanish, I use BatchNorm."
#
# In six to ten sentences: (a) What do you say to the first two ideas, and what would you propose instead, considering
# *where* users draw? (b) Which assumptions does your proposal build in, and for what kind of data would they be wrong?
# (c) What is right and what is wrong in the last sentence?

# %% [markdown] essay="symbols" points=3
# **(a)** The network already fits its 500 examples perfectly, so more hidden units give it nothing that it lacks;
# dropout may narrow the gap a little, but it does not tell the network that a symbol means the same at another place.
# A small convolutional network with pooling does, best with global average pooling before the last layer, and pictures
# moved at random during training. *(1 point: over-fitting named; sharing weights over places, or shifting the training
# pictures, fits the problem.)*
#
# **(b)** That what belongs together is near (local fields), and that a pattern means the same wherever it occurs
# (shared weights). They are wrong where position has a meaning of its own or related parts are far apart: a table
# whose columns are different quantities, a chess board's edge, a sentence whose verb agrees with a distant subject.
# *(1 point: both assumptions and a fitting counterexample.)*
#
# **(c)** Right: with BatchNorm the signals and gradients of a plain network do not vanish (He et al. checked it).
# Wrong: that this is enough. At initialisation the gradients of such a network grow towards the first layers, by
# orders of magnitude over 56 layers; and even where they are healthy, deep plain networks end at a higher training
# error than shallower ones, which is called degradation. Shortcuts help with both. For 500 symbols a few layers will
# do anyway. *(1 point: vanishing is indeed avoided; names explosion or degradation as what remains.)*

# %% [markdown]
# ## Sources
#
# - Fukushima 1980. *Neocognitron: A Self-organizing Neural Network Model for a Mechanism of Pattern Recognition
#   Unaffected by Shift in Position.* Biological Cybernetics 36.
# - LeCun et al. 1989. *Backpropagation Applied to Handwritten Zip Code Recognition.* Neural Computation 1.
# - LeCun, Bottou, Bengio, Haffner 1998. *Gradient-Based Learning Applied to Document Recognition.* Proceedings of the
#   IEEE 86. §II convolutional networks, §II.B LeNet-5.
# - Chellapilla, Puri, Simard 2006. *High Performance Convolutional Neural Networks for Document Processing.* Windows
#   as a matrix product.
# - Krizhevsky, Sutskever, Hinton 2012. *ImageNet Classification with Deep Convolutional Neural Networks.* NeurIPS
#   2012. §3.4 overlapping pooling, §4.2 dropout, Figure 3 learned filters.
# - Hinton, Srivastava, Krizhevsky, Sutskever, Salakhutdinov 2012. *Improving neural networks by preventing
#   co-adaptation of feature detectors.* arXiv 1207.0580.
# - Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov 2014. *Dropout: A Simple Way to Prevent Neural Networks
#   from Overfitting.* Journal of Machine Learning Research 15. §2, §4, §10.
# - Donahue et al. 2014. *DeCAF: A Deep Convolutional Activation Feature for Generic Visual Recognition.* ICML 2014,
#   arXiv 1310.1531.
# - Razavian, Azizpour, Sullivan, Carlsson 2014. *CNN Features off-the-shelf: an Astounding Baseline for Recognition.*
#   arXiv 1403.6382.
# - Kim 2014. *Convolutional Neural Networks for Sentence Classification.* EMNLP 2014, arXiv 1408.5882. Table 1.
# - Cho, van Merriënboer, Bahdanau, Bengio 2014. *On the Properties of Neural Machine Translation: Encoder–Decoder
#   Approaches.* arXiv 1409.1259.
# - Simonyan, Zisserman 2014. *Very Deep Convolutional Networks for Large-Scale Image Recognition.* ICLR 2015, arXiv
#   1409.1556. §2.3.
# - Ioffe, Szegedy 2015. *Batch Normalization: Accelerating Deep Network Training by Reducing Internal Covariate
#   Shift.* ICML 2015, arXiv 1502.03167.
# - He, Zhang, Ren, Sun 2016. *Deep Residual Learning for Image Recognition.* CVPR 2016, arXiv 1512.03385. §3 the
#   block, §4.1 degradation, §4.2 56 layers.
# - Luo, Li, Urtasun, Zemel 2016. *Understanding the Effective Receptive Field in Deep Convolutional Neural Networks.*
#   NeurIPS 2016, arXiv 1701.04128.
# - Xiao, Rasul, Vollgraf 2017. *Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning Algorithms.*
#   arXiv 1708.07747.
# - Vaswani et al. 2017. *Attention Is All You Need.* NeurIPS 2017, arXiv 1706.03762. §4, Table 1.
# - Howard, Ruder 2018. *Universal Language Model Fine-tuning for Text Classification.* ACL 2018, arXiv 1801.06146.
# - Araujo, Norris, Sim 2019. *Computing Receptive Fields of Convolutional Neural Networks.* Distill.
# - Yang, Pennington, Rao, Sohl-Dickstein, Schoenholz 2019. *A Mean Field Theory of Batch Normalization.* ICLR 2019,
#   arXiv 1902.08129.
# - Chowdhery et al. 2022. *PaLM: Scaling Language Modeling with Pathways.* arXiv 2204.02311. §5.
# - PyTorch documentation of `torch.nn.functional.conv2d`, `max_pool2d` and `dropout`, and of `torch.nn.BatchNorm2d`.
