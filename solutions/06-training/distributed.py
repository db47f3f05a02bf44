# %% [markdown]
# # Distributed training
#
# ## What you will build
#
# The four ways in which many processors train one model, each small enough to read and each exactly equal to what a
# single processor computes. `ring_all_reduce` adds tensors that lie on different ranks; `average_gradients` makes data
# parallelism of it; `CopyToRanks`, `ColumnParallelLinear` and `RowParallelLinear` cut a layer into pieces;
# `pipeline_schedule` cuts the model into stages and says who works when; `zero_memory` and `ShardedAdamW` share out
# what the optimizer remembers. You write each of them once. The checks run your code in threads, within this
# notebook; the demos run the same code in real processes, beside PyTorch's DDP and FSDP2. About an hour and a half.
#
# ## When it was invented, and why it matters
#
# A model of 7.5 billion parameters needs 120 GB in training with AdamW before the first activation is stored, and no
# single GPU of 2020 had that. Bandwidth-optimal rings for adding things up were worked out for clusters of computers by
# Patarasuk and Yuan (2009). PyTorch's data parallelism hides such sums behind the backward pass (Li et al. 2020). In
# 2019 three ideas appeared for models that do not fit: cut the layers themselves (Megatron-LM, Shoeybi et al.), put
# different layers in different places (GPipe, Huang et al.; PipeDream, Narayanan et al.), or store everything once
# instead of once per GPU (ZeRO, Rajbhandari et al.). Narayanan et al. (2021) put the first two and data parallelism
# together, on 3,072 GPUs, and every large model since is trained by some mixture of these four.
#
# ## Prerequisites and letters
#
# AdamW (*optimizers*), the feed-forward layer (*feed_forward*), micro-batches and why a mean of means is a mean
# (*training_loop*, section 4). From PyTorch: `torch.autograd.Function`, explained again where it is needed.
#
# Letters: `N` ranks, numbered 0 … N − 1; `n` numbers in a tensor; `P` parameters of a model; `D` its width, `T` tokens;
# `p` stages of a pipeline and `m` micro-batches. A *rank* is one of the workers, and also its number.

# %%
import ast
import json
import linecache
import os
import subprocess
import sys
import tempfile
import threading
import types
from collections import defaultdict, deque
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn

from autograder import check
from autograder.parts.feed_forward import FeedForward
from autograder.parts.optimizers import AdamW

sns.set_theme(style="whitegrid", context="notebook")
torch.set_num_threads(1)

# %% [markdown]
# ## 1 · Ranks, and what they can say to each other
#
# Every rank runs the *same* program. It learns its number, `comm.rank`, and how many there are, `comm.size`, and does
# its share. No memory is shared: what one rank knows and another needs must be sent. `comm`, the communicator, is all
# that your code sees of the others:
#
# | | |
# |---|---|
# | `comm.rank`, `comm.size` | who am I, of how many |
# | `comm.send(tensor, to)` | puts a copy of the tensor on its way to rank `to`, and goes on at once |
# | `comm.receive(like, source)` | waits for the next tensor from rank `source`, and returns it: a new tensor with the shape and dtype of `like`, whose contents do not matter |
# | `comm.all_reduce(tensor)` | returns the sum of the tensors of all ranks, on every rank |
# | `comm.all_gather(tensor)` | returns the list of the tensors of all ranks, in order, on every rank |
# | `comm.reduce_scatter(tensors)` | takes a list of one tensor per rank, and returns the sum, over the ranks, of the one for *this* rank |
#
# The last three are *collectives*: all ranks must call them, in the same order. They return new tensors and leave yours
# alone, and what arrives has no history for autograd. Letters from one rank to another arrive in the order in which
# they were sent.
#
# There are two communicators with this face. `Threads`, in the next cell, are ranks within this notebook:
# `run_ranks(f, size, …)` calls `f(comm, …)` on so many ranks at once and returns what each returned. One rank runs at a
# time, until it has to wait, so that the order of events is always the same, and if all of them wait, it says who waits
# for whom. It writes down what was sent, in `comm.log`. `Processes` follows in section 2. You need not read the next
# cell to go on; you can come back to it.

# %% tags=["export"]
class Stuck(RuntimeError):
    """Ranks wait for messages that nobody will send; or a message was sent that nobody received."""


class Stopped(BaseException):
    """What ends the other ranks when one has failed."""


class World:
    """The letter boxes between threads. One rank runs at a time, until it waits or ends; then the next one can."""

    def __init__(self, size: int) -> None:
        self.size, self.turn, self.error, self.stuck = size, 0, None, ""
        self.boxes, self.waits_for, self.ended = defaultdict(deque), {}, set()
        self.changed = threading.Condition()

    def can_run(self, rank: int) -> bool:
        """Is there something that this rank could do now?"""
        waits = rank in self.waits_for and not self.boxes[self.waits_for[rank], rank]
        return rank not in self.ended and not waits

    def pass_on(self, rank: int) -> None:
        """Give the turn to the next rank that can run; if there is none, to one that will say so."""
        ready = [r % self.size for r in range(rank + 1, rank + 1 + self.size) if self.can_run(r % self.size)]
        if not ready and self.waits_for:
            self.stuck = "; ".join(f"rank {r} waits for rank {source}" + ", which has ended" * (source in self.ended)
                                   for r, source in sorted(self.waits_for.items()))
            ready = [min(self.waits_for)]
        self.turn = ready[0] if ready else self.turn
        self.changed.notify_all()

    def wait_for_turn(self, rank: int) -> None:
        """Sleep until it is this rank's turn."""
        self.changed.wait_for(lambda: self.turn == rank or self.error is not None)
        if self.error is not None:
            raise Stopped
        if self.stuck:
            raise Stuck(self.stuck)


class Threads:
    """A rank that is a thread of this process, for tensors on the CPU. log: (verb, numbers, to) of all that it sent."""

    def __init__(self, rank: int, world: World) -> None:
        self.rank, self.size, self.world, self.log = rank, world.size, world, []

    def send(self, tensor: Tensor, to: int) -> None:
        """Put a copy of the tensor on its way to rank `to`, and go on."""
        self.log.append(("send", tensor.numel(), to))
        self._put(tensor, to, "send")

    def receive(self, like: Tensor, source: int) -> Tensor:
        """Wait for the next tensor from rank `source`. It must have the shape and dtype of `like`."""
        return self._take(like, source, "send")

    def all_reduce(self, tensor: Tensor) -> Tensor:
        """The sum of the ranks' tensors, on every rank."""
        return sum(self._swap("all_reduce", [tensor] * self.size))

    def all_gather(self, tensor: Tensor) -> list[Tensor]:
        """The ranks' tensors in order, on every rank. All have one shape."""
        return self._swap("all_gather", [tensor] * self.size)

    def reduce_scatter(self, tensors: list[Tensor]) -> Tensor:
        """The sum over the ranks of their tensors[rank], where rank is this one's number."""
        return sum(self._swap("reduce_scatter", list(tensors)))

    def _put(self, tensor: Tensor, to: int, verb: str) -> None:
        if not 0 <= to < self.size:
            raise ValueError(f"there is no rank {to}: {self.size} ranks are numbered 0 … {self.size - 1}")
        self.world.boxes[self.rank, to].append((verb, tensor.detach().clone()))

    def _take(self, like: Tensor, source: int, verb: str) -> Tensor:
        if not 0 <= source < self.size:
            raise ValueError(f"there is no rank {source}: {self.size} ranks are numbered 0 … {self.size - 1}")
        world = self.world
        if not world.boxes[source, self.rank]:
            with world.changed:
                world.waits_for[self.rank] = source
                world.pass_on(self.rank)
                world.wait_for_turn(self.rank)
                del world.waits_for[self.rank]
        sent_by, tensor = world.boxes[source, self.rank].popleft()
        if (sent_by, tensor.shape, tensor.dtype) != (verb, like.shape, like.dtype):
            raise ValueError(f"rank {self.rank} expects {tuple(like.shape)}, {like.dtype}, by {verb} from rank "
                             f"{source}, which gave {tuple(tensor.shape)}, {tensor.dtype}, by {sent_by}")
        return tensor

    def _swap(self, verb: str, pieces: list[Tensor]) -> list[Tensor]:
        if len(pieces) != self.size:
            raise ValueError(f"{verb} takes one tensor for each of the {self.size} ranks, and got {len(pieces)}")
        self.log.append((verb, pieces[self.rank].numel(), None))
        for rank, piece in enumerate(pieces):
            self._put(piece, rank, verb)
        return [self._take(pieces[self.rank], rank, verb) for rank in range(self.size)]


def run_ranks(f, size: int, *args) -> list:
    """Call f(comm, *args) on `size` ranks at once, each a thread. Returns their results, in the order of ranks.

    An error of one rank ends all, and is raised here. So is Stuck, where all wait, or a message was left lying.
    """
    world, results = World(size), [None] * size

    def run(rank: int) -> None:
        try:
            with world.changed:
                world.wait_for_turn(rank)
            results[rank] = f(Threads(rank, world), *args)
        except Stopped:
            pass
        except BaseException as error:
            world.error = world.error or error
        with world.changed:
            world.ended.add(rank)
            world.waits_for.pop(rank, None)
            world.pass_on(rank)

    threads = [threading.Thread(target=run, args=(rank,), daemon=True) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if world.error is not None:
        raise world.error.with_traceback(_outside(world.error.__traceback__))
    for (source, to), letters in world.boxes.items():
        if letters:
            raise Stuck(f"rank {source} sent rank {to} something that rank {to} did not receive")
    return results


def _outside(trace):
    """A traceback without its last frames as far as they are the communicator's: it ends in the code that called it."""
    frames = []
    while trace is not None:
        frames.append(trace)
        trace = trace.tb_next
    while len(frames) > 1 and isinstance(frames[-1].tb_frame.f_locals.get("self"), (Threads, World)):
        frames.pop()
    for frame in reversed(frames):
        trace = types.TracebackType(trace, frame.tb_frame, frame.tb_lasti, frame.tb_lineno)
    return trace


# %% [markdown]
# Here are three ranks at work, and then three that make the classical mistake. **Before you run the next cell:** in the
# second program every rank first receives from its left neighbour, then sends to its right one. What happens?

# %% demo="first-words" alt="Three ranks pass their numbers to the right; then three that wait for each other."
def to_the_right(comm):
    """Send my number to the right, and say what came from the left."""
    comm.send(torch.tensor([comm.rank]), (comm.rank + 1) % comm.size)
    return comm.receive(torch.tensor([0]), (comm.rank - 1) % comm.size).item()


def receive_first(comm):
    """The same in the other order."""
    heard = comm.receive(torch.tensor([0]), (comm.rank - 1) % comm.size).item()
    comm.send(torch.tensor([comm.rank]), (comm.rank + 1) % comm.size)
    return heard


print("heard from the left:", run_ranks(to_the_right, 3))
print("sums:", run_ranks(lambda comm: comm.all_reduce(torch.tensor(10.0**comm.rank)).item(), 3))
try:
    run_ranks(receive_first, 3)
except Stuck as error:
    print("Stuck:", error)

# %% [markdown]
# Everybody waits, nobody sends. With real processes nothing is printed in such a case: they wait, until a timeout, half
# an hour by default with gloo, ends the job. That is why the checks of this notebook run in threads that know of each
# other.
#
# ## 2 · Adding up in a ring
#
# N ranks have a tensor each, of n numbers; all want the sum. The obvious way: everybody sends to rank 0, which adds
# and sends the sum back. Then N − 1 tensors have to pass through the one cable of rank 0, each way, and the others are
# idle. Twice as many ranks take twice as long.
#
# The ring (Patarasuk and Yuan 2009) keeps every cable busy. Cut the tensor into N *chunks*. Every rank sends only to
# its right neighbour, rank + 1, and receives only from its left one, rank − 1, both modulo N.
#
# 1. **Reduce-scatter**, N − 1 rounds. In round t = 0, 1, … rank r sends chunk r − t and receives chunk r − t − 1, which
#    it *adds* to its own. (Chunk numbers are modulo N too.) A chunk travels round the ring and gathers what the ranks
#    have. After the last round rank r holds the complete sum of chunk r + 1.
# 2. **All-gather**, N − 1 rounds. In round t rank r sends chunk r + 1 − t, which is complete, and receives chunk r − t,
#    with which it *replaces* its own.
#
# Each round moves 1/N of the tensor, so a rank sends, and receives,
#
# $$2\,(N-1) \cdot \frac{n}{N} \;<\; 2n$$
#
# numbers, *however many ranks there are*. No all-reduce can do with less, if no rank may send more than another
# (Patarasuk and Yuan 2009).
#
# **`ring_all_reduce(tensor, comm)`** ★★★☆☆ · 15 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `tensor` | any shape, any dtype with addition; the same on all ranks | not to be changed |
# | `comm` | communicator | only `rank`, `size`, `send` and `receive` may be used; also `size` 1 |
# | result | shape and dtype of `tensor` | a new tensor, the sum over the ranks; the same bits on every rank; without history for autograd, also where `tensor` requires a gradient |
#
# The number of elements need not be a multiple of N, and may be below it: then some chunks are shorter, or empty. They
# are sent all the same, so that everybody sends 2 (N − 1) messages. Chunks differ in length by one at most, and the
# longer ones come first.
#
# <details><summary>Hint 1</summary>Work on a flat copy. If the chunks are views of it, then what is added to a chunk is
# added to the copy, and nothing has to be put together at the end.</details>
# <details><summary>Hint 2</summary><code>flat.tensor_split(N)</code> makes exactly N views, also of unequal length;
# <code>flat.chunk(N)</code> may make fewer. Python's <code>%</code> gives no negative numbers here:
# <code>(rank - t) % N</code> is fine.</details>
# <details><summary>Hint 3</summary>A round has two lines: <code>comm.send(chunks[…], right)</code>, then
# <code>chunks[…] += comm.receive(chunks[…], left)</code> in the first half. Write down rounds 0 and 1 for N = 3. In the
# second half <code>chunk.copy_(…)</code> replaces the contents of a view.</details>

# %% exercise="ring_all_reduce" minutes=15 level=3
def ring_all_reduce(tensor: Tensor, comm) -> Tensor:
    """The sum of the ranks' tensors, on every rank, by messages between neighbours in a ring.

    tensor: any one shape and dtype on all ranks, not changed. Uses send and receive only; each rank sends 2 (N - 1)
    messages, about 2 (N - 1) / N of the tensor in all. Returns a new tensor.   Patarasuk and Yuan 2009
    """
    ### BEGIN SOLUTION
    N, rank = comm.size, comm.rank
    right, left = (rank + 1) % N, (rank - 1) % N
    total = tensor.detach().clone().flatten()  # (n,)
    chunks = total.tensor_split(N)  # N views of it
    for t in range(N - 1):  # reduce-scatter
        comm.send(chunks[(rank - t) % N], right)
        mine = chunks[(rank - t - 1) % N]
        mine += comm.receive(mine, left)
    for t in range(N - 1):  # all-gather
        comm.send(chunks[(rank + 1 - t) % N], right)
        mine = chunks[(rank - t) % N]
        mine.copy_(comm.receive(mine, left))
    return total.view(tensor.shape)
    ### END SOLUTION


# %%
# Given: an all-reduce on as many ranks as a tensor has rows, and what it sent.
def summed(reduce, tensors):
    """What reduce(tensors[rank], comm) returns on each rank."""
    return run_ranks(lambda comm: reduce(tensors[comm.rank], comm), len(tensors))


def traffic(reduce, tensors):
    """For each rank: how many messages it sent, how many numbers in them, the longest, and to whom; other verbs."""
    def run(comm):
        reduce(tensors[comm.rank], comm)
        sent = [numbers for verb, numbers, _ in comm.log if verb == "send"]
        others = sorted({verb for verb, _, _ in comm.log if verb != "send"})
        return [len(sent), sum(sent), max(sent, default=0), sorted({to for _, _, to in comm.log if to is not None}),
                *others]

    return run_ranks(run, len(tensors))


def distinct(tensors):
    """How many different tensors there are among these, to the bit."""
    return len({str(t.tolist()) for t in tensors})


# %% check="ring_all_reduce: every rank has the sum" points=2
tensors = check.randn(3, 12, seed=1)
results = summed(ring_all_reduce, tensors)
check.close(results[0], check.randn(3, 12, seed=1).sum(0), atol=1e-5, rtol=1e-5,
            hint="three ranks, 12 numbers, rank 0: add in the first N − 1 rounds, replace in the others")
check.close(torch.stack(results[1:]), check.randn(3, 12, seed=1).sum(0).expand(2, 12), atol=1e-5, rtol=1e-5,
            hint="rank 0 has the sum, another has not: are all chunk numbers taken modulo N, from this rank's number?")
check.close(tensors, check.randn(3, 12, seed=1), atol=0, rtol=0, hint="the tensor handed in was changed: clone")
two = summed(ring_all_reduce, check.randn(2, 4, 3, seed=2))
check.close(torch.stack(two), check.randn(2, 4, 3, seed=2).sum(0).expand(2, 4, 3), atol=1e-5, rtol=1e-5,
            hint="two ranks, a matrix: work on it flat, return it in its shape")
alone = summed(ring_all_reduce, check.randn(1, 5, seed=3))
check.close(alone[0], check.randn(5, seed=3), hint="a single rank: no message, and the sum is its own tensor")
single = check.randn(1, 5, seed=3)
check.equal(summed(ring_all_reduce, single)[0].data_ptr() != single.data_ptr(), True,
            hint="a single rank too returns a new tensor: a copy of its own")
### BEGIN HIDDEN TESTS
five = summed(ring_all_reduce, check.randn(5, 5, 4, seed=4))
check.close(torch.stack(five), check.randn(5, 5, 4, seed=4).sum(0).expand(5, 5, 4), atol=1e-5, rtol=1e-5,
            hint="five ranks, a (5, 4) matrix on each")
### END HIDDEN TESTS

# %% check="ring_all_reduce: any length, any dtype, the same bits everywhere" points=2
uneven = summed(ring_all_reduce, check.randn(4, 10, seed=5))
check.close(torch.stack(uneven), check.randn(4, 10, seed=5).sum(0).expand(4, 10), atol=1e-5, rtol=1e-5,
            hint="10 numbers on 4 ranks: chunks of 3, 3, 2 and 2; tensor_split makes them")
tiny = summed(ring_all_reduce, check.randn(4, 2, seed=6))
check.close(torch.stack(tiny), check.randn(4, 2, seed=6).sum(0).expand(4, 2), atol=1e-5, rtol=1e-5,
            hint="2 numbers on 4 ranks: two chunks are empty; tensor_split still makes four")
check.equal(distinct(summed(ring_all_reduce, check.randn(4, 50, seed=7))), 1,
            hint="the ranks' sums differ in the last bit: in the second half a chunk is replaced, not added up again")
fine = summed(ring_all_reduce, check.randn(3, 7, seed=8).double())
check.dtype(fine[1], torch.float64, hint="float64 in, float64 out")
check.close(fine[1], check.randn(3, 7, seed=8).double().sum(0), atol=1e-12, rtol=1e-12,
            hint="float64: no detour through float32")
tracked = summed(ring_all_reduce, check.randn(3, 7, seed=15).requires_grad_())
check.equal(tracked[0].requires_grad, False, hint="the tensor may require a gradient, the sum has no history: detach")
whole = summed(ring_all_reduce, check.randint(0, 100, (3, 7), seed=9))
check.equal(whole[2], check.randint(0, 100, (3, 7), seed=9).sum(0), hint="integers can be added too")
### BEGIN HIDDEN TESTS
scalar = summed(ring_all_reduce, check.randn(3, seed=10))
check.close(torch.stack(scalar), check.randn(3, seed=10).sum().expand(3), atol=1e-5, rtol=1e-5,
            hint="a tensor without axes: flatten makes one number of it, and two empty chunks are left")
### END HIDDEN TESTS

# %% check="ring_all_reduce: 2 (N − 1) messages of 1/N each, to the right" points=2
check.equal(traffic(ring_all_reduce, check.randn(4, 20, seed=11)),
            [[6, 30, 5, [1]], [6, 30, 5, [2]], [6, 30, 5, [3]], [6, 30, 5, [0]]],
            hint="for each of 4 ranks with 20 numbers: 6 messages, 30 numbers in all, 5 at a time, to the right")
check.equal(traffic(ring_all_reduce, check.randn(3, 8, seed=12)),
            [[4, 11, 3, [1]], [4, 11, 3, [2]], [4, 10, 3, [0]]],
            hint="3 ranks, 8 numbers in chunks of 3, 3 and 2: 4 messages each, none longer than 3")
check.equal(traffic(ring_all_reduce, check.randn(4, 10, seed=16)),
            [[6, 15, 3, [1]], [6, 16, 3, [2]], [6, 15, 3, [3]], [6, 14, 3, [0]]],
            hint="4 ranks, 10 numbers in chunks of 3, 3, 2 and 2, not 3, 3, 3 and 1: they differ by one at most")
check.equal(traffic(ring_all_reduce, check.randn(4, 2, seed=17)),
            [[6, 3, 1, [1]], [6, 4, 1, [2]], [6, 3, 1, [3]], [6, 2, 1, [0]]],
            hint="4 ranks, 2 numbers: empty chunks are sent too, so that everybody sends 6 messages")
### BEGIN HIDDEN TESTS
check.equal(traffic(ring_all_reduce, check.randn(2, 6, seed=13)), [[2, 6, 3, [1]], [2, 6, 3, [0]]],
            hint="two ranks: half of the tensor out, half of it back")
check.equal(traffic(ring_all_reduce, check.randn(1, 6, seed=14)), [[0, 0, 0, []]], hint="one rank sends nothing")
### END HIDDEN TESTS

# %% [markdown]
# To see a ring turn, give each rank a tensor of one bit: rank r has $2^r$ in every chunk. Then the number in a message
# says whose contributions are in it. The picture replays the messages of your code for four ranks. **Before you run the
# next cell:** in which panel has somebody a complete chunk for the first time, and how many complete ones are there
# then?

# %% demo="ring" alt="Seven tables of ranks and chunks: counts grow along diagonals from 1 to 4, then 4 spreads."
class Recorder:
    """A communicator that also keeps what it sends."""

    def __init__(self, comm):
        self.comm, self.rank, self.size, self.letters = comm, comm.rank, comm.size, []

    def send(self, tensor, to):
        self.letters.append((to, tensor.clone()))
        self.comm.send(tensor, to)

    def receive(self, like, source):
        return self.comm.receive(like, source)


def letters_of(reduce, N):
    """All messages of an all-reduce in which rank r has the pairs (2**r, 10 ** chunk), by round."""
    def run(comm):
        recorder = Recorder(comm)
        reduce(torch.tensor([[2**comm.rank, 10**c] for c in range(N)]).flatten(), recorder)
        return recorder.letters

    return list(zip(*run_ranks(run, N), strict=True))


def draw_ring(N=4):
    """Which rank has how many contributions to which chunk, after each round."""
    state = np.tile(2 ** np.arange(N)[:, None], (1, N))  # (ranks, chunks), a bit for each contribution
    rounds = letters_of(ring_all_reduce, N)
    figure, axes = plt.subplots(1, 2 * N - 1, figsize=(12, 2.6), sharey=True, layout="constrained")
    for t, ax in enumerate(axes):
        if t:
            for to, letter in rounds[t - 1]:
                who, chunk = int(letter[0]), len(str(int(letter[1]))) - 1
                state[to, chunk] = state[to, chunk] | who
        counts = np.array([[int(bits).bit_count() for bits in row] for row in state])
        sns.heatmap(counts, ax=ax, vmin=0, vmax=N, cmap="Greys", annot=True, cbar=False, square=True, linewidths=0.5)
        ax.set(title=f"after round {t}" if t else "at first", xlabel="chunk", ylabel="" if t else "rank")
    figure.suptitle("How many ranks' numbers are in each chunk: first they travel and grow, then the whole is copied")
    plt.show()


draw_ring()

# %% [markdown]
# After the third round each rank has exactly one complete chunk, the one after its own number: that is the state in
# which a reduce-scatter leaves the ranks, and section 7 will stop there. The three rounds after it only copy.
#
# ### Real processes
#
# `Processes` is the same communicator for ranks that are processes, on one computer or on many, over
# `torch.distributed`. *gloo* carries tensors on the CPU through network sockets, *NCCL* those on NVIDIA GPUs, one GPU
# per process. (gloo starts a message when it is sent. NCCL starts one when both sides are there, on a queue of its own;
# so there sends wait for the next receive and both start together. That branch follows NCCL's rules, but was
# never run on several GPUs by us.)

# %% tags=["export"]
class Processes:
    """A rank that is a process, once torch.distributed.init_process_group was called, with gloo or with NCCL."""

    def __init__(self) -> None:
        self.rank, self.size = dist.get_rank(), dist.get_world_size()
        self.late, self.unsent, self.sent = dist.get_backend() == "nccl", [], []

    def send(self, tensor: Tensor, to: int) -> None:
        """Put a copy of the tensor on its way to rank `to`, and go on."""
        if tensor.numel():
            self.unsent.append(dist.P2POp(dist.isend, tensor.detach().clone(), to))
        if self.unsent and not self.late:
            self._start()

    def receive(self, like: Tensor, source: int) -> Tensor:
        """Wait for the next tensor from rank `source`, of the shape, dtype and device of `like`."""
        out = torch.empty_like(like)
        if like.numel():
            works = dist.batch_isend_irecv([*self.unsent, dist.P2POp(dist.irecv, out, source)])
            self.unsent = []
            for work in works:
                work.wait()
        return out

    def wait(self) -> None:
        """Until all that was sent has gone. Call it at the end."""
        if self.unsent:
            self._start()
        for _, works in self.sent:
            for work in works:
                work.wait()
        self.sent = []

    def all_reduce(self, tensor: Tensor) -> Tensor:
        """The sum of the ranks' tensors, on every rank."""
        out = tensor.detach().clone()
        dist.all_reduce(out)
        return out

    def all_gather(self, tensor: Tensor) -> list[Tensor]:
        """The ranks' tensors in order, on every rank. All have one shape."""
        out = [torch.empty_like(tensor) for _ in range(self.size)]
        dist.all_gather(out, tensor.detach().contiguous())
        return out

    def reduce_scatter(self, tensors: list[Tensor]) -> Tensor:
        """The sum over the ranks of their tensors[rank], where rank is this one's number."""
        out = torch.empty_like(tensors[self.rank]).flatten()
        dist.reduce_scatter_tensor(out, torch.cat([t.detach().flatten() for t in tensors]))
        return out.view_as(tensors[self.rank])

    def _start(self) -> None:
        self.sent.append((self.unsent, dist.batch_isend_irecv(self.unsent)))  # kept alive until they have gone
        self.unsent = []


# %% [markdown]
# How does a process get at a function that you wrote in a notebook? `launch` writes your code, as text, into a file,
# your program below it, and has `torchrun` start it N times. Each process finds its rank in the environment variable
# `RANK`, connects to the others, and runs. Starting takes some seconds, most of it for `import torch`. (Only the
# functions and classes of the exercises are written there. A helper function of your own has to stand inside the one
# that calls it.)

# %%
# Given: start a program in several processes.
HEAD = """
import json, math, os, statistics, sys, time
from datetime import timedelta
import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn
from internals.feed_forward import FeedForward
from internals.optimizers import AdamW

torch.set_num_threads(1)
torch.manual_seed(0)
"""
TAIL = """
if dist.get_rank() == 0:
    print("RESULT" + json.dumps(result))
comm.wait()
dist.barrier()
dist.destroy_process_group()
sys.stdout.flush()
os._exit(0)  # a thread of gloo's that lets a tensor go while Python ends would abort it: pytorch/pytorch#190489
"""


def source_of(thing):
    """The source of a function or class of this notebook, as text."""
    members = [thing, *(getattr(member, "__func__", member) for member in vars(thing).values())]
    name = next(member.__code__.co_filename for member in members if hasattr(member, "__code__"))
    text = "".join(linecache.getlines(name))
    found = next(node for node in ast.parse(text).body if getattr(node, "name", "") == thing.__name__)
    return ast.get_source_segment(text, found)


def launch(program, ranks, *things):
    """Run a program, text that sets `result`, in real processes over gloo; `comm` is there. Returns rank 0's result.

    things: functions and classes of this notebook that the program uses. None where processes cannot be started.
    """
    folder = Path(tempfile.mkdtemp())
    start = 'dist.init_process_group("gloo", timeout=timedelta(seconds=60))\ncomm = Processes()\n'
    script = folder / "program.py"
    sources = [HEAD, *map(source_of, (Processes, *things)), start + program, TAIL]
    script.write_text("\n\n".join(sources), encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(ranks)]
    try:
        with (folder / "out").open("w") as out, (folder / "errors").open("w") as errors:
            code = subprocess.run([*command, str(script)], env=environment, stdout=out, stderr=errors, timeout=180)
    except (OSError, subprocess.TimeoutExpired) as error:
        print(f"Processes could not be started here: {error}")
        return None
    answers = [line[6:] for line in (folder / "out").read_text().splitlines() if line.startswith("RESULT")]
    if code.returncode or not answers:
        lines = (folder / "errors").read_text().splitlines()
        print("The processes did not come to an end:", *[line for line in lines if "Error: " in line][:3], sep="\n  ")
        return None
    return json.loads(answers[0])


# %% [markdown]
# Four processes now add tensors of growing length: with your ring, by way of rank 0, and with `dist.all_reduce`.
# **Before you run the next cell:** for a tensor of a single kilobyte, which is faster, six rounds of neighbours or two
# rounds by way of rank 0?

# %% demo="ring-timed" alt="Time against size, log scales, three lines: flat for small tensors, rising for large ones."
def star_all_reduce(tensor, comm):
    """All to rank 0, and the sum back."""
    if comm.rank:
        comm.send(tensor, 0)
        return comm.receive(tensor, 0)
    total = tensor.clone()
    for rank in range(1, comm.size):
        total += comm.receive(tensor, rank)
    for rank in range(1, comm.size):
        comm.send(total, rank)
    return total


timed = launch("""
def library(tensor, comm):
    return comm.all_reduce(tensor)

def seconds(reduce, tensor, times):
    taken = []
    for _ in range(times):
        dist.barrier()
        start = time.perf_counter()
        reduce(tensor, comm)
        comm.wait()
        dist.barrier()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)

result = {"sizes": [2**k for k in range(8, 23, 2)], "ring": [], "star": [], "library": [], "error": 0.0}
for size in result["sizes"]:
    tensor = torch.randn(size, generator=torch.Generator().manual_seed(comm.rank))
    result["error"] = max(result["error"], (ring_all_reduce(tensor, comm) - comm.all_reduce(tensor)).abs().max().item())
    for name, reduce in (("ring", ring_all_reduce), ("star", star_all_reduce), ("library", library)):
        result[name].append(seconds(reduce, tensor, 9 if size < 10**6 else 5))
""", 4, ring_all_reduce, star_all_reduce)
if timed is not None:
    sizes = np.array(timed["sizes"]) * 4 / 1024
    figure, ax = plt.subplots(figsize=(8.5, 3.8), layout="constrained")
    for name, style, label in (("ring", "o-", "your ring"), ("star", "s--", "by way of rank 0"),
                               ("library", "^:", "dist.all_reduce")):
        ax.plot(sizes, 1000 * np.array(timed[name]), style, color="0.5" if name == "star" else "black", label=label)
    ax.set(title="Four processes add up: gloo on one computer", xlabel="size of the tensor [KB]",
           ylabel="time [ms]", xscale="log", yscale="log")
    ax.legend()
    plt.show()
    print(f"largest difference to dist.all_reduce: {timed['error']:.0e}")
    for k in (0, -1):
        words = [f"{name} {1000 * timed[name][k]:.2f} ms" for name in ("ring", "star", "library")]
        print(f"{sizes[k]:8.0f} KB:", ", ".join(words))

# %% [markdown]
# On two cores, which others used as well, the small tensors were ten times slower in the ring: some 20 ms against 1 to
# 3. There are six rounds, in each of which four processes wait for each other, however short the message, and the last
# to be woken holds up all. For large tensors it is copying numbers that takes the time, and at 16 MB the ring won both
# times that we looked (190 ms against 250, 340 against 400 when the machine was busier), although all four processes
# share one memory here and no real cable is relieved. The library, written in C++, beat both at that size. Yours will
# look different in detail. Hence the rule for what comes next: *few, large messages*.
#
# ## 3 · Data parallelism
#
# Every rank has the whole model, with the same weights, and its own part of the batch. It computes the gradient of the
# mean loss over its part, and then the gradients are averaged. The mean of N means is the mean over the whole batch, as
# long as all parts have the same size, so every rank holds the gradient that one process would have had, takes the same
# step of the optimizer, and all copies stay the same without ever being compared.
#
# A model has hundreds of gradients, some of them tiny, and each message has its fixed cost. So they are put end to end
# into *buckets*, and each bucket is reduced at once. PyTorch's DDP fills its buckets, of 25 MB, in the reverse order
# of the parameters: the last layer's gradients are ready first, and while the backward pass works on earlier layers,
# the first bucket is already on its way (Li et al. 2020, §3.2.3). Ours waits for the backward pass, and takes the
# same order.
#
# **`average_gradients(params, comm, bucket_size=6_000_000)`** ★★★☆☆ · 15 minutes
#
# | | | meaning |
# |---|---|---|
# | `params` | any iterable of parameters, in the same order on all ranks | those without gradient (`p.grad is None`, then on all ranks) are skipped |
# | `bucket_size` | int | how many *numbers* a bucket may hold; a gradient that is larger gets a bucket of its own |
# | effect | | every `p.grad` is replaced by its mean over the ranks, *in place*: the tensor `p.grad` stays the same one |
# | messages | | one `comm.all_reduce` of a flat tensor for each bucket; the last parameters first |
#
# Go through the gradients from the last to the first. The next one goes into the current bucket if it fits; else that
# bucket is closed, and a new one begins. Within a bucket the gradients stand in the order in which they came.
#
# <details><summary>Hint 1</summary>Two loops: one makes the list of buckets, each a list of gradients; the other
# reduces each bucket and takes it apart again.</details>
# <details><summary>Hint 2</summary><code>torch.cat([g.flatten() for g in bucket])</code> puts gradients end to end;
# <code>flat.split([g.numel() for g in bucket])</code> takes them apart.</details>
# <details><summary>Hint 3</summary>Begin a new bucket <code>if not buckets or room &lt; g.numel()</code>, with
# <code>room = bucket_size</code>, and count <code>room</code> down. <code>g.copy_(mean.view_as(g))</code> writes into
# the gradient that is there. The mean is the sum divided by <code>comm.size</code>.</details>

# %% exercise="average_gradients" minutes=15 level=3
def average_gradients(params, comm, bucket_size: int = 6_000_000) -> None:
    """Replace every gradient by its mean over the ranks, in place, with one all_reduce for each bucket.

    params: iterable, the same order everywhere; without gradient: skipped. Buckets hold at most bucket_size numbers, or
    one gradient; they are filled from the last parameter to the first.   Li et al. 2020, §3.2
    """
    ### BEGIN SOLUTION
    buckets, room = [], 0
    for g in reversed([p.grad for p in params if p.grad is not None]):
        if not buckets or room < g.numel():
            buckets.append([])
            room = bucket_size
        buckets[-1].append(g)
        room -= g.numel()
    for bucket in buckets:
        mean = comm.all_reduce(torch.cat([g.flatten() for g in bucket])) / comm.size
        for g, part in zip(bucket, mean.split([g.numel() for g in bucket]), strict=True):
            g.copy_(part.view_as(g))
    ### END SOLUTION


# %%
# Given: a small model, a batch that is shared out, and the gradients of the whole batch in one process.
def small(dtype=torch.float64):
    """Two layers with 66 parameters: 35, 7, 21 and 3."""
    return check.fill(nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 3))).to(dtype)


def batch(seed=20, rows=24, dtype=torch.float64):
    """Inputs and targets."""
    return check.randn(rows, 5, seed=seed).to(dtype), check.randn(rows, 3, seed=seed + 1).to(dtype)


def backward(model, x, y):
    """Gradients of the mean squared error, added to the parameters'."""
    F.mse_loss(model(x), y).backward()
    return model


def gradients_of(model):
    """All gradients, end to end; None counts for nothing."""
    return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])


def shared_out(average, ranks, without=(), seed=20, turned=False, **settings):
    """For each rank: the gradients after it computed its rows' and averaged, the lengths of its buckets, whether the
    gradients are still the same tensors. without: parameters without gradient. turned: hand them in from last to first.
    """
    def run(comm):
        model = small()
        backward(model, *(part.chunk(comm.size)[comm.rank] for part in batch(seed)))
        for k in without:
            list(model.parameters())[k].grad = None
        before = [id(p.grad) for p in model.parameters()]
        average(reversed(list(model.parameters())) if turned else model.parameters(), comm, **settings)
        same = before == [id(p.grad) for p in model.parameters()]
        return gradients_of(model), [f"{verb} {numbers}" for verb, numbers, _ in comm.log], same

    gradients, logs, same = zip(*run_ranks(run, ranks), strict=True)
    return torch.stack(gradients), logs[0], all(same)


def in_one_process(ranks, without=(), seed=20):
    """The gradients of the whole batch, a row for each rank."""
    model = backward(small(), *batch(seed))
    for k in without:
        list(model.parameters())[k].grad = None
    return gradients_of(model).expand(ranks, -1)


# %% check="average_gradients: the gradient of the whole batch, on every rank" points=2
gradients, _, same = shared_out(average_gradients, 4)
check.close(gradients[0], in_one_process(4)[0], atol=1e-10, rtol=1e-10,
            hint="rank 0 of 4: the mean over the ranks is the sum divided by comm.size")
check.close(gradients, in_one_process(4), atol=1e-10, rtol=1e-10, hint="all ranks end with the same gradients")
check.equal(same, True, hint="the gradients are other tensors than before: write into them, g.copy_(…)")
fewer, _, _ = shared_out(average_gradients, 3, without=(1, 2))
check.close(fewer, in_one_process(3, without=(1, 2)), atol=1e-10, rtol=1e-10,
            hint="the bias of layer 1 and the weight of layer 2 have no gradient, their .grad is None: skip them")
small_buckets, _, _ = shared_out(average_gradients, 2, bucket_size=30)
check.close(small_buckets, in_one_process(2), atol=1e-10, rtol=1e-10,
            hint="with bucket_size=30 gradients get mixed up: take a bucket apart in the order it was put together")
### BEGIN HIDDEN TESTS
other, _, _ = shared_out(average_gradients, 3, seed=30, bucket_size=8)
check.close(other, in_one_process(3, seed=30), atol=1e-10, rtol=1e-10, hint="three ranks, bucket_size=8")
alone, _, _ = shared_out(average_gradients, 1)
check.close(alone, in_one_process(1), atol=1e-10, rtol=1e-10, hint="a single rank keeps its gradients")
### END HIDDEN TESTS

# %% check="average_gradients: few messages, the last layer first" points=2
_, one_bucket, _ = shared_out(average_gradients, 2)
check.equal(one_bucket, ["all_reduce 66"], hint="66 numbers fit into one bucket: one all_reduce of a flat tensor")
_, buckets, _ = shared_out(average_gradients, 2, bucket_size=30)
check.equal(buckets, ["all_reduce 24", "all_reduce 7", "all_reduce 35"],
            hint="sizes 35, 7, 21, 3, buckets of 30, from the last: 3 + 21, then 7, then 35 alone, which is too large")
_, exact, _ = shared_out(average_gradients, 2, bucket_size=31)
check.equal(exact, ["all_reduce 31", "all_reduce 35"], hint="buckets of 31: 3 + 21 + 7 fit exactly")
_, single, _ = shared_out(average_gradients, 2, bucket_size=1)
check.equal(single, ["all_reduce 3", "all_reduce 21", "all_reduce 7", "all_reduce 35"],
            hint="bucket_size=1: each gradient in a bucket of its own, and no empty bucket before the first")
_, second, _ = shared_out(average_gradients, 2, turned=True, bucket_size=30)
check.equal(second, ["all_reduce 35", "all_reduce 28", "all_reduce 3"],
            hint="sizes 3, 21, 7, 35, buckets of 30, from the last: 35 alone, 7 + 21, then 3: each new bucket is empty")
_, part, _ = shared_out(average_gradients, 2, without=(2,), bucket_size=28)
check.equal(part, ["all_reduce 10", "all_reduce 35"], hint="a parameter without gradient takes no room in a bucket")
### BEGIN HIDDEN TESTS
_, part, _ = shared_out(average_gradients, 2, without=(0,), bucket_size=28)
check.equal(part, ["all_reduce 24", "all_reduce 7"], hint="the first parameter has no gradient")
### END HIDDEN TESTS

# %% [markdown]
# What if somebody forgets it? Four ranks learn a function from examples, each from its own. In one run they average
# their gradients, and in another they do not. In a third rank 0 has 2 of the 32 examples of a step and the others 10
# each, but their means are averaged all the same. **Before you run the next cell:** which of the three runs look
# healthy?

# %% demo="drift" alt="Left: losses of averaged runs coincide, without averaging higher. Right: copies drift apart."
def learn(comm, kind, steps=150):
    """Loss on new examples and the weights after each step, for a teacher that is itself a small network."""
    teacher, model = check.fill(nn.Sequential(nn.Linear(5, 16), nn.Tanh(), nn.Linear(16, 3))).double(), small()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2)
    new_x = check.randn(2000, 5, seed=99).double()
    losses, weights = [], []
    for step in range(steps):
        x = check.randn(32, 5, seed=1000 + step).double()
        y = teacher(x).detach() + 0.5 * check.randn(32, 3, seed=2000 + step).double()
        cuts = [2, 12, 22] if kind == "unequal" else comm.size
        optimizer.zero_grad()
        backward(model, *(part.tensor_split(cuts)[comm.rank] for part in (x, y)))
        if kind != "forgotten":
            average_gradients(model.parameters(), comm)
        optimizer.step()
        with torch.no_grad():
            losses.append(F.mse_loss(model(new_x), teacher(new_x)).item())
        weights.append(torch.cat([p.detach().flatten() for p in model.parameters()]))
    return torch.tensor(losses), torch.stack(weights)


(single,) = run_ranks(learn, 1, "averaged")
runs = {kind: run_ranks(learn, 4, kind) for kind in ("averaged", "unequal", "forgotten")}
figure, axes = plt.subplots(1, 2, figsize=(11, 3.8), layout="constrained")
axes[0].plot(single[0], color="0.75", linewidth=6, label="one process")
for (kind, ranks), (style, color) in zip(runs.items(), (("-", "black"), ("--", "0.4"), (":", "0.2")), strict=True):
    axes[0].plot(torch.stack([losses for losses, _ in ranks]).mean(0), style, color=color, label=f"4 ranks, {kind}")
    apart = torch.stack([(weights - ranks[0][1]).norm(dim=1) for _, weights in ranks]).amax(0)
    axes[1].plot(apart, style, color=color, label=kind)
    print(f"{kind:10} loss at the end {np.mean([losses[-1].item() for losses, _ in ranks]):.4f}, weights at most "
          f"{apart[-1]:.4f} apart, {(ranks[0][1][-1] - single[1][-1]).norm():.1e} from one process's")
print(f"one process: loss at the end {single[0][-1]:.4f}")
axes[0].set(title="On new examples", xlabel="step", ylabel="squared error", yscale="log")
axes[1].set(title="Do the copies stay together?", xlabel="step", ylabel="largest distance to rank 0")
for ax in axes:
    ax.legend(fontsize=10)
plt.show()

# %% [markdown]
# All of them look healthy on the left; only side by side can one be told from another. Averaged, four ranks are the
# single process to fifteen digits. The unequal shares learn too, a little less evenly: two examples have as much to say
# as ten others, so the gradient is noisier, but it is the same on every rank, and the copies stay together, if 0.17
# away from where the single process ends. Where the averaging was forgotten, four different models are trained on a
# quarter of the data each: the loss falls and stays above the others', about half as high again, and the weights move
# apart from the first step on. The test for a real run: compare the weights of two ranks, which must agree to the last
# bit.
#
# ## 4 · Cutting a layer: two small functions
#
# Data parallelism needs the whole model on every rank. Tensor parallelism cuts the matrices. Take two layers,
# $y = W_2\,\varphi(W_1 x)$. Give each rank some *rows* of $W_1$, that is some hidden units, and the matching *columns*
# of $W_2$. Each computes its hidden units from the whole x, applies φ, which looks at each unit by itself, and
# multiplies by its columns. What it gets is a part of every output, and the parts need only be added:
#
# $$W_2\,\varphi(W_1 x) = \sum_{r} W_2^{(r)}\,\varphi\big(W_1^{(r)} x\big)$$
#
# One all-reduce forward. (Shoeybi et al. 2019, §3, multiply from the left, $xA$: there the first matrix is cut into
# *columns* and the second into *rows*. Hence the names of the layers: "column" means: by outputs.)
#
# And backward? x goes into N branches, one for each rank, and the gradient of a branching is the *sum* of the gradients
# that come back. Each rank knows only its own. So there is one all-reduce backward as well, at the entrance. The two
# places are mirror images, called *f* and *g* in the paper:
#
# | | forward | backward |
# |---|---|---|
# | f, `CopyToRanks`, at the entrance | x as it is | all-reduce of the gradient |
# | g, `SumOverRanks`, at the exit | all-reduce of x | the gradient as it is |
#
# Autograd knows nothing of other ranks, so both are written by hand, as a `torch.autograd.Function`: `forward(ctx, x,
# comm)` computes, and may put on `ctx` what will be needed; `backward(ctx, grad)` gets the gradient of the output and
# returns one gradient for each argument of `forward`: for x, and None for `comm`. They are called as
# `CopyToRanks.apply(x, comm)`.
#
# **`CopyToRanks`**, and **`SumOverRanks`** in the same cell ★★★☆☆ · 10 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `x`, `grad`, results | any one shape and dtype | not to be changed in place |
# | messages | | one `comm.all_reduce` each: `CopyToRanks` in `backward` only, `SumOverRanks` in `forward` only |
#
# <details><summary>Hint 1</summary>Each of the four methods is a line or two. Two of them call
# <code>comm.all_reduce</code>.</details>
# <details><summary>Hint 2</summary><code>ctx.comm = comm</code> in <code>forward</code> lets <code>backward</code> use
# the communicator.</details>
# <details><summary>Hint 3</summary>"As it is" means <code>return x</code>, or <code>x.view_as(x)</code>. Every
# <code>backward</code> returns two things: <code>…, None</code>.</details>

# %% exercise="CopyToRanks" minutes=10 level=3
class CopyToRanks(torch.autograd.Function):
    """Forward x as it is; backward the sum over the ranks of the gradient. f in Shoeybi et al. 2019, §3."""

    @staticmethod
    def forward(ctx, x: Tensor, comm) -> Tensor:
        """x: any shape, the same numbers on all ranks."""
        ### BEGIN SOLUTION
        ctx.comm = comm
        return x
        ### END SOLUTION

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple:
        """grad: of the output, this rank's part of the whole. Returns the whole, and None for comm."""
        ### BEGIN SOLUTION
        return ctx.comm.all_reduce(grad), None
        ### END SOLUTION


class SumOverRanks(torch.autograd.Function):
    """Forward the sum over the ranks of x; backward the gradient as it is. g in Shoeybi et al. 2019, §3."""

    @staticmethod
    def forward(ctx, x: Tensor, comm) -> Tensor:
        """x: any shape, this rank's part of the sum."""
        ### BEGIN SOLUTION
        return comm.all_reduce(x)
        ### END SOLUTION

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple:
        """grad: of the sum, the same numbers on all ranks. Returns it, and None for comm."""
        ### BEGIN SOLUTION
        return grad, None
        ### END SOLUTION


# %%
# Given: a function of autograd on several ranks.
def through(function, inputs, ups):
    """Outputs, gradients of the inputs, and messages forward and backward, with a word if x or grad was changed.
    inputs, ups: a row for each rank; ups: the gradient that comes back to the output."""
    def run(comm):
        x, up = inputs[comm.rank].clone().requires_grad_(), ups[comm.rank].clone()
        out = function.apply(x, comm)
        there = len(comm.log)
        out.backward(up)
        changed = ["x was changed"] * (not torch.equal(x, inputs[comm.rank]))
        changed += ["grad was changed"] * (not torch.equal(up, ups[comm.rank]))
        return out.detach(), x.grad, [there, len(comm.log) - there, *changed]

    outs, grads, messages = zip(*run_ranks(run, len(inputs)), strict=True)
    return torch.stack(outs), torch.stack(grads), messages[0]


# %% check="CopyToRanks: as it is forward, added up backward" points=1
out, grad, messages = through(CopyToRanks, check.randn(3, 4, 2, seed=40), check.randn(3, 4, 2, seed=41))
check.close(out, check.randn(3, 4, 2, seed=40), hint="forward: each rank gets its own x back")
check.close(grad, check.randn(3, 4, 2, seed=41).sum(0).expand(3, 4, 2), atol=1e-5, rtol=1e-5,
            hint="backward: the sum of all ranks' gradients, on each rank: ctx.comm.all_reduce(grad)")
check.equal(messages, [0, 1], hint="no message forward, one all_reduce backward; x and grad stay as they are")
### BEGIN HIDDEN TESTS
_, fine, _ = through(CopyToRanks, check.randn(2, 5, seed=42).double(), check.randn(2, 5, seed=43).double())
check.close(fine, check.randn(2, 5, seed=43).double().sum(0).expand(2, 5), atol=1e-12, rtol=1e-12,
            hint="two ranks, float64")
### END HIDDEN TESTS

# %% check="CopyToRanks: and SumOverRanks the other way round" points=1
out, grad, messages = through(SumOverRanks, check.randn(3, 4, 2, seed=44), check.randn(3, 4, 2, seed=45))
check.close(out, check.randn(3, 4, 2, seed=44).sum(0).expand(3, 4, 2), atol=1e-5, rtol=1e-5,
            hint="SumOverRanks forward: the sum of all ranks' x, on each rank")
check.close(grad, check.randn(3, 4, 2, seed=45),
            hint="SumOverRanks backward: the gradient as it is. Each summand of a sum gets the sum's gradient")
check.equal(messages, [1, 0], hint="one all_reduce forward, no message backward; x and grad stay as they are")
### BEGIN HIDDEN TESTS
fine, _, _ = through(SumOverRanks, check.randn(2, 5, seed=46).double(), check.randn(2, 5, seed=47).double())
check.close(fine, check.randn(2, 5, seed=46).double().sum(0).expand(2, 5), atol=1e-12, rtol=1e-12,
            hint="two ranks, float64")
### END HIDDEN TESTS

# %% [markdown]
# ### A layer cut by outputs
#
# `nn.Linear` computes $x W^\top + b$ with W of (outputs, inputs). Cut by outputs, rank r keeps the r-th N-th of the
# rows of W and of b, and computes its outputs from the whole x, which enters through `CopyToRanks`.
#
# **`ColumnParallelLinear(linear, comm)`** ★★☆☆☆ · 5 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `linear` | `nn.Linear(K, M)`, the same on all ranks | the whole layer, with or without bias; not changed, not kept |
# | `self.weight` | `nn.Parameter` (M / N, K) | a *copy* of this rank's rows, so that the whole matrix can be freed |
# | `self.bias` | `nn.Parameter` (M / N,), or None | a copy of this rank's part |
# | `forward(x)` | (…, K), the same on all ranks → (…, M / N) | this rank's outputs |
#
# If M is not a multiple of N, raise `ValueError`.
#
# <details><summary>Hint 1</summary><code>weight.chunk(N)[rank]</code> is this rank's rows. A chunk is a view: clone
# it.</details>
# <details><summary>Hint 2</summary>A <code>nn.Parameter</code> is made of a tensor without history:
# <code>nn.Parameter(t.detach().clone())</code>. A bias of <code>None</code> stays <code>None</code>.</details>
# <details><summary>Hint 3</summary><code>F.linear(x, weight, bias)</code> takes None for the bias too. x goes through
# <code>CopyToRanks.apply</code> first.</details>

# %% exercise="ColumnParallelLinear" minutes=5 level=2
class ColumnParallelLinear(nn.Module):
    """A linear layer of which this rank has some of the outputs.

    linear: the whole layer, (K inputs, M outputs), M a multiple of comm.size, else ValueError.
    Parameters, copies: weight (M / N, K) and bias (M / N,), or None.   Shoeybi et al. 2019, §3
    """

    def __init__(self, linear: nn.Linear, comm) -> None:
        super().__init__()
        ### BEGIN SOLUTION
        if linear.out_features % comm.size:
            raise ValueError(f"{linear.out_features} outputs cannot be shared out evenly among {comm.size} ranks")
        self.comm = comm
        self.weight = nn.Parameter(linear.weight.detach().chunk(comm.size)[comm.rank].clone())
        bias = linear.bias
        self.bias = None if bias is None else nn.Parameter(bias.detach().chunk(comm.size)[comm.rank].clone())
        ### END SOLUTION

    def forward(self, x: Tensor) -> Tensor:
        """x: (..., K), the same on all ranks. Returns this rank's outputs, (..., M / N)."""
        ### BEGIN SOLUTION
        return F.linear(CopyToRanks.apply(x, self.comm), self.weight, self.bias)
        ### END SOLUTION


# %%
# Given: a layer that is cut, on several ranks, and what a whole one computes.
def whole_layer(inputs, outputs, bias=True):
    """A linear layer in float64."""
    return check.fill(nn.Linear(inputs, outputs, bias=bias)).double()


def gradient(p):
    """The gradient of a parameter; zeros where none has come."""
    return None if p is None else torch.zeros_like(p) if p.grad is None else p.grad


def cut_layer(layer_class, ranks, inputs, outputs, x, up, cut_x=False, cut_up=True, bias=True):
    """For each rank: the output, the gradients of x, weight and bias, and the log. x: (…, inputs), up: (…, outputs)."""
    def run(comm):
        layer = layer_class(whole_layer(inputs, outputs, bias), comm)
        mine = (x.chunk(comm.size, dim=-1)[comm.rank] if cut_x else x).clone().requires_grad_()
        back = up.chunk(comm.size, dim=-1)[comm.rank] if cut_up else up
        out = layer(mine)
        if out.shape == back.shape:  # else the check will say so
            (out * back).sum().backward()
        return out.detach(), *map(gradient, (mine, layer.weight, layer.bias)), comm.log

    return list(zip(*run_ranks(run, ranks), strict=True))


def one_layer(inputs, outputs, x, up, bias=True):
    """Output and gradients of x, weight and bias of the whole layer, by PyTorch."""
    layer, x = whole_layer(inputs, outputs, bias), x.clone().requires_grad_()
    out = layer(x)
    (out * up).sum().backward()
    return out.detach(), x.grad, layer.weight.grad, layer.bias.grad if bias else None


def held(layer_class, ranks, inputs, outputs, bias=True):
    """For each rank: names and shapes of the parameters, how many numbers their storages hold, and a word if the whole
    layer has the same storage."""
    def run(comm):
        whole = whole_layer(inputs, outputs, bias)
        places = [p.untyped_storage().data_ptr() for p in whole.parameters()]
        return sorted(f"{name} {tuple(p.shape)} of {p.untyped_storage().nbytes() // 8}"
                      + ", the whole layer's own" * (p.untyped_storage().data_ptr() in places)
                      for name, p in layer_class(whole, comm).named_parameters())

    return run_ranks(run, ranks)


def unchanged(layer_class, ranks, inputs, outputs):
    """For each rank: has the whole layer the same parameters after one was made of it?"""
    def run(comm):
        fresh, whole = whole_layer(inputs, outputs), whole_layer(inputs, outputs)
        layer_class(whole, comm)
        return [p.tolist() for p in whole.parameters()] == [p.tolist() for p in fresh.parameters()]

    return run_ranks(run, ranks)


def make(layer_class, ranks, inputs, outputs):
    """Build a layer on each rank."""
    return run_ranks(lambda comm: layer_class(whole_layer(inputs, outputs), comm) is None, ranks)


# %% check="ColumnParallelLinear: each rank its outputs, and its rows' gradients" points=2
out, x_grad, weight_grad, bias_grad, logs = cut_layer(
    ColumnParallelLinear, 3, 4, 6, check.randn(2, 5, 4, seed=50).double(), check.randn(2, 5, 6, seed=51).double())
expected_out, expected_x, expected_weight, expected_bias = one_layer(4, 6, check.randn(2, 5, 4, seed=50).double(),
                                                                     check.randn(2, 5, 6, seed=51).double())
check.close(torch.cat(out, dim=-1), expected_out, atol=1e-10, rtol=1e-10,
            hint="the ranks' outputs side by side are the whole layer's: rank r has the r-th part of the rows")
check.close(torch.cat(weight_grad), expected_weight, atol=1e-10, rtol=1e-10, hint="gradients of each rank's rows")
check.close(torch.cat(bias_grad), expected_bias, atol=1e-10, rtol=1e-10, hint="gradients of each rank's part of b")
check.close(torch.stack(x_grad), expected_x.expand(3, 2, 5, 4), atol=1e-10, rtol=1e-10,
            hint="the gradient of x is the sum of all ranks': send x through CopyToRanks")
check.equal([len(logs[0]), logs[0][0][0]], [1, "all_reduce"], hint="one all_reduce, in the backward pass")
out2, x_grad2, weight_grad2, _, _ = cut_layer(ColumnParallelLinear, 2, 3, 8, check.randn(7, 3, seed=52).double(),
                                              check.randn(7, 8, seed=53).double(), bias=False)
expected_out2, expected_x2, expected_weight2, _ = one_layer(3, 8, check.randn(7, 3, seed=52).double(),
                                                            check.randn(7, 8, seed=53).double(), bias=False)
check.close(torch.cat(out2, dim=-1), expected_out2, atol=1e-10, rtol=1e-10, hint="two ranks, without bias")
### BEGIN HIDDEN TESTS
check.close(torch.stack(x_grad2), expected_x2.expand(2, 7, 3), atol=1e-10, rtol=1e-10, hint="two ranks, no bias")
### END HIDDEN TESTS

# %% check="ColumnParallelLinear: only its own part is kept" points=1
check.equal(held(ColumnParallelLinear, 2, 4, 6), [["bias (3,) of 3", "weight (3, 4) of 12"]] * 2,
            hint="parameters weight (M / N, K) and bias (M / N,); a view would keep the whole matrix in memory: clone")
check.equal(held(ColumnParallelLinear, 3, 4, 6, bias=False), [["weight (2, 4) of 8"]] * 3,
            hint="a layer without bias has none afterwards either")
check.equal(unchanged(ColumnParallelLinear, 2, 4, 6), [True] * 2, hint="the layer handed in stays as it is: clone")
check.raises(lambda: make(ColumnParallelLinear, 4, 4, 6), ValueError, hint="6 outputs on 4 ranks: raise ValueError")
### BEGIN HIDDEN TESTS
check.equal(held(ColumnParallelLinear, 1, 3, 2), [["bias (2,) of 2", "weight (2, 3) of 6"]], hint="a single rank")
### END HIDDEN TESTS

# %% [markdown]
# ### A layer cut by inputs
#
# Cut by inputs, rank r keeps the r-th N-th of the *columns* of W, and gets only the matching features of x: what a
# `ColumnParallelLinear` before it has put out, with a non-linearity applied. Its product is a part of every output;
# `SumOverRanks` adds the parts up. The bias belongs to the sum. Every rank has the whole of it and adds it *after* the
# sum; before, it would be added N times.
#
# **`RowParallelLinear(linear, comm)`** ★★☆☆☆ · 5 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `linear` | `nn.Linear(K, M)`, the same on all ranks | as above |
# | `self.weight` | `nn.Parameter` (M, K / N) | a copy of this rank's columns |
# | `self.bias` | `nn.Parameter` (M,), or None | a copy of the whole bias |
# | `forward(x)` | (…, K / N), this rank's features → (…, M), the same on all ranks | the whole output |
#
# If K is not a multiple of N, raise `ValueError`.
#
# <details><summary>Hint 1</summary>It mirrors the last exercise: the other axis of W, the other function, at the other
# end.</details>
# <details><summary>Hint 2</summary><code>weight.chunk(N, dim=1)[rank]</code> is this rank's columns.</details>
# <details><summary>Hint 3</summary>Multiply without a bias, <code>F.linear(x, self.weight)</code>, send the product
# through <code>SumOverRanks.apply</code>, then add the bias, if there is one.</details>

# %% exercise="RowParallelLinear" minutes=5 level=2
class RowParallelLinear(nn.Module):
    """A linear layer of which this rank has some of the inputs; the outputs are added up over the ranks.

    linear: the whole layer, (K inputs, M outputs), K a multiple of comm.size, else ValueError.
    Parameters, copies: weight (M, K / N) and the whole bias (M,), or None.   Shoeybi et al. 2019, §3
    """

    def __init__(self, linear: nn.Linear, comm) -> None:
        super().__init__()
        ### BEGIN SOLUTION
        if linear.in_features % comm.size:
            raise ValueError(f"{linear.in_features} inputs cannot be shared out evenly among {comm.size} ranks")
        self.comm = comm
        self.weight = nn.Parameter(linear.weight.detach().chunk(comm.size, dim=1)[comm.rank].clone())
        self.bias = None if linear.bias is None else nn.Parameter(linear.bias.detach().clone())
        ### END SOLUTION

    def forward(self, x: Tensor) -> Tensor:
        """x: (..., K / N), this rank's features. Returns the whole output, (..., M), the same on all ranks."""
        ### BEGIN SOLUTION
        out = SumOverRanks.apply(F.linear(x, self.weight), self.comm)
        return out if self.bias is None else out + self.bias
        ### END SOLUTION


# %%
# Given: a feed-forward layer of the two, and the whole one.
def cut_mlp(column, row, ranks, x, up):
    """For each rank: output, gradient of x, gradients of the four parameters, and the verbs of its log."""
    def run(comm):
        mlp = check.fill(FeedForward(6, 12)).double()
        first, second, mine = column(mlp.up, comm), row(mlp.down, comm), x.clone().requires_grad_()
        out = second(F.relu(first(mine)))
        (out * up).sum().backward()
        return (out.detach(), mine.grad, first.weight.grad, first.bias.grad, second.weight.grad, second.bias.grad,
                [verb for verb, _, _ in comm.log])

    return list(zip(*run_ranks(run, ranks), strict=True))


def one_mlp(x, up):
    """The same by the whole layer."""
    mlp, x = check.fill(FeedForward(6, 12)).double(), x.clone().requires_grad_()
    out = mlp(x)
    (out * up).sum().backward()
    return out.detach(), x.grad, mlp.up.weight.grad, mlp.up.bias.grad, mlp.down.weight.grad, mlp.down.bias.grad


# %% check="RowParallelLinear: the parts add up to the whole" points=2
out, x_grad, weight_grad, bias_grad, logs = cut_layer(
    RowParallelLinear, 3, 6, 4, check.randn(2, 5, 6, seed=54).double(), check.randn(2, 5, 4, seed=55).double(),
    cut_x=True, cut_up=False)
expected_out, expected_x, expected_weight, expected_bias = one_layer(6, 4, check.randn(2, 5, 6, seed=54).double(),
                                                                     check.randn(2, 5, 4, seed=55).double())
check.close(torch.stack(out), expected_out.expand(3, 2, 5, 4), atol=1e-10, rtol=1e-10,
            hint="every rank has the whole output: the sum of the products, and the bias added once, after the sum")
check.close(torch.cat(x_grad, dim=-1), expected_x, atol=1e-10, rtol=1e-10,
            hint="gradient of each rank's features: zeros mean that the sum has no way back, which SumOverRanks has")
check.close(torch.cat(weight_grad, dim=1), expected_weight, atol=1e-10, rtol=1e-10,
            hint="gradients of each rank's columns: no all_reduce on the way back")
check.close(torch.stack(bias_grad), expected_bias.expand(3, 4), atol=1e-10, rtol=1e-10,
            hint="every rank has the whole bias and its whole gradient")
check.equal([len(logs[0]), logs[0][0][0]], [1, "all_reduce"], hint="one all_reduce, in the forward pass")
check.equal(held(RowParallelLinear, 2, 6, 4), [["bias (4,) of 4", "weight (4, 3) of 12"]] * 2,
            hint="parameters weight (M, K / N) and bias (M,), both copies, not views: clone")
check.raises(lambda: make(RowParallelLinear, 4, 6, 4), ValueError, hint="6 inputs on 4 ranks: raise ValueError")
out2, x_grad2, _, _, _ = cut_layer(RowParallelLinear, 2, 8, 3, check.randn(7, 8, seed=56).double(),
                                   check.randn(7, 3, seed=57).double(), cut_x=True, cut_up=False, bias=False)
expected_out2, expected_x2, _, _ = one_layer(8, 3, check.randn(7, 8, seed=56).double(),
                                             check.randn(7, 3, seed=57).double(), bias=False)
check.close(torch.stack(out2), expected_out2.expand(2, 7, 3), atol=1e-10, rtol=1e-10, hint="two ranks, without bias")
check.equal(held(RowParallelLinear, 3, 6, 4, bias=False), [["weight (4, 2) of 8"]] * 3,
            hint="a layer without bias has none afterwards either")
### BEGIN HIDDEN TESTS
own_bias = held(RowParallelLinear, 1, 3, 2)
check.equal(own_bias, [["bias (2,) of 2", "weight (2, 3) of 6"]], hint="a single rank")
### END HIDDEN TESTS

# %% check="RowParallelLinear: column then row is a feed-forward layer, with one message each way" points=1
out, x_grad, up_weight, up_bias, down_weight, down_bias, verbs = cut_mlp(
    ColumnParallelLinear, RowParallelLinear, 3, check.randn(5, 6, seed=58).double(),
    check.randn(5, 6, seed=59).double())
expected_out, expected_x, expected_up, expected_up_bias, expected_down, expected_down_bias = one_mlp(
    check.randn(5, 6, seed=58).double(), check.randn(5, 6, seed=59).double())
check.close(torch.stack(out), expected_out.expand(3, 5, 6), atol=1e-10, rtol=1e-10, hint="the output of the two layers")
check.close(torch.stack(x_grad), expected_x.expand(3, 5, 6), atol=1e-10, rtol=1e-10, hint="the gradient of x, whole")
check.close(torch.cat(up_weight), expected_up, atol=1e-10, rtol=1e-10, hint="gradients of the first layer's rows")
check.close(torch.cat(up_bias), expected_up_bias, atol=1e-10, rtol=1e-10, hint="gradients of the first layer's bias")
check.close(torch.cat(down_weight, dim=1), expected_down, atol=1e-10, rtol=1e-10,
            hint="gradients of the second layer's columns")
check.close(torch.stack(down_bias), expected_down_bias.expand(3, 6), atol=1e-10, rtol=1e-10,
            hint="gradient of the second layer's bias")
check.equal(verbs[0], ["all_reduce", "all_reduce"], hint="one all_reduce forward, one backward, no other message")

# %% [markdown]
# Attention is cut in the same way, by heads: queries, keys and values are column-parallel, each rank has whole heads,
# and the output projection is row-parallel. So a transformer block costs two all-reduces forward and two backward, of a
# tensor of activations. Data parallelism costs one all-reduce of all gradients per step, whatever the batch. The next
# cell counts, for a feed-forward layer of width D = 32 and its 8 D² weights, how many numbers go into all-reduces in
# one step: the gradients in data parallelism, the activations in tensor parallelism. **Before you run it:** at how
# many tokens do they cost the same?

# %% demo="volume" alt="Numbers reduced per step against tokens: flat for data parallel, rising for tensor parallel."
D = 32


def reduced(comm, kind, tokens):
    """How many numbers this rank gave to all-reduces in one step on so many tokens."""
    mlp = FeedForward(D, 4 * D, bias=False)
    x = torch.randn(tokens, D, requires_grad=True)
    if kind == "data":
        mlp(x.chunk(comm.size)[comm.rank]).sum().backward()
        average_gradients(mlp.parameters(), comm)
    else:
        first, second = ColumnParallelLinear(mlp.up, comm), RowParallelLinear(mlp.down, comm)
        second(F.relu(first(x))).sum().backward()
    return sum(numbers for _, numbers, _ in comm.log)


lengths = [2**k for k in range(3, 11)]
counts = {kind: [run_ranks(reduced, 2, kind, tokens)[0] for tokens in lengths] for kind in ("data", "tensor")}
figure, ax = plt.subplots(figsize=(8.5, 3.8), layout="constrained")
ax.plot(lengths, counts["data"], "o-", color="black", label="data parallel: gradients")
ax.plot(lengths, counts["tensor"], "s--", color="0.4", label="tensor parallel: activations")
ax.set(title=f"What is added up over the ranks, feed-forward layer of width {D}", xlabel="tokens in the batch",
       ylabel="numbers per step", xscale="log", yscale="log")
ax.set_xscale("log", base=2)
ax.legend()
plt.show()
for tokens, data, tensor in zip(lengths, *counts.values(), strict=True):
    print(f"{tokens:5} tokens: {data:6} and {tensor:6}")

# %% [markdown]
# At 128 = 4 D. The gradients are 8 D² numbers whatever the batch; the activations are 2 T D, once forward and once
# backward. In a whole block with its attention it is 12 D² against 4 T D, and they meet at T = 3 D: for a width of
# 4,096 at 12,288 tokens, a small part of one large batch. So tensor parallelism sends far more. Worse, each of its
# messages has to arrive before the layer can go on, while gradients may travel during the rest of the backward pass. It
# is used all the same, because it is the one that cuts weights, activations and work of a single layer at once, and it
# is used where links are fast.
#
# ## 5 · A pipeline
#
# The third way: cut the model across its depth. Rank 0 has the first layers, and sends what comes out to rank 1,
# which has the next ones, and so on; on the way back each sends the gradient of its input to the rank before. Only
# activations at the cuts are sent, which is little. But while rank 1 works on what rank 0 has sent, rank 0 has nothing
# to do, unless there is more than one batch in the pipeline. So the batch is cut into m micro-batches, and each stage
# has 2m pieces of work, m forward and m backward. In which order?
#
# **GPipe** (Huang et al. 2019): all forward passes, then all backward ones. Simple; but each stage has to keep the
# activations of all m micro-batches until the backward passes begin.
#
# **1F1B**, one forward, one backward (Narayanan et al. 2021, §2.2.1; there also called PipeDream-Flush): a stage runs
# only so far ahead that the pipeline is full. Stage s of p begins with p − s forward passes (or m, if that is less),
# then takes turns, a backward and a forward, until the forward ones are used up, and ends with the rest of the backward
# ones. The last stage, s = p − 1, goes backward right after each forward. So never more than p − s micro-batches are in
# memory at stage s, however large m is.
#
# Both go through the micro-batches in the order 0, 1, …, m − 1, forward and backward. (In the figure of the GPipe paper
# the backward passes come in reverse; PyTorch's `ScheduleGPipe` takes this order.)
#
# **`pipeline_schedule(stages, micro_batches, kind)`** ★★★☆☆ · 15 minutes
#
# | | | meaning |
# |---|---|---|
# | `stages` | p ≥ 1 | |
# | `micro_batches` | m ≥ 1, also below p | |
# | `kind` | `"gpipe"` or `"1f1b"` | any other: `ValueError` |
# | result | list of p lists of 2m pairs | for each stage its work in order: `("forward", i)` or `("backward", i)`, i = 0 … m − 1 |
#
# For three stages, four micro-batches and 1F1B, with F and B for short:
#
# | stage | |
# |---|---|
# | 0 | F0 F1 F2 B0 F3 B1 B2 B3 |
# | 1 | F0 F1 B0 F2 B1 F3 B2 B3 |
# | 2 | F0 B0 F1 B1 F2 B2 F3 B3 |
#
# <details><summary>Hint 1</summary>Both kinds do the same thing: some forward passes ahead, then backward 0, 1, …, each
# followed by one more forward pass while there are any. They differ in how many are ahead.</details>
# <details><summary>Hint 2</summary>Ahead are m in GPipe, and min(p − s, m) at stage s in 1F1B.</details>
# <details><summary>Hint 3</summary>For i in 0 … m − 1: append <code>("backward", i)</code>, and, if
# <code>ahead + i &lt; m</code>, also <code>("forward", ahead + i)</code>.</details>

# %% exercise="pipeline_schedule" minutes=15 level=3
def pipeline_schedule(stages: int, micro_batches: int, kind: str) -> list[list[tuple[str, int]]]:
    """The order of work of each stage of a pipeline: ("forward", i) and ("backward", i) for each micro-batch i.

    kind: "gpipe" (Huang et al. 2019) or "1f1b" (Narayanan et al. 2021, §2.2.1). Raises ValueError for any other.
    """
    ### BEGIN SOLUTION
    if kind not in ("gpipe", "1f1b"):
        raise ValueError(f"no schedule is called {kind!r}")
    orders = []
    for stage in range(stages):
        ahead = micro_batches if kind == "gpipe" else min(stages - stage, micro_batches)
        order = [("forward", i) for i in range(ahead)]
        for i in range(micro_batches):
            order.append(("backward", i))
            if ahead + i < micro_batches:
                order.append(("forward", ahead + i))
        orders.append(order)
    return orders
    ### END SOLUTION


# %% [markdown]
# Two given functions use such a schedule. `timetable` computes when each piece of work begins and ends, if a forward
# pass takes 1 and a backward pass 2 units of time, and sending none. `run_stage` is a pipeline's stage in earnest: it
# does this rank's work, in your order, with activations and gradients that are really sent.

# %% tags=["export"]
def timetable(orders: list, forward: float = 1.0, backward: float = 2.0) -> list[tuple]:
    """When a pipeline's work is done: (stage, verb, i, begin, end) for each piece. Raises Stuck if it never is.

    A forward pass waits for the same one at the stage before, a backward pass for the same one at the stage after.
    """
    ends, clocks, done, work = {}, [0.0] * len(orders), [0] * len(orders), []
    while any(d < len(order) for d, order in zip(done, orders, strict=True)):
        moved = False
        for s, order in enumerate(orders):
            if done[s] == len(order):
                continue
            verb, i = order[done[s]]
            if verb == "forward":
                needs = [("forward", s - 1, i)] if s else []
            else:
                needs = [("forward", s, i)] + ([("backward", s + 1, i)] if s < len(orders) - 1 else [])
            if all(need in ends for need in needs):
                begin = max([clocks[s], *(ends[need] for need in needs)])
                clocks[s] = ends[verb, s, i] = begin + (forward if verb == "forward" else backward)
                work.append((s, verb, i, begin, clocks[s]))
                done[s] += 1
                moved = True
        if not moved:
            waiting = [f"stage {s} waits to go {order[d][0]} with {order[d][1]}"
                       for s, (order, d) in enumerate(zip(orders, done, strict=True)) if d < len(order)]
            raise Stuck("; ".join(waiting))
    return work


def run_stage(stage: nn.Module, order: list, comm, inputs: list, targets: list, loss, like: Tensor) -> tuple:
    """This rank's part of one step of a pipeline. Gradients of the mean loss are added to the stage's parameters.

    inputs, targets: one for each micro-batch; the first stage uses the inputs, the last one the targets. loss(out,
    target): a mean. like: a tensor of the shape that passes between stages. Returns the mean loss (0 but on the last
    rank), and the largest number of micro-batches whose activations were kept at once.
    """
    first, last = comm.rank == 0, comm.rank == comm.size - 1
    kept, total, most = {}, 0.0, 0
    for verb, i in order:
        if verb == "forward":
            x = inputs[i] if first else comm.receive(like, comm.rank - 1).requires_grad_()
            out = stage(x)
            if last:
                out = loss(out, targets[i]) / len(inputs)
                total += out.item()
            else:
                comm.send(out, comm.rank + 1)
            kept[i] = x, out
            most = max(most, len(kept))
        else:
            x, out = kept.pop(i)
            out.backward(None if last else comm.receive(out, comm.rank + 1))
            if not first:
                comm.send(x.grad, comm.rank - 1)
    return total, most


# %%
# Given: schedules in short, and a model of four layers as a pipeline and in one process.
def short(orders):
    """Each stage's work as text: F0 F1 B0 …"""
    letters = {"forward": "F", "backward": "B"}
    return [" ".join(f"{letters.get(verb, repr(verb))}{i}" for verb, i in order) for order in orders]


def duration(orders):
    """The time from the first piece of work to the end of the last."""
    return max(end for *_, end in timetable(orders))


def layers(stages):
    """A model of one layer for each stage."""
    torch_layers = [nn.Sequential(nn.Linear(4, 4), nn.Tanh()) for _ in range(stages)]
    return check.fill(nn.Sequential(*torch_layers)).double()


def micro(count):
    """`count` micro-batches of inputs and of targets."""
    return list(check.randn(count, 3, 4, seed=60).double()), list(check.randn(count, 3, 4, seed=61).double())


def piped(schedule, stages, micro_batches, kind):
    """The gradients of all stages, end to end, the loss, and how many micro-batches each stage kept at most."""
    orders, (inputs, targets) = schedule(stages, micro_batches, kind), micro(micro_batches)

    def run(comm):
        stage = layers(stages)[comm.rank]
        total, most = run_stage(stage, orders[comm.rank], comm, inputs, targets, F.mse_loss, inputs[0])
        return gradients_of(stage), total, most

    gradients, losses, kept = zip(*run_ranks(run, stages), strict=True)
    return torch.cat(gradients), losses[-1], list(kept)


def unpiped(stages, micro_batches):
    """Gradients and loss of the same batch in one process."""
    model, (inputs, targets) = layers(stages), micro(micro_batches)
    loss = F.mse_loss(model(torch.cat(inputs)), torch.cat(targets))
    loss.backward()
    return gradients_of(model), loss.item()


# %% check="pipeline_schedule: all forward, then all backward" points=1
check.equal(short(pipeline_schedule(2, 3, "gpipe")), ["F0 F1 F2 B0 B1 B2"] * 2,
            hint='"gpipe": every stage goes forward with 0 … m − 1, then backward with 0 … m − 1')
check.equal(short(pipeline_schedule(3, 1, "gpipe")), ["F0 B0"] * 3, hint="a single micro-batch, three stages")
check.raises(lambda: pipeline_schedule(2, 2, "zigzag"), ValueError, hint="an unknown kind: raise ValueError")
### BEGIN HIDDEN TESTS
check.equal(short(pipeline_schedule(1, 4, "gpipe")), ["F0 F1 F2 F3 B0 B1 B2 B3"], hint="a single stage")
### END HIDDEN TESTS

# %% check="pipeline_schedule: one forward, one backward" points=2
check.equal(short(pipeline_schedule(3, 4, "1f1b")),
            ["F0 F1 F2 B0 F3 B1 B2 B3", "F0 F1 B0 F2 B1 F3 B2 B3", "F0 B0 F1 B1 F2 B2 F3 B3"],
            hint='"1f1b": stage s begins with p − s forward passes, then backward and forward take turns')
check.equal(short(pipeline_schedule(4, 2, "1f1b")), ["F0 F1 B0 B1", "F0 F1 B0 B1", "F0 F1 B0 B1", "F0 B0 F1 B1"],
            hint="fewer micro-batches than stages: no more than m forward passes ahead")
### BEGIN HIDDEN TESTS
check.equal(short(pipeline_schedule(2, 5, "1f1b")), ["F0 F1 B0 F2 B1 F3 B2 F4 B3 B4", "F0 B0 F1 B1 F2 B2 F3 B3 F4 B4"],
            hint="two stages, five micro-batches")
check.equal(short(pipeline_schedule(1, 3, "1f1b")), ["F0 B0 F1 B1 F2 B2"], hint="a single stage")
### END HIDDEN TESTS

# %% check="pipeline_schedule: runs, with one process's gradients and bounded memory" points=2
gradients, loss, kept = piped(pipeline_schedule, 4, 6, "1f1b")
expected, expected_loss = unpiped(4, 6)
check.close(gradients, expected, atol=1e-10, rtol=1e-10, hint="1f1b: the pipeline's gradients are the whole model's")
check.close(loss, expected_loss, atol=1e-10, rtol=1e-10, hint="1f1b: the mean loss over the micro-batches")
check.equal(kept, [4, 3, 2, 1], hint="1f1b: stage s keeps the activations of p − s micro-batches at most")
gpipe_gradients, _, gpipe_kept = piped(pipeline_schedule, 4, 6, "gpipe")
expected_again, _ = unpiped(4, 6)
check.close(gpipe_gradients, expected_again, atol=1e-10, rtol=1e-10, hint="gpipe: the whole model's gradients")
check.equal(gpipe_kept, [6, 6, 6, 6], hint="gpipe: every stage keeps the activations of all micro-batches")
check.close([duration(pipeline_schedule(4, 6, "gpipe")), duration(pipeline_schedule(4, 6, "1f1b"))], [27.0, 27.0],
            hint="forward 1, backward 2: both take (m + p − 1) · 3 units of time")
### BEGIN HIDDEN TESTS
_, _, few = piped(pipeline_schedule, 3, 2, "1f1b")
check.equal(few, [2, 2, 1], hint="fewer micro-batches than stages")
### END HIDDEN TESTS

# %% [markdown]
# The picture is the timetable of your schedule. Grey is idle time, the *bubble*. Turn the knobs: what makes the bubble
# small, and what does 1F1B change? **Before you run the next cell:** p = 4 stages, m = 8 micro-batches. What share of
# the time are the stages idle? (Without sliders: `draw_pipeline(4, 16, "1f1b")` in a new cell.)

# %% demo="pipeline-slider" alt="A chart of four stages over time, forward light, backward dark, idle at both ends."
def draw_pipeline(stages=4, micro_batches=8, kind="1f1b"):
    """Who does what when; below, the share of idle time and the activations kept."""
    orders = pipeline_schedule(stages, micro_batches, kind)
    work = timetable(orders)
    total = max(end for *_, end in work)
    figure, ax = plt.subplots(figsize=(12, 0.5 * stages + 1.4), layout="constrained")
    ax.set_facecolor("0.85")
    ax.grid(False)
    for stage, verb, i, begin, end in work:
        ahead = verb == "forward"
        ax.barh(stage, end - begin, left=begin, height=0.9, color="white" if ahead else "0.35", edgecolor="black")
        ax.text((begin + end) / 2, stage, str(i), ha="center", va="center", fontsize=9,
                color="black" if ahead else "white")
    busy = sum(end - begin for *_, begin, end in work)
    kept = [max(np.cumsum([1 if verb == "forward" else -1 for verb, _ in order])) for order in orders]
    ax.set(title=f"{kind}, {micro_batches} micro-batches: white forward, dark backward, grey idle",
           xlabel="time [forward passes of a micro-batch]", ylabel="stage", xlim=(0, total), yticks=range(stages))
    ax.invert_yaxis()
    plt.show()
    print(f"idle {1 - busy / (stages * total):.1%} of the time; (p − 1) / (m + p − 1) = "
          f"{(stages - 1) / (micro_batches + stages - 1):.1%}; micro-batches kept: {[int(k) for k in kept]}")


draw_pipeline(4, 8, "gpipe")
try:
    from ipywidgets import IntSlider, interact

    interact(draw_pipeline, stages=IntSlider(4, min=1, max=8, continuous_update=False),
             micro_batches=IntSlider(8, min=1, max=24, continuous_update=False), kind=["1f1b", "gpipe"])
except ImportError:
    print("pip install ipywidgets gives this picture knobs; without it, call draw_pipeline(4, 16) in a new cell.")
    draw_pipeline()

# %% [markdown]
# Both take the same 33 units of time, of which each stage is idle for 9: 27.3%. In general the idle share is
#
# $$\frac{p - 1}{m + p - 1}$$
#
# (Huang et al. 2019, §2.3; Narayanan et al. 2021, §2.2.1, count the idle time per *busy* time, (p − 1) / m.) Only m
# helps: from about four times as many micro-batches as stages on, the bubble is a fifth or less. But m is bounded by
# the batch, and in GPipe also by memory: all four stages keep 8 micro-batches. 1F1B keeps 4, 3, 2 and 1 for the same
# timetable's length; turn m up to 24 and they stay 4, 3, 2 and 1.
#
# ## 6 · What has to be in memory
#
# Data parallelism stores everything N times. How much is everything? In mixed precision with Adam, for each parameter
# (Rajbhandari et al. 2020, §3.1): 2 bytes for the 16-bit weight; 2 bytes for its gradient; and 12 bytes of *optimizer
# state*: the weight in float32 (4), the first moment (4), the second (4). Sixteen bytes, of which the forward pass
# reads two.
#
# ZeRO stores each of them once, shared out among the N ranks (Rajbhandari et al. 2020, §5):
#
# | stage | shared out | whole on every rank |
# |---|---|---|
# | 0 | nothing | weights, gradients, optimizer state |
# | 1 | optimizer state | weights, gradients |
# | 2 | optimizer state and gradients | weights |
# | 3 | everything | nothing |
#
# **`zero_memory(params, ranks, stage)`** ★☆☆☆☆ · 5 minutes
#
# | | | meaning |
# |---|---|---|
# | `params` | number | P, parameters of the model |
# | `ranks` | int | N |
# | `stage` | 0, 1, 2 or 3 | any other: `ValueError` |
# | result | number | bytes on each rank; activations are not counted |
#
# <details><summary>Hint 1</summary>Three summands, of 2, 2 and 12 bytes per parameter. Each is divided by N, or
# not.</details>
# <details><summary>Hint 2</summary>The optimizer state is divided from stage 1 on, the gradients from stage 2 on, the
# weights in stage 3.</details>
# <details><summary>Hint 3</summary>A comparison can choose the divisor:
# <code>(ranks if stage &gt;= 1 else 1)</code>.</details>

# %% exercise="zero_memory" minutes=5 level=1
def zero_memory(params: float, ranks: int, stage: int) -> float:
    """Bytes on each rank for weights, gradients and Adam's state in mixed precision: 2, 2 and 12 for each parameter.

    stage: 0 (nothing shared out), 1 (optimizer state), 2 (gradients too), 3 (weights too). Raises ValueError for any
    other.   Rajbhandari et al. 2020, §3.1 and §5
    """
    ### BEGIN SOLUTION
    if stage not in range(4):
        raise ValueError(f"ZeRO has stages 0 to 3, not {stage!r}")
    weights, gradients, state = 2 * params, 2 * params, 12 * params
    if stage >= 1:
        state /= ranks
    if stage >= 2:
        gradients /= ranks
    if stage == 3:
        weights /= ranks
    return weights + gradients + state
    ### END SOLUTION


# %% check="zero_memory: the table of the paper" points=1
check.close([zero_memory(7.5e9, 64, stage) / 1e9 for stage in range(4)], [120.0, 31.40625, 16.640625, 1.875],
            hint="7.5 billion parameters, 64 ranks, GB for stages 0 to 3: 12, then 2, then 2 bytes are divided by N")
check.close([zero_memory(1000, 4, stage) for stage in range(4)], [16000.0, 7000.0, 5500.0, 4000.0],
            hint="1,000 parameters, 4 ranks, bytes for stages 0 to 3")
check.close(zero_memory(1, 64, 3), 0.25, hint="1 parameter on 64 ranks: a quarter of a byte each; divide, do not round")
check.raises(lambda: zero_memory(1000, 4, 4), ValueError, hint="there is no stage 4: raise ValueError")
check.raises(lambda: zero_memory(1000, 4, -1), ValueError, hint="there is no stage -1 either: raise ValueError")
### BEGIN HIDDEN TESTS
check.close([zero_memory(3e8, 1, stage) for stage in range(4)], [4.8e9] * 4, hint="one rank: nothing to share out")
check.close([zero_memory(2e9, 3, stage) for stage in range(4)], [3.2e10, 1.6e10, 40e9 / 3, 32e9 / 3],
            hint="2 billion parameters, 3 ranks")
### END HIDDEN TESTS

# %% [markdown]
# **Before you run the next cell:** what is the largest model that fits, without its activations, into 64 GPUs of 80 GB
# in stages 0, 1, 2 and 3? Write down four numbers, or their quotients.

# %% demo="zero" alt="Stacked bars of bytes per rank for stages 0 to 3: state shrinks first, then gradients, weights."
def draw_zero(ranks=64, billions=7.5):
    """Bytes on each rank, by kind, for the four stages; and the largest model for 80 GB."""
    P, stages = billions * 1e9, range(4)
    kinds = {"optimizer state": [12 * P / (ranks if s >= 1 else 1) for s in stages],
             "gradients": [2 * P / (ranks if s >= 2 else 1) for s in stages],
             "weights": [2 * P / (ranks if s >= 3 else 1) for s in stages]}
    figure, ax = plt.subplots(figsize=(8.5, 3.8), layout="constrained")
    bottom = np.zeros(4)
    for (kind, sizes), color in zip(kinds.items(), ("0.8", "0.5", "0.15"), strict=True):
        ax.bar(stages, np.array(sizes) / 1e9, bottom=bottom, color=color, edgecolor="black", label=kind)
        bottom += np.array(sizes) / 1e9
    for s in stages:
        ax.text(s, bottom[s], f"{zero_memory(P, ranks, s) / 1e9:.1f}", ha="center", va="bottom")
    ax.set(title=f"{billions} billion parameters on {ranks} ranks", xlabel="ZeRO stage",
           ylabel="memory on each rank [GB]", xticks=stages, ylim=(0, 1.12 * bottom.max()))
    ax.legend()
    plt.show()
    print("largest model for 80 GB [billions of parameters]:",
          ", ".join(f"stage {s}: {80 / zero_memory(1, ranks, s):.0f}" for s in stages))


draw_zero()
try:
    from ipywidgets import Dropdown, IntSlider, interact

    interact(draw_zero, ranks=IntSlider(8, min=1, max=512, continuous_update=False),
             billions=Dropdown(value=7.5, options=[1.5, 7.5, 70.0, 175.0]))
except ImportError:
    print("pip install ipywidgets gives this picture a slider; without it, call draw_zero(8) in a new cell.")
    draw_zero(8)

# %% [markdown]
# The bars are the numbers of the paper's Figure 1: 120, 31.4, 16.6 and 1.9 GB. Stage 1 alone takes away nearly three
# quarters, with many ranks. With 64 ranks a GPU that could hold 5 billion parameters holds 19, 36 and 320 billion.
# Stages 1 and 2 can never give more than four and eight times as much, because 4 and 2 of the 16 bytes stay whole;
# stage 3 gives N times as much.
#
# ## 7 · AdamW, shared out
#
# Now stage 1 in earnest. AdamW looks at each number by itself. So rank r needs the moments of the r-th N-th of all
# numbers only, if it updates only those. A step:
#
# 1. All gradients are put end to end, and cut into N equal pieces. *Reduce-scatter*: rank r gets the sum of piece r;
#    divided by N it is the mean. It is the first half of the ring.
# 2. Rank r takes AdamW's step on its piece of the weights, with its piece of the moments.
# 3. *All-gather*: everybody gets all the pieces, and writes them into the parameters. That is the ring's second half.
#
# Together they send what an all-reduce sends: the memory is saved without more traffic (Rajbhandari et al. 2020,
# §7.2.1).
#
# `pieces`, which is given, puts tensors end to end, adds zeros until N divides the length, and cuts. AdamW is yours,
# from *optimizers*: `AdamW(params, lr, betas, eps, weight_decay)`.
#
# **`ShardedAdamW(params, comm, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01)`** ★★★★☆ · 20 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `params` | any iterable of parameters, P numbers in all; equal on all ranks at first | in one order everywhere; all have gradients when `step` is called, which may differ from rank to rank |
# | `self.mine` | `nn.Parameter` (⌈P / N⌉,) | this rank's piece of the weights, a copy that keeps nothing else in memory |
# | `self.optimizer` | `AdamW` | for `[self.mine]` alone, with these settings |
# | `step()` | | one `comm.reduce_scatter`, one step of `self.optimizer`, one `comm.all_gather`; the parameters are changed *in place*, their gradients stay |
#
# <details><summary>Hint 1</summary>In <code>__init__</code>: <code>self.mine</code> is
# <code>self.pieces(…)[comm.rank]</code> of the parameters themselves, detached and cloned.</details>
# <details><summary>Hint 2</summary>In <code>step</code>: <code>self.mine.grad = …</code>, then
# <code>self.optimizer.step()</code>, then gather. <code>self.pieces</code> works for gradients as well as for
# weights.</details>
# <details><summary>Hint 3</summary><code>torch.cat(comm.all_gather(self.mine))</code> is longer than P, by the zeros at
# the end: cut them off, then <code>split</code> by <code>p.numel()</code>. Changing a parameter in place needs
# <code>torch.no_grad()</code>, which is there: <code>p.copy_(part.view_as(p))</code>.</details>

# %% exercise="ShardedAdamW" minutes=20 level=4 forbid="torch.optim.AdamW, torch.optim.Adam, torch.distributed.optim.ZeroRedundancyOptimizer"
class ShardedAdamW:
    """AdamW whose memory is shared out among the ranks; it also averages the gradients. ZeRO, stage 1.

    params: equal on all ranks at first. mine: this rank's piece of all numbers, a parameter. optimizer: the AdamW for
    it.   Rajbhandari et al. 2020, §5.1
    """

    def __init__(self, params, comm, lr: float = 0.001, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
                 weight_decay: float = 0.01) -> None:
        self.params, self.comm = list(params), comm
        ### BEGIN SOLUTION
        self.mine = nn.Parameter(self.pieces(p.detach() for p in self.params)[comm.rank].clone())
        self.optimizer = AdamW([self.mine], lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)
        ### END SOLUTION

    def pieces(self, tensors) -> list[Tensor]:
        """The tensors end to end, zeros after them, in as many equal pieces as there are ranks."""
        flat = torch.cat([t.flatten() for t in tensors])
        return list(F.pad(flat, (0, -len(flat) % self.comm.size)).chunk(self.comm.size))

    @torch.no_grad()
    def step(self) -> None:
        """Average the gradients over the ranks, take AdamW's step on this rank's piece, gather all pieces."""
        ### BEGIN SOLUTION
        self.mine.grad = self.comm.reduce_scatter(self.pieces(p.grad for p in self.params)) / self.comm.size
        self.optimizer.step()
        sizes = [p.numel() for p in self.params]
        flat = torch.cat(self.comm.all_gather(self.mine))[: sum(sizes)]  # without the zeros
        for p, part in zip(self.params, flat.split(sizes), strict=True):
            p.copy_(part.view_as(p))
        ### END SOLUTION

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters."""
        for p in self.params:
            p.grad = None


# %%
# Given: training on several ranks with a sharded optimizer, and in one process with PyTorch's.
def weights_of(model):
    """All parameters, end to end."""
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def places_of(model):
    """Which tensors are parameters and gradients, and where their numbers lie."""
    return [(id(t), None if t is None else t.data_ptr()) for p in model.parameters() for t in (p, p.grad)]


def train_sharded(optimizer_class, ranks, steps, dtype=torch.float64, **settings):
    """For each rank: the weights after so many steps; numbers in `mine`, in its storage and in AdamW's memory; the log
    of the first step; whether parameters and gradients are still the same tensors after a step."""
    def run(comm):
        model, log = small(dtype), None
        optimizer = optimizer_class(iter(list(model.parameters())), comm, **settings)
        for step in range(steps):
            optimizer.zero_grad()
            backward(model, *(part.chunk(comm.size)[comm.rank] for part in batch(100 + 2 * step, dtype=dtype)))
            before, sums = places_of(model), gradients_of(model)
            optimizer.step()
            kept = before == places_of(model) and torch.equal(sums, gradients_of(model))
            log = [f"{verb} {numbers}" for verb, numbers, _ in comm.log] if log is None else log
        held = optimizer.mine.untyped_storage().nbytes() // optimizer.mine.element_size()
        moments = [m for memory in optimizer.optimizer.state.values() for m in memory.values()]
        moments = sum(m.numel() for m in moments if torch.is_tensor(m) and m.dim())
        return weights_of(model), [optimizer.mine.numel(), held, moments], log, kept

    weights, sizes, logs, kept = zip(*run_ranks(run, ranks), strict=True)
    return torch.stack(weights), list(sizes), logs[0], all(kept)


def train_whole(ranks, steps, dtype=torch.float64, **settings):
    """The weights in one process, with torch.optim.AdamW on the whole batches, a row for each rank."""
    model = small(dtype)
    optimizer = torch.optim.AdamW(model.parameters(), **settings)
    for step in range(steps):
        optimizer.zero_grad()
        backward(model, *batch(100 + 2 * step, dtype=dtype))
        optimizer.step()
    return weights_of(model).expand(ranks, -1)


def mine_at_first(optimizer_class, ranks):
    """Each rank's piece of the weights before the first step, whether it is a copy, and its type."""
    def run(comm):
        model = whole_layer(5, 7)
        optimizer = optimizer_class(model.parameters(), comm)
        first = optimizer.mine.detach().clone()
        with torch.no_grad():
            optimizer.mine += 1
        return first, torch.equal(weights_of(model), weights_of(whole_layer(5, 7))), type(optimizer.mine).__name__

    pieces, own, types_of_mine = zip(*run_ranks(run, ranks), strict=True)
    return torch.cat(pieces), list(own), list(types_of_mine)


# %% check="ShardedAdamW: each rank its piece, and the memory of that piece" points=1
pieces, own, kinds = mine_at_first(ShardedAdamW, 4)
check.close(pieces[:42], weights_of(whole_layer(5, 7)), atol=1e-12, rtol=1e-12,
            hint="rank r has piece r of the weights: the ranks' pieces end to end are the parameters")
check.close(pieces[42:], torch.zeros(2).double(), hint="42 numbers on 4 ranks: pieces of 11, and two zeros at the end")
check.equal(own, [True] * 4, hint="mine is a copy, not a view of the parameters: clone")
check.equal(kinds, ["Parameter"] * 4, hint="mine is an nn.Parameter, made of the copy")
_, sizes, log, kept = train_sharded(ShardedAdamW, 4, 1)
check.equal(sizes, [[17, 17, 34]] * 4,
            hint="66 parameters on 4 ranks: 17 in mine, 17 in its storage (a view keeps all: clone), and 34 in AdamW")
check.equal(log, ["reduce_scatter 17", "all_gather 17"],
            hint="a step is one reduce_scatter and one all_gather of 17 numbers each; no all_reduce")
check.equal(kept, True, hint="parameters and gradients are other tensors, or other gradients, after a step: p.copy_(…)")
### BEGIN HIDDEN TESTS
_, sizes2, log2, _ = train_sharded(ShardedAdamW, 3, 1)
check.equal([*sizes2, log2], [[22, 22, 44]] * 3 + [["reduce_scatter 22", "all_gather 22"]],
            hint="66 on 3 ranks: no zeros")
### END HIDDEN TESTS

# %% check="ShardedAdamW: the weights of AdamW in one process" points=3
weights, _, _, _ = train_sharded(ShardedAdamW, 4, 1, lr=0.05)
check.close(weights[0], train_whole(4, 1, lr=0.05)[0], atol=1e-10, rtol=1e-10,
            hint="rank 0 after one step: the gradient is the mean over the ranks, then AdamW, then everybody's pieces")
check.close(weights, train_whole(4, 1, lr=0.05), atol=1e-10, rtol=1e-10, hint="all ranks have the same weights")
later, _, _, _ = train_sharded(ShardedAdamW, 3, 5, lr=0.02, betas=(0.8, 0.9), eps=1e-3, weight_decay=0.3)
check.close(later, train_whole(3, 5, lr=0.02, betas=(0.8, 0.9), eps=1e-3, weight_decay=0.3), atol=1e-10, rtol=1e-10,
            hint="five steps with other settings: are lr, betas, eps and weight_decay handed to AdamW?")
plain, _, _, _ = train_sharded(ShardedAdamW, 2, 3)
check.close(plain, train_whole(2, 3), atol=1e-10, rtol=1e-10, hint="three steps with the default settings")
coarse, _, _, _ = train_sharded(ShardedAdamW, 2, 2, dtype=torch.float32, lr=0.05)
check.close(coarse, train_whole(2, 2, dtype=torch.float32, lr=0.05), atol=1e-4, rtol=1e-4, hint="float32 works as well")
### BEGIN HIDDEN TESTS
five, _, _, _ = train_sharded(ShardedAdamW, 6, 4, lr=0.03, eps=1e-2)
check.close(five, train_whole(6, 4, lr=0.03, eps=1e-2), atol=1e-10, rtol=1e-10, hint="six ranks, four steps")
alone, _, _, _ = train_sharded(ShardedAdamW, 1, 2)
check.close(alone, train_whole(1, 2), atol=1e-10, rtol=1e-10, hint="a single rank")
### END HIDDEN TESTS

# %% [markdown]
# ## 8 · Everything again, in real processes
#
# Your code has so far seen threads that are polite to each other. Now the same lines run in four processes over gloo,
# on transformer layers in float64. For each of the four ways, the program compares gradients, or weights after three
# steps, with what a single process computes, and prints the largest difference on any rank. **Before you run the next
# cell:** which of the four differences could be exactly 0?

# %% demo="four-processes" alt="The largest differences from one process: all below 1e-10."
exact = launch("""
def encoder(layers):
    torch.manual_seed(1)
    make = lambda: nn.TransformerEncoderLayer(16, 4, 32, dropout=0.0, batch_first=True)
    return nn.Sequential(*(make() for _ in range(layers))).double()

def data(step=0):
    generator = torch.Generator().manual_seed(step)
    return [torch.randn(8, 6, 16, dtype=torch.float64, generator=generator) for _ in range(2)]

def grads(model):
    return torch.cat([p.grad.flatten() for p in model.parameters()])

def backward(model, x, y):
    F.mse_loss(model(x), y).backward()
    return model

def largest(difference):
    everywhere = comm.all_gather(difference.abs().max())
    return max(d.item() for d in everywhere)

result = {}
mine = lambda tensors: [t.chunk(comm.size)[comm.rank] for t in tensors]
whole = grads(backward(encoder(4), *data()))

model = backward(encoder(4), *mine(data()))
average_gradients(model.parameters(), comm, bucket_size=3000)
result["data parallel"] = largest(grads(model) - whole)

mlp = FeedForward(16, 64).double()
x, y = data()
backward(mlp, x, y)
column, row = ColumnParallelLinear(mlp.up, comm), RowParallelLinear(mlp.down, comm)
F.mse_loss(row(F.relu(column(x))), y).backward()
differences = [column.weight.grad - mlp.up.weight.grad.chunk(comm.size)[comm.rank],
               row.weight.grad - mlp.down.weight.grad.chunk(comm.size, dim=1)[comm.rank],
               row.bias.grad - mlp.down.bias.grad]
result["tensor parallel"] = largest(torch.cat([d.flatten() for d in differences]))

inputs, targets = (list(t.chunk(8)) for t in data())
for kind in ("gpipe", "1f1b"):
    model = encoder(4)
    order = pipeline_schedule(comm.size, len(inputs), kind)[comm.rank]
    run_stage(model[comm.rank], order, comm, inputs, targets, F.mse_loss, inputs[0])
    size = len(whole) // comm.size
    result[f"pipeline, {kind}"] = largest(grads(model[comm.rank]) - whole[comm.rank * size :][:size])

one, shared = encoder(2), encoder(2)
plain, sharded = torch.optim.AdamW(one.parameters(), lr=0.01), ShardedAdamW(shared.parameters(), comm, lr=0.01)
for step in range(3):
    plain.zero_grad()
    sharded.zero_grad()
    backward(one, *data(step))
    backward(shared, *mine(data(step)))
    plain.step()
    sharded.step()
result["sharded AdamW, 3 steps"] = largest(torch.cat([(p - q).detach().flatten() for p, q in
                                                      zip(one.parameters(), shared.parameters())]))
""", 4, average_gradients, CopyToRanks, SumOverRanks, ColumnParallelLinear, RowParallelLinear, pipeline_schedule,
               run_stage, ShardedAdamW)
for name, difference in (exact or {}).items():
    print(f"{name:24} {difference:.1e}")

# %% [markdown]
# None is exactly 0, and all are as small as rounding: about 10⁻¹⁶ for gradients, since sums are taken in another order.
# The optimizer makes more of it, some 10⁻¹², where a gradient is so small that AdamW's quotient of two tiny numbers
# shows the rounding. In float32 all of these would be some 10⁹ times larger, and nobody could tell a mistake from
# rounding: test distributed code in float64.
#
# ### DDP and FSDP2
#
# PyTorch has these ready. `DistributedDataParallel` is section 3, with buckets that leave while the backward pass still
# runs. `fully_shard`, called FSDP2, is ZeRO's stage 3: each parameter is cut along its first axis, and each
# layer's parameters are gathered before it runs, forward and backward, and thrown away after; gradients are
# reduce-scattered. Two lines for either. The next cell trains the same model with each of them in two processes, and
# with yours, and looks at what rank 0 holds between steps. **Before you run it:** what share of one process's
# weights and moments does rank 0 hold with DDP, with your `ShardedAdamW`, with FSDP2?

# %% demo="libraries" alt="Bars of what rank 0 holds: DDP all of it, ZeRO-1 half of the moments, FSDP2 half of all."
libraries = launch("""
from torch.nn.parallel import DistributedDataParallel
from torch.distributed.fsdp import fully_shard
from torch.distributed.device_mesh import init_device_mesh

def encoder():
    torch.manual_seed(1)
    make = lambda: nn.TransformerEncoderLayer(128, 4, 512, dropout=0.0, batch_first=True)
    return nn.Sequential(*(make() for _ in range(4))).double()

def data(step):
    generator = torch.Generator().manual_seed(step)
    return [torch.randn(8, 16, 128, dtype=torch.float64, generator=generator) for _ in range(2)]

def local(tensor):
    return tensor.to_local() if hasattr(tensor, "to_local") else tensor

def train(kind):
    model, share = encoder(), (lambda t: t.chunk(comm.size)[comm.rank])
    if kind == "one process":
        share = lambda t: t
    elif kind == "DDP":
        model = DistributedDataParallel(model)
    elif kind == "FSDP2":
        mesh = init_device_mesh("cpu", (comm.size,))
        for layer in model:
            fully_shard(layer, mesh=mesh)
        fully_shard(model, mesh=mesh)
    if kind == "your ShardedAdamW":
        optimizer = ShardedAdamW(model.parameters(), comm, lr=0.001)
    else:
        optimizer = torch.optim.AdamW(model.parameters(), lr=0.001)
    taken = []
    for step in range(4):
        x, y = map(share, data(step))
        dist.barrier()
        start = time.perf_counter()
        optimizer.zero_grad()
        F.mse_loss(model(x), y).backward()
        optimizer.step()
        dist.barrier()
        taken.append(time.perf_counter() - start)
    params = list(model.parameters())
    state = getattr(optimizer, "optimizer", optimizer).state
    copy = optimizer.mine.numel() if hasattr(optimizer, "mine") else 0
    moments = [m for memory in state.values() for m in memory.values() if torch.is_tensor(m) and m.dim()]
    held = {"weights": sum(local(p).numel() for p in params) + copy,
            "gradients": sum(local(p.grad).numel() for p in params), "moments": sum(local(m).numel() for m in moments)}
    weights = [p.full_tensor() if hasattr(p, "full_tensor") else p.detach() for p in params]
    return torch.cat([w.flatten() for w in weights]), held, statistics.median(taken)

result, expected = {}, None
for kind in ("one process", "DDP", "your ShardedAdamW", "FSDP2"):
    weights, held, taken = train(kind)
    expected = weights if expected is None else expected
    result[kind] = {**held, "seconds": taken, "difference": (weights - expected).abs().max().item()}
""", 2, ShardedAdamW)
if libraries is not None:
    figure, ax = plt.subplots(figsize=(8.5, 3.8), layout="constrained")
    bottom = np.zeros(len(libraries))
    for kind, color in (("moments", "0.8"), ("gradients", "0.5"), ("weights", "0.15")):
        sizes = np.array([row[kind] for row in libraries.values()]) / 1e6
        ax.bar(range(len(libraries)), sizes, bottom=bottom, color=color, edgecolor="black", label=kind)
        bottom += sizes
    ax.set(title="What rank 0 of two holds between steps", ylabel="millions of numbers",
           xticks=range(len(libraries)), xticklabels=list(libraries))
    ax.legend()
    plt.show()
    for name, row in libraries.items():
        sizes = ", ".join(f"{key} {row[key] / 1e6:.2f} M" for key in ("weights", "gradients", "moments"))
        print(f"{name:18} {sizes}; {1000 * row['seconds']:.0f} ms a step; differs by {row['difference']:.0e}")

# %% [markdown]
# All four runs end with the same weights, to 3 · 10⁻¹⁴. DDP holds everything. Your `ShardedAdamW` holds half of the
# moments, and half of a second copy of the weights, `mine`, which in mixed precision would be the float32 weights that
# somebody has to keep anyway. FSDP2 holds half of everything. It took longest here, since within one computer gathering
# is nothing but copying, in many small messages. Otherwise the times say little: two processes share two cores, and in
# the row called one process both of them work on the whole batch.
#
# ### Who adds what
#
# | | what you built | what it adds |
# |---|---|---|
# | DDP (Li et al. 2020) | `average_gradients` | overlap with the backward pass; gradient hooks; mixed precision of messages |
# | FSDP2 (PyTorch's `fully_shard`) | `ShardedAdamW`, to its end: ZeRO-3 | weights gathered layer by layer, ahead of time; composes with tensor parallelism through `DTensor` |
# | DeepSpeed (Rajbhandari et al. 2020, 2021; Ren et al. 2021) | ZeRO-1, 2, 3 | states and weights in the CPU's memory (ZeRO-Offload) or on NVMe disks (ZeRO-Infinity); compressed messages (ZeRO++) |
# | Megatron-LM (Shoeybi et al. 2019; Narayanan et al. 2021; Korthikanti et al. 2022) | `ColumnParallelLinear`, `RowParallelLinear`, 1F1B | interleaved pipeline stages; *sequence parallelism*: norms and dropout cut along T; a vocabulary cut over ranks; context and expert parallelism |
#
# They are combined by what their messages cost. Tensor parallelism, which sends in each layer and has to wait for it,
# stays within a machine, where the links are fastest; pipeline stages, which send little, go across machines; data
# parallelism takes what is left (Narayanan et al. 2021, §3).
#
# One thing that none of the sums shows: dropout. Where ranks hold the *same* activations, as after `RowParallelLinear`,
# they must draw the same mask; where they hold different parts, as between the two layers, different masks. Megatron
# keeps two generators on every rank for that (Shoeybi et al. 2019, Appendix B.2).
#
# ## Recap
#
# - All ranks run one program and know each other only by messages. An all-reduce in a ring sends less than twice the
#   tensor from each rank, however many there are, in 2 (N − 1) rounds.
# - Data parallelism: same weights, other data, mean of gradients. Equal to one process if all parts have one size.
# - Tensor parallelism: the first layer cut by outputs, the second by inputs, one all-reduce each way. Its messages grow
#   with the tokens, data parallelism's with the weights.
# - A pipeline is idle for (p − 1) / (m + p − 1) of the time. 1F1B takes as long as GPipe, and keeps p micro-batches
#   where GPipe keeps m.
# - ZeRO stores once what data parallelism stores N times: 16 bytes for each parameter, divided by N in the end, for no
#   more traffic in stages 1 and 2.
# - All of it is exact: the same gradients as in one process, to the last digits.
#
# ## A question in words
#
# A group has 32 GPUs of 80 GB, in four machines of eight. Links within a machine are twenty times as fast as those
# between machines. They want to train a model of 30 billion parameters with AdamW in mixed precision. One member says:
# "ZeRO stage 3 over all 32, and done." Another: "Tensor parallelism over 32 GPUs, then we need no ZeRO at all." A
# third: "A pipeline of 32 stages; it sends the least."
#
# In eight to twelve sentences: (a) For each proposal, does it fit into memory, and what is its weakness on this
# cluster? Use numbers. (b) What would you do, and why? (c) After the change from 1 to 32 GPUs the loss of the same
# model on the same data differs in the third digit after ten steps. Name two innocent reasons and one mistake, and say
# how you would tell them apart.

# %% [markdown] essay="thirty-billion" points=3
# **(a)** The states take 16 · 30 = 480 GB. All three fit: 480 / 32 = 15 GB on each GPU, which leaves room for
# activations. ZeRO-3 gathers all weights twice in each step and reduce-scatters the gradients, 1.5 times the traffic of
# data parallelism, also over the slow links; it works if batches are large, so that there is enough to compute
# meanwhile. Tensor parallelism over 32 has several all-reduces in every layer, and nothing to do meanwhile; across
# machines they go at the speed of the slow links. A pipeline of 32 stages is idle for 31 / (m + 31) of the time: with
# 32 micro-batches nearly half of it, and below 10% only with about 280. *(1 point: memory computed, and for at least
# two of the proposals the right weakness with a number or a link.)*
#
# **(b)** For instance tensor parallelism over the 8 GPUs of a machine, or 4 of them, a pipeline over the four machines
# or data parallelism with ZeRO-1 over them. With T = 8 and p = 4 each GPU has 480 / 32 = 15 GB of states, little
# traffic goes between machines, and the bubble is 3 / (m + 3). Other mixtures are good
# if argued from where messages are large and must be waited for. *(1 point: tensor parallelism kept within machines,
# and a reason.)*
#
# **(c)** Innocent: sums in another order are rounded otherwise, and grow apart with the steps; dropout or the order of
# data is drawn from other generators. A mistake: the gradients are summed and not averaged, or parts of unequal size
# are averaged, or a rank reads the same data as another. Tell them apart in float64 without dropout on one batch: the
# gradients of the first step must agree to ten digits, and every parameter can be compared by itself. *(1 point: at
# least one of each, and a test in one step with fixed data.)*

# %% [markdown]
# ## Sources
#
# - Patarasuk, Yuan 2009. *Bandwidth Optimal All-reduce Algorithms for Clusters of Workstations.* Journal of Parallel
#   and Distributed Computing 69(2): the ring, and the lower bound.
# - Li, Zhao, Varma, Salpekar, Noordhuis, Li, Paszke, Smith, Vaughan, Damania, Chintala 2020. *PyTorch Distributed:
#   Experiences on Accelerating Data Parallel Training.* VLDB 2020, arXiv 2006.15704. §3.2: buckets, overlap.
# - Shoeybi, Patwary, Puri, LeGresley, Casper, Catanzaro 2019. *Megatron-LM.* arXiv 1909.08053. §3: column and row, f
#   and g. Korthikanti et al. 2022. *Reducing Activation Recomputation in Large Transformer Models.* arXiv 2205.05198.
# - Huang et al. 2019. *GPipe.* NeurIPS 2019, arXiv 1811.06965. Narayanan et al. 2019. *PipeDream.* SOSP 2019.
# - Narayanan et al. 2021. *Efficient Large-Scale Language Model Training on GPU Clusters Using Megatron-LM.* SC 2021,
#   arXiv 2104.04473. §2.2: schedules, bubbles; §3: how to combine.
# - Rajbhandari, Rasley, Ruwase, He 2020. *ZeRO: Memory Optimizations Toward Training Trillion Parameter Models.* SC
#   2020, arXiv 1910.02054. Figure 1, §5, §7. Ren et al. 2021. *ZeRO-Offload.* arXiv 2101.06840. Rajbhandari et al.
#   2021. *ZeRO-Infinity.* arXiv 2104.07857. Wang et al. 2023. *ZeRO++.* arXiv 2306.10209.
# - PyTorch documentation of `torch.distributed`, `DistributedDataParallel`, `fully_shard` and
#   `torch.distributed.pipelining`.
