"""Bertillon's server: clinical notes in over gRPC, codes with their evidence out, section by section.

The way of a request, in the order to read the files:

1. `app.server`: wiring and life cycle; what exists once per process and who owns it.
2. `api.coding_service`: the RPC; validates, converts, maps errors to gRPC status.
3. `coding.flow`: takes one note through its stages and yields events as sections finish.
4. `coding.coder`: the stages themselves: sections, mentions, linking, decoding, encounter.
5. `inference.scheduler`: where windows of all requests meet and become micro-batches.

Dependencies run one way: app -> api -> audit -> coding -> inference, catalog -> bundle. The API layer knows protobuf
and nothing below it does; inference knows tokens and tensors, not medicine; the catalog knows codes, not
notes.
"""
