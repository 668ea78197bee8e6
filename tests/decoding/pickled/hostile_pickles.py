"""Pickles that attack their reader. Those of ATTACKS run a command when they are really loaded: {canary} is made."""

import struct

GLOBAL_OS = b"cos\nsystem\n"


def attacks(canary: str) -> dict[str, bytes]:
    """Each way of running `touch canary` that the opcodes offer."""
    command = f"touch {canary}".encode()
    text = b"X" + struct.pack("<I", len(command)) + command
    python = f"open({canary!r}, 'w')".encode()
    code = b"X" + struct.pack("<I", len(python)) + python
    short = lambda word: b"\x8c" + bytes([len(word)]) + word  # noqa: E731
    return {
        "reduce": b"\x80\x02" + GLOBAL_OS + text + b"\x85R.",
        "inst": b"(" + text + b"ios\nsystem\n.",
        "obj": b"(" + GLOBAL_OS + text + b"o.",
        "stack_global": b"\x80\x04" + short(b"os") + short(b"system") + b"\x93" + text + b"\x85R.",
        "eval": b"\x80\x02c__builtin__\neval\n" + code + b"\x85R.",
        "popped": b"\x80\x02" + GLOBAL_OS + text + b"\x85R0N.",
        "popped_with_mark": b"\x80\x02(" + GLOBAL_OS + text + b"\x85R1N.",
        "broken_after": b"\x80\x02" + GLOBAL_OS + text + b"\x85R\xff",
        "getattr_chain": (
            b"\x80\x04" + short(b"builtins") + short(b"getattr") + b"\x93"
            + short(b"builtins") + short(b"__import__") + b"\x93" + short(b"os") + b"\x85R"
            + short(b"system") + b"\x86R" + text + b"\x85R."
        ),
        "resolve_name": (
            b"\x80\x04" + short(b"pkgutil") + short(b"resolve_name") + b"\x93" + short(b"os:system") + b"\x85R"
            + text + b"\x85R."
        ),
        "dotted": b"\x80\x04" + short(b"os") + short(b"path.os.system") + b"\x93" + text + b"\x85R.",
        "memo_confusion": b"\x80\x02" + GLOBAL_OS + b"q\x00cmath\nsqrt\nq\x010h\x00" + text + b"\x85R.",
        "as_key": b"\x80\x02}" + GLOBAL_OS + text + b"\x85RNs.",
        "newobj": b"\x80\x02csubprocess\nPopen\n]" + text + b"a\x85R.",
    }  # fmt: skip


def bombs(depth: int = 1_000_000) -> dict[str, bytes]:
    """Pickles that want time or memory; `depth` is how deep they nest."""
    memo = b"".join(b"(" + (b"h" + bytes([level - 1])) * 10 + b"lq" + bytes([level]) for level in range(1, 60))
    return {
        "memo": b"\x80\x02]q\x00" + memo + b".",
        "tuple_hash": b"\x80\x02}N" + b"2\x86" * 40 + b"Ns.",
        "deep_list": b"\x80\x02" + b"]" * depth + b"a" * (depth - 1) + b".",
        "deep_tuple": b"\x80\x02N" + b"\x85" * depth + b".",
        "deep_key": b"\x80\x02}N" + b"\x85" * depth + b"Ns.",
        "reduce_chain": b"\x80\x02c__builtin__\nset\n" + b")R" * (depth // 3) + b".",
        "marks": b"(" * depth + b".",
        "same_hash": b"}(" + b"".join(b"L%dL\nN" % (number * (2**61 - 1)) for number in range(20_000)) + b"u.",
        "self_reference": b"\x80\x02]q\x00h\x00a.",
        "self_object": b"\x80\x02cdemo\nUser\n)\x81q\x00}X\x01\x00\x00\x00ah\x00sb.",
    }


def lies() -> dict[str, bytes]:
    """Pickles whose lengths, places and ends are wrong."""
    return {
        "binunicode8": b"\x80\x04\x8d" + struct.pack("<Q", 2**62) + b"abc",
        "binbytes8": b"\x80\x04\x8e" + b"\xff" * 8 + b"abc",
        "bytearray8": b"\x80\x05\x96" + struct.pack("<Q", 20_000_000_000) + b"abc",
        "frame": b"\x80\x04\x95" + struct.pack("<Q", 2**60) + b"N.",
        "long4": b"\x80\x02\x8b\xff\xff\xff\xff.",
        "binstring": b"T\xff\xff\xff\xff.",
        "stop_missing": b"\x80\x02]",
        "empty": b"",
        "underflow": b"\x80\x020.",
        "no_mark": b"\x80\x02e.",
        "append_to_mark": b"\x80\x02(Na.",
        "unknown_opcode": b"\x80\x02\xff.",
        "protocol_99": b"\x80\x63N.",
        "bad_utf8": b"\x80\x04\x8c\x02\xff\xfe.",
        "get_unfilled": b"\x80\x02h\x05.",
        "odd_setitems": b"\x80\x02}(Nu.",
        "append_to_int": b"\x80\x02K\x01Na.",
        "no_line": b"I123",
        "bad_int": b"Iabc\n.",
        "bad_float": b"Fabc\n.",
        "bad_string": b"Sabc\n.",
        "bad_escape": b"S'\\x'\n.",
        "bad_unicode_escape": b"V\\u12\n.",
        "global_of_numbers": b"\x80\x04K\x01K\x02\x93.",
        "put_negative": b"Np-1\n.",
        "obj_without_class": b"(o.",
    }


def harmless() -> dict[str, bytes]:
    """Strange, but whole."""
    return {
        "long_binput": b"\x80\x02Nr\xff\xff\xff\x7f.",
        "put": b"Np9999999999\n.",
        "long_of_a_million_digits": b"L" + b"9" * 1_000_000 + b"L\n.",
        "long4_of_5_mb": b"\x80\x02\x8b" + struct.pack("<i", 5_000_000) + b"\x01" * 5_000_000 + b".",
        "unhashable_key": b"\x80\x02}]Ns.",
        "persistent": b"Pid-1\n.",
        "extension": b"\x80\x02\x82\x01.",
        "buffer": b"\x80\x05\x97\x98.",
    }
