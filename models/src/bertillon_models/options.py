"""The options that several commands share, and where in the folder of the data sets what lies."""

from __future__ import annotations

from pathlib import Path

import click

from bertillon_models.training.rates import RATE, STUDENT_RATE

# In the folder that `--data` names.
TERMS = Path("icd10cm/terms.tsv")
SENTENCES = Path("mts-dialog/mts-dialog.jsonl")
CODIESP_TRAIN, CODIESP_DEV = Path("codiesp/train.jsonl"), Path("codiesp/dev.jsonl")
NEGEX = Path("negex")

# Steps of training from general weights, and of training on with own notes.
STEPS, FINE_TUNE_STEPS = 1800, 300
SEED = 1893

FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)
NEW = click.Path(path_type=Path)

data = click.option(
    "--data", type=FOLDER, required=True, help="Folder of the data sets; see models/README.md."
)
corpus = click.option(
    "--corpus",
    type=FOLDER,
    default=Path("models/corpus"),
    show_default=True,
    help="Folder of the project's annotated notes, with mentions/ below it.",
)
lexicon = click.option(
    "--lexicon",
    type=FOLDER,
    default=Path("models/lexicon"),
    show_default=True,
    help="Folder of the project's own terms, and of names of procedures.",
)
weights = click.option(
    "--weights",
    type=FOLDER,
    help="What to begin from: a folder with config.json, model.safetensors and tokenizer.json, or a bundle. "
    "Default: the installed general weights.",
)
layers = click.option(
    "--layers",
    type=click.IntRange(min=1),
    help="Train a student of so many of the layers of the weights, which learns what all of them give: of a "
    "bundle, or of weights with heads. Default: train the weights themselves.",
)
batch = click.option(
    "--batch",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="How many times as much a step looks at: 1 suits a processor, 3 a GPU, with a higher rate.",
)
rate = click.option(
    "--rate",
    type=click.FloatRange(min=0, min_open=True),
    help=f"Learning rate of the layers at its peak. Default: {RATE:g}, of a student {STUDENT_RATE:g}.",
)
fp32 = click.option(
    "--fp32", type=FILE, help="The encoder before quantisation, to compare int8 with: see export-reference."
)
new_bundle = click.option("--out", type=NEW, required=True, help="Where to write: <name>/<version>.")
steps = click.option(
    "--steps", type=click.IntRange(min=1), default=STEPS, show_default=True, help="Steps of training."
)
fine_tune_steps = click.option(
    "--steps",
    type=click.IntRange(min=1),
    default=FINE_TUNE_STEPS,
    show_default=True,
    help="Steps of training.",
)
seed = click.option(
    "--seed", type=int, default=SEED, show_default=True, help="Seed of everything that is drawn."
)
device = click.option(
    "--device", default="cpu", show_default=True, help="Where to train: cpu, or cuda where there is a GPU."
)
force = click.option("--force", is_flag=True, help="Replace a bundle that exists.")
force_better = click.option("--force", is_flag=True, help="Replace a bundle at OUT although it is better.")
