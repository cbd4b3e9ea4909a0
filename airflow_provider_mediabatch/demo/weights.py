"""Reading a file of PyTorch weights without PyTorch, and without trusting it.

A ``.pth`` file is a pickle. The unpickler here resolves the four names that a state dict needs and nothing else, so
that reading the file runs no code of the file's.
"""

from __future__ import annotations

import hashlib
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Weights = dict[str, "NDArray[Any]"]

_MAGIC, _PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
_DTYPES: dict[str, np.dtype[Any]] = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


class _Tensor:
    """The place of a tensor in its storage: the storages come after the pickle that names them."""

    def __init__(
        self, storage: tuple[Any, ...], offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: Any
    ) -> None:
        self.dtype, self.key = _DTYPES[storage[1]], str(storage[2])
        self.offset, self.size, self.stride = offset, size, stride

    def array(self, storage: NDArray[Any]) -> NDArray[Any]:
        """The tensor's values. Strides are honoured: weights that came from TensorFlow are stored channels-last."""
        steps = tuple(step * storage.itemsize for step in self.stride)
        return np.ascontiguousarray(np.lib.stride_tricks.as_strided(storage[self.offset :], self.size, steps))


class _StateDict(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _Tensor
        if module == "torch" and name in _DTYPES:
            return name
        raise pickle.UnpicklingError(f"{module}.{name} has no place in a file of weights")

    def persistent_load(self, pid: Any) -> Any:
        return pid


def reviewed(path: Path, sha256: str) -> Path:
    """A file of weights out of a third-party package, if it is the one that was reviewed.

    :param path: the file.
    :param sha256: the reviewed file's checksum.
    :raises ValueError: for a file of another checksum.
    """
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
            raise ValueError(f"{path} are not the weights that were reviewed: their checksum differs")
    return path


def read_weights(path: Path) -> Weights:
    """Read a state dict that ``torch.save`` wrote in its first format (before PyTorch 1.6).

    :param path: the ``.pth`` file.
    :return: the tensors by name.
    :raises ValueError: for a file of another format.
    """
    with path.open("rb") as file:
        if [_StateDict(file).load(), _StateDict(file).load()] != [_MAGIC, _PROTOCOL]:
            raise ValueError(f"{path.name} is not a state dict in torch.save's first format")
        _StateDict(file).load()  # the machine that wrote it
        tensors: dict[str, _Tensor] = _StateDict(file).load()
        dtypes = {tensor.key: tensor.dtype for tensor in tensors.values()}
        storages = {key: _read_storage(file, dtypes[key]) for key in _StateDict(file).load()}
    return {name: tensor.array(storages[tensor.key]) for name, tensor in tensors.items()}


def _read_storage(file: IO[bytes], dtype: np.dtype[Any]) -> NDArray[Any]:
    """One storage: the number of its elements as a 64-bit integer, then the elements."""
    count = int.from_bytes(file.read(8), "little")
    return np.frombuffer(file.read(count * dtype.itemsize), dtype=dtype)
