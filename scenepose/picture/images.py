"""Pictures of any kind in, RGB out.

Whatever a camera, a scanner or an image editor writes is turned into 8-bit RGB, the right way up.
Positions are always given in pixels of the picture as people see it (EXIF orientation applied) at its
full size, also where a very large picture was shrunk while reading.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from scenepose.errors import PictureError

#: What can be given wherever a picture is asked for.
ImageLike: TypeAlias = str | Path | Image.Image | NDArray[np.uint8]

#: Pictures are kept at most this large (longest side, pixels): enough for every view and for drawing.
MAX_SIDE = 4096
#: Below this (shortest side, pixels) there is nothing to see.
MIN_SIDE = 16
#: Largest picture that is decoded at all, in pixels. Pillow itself refuses above twice its own limit.
MAX_PIXELS = 170_000_000

_FORMATS = "JPEG, PNG, WebP, AVIF, HEIC, TIFF, GIF or BMP"
#: As Pillow calls them. The content decides, never the name, and no other parser is asked.
_PILLOW_FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "HEIF", "TIFF", "GIF", "BMP")


@dataclass(frozen=True)
class Picture:
    """A readable picture.

    Attributes:
        image: RGB, the right way up, longest side at most `MAX_SIDE`.
        width, height: the size of the original in pixels, the right way up; coordinates refer to it.
    """

    image: Image.Image
    width: int
    height: int

    @property
    def shrink(self) -> tuple[float, float]:
        """Factors (x, y) from the original's pixels to those of ``image``; (1, 1) unless it was huge."""
        return self.image.width / self.width, self.image.height / self.height


def read(source: ImageLike) -> Picture:
    """Read a picture from a file, a Pillow image or an array.

    Args:
        source: path; Pillow image of any mode; or array (H, W, 3) of uint8 RGB; (H, W) grey and
            (H, W, 4) RGBA are taken too.

    Returns:
        The picture: first frame of an animation, transparency over white, 16 bits reduced to 8.

    Raises:
        PictureError: with one sentence, if it is missing, broken, too small or too large. A file's name
            stands in it in quotes, exactly as it is.
    """
    if isinstance(source, np.ndarray):
        return _finish(_from_array(source), "the array")
    if isinstance(source, Image.Image):
        _check_size(source.size, "the picture")
        _load(source, "the picture")
        return _finish(source, "the picture")
    path = Path(source)
    try:
        if path.is_dir():
            raise PictureError(f"{str(path)!r} is a folder, not a picture")
        if not path.is_file():
            raise PictureError(f"there is no picture at {str(path)!r}")
        if path.stat().st_size == 0:
            raise PictureError(f"{path.name!r} is an empty file")
    except OSError as error:  # a name that is too long, a folder that may not be looked into
        raise PictureError(f"there is no picture at {str(path)!r} ({error.strerror})") from error
    return _from_file(path)


@cache
def _learn_heic() -> None:
    """Teach Pillow the format of iPhones' photos, once it is needed."""
    import pi_heif

    pi_heif.register_heif_opener()


def _from_file(path: Path) -> Picture:
    name = repr(path.name)
    _learn_heic()
    with warnings.catch_warnings():
        # Pillow warns of damaged EXIF, which does not spoil a picture, and of sizes from half of that
        # which it refuses; our own limit comes right after.
        warnings.simplefilter("ignore")
        with _opened(path, name) as opened:
            _check_size(opened.size, name)
            size = opened.size
            # JPEG decodes at 1/2, 1/4 or 1/8 directly, which spares memory and time; others ignore it.
            if opened.mode == "RGB":
                opened.draft("RGB", (MAX_SIDE, MAX_SIDE))
            _load(opened, name)
            return _finish(opened, name, size)


def _opened(path: Path, name: str) -> Image.Image:
    try:
        return Image.open(path, formats=_PILLOW_FORMATS)
    except Image.DecompressionBombError as error:
        raise PictureError(f"{name} has too many pixels (more than {MAX_PIXELS // 10**6} million)") from error
    except Exception as error:  # a decoder raises whatever it stumbles on: struct, zlib, index errors ...
        raise PictureError(f"{name} is not a picture that can be read ({_FORMATS})") from error


def _load(image: Image.Image, name: str) -> None:
    try:
        image.load()
    except Exception as error:
        raise PictureError(f"{name} is damaged or cut short and cannot be read to its end") from error


def _from_array(array: NDArray) -> Image.Image:
    channels = array.shape[2] if array.ndim == 3 else 1
    if array.dtype != np.uint8 or array.ndim not in (2, 3) or (array.ndim == 3 and channels not in (3, 4)):
        raise PictureError(
            f"an array must be (height, width, 3) of uint8, not {tuple(array.shape)} of {array.dtype}"
        )
    _check_size((array.shape[1], array.shape[0]), "the array")
    return Image.fromarray(np.ascontiguousarray(array))


def _check_size(size: tuple[int, int], name: str) -> None:
    width, height = size
    if width < MIN_SIDE or height < MIN_SIDE:
        raise PictureError(
            f"{name} is only {width} x {height} pixels; at least {MIN_SIDE} x {MIN_SIDE} are needed"
        )
    if width * height > MAX_PIXELS:
        raise PictureError(
            f"{name} is {width} x {height} pixels, which is more than {MAX_PIXELS // 10**6} million"
        )


def _finish(image: Image.Image, name: str, size: tuple[int, int] | None = None) -> Picture:
    """Shrink, turn upright, convert; ``size`` is the original's where decoding has already shrunk it."""
    width, height = size or image.size
    orientation = _orientation(image)
    if max(image.size) > MAX_SIDE:
        factor = MAX_SIDE / max(image.size)
        small = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
        # Palette and 1-bit pictures cannot be averaged before they have colours; the others are made small
        # first, because every conversion is a copy.
        if image.mode not in ("RGB", "RGBA", "L", "LA", "CMYK") or "transparency" in image.info:
            image = to_rgb(image, name)
        image = image.resize(small, Image.Resampling.BOX, reducing_gap=2.0)
    image = to_rgb(image, name)
    if orientation in _TURNS:
        image = image.transpose(_TURNS[orientation])
    if orientation in (5, 6, 7, 8):
        width, height = height, width
    return Picture(image, width, height)


#: EXIF's orientation to the operation that undoes it.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(0x0112, 1))
    except Exception:  # a picture with damaged EXIF is still a picture
        return 1


def to_rgb(image: Image.Image, name: str = "the picture") -> Image.Image:
    """Any Pillow mode to RGB: transparency over white, 16-bit and float greys scaled to 8 bits."""
    if image.mode == "RGB" and "transparency" not in image.info:
        return image.copy()
    try:
        if image.mode.startswith("I") or image.mode == "F":
            image = _grey_to_8_bits(image)
        if "A" in image.mode or "a" in image.mode or "transparency" in image.info:
            image = image.convert("RGBA")
            white = Image.new("RGBA", image.size, (255, 255, 255, 255))
            image = Image.alpha_composite(white, image)
        return image.convert("RGB")
    except (ValueError, OSError, KeyError) as error:
        raise PictureError(f"{name} has a colour mode that cannot be read ({image.mode})") from error


def _grey_to_8_bits(image: Image.Image) -> Image.Image:
    """Greys of 16 or 32 bits or floats: known ranges are kept, others stretched to their largest value."""
    values = np.array(image, dtype=np.float32)
    np.clip(np.nan_to_num(values, copy=False), 0, None, out=values)
    largest = float(values.max(initial=0))
    ranges = {"F": (1.0, 255.0, 65535.0), "I": (255.0, 65535.0)}.get(image.mode, (65535.0,))
    white = next((top for top in ranges if largest <= top), largest)
    values *= 255 / white
    return Image.fromarray(values.round(out=values).astype(np.uint8))
