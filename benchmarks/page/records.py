"""What runs left in a folder; other commands may have left files of JSON beside it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

_PARTS = {"figures", "histograms", "details"}


def read(folder: Path, say: Callable[[str], None]) -> list[dict[str, Any]]:
    """Return the records of scenarios in the JSON files of a folder; `say` is told of each file that is none."""
    records = []
    for path in sorted(folder.glob("*.json")):
        try:
            one = json.loads(path.read_bytes())
        except (ValueError, RecursionError):
            say(f"{path}: left out: no JSON, or cut short")
        except OSError as error:
            say(f"{path}: left out: {error.strerror}")
        else:
            if isinstance(one, dict) and isinstance(one.get("scenario"), str) and one.keys() >= _PARTS:
                records.append(one)
            else:
                say(f"{path}: left out: no record of a scenario")
    return records
