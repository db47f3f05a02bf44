"""`python -m internals.capstone`: train a transformer of the course's parts, or of yours, on any text."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from internals.capstone.config import load_config
from internals.capstone.stop import Stop

EXAMPLE = """\
example: python -m internals.capstone --config cpu --text my.txt --set train.steps=500 model.d_model=64
several GPUs: torchrun --nproc-per-node 8 -m internals.capstone --config h100 --text my.txt
"""


def read_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """What was asked for on the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m internals.capstone",
        description="Train a transformer made of the course's parts, or of yours, on any text.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=EXAMPLE,
    )
    parser.add_argument("--config", default="cpu", metavar="NAME", help="cpu, t4, a100, h100 or a TOML file (cpu)")
    parser.add_argument("--text", type=Path, metavar="FILE", help="UTF-8 text (the course's Shakespeare)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="output folder (build/capstone/NAME)")
    parser.add_argument("--resume", action="store_true", help="go on with the run in the output folder")
    parser.add_argument("--steps", type=int, metavar="N", help="the same as --set train.steps=N")
    parser.add_argument("--seed", type=int, metavar="N", help="the same as --set train.seed=N")
    parser.add_argument(
        "--set", nargs="+", action="extend", default=[], metavar="KEY=VALUE", help="change settings of the file"
    )
    parser.add_argument(
        "--parts", choices=("course", "mine"), default="course", help="mine: yours where you have solved them (course)"
    )
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Run, and turn whatever ends it into one line and an exit code."""
    asked = read_arguments(arguments)
    changes = list(asked.set)
    changes += [f"train.{name}={value}" for name in ("steps", "seed") if (value := getattr(asked, name)) is not None]
    try:
        config = load_config(asked.config, changes)
        if asked.text and not asked.text.is_file():
            raise Stop(f"{asked.text}: no such file", 2)
        from internals.capstone.parts import load_parts  # here, where the settings are known to be good
        from internals.capstone.processes import leave
        from internals.capstone.train import train

        package = {"course": "internals", "mine": "autograder.parts"}[asked.parts]
        parts = load_parts(package, bpe=config.data.tokens == "bpe")
        out = asked.out or Path("build") / "capstone" / config.name
        try:
            train(config, out, asked.text, asked.resume, parts)
        finally:
            leave()
    except Stop as stop:
        if os.environ.get("RANK", "0") == "0":
            print(f"capstone: {stop}", file=sys.stderr)
        return stop.code
    except KeyboardInterrupt:  # before the first step, after the last one, or a second time
        print("capstone: stopped; what is saved stays, go on with --resume", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    code = main()
    if "RANK" in os.environ:  # a thread of gloo's that lets a tensor go while Python ends would abort it, at the end of
        sys.stdout.flush()  # a good run: https://github.com/pytorch/pytorch/issues/190489
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
