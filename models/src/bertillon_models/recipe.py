"""The whole way from data to a bundle, step by step; what a run has done, the next one leaves alone.

A run works in a folder of its own. What it was given is written down there first, so that a run that goes on from it
goes on with the same data and settings, or says that it cannot.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

import click

from bertillon_models import options
from bertillon_models.build import BuildError, new_bundle
from bertillon_models.build_command import build_bundle, write_reference
from bertillon_models.calibrate_command import calibrate_command
from bertillon_models.dequantise import weights_file
from bertillon_models.evaluation.rows import DataError
from bertillon_models.options import CODIESP_DEV, CODIESP_TRAIN, NEGEX, SENTENCES, TERMS
from bertillon_models.recalibration import recalibrated
from bertillon_models.report_command import report_on
from bertillon_models.standing import RECORD_FILE, objection
from bertillon_models.training.procedures import PROCEDURES_FILE
from bertillon_models.training.rates import usual_rate
from bertillon_models.weights import WEIGHTS_FILE
from bertillon_server.bundle.loader import BundleError, load_bundle
from bertillon_server.bundle.manifest import MANIFEST_FILE

CACHE = Path("models/.cache")
_DONE_FILE = "done.json"


class Work:
    """The folder of a run, and which of its steps are done there.

    Raises BuildError when the folder is of a run with other data or settings.
    """

    def __init__(
        self,
        folder: Path,
        given: Mapping[str, object],
        steps: int,
        formerly: Mapping[str, object] = MappingProxyType({}),
    ) -> None:
        """Open the folder of a run; `formerly` is what runs had that wrote nothing down of it."""
        self.folder = folder
        self._file = folder / _DONE_FILE
        self._steps, self._number = steps, 0
        folder.mkdir(parents=True, exist_ok=True)
        # The name of each step that is done, and a sha256 of what it wrote.
        self._done: list[list[str]] = []
        known = dict(given)
        if self._file.exists():
            record = json.loads(self._file.read_text(encoding="utf-8"))
            then = {**formerly, **record["given"]}
            other = sorted(name for name in known if then.get(name) != known[name])
            if other:
                raise BuildError(
                    f"{folder} is of a run with other {', '.join(other)}; remove it to begin anew, or change it back"
                )
            self._done = record["done"]
        self._given = known
        self._write()

    def step(self, name: str, output: Path, action: Callable[[], object]) -> None:
        """Take a step, unless it is done and what it wrote is as it was; the steps after it are not done then."""
        number, self._number = self._number, self._number + 1
        place = f"[{self._number}/{self._steps}] {name}"
        if output.is_file() and self._done[number : number + 1] == [[name, digest_of([output])]]:
            click.echo(f"{place}: done before", err=True)
            return
        click.echo(place, err=True)
        self._done = self._done[:number]
        self._write()
        action()
        self._done.append([name, digest_of([output])])
        self._write()

    def _write(self) -> None:
        partial = self._file.with_suffix(".part")
        partial.write_text(json.dumps({"given": self._given, "done": self._done}, indent=2), encoding="utf-8")
        partial.replace(self._file)


def fingerprints(data: Path, corpus: Path, lexicon: Path) -> dict[str, str]:
    """Return a sha256 of everything that a run reads, by what it is; raises BuildError when a file is missing."""
    files = {
        "data sets": [data / name for name in (TERMS, SENTENCES, CODIESP_TRAIN, CODIESP_DEV)],
        "corpus": sorted(corpus.rglob("*.txt")),
        "lexicon": sorted([*lexicon.glob("*.tsv"), *lexicon.glob(PROCEDURES_FILE)]),
    }
    missing = [str(file) for group in files.values() for file in group if not file.is_file()]
    if not (data / NEGEX).is_dir():
        missing.append(str(data / NEGEX))
    if missing:
        raise BuildError(f"these data sets are missing: {', '.join(missing)}")
    return {name: digest_of(group) for name, group in files.items()}


def digest_of(files: Iterable[Path]) -> str:
    """Return one sha256 of the names and contents of files."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.name}\n".encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


# Steps that come after training.
BUNDLE_STEPS = 5


def make_bundle(
    ctx: click.Context, work: Work, weights: Path, *, data: Path, corpus: Path, lexicon: Path, out: Path
) -> Path:
    """Build, calibrate and score a bundle of trained weights in the folder of the run; return where it lies."""
    named = Path(out.resolve().parent.name) / out.name
    plain, ready = work.folder / "plain" / named, work.folder / "ready" / named
    confidence, fp32 = work.folder / "confidence.json", work.folder / "fp32.onnx"

    def build() -> None:
        ctx.invoke(build_bundle, data=data, out=plain, lexicon=lexicon, weights=weights, force=True)

    def calibrate() -> None:
        train = data / CODIESP_TRAIN
        ctx.invoke(calibrate_command, bundle=plain, train=train, corpus=corpus, out=confidence)

    work.step("build", plain / MANIFEST_FILE, build)
    work.step("calibrate", confidence, calibrate)
    work.step(
        "put the calibration in",
        ready / MANIFEST_FILE,
        lambda: recalibrated(plain, confidence, ready, force=True),
    )
    work.step("export fp32", fp32, lambda: write_reference(weights, fp32))
    work.step("evaluate", ready / RECORD_FILE, lambda: report_on(ready, corpus, data, fp32))
    return ready


def place(ready: Path, out: Path, *, force: bool) -> None:
    """Copy a finished bundle to where it was asked for; raises BuildError when one that is not worse lies there."""
    candidate = load_bundle(ready)
    if out.exists():
        try:
            current = load_bundle(out)
        except BundleError:
            current = None
        if current is not None and current.label == candidate.label:
            click.echo(f"{out} is this bundle already", err=True)
            return
        reason = f"{out} is no bundle" if current is None else objection(candidate, current)
        if reason and not force:
            raise BuildError(
                f"{reason}; the new bundle stays in {ready}; give --force to replace {out} all the same"
            )
    with new_bundle(out, force=True) as folder:
        shutil.copytree(ready, folder, dirs_exist_ok=True)
    click.echo(f"{out} is {candidate.label}", err=True)


def training_command(name: str) -> click.Command:
    """Return the command that trains; a ClickException says so where torch is not installed."""
    try:
        command = getattr(importlib.import_module("bertillon_models.training.command"), name)
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"training needs {error.name}, which is not installed: see models/README.md"
        ) from None
    assert isinstance(command, click.Command)  # noqa: S101 - what the module has under that name
    return command


@click.command("recipe")
@options.data
@options.new_bundle
@click.option("--work", type=options.NEW, help="Folder of the run. Default: models/.cache/<version>.")
@options.corpus
@options.lexicon
@options.weights
@options.layers
@options.steps
@options.seed
@options.batch
@options.rate
@options.device
@options.force_better
@click.pass_context
def recipe(
    ctx: click.Context,
    *,
    data: Path,
    out: Path,
    work: Path | None,
    corpus: Path,
    lexicon: Path,
    weights: Path | None,
    layers: int | None,
    steps: int,
    seed: int,
    batch: int,
    rate: float | None,
    device: str,
    force: bool,
) -> None:
    """Train, build, calibrate and evaluate a bundle; a run that was interrupted goes on where it was."""
    try:
        given: dict[str, object] = {
            "steps": steps,
            "seed": seed,
            "layers": layers,
            "batch": batch,
            "rate": rate or usual_rate(layers),
            **fingerprints(data, corpus, lexicon),
        }
        given["weights"] = "general" if weights is None else digest_of([weights_file(weights)])
        formerly = {"batch": 1, "rate": usual_rate(layers)}
        run = Work(work or CACHE / out.name, given, 1 + BUNDLE_STEPS, formerly)

        def training() -> None:
            ctx.invoke(
                training_command("train"),
                data=data, corpus=corpus, lexicon=lexicon, weights=weights, layers=layers, out=run.folder,
                steps=steps, seed=seed, batch=batch, rate=rate, device=device,
            )  # fmt: skip

        trained = run.folder / "weights"
        run.step("train", trained / WEIGHTS_FILE, training)
        ready = make_bundle(ctx, run, trained, data=data, corpus=corpus, lexicon=lexicon, out=out)
        place(ready, out, force=force)
    except (BuildError, BundleError, DataError, OSError, ValueError) as error:
        raise click.ClickException(str(error)) from None
