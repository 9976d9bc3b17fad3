"""Load that does not wait for the server: when requests are sent, how they ended, which rate is still served in time.

`arrivals` says when, `generator` sends and measures, `outcomes` tells how a call ended, `latencies` keeps durations,
`search` looks for the highest rate within an objective, `grpc_calls` sends to a Bertillon.
"""
