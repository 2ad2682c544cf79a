"""ONNX Runtime as this project uses it: on request, and without telemetry."""

import os
from importlib import import_module
from typing import Any


def onnx_runtime() -> Any:
    """Import ONNX Runtime, which is told to write no session file and to send nothing.

    Version 1.32 would write ``.ses`` into the current folder, and has telemetry.

    Raises:
        ImportError: it is not installed.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    runtime = import_module("onnxruntime")
    runtime.disable_telemetry_events()
    return runtime
