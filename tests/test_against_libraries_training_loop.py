"""training_loop's parts against PyTorch: its scaler, its clipping, its scheduler, its checkpointing, its own loop; and
runs that are stopped and taken up again, bit for bit."""

import math
from functools import partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.checkpoint import checkpoint

import internals.optimizers as course
from internals.feed_forward import FeedForward
from internals.layer_norm_comparison import PreNormBlock, RMSNorm
from internals.multi_head import MultiHeadAttention
from internals.optimizers import decay_groups, schedule
from internals.positional_encoding import LearnedPositions
from internals.scaled_dot_product import causal_mask
from internals.training_loop import (
    Batches,
    JsonLog,
    LivePlot,
    LossScaler,
    accumulate_gradients,
    checkpointed,
    flops_per_token,
    language_loss,
    load_checkpoint,
    model_flops_utilisation,
    read_log,
    save_checkpoint,
    train,
    train_step,
)

VOCABULARY = 13
OPTIMIZERS = {
    "the course's AdamW": lambda model: course.AdamW(decay_groups(model, 0.1), lr=0.01),
    "the course's SGD": lambda model: course.SGD(model.parameters(), lr=0.1, momentum=0.9),
    "PyTorch's AdamW": lambda model: torch.optim.AdamW(model.parameters(), lr=0.01),
    "PyTorch's SGD": lambda model: torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9),
}


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Models as small as these gain nothing from more, and lose much where the machine is busy."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Attention(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.heads = MultiHeadAttention(width, 2)

    def forward(self, x):
        return self.heads(x, mask=causal_mask(x.shape[1]).to(x.device))[0]


class Model(nn.Module):
    """A transformer of the course's parts."""

    def __init__(self, width=16, layers=2, dropout=0.0):
        super().__init__()
        self.token, self.positions = nn.Embedding(VOCABULARY, width), LearnedPositions(32, width)
        self.blocks = nn.ModuleList()
        for _ in range(layers):
            layer = FeedForward(width, 4 * width, F.gelu, dropout=dropout)
            self.blocks += [PreNormBlock(width, Attention(width), RMSNorm), PreNormBlock(width, layer, RMSNorm)]
        self.answer = nn.Linear(width, VOCABULARY, bias=False)

    def forward(self, ids):
        x = self.positions(self.token(ids))
        for block in self.blocks:
            x = block(x)
        return self.answer(x)


def model_of(seed=0, **settings):
    torch.manual_seed(seed)
    return Model(**settings)


def text(size=3000, seed=1):
    """Tokens with a pattern that can be learnt: each is a function of the two before it, with some noise."""
    generator = np.random.default_rng(seed)
    tokens = [1, 2]
    for _ in range(size - 2):
        tokens.append((3 * tokens[-1] + tokens[-2] + int(generator.random() < 0.1)) % VOCABULARY)
    return torch.tensor(tokens)


def flat(tensors):
    return torch.cat([t.detach().flatten() for t in tensors])


# ---- batches


@given(st.integers(2, 60), st.integers(1, 20), st.integers(1, 9), st.integers(0, 3))
@settings(deadline=None)
def test_every_window_is_a_stretch_of_the_text_and_its_targets_are_one_further(N, T, B, seed):
    T = min(T, N - 1)
    inputs, targets = Batches(torch.arange(N), B, T, seed).next_batch()
    assert inputs.shape == targets.shape == (B, T) and inputs.dtype is targets.dtype is torch.int64
    assert torch.equal(inputs, inputs[:, :1] + torch.arange(T)) and torch.equal(targets, inputs + 1)
    assert inputs.min() >= 0 and targets.max() <= N - 1


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.int64])
def test_tokens_may_lie_in_a_file_that_is_mapped_into_memory(tmp_path, dtype):
    np.arange(200, dtype=dtype).tofile(tmp_path / "tokens.bin")
    mapped = torch.from_numpy(np.memmap(tmp_path / "tokens.bin", dtype=dtype, mode="r+"))
    inputs, _ = Batches(mapped, 4, 7, seed=3).next_batch()
    expected, _ = Batches(torch.arange(200), 4, 7, seed=3).next_batch()
    assert torch.equal(inputs, expected) and inputs.dtype is torch.int64


def test_all_starts_are_equally_likely_by_a_chi_square_test():
    batches = Batches(torch.arange(25), 100, 5, seed=0)
    starts = torch.cat([batches.next_batch()[0][:, 0] for _ in range(100)])
    counts = torch.bincount(starts, minlength=20).double()
    assert len(counts) == 20
    statistic = ((counts - 500) ** 2 / 500).sum()
    assert statistic < 43.8  # the 0.999 quantile with 19 degrees of freedom


# ---- the scaler


@given(st.text(".x", max_size=60), st.integers(1, 6), st.integers(-3, 20))
@settings(deadline=None, max_examples=40)
def test_the_scale_follows_pytorchs_grad_scaler_through_any_history_of_overflows(history, interval, power):
    ours, p = LossScaler(2.0**power, interval), nn.Parameter(torch.ones(()))
    theirs = torch.amp.GradScaler("cpu", init_scale=2.0**power, growth_interval=interval)
    optimizer = torch.optim.SGD([p], lr=0.0)
    for step in history:
        p.grad = None
        theirs.scale(p * (1.0 if step == "." else math.inf)).backward()
        theirs.step(optimizer)
        theirs.update()
        p.grad = None
        ours.scale_loss(p * (1.0 if step == "." else math.inf)).backward()
        finite = ours.unscale([p])
        ours.update(finite)
        assert finite == (step == ".") and ours.scale == theirs.get_scale()


def test_a_scaler_goes_on_from_its_saved_state():
    one, other = LossScaler(8.0, 3), LossScaler(1.0, 3)
    for finite in (True, False, True, True):
        one.update(finite)
    other.load_state_dict(one.state_dict())
    one.update(True), other.update(True)
    assert one.scale == other.scale == 8.0 and one.good_steps == other.good_steps == 0


# ---- accumulation


@pytest.mark.parametrize(("dtype", "atol"), [(torch.float32, 1e-6), (torch.float64, 1e-12)])
@given(st.integers(1, 6), st.integers(1, 4), st.integers(1, 8))
@settings(deadline=None, max_examples=15)
def test_micro_batches_give_the_gradient_of_the_large_batch(dtype, atol, parts, B, T):
    batches = Batches(text(), parts * B, T)
    inputs, targets = batches.next_batch()
    model, whole = model_of().to(dtype), model_of().to(dtype)
    loss = accumulate_gradients(model, list(zip(inputs.split(B), targets.split(B), strict=True)))
    expected = F.cross_entropy(whole(inputs).flatten(0, 1), targets.flatten())
    expected.backward()
    torch.testing.assert_close(loss, expected.detach(), atol=atol, rtol=1e-6)
    torch.testing.assert_close(flat(p.grad for p in model.parameters() if p.grad is not None),
                               flat(p.grad for p in whole.parameters() if p.grad is not None), atol=atol, rtol=1e-5)


def test_a_mean_of_means_is_not_the_mean_where_the_parts_have_different_numbers_of_tokens():
    losses = torch.arange(6.0)
    assert losses.mean() == 2.5 and torch.stack([losses[:1].mean(), losses[1:].mean()]).mean() == 1.5


# ---- a step


def plain_loop(model, batches, steps, accumulate=1, warmup=0, max_norm=1.0, scaler=None, dtype=torch.float32):
    """PyTorch's AdamW, LambdaLR, GradScaler and clipping."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: schedule(s, "cosine", warmup, steps, 0.1))
    scaler = scaler or torch.amp.GradScaler("cpu", enabled=False)
    device, losses = next(model.parameters()).device, []
    for _ in range(steps):
        optimizer.zero_grad()
        total = 0.0
        for _ in range(accumulate):
            inputs, targets = (x.to(device) for x in batches.next_batch())
            with torch.autocast(device.type, dtype=dtype, enabled=dtype is not torch.float32):
                logits = model(inputs)
            loss = F.cross_entropy(logits.to(torch.promote_types(logits.dtype, torch.float32)).flatten(0, 1),
                                   targets.flatten()) / accumulate
            scaler.scale(loss).backward()
            total += loss.item()
        scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(model.parameters(), max_norm)
        scaler.step(optimizer)
        scaler.update()
        scheduler.step()
        losses.append(total)
    return losses


@pytest.mark.parametrize("accumulate", [1, 3])
@pytest.mark.parametrize("name", ["the course's AdamW", "PyTorch's AdamW"])
def test_fifty_steps_equal_a_plain_loop_of_pytorchs_parts(name, accumulate):
    ours, theirs = model_of().double(), model_of().double()
    optimizer = (course if name.startswith("the course") else torch.optim).AdamW(ours.parameters(), lr=0.01)
    losses = train(ours, Batches(text(), 4, 12, seed=2), optimizer, 50, warmup=8, floor=0.1, accumulate=accumulate)
    expected = plain_loop(theirs, Batches(text(), 4, 12, seed=2), 50, accumulate, warmup=8)
    torch.testing.assert_close(torch.tensor(losses), torch.tensor(expected), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(flat(ours.parameters()), flat(theirs.parameters()), atol=1e-5, rtol=1e-4)


def test_float16_with_the_scaler_takes_and_skips_the_steps_that_pytorch_takes_and_skips():
    ours, theirs = model_of(), model_of()
    scaler, expected = LossScaler(2.0**22, 5), torch.amp.GradScaler("cpu", init_scale=2.0**22, growth_interval=5)
    batches, optimizer = Batches(text(), 4, 12), torch.optim.AdamW(ours.parameters(), lr=0.01)
    losses = train(ours, batches, optimizer, 25, floor=0.1, dtype=torch.float16, scaler=scaler)
    # PyTorch's scheduler does not know of skipped steps either
    expected_losses = plain_loop(theirs, Batches(text(), 4, 12), 25, scaler=expected, dtype=torch.float16)
    torch.testing.assert_close(torch.tensor(losses), torch.tensor(expected_losses), atol=2e-3, rtol=1e-3)
    assert scaler.scale == expected.get_scale() < 2.0**22


@pytest.mark.parametrize("scaler", [None, LossScaler(2.0**10)])
def test_a_step_whose_gradient_is_not_finite_changes_neither_weights_nor_memory(scaler):
    model = model_of()
    optimizer, batches = OPTIMIZERS["the course's AdamW"](model), Batches(text(), 4, 12)
    train_step(model, batches, optimizer)
    weights, memory = flat(model.parameters()).clone(), repr(optimizer.state_dict())
    hook = model.answer.register_forward_hook(lambda _, into, out: out * math.inf)
    _, norm = train_step(model, batches, optimizer, scaler=scaler)
    hook.remove()
    assert not math.isfinite(norm)
    assert torch.equal(weights, flat(model.parameters())) and memory == repr(optimizer.state_dict())
    assert scaler is None or scaler.scale == 2.0**9


def test_bfloat16_on_the_cpu_trains_to_about_the_loss_of_float32():
    final = {}
    for dtype in (torch.float32, torch.bfloat16):
        model = model_of(width=32)
        losses = train(model, Batches(text(), 8, 16), torch.optim.AdamW(model.parameters(), lr=0.01), 120, dtype=dtype)
        assert losses[0] > 2.5 and all(p.dtype is torch.float32 for p in model.parameters())
        final[dtype] = sum(losses[-10:]) / 10
    assert final[torch.float32] < 2.0
    assert abs(final[torch.bfloat16] - final[torch.float32]) < 0.1


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_logits_have_the_format_of_autocast_and_the_loss_is_float32(dtype):
    seen, model = [], model_of()
    model.register_forward_hook(lambda _, into, out: seen.append(out.dtype))
    loss = language_loss(model, *Batches(text(), 2, 6).next_batch(), dtype)
    assert seen == [dtype] and loss.dtype is torch.float32
    loss.backward()
    assert {p.grad.dtype for p in model.parameters() if p.grad is not None} == {torch.float32}


# ---- checkpoints


def ingredients(name, seed=0):
    model = model_of(seed, dropout=0.2)
    return model, OPTIMIZERS[name](model), Batches(text(), 3, 8, seed=seed)


def run(parts, path=None, until=None, steps=9, scaler=None, dtype=torch.float32):
    """Train with a checkpoint at every step; `until`: stop after the checkpoint of that step."""
    model, optimizer, batches = parts

    class Stop(Exception):
        pass

    def log(record):
        if until is not None and record["step"] == until + 1:
            raise Stop

    try:
        return train(model, batches, optimizer, steps, warmup=3, accumulate=2, log=log, path=path, every=1, resume=True,
                     scaler=scaler, dtype=dtype)
    except Stop:
        return None


@pytest.mark.parametrize("name", OPTIMIZERS)
@given(step=st.integers(1, 8), scaled=st.booleans(), dtype=st.sampled_from([torch.float32, torch.bfloat16]))
@settings(deadline=None, max_examples=8)
def test_a_run_resumed_at_any_step_is_the_uninterrupted_run_bit_for_bit(tmp_path_factory, name, step, scaled, dtype):
    path = tmp_path_factory.mktemp("run") / "run.pt"
    make = (lambda: LossScaler(4.0, 2)) if scaled else (lambda: None)
    straight = ingredients(name)
    losses = run(straight, scaler=make(), dtype=dtype)
    run(ingredients(name), path, until=step, scaler=make(), dtype=dtype)
    assert torch.load(path, weights_only=True)["step"] == step
    resumed, scaler = ingredients(name, seed=5), make()
    torch.manual_seed(99)
    assert run(resumed, path, scaler=scaler, dtype=dtype) == losses[step:]
    assert torch.equal(flat(resumed[0].parameters()), flat(straight[0].parameters()))
    assert scaler is None or scaler.scale == 4.0 * 2.0 ** (9 // 2)


def test_a_crash_in_the_middle_of_writing_leaves_the_last_checkpoint_whole(tmp_path, monkeypatch):
    model, optimizer, batches = ingredients("PyTorch's AdamW")
    path = tmp_path / "run.pt"
    save_checkpoint(path, 1, model, optimizer, batches)
    before = path.read_bytes()

    def half(state, file):
        with open(file, "wb") as opened:
            opened.write(before[:1000])
        raise OSError("no space left")

    monkeypatch.setattr(torch, "save", half)
    with pytest.raises(OSError, match="no space"):
        save_checkpoint(path, 2, model, optimizer, batches)
    assert path.read_bytes() == before
    monkeypatch.undo()
    assert load_checkpoint(path, model, optimizer, batches) == 1


def test_train_writes_only_what_torch_load_reads_without_running_code(tmp_path):
    model, optimizer, batches = ingredients("the course's AdamW")
    train(model, batches, optimizer, 2, path=tmp_path / "run.pt", scaler=LossScaler())
    saved = torch.load(tmp_path / "run.pt", weights_only=True)
    assert set(saved) == {"step", "model", "optimizer", "batches", "scaler", "rng"}
    assert [p.name for p in tmp_path.iterdir()] == ["run.pt"]


def test_a_finished_run_that_is_resumed_takes_no_step(tmp_path):
    model, optimizer, batches = ingredients("PyTorch's SGD")
    train(model, batches, optimizer, 3, path=tmp_path / "run.pt")
    weights = flat(model.parameters()).clone()
    assert train(model, batches, optimizer, 3, path=tmp_path / "run.pt", resume=True) == []
    assert torch.equal(weights, flat(model.parameters()))


# ---- activation checkpointing


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("mode", ["train", "eval"])
def test_checkpointed_gives_the_outputs_and_gradients_of_torch_utils_checkpoint(dtype, mode):
    results = []
    for apply in (checkpointed, partial(checkpoint, use_reentrant=False), lambda f, x: f(x)):
        model = getattr(model_of(dropout=0.5), mode)()
        x = torch.randn(2, 7, 16, generator=torch.Generator().manual_seed(1))
        if dtype is torch.float64:
            model, x = model.double(), x.double()
        x.requires_grad_()
        torch.manual_seed(3)
        y = x
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype is torch.bfloat16):
            for block in model.blocks:
                y = apply(block, y)
        after = torch.rand(3)
        y.pow(2).sum().backward()
        results.append([y.detach(), x.grad, flat(p.grad for p in model.blocks.parameters()), after, torch.rand(3)])
    for theirs in results[1:]:
        for ours, other in zip(results[0], theirs, strict=True):
            torch.testing.assert_close(ours, other, atol=1e-10 if dtype is torch.float64 else 1e-5, rtol=1e-5)


def test_checkpointed_passes_integers_and_masks_along():
    x = torch.randn(3, 4, requires_grad=True)
    index, keep = torch.tensor([2, 0, 1]), torch.tensor([True, False, True])
    out = checkpointed(lambda x, index, keep: torch.tanh(x[index]) * keep[:, None], x, index, keep)
    out.sum().backward()
    other = x.detach().requires_grad_()
    (torch.tanh(other[index]) * keep[:, None]).sum().backward()
    torch.testing.assert_close(x.grad, other.grad)


def test_the_gradient_of_checkpointed_is_right_by_finite_differences():
    layer = nn.Linear(3, 3).double()
    x = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: checkpointed(lambda y: torch.tanh(layer(y)), x), (x,))


# ---- logs and arithmetic


def test_a_log_that_is_read_back_holds_each_step_once_also_after_a_resume(tmp_path):
    log = JsonLog(tmp_path / "run.jsonl")
    for step in (1, 2, 3, 2, 3, 4):
        log({"step": step, "loss": 1.0 / step, "norm": math.inf, "lr": 0.1})
    columns = read_log(tmp_path / "run.jsonl")
    assert columns["step"] == [1, 2, 3, 4] and columns["loss"] == [1.0, 0.5, 1 / 3, 0.25]
    assert columns["norm"] == [math.inf] * 4 and len(columns["seconds"]) == 4


def test_outside_of_a_notebook_the_live_plot_prints_a_line(capsys):
    plot = LivePlot(4, every=2)
    for step in range(1, 5):
        plot({"step": step, "loss": 2.0, "norm": 1.0, "lr": 0.1})
    assert capsys.readouterr().out.count("loss 2.000") == 2


def test_flops_per_token_are_three_times_what_pytorch_counts_for_a_forward_pass():
    from torch.utils.flop_counter import FlopCounterMode

    model, T = model_of(width=32, layers=3), 24
    with FlopCounterMode(display=False) as counter:
        model(torch.zeros(1, T, dtype=torch.long))
    weights = sum(p.numel() for name, p in model.named_parameters() if p.ndim == 2 and "token" not in name
                  and "positions" not in name)
    assert flops_per_token(weights, 3, 32, T) * T == 3 * counter.get_total_flops()
    assert model_flops_utilisation(1000.0, 6e9, 60e12) == pytest.approx(0.1)


# ---- devices


def test_loss_and_gradients_are_on_the_models_device():
    """On the meta device: a CPU-only build of PyTorch cannot pretend to have a GPU."""
    model = model_of().to("meta")
    inputs = torch.zeros(2, 6, dtype=torch.long, device="meta")
    logits = model(inputs)
    loss = language_loss(model, inputs, inputs)
    loss.backward()
    assert logits.device.type == loss.device.type == "meta"
    assert all(p.grad.device.type == "meta" for p in model.parameters())


@pytest.mark.cuda
def test_on_a_gpu_all_formats_reach_about_the_same_loss_and_a_run_resumes(tmp_path):
    final = {}
    for dtype in (torch.float32, torch.bfloat16, torch.float16):
        model = model_of(width=64).cuda()
        scaler = LossScaler() if dtype is torch.float16 else None
        optimizer = course.AdamW(decay_groups(model, 0.01), lr=0.005)
        losses = train(model, Batches(text(), 16, 24), optimizer, 20, dtype=dtype, scaler=scaler)
        final[dtype] = losses[-1]
    assert all(abs(loss - final[torch.float32]) < 0.05 for loss in final.values()), final
    for name in OPTIMIZERS:
        parts = model_of(dropout=0.2).cuda(), model_of(dropout=0.2).cuda(), model_of(1, dropout=0.2).cuda()
        runs = [(model, OPTIMIZERS[name](model), Batches(text(), 3, 8)) for model in parts]
        torch.manual_seed(7)
        losses = run(runs[0])
        torch.manual_seed(7)
        run(runs[1], tmp_path / f"{name}.pt", until=4)
        torch.manual_seed(8)
        resumed = run(runs[2], tmp_path / f"{name}.pt")
        torch.testing.assert_close(torch.tensor(resumed), torch.tensor(losses[4:]), atol=1e-5, rtol=1e-5)


@pytest.mark.cuda
def test_a_checkpoint_of_a_gpu_goes_on_where_there_is_none_and_the_other_way_round(tmp_path):
    for name in OPTIMIZERS:
        for first, second in (("cuda", "cpu"), ("cpu", "cuda")):
            model = model_of().to(first)
            losses = train(model, Batches(text(), 3, 8), OPTIMIZERS[name](model), 8)
            model = model_of().to(first)
            batches, optimizer = Batches(text(), 3, 8), OPTIMIZERS[name](model)
            for _ in range(2):
                train_step(model, batches, optimizer)
            save_checkpoint(tmp_path / "run.pt", 2, model, optimizer, batches)
            model = model_of(4).to(second)
            batches, optimizer = Batches(text(), 3, 8, seed=4), OPTIMIZERS[name](model)
            assert load_checkpoint(tmp_path / "run.pt", model, optimizer, batches) == 2
            loss, _ = train_step(model, batches, optimizer)
            assert math.isfinite(loss) and len(losses) == 8
            assert all(p.device.type == second for p in model.parameters())


@pytest.mark.cuda
def test_checkpointed_gives_the_same_on_a_gpu():
    layer, x = model_of(dropout=0.5).blocks.cuda(), torch.randn(2, 7, 16, device="cuda", requires_grad=True)
    grads = []
    for apply in (checkpointed, lambda f, x: f(x)):
        torch.manual_seed(3)
        y, x.grad = x, None
        with torch.autocast("cuda", dtype=torch.bfloat16):
            for block in layer:
                y = apply(block, y)
        y.float().pow(2).sum().backward()
        grads.append(x.grad)
    torch.testing.assert_close(*grads, atol=1e-4, rtol=1e-4)
