"""Pictures as files of codes: what `encode` reads and `decode` writes."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, UnidentifiedImageError

from benchmarks.compress.signal import SignalFiles
from benchmarks.data.picture_files import FORMATS, is_picture
from benchmarks.protocols.compression.pictures import PictureCodec
from priors.code_models import CodeModel
from storage.whole_files import replacing


class PictureFiles(SignalFiles[PictureCodec]):
    """Picture files of any format that is read here; PNG comes back."""

    noun = "pictures"
    suffix = ".png"

    def codec(self, model: CodeModel) -> PictureCodec:
        return PictureCodec(self.run.tokenizer, model)

    def is_one(self, name: str) -> bool:
        return is_picture(name)

    def encode(self, codec: PictureCodec, file: Path) -> tuple[bytes, str]:
        try:
            with Image.open(file, formats=FORMATS) as picture:
                data, pixels = codec.encode(picture), picture.width * picture.height
        except UnidentifiedImageError as error:
            raise ValueError("not a picture of a format that is read here") from error
        return data, f"{8 * len(data) / pixels:.3f} bits per pixel"

    def decode(self, codec: PictureCodec, data: bytes, output: Path) -> str:
        picture = codec.decode(data)
        with replacing(output) as temporary:
            picture.save(temporary, "PNG")
        return f"{picture.width} × {picture.height} pixels"
