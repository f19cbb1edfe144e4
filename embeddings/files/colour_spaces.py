"""Colour spaces that a file names by numbers rather than by an ICC profile, and the way to sRGB.

PNG says ``gAMA`` and ``cHRM``, or the numbers of ITU-T H.273 in ``cICP``; AVIF says these in its
``colr`` box. A transform is a table from stored number to light and a matrix between the primaries,
for samples of 8 or 16 bits. High dynamic range comes out as a browser shows it on an ordinary
screen, roughly: what is brighter than white is pressed together.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

Chromaticity = tuple[float, float]
Primaries = tuple[Chromaticity, Chromaticity, Chromaticity, Chromaticity]
"""x and y of white, red, green and blue."""

_D65: Final = (0.3127, 0.3290)
SRGB_PRIMARIES: Final[Primaries] = (_D65, (0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
SRGB_TRANSFER: Final = 13

_C: Final = (0.310, 0.316)
_SMPTE_170M: Final[Primaries] = (_D65, (0.630, 0.340), (0.310, 0.595), (0.155, 0.070))
_PRIMARIES: Final[dict[int, Primaries]] = {
    1: SRGB_PRIMARIES,
    4: (_C, (0.67, 0.33), (0.21, 0.71), (0.14, 0.08)),
    5: (_D65, (0.64, 0.33), (0.29, 0.60), (0.15, 0.06)),
    6: _SMPTE_170M,
    7: _SMPTE_170M,
    8: (_C, (0.681, 0.319), (0.243, 0.692), (0.145, 0.049)),
    9: (_D65, (0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    10: ((1 / 3, 1 / 3), (1.0, 0.0), (0.0, 1.0), (0.0, 0.0)),
    11: ((0.314, 0.351), (0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
    12: (_D65, (0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
    22: (_D65, (0.630, 0.340), (0.295, 0.605), (0.155, 0.077)),
}
# Browsers show the curves of television as screens for it do, with a power of 2.4.
_POWERS: Final = {1: 2.4, 4: 2.2, 5: 2.8, 6: 2.4, 8: 1.0, 11: 2.4, 14: 2.4, 15: 2.4}
_TRANSFERS: Final = frozenset({1, 4, 5, 6, 7, 8, 11, 13, 14, 15, 16, 17, 18})

_BRADFORD: Final = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)
_USUAL_GAMMA: Final = 1 / 2.2
_GAMMA_TOLERANCE: Final = 0.05
_XY_TOLERANCE: Final = 0.005
_TABLE: Final = 2**16
_MOST_LIGHT: Final = 1000.0
"""Of one channel in terms of others: what primaries that make sense never come near."""
_BAND_PIXELS: Final = 2**17
_PQ, _HLG = 16, 18
_BRIGHT: Final = frozenset({_PQ, _HLG})
_HLG_NITS: Final = 1000.0
_WHITE_NITS: Final = 203.0
"""The light of an ordinary white page in a picture of high dynamic range: ITU-R BT.2408."""
# Chromium's way from that light to an ordinary screen's, measured: half of it up to white, and less
# and less of what is beyond, up to 1000 nits.
_LIGHT: Final = (0.0, 1.0, 1.25, 1.41, 1.93, 2.0, 2.67, 3.19, 3.7, 4.93)
_SCREEN: Final = (0.0, 0.5, 0.591, 0.638, 0.738, 0.745, 0.831, 0.88, 0.922, 1.0)


@dataclass(frozen=True)
class ColourSpace:
    """What a file's numbers stand for."""

    primaries: Primaries = SRGB_PRIMARIES
    transfer: int = SRGB_TRANSFER
    """By H.273; of no account where there is a ``gamma``."""
    gamma: float = 0.0
    """The power that makes light of a stored number; 0 where ``transfer`` says it."""

    @property
    def is_srgb(self) -> bool:
        """Whether nothing is to be done."""
        return self == ColourSpace()


def from_numbers(primaries: int, transfer: int) -> ColourSpace | None:
    """The colour space of two numbers of H.273; None where browsers know none of them."""
    if primaries not in _PRIMARIES or transfer not in _TRANSFERS:
        return None
    return ColourSpace(_PRIMARIES[primaries], transfer)


def from_gamma(gamma: float, primaries: Primaries | None) -> ColourSpace:
    """The colour space of a PNG's ``gAMA`` and, where it has one, its ``cHRM``.

    What is as good as sRGB is sRGB, as in browsers: most files say 0.45455 and mean nothing by it.
    """
    space = ColourSpace()
    if primaries is not None and not _alike(primaries, SRGB_PRIMARIES) and _possible(primaries):
        space = ColourSpace(primaries)
    if abs(gamma / _USUAL_GAMMA - 1) > _GAMMA_TOLERANCE:
        space = ColourSpace(space.primaries, gamma=1 / gamma)
    return space


def to_srgb(
    samples: NDArray[np.uint8] | NDArray[np.uint16], space: ColourSpace
) -> NDArray[np.uint8]:
    """``samples`` (h, w) grey or (h, w, 3) of ``space``, 8 or 16 bits, as sRGB of 8: same shape."""
    shown = np.empty(samples.shape, np.uint8)
    rows = max(1, _BAND_PIXELS // samples.shape[1])
    for top in range(0, len(samples), rows):
        shown[top : top + rows] = _band(samples[top : top + rows], space)
    return shown


def _band(samples: NDArray[np.uint8] | NDArray[np.uint16], space: ColourSpace) -> NDArray[np.uint8]:
    table = _light(space, samples.dtype.itemsize)
    bright = not space.gamma and space.transfer in _BRIGHT
    if not bright and (samples.ndim == 2 or _alike(space.primaries, SRGB_PRIMARIES)):
        return np.asarray(_stored()[_places(table)][samples])
    light = table[samples]
    if bright:
        light = _on_screen(light, space)
    if samples.ndim == 3:
        light = light @ _matrix(space.primaries).T
    return np.asarray(_stored()[_places(light)])


def _on_screen(light: NDArray[np.float32], space: ColourSpace) -> NDArray[np.float32]:
    """Light of high dynamic range as an ordinary screen has it, white = 1."""
    if light.ndim == 2:
        luminance = brightest = light
    else:
        luminance = light @ _to_xyz(space.primaries)[1].astype(np.float32)
        brightest = light.max(axis=2)
    if space.transfer == _HLG:
        system = (_HLG_NITS / _WHITE_NITS) * np.maximum(luminance, 0) ** np.float32(0.2)
        light = light * (system if light.ndim == 2 else system[..., None])
        luminance, brightest = luminance * system, brightest * system
    level = np.maximum((luminance + brightest) / 2, 1e-6)
    gain = (np.interp(level, _LIGHT, _SCREEN) / level).astype(np.float32)
    return np.asarray(light * (gain if light.ndim == 2 else gain[..., None]), np.float32)


def _places(light: NDArray[np.float32]) -> NDArray[np.intp]:
    return (np.clip(light, 0, 1) * (_TABLE - 1) + 0.5).astype(np.intp)


@lru_cache(maxsize=1)
def _stored() -> NDArray[np.uint8]:
    """What sRGB stores for light from 0 to 1 in ``_TABLE`` steps."""
    light = np.linspace(0, 1, _TABLE)
    share = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.asarray(np.rint(share * 255), np.uint8)


@lru_cache(maxsize=8)
def _light(space: ColourSpace, width: int) -> NDArray[np.float32]:
    """Light, white = 1, of every number that ``width`` bytes can say."""
    stored = np.linspace(0, 1, 256**width)
    return (stored**space.gamma if space.gamma else _of_transfer(stored, space.transfer)).astype(
        np.float32
    )


def _of_transfer(stored: NDArray[np.float64], transfer: int) -> NDArray[np.float64]:
    if transfer in _POWERS:
        return np.asarray(stored ** _POWERS[transfer])
    if transfer == 7:
        return np.where(stored < 0.0913, stored / 4, ((stored + 0.1115) / 1.1115) ** (1 / 0.45))
    if transfer == _PQ:
        root = stored ** (1 / 78.84375)
        level = np.clip(root - 0.8359375, 0, None) / (18.8515625 - 18.6875 * root)
        return np.asarray(level ** (1 / 0.1593017578125) * (10_000 / _WHITE_NITS))
    if transfer == 17:
        return np.asarray(stored**2.6 * (52.37 / 48))
    if transfer == _HLG:
        high = (np.exp((stored - 0.55991073) / 0.17883277) + 0.28466892) / 12
        return np.where(stored <= 0.5, stored**2 / 3, high)
    return np.where(stored <= 0.04045, stored / 12.92, ((stored + 0.055) / 1.055) ** 2.4)


@lru_cache(maxsize=32)
def _matrix(primaries: Primaries) -> NDArray[np.float32]:
    """From light of ``primaries`` to light of sRGB's, white to white: float32 (3, 3)."""
    return (np.linalg.inv(_to_xyz(SRGB_PRIMARIES)) @ _to_xyz(primaries)).astype(np.float32)


def _to_xyz(primaries: Primaries) -> NDArray[np.float64]:
    white, *channels = (np.array([x, y, 1 - x - y]) for x, y in primaries)
    columns = np.stack(channels, axis=1)
    white = white / white[1]
    matrix = columns * np.linalg.solve(columns, white)
    x, y = _D65
    usual = np.array([x / y, 1.0, (1 - x - y) / y])
    scale = (_BRADFORD @ usual) / (_BRADFORD @ white)
    return np.asarray(np.linalg.inv(_BRADFORD) @ np.diag(scale) @ _BRADFORD @ matrix)


def _possible(primaries: Primaries) -> bool:
    """Whether there is light that these primaries make white of."""
    if primaries[0][1] <= 0:
        return False
    try:
        with np.errstate(all="ignore"):
            matrix = np.linalg.inv(_to_xyz(SRGB_PRIMARIES)) @ _to_xyz(primaries)
    except np.linalg.LinAlgError:
        return False
    return bool(np.isfinite(matrix).all() and np.abs(matrix).max() < _MOST_LIGHT)


def _alike(one: Primaries, other: Primaries) -> bool:
    return bool(np.abs(np.subtract(one, other)).max() < _XY_TOLERANCE)
