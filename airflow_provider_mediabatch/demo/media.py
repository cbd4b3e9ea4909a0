"""Photographs and speech for the demo and the tests: real ones, that ship inside packages of the extras.

===================  ===========================  ==================
file                 from                         licence
===================  ===========================  ==================
coffee.png           scikit-image                 CC0
chelsea.png          scikit-image                 CC0
camera.png           scikit-image                 CC0
rocket.jpg           scikit-image (NASA/SpaceX)   public domain
china.jpg            scikit-learn (Tzvetan T.)    CC-BY 2.0
flower.jpg           scikit-learn (dany 13)       CC-BY 2.0
two_cities.wav       moonshine-voice              MIT
===================  ===========================  ==================
"""

from __future__ import annotations

import importlib.util
import wave
from pathlib import Path

from airflow_provider_mediabatch.demo import DemoError

_PHOTOGRAPHS = {
    "skimage": ("data", ("coffee.png", "chelsea.png", "camera.png", "rocket.jpg")),
    "sklearn": ("datasets/images", ("china.jpg", "flower.jpg")),
}
# Where the reading of "A Tale of Two Cities" pauses, in seconds.
_CLIPS = {"best_of_times.wav": (0.0, 8.4), "epoch_of_belief.wav": (8.4, 16.9), "season_of_light.wav": (16.9, 24.3)}


def package_folder(package: str, extra: str) -> Path:
    """The folder of an installed package, found without importing it.

    :param package: the name it is imported by.
    :param extra: the extra of ours that installs it, named where it is missing.
    :raises DemoError: with the command that installs it.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        extras = extra if extra == "demo" else f"demo,{extra}"
        raise DemoError(
            f"{package} is not installed. Run  pip install 'airflow-provider-mediabatch[{extras}]'"
            f"  (in a checkout: make {extra})"
        )
    return Path(spec.origin).parent


def photographs() -> list[Path]:
    """Six photographs, as files inside the installed packages."""
    return sorted(
        (
            package_folder(package, "demo") / folder / name
            for package, (folder, names) in _PHOTOGRAPHS.items()
            for name in names
        ),
        key=lambda path: path.name,
    )


def speech(folder: Path) -> list[Path]:
    """Three clips of a human reading Dickens, 7 to 9 seconds each, cut into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    with wave.open(str(package_folder("moonshine_voice", "speech") / "assets" / "two_cities.wav")) as source:
        rate = source.getframerate()
        for name, (start, end) in _CLIPS.items():
            source.setpos(int(start * rate))
            with wave.open(str(folder / name), "wb") as clip:
                clip.setparams(source.getparams())
                clip.writeframes(source.readframes(int((end - start) * rate)))
    return sorted(folder / name for name in _CLIPS)
