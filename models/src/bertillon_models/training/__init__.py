"""Training of the clinical encoder: the only part of the project that needs torch.

`examples` reads what is learned from, `procedures` finds the names of procedures in it, `stems` says what counts as
the same concept, `sampling` draws the batch of a step, `section_rows` gives the tokens of sections a meaning to begin
with, `network` is the encoder with its heads, `losses` what it is judged by, and `trainer` runs the steps and keeps
checkpoints. Windows, sections and head layouts are the server's own: what is trained is what is served.
"""
