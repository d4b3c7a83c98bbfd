"""Bad, odd and hostile picture files, made here: `bad` must be refused, `odd` must be read."""

from __future__ import annotations

import io
import itertools
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms

#: A HEIC of 128 x 96 pixels, red on the left and blue on the right. Pillow writes none.
HEIC = (Path(__file__).parent / "data" / "halves.heic").read_bytes()
FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "TIFF", "GIF", "BMP")


@dataclass(frozen=True)
class Upload:
    """A file to upload.

    Attributes:
        kind: what is the matter with it. name: of the file. data: its bytes.
    """

    kind: str
    name: str
    data: bytes


def picture(width: int = 96, height: int = 64, mode: str = "RGB") -> Image.Image:
    """Noise: it compresses badly, so that there is something to cut off."""
    pixels = np.random.default_rng(0).integers(0, 255, (height, width, 3), np.uint8)
    return Image.fromarray(pixels).convert(mode)


def encoded(image: Image.Image, form: str = "PNG", **options: object) -> bytes:
    """The bytes of a picture file."""
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, body: bytes = b"", *more: bytes) -> bytes:
    """A PNG that claims a size, with any body and any further chunks before it."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [chunk(b"IHDR", header), *more, chunk(b"IDAT", body), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def bad() -> list[Upload]:
    """Files that are not pictures, or not whole, or too large or small."""
    return [*_truncated(), *_broken_png(), *_sizes(), *_not_pictures(), *_polyglots()]


def odd() -> list[Upload]:
    """Pictures that few programs write, and names that say something else."""
    return [*_modes(), *_turned(), *_named(), *_animated(), *_decorated()]


def _truncated() -> Iterator[Upload]:
    """Cut at the ends of chunks and in between."""
    for form in FORMATS:
        whole = encoded(picture(), form)
        for share in (0.005, 0.02, 0.1, 0.3, 0.5, 0.7, 0.9):
            yield Upload("truncated", f"cut-{share}.{form.lower()}", whole[: max(1, int(len(whole) * share))])
    for share in (0.02, 0.3, 0.6, 0.9):
        yield Upload("truncated", f"IMG_{share}.HEIC", HEIC[: int(len(HEIC) * share)])
    whole, at = encoded(picture()), 8
    while at < len(whole):  # before, within and after each chunk's length, kind, data and checksum
        size, kind = struct.unpack(">I4s", whole[at : at + 8])
        for offset in (0, 2, 4, 6, 8, 8 + size // 2, 8 + size):
            if kind not in (b"IEND", b"IDAT") or (kind == b"IDAT" and offset < 8 + size):  # else all is there
                yield Upload("truncated at a chunk", f"chunk-{at}-{offset}.png", whole[: at + offset])
        at += 12 + size
    whole = encoded(picture(), "JPEG")
    for at in range(2, len(whole) - 1):
        if whole[at] == 0xFF and whole[at + 1] in (0xDB, 0xC0, 0xC4, 0xDA):  # a JPEG's segments
            yield Upload("truncated at a segment", f"segment-{at}.jpg", whole[: at + 4])


def _broken_png() -> Iterator[Upload]:
    whole = encoded(picture())
    for at in (12, 16, 24, 29):
        yield Upload("damaged", f"flipped-{at}.png", whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
    yield Upload("damaged", "no-pixels.png", png(64, 64, zlib.compress(b"")))
    yield Upload("damaged", "no-zlib.png", png(64, 64, b"not compressed at all" * 9))
    yield Upload("damaged", "only-a-head.png", whole[:8])
    heads = {
        "webp": b"RIFF\x00\x00\x00\x00WEBPVP8 ",
        "gif": b"GIF89a\x10\x00\x10\x00\x80\x00\x00",
        "bmp": b"BM" + bytes(60),
        "tiff": b"II*\x00\x08\x00\x00\x00\xff\xff",
        "avif": b"\x00\x00\x00\x18ftypavif" + bytes(20),
        "heic": b"\x00\x00\x00\x18ftypheic" + bytes(20),
        "jpg": b"\xff\xd8\xff\xe0\xff\xff" + bytes(100),
    }
    for form, start in heads.items():
        yield Upload("damaged", f"head-only.{form}", start)
        yield Upload("damaged", f"head-and-noise.{form}", start + np.random.default_rng(1).bytes(5000))


def _sizes() -> Iterator[Upload]:
    yield Upload("zero bytes", "empty.png", b"")
    yield Upload("zero bytes", "empty", b"")
    for width, height in ((1, 1), (1, 20000), (20000, 1), (15, 400), (400, 15)):
        yield Upload("too small", f"{width}x{height}.png", encoded(Image.new("RGB", (width, height))))
    for width, height in ((30000, 30000), (14000, 13000), (2**31 - 1, 2**31 - 1), (2**31 - 1, 1), (0, 0)):
        yield Upload("size in the header", f"{width}x{height}.png", png(width, height, zlib.compress(b"")))
    # Little data that unpacks to much.
    yield Upload("bomb", "many-pixels.png", png(20000, 20000, zlib.compress(bytes(10**7), 9)))
    yield Upload(
        "bomb", "text.png", png(64, 64, b"", chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(4 * 10**7), 9)))
    )
    yield Upload(
        "bomb", "profile.png", png(64, 64, b"", chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(4 * 10**7), 9)))
    )
    yield Upload(
        "bomb", "screen.gif", b"GIF89a" + struct.pack("<HH", 65535, 65535) + b"\x80\0\0" + bytes(100)
    )
    head = struct.pack("<IHHIIiiHHIIiiII", 10**6, 0, 0, 54, 40, 30000, 30000, 1, 24, 0, 0, 0, 0, 0, 0)
    yield Upload("bomb", "large.bmp", b"BM" + head)


def _not_pictures() -> Iterator[Upload]:
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" width="99" height="99"><script>alert(1)</script></svg>'
    html = b"<!doctype html><html><body><script>alert(1)</script></body></html>"
    entities = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><svg>&b;</svg>'
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("../../room.png", bytes(10**6))
    contents = {
        "svg": svg,
        "html": html,
        "xml": entities,
        "zip": archive.getvalue(),
        "pdf": b"%PDF-1.7\n1 0 obj\n<<>>",
        "exe": b"MZ" + bytes(200),
        "sh": b"#!/bin/sh\nid\n",
        "php": b"<?php system('id'); ?>",
        "txt": b"hello " * 99,
        "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n",
        "mp4": b"\0\0\0\x18ftypmp42" + bytes(99),
        "jxl": b"\xff\x0a" + bytes(99),
        "psd": b"8BPS\0\x01" + bytes(99),
        "ico": b"\0\0\1\0\1\0" + bytes(99),
        "noise": np.random.default_rng(2).bytes(4096),
    }
    for name, data in contents.items():
        yield Upload("not a picture", f"file.{name}", data)
        yield Upload("not a picture under a picture's name", f"{name}.jpg", data)
    for name in (
        "a<b>.png",
        "naïve – “room”.png",
        "%2e%2e%2fetc%2fpasswd",
        "x" * 150 + ".png",
        "CON",
        ".png",
        "a\tb.jpg",
    ):
        yield Upload("a name of its own", name, b"nothing")


def _polyglots() -> Iterator[Upload]:
    """Files that begin like one thing and are another."""
    jpeg, archive = encoded(picture(), "JPEG"), b"PK\x03\x04" + bytes(60)
    for name, head in (
        ("gif", b"GIF89a/*"),
        ("pdf", b"%PDF-1.4\n"),
        ("zip", archive),
        ("html", b"<script>a</script>"),
    ):
        yield Upload("polyglot", f"{name}-then-jpeg.jpg", head + jpeg)
        yield Upload("polyglot", f"jpeg-magic-then-{name}.jpg", b"\xff\xd8\xff" + head * 20)


def _modes() -> Iterator[Upload]:
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA"):
        yield Upload("mode", f"{mode}.png", encoded(picture(mode=mode)))
    for mode in ("CMYK", "L", "YCbCr"):
        yield Upload("mode", f"{mode}.jpg", encoded(picture(mode=mode), "JPEG"))
    for mode in ("CMYK", "F", "I", "RGBA"):
        yield Upload("mode", f"{mode}.tiff", encoded(picture(mode=mode), "TIFF"))
    deep = np.linspace(0, 65535, 96 * 64).reshape(64, 96).astype(np.uint16)
    yield Upload("mode", "16-bit.png", encoded(Image.fromarray(deep)))
    yield Upload("mode", "16-bit.tiff", encoded(Image.fromarray(deep), "TIFF"))


def _turned() -> Iterator[Upload]:
    for orientation, form in itertools.product(range(10), ("JPEG", "WEBP")):
        exif = Image.Exif()
        exif[0x0112] = orientation
        yield Upload("EXIF", f"exif-{orientation}.{form.lower()}", encoded(picture(), form, exif=exif))
    for number, junk in enumerate(
        (b"Exif\0\0" + b"\xff" * 50, b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM")
    ):
        data = encoded(picture(), "JPEG")
        segment = b"\xff\xe1" + struct.pack(">H", len(junk) + 2) + junk
        yield Upload("damaged EXIF", f"exif-junk-{number}.jpg", data[:2] + segment + data[2:])


def _named() -> Iterator[Upload]:
    """Good pictures whose names say nothing or something else."""
    jpeg = encoded(picture(), "JPEG")
    names = ("noext", "photo.txt", "photo.jpg.exe", "Room.PNG", "room.svg", "photo.", "IMG 1 (2).jpeg")
    for name in (*names, "фото.jpg", "page.html", "a'b.jpg"):
        yield Upload("another name", name, jpeg)
    yield Upload("HEIC", "IMG_0001.HEIC", HEIC)
    yield Upload("HEIC", "photo.jpg", HEIC)
    yield Upload("HEIC", "no-name", HEIC)


def _animated() -> Iterator[Upload]:
    frames = [picture(), picture().rotate(180), picture().rotate(90)]
    for form in ("GIF", "PNG", "WEBP", "TIFF", "AVIF"):
        data = encoded(frames[0], form, save_all=True, append_images=frames[1:])
        yield Upload("several frames", f"frames.{form.lower()}", data)
    yield Upload(
        "several frames", "two-eyes.mpo", encoded(frames[0], "MPO", save_all=True, append_images=frames[1:])
    )


def _decorated() -> Iterator[Upload]:
    """Pictures with much that is not pixels."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    for form in ("JPEG", "PNG", "WEBP", "TIFF"):
        yield Upload("ICC", f"profile.{form.lower()}", encoded(picture(), form, icc_profile=profile))
        yield Upload(
            "ICC", f"no-profile.{form.lower()}", encoded(picture(), form, icc_profile=b"nonsense" * 40)
        )
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("hidden.txt", "hello")
    for tail, name in (
        (archive.getvalue(), "zip"),
        (b"<script>alert(1)</script>", "html"),
        (b"<?php id();", "php"),
    ):
        yield Upload("polyglot that is a picture", f"then-{name}.jpg", encoded(picture(), "JPEG") + tail)
        yield Upload("polyglot that is a picture", f"then-{name}.png", encoded(picture()) + tail)
