"""What a run is made of: read from a TOML file, changed by `--set section.key=value`, checked before it is used.

A wrong setting is reported before anything is read or made.
"""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, get_type_hints

from internals.capstone.stop import Stop

CONFIGS = Path(__file__).parent / "configs"


@dataclass(frozen=True)
class ModelConfig:
    """The decoder's shape. d_ff 0: two thirds of 4 · d_model, rounded up to a multiple of 8."""

    d_model: int = 128
    layers: int = 4
    heads: int = 4
    d_ff: int = 0
    length: int = 64  # tokens that the model sees at once
    tied: bool = False  # the head's weights are the embedding's
    attention: str = "fused"  # or "course": the part scaled_dot_product_attention, which forms all weights
    rope_base: float = 10000.0


@dataclass(frozen=True)
class DataConfig:
    """How text becomes tokens."""

    tokens: str = "characters"  # or "bpe"
    merges: int = 1024  # of bpe
    validation: float = 0.1  # the last share of the text, never trained on


@dataclass(frozen=True)
class OptimizerConfig:
    """Muon for the blocks' matrices and AdamW for the rest, or AdamW for all."""

    kind: str = "muon"  # or "adamw"
    muon_lr: float = 0.02
    muon_momentum: float = 0.95
    adamw_lr: float = 0.004
    beta1: float = 0.9
    beta2: float = 0.95
    weight_decay: float = 0.1  # of matrices; never of norms
    schedule: str = "cosine"  # or "linear", "constant"
    warmup: int = 100  # steps
    floor: float = 0.0  # the learning rate at the end, as a share of its peak
    max_norm: float = 1.0  # gradients are shortened to this


@dataclass(frozen=True)
class TrainConfig:
    """The budget. A step sees batch_size · accumulate sequences, counted over all processes."""

    steps: int = 2000
    batch_size: int = 12  # sequences at once
    accumulate: int = 1  # batches a step
    seed: int = 0
    log_every: int = 50  # steps
    evaluate_every: int = 500  # steps; a checkpoint is written each time
    sample: int = 200  # tokens written at each evaluation


@dataclass(frozen=True)
class MachineConfig:
    """Where and how exactly it is computed."""

    device: str = "auto"  # or "cpu", "cuda"
    precision: str = "auto"  # or "float32", "bfloat16", "float16" (with loss scaling)
    tf32: bool = True  # float32 products on tensor cores: 10 bits of mantissa instead of 23
    compile: bool = False
    parallel: str = "ddp"  # or "fsdp"; counts under torchrun
    threads: int = 0  # of the CPU; 0: as many as torch takes


@dataclass(frozen=True)
class Config:
    """All settings of a run. name: what the output folder is called."""

    name: str = "run"
    model: ModelConfig = field(default_factory=ModelConfig)
    data: DataConfig = field(default_factory=DataConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    machine: MachineConfig = field(default_factory=MachineConfig)

    @property
    def d_ff(self) -> int:
        """The feed-forward layer's width."""
        return self.model.d_ff or -(-8 * self.model.d_model // 3 // 8) * 8

    @property
    def tokens_per_step(self) -> int:
        """Tokens that one step learns from, over all processes."""
        return self.train.batch_size * self.train.accumulate * self.model.length


SECTIONS = {name: kind for name, kind in get_type_hints(Config).items() if name != "name"}
CHOICES = {
    "model.attention": ("fused", "course"),
    "data.tokens": ("characters", "bpe"),
    "optimizer.kind": ("muon", "adamw"),
    "optimizer.schedule": ("cosine", "linear", "constant"),
    "machine.device": ("auto", "cpu", "cuda"),
    "machine.precision": ("auto", "float32", "bfloat16", "float16"),
    "machine.parallel": ("ddp", "fsdp"),
}
MAY_BE_ZERO = ("model.d_ff", "data.merges", "optimizer.weight_decay", "optimizer.warmup", "optimizer.floor",
               "optimizer.beta1", "optimizer.beta2", "optimizer.muon_momentum", "train.seed", "train.sample",
               "machine.threads")  # fmt: skip
BELOW_ONE = ("data.validation", "optimizer.beta1", "optimizer.beta2", "optimizer.muon_momentum")


def load_config(name: str, changes: list[str] | None = None) -> Config:
    """The settings of a file, or of one of the course's (cpu, t4, a100, h100), with changes such as "train.steps=10".

    Raises Stop with exit code 2 and one line for whatever is wrong.
    """
    path = Path(name) if name.endswith(".toml") else CONFIGS / f"{name}.toml"
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        known = ", ".join(sorted(file.stem for file in CONFIGS.glob("*.toml")))
        raise Stop(f"no configuration {name}: give one of {known}, or a file that ends in .toml", 2) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Stop(f"{path}: cannot be read: {error}", 2) from None
    for change in changes or []:
        _apply(tables, change)
    return config_from(tables, path.stem)


def config_from(tables: dict[str, Any], name: str) -> Config:
    """A checked Config of nested dicts, as TOML and JSON give them. Raises Stop with exit code 2."""
    sections = {}
    for section, values in tables.items():
        if section == "name":
            continue
        if section not in SECTIONS:
            raise Stop(f"{section} is no section of a configuration{_meant(section, SECTIONS)}", 2)
        if not isinstance(values, dict):
            raise Stop(f"{section} is a section: write [{section}] and its settings below", 2)
        sections[section] = SECTIONS[section](**_typed(section, values))
    config = Config(name=name, **sections)
    _check(config)
    return config


def _apply(tables: dict[str, Any], change: str) -> None:
    """Put one "section.key=value" into the tables; the value as in TOML, or a bare word."""
    place, equals, text = change.partition("=")
    section, dot, key = place.strip().partition(".")
    if not (equals and dot):
        raise Stop(f"--set {change}: write it as section.key=value, such as model.d_model=256", 2)
    try:
        value = tomllib.loads(f"value = {text.strip()}")["value"]
    except tomllib.TOMLDecodeError:
        value = text.strip()
    tables.setdefault(section, {})[key] = value


def _typed(section: str, values: dict[str, Any]) -> dict[str, Any]:
    """The values of a section, each of its setting's type. Raises Stop for a wrong one and for an unknown setting."""
    types = get_type_hints(SECTIONS[section])
    typed = {}
    for key, value in values.items():
        if key not in types:
            raise Stop(f"{section}.{key} is no setting{_meant(key, types)}", 2)
        if types[key] is float and type(value) is int:
            value = float(value)
        if type(value) is not types[key]:
            raise Stop(f"{section}.{key} = {value!r}: expected {types[key].__name__}", 2)
        typed[key] = value
    return typed


def _meant(word: str, known) -> str:
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {close[0]}?" if close else f"; there are {', '.join(known)}"


def _check(config: Config) -> None:
    """Raise Stop for values that cannot be trained with."""
    for section in SECTIONS:
        for key, value in asdict(getattr(config, section)).items():
            place = f"{section}.{key}"
            if place in CHOICES and value not in CHOICES[place]:
                raise Stop(f"{place} = {value!r}: expected one of {', '.join(CHOICES[place])}", 2)
            if isinstance(value, int | float) and not isinstance(value, bool):
                if not (value >= 0 if place in MAY_BE_ZERO else value > 0):
                    raise Stop(f"{place} = {value}: expected a number above zero", 2)
                if place in BELOW_ONE and value >= 1:
                    raise Stop(f"{place} = {value}: expected a number below one", 2)
    model = config.model
    if model.d_model % model.heads:
        raise Stop(f"model.heads = {model.heads} does not divide model.d_model = {model.d_model}", 2)
    if model.d_model // model.heads % 2:
        wide = model.d_model // model.heads
        raise Stop(f"model.d_model / model.heads = {wide} is odd: rotary positions turn features in pairs", 2)
    if config.machine.parallel == "fsdp" and config.machine.precision == "float16":
        raise Stop("machine.parallel = 'fsdp' works with float32 and bfloat16: scaling the loss is not shared out", 2)
    if config.optimizer.schedule != "constant" and config.optimizer.warmup >= config.train.steps:
        warmup, steps = config.optimizer.warmup, config.train.steps
        raise Stop(f"optimizer.warmup = {warmup} leaves nothing of {steps} steps: lower it, or raise train.steps", 2)


def difference(old: Config, new: Config) -> str:
    """The first setting in which a run that goes on differs from the one that began, in words; "" where none does.

    Only what the weights, the optimizer's memory and the data rest on; steps and the machine may change.
    """
    for section in ("model", "data"):
        for one in fields(SECTIONS[section]):
            was, now = getattr(getattr(old, section), one.name), getattr(getattr(new, section), one.name)
            if was != now and (section, one.name) != ("model", "attention"):
                return f"{section}.{one.name} was {was!r} and is {now!r} now"
    if old.optimizer.kind != new.optimizer.kind:
        return f"optimizer.kind was {old.optimizer.kind!r} and is {new.optimizer.kind!r} now"
    return ""
