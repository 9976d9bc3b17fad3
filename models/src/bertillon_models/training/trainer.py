"""Runs the steps of training, keeps checkpoints, and goes on from the last one."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor
from torch.nn import functional

from bertillon_models.training.examples import TermBank
from bertillon_models.training.losses import WEIGHTS, head_losses, link_loss, links
from bertillon_models.training.network import ClinicalEncoder, Padded
from bertillon_models.training.rates import RATE
from bertillon_models.training.sampling import Sampler, Step
from bertillon_models.training.student import Teacher
from bertillon_server.inference.tokenizer import Ids, Tokenizer

# Longest text of a concept in training; titles beyond it are told apart by their beginnings.
TEXT_TOKENS = 32
_WARM_UP = 0.06
_DECAY = 0.01
_CLIP = 1.0
# Texts are encoded in groups of like length: padding would cost as much as the texts.
_GROUPS = 4


@dataclass(frozen=True, slots=True)
class Settings:
    """How long and how fast: steps, learning rates of trunk and heads, seed, and steps between checkpoints.

    `layers` are those of a student of the weights that training begins from; None where they are trained themselves.
    `batch` is how many times as much a step looks at as it does on a processor.
    """

    steps: int
    seed: int
    trunk_rate: float = RATE
    head_rate: float = 1e-3
    save_every: int = 50
    layers: int | None = None
    batch: int = 1


@dataclass(frozen=True, slots=True)
class _Read:
    """Hidden states [rows, tokens, hidden] in fp32, the rows' lengths, and how far a teacher's are from each token's.

    Distances are none without a teacher.
    """

    hidden: Tensor
    lengths: Tensor
    distance: Tensor


def _means(read: _Read) -> Tensor:
    """Return the means [texts, hidden] over the tokens of each text, special ones left out."""
    places = torch.arange(read.hidden.shape[1], device=read.hidden.device)
    inner = ((places > 0) & (places < read.lengths[:, None] - 1))[..., None].float()
    return (read.hidden * inner).sum(dim=1) / inner.sum(dim=1).clamp(min=1)


class Trainer:
    """Trains one encoder, a student where it has a teacher; `folder` holds its checkpoint and its log."""

    def __init__(
        self,
        model: ClinicalEncoder,
        sampler: Sampler,
        bank: TermBank,
        tokenizer: Tokenizer,
        settings: Settings,
        folder: Path,
        device: torch.device,
        teacher: Teacher | None = None,
    ) -> None:
        self._model = model.to(device)
        self._teacher = teacher
        self._sampler, self._bank, self._tokenizer = sampler, bank, tokenizer
        self._settings, self._folder, self._device = settings, folder, device
        # Words keep the meanings they were published with: training them took 40 % of the time of a step. The
        # tokens of sections have none to keep; the network holds their rows apart.
        model.words.weight.requires_grad_(False)  # noqa: FBT003 - torch's signature
        heads = list(model.heads.parameters())
        ids = {id(parameter) for parameter in heads}
        trunk = [p for p in model.parameters() if p.requires_grad and id(p) not in ids]
        self._optimiser = torch.optim.AdamW(
            [
                {"params": trunk, "lr": settings.trunk_rate, "peak": settings.trunk_rate},
                {"params": heads, "lr": settings.head_rate, "peak": settings.head_rate},
            ],
            weight_decay=_DECAY,
        )
        self._done = 0

    @property
    def checkpoint(self) -> Path:
        """Where the state of the run is kept."""
        return self._folder / "checkpoint.pt"

    @property
    def _taught_by(self) -> str:
        return "" if self._teacher is None else self._teacher.digest

    def resume(self) -> int:
        """Go on from the checkpoint, if there is one; return the number of steps done."""
        if self.checkpoint.exists():
            state = torch.load(self.checkpoint, map_location=self._device, weights_only=True)
            # Checkpoints from before there were students, or batches of other sizes, have none of these.
            if {"layers": None, "batch": 1} | state["settings"] != asdict(self._settings):
                raise ValueError(
                    f"{self.checkpoint} is of a run with other settings; remove it or change them back"
                )
            if state.get("teacher", "") != self._taught_by:
                raise ValueError(
                    f"{self.checkpoint} is of a run with another teacher; remove it to begin anew"
                )
            try:
                self._model.load_state_dict(state["model"])
                self._optimiser.load_state_dict(state["optimiser"])
            except (RuntimeError, ValueError):
                raise ValueError(
                    f"{self.checkpoint} is of another network; remove it to begin anew"
                ) from None
            self._done = int(state["done"])
        return self._done

    def run(self, console: Console) -> None:
        """Run what is left of the steps."""
        self._folder.mkdir(parents=True, exist_ok=True)
        columns = (
            TextColumn("training"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.description}"),
        )
        sums: dict[str, list[float]] = {}
        with Progress(*columns, console=console) as progress:
            task = progress.add_task("", total=self._settings.steps, completed=self._done)
            began = time.monotonic()
            for number in range(self._done, self._settings.steps):
                for name, value in self._step(number).items():
                    sums.setdefault(name, []).append(value)
                self._done = number + 1
                progress.advance(task)
                if self._done % self._settings.save_every == 0 or self._done == self._settings.steps:
                    means = {name: round(float(np.mean(values)), 4) for name, values in sums.items()}
                    sums.clear()
                    progress.update(
                        task, description=" ".join(f"{name} {value:.3f}" for name, value in means.items())
                    )
                    self._log({"step": self._done, "seconds": round(time.monotonic() - began), **means})
                    self._save()

    def _step(self, number: int) -> dict[str, float]:
        torch.manual_seed(self._settings.seed * 1_000_003 + number)
        self._model.train()
        self._set_rates(number)
        with torch.autocast(self._device.type, dtype=torch.bfloat16):
            losses = self._losses(self._sampler.step(number))
        total = sum(
            (WEIGHTS[name] * loss for name, loss in losses.items()),
            start=torch.zeros((), device=self._device),
        )
        self._optimiser.zero_grad(set_to_none=True)
        total.backward()
        torch.nn.utils.clip_grad_norm_(self._model.parameters(), _CLIP)
        self._optimiser.step()
        return {name: float(loss.detach()) for name, loss in losses.items()}

    def _losses(self, step: Step) -> dict[str, Tensor]:
        windows = self._read([window.ids for window in step.windows])
        hidden = windows.hidden
        with torch.autocast(self._device.type, enabled=False):
            logits = self._model.heads(hidden)
        in_windows = torch.stack([hidden[a.row, a.first : a.last].mean(dim=0) for a in step.anchors])
        bank = self._bank
        texts = [*step.texts, *(bank.texts[place] for place in step.candidates)]
        alone = self._read(self._tokenizer.encode(texts, max_tokens=TEXT_TOKENS))
        vectors = _means(alone)
        anchors = torch.cat([in_windows, vectors[: len(step.texts)]])
        judged = links(
            [*(a.stem for a in step.anchors), *step.text_stems],
            [*(a.code for a in step.anchors), *step.text_codes],
            [int(bank.stems[place]) for place in step.candidates],
            [bank.codes[place] for place in step.candidates],
            self._device,
        )
        link = link_loss(
            functional.normalize(anchors, dim=1),
            functional.normalize(vectors[len(step.texts) :], dim=1),
            judged,
        )
        losses = {"link": link, **head_losses(logits, step.windows)}
        if self._teacher is not None:
            losses["taught"] = torch.cat([windows.distance, alone.distance]).mean()
        return losses

    def _read(self, ids: Sequence[Ids]) -> _Read:
        lengths = np.array([len(row) for row in ids])
        order = np.argsort(lengths, kind="stable")
        longest = int(lengths.max())
        parts, distances = [], []
        for group in np.array_split(order, min(_GROUPS, len(order))):
            batch = Padded.of([ids[place] for place in group], self._device)
            hidden = self._model(batch).float()
            if self._teacher is not None:
                distances.append(self._teacher.distance(hidden, batch))
            parts.append(functional.pad(hidden, (0, 0, 0, longest - hidden.shape[1])))
        back = torch.from_numpy(np.argsort(order)).to(self._device)
        return _Read(
            torch.cat(parts)[back],
            torch.from_numpy(lengths).to(self._device),
            torch.cat(distances) if distances else torch.zeros(0, device=self._device),
        )

    def _set_rates(self, number: int) -> None:
        share = number / self._settings.steps
        # The first step is as long as the second, which a short run does not warm up for.
        begun = max(share, 1 / self._settings.steps)
        factor = min(begun / _WARM_UP, (1 - share) / (1 - _WARM_UP), 1.0)
        for group in self._optimiser.param_groups:
            group["lr"] = group["peak"] * max(factor, 0.01)

    def _save(self) -> None:
        partial = self.checkpoint.with_suffix(".part")
        torch.save(
            {
                "settings": asdict(self._settings),
                "teacher": self._taught_by,
                "done": self._done,
                "model": self._model.state_dict(),
                "optimiser": self._optimiser.state_dict(),
            },
            partial,
        )
        partial.replace(self.checkpoint)

    def _log(self, row: dict[str, float]) -> None:
        with (self._folder / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(row) + "\n")
