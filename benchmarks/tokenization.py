"""train_bpe and BPETokenizer beside the tokenizers library, on the same text, in turn, in one run.

    python benchmarks/tokenization.py --merges 4096

Trains both on Shakespeare's plays (about 5 million characters), with GPT-2's chunks and on one thread, then encodes
the first half million characters with each. Prints seconds and the ratios, and writes
benchmarks/results/tokenization.json. Which of two equally frequent pairs comes first is a convention in which the two
differ, so the vocabularies agree for the most part only; the share is printed. Timings belong here: the tests compare
merges and ids, never times.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from pathlib import Path

os.environ["RAYON_NUM_THREADS"] = "1"  # read by tokenizers
os.environ["TOKENIZERS_PARALLELISM"] = "false"
ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "tokenization.json"
sys.path.insert(0, str(ROOT))


def timed(call):
    """Seconds by the clock, seconds of this process on a processor, and what the call returns."""
    clock, processor = time.perf_counter(), time.process_time()
    result = call()
    return time.perf_counter() - clock, time.process_time() - processor, result


def train_theirs(text: str, merges: int):
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=256 + merges, initial_alphabet=alphabet, show_progress=False, min_frequency=1
    )
    tokenizer.train_from_iterator([text], trainer)
    return tokenizer


def main() -> None:
    from importlib.metadata import version

    from autograder import data
    from internals.tokenization import BPETokenizer, train_bpe

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--merges", type=int, default=4096)
    merges = parser.parse_args().merges
    text = data.load("shakespeare")
    part = text[:500_000]
    load = os.getloadavg()[0]
    train_ours, train_ours_cpu, ranks = timed(lambda: train_bpe(text, merges))
    train_other, train_other_cpu, theirs = timed(lambda: train_theirs(text, merges))
    encode_ours, encode_ours_cpu, ids = timed(lambda: BPETokenizer(ranks).encode(part))
    encode_other, encode_other_cpu, encoded = timed(lambda: theirs.encode(part))
    other_tokens = {theirs.decode([i]) for i in range(256, 256 + merges)}
    shared = sum(token.decode(errors="replace") in other_tokens for token in list(ranks)[256:]) / merges
    result = {
        "merges": merges, "characters": len(text), "load_before": round(load, 2),
        "python": platform.python_version(), "tokenizers": version("tokenizers"),
        "train_seconds": {"train_bpe": train_ours, "tokenizers": train_other, "ratio": train_ours / train_other},
        "encode_seconds": {"BPETokenizer": encode_ours, "tokenizers": encode_other,
                           "ratio": encode_ours / encode_other},
        "processor_seconds": {"train_bpe": train_ours_cpu, "train_tokenizers": train_other_cpu,
                              "encode_BPETokenizer": encode_ours_cpu, "encode_tokenizers": encode_other_cpu},
        "tokens": {"BPETokenizer": len(ids), "tokenizers": len(encoded.ids)}, "shared_vocabulary": shared,
    }  # fmt: skip
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(f"training, {merges:,} merges on {len(text):,} characters: train_bpe {train_ours:.1f} s "
          f"({train_ours_cpu:.1f} s of processor time), tokenizers {train_other:.2f} s, "
          f"ratio {train_ours / train_other:.1f}")  # fmt: skip
    print(f"encoding {len(part):,} characters: BPETokenizer {encode_ours:.1f} s, tokenizers {encode_other:.2f} s, "
          f"ratio {encode_ours / encode_other:.1f}")  # fmt: skip
    print(f"{shared:.1%} of the learnt tokens are the same; {len(ids):,} and {len(encoded.ids):,} tokens")


if __name__ == "__main__":
    main()
