"""The inside of a starter: imports one program with its libraries once and forks an application for every request.

To import a library takes seconds, a fork takes milliseconds, and each application still is a process of its own. Run
as a script: the module's name and the descriptor of a socket. A request is one byte with two descriptors, where the
calls come from and where the answers go; the answer is the process id and a newline. It ends when the socket is closed.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import socket
import sys
import time
import traceback
from types import ModuleType


def main(name: str, number: int) -> None:
    """Fork applications until nobody wants one more; returns in each of them, too, when its calls have ended."""
    sys.stdout = sys.stderr
    program = importlib.import_module(name)
    requests = socket.socket(fileno=number)
    gc.freeze()  # what is never looked at stays shared
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how an application ended
    while True:
        request, descriptors, _flags, _address = socket.recv_fds(requests, 1, 2)
        if not request:
            return
        pid = os.fork()
        if not pid:
            break
        for descriptor in descriptors:
            os.close(descriptor)
        requests.sendall(b"%d\n" % pid)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    requests.close()
    serve(program, *descriptors)


def serve(program: ModuleType, calls: int, answers: int) -> None:
    """Take the environment from the first line, then run one function of the program for each further line."""
    for descriptor in (calls, answers):
        os.set_inheritable(descriptor, False)
    # The answers stay open for the rest of our life: who asks sees by that when we have ended.
    answered = os.fdopen(answers, "w", encoding="utf-8", closefd=False)
    with os.fdopen(calls, encoding="utf-8") as lines:
        os.environ.clear()
        os.environ.update(json.loads(lines.readline()))
        time.tzset()
        for line in lines:
            name, arguments = json.loads(line)
            try:
                answer = {"answer": getattr(program, name)(*arguments)}
            except BaseException:  # whatever it is, the caller is told
                answer = {"error": traceback.format_exc()}
            print(json.dumps(answer), file=answered, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
