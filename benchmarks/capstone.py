"""The capstone at a fixed budget, beside what it has to beat, in one run.

    python benchmarks/capstone.py --text tinyshakespeare.txt --seeds 0 1 2

Every model reads the same characters of the same text, split 90/10, in 2,000 steps of 12 × 64, and is about 0.8 million
parameters large: the capstone with Muon, the capstone with AdamW alone, and a plain `nn.TransformerEncoder` (pre-norm,
GELU, learned positions, a causal mask) with AdamW. Beside them two counts of n-grams, from internals.language_models:
add-α with four characters, Witten–Bell with five. The loss is the mean over every character of the validation split
but the first; the networks see at most the 64 characters of a window, the n-grams always their three or four. One
process for each training run, so that its peak memory is its own; speeds mean something on a machine that does nothing
else. Writes benchmarks/results/capstone.json after each run; `--what` renews a part of it.
"""

from __future__ import annotations

import argparse
import datetime
import functools
import hashlib
import json
import math
import multiprocessing
import platform
import statistics
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
RESULTS = ROOT / "benchmarks" / "results" / "capstone.json"
NAMES = {
    "muon": "capstone, Muon and AdamW",
    "adamw": "capstone, AdamW alone",
    "encoder": "nn.TransformerEncoder, AdamW",
    "four-gram": "four-gram, add-α",
    "five-gram": "five-gram, Witten–Bell",
}
ALPHA = 0.03  # of the four-gram: the best of 1, 0.3, 0.1, 0.03 on the validation split itself
ENCODER_LR = 0.002  # 0.001, 0.002 and 0.004 gave 2.357, 2.328 and 2.365 after 500 steps, seed 0


def settings(kind: str, seed: int, threads: int) -> list[str]:
    """What is changed of the configuration cpu."""
    return [f"optimizer.kind={kind}", f"train.seed={seed}", f"machine.threads={threads}"]


def train_ours(text: Path, kind: str, seed: int, threads: int) -> dict:
    """One run of the trainer: its loss, speed and memory."""
    from internals.capstone.config import load_config
    from internals.capstone.train import train

    config = load_config("cpu", settings(kind, seed, threads))
    with tempfile.TemporaryDirectory() as folder:
        result = train(config, Path(folder), text)
    return {
        "loss": result.validation_loss,
        "parameters": result.parameters,
        "tokens_per_second": result.tokens_per_second,
        "peak_memory": result.peak_memory,
    }


def plain_encoder(vocab_size: int, width: int, layers: int, heads: int, length: int):
    """A decoder made of torch's own layers: nn.TransformerEncoder with a causal mask and learned positions."""
    import torch
    from torch import nn

    class PlainEncoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.tokens = nn.Embedding(vocab_size, width)
            self.positions = nn.Embedding(length, width)
            layer = nn.TransformerEncoderLayer(
                width, heads, 4 * width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
            )
            self.encoder = nn.TransformerEncoder(layer, layers, nn.LayerNorm(width), enable_nested_tensor=False)
            self.head = nn.Linear(width, vocab_size, bias=False)
            for table in (self.tokens, self.positions, self.head):
                nn.init.normal_(table.weight, std=0.02)

        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            """ids: (B, T). Returns logits (B, T, V)."""
            T = ids.shape[1]
            x = self.tokens(ids) + self.positions.weight[:T]
            mask = nn.Transformer.generate_square_subsequent_mask(T)
            return self.head(self.encoder(x, mask=mask, is_causal=True))

    return PlainEncoder()


def train_encoder(text: Path, seed: int, threads: int, lr: float = ENCODER_LR) -> dict:
    """The plain encoder with the same tokens, batches, schedule and evaluation."""
    import torch

    from internals.capstone import Together, split_loss
    from internals.capstone.config import load_config
    from internals.capstone.machine import choose_machine
    from internals.capstone.parts import load_parts
    from internals.capstone.rate import learning_rate
    from internals.capstone.text import prepare_tokens, read_text

    config, parts = load_config("cpu", settings("adamw", seed, threads)), load_parts()
    machine, train, shape = choose_machine(config.machine), config.train, config.model
    with tempfile.TemporaryDirectory() as folder:
        tokens = prepare_tokens(read_text(text)[0], config.data, Path(folder), shape.length, parts)
        torch.manual_seed(seed)
        model = plain_encoder(tokens.vocab_size, shape.d_model, shape.layers, shape.heads, shape.length)
        groups = [
            {"params": [p for p in model.parameters() if p.ndim >= 2], "weight_decay": config.optimizer.weight_decay},
            {"params": [p for p in model.parameters() if p.ndim < 2], "weight_decay": 0.0},
        ]
        betas = (config.optimizer.beta1, config.optimizer.beta2)
        optimizer = Together(torch.optim.AdamW(groups, lr=lr, betas=betas))
        batches = parts.Batches(tokens.train, train.batch_size, shape.length, seed)
        start = time.perf_counter()
        for step in range(train.steps):
            optimizer.scale_lr(learning_rate(step, config, parts))
            parts.train_step(model, batches, optimizer, max_norm=config.optimizer.max_norm)
        seconds = time.perf_counter() - start
        model.eval()
        loss = split_loss(model, tokens.validation, shape.length, train.batch_size, torch.float32)
    return {
        "loss": loss,
        "parameters": sum(p.numel() for p in model.parameters()),
        "tokens_per_second": train.steps * config.tokens_per_step / seconds,
        "peak_memory": machine.peak_memory(),
    }


def count_grams(text: Path, kind: str) -> dict:
    """The loss of an n-gram model on every character of the validation split but the first."""
    from internals.capstone.text import read_text
    from internals.language_models import count_ngrams, interpolated_probability, ngram_probability

    words, _ = read_text(text)
    cut = int(len(words) * 0.9)
    order = {"four-gram": 4, "five-gram": 5}[kind]
    start = time.perf_counter()
    counts, size = count_ngrams(words[:cut], order), len(set(words))

    @functools.cache
    def probability(history: str, character: str) -> float:
        if kind == "four-gram":
            return ngram_probability(counts, history, character, ALPHA, size)
        return interpolated_probability(counts, history, character, size)

    last = words[cut:]
    losses = [-math.log(probability(last[max(0, i - order + 1) : i], last[i])) for i in range(1, len(last))]
    return {
        "loss": statistics.fmean(losses),
        "parameters": sum(len(followers) for followers in counts.values()),  # counts that are not zero
        "seconds": time.perf_counter() - start,
    }


def one(job: tuple) -> dict:
    """One entry of the table, in a process of its own."""
    text, kind, seed, threads = job
    if kind in ("muon", "adamw"):
        return train_ours(text, kind, seed, threads)
    if kind == "encoder":
        return train_encoder(text, seed, threads)
    return count_grams(text, kind)


def summary(runs: list[dict]) -> dict:
    """Means and spread of the runs of one model."""
    losses = [run["loss"] for run in runs]
    facts = {"loss": statistics.fmean(losses), "worst": max(losses), "losses": losses}
    facts["spread"] = max(losses) - min(losses)
    facts["parameters"] = runs[0]["parameters"]
    for name in ("tokens_per_second", "peak_memory"):
        if name in runs[0]:
            facts[name] = statistics.fmean(run[name] for run in runs)
    return facts


def table(measured: dict) -> str:
    """The results as text."""
    lines = [f"{'model':<30} {'nats/char':>9} {'worst':>7} {'spread':>7} {'size':>9} {'tokens/s':>9} {'MiB':>6}"]
    for kind, facts in measured.items():
        speed = f"{facts['tokens_per_second']:,.0f}" if "tokens_per_second" in facts else ""
        memory = f"{facts['peak_memory'] / 2**20:,.0f}" if "peak_memory" in facts else ""
        lines.append(
            f"{NAMES[kind]:<30} {facts['loss']:>9.4f} {facts['worst']:>7.4f} {facts['spread']:>7.4f} "
            f"{facts['parameters']:>9,} {speed:>9} {memory:>6}"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--text", type=Path, required=True, metavar="FILE")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--what", nargs="+", choices=NAMES, default=list(NAMES), metavar="MODEL", help=", ".join(NAMES))
    parser.add_argument("--json", type=Path, default=RESULTS, metavar="FILE", help="benchmarks/results/capstone.json")
    parser.add_argument("--jobs", type=int, default=1, help="training runs at once (1)")
    parser.add_argument("--threads", type=int, default=1, help="threads of each (1)")
    arguments = parser.parse_args()
    jobs = [
        (arguments.text, kind, seed, arguments.threads)
        for kind in arguments.what
        for seed in (arguments.seeds if not kind.endswith("gram") else [0])
    ]
    digest = hashlib.sha256(arguments.text.read_bytes()).hexdigest()
    results = arguments.json
    before = json.loads(results.read_text(encoding="utf-8")) if results.exists() else {}
    models = before["models"] if before.get("text_sha256") == digest else {}
    runs: dict[str, list[dict]] = {}
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(arguments.jobs, mp_context=spawn, max_tasks_per_child=1) as pool:
        for (_, kind, _, _), facts in zip(jobs, pool.map(one, jobs), strict=True):
            runs.setdefault(kind, []).append(facts)
            models[kind] = summary(runs[kind])
            models = {kind: models[kind] for kind in NAMES if kind in models}
            about = conditions(arguments.threads) | {"text_sha256": digest, "models": models}
            results.write_text(json.dumps(about, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(table(models))


def conditions(threads: int) -> dict:
    """On what it was measured."""
    import torch

    from internals.capstone.config import load_config
    from internals.capstone.machine import processor_name

    config = load_config("cpu")
    torch.set_num_threads(threads)
    return {
        "date": datetime.date.today().isoformat(),
        "machine": processor_name(),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "steps": config.train.steps,
        "tokens_per_step": config.tokens_per_step,
    }


if __name__ == "__main__":
    main()
