"""Code systems and their relations: codes, titles, hierarchy, notes, releases. Knows codes, not notes."""
