"""A Piper voice of a few kilobytes: every phoneme is a tone, so that all around the model can be tried for real.

The model is written here byte by byte (ONNX is protocol buffers; field numbers from onnx.proto): phoneme ids become
frequencies, 100 Hz and 7 more for each id, each for 40 ms times the length scale.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Final

RATE_HZ: Final = 16_000
_FLOAT, _INT64 = 1, 7


def write_voice(directory: Path, name: str = "en_US-tiny-low", *, language: str = "en_US", speakers: int = 1) -> Path:
    """Write model and description into a folder; give the model's path."""
    path = directory / f"{name}.onnx"
    path.write_bytes(_model())
    symbols = "_^$ !'(),-.:;?abcdefghijklmnopqrstuvwxyzæçðøħŋœɐɑɒɔɕəɚɛɜɡɪɫɬɹɾʁʃʊʌʒʔˈˌːˑθ̩̃"
    about = {
        "audio": {"sample_rate": RATE_HZ, "quality": "low"},
        "espeak": {"voice": language.replace("_", "-").lower()},
        "language": {"code": language},
        "inference": {"noise_scale": 0.0, "length_scale": 1.0, "noise_w": 0.0},
        "num_symbols": 256,
        "num_speakers": speakers,
        "speaker_id_map": {},
        "phoneme_type": "espeak",
        "phoneme_id_map": {symbol: [number] for number, symbol in enumerate(symbols)},
    }
    Path(f"{path}.json").write_text(json.dumps(about), encoding="utf-8")
    return path


def _model() -> bytes:
    step = 2 * 3.14159265 / RATE_HZ
    nodes = [
        _node("Cast", ["input"], ["ids"], [_attribute("to", _FLOAT)]),
        _node("Mul", ["ids", "seven"], ["spread"]),
        _node("Add", ["spread", "hundred"], ["hz"]),
        _node("Mul", ["hz", "step"], ["turn"]),
        _node("Reshape", ["turn", "column"], ["turns"]),
        _node("Gather", ["scales", "one"], ["scale"]),
        _node("Mul", ["scale", "samples"], ["length"]),
        _node("Range", ["zero", "length", "unit"], ["moments"]),
        _node("Reshape", ["moments", "row"], ["times"]),
        _node("Mul", ["turns", "times"], ["phase"]),
        _node("Sin", ["phase"], ["wave"]),
        _node("Mul", ["wave", "level"], ["quiet"]),
        _node("Reshape", ["quiet", "flat"], ["output"]),
    ]
    tensors = [
        _scalar("seven", 7.0),
        _scalar("hundred", 100.0),
        _scalar("step", step),
        _scalar("samples", RATE_HZ * 0.04),
        _scalar("zero", 0.0),
        _scalar("unit", 1.0),
        _scalar("level", 0.3),
        _tensor("one", (), _INT64, struct.pack("<q", 1)),
        _tensor("column", (2,), _INT64, struct.pack("<qq", -1, 1)),
        _tensor("row", (2,), _INT64, struct.pack("<qq", 1, -1)),
        _tensor("flat", (4,), _INT64, struct.pack("<qqqq", 1, 1, 1, -1)),
    ]
    inputs = [
        _value("input", _INT64, ("batch", "phonemes")),
        _value("input_lengths", _INT64, ("batch",)),
        _value("scales", _FLOAT, (3,)),
    ]
    graph = b"".join(_field(1, node) for node in nodes) + _field(2, b"tiny")
    graph += b"".join(_field(5, tensor) for tensor in tensors)
    graph += b"".join(_field(11, value) for value in inputs)
    graph += _field(12, _value("output", _FLOAT, ("batch", 1, "one", "time")))
    return _number(1, 8) + _field(7, graph) + _field(8, _field(1, b"") + _number(2, 15))


def _node(kind: str, inputs: list[str], outputs: list[str], attributes: list[bytes] | None = None) -> bytes:
    out = b"".join(_field(1, name.encode()) for name in inputs)
    out += b"".join(_field(2, name.encode()) for name in outputs)
    return out + _field(4, kind.encode()) + b"".join(_field(5, one) for one in attributes or [])


def _attribute(name: str, value: int) -> bytes:
    return _field(1, name.encode()) + _number(3, value) + _number(20, 2)


def _scalar(name: str, value: float) -> bytes:
    return _tensor(name, (), _FLOAT, struct.pack("<f", value))


def _tensor(name: str, shape: tuple[int, ...], kind: int, raw: bytes) -> bytes:
    return b"".join(_number(1, size) for size in shape) + _number(2, kind) + _field(8, name.encode()) + _field(9, raw)


def _value(name: str, kind: int, shape: tuple[int | str, ...]) -> bytes:
    dimensions = b"".join(
        _field(1, _number(1, size) if isinstance(size, int) else _field(2, size.encode())) for size in shape
    )
    return _field(1, name.encode()) + _field(2, _field(1, _number(1, kind) + _field(2, dimensions)))


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])
