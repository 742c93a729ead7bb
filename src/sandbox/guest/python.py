"""Runs inside the sandbox, one process for one program: lays the program's files into the working directory, then answers one call after
the other on descriptor 3 (the frames of ../frames.ts). The supervisor trusts nothing of what comes from here: whatever a user's code does
to this process, it has only itself to harm.

What is imported at the top is paid by every start: the rest is imported where it is needed."""

import binascii
import io
import json
import os
import sys
import time
from _struct import Struct
from _thread import RLock

INIT, CALL, REPLY, UP, RESULT, LOG, ASK = 1, 2, 3, 16, 17, 18, 19
JSON_RESULT, RESPONSE, THREW, TOO_LARGE = 0, 1, 2, 3
STREAMS = {"stdout": 1, "stderr": 2, "log": 3}
LEVELS = {"debug": 0, "info": 1, "warn": 2, "error": 3}
LOG_PIECE = 32_768
MAX_ERROR_TEXT = 4_000
MAX_STACK = 12_000

CHANNEL = 3
HEADER = Struct("<IBI")
U32 = Struct("<I")
HOME = os.getcwd()
SCRATCH = os.environ.get("HOME", HOME)
RUNNER = __file__

os.set_inheritable(CHANNEL, False)
_write_lock = RLock()
_ask_lock = RLock()
_program = None
_module = None
_live = None  # the Call under way


class Call:
    def __init__(self, id, timeout_seconds, limit):
        self.id = id
        self.deadline = time.monotonic() + timeout_seconds
        self.notice = min(1.0, timeout_seconds / 10)
        self.limit = limit


def send(type, call, *parts):
    frame = b"".join((HEADER.pack(sum(map(len, parts)), type, call), *parts))
    with _write_lock:
        written = os.write(CHANNEL, frame)
        while written < len(frame):
            written += os.write(CHANNEL, memoryview(frame)[written:])


def log(stream, level, data):
    live = _live
    head = bytes((STREAMS[stream], level))
    for at in range(0, len(data), LOG_PIECE):
        send(LOG, live.id if live else 0, head, data[at : at + LOG_PIECE])


class Print(io.RawIOBase):
    """What is printed travels in order with everything else; descriptors 1 and 2 are for what writes to them directly."""

    def __init__(self, name, fd):
        self.name = name
        self.fd = fd

    def writable(self):
        return True

    def fileno(self):
        return self.fd

    def write(self, data):
        data = bytes(data)
        log(self.name, 1, data)
        return len(data)


def printer(name, fd):
    return io.TextIOWrapper(io.BufferedWriter(Print(name, fd)), "utf-8", "backslashreplace", line_buffering=True)


sys.stdout = sys.__stdout__ = printer("stdout", 1)
sys.stderr = sys.__stderr__ = printer("stderr", 2)

_incoming = bytearray()


def receive():
    """The next frame: its type, call and body."""
    while True:
        if len(_incoming) >= HEADER.size:
            length, type, call = HEADER.unpack_from(_incoming)
            end = HEADER.size + length
            if len(_incoming) >= end:
                body = bytes(_incoming[HEADER.size : end])
                del _incoming[:end]
                return type, call, body
        data = os.read(CHANNEL, 65_536)
        if not data:
            os._exit(0)
        _incoming.extend(data)


class RetryLater(Exception):
    def __init__(self, message, seconds):
        super().__init__(message)
        self.retry_after_seconds = seconds


class NeverRetry(Exception):
    never_retry = True


class HostError(Exception):
    """What the host refused: `code` and `status` are those of the API's errors."""

    def __init__(self, fields):
        super().__init__(fields.get("message", ""))
        self.__dict__.update(fields)


class Response:
    """An HTTP answer."""

    def __init__(self, body=None, status=200, headers=None):
        if body is None:
            self.body, type = b"", None
        elif isinstance(body, (bytes, bytearray, memoryview)):
            self.body, type = bytes(body), "application/octet-stream"
        elif isinstance(body, str):
            self.body, type = body.encode("utf-8", "replace"), "text/plain; charset=utf-8"
        else:
            self.body, type = to_json(body), "application/json"
        self.status = status
        self.headers = [
            [name.lower(), str(each)]
            for name, value in (headers or {}).items()
            for each in (value if isinstance(value, (list, tuple)) else [value])
        ]
        if type and not any(name == "content-type" for name, _ in self.headers):
            self.headers.append(["content-type", type])


class Log:
    def __init__(self, call):
        self._call = call

    def _say(self, level, values):
        if _live is self._call:
            text = " ".join(value if isinstance(value, str) else inspect(value) for value in values)
            log("log", LEVELS[level], (text + "\n").encode("utf-8", "replace"))

    def __call__(self, *values):
        self._say("info", values)

    def debug(self, *values):
        self._say("debug", values)

    def info(self, *values):
        self._say("info", values)

    def warn(self, *values):
        self._say("warn", values)

    warning = warn

    def error(self, *values):
        self._say("error", values)


def inspect(value):
    try:
        return json.dumps(value)
    except Exception:
        return repr(value)


class Verb:
    def __init__(self, call, name):
        self._call = call
        self._name = name

    def __call__(self, input=None, **fields):
        return ask(self._call, "operation", {"operation": self._name, "input": {**(input or {}), **fields}})


class Noun:
    def __init__(self, call, name):
        self._call = call
        self._name = name

    def __getattr__(self, verb):
        if verb.startswith("__"):
            raise AttributeError(verb)
        return Verb(self._call, f"{self._name}.{verb}")


class Zerodb:
    """`zerodb.noun.verb(field=…)` asks the host for the operation `noun.verb`."""

    def __init__(self, call):
        self._call = call

    def __getattr__(self, noun):
        if noun.startswith("__"):
            raise AttributeError(noun)
        return Noun(self._call, noun)


class Context:
    def __init__(self, call, context):
        self.__dict__.update(context)
        self._call = call
        self.env = _program["env"]
        self.log = Log(call)
        self.zerodb = Zerodb(call)

    def time_left(self):
        """Seconds until the call is ended."""
        return max(0.0, self._call.deadline - time.monotonic())

    @property
    def cancelled(self):
        """True shortly before that."""
        return self.time_left() <= self._call.notice

    def row(self):
        """The row that the event is about, as filters see it; None when it is gone, or the event is about none."""
        return ask(self._call, "row", {})["row"]

    def once(self, key, work):
        """What `work` returned when it was first done under this key, in whichever attempt. Awaitable when `work` is a coroutine function."""
        known = ask(self._call, "once.get", {"key": key})
        flags = getattr(getattr(work, "__code__", None), "co_flags", 0)
        if flags & 0x80:  # a coroutine function
            return self._once_later(known, key, work)
        if known["done"]:
            return known["value"]
        value = work()
        ask(self._call, "once.put", {"key": key, "value": value})
        return value

    async def _once_later(self, known, key, work):
        if known["done"]:
            return known["value"]
        value = await work()
        ask(self._call, "once.put", {"key": key, "value": value})
        return value

    def progress(self, progress, total=None, message=None):
        """Tells who waits for the call how far it is; `progress` must grow."""
        ask(self._call, "progress", {"progress": progress, "total": total, "message": message})

    def response(self, body=None, status=200, headers=None):
        return Response(body, status, headers)

    def retry_later(self, seconds, message="The function asks to be tried again later"):
        raise RetryLater(message, seconds)

    def never_retry(self, message="The function asks not to be tried again"):
        raise NeverRetry(message)


_last_ask = 0


def ask(call, name, body):
    """Asks the host; what it refuses is raised as HostError. One question at a time."""
    global _last_ask
    data = to_json(body)
    with _ask_lock:
        if _live is not call:
            raise RuntimeError(f"The call has ended: {name} comes too late")
        _last_ask += 1
        encoded = name.encode()
        send(ASK, call.id, U32.pack(_last_ask), bytes((len(encoded),)), encoded, data)
        while True:
            type, _, answer = receive()
            if type == REPLY and U32.unpack_from(answer)[0] == _last_ask:
                break
    value = json.loads(answer[5:], object_hook=decoded)
    if answer[4] == 1:
        return value
    raise HostError(value)


def decoded(value):
    """Bytes travel as {"$bytes": base64}."""
    return binascii.a2b_base64(value["$bytes"]) if isinstance(value.get("$bytes"), str) else value


_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def to_json(value):
    text = _encode(value)
    try:
        return text.encode()
    except UnicodeEncodeError:
        # Half of a surrogate pair is no UTF-8, and can only be escaped.
        return json.dumps(value, allow_nan=False).encode()


def is_surely_longer(value, limit):
    """Whether the value is longer than `limit` as JSON, told without making that JSON: true only when it surely is."""
    left = limit
    todo = [value]
    while todo and left >= 0:
        each = todo.pop()
        if isinstance(each, str):
            left -= len(each)
        elif isinstance(each, (list, tuple)):
            left -= len(each)
            if left >= 0:
                todo.extend(each)
        elif isinstance(each, dict):
            left -= 3 * len(each)
            if left >= 0:
                todo.extend(each.values())
                todo.extend(key for key in each if isinstance(key, str))
        else:
            left -= 1
    return left < 0


def result_of(value, limit):
    """A value as the parts of its result frame."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        value = Response(value)
    if isinstance(value, Response):
        if len(value.body) > limit:
            return TOO_LARGE, str(len(value.body)).encode()
        head = to_json({"status": value.status, "headers": value.headers})
        return RESPONSE, U32.pack(len(head)), head, value.body
    if is_surely_longer(value, limit):
        return TOO_LARGE, b""
    try:
        body = to_json(value)
    except (TypeError, ValueError) as error:
        raise TypeError(f"The result cannot be sent as JSON: {error}") from None
    if len(body) > limit:
        return TOO_LARGE, str(len(body)).encode()
    return JSON_RESULT, body


def describe(error):
    described = {"name": type(error).__name__[:200], "message": str(error)[:MAX_ERROR_TEXT]}
    after = getattr(error, "retry_after_seconds", None)
    # NaN and the infinities have no JSON form: they would replace the error by one of the encoder.
    if isinstance(after, (int, float)) and abs(after) < float("inf"):
        described["retry_after_seconds"] = after
    if getattr(error, "never_retry", False) is True:
        described["never_retry"] = True
    if isinstance(error, MemoryError):
        described["message"] = described["message"] or "Out of memory"
        return described
    try:
        import traceback

        frames = error.__traceback__
        while frames and frames.tb_frame.f_code.co_filename in (RUNNER, "<frozen runpy>"):
            frames = frames.tb_next
        lines = traceback.format_exception(type(error), error, frames)
        described["stack"] = "".join(lines)[:MAX_STACK].replace(HOME + "/", "")
    except Exception:
        pass  # without a stack, then
    return described


def lay_files(files):
    for name, data in files:
        target = os.path.join(HOME, name)
        if "/" in name:
            os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "wb") as file:
            file.write(data)


def init(body):
    global _program
    length = U32.unpack_from(body)[0]
    _program = json.loads(body[4 : 4 + length])
    at = 4 + length
    files = []
    for name, size in _program["files"]:
        files.append((name, body[at : at + size]))
        at += size
    os.environ.clear()
    os.environ.update(_program["env"])
    if "TZ" in _program["env"]:
        time.tzset()
    lay_files(files)
    sys.path.insert(0, HOME)
    sys.argv = [_program["entry"]]


def load(name):
    """The entry as a module, executed once."""
    global _module
    if _module is None:
        entry = _program["entry"]
        path = os.path.join(HOME, entry)
        with open(path, "rb") as file:
            code = compile(file.read(), path, "exec")
        module = type(sys)(name)
        module.__file__ = path
        sys.modules[name] = module
        try:
            exec(code, module.__dict__)
        except BaseException:
            del sys.modules[name]
            raise
        _module = module
    return _module


def run(call, mode, input):
    if mode == "script":
        return run_script(input)
    module = load(module_name())
    handler = getattr(module, "handler", None)
    if not callable(handler):
        raise TypeError(f"{_program['entry']} has no handler: it must have a function handler(event, ctx)")
    if mode == "config":
        return getattr(module, "config", None)
    value = handler(with_bytes(input.get("event")), Context(call, input.get("context") or {}))
    if hasattr(value, "__await__"):
        import asyncio

        async def wait():
            return await value

        return asyncio.run(wait())
    return value


def module_name():
    return os.path.splitext(os.path.basename(_program["entry"]))[0]


def run_script(input):
    """The entry as a program of its own, which has ended when its threads have."""
    path = os.path.join(SCRATCH, ".stdin")
    with open(path, "wb") as file:
        file.write((input.get("stdin") or "").encode("utf-8", "surrogatepass"))
    stdin = os.open(path, os.O_RDONLY)
    os.dup2(stdin, 0)
    os.close(stdin)
    sys.stdin = open(0, encoding="utf-8", errors="surrogateescape", closefd=False)
    try:
        module = load("__main__")
        result = getattr(module, "result", None)
    except SystemExit as error:
        if error.code not in (None, 0):
            raise
        result = None
    if "threading" in sys.modules:
        threading = sys.modules["threading"]
        for thread in threading.enumerate():
            if not thread.daemon and thread is not threading.main_thread():
                thread.join()
    return result


def with_bytes(event):
    try:
        encoded = event["data"]["body"]["$bytes"]
    except (TypeError, KeyError):
        return event
    from binascii import a2b_base64

    event["data"]["body"] = a2b_base64(encoded)
    return event


def begin(id, body):
    global _live
    asked = json.loads(body)
    call = _live = Call(id, asked["timeout_ms"] / 1000, asked["limit"])
    try:
        kind, *parts = result_of(run(call, asked["mode"], asked["input"]), call.limit)
    except BaseException as error:
        kind, parts = THREW, [json.dumps(describe(error)).encode()]
        del error
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except Exception:
        pass  # closed by the program: what it held is its loss
    _live = None
    send(RESULT, id, bytes((kind, 0)), *parts)


def main():
    send(UP, 0, sys.version.split()[0].encode())
    while True:
        type, id, body = receive()
        if type == CALL:
            begin(id, body)
        elif type == INIT:
            init(body)


main()
