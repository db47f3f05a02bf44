"""The model card: what was trained, on what, by whose parts, and how well it does. Mitchell et al. 2019"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path

from internals.capstone.config import Config


@dataclass(frozen=True)
class Result:
    """What a run reached. losses in nats per token; best: at `best_step`. owners: part → whose it is."""

    folder: Path
    steps: int
    parameters: int
    validation_loss: float
    best: float
    best_step: int
    nats_per_character: float
    tokens_per_second: float
    utilisation: float | None
    seconds: float
    peak_memory: int
    sample: str
    owners: dict[str, str] = field(default_factory=dict)


def model_card(result: Result, config: Config, about: dict[str, str]) -> str:
    """Markdown. about: facts to list under "Data" and "Machine", by name."""
    utilisation = "unknown" if result.utilisation is None else f"{result.utilisation:.1%}"
    lines = [
        f"# Model card: {config.name}",
        "",
        "A decoder-only transformer, trained with `python -m internals.capstone`.",
        "",
        "## Results",
        "",
        f"- Validation loss after {result.steps:,} steps: **{result.validation_loss:.4f} nats per token** "
        f"({result.nats_per_character:.4f} per character), on every token of the validation split",
        f"- Best: {result.best:.4f} at step {result.best_step:,} (`best.pt`)",
        f"- Parameters: {result.parameters:,}",
        f"- Budget: {result.steps:,} steps × {config.tokens_per_step:,} tokens = "
        f"{result.steps * config.tokens_per_step:,} tokens, {result.seconds:,.0f} seconds of training",
        f"- Speed: {result.tokens_per_second:,.0f} tokens a second, model-FLOPs utilisation {utilisation}",
        f"- Peak memory: {result.peak_memory / 2**20:,.0f} MiB",
        "",
        "![losses](loss.png)",
        "",
        "## Data and machine",
        "",
        *(f"- {name}: {value}" for name, value in about.items()),
        "",
        "## Limits",
        "",
        "It continues text in the manner of its training data and knows nothing else. It was not filtered, not tuned",
        "to follow instructions and not tested for harm: for study, not for use.",
        "",
        "## A sample",
        "",
        *(f"    {line}" for line in result.sample.splitlines()),
        "",
        "## Settings",
        "",
    ]
    for section, values in asdict(config).items():
        if isinstance(values, dict):
            lines += [f"- {section}: " + ", ".join(f"{key} = {value}" for key, value in values.items())]
    lines += ["", "## Whose parts", "", "| part | whose |", "|---|---|"]
    lines += [f"| `{part}` | {owner} |" for part, owner in sorted(result.owners.items())]
    return "\n".join(lines) + "\n"
