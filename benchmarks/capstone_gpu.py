"""What the capstone does on a GPU: speed, utilisation, memory and loss, in at most six minutes.

    PYTHONPATH=. python benchmarks/capstone_gpu.py --text FILE --json gpu.json

Four parts, each on its own, so that one that fails costs no other: the configuration h100 (or another: --config) at
full size; float32, TF32, bfloat16 and float16 side by side; the T4's path, float16 with loss scaling; a run that is
stopped and resumed. Characters instead of byte pairs unless --bpe, which needs the package regex. Needs no network.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import sys
import tempfile
import time
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))


def run(name: str, text: Path | None, changes: list[str], folder: Path, resume: bool = False) -> dict:
    """One run of the trainer; its numbers, and its losses by step."""
    import torch

    from internals.capstone.config import load_config
    from internals.capstone.log import Log
    from internals.capstone.stop import Stop
    from internals.capstone.train import train

    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    start = time.perf_counter()
    config, problem = load_config(name, changes), ""
    try:
        result = train(config, folder, text, resume)
    except Exception as error:
        if not config.machine.compile or isinstance(error, Stop):
            raise
        problem = f"{type(error).__name__}: {error}"[:2000]
        print(f"not compiled, {problem}", flush=True)
        result = train(load_config(name, [*changes, "machine.compile=false"]), folder, text, resume)
    records = [record for record in Log(folder / "log.jsonl").records() if "loss" in record]
    return {
        "settings": changes,
        "compile_error": problem,
        "parameters": result.parameters,
        "steps": result.steps,
        "tokens_per_second": result.tokens_per_second,
        "utilisation": result.utilisation,
        "peak_memory_gib": round(result.peak_memory / 2**30, 2),
        "first_loss": records[0]["loss"],
        "last_loss": records[-1]["loss"],
        "validation_loss": result.validation_loss,
        "losses": {record["step"]: record["loss"] for record in records},
        "wall_seconds": round(time.perf_counter() - start, 1),
    }


def full_size(text: Path | None, config: str, steps: int, common: list[str]) -> dict:
    """The configuration as it is, for a few steps."""
    changes = [*common, f"train.steps={steps}", f"train.evaluate_every={steps}", f"optimizer.warmup={steps // 5}",
               "train.log_every=10", "train.sample=60"]  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        return run(config, text, changes, Path(folder))


def precisions(text: Path | None, common: list[str]) -> dict:
    """The same twelve layers in each precision, and compiled; tokens a second once warm."""
    import torch

    shape = ["model.layers=12", "train.batch_size=16", "train.accumulate=1", "train.steps=20", "train.log_every=5",
             "train.evaluate_every=20", "train.sample=0", "optimizer.warmup=5"]  # fmt: skip
    ways = {
        "float32": ["machine.precision=float32", "machine.tf32=false"],
        "float32, TF32": ["machine.precision=float32", "machine.tf32=true"],
        "bfloat16": ["machine.precision=bfloat16"],
        "float16, scaled": ["machine.precision=float16"],
        "bfloat16, compiled": ["machine.precision=bfloat16", "machine.compile=true"],
    }
    if torch.cuda.get_device_capability() < (8, 0):
        ways = {name: way for name, way in ways.items() if "bfloat16" not in name and "TF32" not in name}
    found = {}
    for name, way in ways.items():
        with tempfile.TemporaryDirectory() as folder:
            changes = [*common, *shape, "machine.compile=false", *way]
            found[name] = run("h100", text, changes, Path(folder))
    return found


def scaled(text: Path | None, common: list[str]) -> dict:
    """The configuration t4 in float16 with loss scaling, whatever the card: every loss finite, and falling."""
    changes = [*common, "machine.precision=float16", "train.steps=60", "train.evaluate_every=60", "train.log_every=10",
               "train.sample=60", "optimizer.warmup=10"]  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        result = run("t4", text, changes, Path(folder))
        import torch

        saved = torch.load(Path(folder) / "latest.pt", map_location="cpu", weights_only=True)
        result["scaler"] = {key: float(value) for key, value in saved["scaler"].items() if not isinstance(value, dict)}
    result["finite"] = all(map(math.isfinite, result["losses"].values()))
    return result


def resumed(text: Path | None, common: list[str]) -> dict:
    """Twelve steps in one go against six and six: the greatest difference of the losses."""
    tiny = [*common, "model.layers=4", "train.batch_size=16", "train.log_every=1", "train.evaluate_every=6",
            "train.sample=0", "optimizer.warmup=2", "optimizer.schedule=constant", "machine.compile=false"]  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        one = run("t4", text, [*tiny, "train.steps=12"], Path(folder) / "one")
        run("t4", text, [*tiny, "train.steps=6"], Path(folder) / "two")
        two = run("t4", text, [*tiny, "train.steps=12"], Path(folder) / "two", resume=True)
    differences = [abs(one["losses"][step] - two["losses"][step]) for step in one["losses"]]
    return {"steps": len(differences), "greatest_difference": max(differences), "losses": two["losses"]}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--text", type=Path, metavar="FILE", help="UTF-8 text (the course's Shakespeare)")
    parser.add_argument("--json", type=Path, default=Path("gpu.json"), metavar="FILE", help="results (gpu.json)")
    parser.add_argument("--config", default="h100", help="of the first part (h100)")
    parser.add_argument("--steps", type=int, default=150, help="of the first part (150)")
    parser.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="changes for the first part")
    parser.add_argument("--minutes", type=float, default=6.0, help="no part begins later than this, less one (6)")
    parser.add_argument("--bpe", action="store_true", help="byte pairs, as the configurations say")
    arguments = parser.parse_args()
    import torch

    if not torch.cuda.is_available():
        print("no CUDA GPU here: nothing to measure")
        return 0
    common = [] if arguments.bpe else ["data.tokens=characters"]
    common += ["data.validation=0.1"]
    parts = {
        "full size": lambda: full_size(arguments.text, arguments.config, arguments.steps, [*common, *arguments.set]),
        "precisions": lambda: precisions(arguments.text, common),
        "float16 with loss scaling": lambda: scaled(arguments.text, common),
        "resume": lambda: resumed(arguments.text, common),
    }
    results: dict = {
        "card": torch.cuda.get_device_name(),
        "memory_gib": round(torch.cuda.get_device_properties(0).total_memory / 2**30, 1),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "parts": {},
    }
    start, failed = time.perf_counter(), False
    for name, part in parts.items():
        if time.perf_counter() - start > 60 * (arguments.minutes - 1):
            results["parts"][name] = {"skipped": "no time left"}
            continue
        print(f"\n== {name}", flush=True)
        try:
            results["parts"][name] = part()
        except Exception as error:  # the next part may still work
            failed = True
            traceback.print_exc()
            results["parts"][name] = {"error": f"{type(error).__name__}: {error}"}
        results["seconds"] = round(time.perf_counter() - start, 1)
        arguments.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    show(results)
    return int(failed)


def show(results: dict) -> None:
    """The numbers as a table."""
    print(f"\n{results['card']}, torch {results['torch']}, {results['seconds']} s in all")
    rows = {"full size": results["parts"].get("full size", {}), **results["parts"].get("precisions", {})}
    rows["T4's path, float16"] = results["parts"].get("float16 with loss scaling", {})
    for name, row in rows.items():
        if isinstance(row, dict) and "tokens_per_second" in row:
            used = "" if row["utilisation"] is None else f"{row['utilisation']:6.1%} of peak"
            print(
                f"{name:<22} {row['tokens_per_second']:>11,.0f} tokens/s  {used}  {row['peak_memory_gib']:>6} GiB  "
                f"loss {row['first_loss']:.3f} → {row['last_loss']:.3f}, validation {row['validation_loss']:.3f}"
            )
    if "greatest_difference" in results["parts"].get("resume", {}):
        print(f"resume: losses differ by at most {results['parts']['resume']['greatest_difference']:.2g}")


if __name__ == "__main__":
    sys.exit(main())
