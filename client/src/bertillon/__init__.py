"""Client of Bertillon: clinical notes in, codes with their evidence out, section by section."""
