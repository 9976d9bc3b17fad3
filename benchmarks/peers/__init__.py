"""The same job served by what a user would pick instead, measured beside us in one run.

`python -m benchmarks peers` says how. `registry` lists the peers, `environments` makes their virtual environments,
`servers/` has what runs in them, `callers` calls them, `equality` compares what they answer, `study` interleaves the
measurements, `kept` keeps them and `comparison` makes figures of them. What these mean is in docs/benchmark-peers.md.
"""
