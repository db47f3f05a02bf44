"""python -m tools.setup LEVEL [--programs NAME ...] [--build] [--work]: make this checkout ready to use."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tools import environment, generated, programs

ROOT = Path(__file__).resolve().parent.parent


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.setup", description=__doc__)
    parser.add_argument("level", choices=environment.LEVELS, help="which extra of pyproject.toml to install")
    parser.add_argument("--programs", nargs="+", default=[], choices=sorted(programs.PROGRAMS), help="install if root")
    parser.add_argument("--build", action="store_true", help="build the notebooks where they are stale")
    parser.add_argument("--work", action="store_true", help="copy new notebooks to work/")
    options = parser.parse_args(arguments)
    try:
        for name in options.programs:
            programs.ensure(name)
        environment.ensure(ROOT, options.level)
        if options.build:
            generated.ensure_built(ROOT)
        if options.work:
            for name in generated.lay_out_work(ROOT):
                print(f"new in work/: {name}")
    except environment.SetupError as problem:
        print(f"make: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
