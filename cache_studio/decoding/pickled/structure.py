"""The opcodes that move, gather and combine what is on the stack. None of them makes the call it stands for."""

from collections.abc import Callable

from cache_studio.decoding.pickled.machine import Finished, Machine, PickleFault
from cache_studio.decoding.pickled.values import Collection, Foreign, Global, Instance

_LONGEST_NAME = 200


def _stop(machine: Machine) -> None:
    result = machine.pop()
    machine.stack, machine.marks, machine.fence = [result], [], 0
    raise Finished


def _proto(machine: Machine) -> None:
    machine.protocol = machine.number(1)
    if machine.protocol > 5:
        machine.oddity = machine.oddity or f"Protocol {machine.protocol} is not known (the highest is 5)."


def _frame(machine: Machine) -> None:
    at, length = machine.position - 1, machine.number(8)
    left = len(machine.data) - machine.position
    if length > left:
        machine.oddity = machine.oddity or (
            f"At byte {at:,}: opcode 95 (frame) wants {length:,} bytes, {left:,} are left."
        )


def _pop(machine: Machine) -> None:
    if machine.marks and machine.fence == len(machine.stack):
        machine.pop_mark()
    else:
        machine.pop()


def _dup(machine: Machine) -> None:
    machine.stack.append(machine.top())


def _mark(machine: Machine) -> None:
    machine.mark()


def _drop_to_mark(machine: Machine) -> None:
    machine.pop_mark()


def _put(machine: Machine) -> None:
    machine.memo[_index(machine.line())] = machine.top()


def _get(machine: Machine) -> None:
    _recall(machine, _index(machine.line()))


def _index(line: bytes) -> int:
    if not line.isdigit() or len(line) > 20:
        raise PickleFault("wants the number of a memo place")
    return int(line)


def _put_numbered(length: int) -> Callable[[Machine], None]:
    def put(machine: Machine) -> None:
        machine.memo[machine.number(length)] = machine.top()

    return put


def _get_numbered(length: int) -> Callable[[Machine], None]:
    def get(machine: Machine) -> None:
        _recall(machine, machine.number(length))

    return get


def _recall(machine: Machine, index: int) -> None:
    if index not in machine.memo:
        raise PickleFault(f"asks for memo place {index}, which was never filled")
    machine.stack.append(machine.memo[index])


def _memoize(machine: Machine) -> None:
    machine.memo[len(machine.memo)] = machine.top()


def _gather(kind: str) -> Callable[[Machine], None]:
    def gather(machine: Machine) -> None:
        items = machine.pop_mark()
        if kind == "dict" and len(items) % 2:
            raise PickleFault("finds a key without a value")
        machine.stack.append(Collection(kind, items))

    return gather


def _tuple_of(length: int) -> Callable[[Machine], None]:
    def gather(machine: Machine) -> None:
        if len(machine.stack) - machine.fence < length:
            raise PickleFault("finds too little on the stack")
        items = machine.stack[-length:]
        del machine.stack[-length:]
        machine.stack.append(Collection("tuple", items))

    return gather


def _append(machine: Machine) -> None:
    item = machine.pop()
    _add(machine.top(), [item], "list")


def _appends(machine: Machine) -> None:
    items = machine.pop_mark()
    _add(machine.top(), items, "list")


def _additems(machine: Machine) -> None:
    items = machine.pop_mark()
    _add(machine.top(), items, "set")


def _add(target: object, items: list[object], kind: str) -> None:
    if isinstance(target, Collection) and target.kind == kind:
        target.items.extend(items)
    elif isinstance(target, Instance):
        target.items = [] if target.items is None else target.items
        target.items.extend(items)
    else:
        raise PickleFault(f"wants to add to something that is no {kind}")


def _setitem(machine: Machine) -> None:
    value = machine.pop()
    key = machine.pop()
    _set(machine.top(), [key, value])


def _setitems(machine: Machine) -> None:
    items = machine.pop_mark()
    _set(machine.top(), items)


def _set(target: object, items: list[object]) -> None:
    if len(items) % 2:
        raise PickleFault("finds a key without a value")
    if isinstance(target, Collection) and target.kind == "dict":
        target.items.extend(items)
    elif isinstance(target, Instance):
        target.pairs = [] if target.pairs is None else target.pairs
        target.pairs.extend(items)
    else:
        raise PickleFault("wants to set keys of something that is no dict")


def _global(machine: Machine) -> None:
    module = machine.line().decode("utf-8", "surrogateescape")
    name = machine.line().decode("utf-8", "surrogateescape")
    machine.stack.append(_named(machine, module, name))


def _stack_global(machine: Machine) -> None:
    name, module = machine.pop(), machine.pop()
    if not isinstance(name, str) or not isinstance(module, str):
        raise PickleFault("wants a module and a name that are text")
    machine.stack.append(_named(machine, module, name))


def _named(machine: Machine, module: str, name: str) -> Global:
    found = Global(_bounded(module), _bounded(name))
    if len(machine.imports) < 1000:
        machine.imports[str(found)] = None
    return found


def _bounded(name: str) -> str:
    """A name as far as it is shown: what stands for it is written once a call, and a memo makes calls cheap."""
    return name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}... ({len(name):,} characters)"


def _made(machine: Machine, opcode: str, target: object, arguments: object, keywords: object = None) -> None:
    machine.note_call(target, opcode)
    machine.stack.append(Instance(opcode, target, arguments, keywords))


def _reduce(machine: Machine) -> None:
    arguments, target = machine.pop(), machine.pop()
    _made(machine, "REDUCE", target, arguments)


def _newobj(machine: Machine) -> None:
    arguments, target = machine.pop(), machine.pop()
    _made(machine, "NEWOBJ", target, arguments)


def _newobj_ex(machine: Machine) -> None:
    keywords, arguments, target = machine.pop(), machine.pop(), machine.pop()
    _made(machine, "NEWOBJ_EX", target, arguments, keywords)


def _inst(machine: Machine) -> None:
    module = machine.line().decode("utf-8", "surrogateescape")
    name = machine.line().decode("utf-8", "surrogateescape")
    items = machine.pop_mark()
    _made(machine, "INST", _named(machine, module, name), Collection("tuple", items))


def _obj(machine: Machine) -> None:
    items = machine.pop_mark()
    if not items:
        raise PickleFault("finds no class after the mark")
    _made(machine, "OBJ", items[0], Collection("tuple", items[1:]))


def _build(machine: Machine) -> None:
    state, target = machine.pop(), machine.top()
    if not isinstance(target, Instance):
        # A state for something that was not called: the owning application would change the thing itself.
        machine.note_call(target, "BUILD")
        target = machine.stack[-1] = Instance("BUILD", target, Collection("tuple", []))
    target.states = [] if target.states is None else target.states
    target.states.append(state)


def _persistent(machine: Machine) -> None:
    machine.stack.append(Foreign("persistent id", machine.pop()))


def _readonly_buffer(machine: Machine) -> None:
    machine.top()


STRUCTURE: dict[bytes, Callable[[Machine], None]] = {
    b".": _stop,
    b"\x80": _proto,
    b"\x95": _frame,
    b"0": _pop,
    b"1": _drop_to_mark,
    b"2": _dup,
    b"(": _mark,
    b"p": _put,
    b"q": _put_numbered(1),
    b"r": _put_numbered(4),
    b"g": _get,
    b"h": _get_numbered(1),
    b"j": _get_numbered(4),
    b"\x94": _memoize,
    b"l": _gather("list"),
    b"t": _gather("tuple"),
    b"d": _gather("dict"),
    b"\x91": _gather("frozenset"),
    b"\x85": _tuple_of(1),
    b"\x86": _tuple_of(2),
    b"\x87": _tuple_of(3),
    b"a": _append,
    b"e": _appends,
    b"\x90": _additems,
    b"s": _setitem,
    b"u": _setitems,
    b"c": _global,
    b"\x93": _stack_global,
    b"R": _reduce,
    b"\x81": _newobj,
    b"\x92": _newobj_ex,
    b"i": _inst,
    b"o": _obj,
    b"b": _build,
    b"Q": _persistent,
    b"\x98": _readonly_buffer,
}
"""What each opcode does, by its byte."""
