"""Making a small video of photographs, for the demo and the tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

SIZE = (320, 240)


def slideshow(target: Path, photographs: Sequence[Path], *, seconds: float = 1.0, rate: int = 10) -> Path:
    """An MP4 (H.264) that shows each photograph for some seconds.

    :param target: the file to write.
    :param photographs: the pictures, in order.
    :param seconds: how long each is shown.
    :param rate: frames a second.
    :return: ``target``.
    """
    import av
    from PIL import Image, ImageOps

    target.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(target), mode="w") as video:
        stream = video.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for path in photographs:
            picture = ImageOps.fit(Image.open(path).convert("RGB"), SIZE)
            for _ in range(round(seconds * rate)):
                video.mux(stream.encode(av.VideoFrame.from_image(picture)))  # type: ignore[no-untyped-call]
        video.mux(stream.encode())
    return target
