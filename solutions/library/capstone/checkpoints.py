"""The two checkpoints of a run, the latest and the best, and what to do when one is damaged or cannot be written."""

from __future__ import annotations

from pathlib import Path

import torch

from internals.capstone.parts import Parts
from internals.capstone.processes import Processes, shared_like, whole
from internals.capstone.stop import Stop

LATEST, BEST = "latest.pt", "best.pt"


def set_aside(folder: Path) -> None:
    """Move an earlier run's checkpoints and log into `folder`/before, so that a forgotten --resume loses nothing."""
    found = [path for name in (LATEST, BEST, "log.jsonl") if (path := folder / name).exists()]
    for path in found:
        (folder / "before").mkdir(exist_ok=True)
        path.replace(folder / "before" / path.name)


class Held:
    """A state to be written, or one that was read, with the two methods that checkpoints call."""

    def __init__(self, saved: dict | None = None) -> None:
        self.saved = saved
        self.state: dict = {}  # of an optimizer: its memory, by parameter

    def state_dict(self) -> dict:
        return self.saved

    def load_state_dict(self, saved: dict) -> None:
        self.saved = saved


class SameKind:
    """An optimizer, of several, that takes up the state of its own kind alone."""

    def __init__(self, optimizer) -> None:
        self.optimizer = optimizer

    @property
    def state(self) -> dict:
        return self.optimizer.state

    def load_state_dict(self, saved: dict) -> None:
        """Raises Stop for what another AdamW saved."""
        for optimizer, state in zip(self.optimizer.optimizers, saved["optimizers"], strict=True):
            if state.keys() != optimizer.state_dict().keys():
                raise Stop("AdamW is torch's fused one on a GPU and the course's on a CPU: go on where the run began")
        self.optimizer.load_state_dict(saved)


class Checkpoints:
    """Saves and loads everything that a run needs to go on as if it had never stopped.

    folder: where the files lie. model: the bare one, not the one that shares it out.
    """

    def __init__(self, folder: Path, parts: Parts, processes: Processes, model, optimizer, batches, scaler) -> None:
        self.folder, self.parts, self.processes = folder, parts, processes
        self.model, self.optimizer, self.batches, self.scaler = model, optimizer, batches, scaler

    def save(self, step: int, best: bool) -> None:
        """Write latest.pt, and best.pt too where this is the best so far; the first process alone writes.

        Raises Stop with one line where the disk is full or the folder cannot be written; the files before it stay.
        """
        model, optimizer = self.model, self.optimizer
        if self.processes.count > 1:
            model, optimizer = Held(whole(model.state_dict())), Held(whole(optimizer.state_dict()))
        problem = ""
        if self.processes.first:
            for name in (LATEST, BEST) if best else (LATEST,):
                try:
                    self.parts.save_checkpoint(
                        self.folder / name, step, model, optimizer, self.batches, self.scaler
                    )
                except (OSError, RuntimeError) as error:  # torch.save turns a failed write into a RuntimeError
                    problem = _reason(error)
                    for half_written in self.folder.glob(f"{name}.*"):
                        half_written.unlink(missing_ok=True)
                    break
        # Every process learns of it, so that none waits for one that has stopped.
        device = next(self.model.parameters()).device
        if any(self.processes.mean([float(bool(problem))], device)):
            kept = " and ".join(name for name in (LATEST, BEST) if (self.folder / name).exists()) or "none"
            raise Stop(
                f"step {step}: the checkpoint could not be written ({problem}); kept: {kept}. "
                f"Make room in {self.folder} and go on with --resume"
            )

    def load(self) -> tuple[int, str]:
        """Go on from latest.pt, or from best.pt where that is damaged. Returns the step, and a line to print or "".

        Raises Stop where neither can be used.
        """
        problems = []
        for name in (LATEST, BEST):
            path = self.folder / name
            if not path.exists():
                problems.append(f"{name}: missing")
                continue
            try:
                step = self._load(path)
            except Stop:
                raise
            except Exception as error:  # a damaged file can fail in many ways, all of which mean the same
                problems.append(f"{name}: damaged ({_first_line(error)})")
                continue
            return step, "; ".join([*problems, f"going on from {name}, step {step}"] if problems else [])
        raise Stop(f"nothing to resume in {self.folder}: {'; '.join(problems)}. Start anew without --resume")

    def _load(self, path: Path) -> int:
        if self.processes.count == 1:
            optimizer = SameKind(self.optimizer)
            return self.parts.load_checkpoint(path, self.model, optimizer, self.batches, self.scaler)
        model, optimizer = Held(), Held()
        step = self.parts.load_checkpoint(path, model, optimizer, self.batches, self.scaler)
        self.model.load_state_dict(shared_like(model.saved, self.model.state_dict()))
        # An optimizer that has not stepped has no memory yet: the parameters say how each tensor is shared out.
        SameKind(self.optimizer).load_state_dict(_optimizer_shared(optimizer.saved, self.optimizer))
        return step


def _optimizer_shared(state: dict, optimizer) -> dict:
    """An optimizer's saved state with each parameter's memory shared out as the parameter is."""
    saved = []
    for one, made in zip(state["optimizers"], optimizer.optimizers, strict=True):
        params = [p for group in made.param_groups for p in group["params"]]
        memories = one["state"]  # a list (the course's optimizers) or a dict from number to memory (torch's)
        numbered = list(enumerate(memories)) if isinstance(memories, list) else list(memories.items())
        shared = {
            i: {key: shared_like(value, params[i]) if _same_shape(value, params[i]) else value
                for key, value in memory.items()}
            for i, memory in numbered
        }  # fmt: skip
        saved.append({**one, "state": list(shared.values()) if isinstance(memories, list) else shared})
    return {"optimizers": saved}


def _same_shape(value, parameter) -> bool:
    return isinstance(value, torch.Tensor) and value.shape == parameter.shape


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or _first_line(error)


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:120]
