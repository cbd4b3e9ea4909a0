"""Media of many kinds, made of one photograph of a cup of espresso and of one recording of somebody who reads."""

from __future__ import annotations

import io
import struct
import wave
from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from heic import heic
from PIL import Image

from airflow_provider_mediabatch.demo import media

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TURNED = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
"""How to turn a picture so that the orientation turns it back."""
SECONDS = {
    "MP4, H.264": 2.0,
    "QuickTime, H.264": 2.0,
    "Matroska, H.264": 2.0,
    "WebM, VP8": 2.0,
    "AVI, MPEG-4": 2.0,
    "MPEG-TS, H.264": 2.0,
    "Matroska that begins at 100 s": 2.0,
    "MPEG-TS that begins at 100 s": 2.0,
    "MP4, one frame": 0.1,
    "MP4, variable frame rate": 6.0,
    "MP4, turned by 90 degrees": 2.0,
    "MP4, mirrored": 2.0,
    "MP4 whose first second is cut off": 1.0,
    "H.264 without a container": 0.8,  # no rate is stored: 25 a second are assumed
    "MP4 with sound only": 0.0,
    "MP3 with a cover": 0.0,
}
"""How long each video is."""


def espresso() -> Image.Image:
    """The photograph."""
    path = next(path for path in media.photographs() if path.name == "coffee.png")
    return Image.open(path).convert("RGB")


def saved(picture: Image.Image, kind: str, **options: Any) -> bytes:
    """The picture as a file."""
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def turned(orientation: int, *, damaged: bool = False) -> bytes:
    """A JPEG that is stored turned, as phones store it."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "Maker"
    picture = espresso()
    if orientation in _TURNED:
        picture = picture.transpose(Image.Transpose(_TURNED[orientation]))
    block = exif.tobytes()
    if damaged:  # the type of the tag Make becomes BYTE with an offset that leads nowhere
        block = block.replace(struct.pack("<HH", 0x010F, 2), struct.pack("<HH", 0x011A, 1))
    return saved(picture, "JPEG", exif=block)


def pictures() -> Iterator[tuple[str, bytes]]:
    """Name of the kind, and the file."""
    rgb = espresso()
    grey = np.asarray(rgb.convert("L"))
    alpha = rgb.copy()
    alpha.putalpha(200)
    yield "JPEG", saved(rgb, "JPEG")
    yield "JPEG, progressive", saved(rgb, "JPEG", progressive=True)
    yield "JPEG, 4:4:4", saved(rgb, "JPEG", subsampling=0)
    yield "JPEG, CMYK", saved(rgb.convert("CMYK"), "JPEG")
    yield "JPEG, grey", saved(rgb.convert("L"), "JPEG")
    for orientation in range(1, 9):
        yield f"JPEG, EXIF orientation {orientation}", turned(orientation)
    yield "JPEG, EXIF orientation 6 and a damaged tag", turned(6, damaged=True)
    yield "JPEG, EXIF that is no EXIF", saved(rgb, "JPEG", exif=b"Exif\0\0garbage")
    yield "JPEG, truncated", saved(rgb, "JPEG")[:20_000]
    yield "MPO (two pictures)", saved(rgb, "MPO", save_all=True, append_images=[rgb])
    yield "PNG", saved(rgb, "PNG")
    yield "PNG, grey", saved(rgb.convert("L"), "PNG")
    yield "PNG, with alpha", saved(alpha, "PNG")
    yield "PNG, grey with alpha", saved(alpha.convert("LA"), "PNG")
    yield "PNG, palette", saved(rgb.quantize(256), "PNG")
    yield "PNG, palette with alpha", saved(rgb.quantize(255), "PNG", transparency=b"\xc8" * 255)
    yield "PNG, palette with a transparent colour", saved(rgb.quantize(255), "PNG", transparency=0)
    yield "PNG, 16 bit grey", saved(Image.fromarray(grey.astype(np.uint16) * 257), "PNG")
    yield "PNG, animated", saved(rgb, "PNG", save_all=True, append_images=[rgb.convert("L").convert("RGB")])
    yield "PNG, truncated", saved(rgb, "PNG")[:20_000]
    yield "GIF", saved(rgb, "GIF")
    yield "GIF, animated", saved(rgb, "GIF", save_all=True, append_images=[rgb.rotate(180)])
    yield "BMP", saved(rgb, "BMP")
    yield "WebP", saved(rgb, "WEBP")
    yield "WebP, lossless", saved(rgb, "WEBP", lossless=True)
    yield "WebP, with alpha", saved(alpha, "WEBP")
    yield "WebP, animated", saved(rgb, "WEBP", save_all=True, append_images=[rgb.rotate(180)])
    yield "AVIF", saved(rgb, "AVIF")
    yield "JPEG 2000", saved(rgb, "JPEG2000")
    yield "TIFF", saved(rgb, "TIFF")
    for compression in ("tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits"):
        yield f"TIFF, {compression.removeprefix('tiff_')}", saved(rgb, "TIFF", compression=compression)
    yield "TIFF, CMYK", saved(rgb.convert("CMYK"), "TIFF")
    yield "TIFF, palette", saved(rgb.quantize(256), "TIFF")
    yield "TIFF, 16 bit grey", saved(Image.fromarray(grey.astype(np.uint16) * 257), "TIFF")
    yield "TIFF, 32 bit grey", saved(Image.fromarray(grey.astype(np.int32) * 257), "TIFF")
    yield "TIFF, floats from 0 to 1", saved(Image.fromarray(grey.astype(np.float32) / 255), "TIFF")
    yield "TIFF, floats from 0 to 255", saved(Image.fromarray(grey.astype(np.float32)), "TIFF")
    gaps = (grey.astype(np.float32) / 255).copy()
    gaps[:9], gaps[9:18] = np.nan, np.finfo(np.float32).min
    yield "TIFF, floats with gaps", saved(Image.fromarray(gaps), "TIFF")
    yield "TIFF, orientation 6", saved(rgb.transpose(Image.Transpose.ROTATE_90), "TIFF", tiffinfo={0x0112: 6})
    yield "TIFF, two pages", saved(rgb, "TIFF", save_all=True, append_images=[rgb.rotate(180)])
    yield "TIFF, big", saved(rgb, "TIFF", big_tiff=True)
    yield "AVIF, animated", saved(rgb, "AVIF", save_all=True, append_images=[rgb.rotate(180)])
    yield "HEIC", heic(rgb)
    yield "HEIC, the brand of all pictures first", heic(rgb, major=b"mif1", others=(b"mif1", b"heic"))
    yield "JPEG XL", b"\xff\x0a" + bytes(100)
    yield "HTML under a picture's name", b"<html>404 Not Found</html>"
    yield "EPS under a picture's name", saved(rgb.resize((60, 40)), "EPS")
    yield "Empty file", b""


def video(
    container: str,
    codec: str = "libx264",
    *,
    frames: int = 20,
    start: int = 0,
    uneven: bool = False,
    turn: int = 0,
    mirrored: bool = False,
) -> bytes:
    """A video that shows the cup of espresso.

    :param frames: how many, at 10 a second.
    :param start: seconds at which the first one is shown.
    :param uneven: whether the second half is shown at a fifth of the rate.
    :param turn: degrees, counter-clockwise, by which the pictures are stored turned.
    :param mirrored: whether left and right are stored exchanged.
    """
    import av

    picture = espresso().resize((320, 240)).rotate(turn, expand=True)
    picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if mirrored else picture
    buffer = io.BytesIO()
    options = {"movflags": "+empty_moov"} if container in ("mp4", "mov") else {}
    with av.open(buffer, "w", format=container, container_options=options) as out:
        stream = out.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = *picture.size, "yuv420p"
        for number in range(frames):
            frame = av.VideoFrame.from_image(picture)
            late = max(0, number - frames // 2) * 4 if uneven else 0
            frame.pts, frame.time_base = start * 10 + number + late, Fraction(1, 10)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return buffer.getvalue()


def displayed(data: bytes, a: int, b: int, c: int, d: int) -> bytes:
    """An MP4 with a matrix in its header by which players turn and mirror it (ISO/IEC 14496-12, 8.3.2).

    :param a: with b, c and d the matrix, as that document names them; 0, 1 or -1.
    """
    at = data.index(b"tkhd") + 4 + 40
    one = 0x10000
    matrix = struct.pack(">9i", a * one, b * one, 0, c * one, d * one, 0, 0, 0, 0x40000000)
    return data[:at] + matrix + data[at + 36 :]


def rotated(data: bytes) -> bytes:
    """An MP4 with the turn by 90 degrees in its header that phones write."""
    return displayed(data, 0, 1, -1, 0)


def cut(seconds: int = 1) -> bytes:
    """An MP4 of which an edit list hides the beginning, which is black, as phones cut videos.

    :param seconds: so long is what is hidden, and so long is the rest.
    """
    import av

    buffer = io.BytesIO()
    picture = espresso().resize((320, 240))
    with av.open(buffer, "w", format="mp4", options={"avoid_negative_ts": "disabled"}) as out:
        stream = out.add_stream("libx264", rate=10, options={"bf": "0", "g": "100", "sc_threshold": "0"})
        stream.width, stream.height, stream.pix_fmt = *picture.size, "yuv420p"
        for number in range(-10 * seconds, 10 * seconds):
            frame = av.VideoFrame.from_image(picture if number >= 0 else Image.new("RGB", picture.size))
            frame.pts, frame.time_base = number, Fraction(1, 10)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return buffer.getvalue()


def song() -> bytes:
    """An MP3 with a cover, which is a stream of one picture."""
    import av
    from av.stream import Disposition

    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp3") as out:
        sound = out.add_stream("libmp3lame", rate=16000)
        cover = out.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 320, 240, "yuvj420p"
        cover.disposition = Disposition.attached_pic
        picture = av.VideoFrame.from_image(espresso().resize((320, 240)))
        picture.pts = 0
        out.mux(cover.encode(picture))
        out.mux(cover.encode())
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 16000), dtype=np.float32), format="fltp", layout="mono")
        frame.sample_rate = 16000
        out.mux(sound.encode(frame))
        out.mux(sound.encode(None))
    return buffer.getvalue()


def sound_only() -> bytes:
    """An MP4 without pictures."""
    import av

    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as out:
        stream = out.add_stream("aac", rate=16000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 16000), dtype=np.float32), format="fltp", layout="mono")
        frame.sample_rate = 16000
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return buffer.getvalue()


def videos() -> Iterator[tuple[str, bytes]]:
    """Name of the kind, and the file."""
    yield "MP4, H.264", video("mp4")
    yield "QuickTime, H.264", video("mov")
    yield "Matroska, H.264", video("matroska")
    yield "WebM, VP8", video("webm", "libvpx")
    yield "AVI, MPEG-4", video("avi", "mpeg4")
    yield "MPEG-TS, H.264", video("mpegts")
    yield "Matroska that begins at 100 s", video("matroska", start=100)
    yield "MPEG-TS that begins at 100 s", video("mpegts", start=100)
    yield "MP4, one frame", video("mp4", frames=1)
    yield "MP4, variable frame rate", video("mp4", uneven=True)
    yield "MP4, turned by 90 degrees", rotated(video("mp4", turn=90))
    yield "MP4, mirrored", displayed(video("mp4", mirrored=True), -1, 0, 0, 1)
    yield "MP4 whose first second is cut off", cut()
    yield "H.264 without a container", video("h264")
    yield "MP4 with sound only", sound_only()
    yield "MP3 with a cover", song()


def _clip() -> tuple[NDArray[np.int16], int]:
    """Eight seconds of speech, and its rate."""
    import av

    with av.open(str(media.speech()[0])) as clip:
        rate = clip.streams.audio[0].rate
        resampler = av.AudioResampler(format="s16", layout="mono", rate=rate)
        pieces = [piece for frame in (*clip.decode(audio=0), None) for piece in resampler.resample(frame)]
    return np.concatenate([piece.to_ndarray()[0] for piece in pieces]), rate


def sound(container: str, codec: str, *, rate: int = 16000, layout: str = "mono", silent: bool = False) -> bytes:
    """Somebody reads "It was the best of times".

    :param rate: samples in a second.
    :param layout: ``mono`` or ``stereo``.
    :param silent: whether nothing is heard.
    """
    import av

    samples, own_rate = _clip()
    frame = av.AudioFrame.from_ndarray(samples[None] * (not silent), format="s16", layout="mono")
    frame.sample_rate = own_rate
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as out:
        # FFmpeg's own encoder of Vorbis, which takes stereo only, counts as experimental.
        options = {"strict": "experimental"} if codec == "vorbis" else {}
        stream = out.add_stream(codec, rate=rate, options=options)
        assert isinstance(stream, av.AudioStream)
        stream.layout = layout
        _encode(out, stream, frame)
    return buffer.getvalue()


def _encode(out: Any, stream: Any, frame: Any) -> None:
    import av

    resampler = av.AudioResampler(format=stream.format, layout=stream.layout, rate=stream.rate)
    fifo = av.AudioFifo()
    for piece in (*resampler.resample(frame), *resampler.resample(None)):
        piece.pts = None
        fifo.write(piece)
    size = stream.codec_context.frame_size or 1024
    while piece := fifo.read(size, partial=True):
        out.mux(stream.encode(piece))
    out.mux(stream.encode(None))


def _wave(samples: bytes) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as clip:
        clip.setparams((1, 2, 16000, 0, "NONE", ""))
        clip.writeframes(samples)
    return buffer.getvalue()


def sounds() -> Iterator[tuple[str, bytes]]:
    """Name of the kind, and the file."""
    plain = sound("wav", "pcm_s16le")
    yield "WAV, 16 bit", plain
    yield "WAV, 8 bit", sound("wav", "pcm_u8")
    yield "WAV, 24 bit", sound("wav", "pcm_s24le")
    yield "WAV, 32 bit", sound("wav", "pcm_s32le")
    yield "WAV, floats", sound("wav", "pcm_f32le")
    yield "WAV, µ-law, 8 kHz", sound("wav", "pcm_mulaw", rate=8000)
    yield "WAV, stereo, 48 kHz", sound("wav", "pcm_s16le", rate=48000, layout="stereo")
    yield "WAV, silent", sound("wav", "pcm_s16le", silent=True)
    yield "WAV, without a sample", _wave(b"")
    yield "WAV, truncated", plain[: len(plain) * 2 // 3]
    yield "AIFF", sound("aiff", "pcm_s16be")
    yield "FLAC", sound("flac", "flac")
    yield "Ogg, Vorbis", sound("ogg", "vorbis", rate=44100, layout="stereo")
    yield "Ogg, Opus", sound("ogg", "libopus", rate=48000)
    yield "MP3", sound("mp3", "libmp3lame")
    yield "MP3, stereo, 44.1 kHz", sound("mp3", "libmp3lame", rate=44100, layout="stereo")
    yield "M4A, AAC", sound("ipod", "aac")
    yield "AAC without a container", sound("adts", "aac")
    yield "WebM, Opus", sound("webm", "libopus", rate=48000)
    yield "MP4 with pictures only", video("mp4")
    yield "A picture under a recording's name", saved(espresso(), "PNG")
    yield "Text under a recording's name", b"transcript follows"
