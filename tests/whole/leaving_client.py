"""A client that is killed in the middle: `python leaving_client.py TARGET note|bulk`.

Writes a line once the server is at work for it, and goes on until it is killed.
"""

from __future__ import annotations

import itertools
import sys
import threading
from pathlib import Path

from bertillon import Bertillon, Note

NOTE = (Path(__file__).parents[2] / "deploy" / "demo" / "note.txt").read_text("utf-8")


def main() -> None:
    target, way = sys.argv[1:]
    with Bertillon(target) as client:
        if way == "bulk":
            notes = (Note(note_id=str(n), text=NOTE) for n in itertools.count())
            for _ in client.code_notes(notes):
                print("begun", flush=True)
        for _ in client.code_note(NOTE * 60):
            print("begun", flush=True)
            threading.Event().wait()


main()
