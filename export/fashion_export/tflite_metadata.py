"""What a .tflite file says of itself: standard TFLite metadata, so that other programs need nothing but the file.

Slots follow metadata_schema.fbs (file identifier M001) as MediaPipe and tflite-support have it; the label file and
fashion.json are zipped behind the flatbuffer, as that format asks. MediaPipe Tasks' ImageClassifier loads the result.
"""

import io
import json
import zipfile
from typing import Any

import numpy as np

from fashion_edge.decide import LabelSpace
from fashion_edge.preprocess import InputSpec
from fashion_export.flat_table import Byte, Table, UInt, to_flatbuffer
from fashion_export.flatbuffer import read_model, write_model

KEY = b"TFLITE_METADATA"
FILE_ID = b"M001"
LABELS_FILE = "labels.txt"
FACTS_FILE = "fashion.json"
PARSER = "1.0.0"  # the oldest metadata parser that knows every field below
AXIS_LABELS = 2  # AssociatedFileType.TENSOR_AXIS_LABELS
IMAGE_PROPERTIES = 2  # ContentProperties.ImageProperties
NORMALIZATION = 1  # ProcessUnitOptions.NormalizationOptions
RGB = 1  # ColorSpaceType.RGB
EPOCH = (1980, 1, 1, 0, 0, 0)  # a fixed time keeps the bytes reproducible


def embed(data: bytes, space: LabelSpace, spec: InputSpec, name: str) -> bytes:
    """A .tflite file with its ends named `image` and `scores`, a signature, the metadata and the label file.

    Args:
        data: the converter's file.
        space: labels, groups and thresholds; the last two go into fashion.json.
        spec: input size and fit.
        name: what the model is called.
    """
    from ai_edge_litert import schema_py_generated as schema

    model = read_model(data)
    graph = model.subgraphs[0]
    graph.tensors[graph.inputs[0]].name = b"image"
    graph.tensors[graph.outputs[0]].name = b"scores"
    model.signatureDefs = [_signature(schema, graph)]
    buffer, entry = schema.BufferT(), schema.MetadataT()
    buffer.data = np.frombuffer(describe(space, spec, name), np.uint8)
    model.buffers.append(buffer)
    entry.name, entry.buffer = KEY, len(model.buffers) - 1
    model.metadata = [*(old for old in model.metadata or () if old.name != KEY), entry]
    return write_model(model) + _archive(space, spec)


def describe(space: LabelSpace, spec: InputSpec, name: str) -> bytes:
    """The metadata flatbuffer."""
    normalization = Table({0: [0.0], 1: [1.0]})  # pixels as they are: the scaling is in the graph
    size = Table({0: UInt(spec.width), 1: UInt(spec.height)})
    image = Table(
        {
            0: "image",
            1: f"{spec.channels} pixels 0..255, {spec.width} x {spec.height}",
            3: Table({0: Byte(IMAGE_PROPERTIES), 1: Table({0: Byte(RGB), 1: size})}),
            4: [Table({0: Byte(NORMALIZATION), 1: normalization})],
            5: Table({0: [255.0], 1: [0.0]}),
        }
    )
    labels = Table({0: LABELS_FILE, 1: "one label a line, in output order", 2: Byte(AXIS_LABELS)})
    scores = Table(
        {
            0: "scores",
            1: "a score 0..1 for each label; fashion.json says from where on it counts",
            5: Table({0: [1.0], 1: [0.0]}),
            6: [labels],
        }
    )
    facts = Table({0: FACTS_FILE, 1: "labels, groups, thresholds and the fit of the frame"})
    return to_flatbuffer(
        Table(
            {
                0: name,
                1: f"Image classifier: {', '.join(space.labels)}",
                3: [Table({2: [image], 3: [scores]})],
                6: [facts],
                7: PARSER,
            }
        ),
        FILE_ID,
    )


def facts_json(space: LabelSpace, spec: InputSpec) -> str:
    """Labels, groups, thresholds and input: what a program needs to decide as we do."""
    facts = {
        "labels": list(space.labels),
        "groups": {group: list(members) for group, members in space.groups.items()},
        "thresholds": dict(space.thresholds),
        "input": vars(spec),
    }
    return json.dumps(facts)


def _signature(schema: Any, graph: Any) -> Any:
    signature = schema.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = b"serving_default", 0
    signature.inputs, signature.outputs = [schema.TensorMapT()], [schema.TensorMapT()]
    signature.inputs[0].name, signature.inputs[0].tensorIndex = b"image", int(graph.inputs[0])
    signature.outputs[0].name, signature.outputs[0].tensorIndex = b"scores", int(graph.outputs[0])
    return signature


def _archive(space: LabelSpace, spec: InputSpec) -> bytes:
    """The zip that stands behind the flatbuffer; stored, not deflated, since it is mapped in place."""
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo(LABELS_FILE, EPOCH), "\n".join(space.labels) + "\n")
        archive.writestr(zipfile.ZipInfo(FACTS_FILE, EPOCH), facts_json(space, spec))
    return memory.getvalue()
