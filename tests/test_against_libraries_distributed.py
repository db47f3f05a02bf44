"""distributed's parts in real processes over gloo, against one process and against torch.distributed, DDP and FSDP2."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.distributed.pipelining.schedules import Schedule1F1B, ScheduleGPipe

from autograder import check
from internals.distributed import (
    ColumnParallelLinear,
    CopyToRanks,
    RowParallelLinear,
    ShardedAdamW,
    Stuck,
    SumOverRanks,
    average_gradients,
    pipeline_schedule,
    ring_all_reduce,
    run_ranks,
    run_stage,
    timetable,
    zero_memory,
)
from internals.feed_forward import FeedForward

ROOT = Path(__file__).resolve().parents[1]

PROGRAM = """
import json, os, sys
from datetime import timedelta
import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel
from internals.distributed import *
from internals.feed_forward import FeedForward
from internals.optimizers import AdamW

torch.set_num_threads(1)
dist.init_process_group("gloo", timeout=timedelta(seconds=60))
comm, found = Processes(), {}


def encoder(layers):
    torch.manual_seed(1)
    make = lambda: nn.TransformerEncoderLayer(24, 4, 32, dropout=0.0, batch_first=True)
    return nn.Sequential(*(make() for _ in range(layers))).double()


def data(step=0):
    generator = torch.Generator().manual_seed(step)
    return [torch.randn(12, 5, 24, dtype=torch.float64, generator=generator) for _ in range(2)]


def mine(tensors):
    return [t.chunk(comm.size)[comm.rank] for t in tensors]


def backward(model, x, y):
    F.mse_loss(model(x), y).backward()
    return model


def full(t):
    return t.full_tensor() if hasattr(t, "full_tensor") else t.detach()


def grads(model):
    return torch.cat([full(p.grad).flatten() for p in model.parameters()])


def weights(model):
    return torch.cat([full(p).flatten() for p in model.parameters()])


def compare(name, got, expected):
    here = (got - expected).abs().max()
    found[name] = max(d.item() for d in comm.all_gather(here.detach().double()))


whole = grads(backward(encoder(comm.size), *data()))

# the collectives and the ring
for shape in ((), (1,), (3, 5), (1000,), (64, 64)):
    torch.manual_seed(comm.rank)
    tensor = torch.randn(shape, dtype=torch.float64)
    expected = tensor.clone()
    dist.all_reduce(expected)
    compare(f"ring {shape}", ring_all_reduce(tensor, comm), expected)
    compare(f"all_reduce {shape}", comm.all_reduce(tensor), expected)
pieces = [torch.full((3,), 10.0 * r + comm.rank) for r in range(comm.size)]
expected = torch.full((3,), 10.0 * comm.size * comm.rank + sum(range(comm.size)))
compare("reduce_scatter", comm.reduce_scatter(pieces), expected)
compare("all_gather", torch.stack(comm.all_gather(torch.tensor([comm.rank]))).flatten().double(),
        torch.arange(comm.size).double())

# data parallelism, with DDP and FSDP2 beside it
for size in (1, 1000, 6_000_000):
    model = backward(encoder(comm.size), *mine(data()))
    average_gradients(model.parameters(), comm, bucket_size=size)
    compare(f"data parallel, buckets of {size}", grads(model), whole)
ddp = DistributedDataParallel(encoder(comm.size))
compare("DDP", grads(backward(ddp, *mine(data()))), whole)
compare("average_gradients and DDP", grads(model), grads(ddp))
fsdp, mesh = encoder(comm.size), init_device_mesh("cpu", (comm.size,))
for layer in fsdp:
    fully_shard(layer, mesh=mesh)
fully_shard(fsdp, mesh=mesh)
compare("FSDP2", grads(backward(fsdp, *mine(data()))), whole)
compare("average_gradients and FSDP2", grads(model), grads(fsdp))

# tensor parallelism: column alone, row alone, and both as a feed-forward layer
torch.manual_seed(2)
for bias in (True, False):
    linear, (x, y) = nn.Linear(24, 12, bias=bias).double(), data()
    y = y[..., :12]
    one, several = x.clone().requires_grad_(), x.clone().requires_grad_()
    backward(linear, one, y)
    column = ColumnParallelLinear(linear, comm)
    # a mean over this rank's outputs alone is comm.size times the mean over all
    (F.mse_loss(column(several), y.chunk(comm.size, dim=-1)[comm.rank]) / comm.size).backward()
    compare(f"column weight, bias {bias}", column.weight.grad, linear.weight.grad.chunk(comm.size)[comm.rank])
    compare(f"column x, bias {bias}", several.grad, one.grad)
    row, part = RowParallelLinear(linear, comm), x.chunk(comm.size, dim=-1)[comm.rank].clone().requires_grad_()
    backward(row, part, y)
    compare(f"row weight, bias {bias}", row.weight.grad, linear.weight.grad.chunk(comm.size, dim=1)[comm.rank])
    compare(f"row x, bias {bias}", part.grad, one.grad.chunk(comm.size, dim=-1)[comm.rank])
    if bias:
        compare("column bias", column.bias.grad, linear.bias.grad.chunk(comm.size)[comm.rank])
        compare("row bias", row.bias.grad, linear.bias.grad)
mlp, (x, y) = FeedForward(24, 48, F.gelu).double(), data()
one, several = x.clone().requires_grad_(), x.clone().requires_grad_()
backward(mlp, one, y)
column, row = ColumnParallelLinear(mlp.up, comm), RowParallelLinear(mlp.down, comm)
out = row(F.gelu(column(several)))
F.mse_loss(out, y).backward()
compare("MLP output", out, mlp(x))
compare("MLP x", several.grad, one.grad)
compare("MLP up", column.weight.grad, mlp.up.weight.grad.chunk(comm.size)[comm.rank])
compare("MLP up bias", column.bias.grad, mlp.up.bias.grad.chunk(comm.size)[comm.rank])
compare("MLP down", row.weight.grad, mlp.down.weight.grad.chunk(comm.size, dim=1)[comm.rank])
compare("MLP down bias", row.bias.grad, mlp.down.bias.grad)

# pipelines
inputs, targets = (list(t.chunk(6)) for t in data())
size = len(whole) // comm.size
for kind in ("gpipe", "1f1b"):
    stage = encoder(comm.size)[comm.rank]
    order = pipeline_schedule(comm.size, len(inputs), kind)[comm.rank]
    loss, most = run_stage(stage, order, comm, inputs, targets, F.mse_loss, inputs[0])
    compare(f"pipeline {kind}", grads(stage), whole[comm.rank * size :][:size])
    compare(f"micro-batches kept {kind}", torch.tensor(float(most)),
            torch.tensor(6.0 if kind == "gpipe" else float(comm.size - comm.rank)))
    if comm.rank == comm.size - 1:
        found[f"loss {kind}"] = abs(loss - F.mse_loss(encoder(comm.size)(data()[0]), data()[1]).item())

# AdamW, shared out
settings = dict(lr=0.01, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.2)
models = [encoder(2) for _ in range(4)]
models[3] = DistributedDataParallel(models[3])
optimizers = [ShardedAdamW(models[0].parameters(), comm, **settings), AdamW(models[1].parameters(), **settings),
              torch.optim.AdamW(models[2].parameters(), **settings),
              torch.optim.AdamW(models[3].parameters(), **settings)]
for step in range(4):
    for k, (model, optimizer) in enumerate(zip(models, optimizers)):
        optimizer.zero_grad()
        backward(model, *(mine(data(step)) if k in (0, 3) else data(step)))
        optimizer.step()
for k, name in ((1, "the course's AdamW"), (2, "PyTorch's AdamW"), (3, "DDP with PyTorch's AdamW")):
    compare(f"sharded AdamW and {name}", weights(models[0]), weights(models[k]))
fsdp = encoder(2)
for layer in fsdp:
    fully_shard(layer, mesh=mesh)
fully_shard(fsdp, mesh=mesh)
optimizer = torch.optim.AdamW(fsdp.parameters(), **settings)
for step in range(4):
    optimizer.zero_grad()
    backward(fsdp, *mine(data(step)))
    optimizer.step()
compare("sharded AdamW and FSDP2", weights(models[0]), weights(fsdp))
memory = sum(m.numel() for ms in optimizers[0].optimizer.state.values() for m in ms.values() if torch.is_tensor(m))
found["too many moments"] = float(memory - 2 * -(-len(weights(models[0])) // comm.size))

comm.wait()
everything = [None] * comm.size
dist.all_gather_object(everything, found)
if comm.rank == 0:
    print("FOUND" + json.dumps({key: value for part in everything for key, value in part.items()}))
dist.barrier()
dist.destroy_process_group()
sys.stdout.flush()
os._exit(0)  # a thread of gloo's that lets a tensor go while Python ends would abort it: pytorch/pytorch#190489
"""


def run_processes(count: int, folder: Path) -> dict[str, float]:
    """The largest difference on any rank, for each comparison that the program makes."""
    program = folder / "program.py"
    program.write_text(PROGRAM, encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(count)]
    done = subprocess.run([*launch, str(program)], env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("FOUND")]
    return json.loads(line.removeprefix("FOUND"))


@pytest.mark.slow
@pytest.mark.parametrize("count", [2, 3, 4])
def test_real_processes_compute_what_one_process_and_pytorchs_own_compute(count, tmp_path):
    found = run_processes(count, tmp_path)
    assert len(found) >= 40
    assert {name: d for name, d in found.items() if not d <= 1e-10} == {}


def normal(*size, seed=0, dtype=torch.float64):
    return torch.randn(*size, generator=torch.Generator().manual_seed(seed)).to(dtype)


@given(st.integers(1, 6), st.integers(0, 20), st.sampled_from([torch.float32, torch.float64, torch.int64]))
@settings(deadline=None, max_examples=40)
def test_a_ring_of_any_size_adds_tensors_of_any_length_and_sends_two_chunks_fewer_than_twice_all(ranks, length, dtype):
    tensors = (10 * normal(ranks, length)).to(dtype)

    def reduce(comm):
        return ring_all_reduce(tensors[comm.rank], comm), comm.all_reduce(tensors[comm.rank]), comm.log

    for mine, collective, log in run_ranks(reduce, ranks):
        torch.testing.assert_close(mine, tensors.sum(0), atol=1e-4, rtol=1e-5)
        torch.testing.assert_close(collective, tensors.sum(0), atol=1e-4, rtol=1e-5)
        sent = [numbers for verb, numbers, _ in log if verb == "send"]
        assert len(sent) == 2 * (ranks - 1)
        assert sum(sent) <= 2 * (ranks - 1) * -(-length // ranks)


@given(st.integers(1, 7), st.integers(1, 12))
@settings(deadline=None)
def test_schedules_have_pytorchs_order_and_the_bubble_of_the_formula(stages, micro_batches):
    for kind, theirs in (("gpipe", ScheduleGPipe), ("1f1b", Schedule1F1B)):
        orders = pipeline_schedule(stages, micro_batches, kind)
        if kind == "gpipe" or micro_batches >= stages:  # PyTorch refuses 1F1B with fewer micro-batches than stages
            told = SimpleNamespace(_num_stages=stages, _n_microbatches=micro_batches)
            for rank, actions in theirs._get_pipeline_order(told).items():
                names = {"FORWARD": "forward", "FULL_BACKWARD": "backward"}
                work = [(names.get(a.computation_type.name), a.microbatch_index) for a in actions if a is not None]
                work = [(verb, i) for verb, i in work if verb]
                if kind == "1f1b" and rank == stages - 1:  # PyTorch's table, for pictures only, counts these from 1
                    work = [(verb, i - (verb == "forward")) for verb, i in work]
                assert orders[rank] == work
        for backward in (1.0, 2.0):
            end = max(end for *_, end in timetable(orders, backward=backward))
            assert end == (micro_batches + stages - 1) * (1 + backward)


@pytest.mark.parametrize("kind", ["gpipe", "1f1b"])
@pytest.mark.parametrize(("stages", "micro_batches"), [(1, 3), (3, 1), (4, 6), (5, 5)])
def test_a_pipeline_in_threads_has_the_gradients_of_the_whole_model(kind, stages, micro_batches):
    def model():
        return check.fill(nn.Sequential(*(nn.Sequential(nn.Linear(4, 4), nn.Tanh()) for _ in range(stages)))).double()

    inputs, targets = list(normal(micro_batches, 2, 4)), list(normal(micro_batches, 2, 4, seed=1))
    orders = pipeline_schedule(stages, micro_batches, kind)

    def run(comm):
        stage = model()[comm.rank]
        loss, most = run_stage(stage, orders[comm.rank], comm, inputs, targets, F.mse_loss, inputs[0])
        return [p.grad for p in stage.parameters()], loss, most

    whole = model()
    loss = F.mse_loss(whole(torch.cat(inputs)), torch.cat(targets))
    loss.backward()
    results = run_ranks(run, stages)
    for mine, other in zip([g for grads, _, _ in results for g in grads], whole.parameters(), strict=True):
        torch.testing.assert_close(mine, other.grad, atol=1e-12, rtol=1e-10)
    assert results[-1][1] == pytest.approx(loss.item())
    if kind == "1f1b":
        assert [most for _, _, most in results] == [min(stages - s, micro_batches) for s in range(stages)]


def test_a_schedule_that_cannot_run_is_told_apart():
    orders = [[("forward", 0), ("backward", 0)], [("backward", 0), ("forward", 0)]]
    with pytest.raises(Stuck, match="stage 1 waits to go backward with 0"):
        timetable(orders)


@given(st.integers(1, 5), st.integers(1, 40), st.booleans())
@settings(deadline=None, max_examples=20)
def test_averaged_gradients_are_those_of_the_whole_batch_whatever_the_buckets(ranks, bucket_size, frozen):
    def model():
        made = check.fill(nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 2))).double()
        made[0].bias.requires_grad_(not frozen)
        return made

    x, y = normal(4 * ranks, 3), normal(4 * ranks, 2, seed=1)

    def run(comm):
        mine, part = model(), slice(4 * comm.rank, 4 * comm.rank + 4)
        F.mse_loss(mine(x[part]), y[part]).backward()
        average_gradients(mine.parameters(), comm, bucket_size)
        return [p.grad for p in mine.parameters()], [numbers for _, numbers, _ in comm.log]

    whole = model()
    F.mse_loss(whole(x), y).backward()
    for grads, log in run_ranks(run, ranks):
        for mine, p in zip(grads, whole.parameters(), strict=True):
            assert (mine is None) == (p.grad is None)
            if mine is not None:
                torch.testing.assert_close(mine, p.grad, atol=1e-10, rtol=1e-10)
        assert sum(log) == sum(p.grad.numel() for p in whole.parameters() if p.grad is not None)
        assert all(numbers <= max(bucket_size, 15) for numbers in log)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_column_and_row_are_an_mlp_with_its_gradients_in_both_precisions(ranks, dtype):
    x, up = normal(2, 5, 6, dtype=dtype), normal(2, 5, 6, seed=1, dtype=dtype)
    tolerance = {"atol": 1e-5 if dtype is torch.float32 else 1e-12, "rtol": 1e-5}
    mlp, other = check.fill(FeedForward(6, 12)).to(dtype), x.clone().requires_grad_()
    expected = mlp(other)
    (expected * up).sum().backward()

    def run(comm):
        mine = x.clone().requires_grad_()
        first, second = ColumnParallelLinear(mlp.up, comm), RowParallelLinear(mlp.down, comm)
        out = second.train()(F.relu(first.eval()(mine)))
        (out * up).sum().backward()
        return out, mine.grad, first, second, comm.log

    for rank, (out, grad, first, second, log) in enumerate(run_ranks(run, ranks)):
        torch.testing.assert_close(out, expected, **tolerance)
        torch.testing.assert_close(grad, other.grad, **tolerance)
        torch.testing.assert_close(first.weight.grad, mlp.up.weight.grad.chunk(ranks)[rank], **tolerance)
        torch.testing.assert_close(second.weight.grad, mlp.down.weight.grad.chunk(ranks, dim=1)[rank], **tolerance)
        torch.testing.assert_close(second.bias.grad, mlp.down.bias.grad, **tolerance)
        assert [verb for verb, _, _ in log] == ["all_reduce", "all_reduce"]


def test_attention_cut_by_heads_equals_pytorchs():
    theirs = check.fill(nn.MultiheadAttention(12, 6, batch_first=True)).double()
    x = normal(2, 5, 12)
    blocked = torch.ones(5, 5, dtype=torch.bool).triu(1)
    padded = torch.tensor([[False] * 5, [False, False, False, True, True]])
    expected, _ = theirs(x, x, x, attn_mask=blocked, key_padding_mask=padded)

    def part(rows, outputs):
        linear = nn.Linear(12, outputs).double()
        linear.weight.data, linear.bias.data = theirs.in_proj_weight[rows].detach(), theirs.in_proj_bias[rows].detach()
        return linear

    def run(comm):
        heads = 6 // comm.size
        cut = [ColumnParallelLinear(part(slice(12 * i, 12 * i + 12), 12), comm) for i in range(3)]
        q, k, v = (layer(x).unflatten(-1, (heads, 2)) for layer in cut)
        mask = ~blocked & ~padded[:, None, None, :]
        out = F.scaled_dot_product_attention(*(t.transpose(1, 2) for t in (q, k, v)), attn_mask=mask)
        return RowParallelLinear(theirs.out_proj, comm)(out.transpose(1, 2).flatten(2))

    for out in run_ranks(run, 3):
        torch.testing.assert_close(out, expected, atol=1e-12, rtol=1e-10)


def test_f_and_g_are_each_others_mirror_and_sum_once_each_way():
    def run(comm):
        x = torch.full((3,), 1.0 + comm.rank, requires_grad=True)
        out = SumOverRanks.apply(CopyToRanks.apply(x, comm) * (comm.rank + 1), comm)
        out.sum().backward()
        return out.detach(), x.grad

    for out, grad in run_ranks(run, 3):
        assert out.tolist() == [14.0] * 3 and grad.tolist() == [6.0] * 3


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@given(st.integers(1, 5), st.integers(1, 3))
@settings(deadline=None, max_examples=12)
def test_a_sharded_adamw_is_pytorchs_on_any_number_of_ranks(dtype, ranks, steps):
    def model():
        return check.fill(nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))).to(dtype)

    x, y = normal(steps, 12 * ranks, 3, dtype=dtype), normal(steps, 12 * ranks, 2, seed=1, dtype=dtype)

    def run(comm):
        mine = model()
        optimizer = ShardedAdamW(mine.parameters(), comm, lr=0.02, weight_decay=0.1)
        for step in range(steps):
            optimizer.zero_grad()
            part = slice(12 * comm.rank, 12 * comm.rank + 12)
            F.mse_loss(mine(x[step, part]), y[step, part]).backward()
            optimizer.step()
        return list(mine.parameters())

    whole = model()
    optimizer = torch.optim.AdamW(whole.parameters(), lr=0.02, weight_decay=0.1)
    for step in range(steps):
        optimizer.zero_grad()
        F.mse_loss(whole(x[step]), y[step]).backward()
        optimizer.step()
    tolerance = 1e-4 if dtype is torch.float32 else 1e-10
    for params in run_ranks(run, ranks):
        for p, q in zip(params, whole.parameters(), strict=True):
            torch.testing.assert_close(p, q, atol=tolerance, rtol=tolerance)


def test_the_memory_of_zero_is_the_papers():
    assert [round(zero_memory(7.5e9, 64, stage) / 1e9, 1) for stage in range(4)] == [120.0, 31.4, 16.6, 1.9]
    with pytest.raises(ValueError, match="stages 0 to 3"):
        zero_memory(1, 1, 5)


def test_ranks_that_wait_for_each_other_are_told_who_waits_for_whom():
    like = torch.zeros(2)
    with pytest.raises(Stuck, match="rank 0 waits for rank 2; rank 1 waits for rank 0; rank 2 waits for rank 1"):
        run_ranks(lambda comm: comm.receive(like, (comm.rank - 1) % 3), 3)
    with pytest.raises(Stuck, match="rank 1 waits for rank 0, which has ended"):
        run_ranks(lambda comm: comm.receive(like, 0) if comm.rank else None, 2)
    with pytest.raises(Stuck, match="rank 0 sent rank 1 something that rank 1 did not receive"):
        run_ranks(lambda comm: None if comm.rank else comm.send(like, 1), 2)


def test_an_error_of_one_rank_ends_all_of_them_and_is_raised_as_it_is():
    with pytest.raises(ZeroDivisionError):
        run_ranks(lambda comm: 1 / 0 if comm.rank == 1 else comm.all_reduce(torch.zeros(2)), 3)
    with pytest.raises(ValueError, match=r"rank 1 expects \(3,\), torch.float32, by send from rank 0"):
        run_ranks(lambda comm: comm.receive(torch.zeros(3), 0) if comm.rank else comm.send(torch.zeros(2), 1), 2)
    with pytest.raises(ValueError, match="by all_gather"):
        run_ranks(lambda comm: comm.all_gather(torch.ones(1)) if comm.rank else comm.all_reduce(torch.ones(1)), 2)


def test_uneven_shares_are_refused():
    for layer, linear in ((ColumnParallelLinear, nn.Linear(4, 6)), (RowParallelLinear, nn.Linear(6, 4))):
        with pytest.raises(ValueError, match="cannot be shared out evenly among 4 ranks"):
            run_ranks(lambda comm, layer=layer, linear=linear: layer(linear, comm), 4)


CUDA_PROGRAM = """
import os, torch, torch.distributed as dist, torch.nn.functional as F
from torch import nn
from internals.distributed import *

device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
torch.cuda.set_device(device)
dist.init_process_group("nccl")
comm = Processes()
torch.manual_seed(0)
x = torch.randn(8, 6, device=device)
torch.testing.assert_close(ring_all_reduce(x * (comm.rank + 1), comm), x * sum(range(1, comm.size + 1)))
torch.testing.assert_close(comm.reduce_scatter([x] * comm.size), x * comm.size)
first, second = nn.Linear(6, 8, device=device), nn.Linear(8, 6, device=device)
out = RowParallelLinear(second, comm)(F.relu(ColumnParallelLinear(first, comm)(x)))
torch.testing.assert_close(out, second(F.relu(first(x))), atol=1e-4, rtol=1e-4)
out.sum().backward()
model = nn.Sequential(first, nn.ReLU(), second)
optimizer = ShardedAdamW(model.parameters(), comm, lr=0.01)
model(x).sum().backward()
average_gradients(model.parameters(), comm)
optimizer.step()
assert all(p.is_cuda and p.isfinite().all() for p in model.parameters())
inputs, targets = list(x.chunk(4)), list(x.chunk(4))
stage = nn.Linear(6, 6, device=device)
run_stage(stage, pipeline_schedule(comm.size, 4, "1f1b")[comm.rank], comm, inputs, targets, F.mse_loss, inputs[0])
assert stage.weight.grad.isfinite().all()
comm.wait()
dist.barrier()
dist.destroy_process_group()
"""


@pytest.mark.cuda
def test_the_same_code_runs_over_nccl_with_a_rank_for_each_of_up_to_two_gpus(tmp_path):
    """With a single GPU there is one rank, and no message between two: that only shows that everything is on it."""
    program = tmp_path / "program.py"
    program.write_text(CUDA_PROGRAM, encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node"]
    done = subprocess.run([*launch, str(min(2, torch.cuda.device_count())), str(program)], env=environment,
                          capture_output=True, text=True, timeout=300)  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
