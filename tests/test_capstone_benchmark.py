"""The capstone's benchmark compares like with like."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path

import pytest
import torch
from tiny_capstone import write_text

from internals.capstone.config import load_config
from internals.capstone.parts import load_parts
from internals.capstone.train import make_model

ROOT = Path(__file__).resolve().parents[1]


def load(name: str):
    spec = importlib.util.spec_from_file_location(f"benchmark_{name}", ROOT / "benchmarks" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


benchmark = load("capstone")


def test_the_plain_encoder_is_causal_and_of_the_same_size():
    config = load_config("cpu").model
    plain = benchmark.plain_encoder(65, config.d_model, config.layers, config.heads, config.length).eval()
    ids = torch.randint(65, (1, 64), generator=torch.Generator().manual_seed(0))
    changed = ids.clone()
    changed[0, 40] = (ids[0, 40] + 1) % 65
    differs = (plain(ids) - plain(changed)).abs().amax(-1)[0] > 1e-6
    assert differs.tolist() == [t >= 40 for t in range(64)]
    sizes = [sum(p.numel() for p in m.parameters()) for m in (plain, make_model(load_config("cpu"), 65, load_parts()))]
    assert sizes[0] == pytest.approx(sizes[1], rel=0.03)


@pytest.mark.parametrize("kind", ["four-gram", "five-gram"])
def test_n_grams_are_measured_on_every_character_of_the_split_but_the_first(kind, tmp_path):
    text = write_text(tmp_path)
    words = text.read_text()
    loss = benchmark.count_grams(text, kind)["loss"]
    last = words[int(len(words) * 0.9) :]
    order = int({"four-gram": 4, "five-gram": 5}[kind])
    from internals.language_models import count_ngrams, interpolated_probability, ngram_probability

    counts = count_ngrams(words[: int(len(words) * 0.9)], order)
    total = 0.0
    for i in range(1, len(last)):
        history = last[max(0, i - order + 1) : i]
        if kind == "four-gram":
            p = ngram_probability(counts, history, last[i], benchmark.ALPHA, len(set(words)))
        else:
            p = interpolated_probability(counts, history, last[i], len(set(words)))
        total -= math.log(p)
    assert loss == pytest.approx(total / (len(last) - 1))


def test_the_gpu_benchmark_says_so_where_there_is_no_gpu(monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr("sys.argv", ["capstone_gpu.py"])
    assert load("capstone_gpu").main() == 0
    assert capsys.readouterr().out == "no CUDA GPU here: nothing to measure\n"
