"""Runs inside the sandbox, one process per program. Writes the program's files to the working directory, then serves calls sequentially on
descriptor 3 (frames of ../frames.ts). The supervisor trusts no output of this process, so user code that manipulates it harms only itself.

Imports at the top slow down every start, so modules that are not always needed are imported where they are used."""

import binascii
import io
import json
import os
import re
import sys
import time
from _collections_abc import Mapping, Sequence, Set, ValuesView
from _struct import Struct
from _thread import RLock, _count as threads_running

INIT, CALL, REPLY, UP, RESULT, LOG, ASK, QUIET = 1, 2, 3, 16, 17, 18, 19, 20
REUSABLE, WORK_LEFT = 0, 2
WATCH_SECONDS = 0.005
ALIVE_AFTER = 4
JSON_RESULT, RESPONSE, THREW, TOO_LARGE = 0, 1, 2, 3
STREAMS = {"stdout": 1, "stderr": 2, "log": 3}
LEVELS = {"debug": 0, "info": 1, "warn": 2, "error": 3}
LOG_PIECE = 32_768
MAX_ERROR_TEXT = 4_000
MAX_STACK = 12_000
# Maximum number of errors that are shown of a chain of causes.
MAX_CAUSES = 10
# The server rejects deeper JSON.
MAX_DEPTH = 500
# Limit of the check before encoding a value whose JSON has no other limit.
MAX_SURVEYED = 16 * 1024 * 1024
# Maximum number of steps that are shown of a path.
MAX_STEPS = 20
# Maximum size of one write that is sent. The server stores less of a stream.
MAX_WRITE_BYTES = 2 * LOG_PIECE
# Maximum size of one piece of a streamed body, and of one streamed item as JSON.
MAX_PIECE_BYTES = 256 * 1024
MAX_ITEM_BYTES = 1024 * 1024

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
_live = None  # the running Call
_last = None  # the previous Call
_has_failed = False  # whether a thread has failed after the result of its call


class Call:
    def __init__(self, id, timeout_seconds, limit):
        self.id = id
        self.deadline = time.monotonic() + timeout_seconds
        self.notice = min(1.0, timeout_seconds / 10)
        self.limit = limit
        self.threads = None  # number of threads before the handler was called


def send(type, call, *parts):
    frame = b"".join((HEADER.pack(sum(map(len, parts)), type, call), *parts))
    with _write_lock:
        written = os.write(CHANNEL, frame)
        while written < len(frame):
            written += os.write(CHANNEL, memoryview(frame)[written:])


def log(stream, level, data, call=None):
    call = call or _live or _last
    head = bytes((STREAMS[stream], level))
    if len(data) > MAX_WRITE_BYTES:
        data = cut_write(stream, data)
    for at in range(0, len(data), LOG_PIECE):
        send(LOG, call.id if call else 0, head, data[at : at + LOG_PIECE])


def cut_write(stream, data):
    """Cuts a huge write, which would otherwise end the call, and adds a note."""
    # The server itself cuts stdout and stderr with a note, but not the single message of `ctx.log`.
    if stream != "log":
        return data[:MAX_WRITE_BYTES]
    note = b"\n[cut here: %d bytes]\n" % len(data)
    end = LOG_PIECE - len(note)
    while data[end] & 0xC0 == 0x80:
        end -= 1
    return data[:end] + note


class Print(io.RawIOBase):
    """Sends printed text over the channel, in order with other frames. Only direct writes reach descriptors 1 and 2."""

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
    """Returns type, call and body of the next frame."""
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
    """An error of the host, with the `code` and `status` of the API's errors."""

    def __init__(self, fields):
        super().__init__(fields.get("message", ""))
        self.__dict__.update(fields)


class Response:
    """An HTTP response."""

    def __init__(self, body=None, status=200, headers=None):
        self.items = body if is_items(body) else None
        if body is None or self.items is not None:
            self.body, type = b"", None
        elif isinstance(body, (bytes, bytearray, memoryview)):
            self.body, type = bytes(body), "application/octet-stream"
        elif isinstance(body, str):
            self.body, type = body.encode("utf-8", "replace"), "text/plain; charset=utf-8"
        else:
            self.body, type = to_json(body, "body"), "application/json"
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

    def _write(self, level, values):
        text = " ".join(value if isinstance(value, str) else inspect(value) for value in values)
        log("log", LEVELS[level], (text + "\n").encode("utf-8", "replace"), self._call)

    def __call__(self, *values):
        self._write("info", values)

    def debug(self, *values):
        self._write("debug", values)

    def info(self, *values):
        self._write("info", values)

    def warn(self, *values):
        self._write("warn", values)

    warning = warn

    def error(self, *values):
        self._write("error", values)


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
    """`zerodb.noun.verb(field=…)` calls the operation `noun.verb` of the host."""

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
        """Returns the seconds until the call times out."""
        return max(0.0, self._call.deadline - time.monotonic())

    @property
    def cancelled(self):
        """True shortly before the call times out."""
        return self.time_left() <= self._call.notice

    def row(self):
        """Returns the row of the event as it is now. None if the row is deleted or the event has no row."""
        return ask(self._call, "row", {})["row"]

    def previous(self):
        """Returns the row before the event updated, replaced or deleted it. None for other events."""
        return ask(self._call, "previous", {})["row"]

    def once(self, key, work):
        """Executes `work` once per key over all attempts of a run. Returns the stored result if an earlier attempt has executed it. Returns an
        awaitable if `work` is a coroutine function."""
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
        """Reports progress to the client that waits for the call. `progress` must increase."""
        ask(self._call, "progress", {"progress": progress, "total": total, "message": message})

    def response(self, body=None, status=200, headers=None):
        return Response(body, status, headers)

    def retry_later(self, seconds, message="The function requested a later retry"):
        raise RetryLater(message, seconds)

    def never_retry(self, message="The function requested not to be retried"):
        raise NeverRetry(message)


_last_ask = 0


def ask(call, name, body):
    """Sends a request to the host, one at a time. Raises HostError for errors of the host."""
    global _last_ask
    data = to_json(body)
    with _ask_lock:
        if _live is not call:
            raise RuntimeError(f"The call has ended: it can no longer use {name}")
        _last_ask += 1
        encoded = name.encode()
        send(ASK, call.id, U32.pack(_last_ask), bytes((len(encoded),)), encoded, data)
        while True:
            type, _, answer = receive()
            if type == REPLY and U32.unpack_from(answer)[0] == _last_ask:
                break
    value = parse(answer[5:], decoded)
    if answer[4] == 1:
        return value
    raise HostError(value)


SUSPECT = re.compile(rb"[\d.]{16}|\d[eE][+-]?\d{3}")


def parse(data, object_hook=None):
    """Parses JSON of the host. Fractions that a float cannot represent become Decimal; int represents any integer."""
    return json.loads(data, object_hook=object_hook, parse_float=exact if SUSPECT.search(data) else None)


def exact(text):
    value = float(text)
    if repr(value) == text:
        return value
    from decimal import Decimal

    number = Decimal(text)
    return value if number == Decimal(repr(value)) else number


def decoded(value):
    """Decodes bytes, which are encoded as {"$bytes": base64}."""
    return binascii.a2b_base64(value["$bytes"]) if isinstance(value.get("$bytes"), str) else value


_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def to_json(value, root="", limit=None):
    """Encodes a value as JSON, by the table in docs/functions.md. Returns None if the JSON is longer than `limit`. Raises TypeError for a value
    without a JSON form, with its path from `root`."""
    if is_plain(value, MAX_SURVEYED if limit is None else limit):
        try:
            return as_bytes(_encode(value))
        except (TypeError, ValueError, RecursionError):
            pass  # the encoder below encodes it or reports the error
    return Encoder(root, sys.maxsize if limit is None else limit).encode(value)


def as_bytes(text):
    try:
        return text.encode()
    except UnicodeEncodeError:
        # A lone surrogate is not valid in UTF-8 and must be escaped.
        return "".join(each if ord(each) < 0xD800 or ord(each) > 0xDFFF else "\\u%04x" % ord(each) for each in text).encode()


def is_plain(value, limit):
    """Tells whether the standard JSON encoder can encode the value: its result follows the table and is not longer than `limit`."""
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
                for key in each:
                    if not isinstance(key, str):
                        return False
                    left -= len(key)
        else:
            left -= 1
    return left >= 0


class TooLong(Exception):
    pass


class Encoder:
    """Encodes values that the standard JSON encoder rejects, up to `limit` characters."""

    def __init__(self, root, limit):
        self._root = root
        self._left = limit
        self._parts = []
        self._path = []
        self._open = set()

    def encode(self, value):
        """Returns the JSON as bytes, or None if it is too long."""
        try:
            self._visit(value)
        except TooLong:
            return None
        except RecursionError:
            self._refuse("a value that is nested so deep")
        return as_bytes("".join(self._parts))

    def _put(self, text):
        self._left -= len(text)
        if self._left < 0:
            raise TooLong
        self._parts.append(text)

    def _refuse(self, what):
        steps = [step(key) for key in self._path]
        if len(steps) > MAX_STEPS:
            steps[MAX_STEPS // 2 : -MAX_STEPS // 2] = "…"
        place = self._root + "".join(steps)
        raise TypeError(f"{place.lstrip('.') or 'input'}: {what} has no JSON form") from None

    def _key(self, key):
        form = key if isinstance(key, (str, bool)) else simple_form(key)
        if isinstance(form, bool):
            return "true" if form else "false"
        if isinstance(form, str):
            return str.__str__(form)
        if isinstance(form, int):
            return int.__repr__(form)
        if isinstance(form, float) and form - form == 0:
            return float.__repr__(form)
        if isinstance(form, Digits):
            return form.text
        self._refuse(f"a dict with a key that is {kind_of(key)}")

    # Uses one stack frame per level, so that MAX_DEPTH levels stay below the recursion limit.
    def _visit(self, value):
        given = value
        form = simple_form(value)
        while form is not value:
            value, form = form, simple_form(form)
        if value is None or isinstance(value, (str, bool)):
            if value and len(value if isinstance(value, str) else "") > self._left:
                raise TooLong
            return self._put(_encode(value))
        if isinstance(value, float) and value - value != 0:
            self._refuse("NaN" if value != value else "Infinity" if value > 0 else "-Infinity")
        if isinstance(value, (int, float)):
            return self._put(_encode(value))
        if isinstance(value, Digits):
            return self._put(value.text)
        if isinstance(value, (bytes, bytearray, memoryview)):
            if memoryview(value).nbytes > self._left:
                raise TooLong
            return self._put(_encode({"$bytes": binascii.b2a_base64(value, newline=False).decode()}))
        if id(given) in self._open:
            self._refuse("an object that contains itself")
        if len(self._path) >= MAX_DEPTH:
            self._refuse(f"a value more than {MAX_DEPTH} levels deep")
        items, brackets = parts_of(value)
        if items is None:
            self._refuse(kind_of(value))
        self._open.add(id(given))
        keys = set()
        self._put(brackets[0])
        for at, item in enumerate(items):
            if at > 0:
                self._put(",")
            if brackets == "{}":
                at, item = self._key(item[0]), item[1]
                if at in keys:
                    self._refuse(f'a dict with two keys "{at[:100]}"')
                keys.add(at)
                self._put(_encode(at) + ":")
            self._path.append(at)
            self._visit(item)
            self._path.pop()
        self._put(brackets[1])
        self._open.discard(id(given))


def parts_of(value):
    """Returns the items of a value and its brackets in JSON, or None if it has no JSON form."""
    if isinstance(value, Mapping):
        return value.items(), "{}"
    if isinstance(value, (Sequence, Set, ValuesView)):
        return value, "[]"
    kind = type(value)
    if hasattr(kind, "__dataclass_fields__"):
        return [(name, getattr(value, name)) for name in data_fields(kind)], "{}"
    listed = value.tolist() if callable(getattr(kind, "tolist", None)) else None
    return (listed, "[]") if isinstance(listed, list) else (None, "")


class Digits:
    """A number that is written as these digits."""

    def __init__(self, text):
        self.text = text


def simple_form(value):
    """Returns the string, number or other value that replaces the value in JSON, or the value itself."""
    # Only imported modules can have created the value.
    for module, name, form in FORMS:
        kind = getattr(sys.modules.get(module), name, None)
        if isinstance(kind, type) and isinstance(value, kind):
            return form(value)
    return value


def decimal_form(value):
    return Digits(str(value)) if value.is_finite() else float(value)


# The first match counts: a datetime is also a date.
FORMS = (
    ("enum", "Enum", lambda value: value.value),
    ("datetime", "datetime", lambda value: value.isoformat()),
    ("datetime", "date", lambda value: value.isoformat()),
    ("datetime", "time", lambda value: value.isoformat()),
    ("decimal", "Decimal", decimal_form),
    ("uuid", "UUID", str),
    ("pathlib", "PurePath", str),
)


def data_fields(kind):
    """Returns the names of the fields of a dataclass, without class variables."""
    return [name for name, field in kind.__dataclass_fields__.items() if field._field_type.name == "_FIELD"]


def kind_of(value):
    """Describes the kind of a value: `a function`, `an async_generator`."""
    if value is None:
        return "None"
    kind = type(value).__name__
    return f"{'an' if kind[:1] in 'aeiouAEIOU' else 'a'} {kind}"


def step(key):
    """Formats a key as a step of a path."""
    if isinstance(key, int):
        return f"[{key}]"
    return f".{key}" if key.isidentifier() else f"[{json.dumps(key[:100])}]"


def result_of(value, limit, name="result"):
    """Returns the parts of a RESULT frame for a returned value."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        value = Response(value)
    if isinstance(value, Response):
        if len(value.body) > limit:
            return TOO_LARGE, str(len(value.body)).encode()
        head = to_json({"status": value.status, "headers": value.headers})
        return RESPONSE, U32.pack(len(head)), head, value.body
    body = to_json(value, name, limit)
    if body is None:
        return TOO_LARGE, b""
    if len(body) > limit:
        return TOO_LARGE, str(len(body)).encode()
    return JSON_RESULT, body


def is_items(value):
    """Tells whether a value is a generator, an async generator or another iterator, unlike lists and open files."""
    return (hasattr(value, "__next__") or hasattr(value, "__anext__")) and not isinstance(value, io.IOBase)


class Stream:
    """The items of a streamed result, which are sent if the client of the call reads a stream, and otherwise collected. The items of a Response
    are strings and bytes."""

    def __init__(self, call, value):
        self._call = call
        self._head = head = value if isinstance(value, Response) else None
        self._items = []
        self._size = self._count = self._sent = 0
        about = {"kind": "response", "status": head.status, "headers": head.headers} if head else {"kind": "items"}
        answer = ask(call, "stream.start", about)
        self._is_sent = answer["accepted"]
        # True for a client that needs the result as a whole, too.
        self._is_collected = not self._is_sent or answer["collected"]

    def add(self, item):
        """Adds an item. Returns when the client has room for more. Raises TooLong if the collected items exceed the limit."""
        self._count += 1
        if self._is_collected:
            self._items.append(item)
            self._size += len(item) if is_bytes(item) else size_of(item, f"result[{self._count - 1}]", self._call.limit)
            if self._size > self._call.limit:
                raise TooLong
        if self._is_sent:
            self._send(item)

    def _send(self, item):
        if self._head or is_bytes(item):
            data = bytes_in(item)
            self._sent += len(data)
            for at in range(0, len(data), MAX_PIECE_BYTES):
                piece = binascii.b2a_base64(data[at : at + MAX_PIECE_BYTES], newline=False).decode()
                ask(self._call, "stream.write", {"bytes": piece})
            return
        size = size_of(item, "result", MAX_ITEM_BYTES)
        if size > MAX_ITEM_BYTES:
            raise ValueError(f"result: an item of a stream can have at most {MAX_ITEM_BYTES} bytes")
        self._sent += len(item.encode("utf-8", "replace")) if isinstance(item, str) else size
        ask(self._call, "stream.write", {"text": item} if isinstance(item, str) else {"json": item})

    def too_large(self):
        return TOO_LARGE, str(self._size).encode()

    def result(self):
        """Returns the parts of a RESULT frame."""
        if not self._is_collected:
            return JSON_RESULT, to_json({"streamed": {"items": self._count, "bytes": self._sent}})
        if not self._head and not (self._items and all(map(is_bytes, self._items))):
            return result_of(self._items, self._call.limit)
        answer = Response(b"".join(map(bytes_in, self._items)))
        if self._head:
            answer.status, answer.headers = self._head.status, self._head.headers
        return result_of(answer, self._call.limit)


def answer_of(call, value):
    """Returns the parts of a RESULT frame for the value of a handler, which can be awaitable and can be streamed."""
    if hasattr(value, "__await__") or hasattr(items_in(value), "__anext__"):
        return run_loop(call, answer_later(call, value))
    items = items_in(value)
    if items is None:
        return result_of(value, call.limit)
    stream = Stream(call, value)
    try:
        for item in items:
            stream.add(item)
    except TooLong:
        return stream.too_large()
    finally:
        # Also after an error: the producer must release what it holds.
        if hasattr(items, "close"):
            items.close()
    return stream.result()


async def answer_later(call, value):
    if hasattr(value, "__await__"):
        value = await value
    items = items_in(value)
    if not hasattr(items, "__anext__"):
        return answer_of(call, value)
    stream = Stream(call, value)
    try:
        async for item in items:
            stream.add(item)
    except TooLong:
        return stream.too_large()
    finally:
        if hasattr(items, "aclose"):
            await items.aclose()
    return stream.result()


def items_in(value):
    """Returns the iterator that a value is, or that is the body of a Response; None for other values."""
    if isinstance(value, Response):
        return value.items
    return value if is_items(value) else None


def is_bytes(item):
    return isinstance(item, (bytes, bytearray, memoryview))


def bytes_in(item):
    """Returns the bytes of an item of a body."""
    if isinstance(item, str):
        return item.encode("utf-8", "replace")
    if is_bytes(item):
        return bytes(item)
    raise TypeError(f"result: the body of a response consists of strings and bytes, not of {kind_of(item)}")


def size_of(item, name, limit):
    """Returns the size of an item as JSON, or more than `limit`."""
    data = to_json(item, name, limit)
    return limit + 1 if data is None else len(data)


def below(error):
    """Returns the cause of an error, or the errors in a group."""
    if error.__cause__ is not None:
        return (error.__cause__,)
    held = getattr(error, "exceptions", ())
    return tuple(held)[:MAX_CAUSES] if isinstance(held, (list, tuple)) else ()


def root_of(error, depth=0):
    """Describes the deepest cause of an error, or the errors in a group. Returns None if there are none."""
    if depth >= MAX_CAUSES:
        return None
    texts = [root_of(each, depth + 1) or sentence_of(each) for each in below(error) if isinstance(each, BaseException)]
    return "; ".join(dict.fromkeys(text for text in texts if text)) or None


def own_message(error):
    """Returns the message of an error without its causes, with path and line for a SyntaxError."""
    place = getattr(error, "filename", None)
    if isinstance(error, SyntaxError) and isinstance(place, str) and error.lineno:
        return f"{error.msg} ({place.replace(HOME + '/', '')}, line {error.lineno})"
    return str(error)


def sentence_of(error):
    name, message = type(error).__name__, own_message(error)
    if name == "Exception":
        return message or name
    return f"{name}: {message}" if message else name


def message_of(error):
    """Returns the message, followed by the deepest cause unless the message includes it."""
    message = own_message(error)
    root = root_of(error)
    if root is None or root in message:
        return message
    return f"{message}: {root}" if message else root


def describe(error):
    described = {"name": type(error).__name__[:200], "message": message_of(error)[:MAX_ERROR_TEXT]}
    after = getattr(error, "retry_after_seconds", None)
    # NaN and the infinities have no JSON form: the encoder's error would hide this one.
    if isinstance(after, (int, float)) and abs(after) < float("inf"):
        described["retry_after_seconds"] = after
    if getattr(error, "never_retry", False) is True:
        described["never_retry"] = True
    if isinstance(error, MemoryError):
        described["message"] = described["message"] or "Out of memory"
        return described
    try:
        described["stack"] = stack_of(error)
    except Exception:
        pass  # the description has no stack
    return described


def described(error):
    """Returns the description as JSON, even if methods of the error raise."""
    try:
        return json.dumps(describe(error)).encode()
    except BaseException:
        return json.dumps({"name": "Exception", "message": "An exception was raised that cannot be described"}).encode()


def stack_of(error):
    """Returns the traceback as Python prints it, causes first, without the frames of this runner."""
    import traceback

    shown = traceback.TracebackException(type(error), error, error.__traceback__)
    cut_frames(shown, set())
    return "".join(shown.format())[:MAX_STACK].replace(HOME + "/", "").rstrip("\n")


def cut_frames(shown, seen):
    if shown is None or id(shown) in seen:
        return
    seen.add(id(shown))
    frames = [frame for frame in shown.stack if frame.filename not in (RUNNER, "<frozen runpy>")]
    first = next((at for at, frame in enumerate(frames) if frame.filename.startswith(HOME + "/")), 0)
    shown.stack[:] = frames[first:]
    for each in (shown.__cause__, shown.__context__, *(getattr(shown, "exceptions", None) or ())):
        cut_frames(each, seen)


def write_files(files):
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
    write_files(files)
    sys.path.insert(0, HOME)
    if _program.get("packages"):
        sys.path.append(_program["packages"])
    sys.argv = [_program["entry"]]
    authorities = (_program["network"] or {}).get("authorities")
    if authorities:
        for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
            os.environ.setdefault(name, authorities)
    sys.meta_path.insert(0, NetworkHook())
    if (_program["network"] or {}).get("forwards"):
        # Starts to listen before a library in C connects.
        __import__("socket")


class NetworkHook:
    """Changes the modules that open connections when a program imports them."""

    def __init__(self):
        self._patch = {"socket": self._patch_socket}
        if (_program["network"] or {}).get("authority"):
            self._patch["ssl"] = self._patch_ssl

    def find_spec(self, name, path=None, target=None):
        patch = self._patch.pop(name, None)
        if patch is None:
            return None
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(name, path, target)
            if spec is not None:
                break
        else:
            return None
        execute = spec.loader.exec_module

        def exec_module(module):
            execute(module)
            patch(module)

        spec.loader.exec_module = exec_module
        return spec

    def _patch_ssl(self, ssl):
        # Many packages load the authorities of certifi, or their own ones, and not those of the variables.
        load = ssl.SSLContext.load_verify_locations
        authority = _program["network"]["authority"]

        def load_verify_locations(self, *args, **named):
            load(self, *args, **named)
            load(self, authority)

        ssl.SSLContext.load_verify_locations = load_verify_locations

    def _patch_socket(self, socket):
        path = os.path.join(os.path.dirname(RUNNER), "network.py")
        scope = {"__name__": "network"}
        with open(path, encoding="utf-8") as file:
            exec(compile(file.read(), path, "exec"), scope)
        # asyncio imports socket first.
        self._patch["asyncio.selector_events"] = scope["install"](socket, _program["network"])


def load(name):
    """Loads the entry as a module, which is executed once."""
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
        raise TypeError(f"{_program['entry']} has no handler: define a function handler(event, ctx)")
    if mode == "config":
        return getattr(module, "config", None)
    # Threads of the module itself, which run in every call, are not counted.
    call.threads = threads_running()
    return call_handler(handler, with_bytes(input.get("event")), Context(call, input.get("context") or {}))


def run_loop(call, awaitable):
    """Waits for an awaitable in a new event loop."""
    import asyncio

    async def wait():
        # The loop reports an unobserved failure of a task when the task is collected, which may be in a later call.
        asyncio.get_running_loop().set_exception_handler(lambda _, context: task_failed(call, context))
        return await awaitable

    return asyncio.run(wait())


def call_handler(handler, event, context):
    """Calls the handler with the arguments that it accepts; `ctx` can also be a keyword-only parameter."""
    positional, keywords = parameters_of(handler)
    given = (event, context)[:positional]
    named = {} if len(given) == 2 else {name: context for name in ("ctx", "context") if name in keywords}
    return handler(*given, **named)


def parameters_of(handler):
    """Returns the number of positional parameters of a callable, and the names of its keyword-only parameters."""
    function = getattr(handler, "__func__", handler)
    code = getattr(function, "__code__", None)
    if code is None:
        return signature_of(handler)
    if code.co_flags & 0x04:  # *args
        return 2, ()
    bound = 1 if function is not handler else 0
    return max(0, code.co_argcount - bound), code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]


def signature_of(handler):
    """Returns the parameters as `parameters_of` does, for classes, callable objects and the results of functools."""
    from inspect import Parameter, signature

    try:
        parameters = signature(handler).parameters.values()
    except (TypeError, ValueError):
        return 2, ()
    kinds = [each.kind for each in parameters]
    if Parameter.VAR_POSITIONAL in kinds:
        return 2, ()
    positional = sum(kind in (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD) for kind in kinds)
    return positional, [each.name for each in parameters if each.kind is Parameter.KEYWORD_ONLY]


def module_name():
    return os.path.splitext(os.path.basename(_program["entry"]))[0]


def run_script(input):
    """Runs the entry as a stand-alone program, which ends when its threads have ended."""
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


def task_failed(call, context):
    log_failure(call, context.get("message") or "A task failed", context.get("exception"))


def log_failure(call, sentence, error):
    text = sentence
    if isinstance(error, BaseException):
        fields = json.loads(described(error))
        text = f"{sentence}: {fields['name']}: {fields['message']}\n{fields.get('stack', '')}"
    log("log", LEVELS["error"], (text.rstrip("\n") + "\n").encode("utf-8", "replace"), call)


def has_work_left(call):
    """Tells whether threads that this call has started are running, without idle threads of a pool."""
    if call.threads is None or threads_running() <= call.threads:
        return False
    pools = sys.modules.get("concurrent.futures.thread")
    if pools is None:
        return True
    frames = sys._current_frames()
    idle = sum(thread.ident in frames and frames[thread.ident].f_code is pools._worker.__code__ for thread in list(pools._threads_queues))
    return threads_running() - idle > call.threads


def watch(call):
    """Notifies the supervisor when the background work of a call has ended or failed, unless the next call arrives before."""
    import select

    threading = sys.modules.get("threading")
    if threading and threading.excepthook is not thread_failed:
        thread_failed.before = threading.excepthook
        threading.excepthook = thread_failed
    times = 0
    while has_work_left(call) and not _has_failed:
        times += 1
        if times == ALIVE_AFTER:
            # Tells that the work continues and that the process responds.
            send(QUIET, call.id, b"\2")
        if select.select([CHANNEL], [], [], WATCH_SECONDS)[0]:
            return
    sys.stdout.flush()
    sys.stderr.flush()
    send(QUIET, call.id, bytes((_has_failed,)))


def thread_failed(args):
    global _has_failed
    if _live is not None or args.exc_type is SystemExit:
        return thread_failed.before(args)
    log_failure(_last, "Failed after the result", args.exc_value)
    _has_failed = True


def begin(id, body):
    global _live, _last
    asked = parse(body)
    call = _live = Call(id, asked["timeout_ms"] / 1000, asked["limit"])
    try:
        value = run(call, asked["mode"], asked["input"])
        if asked["mode"] == "handler":
            kind, *parts = answer_of(call, value)
        else:
            kind, *parts = result_of(value, call.limit, "config" if asked["mode"] == "config" else "result")
    except BaseException as error:
        kind, parts = THREW, [described(error)]
        del error
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except Exception:
        pass  # the program has closed the stream, and buffered text is lost
    is_left = has_work_left(call)
    _live, _last = None, call
    send(RESULT, id, bytes((kind, WORK_LEFT if is_left else REUSABLE)), *parts)
    if is_left:
        watch(call)


def main():
    send(UP, 0, sys.version.split()[0].encode())
    while True:
        type, id, body = receive()
        if type == CALL:
            begin(id, body)
        elif type == INIT:
            init(body)


main()
