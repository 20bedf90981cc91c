"""onnxruntime, told before it is loaded to send no telemetry: no data leave the machine.

Its wheels collect usage events under `~/.cache/Microsoft` and upload them otherwise. Whoever needs
onnxruntime imports it from here.
"""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime

__all__ = ["onnxruntime"]
