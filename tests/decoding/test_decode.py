"""Stored bytes of every known kind, whole, broken, cut and hostile."""

import array
import base64
import gzip
import json
import math
import pickle
import struct
import threading
import wave
import zlib
from collections.abc import Iterator
from io import BytesIO

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cache_studio.decoding import compressed
from cache_studio.decoding.decode import HINTS, decode, decode_isolated
from cache_studio.decoding.decoded import LONGEST_TEXT, Decoded
from cache_studio.decoding.hexes import hex_lines
from cache_studio.isolation import Limits, Worker
from cache_studio.isolation.wire import read_frame, write_frame
from cache_studio.model.errors import Cancelled


def png(width: int = 40, height: int = 20) -> bytes:
    """A picture's head, enough for a format and a size."""
    return (
        b"\x89PNG\r\n\x1a\n" + b"\x00\x00\x00\rIHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0) + bytes(20)
    )


def crossed(decoded: Decoded) -> Decoded:
    """The result after its way from the child."""
    wire = BytesIO()
    write_frame(wire, decoded.to_list())
    wire.seek(0)
    flat = read_frame(wire)
    assert isinstance(flat, list)
    return Decoded.from_list(flat)


def sound(bits: int = 16, channels: int = 2, seconds: float = 1.5, rate: int = 8000) -> bytes:
    target = BytesIO()
    with wave.open(target, "wb") as writer:
        writer.setnchannels(channels)
        writer.setsampwidth(bits // 8)
        writer.setframerate(rate)
        count = int(rate * seconds) * channels
        if bits == 16:
            samples = array.array("h", (int(16384 * math.sin(number / 50)) for number in range(count))).tobytes()
        else:
            samples = bytes(count * bits // 8)
        writer.writeframes(samples)
    return target.getvalue()


@pytest.mark.parametrize(
    ("data", "chain"),
    [
        (b'{"a": [1, 2.50]}', ("json",)),
        (b"42", ("json",)),
        (b"true story", ("text",)),
        (b"hello\nworld", ("text",)),
        ("grüße ключ".encode(), ("text",)),
        ("grüße".encode("latin-1"), ("text",)),
        ("\ufeffhi there".encode("utf-16"), ("text",)),
        (b"", ("text",)),
        (b"\x00\x01\x02\xfe\xff\x07\x90", ()),
        (pickle.dumps({"a": 1}), ("pickle",)),
        (pickle.dumps({"a": 1}, 0), ("pickle",)),
        (pickle.dumps([1, "x"], 1), ("pickle",)),
        (b"Nobody.", ("text",)),
        (b"(parenthesis).", ("text",)),
        (zlib.compress(b'{"a": 1}'), ("zlib", "json")),
        (gzip.compress(pickle.dumps([1]), mtime=0), ("gzip", "pickle")),
        (gzip.compress(b"a text, ", mtime=0) + gzip.compress(b"and its rest", mtime=0), ("gzip", "text")),
        (zlib.compress(zlib.compress(b"twice packed")), ("zlib", "zlib", "text")),
        (msgpack.packb({"a": [1, None]}), ("msgpack",)),
        (base64.b64encode(png()), ("base64", "png")),
        (b"data:image/png;base64," + base64.b64encode(png()), ("base64", "png")),
        (base64.urlsafe_b64encode(zlib.compress(b"\xfb\xff some text " * 3)), ("base64", "zlib", "text")),
        (base64.b64encode(b'{"a": "json inside"}'), ("base64", "json")),
        (b"abcdefghijklmnopqrstuvwxyzabcdef", ("text",)),
        (b"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", ("text",)),
        (png(), ("png",)),
        (b"GIF89a" + struct.pack("<HH", 40, 20) + bytes(20), ("gif",)),
        (sound(), ("wav",)),
    ],
)
def test_kinds_are_found_by_looking(data: bytes, chain: tuple[str, ...]) -> None:
    decoded = decode(data)
    assert (decoded.chain, decoded.problem, decoded.trailing) == (chain, "", 0)


@pytest.mark.parametrize("hint", HINTS)
@given(
    data=st.binary(max_size=100)
    | st.sampled_from([png(), sound(), zlib.compress(b"1"), b'{"a":', b"\xdf\xff\xff\xff\xff"])
)
@settings(max_examples=40, deadline=None)
def test_no_bytes_make_it_raise_and_every_result_crosses(hint: str, data: bytes) -> None:
    decoded = decode(data, hint)
    assert crossed(decoded) == decoded


# JSON


def test_json_keeps_what_was_written() -> None:
    decoded = decode(b'{"n": 123456789012345678901234567890, "f": 1.50, "e": 1E5, "z": -0}')
    assert decoded.tree is not None
    assert [child.text for child in decoded.tree.children] == ["123456789012345678901234567890", "1.50", "1E5", "-0"]
    assert decoded.text == '{\n  "n": 123456789012345678901234567890,\n  "f": 1.50,\n  "e": 1E5,\n  "z": -0\n}'


@pytest.mark.parametrize(
    ("data", "warning"),
    [
        (b'{"a": 1, "a": 2}', "Double key a (x2)."),
        (b'{"a": NaN}', "NaN is no JSON."),
        (b"[Infinity, -Infinity]", "Infinity is no JSON."),
        (b'\xef\xbb\xbf{"a": 1}', "BOM: a byte order mark stands before the text."),
        ('{"a": 1}'.encode("utf-16"), "BOM: a byte order mark stands before the text."),
        ('{"a": 1}'.encode("utf-16-le"), "The text is UTF-16-LE."),
    ],
)
def test_json_oddities_are_told(data: bytes, warning: str) -> None:
    decoded = decode(data)
    assert warning in decoded.warnings
    assert decoded.chain == ("json",)
    assert decoded.tree is not None
    assert decoded.problem == ""


def test_a_double_key_is_shown_twice() -> None:
    decoded = decode(b'{"a": 1, "a": 2}')
    assert decoded.tree is not None
    assert [(child.key, child.text) for child in decoded.tree.children] == [("a", "1"), ("a", "2")]


def test_json_of_5000_digits_and_lone_surrogates() -> None:
    decoded = decode(b'["' + rb"\ud800" + b'", ' + b"9" * 5000 + b"]")
    assert decoded.tree is not None
    assert [child.text for child in decoded.tree.children] == ["\ud800", "9" * 5000]
    assert crossed(decoded) == decoded


@pytest.mark.parametrize(
    ("data", "offset"),
    [
        (b'{"a": [1, 2', 11),
        ('{"ключ": !}'.encode(), 13),
        ('\ufeff{"ключ": !}'.encode(), 16),
        ('{"a": !}'.encode("utf-16-le"), 12),
        ("\ufeff".encode("utf-16-le") + '{"a": !}'.encode("utf-16-le"), 14),
    ],
)
def test_broken_json_is_text_with_the_byte_of_the_fault(data: bytes, offset: int) -> None:
    decoded = decode(data)
    assert decoded.chain == ("json",)
    assert decoded.problem.startswith(f"At byte {offset}: ")
    assert decoded.tree is None
    assert decoded.text


def test_json_100_000_deep() -> None:
    decoded = decode(b"[" * 100_000 + b"]" * 100_000)
    assert "deeply" in decoded.problem
    assert decoded.text is not None
    assert decoded.text.startswith("[[[")


def test_json_900_deep_is_cut_in_the_tree() -> None:
    decoded = decode(b"[" * 900 + b"]" * 900)
    assert decoded.tree is not None
    assert [node.kind for node in decoded.tree.walk()][-1] == "more"


def test_json_with_something_behind_it() -> None:
    decoded = decode('{"ä": 1} rest'.encode())
    assert decoded.tree is not None
    assert decoded.trailing == 4


def test_a_head_of_json_is_not_called_broken() -> None:
    decoded = decode(b'{"a": [1, 2', total=500)
    assert decoded.problem == "Only the first 11 of 500 bytes were read; shown as text."


def test_text_is_cut_and_says_so() -> None:
    decoded = decode(b"x " * 1_000_000)
    assert decoded.text is not None
    assert (len(decoded.text), decoded.text_length) == (LONGEST_TEXT, 2_000_000)
    wide = decode(json.dumps(list(range(300_000))).encode())
    assert wide.text is not None
    assert len(wide.text) == LONGEST_TEXT < wide.text_length
    assert wide.tree is not None
    assert wide.tree.count == 300_000
    assert wide.tree.children[-1].text == "299,000 more"


def test_control_and_bidi_characters_are_left_for_the_viewer() -> None:
    assert decode("a\u202eb\x1bc".encode()).text == "a\u202eb\x1bc"


# layers


def test_a_zlib_bomb_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compressed, "MOST_COUNTED", 30_000_000)
    bomb = zlib.compress(bytes(60_000_000), 1)
    decoded = decode(bomb)
    assert decoded.chain == ("zlib",)
    assert len(decoded.warnings) == 1
    assert decoded.warnings[0].startswith("zlib: the first 16,000,000 of at least ")


def test_what_stands_behind_packed_data_is_counted() -> None:
    decoded = decode(zlib.compress(b"text " * 50_000) + b"rest" * 50_000)
    assert (decoded.chain, decoded.trailing) == (("zlib", "text"), 200_000)


def test_nested_layers_are_bounded() -> None:
    data = b"end"
    for _ in range(20):
        data = zlib.compress(data)
    decoded = decode(data)
    assert decoded.chain == ("zlib",) * 8
    assert "layers" in decoded.problem


def test_cut_zlib_shows_its_beginning() -> None:
    packed = zlib.compress(b"some words " + bytes(range(32, 127)) * 50)
    broken = decode(packed[:-10])
    assert broken.chain[0] == "zlib"
    assert broken.text is not None
    assert broken.text.startswith("some words")
    assert broken.problem == f"At byte {len(packed) - 10}: the zlib data ends too early."
    head = decode(packed[:-10], total=len(packed))
    assert head.problem == f"Only the first {len(packed) - 10} of {len(packed)} bytes were read."


def test_damaged_gzip_says_where() -> None:
    packed = bytearray(gzip.compress(b"text " * 100, mtime=0))
    packed[-6] ^= 0xFF
    assert decode(bytes(packed)).problem.startswith("Near byte ")


def test_an_expiry_and_a_packed_value_are_two_parts() -> None:
    decoded = decode(pickle.dumps(1795200000.5) + zlib.compress(pickle.dumps({"a": 1})))
    assert decoded.chain == ("pickle", "zlib", "pickle")
    assert decoded.tree is not None
    assert [(part.key, part.kind) for part in decoded.tree.children] == [("part 1", "number"), ("part 2", "object")]


def test_a_pickle_that_would_run_a_command() -> None:
    decoded = decode(zlib.compress(b"\x80\x02cos\nsystem\nX\x04\x00\x00\x00echo\x85R."))
    assert decoded.chain == ("zlib", "pickle")
    assert decoded.calls == ("os.system",)
    assert decoded.warnings == ("The owning application would call os.system; it was not called here.",)
    assert decoded.tree is not None
    assert decoded.tree.text == "call, NOT made: os.system"


def test_trailing_bytes_after_a_pickle() -> None:
    assert decode(pickle.dumps([1]) + b"abc").trailing == 3


# msgpack


@pytest.mark.parametrize(
    "data",
    [
        b"\xdd\xff\xff\xff\xff",
        b"\xdf\xff\xff\xff\xff\x01",
        b"\xc6\xff\xff\xff\xff",
        b"\x91" * 200_000,
        b"\x81\xa1",
        b"\xc1",
        b"\x81\x81\x01\x02\x03",
    ],
)
def test_hostile_msgpack_ends_in_a_reason(data: bytes) -> None:
    decoded = decode(data, "msgpack")
    assert decoded.chain == ("msgpack",)
    assert decoded.problem or decoded.tree is not None
    assert "\n" not in decoded.problem


def test_msgpack_keeps_double_keys_and_extensions() -> None:
    data = b"\x83\xa1a\x01\xa1a\x02\xa1x" + msgpack.packb(msgpack.ExtType(5, b"\x01"))
    decoded = decode(data, "msgpack")
    assert decoded.warnings == ("Double key a (x2).",)
    assert decoded.tree is not None
    assert [child.text for child in decoded.tree.children] == ["1", "2", "01"]
    assert decoded.tree.children[2].note == "extension type 5, 1 bytes"


# pictures and sounds


def test_a_picture_is_handed_over_to_be_drawn() -> None:
    image = decode(png()).image
    assert image is not None
    assert (image.format, image.width, image.height, image.data) == ("png", 40, 20, png())


def test_a_picture_bomb_is_not_drawn() -> None:
    image = decode(png(60_000, 60_000)).image
    assert image is not None
    assert (image.width, image.data) == (60_000, None)
    assert "too big" in image.note


def test_a_cut_picture_is_not_drawn() -> None:
    image = decode(png(), total=5000).image
    assert image is not None
    assert image.data is None


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (b"BM" + bytes(12) + struct.pack("<Iii", 40, 40, -20) + bytes(10), (40, 20)),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 " + bytes(10) + struct.pack("<HH", 40, 20), (40, 20)),
        (b"RIFF\x00\x00\x00\x00WEBPVP8L" + bytes(4) + b"\x2f" + struct.pack("<I", 39 | 19 << 14), (40, 20)),
        (b"RIFF\x00\x00\x00\x00WEBPVP8X" + bytes(8) + b"\x27\x00\x00\x13\x00\x00", (40, 20)),
        (
            b"\xff\xd8\xff\xe0\x00\x10"
            + bytes(14)
            + b"\xff\xff\xc0\x00\x11\x08"
            + struct.pack(">HH", 20, 40)
            + bytes(9),
            (40, 20),
        ),
    ],
)
def test_sizes_of_pictures(data: bytes, size: tuple[int, int]) -> None:
    image = decode(data).image
    assert image is not None
    assert (image.width, image.height) == size


@pytest.mark.parametrize(
    "head", [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"\xff\xd8\xff\xe0\xff\xff", b"GIF89a", png(0, 5)]
)
def test_a_broken_picture_header(head: bytes) -> None:
    assert "header" in decode(head).problem


@pytest.mark.parametrize("bits", [8, 16, 24, 32])
def test_facts_and_waveform_of_a_wav(bits: int) -> None:
    audio = decode(sound(bits)).audio
    assert audio is not None
    assert (audio.channels, audio.rate, audio.bits, audio.seconds) == (2, 8000, bits, 1.5)
    assert len(audio.waveform) == 600
    assert all(-1 <= low <= high <= 1 for low, high in audio.waveform)
    if bits == 16:
        assert max(high for _, high in audio.waveform) == pytest.approx(0.5, abs=0.01)


def test_a_short_and_a_broken_wav() -> None:
    short = decode(sound()[:-1000])
    assert short.audio is not None
    assert short.problem.endswith("the sound ends 1,000 bytes too early.")
    head = decode(sound()[:1000], total=len(sound()))
    assert head.audio is not None
    assert (head.audio.seconds, head.problem) == (1.5, "")
    assert "header" in decode(sound()[:20]).problem


# the child


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker()
    yield worker
    worker.close()


def test_the_child_gives_the_same(worker: Worker) -> None:
    for data in (pickle.dumps({"a": "\udcff"}), sound(), png(), b'["\\ud800"]', zlib.compress(b"text")):
        assert decode_isolated(worker, data) == decode(data)


def test_a_decoder_that_takes_too_long_is_stopped(worker: Worker) -> None:
    bomb = zlib.compress(bytes(100_000_000), 1)
    decode_isolated(worker, b"warm")
    decoded = decode_isolated(worker, bomb, limits=Limits(seconds=0.02))
    assert decoded.problem.startswith("The decoder was stopped.")
    assert decode_isolated(worker, b"42").chain == ("json",)


def test_a_decoder_that_takes_too_much_memory_is_stopped(worker: Worker) -> None:
    big = json.dumps([[number] for number in range(200_000)]).encode()
    decoded = decode_isolated(worker, big, limits=Limits(memory=30_000_000))
    assert decoded.problem.startswith("The decoder was stopped. Stopped: it took more memory")
    assert decode_isolated(worker, b"42").chain == ("json",)


def test_stop_ends_the_decoder(worker: Worker) -> None:
    stop = threading.Event()
    threading.Timer(0.05, stop.set).start()
    deep = b"\x80\x02N" + b"\x85" * 5_000_000 + b"."
    with pytest.raises(Cancelled):
        decode_isolated(worker, deep, stop=stop)


def test_hex_lines() -> None:
    lines = hex_lines(b"Hello, hostile \x1b\xff" + b"z", 0x10)
    assert lines == [
        "00000010  48 65 6c 6c 6f 2c 20 68  6f 73 74 69 6c 65 20 1b  |Hello, hostile .|",
        "00000020  ff 7a                                             |.z|",
    ]
