"""The run: data, model and optimizer put together, then steps, evaluations and checkpoints until the budget is used."""

from __future__ import annotations

import json
import math
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import torch

from internals.capstone import processes as several
from internals.capstone.card import Result, model_card
from internals.capstone.checkpoints import Checkpoints, set_aside
from internals.capstone.config import Config, OptimizerConfig, config_from, difference
from internals.capstone.evaluate import write_sample
from internals.capstone.log import Log, plot_losses
from internals.capstone.machine import Machine, choose_machine
from internals.capstone.parts import Parts, load_parts
from internals.capstone.processes import Processes, SharedBatches
from internals.capstone.rate import learning_rate
from internals.capstone.stop import Stop
from internals.capstone.text import Tokens, fingerprint_of, known_fingerprint, prepare_tokens, read_text
from internals.capstone.throughput import peak_flops


def train(
    config: Config,
    out: Path,
    text: Path | None = None,
    resume: bool = False,
    parts: Parts | None = None,
    watch: Callable[[dict], object] | None = None,
) -> Result:
    """Train as the config says and write everything into the folder `out`.

    text: a UTF-8 file; None: the course's `shakespeare`. resume: go on with what lies in the folder. parts: what the
    model and the loop are made of; None: the course's. watch: called with each record of the log that has a "loss",
    such as a LivePlot. Raises Stop where the run cannot start or go on.
    """
    parts = parts or load_parts(bpe=config.data.tokens == "bpe")
    processes = several.find_processes()
    machine = choose_machine(config.machine, processes.local_rank, parts.choose_precision)
    several.check_share(config.train.batch_size, processes)
    several.join(processes, machine.device)
    run = Run(config, out, parts, processes, machine, watch)
    try:
        run.prepare(text, resume)
        with Interruptions() as interruptions:
            run.steps(interruptions)
        return run.finish()
    except torch.OutOfMemoryError:
        raise Stop(_out_of_memory(config, machine)) from None
    except OSError as error:  # the plot or the card; checkpoints and the log say it themselves
        where = error.filename or out
        raise Stop(f"{where}: cannot be written: {error.strerror or error}; go on with --resume") from None


def make_model(config: Config, vocab_size: int, parts: Parts):
    """The part Decoder in the shape that the settings say."""
    shape = config.model
    return parts.Decoder(
        vocab_size,
        shape.d_model,
        shape.heads,
        shape.layers,
        shape.length,
        d_ff=config.d_ff,
        tied=shape.tied,
        rope_base=shape.rope_base,
        fused=shape.attention == "fused",
    )


def make_optimizer(model, config: OptimizerConfig, parts: Parts):
    """What the part build_optimizer makes of the settings."""
    return parts.build_optimizer(
        model,
        kind=config.kind,
        muon_lr=config.muon_lr,
        muon_momentum=config.muon_momentum,
        adamw_lr=config.adamw_lr,
        betas=(config.beta1, config.beta2),
        weight_decay=config.weight_decay,
    )


class Interruptions:
    """Notes Ctrl-C and a request to end (SIGTERM) instead of breaking off in the middle of a step.

    received: the signal's number, 0 before. A second one breaks off at once.
    """

    SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __enter__(self) -> Interruptions:
        self.received = 0
        numbers = self.SIGNALS if threading.current_thread() is threading.main_thread() else ()  # Python's rule
        self.before = {number: signal.signal(number, self._note) for number in numbers}
        return self

    def _note(self, number: int, frame) -> None:
        self.received = number
        signal.signal(number, self.before[number])

    def __exit__(self, *error: object) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)


class Run:
    """One run: what it is made of, and how far it is."""

    def __init__(
        self, config: Config, out: Path, parts: Parts, processes: Processes, machine: Machine, watch: Callable | None
    ) -> None:
        self.watch = watch
        self.config, self.out, self.parts, self.processes, self.machine = config, out, parts, processes, machine
        self.log = Log(out / "log.jsonl")
        self.step, self.seconds, self.sample, self.validation_loss = 0, 0.0, "", math.nan

    def say(self, *words: str) -> None:
        """Print, in the first process."""
        if self.processes.first:
            print(*words, flush=True)

    # ---- before

    def prepare(self, text: Path | None, resume: bool) -> None:
        """Make tokens, model, optimizer and batches; take up where an earlier run stopped if told to."""
        config, device = self.config, self.machine.device
        self._open_folder(resume)
        self.tokens, self.source = self._tokens(text, resume)
        torch.manual_seed(config.train.seed)
        self.bare = make_model(config, self.tokens.vocab_size, self.parts).to(device)
        self.parameters = sum(p.numel() for p in self.bare.parameters())
        self.flops, self.peak = self.parts.model_flops(self.bare), peak_flops(self.machine, config.machine.tf32)
        if self.machine.compile:
            for block in self.bare.blocks:  # one block's code serves all of them: far less to compile than the model
                block.compile()
        self.model = several.share(self.bare, config.machine.parallel, self.processes, device)
        self.optimizer = make_optimizer(self.bare, config.optimizer, self.parts)
        drawn = self.parts.Batches(self.tokens.train, config.train.batch_size, config.model.length, config.train.seed)
        self.batches = SharedBatches(drawn, self.processes, device)
        self.scaler = self.parts.LossScaler() if self.machine.scales_loss else None
        self.checkpoints = Checkpoints(
            self.out, self.parts, self.processes, self.bare, self.optimizer, self.batches, self.scaler
        )
        if resume:
            self.step, line = self.checkpoints.load()
            self.say(line or f"going on from step {self.step:,}")
            if self.processes.first:
                self.log.cut(self.step)
            self.seconds = self.log.seconds()
        self.processes.wait()
        self.best = self.log.best()
        self.say(
            f"{self.parameters:,} parameters, {len(self.tokens.train):,} + {len(self.tokens.validation):,} tokens, "
            f"vocabulary {self.tokens.vocab_size:,}; {self.machine.name}, "
            f"{self.machine.precision}, processes: {self.processes.count}; into {self.out}"
        )

    def _open_folder(self, resume: bool) -> None:
        settings = self.out / "config.json"
        if self.processes.first:
            if resume and settings.exists():
                try:
                    old = config_from(json.loads(settings.read_text(encoding="utf-8")), self.config.name)
                except ValueError:
                    raise Stop(f"{settings}: damaged; delete it to resume with the settings given", 2) from None
                if changed := difference(old, self.config):
                    raise Stop(f"cannot resume {self.out}: {changed}", 2)
            try:
                self.out.mkdir(parents=True, exist_ok=True)
                if not resume:
                    set_aside(self.out)
                settings.write_text(json.dumps(asdict(self.config), indent=1) + "\n", encoding="utf-8")
            except OSError as error:
                raise Stop(f"{self.out}: cannot be written: {error.strerror}") from None
        self.processes.wait()

    def _tokens(self, text: Path | None, resume: bool) -> tuple[Tokens, str]:
        """The tokens: made by the first process, then read by all."""
        words, source = read_text(text)
        known = known_fingerprint(self.out)
        if resume and known and known != fingerprint_of(words, self.config.data):
            raise Stop(f"cannot resume {self.out}: it began with another text than {source}", 2)
        if not self.processes.first:
            self.processes.wait()
        tokens = prepare_tokens(words, self.config.data, self.out, self.config.model.length, self.parts)
        if self.processes.first:
            self.processes.wait()
        return tokens, source

    # ---- while training

    def steps(self, interruptions: Interruptions) -> None:
        """Step until the budget is used, with a line, an evaluation and a checkpoint at their intervals."""
        train = self.config.train
        losses, since = [], time.perf_counter()
        while self.step < train.steps:
            factor = learning_rate(self.step, self.config, self.parts)
            self.optimizer.scale_lr(factor)
            loss, norm = self.parts.train_step(
                self.model, self.batches, self.optimizer, train.accumulate, self.config.optimizer.max_norm,
                self.machine.dtype, self.scaler,
            )  # fmt: skip
            numbers = [float(loss), float(interruptions.received)]
            loss, received = self.processes.mean(numbers, self.machine.device)
            if not math.isfinite(loss):
                raise Stop(self._diverged(loss, factor))
            self.step += 1
            losses.append(loss)
            evaluates = self.step % train.evaluate_every == 0 or self.step == train.steps
            if self.step % train.log_every == 0 or evaluates or received:
                elapsed = time.perf_counter() - since
                self.seconds += elapsed
                self._report(losses, elapsed, factor, float(norm))
                losses, since = [], time.perf_counter()
            if received:
                self.checkpoints.save(self.step, best=False)
                code = 128 + (interruptions.received or signal.SIGINT)
                raise Stop(f"stopped at step {self.step:,}, saved to {self.out}: go on with --resume", code)
            if evaluates:
                self._evaluate()
                since = time.perf_counter()

    def _report(self, losses: list[float], elapsed: float, factor: float, norm: float) -> None:
        """One line: how far, how well, how fast, how long still."""
        loss, speed = sum(losses) / len(losses), len(losses) * self.config.tokens_per_step / elapsed
        left = (self.config.train.steps - self.step) * elapsed / len(losses)
        used = self._utilisation(speed)
        if not self.processes.first:
            return
        self.log.add(
            record := {
                "step": self.step,
                "loss": round(loss, 5),
                "lr_factor": round(factor, 5),
                "norm": round(norm, 4),
                "tokens_per_second": round(speed),
                "utilisation": used and round(used, 4),
                "seconds": round(self.seconds, 2),
            }
        )
        if self.watch is not None:
            self.watch(record)
        self.say(
            f"step {self.step:>6,}/{self.config.train.steps:,}  loss {loss:.4f}  lr × {factor:.2f}  "
            f"{speed:>9,.0f} tokens/s  {'' if used is None else f'{used:.0%} of peak  '}"
            f"{int(left) // 60}:{int(left) % 60:02d} left"
        )

    def _utilisation(self, tokens_per_second: float) -> float | None:
        """The share of what the machines could do that went into the model. Chowdhery et al. 2022, appendix B"""
        return tokens_per_second * self.flops / (self.peak * self.processes.count) if self.peak else None

    def _evaluate(self) -> None:
        """The loss on the whole validation split, a sample, checkpoints and the plot."""
        config, dtype = self.config, self.machine.dtype
        self.bare.eval()
        with torch.compiler.set_stance("force_eager"):  # other shapes than in training: not worth compiling
            size = max(1, config.train.batch_size)
            split_loss, ids = self.parts.split_loss, self.tokens.validation
            self.validation_loss = split_loss(self.bare, ids, config.model.length, size, dtype)
            self.sample = write_sample(
                self.bare, self.tokens.tokenizer, self.parts.sample, config.model.length, config.train.sample, dtype
            )
        self.bare.train()
        improved = self.validation_loss < self.best
        self.best = min(self.best, self.validation_loss)
        self.checkpoints.save(self.step, improved)
        if self.processes.first:
            self.log.add(
                {"step": self.step, "validation_loss": self.validation_loss, "sample": self.sample}
            )
            plot_losses(self.log.records(), self.out / "loss.png", self.config.name)
        self.say(f"step {self.step:>6,}  validation {self.validation_loss:.4f}{' (best so far)' * improved}")
        self.say("\n".join(f"    | {line}" for line in self.sample.strip().splitlines()))

    def _diverged(self, loss: float, factor: float) -> str:
        rates = ", ".join(sorted({f"{group['lr']:.2g}" for group in self.optimizer.param_groups}))
        return (
            f"step {self.step + 1}: the loss is {loss} at learning rate {rates} ({factor:.0%} of its peak); the "
            f"checkpoints in {self.out} are from before. Lower optimizer.{self.config.optimizer.kind}_lr or raise "
            "optimizer.warmup, then start anew, or go on with --resume"
        )

    # ---- after

    def finish(self) -> Result:
        """The result; the model card is written by the first process."""
        if math.isnan(self.validation_loss):  # resumed at the end
            self._evaluate()
        records = self.log.records()
        losses = {record["validation_loss"]: record["step"] for record in records if "validation_loss" in record}
        speeds = sorted(record["tokens_per_second"] for record in records if "tokens_per_second" in record)
        speed = speeds[len(speeds) // 2] if speeds else 0.0
        result = Result(
            folder=self.out,
            steps=self.step,
            parameters=self.parameters,
            validation_loss=self.validation_loss,
            best=self.best,
            best_step=losses.get(min(losses, default=0.0), self.step),
            nats_per_character=self.validation_loss * (len(self.tokens.validation) - 1) / self.tokens.characters,
            tokens_per_second=speed,
            utilisation=self._utilisation(speed),
            seconds=self.seconds,
            peak_memory=self.machine.peak_memory(),
            sample=self.sample,
            owners=self.parts.owners,
        )
        if self.processes.first:
            about = {
                "Text": self.source,
                "Tokens": f"{self.config.data.tokens}, vocabulary {self.tokens.vocab_size:,}; "
                f"{len(self.tokens.train):,} to train on, {len(self.tokens.validation):,} to validate with",
                "Fingerprint of text and tokenizer": f"`{self.tokens.fingerprint[:16]}`",
                "Hardware": f"{self.machine.name}; processes: {self.processes.count}",
                "Precision": self.machine.precision,
                "Software": f"torch {torch.__version__}",
            }
            (self.out / "model_card.md").write_text(model_card(result, self.config, about), encoding="utf-8")
            facts = asdict(result) | {"folder": str(self.out), "machine": about}
            (self.out / "result.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
            self.say(f"validation {result.validation_loss:.4f}, best {result.best:.4f}; see {self.out}/model_card.md")
        return result


def _out_of_memory(config: Config, machine: Machine) -> str:
    held = torch.cuda.get_device_properties(machine.device).total_memory if machine.device.type == "cuda" else 0
    size, more = config.train.batch_size, config.train.accumulate * 2
    return (
        f"{machine.name}{f' ({held / 2**30:.0f} GiB)' if held else ''} has too little memory: halve train.batch_size "
        f"({size}) and set train.accumulate={more}, for the same steps; or lower model.length ({config.model.length})"
    )
