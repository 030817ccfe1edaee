"""Words that flags, manifests and reports share; apart, so that a command line can offer them without numpy."""

RUNTIMES = ("litert", "onnx")
PRECISIONS = ("int8", "int16x8", "dynamic", "float16", "float32")
