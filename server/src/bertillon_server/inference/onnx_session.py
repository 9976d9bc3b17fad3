"""How onnxruntime sessions are set up here: for many small calls from the server's own threads."""

from __future__ import annotations

import platform
from pathlib import Path

import onnxruntime as ort

# Where Linux lists the processor's flags.
CPUINFO = Path("/proc/cpuinfo")
_X86 = frozenset({"x86_64", "AMD64"})
# Processor flags, as Linux spells them, of units that add products of 8-bit numbers in 32 bits.
_EXACT_INT8 = frozenset({"avx512_vnni", "avx_vnni", "amx_int8"})


def session_options(intra_op_threads: int = 1, *, arena: bool = True) -> ort.SessionOptions:
    """Return the options shared by every session of the server.

    An arena keeps what the largest call took, weights being rearranged at load included; for many small
    tensors it is lighter than the fragments they would leave without it, for a few large ones it is heavier.

    With one intra-op thread a call runs on the thread that makes it and no pool exists, so nothing spins
    while the server is idle; larger pools are told not to.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = intra_op_threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    # Shapes vary from call to call, and a memory pattern would be kept for every shape ever seen.
    options.enable_mem_pattern = False
    options.enable_cpu_mem_arena = arena
    # 3 is "error": warnings would reach standard error in a format that is not the server's.
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    require_exact_int8(options)
    return options


def require_exact_int8(options: ort.SessionOptions) -> None:
    """Have a session answer as everywhere else where int8 products can saturate (`multiplies_int8_inexactly`)."""
    if multiplies_int8_inexactly():
        # Products of 8-bit activations and 8-bit weights are added in 16 bits on such a processor. This makes
        # weights unsigned while loading, for kernels that don't: half as fast, and exact.
        options.add_session_config_entry("session.x64quantprecision", "1")


def multiplies_int8_inexactly() -> bool:
    """Whether int8 products can saturate on this processor; assumed on x86 where it cannot be told."""
    if platform.machine() not in _X86:
        return False
    try:
        flags = _flags(CPUINFO.read_text(encoding="ascii", errors="replace"))
    except OSError:
        return True
    return not flags & _EXACT_INT8


def _flags(cpuinfo: str) -> frozenset[str]:
    for line in cpuinfo.splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "flags":
            return frozenset(value.split())
    return frozenset()
