"""Pictures of every kind come out as RGB, the right way up; what cannot is refused in one sentence."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scenepose.errors import PictureError
from scenepose.picture import images

RED, BLUE = (220, 30, 30), (30, 30, 220)


def two_halves(width: int = 60, height: int = 40) -> Image.Image:
    """Red on the left, blue on the right."""
    image = Image.new("RGB", (width, height), RED)
    image.paste(BLUE, (width // 2, 0, width, height))
    return image


def is_near(image: Image.Image, at: tuple[int, int], colour: tuple[int, ...], tolerance: int = 12) -> bool:
    return bool(np.abs(np.array(image.getpixel(at)) - np.array(colour)).max() <= tolerance)


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "bmp", "tiff", "gif"])
def test_formats(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"scene.{suffix}"
    two_halves().save(path)
    picture = images.read(path)
    assert picture.image.mode == "RGB"
    assert (picture.width, picture.height) == picture.image.size == (60, 40)
    assert is_near(picture.image, (10, 20), RED, 30)
    assert is_near(picture.image, (50, 20), BLUE, 30)


#: EXIF orientation -> where the red half is, as people see it: (x, y) fractions.
ORIENTATIONS = {
    1: (0.2, 0.5), 2: (0.8, 0.5), 3: (0.8, 0.5), 4: (0.2, 0.5), 5: (0.5, 0.2), 6: (0.5, 0.2), 7: (0.5, 0.8),
    8: (0.5, 0.8),
}  # fmt: skip


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("as_file", [True, False])
def test_exif_orientation(tmp_path: Path, orientation: int, as_file: bool) -> None:
    image = two_halves()
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "scene.jpg"
    image.save(path, exif=exif, quality=95)
    with Image.open(path) as opened:
        picture = images.read(path if as_file else opened)
    turned = orientation >= 5
    assert (picture.width, picture.height) == picture.image.size == ((40, 60) if turned else (60, 40))
    across, down = ORIENTATIONS[orientation]
    assert is_near(picture.image, (int(across * picture.width), int(down * picture.height)), RED, 25)
    with Image.open(path) as opened:
        from PIL import ImageOps

        np.testing.assert_array_equal(np.asarray(picture.image), np.asarray(ImageOps.exif_transpose(opened)))


def test_transparency_lies_over_white(tmp_path: Path) -> None:
    image = two_halves().convert("RGBA")
    image.putalpha(0)
    for variant in (image, image.convert("LA"), image.convert("PA") if "PA" in Image.MODES else image):
        assert is_near(images.read(variant).image, (10, 10), (255, 255, 255), 1)
    path = tmp_path / "palette.png"
    image.quantize(8).save(path)
    assert is_near(images.read(path).image, (10, 10), (255, 255, 255), 1)


def test_half_transparent_is_half_white() -> None:
    image = Image.new("RGBA", (20, 20), (0, 0, 0, 128))
    assert is_near(images.read(image).image, (5, 5), (127, 127, 127), 1)


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "YCbCr", "HSV", "LA"])
def test_modes(mode: str) -> None:
    grey = Image.new("L", (20, 20), 255)
    image = grey.convert("RGB").convert(mode) if mode != "LA" else grey.convert("LA")
    assert is_near(images.read(image).image, (5, 5), (255, 255, 255), 2)


def test_16_bits(tmp_path: Path) -> None:
    values = np.linspace(0, 65535, 400).reshape(20, 20).astype(np.uint16)
    path = tmp_path / "deep.png"
    Image.fromarray(values).save(path)
    out = np.asarray(images.read(path).image)[..., 0]
    np.testing.assert_allclose(out, values / 257, atol=1)


def test_greys_of_32_bits_keep_a_known_range() -> None:
    values = np.tile(np.linspace(0, 255, 20, dtype=np.int32), (20, 1))
    np.testing.assert_allclose(np.asarray(images.read(Image.fromarray(values)).image)[..., 0], values, atol=1)


def test_only_named_formats_are_opened(tmp_path: Path) -> None:
    Image.new("RGB", (20, 20)).save(tmp_path / "plot.png", "EPS")
    with pytest.raises(PictureError, match="not a picture that can be read"):
        images.read(tmp_path / "plot.png")


def test_names_that_no_file_can_have() -> None:
    with pytest.raises(PictureError, match="no picture at"):
        images.read("x" * 300 + ".jpg")


def test_float_greys() -> None:
    values = np.tile(np.linspace(0, 1, 20, dtype=np.float32), (20, 1))
    assert np.asarray(images.read(Image.fromarray(values)).image).max() == 255


def test_the_first_frame_of_an_animation(tmp_path: Path) -> None:
    path = tmp_path / "moving.gif"
    frames = [Image.new("RGB", (20, 20), colour) for colour in (RED, BLUE)]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=100)
    assert is_near(images.read(path).image, (10, 10), RED, 5)


def test_arrays() -> None:
    array = np.asarray(two_halves())
    np.testing.assert_array_equal(np.asarray(images.read(array).image), array)
    assert images.read(array[..., 0]).image.mode == "RGB"
    assert images.read(np.dstack([array, np.full(array.shape[:2], 255, np.uint8)])).image.mode == "RGB"
    np.testing.assert_array_equal(np.asarray(images.read(array[:, ::-1]).image), array[:, ::-1])
    for wrong in (array.astype(np.float32), array[None], array[..., :2]):
        with pytest.raises(PictureError, match="uint8"):
            images.read(wrong)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_huge_pictures_shrink_but_keep_their_coordinates(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"huge.{suffix}"
    Image.new("RGB", (9000, 600), RED).save(path)
    picture = images.read(path)
    assert (picture.width, picture.height) == (9000, 600)
    assert max(picture.image.size) <= images.MAX_SIDE
    across, down = picture.shrink
    assert abs(across - down) < 0.002


def test_the_input_is_left_alone() -> None:
    image = two_halves()
    picture = images.read(image)
    picture.image.putpixel((0, 0), (1, 2, 3))
    assert image.getpixel((0, 0)) == RED


def refused(source: object) -> str:
    """The sentence that a source is refused with."""
    with pytest.raises(PictureError) as caught:
        images.read(source)  # pyright: ignore[reportArgumentType]
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence


def test_what_is_no_picture_is_refused(tmp_path: Path) -> None:
    assert "there is no picture" in refused(tmp_path / "missing.jpg")
    assert "folder" in refused(tmp_path)
    empty = tmp_path / "empty.png"
    empty.touch()
    assert "empty" in refused(empty)
    text = tmp_path / "text.jpg"
    text.write_text("hello")
    assert "text.jpg" in refused(text)
    assert "only 15 x 40" in refused(Image.new("RGB", (15, 40)))


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    for suffix in ("jpg", "png", "webp"):
        path = tmp_path / f"cut.{suffix}"
        noise = np.random.default_rng(0).integers(0, 255, (200, 200, 3), np.uint8)
        Image.fromarray(noise).save(path)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        assert f"cut.{suffix}" in refused(path)


def test_a_decompression_bomb_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    for size in ((14000, 13000), (30000, 30000)):  # above our limit; above Pillow's own
        _empty_png(path, *size)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert "million" in refused(path)


def _empty_png(path: Path, width: int, height: int) -> None:
    """A PNG that claims a size: header only."""
    import struct
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )
