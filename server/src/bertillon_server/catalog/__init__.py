"""Code systems: their codes, hierarchy, notes and the relations between codes. Knows codes, not notes.

`compiling` turns a publisher's files into one read-only SQLite file when the distribution is built; `store`
opens that file and answers. Only the standard library is imported here, so that the build can use it.
"""
