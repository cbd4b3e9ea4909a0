"""Photographs and speech for the demo and the tests: real ones, inside packages of the extras and inside this one.

===================  ===========================  ==================
file                 from                         licence
===================  ===========================  ==================
coffee.png           scikit-image                 CC0
chelsea.png          scikit-image                 CC0
camera.png           scikit-image                 CC0
rocket.jpg           scikit-image (NASA/SpaceX)   public domain
china.jpg            scikit-learn (Tzvetan T.)    CC-BY 2.0
flower.jpg           scikit-learn (dany 13)       CC-BY 2.0
best_of_times.ogg    ``speech`` beside this file  MIT
epoch_of_belief.ogg  ``speech`` beside this file  MIT
season_of_light.ogg  ``speech`` beside this file  MIT
===================  ===========================  ==================

The three recordings are the seconds 0 to 8.4, 8.4 to 16.9 and 16.9 to 24.3 of ``two_cities.wav`` of moonshine-voice
0.1.5, as Opus with 32 kbit/s. Their licence is beside them.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

from airflow_provider_mediabatch.demo import DemoError

_PHOTOGRAPHS = {
    "skimage": ("data", ("coffee.png", "chelsea.png", "camera.png", "rocket.jpg")),
    "sklearn": ("datasets/images", ("china.jpg", "flower.jpg")),
}
_SPEECH = Path(__file__).parent / "speech"


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


def speech() -> list[Path]:
    """Three recordings of a human reading Dickens, 7 to 9 seconds each, as files inside this package."""
    return sorted(_SPEECH.glob("*.ogg"))
