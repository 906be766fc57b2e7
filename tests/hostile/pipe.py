"""The way back to the grader: forged, flooded, cut, or answered by something else than the worker's own loop."""

from .submission import MUL, Group

group = Group("pipe")

#: Every socket that the worker has, and what writes a message as the worker would.
PIPES = """
import gc, os, socket, stat, struct, threading, time
def pipes():
    found = []
    for number in range(3, 256):
        try:
            if stat.S_ISSOCK(os.fstat(number).st_mode) or stat.S_ISFIFO(os.fstat(number).st_mode):
                found.append(number)
        except OSError:
            pass
    return found
def frame(message):
    from checker.course.isolation import wire
    data = wire.encode(message)
    return struct.pack("<I", len(data)) + data
def put(data):
    for number in pipes():
        try:
            os.write(number, data)
        except OSError:
            pass
def workers():
    return [each for each in gc.get_objects() if type(each).__name__ == "_Worker"]
"""

group.code("noise", top=PIPES, first="put(os.urandom(99))", second="put(b'\\xff' * 10_000)", last="put(b'\\0' * 1000)")

group.code(
    "replies ahead of their calls",
    top=PIPES
    + """
for message in ({"value": (0.0, 0.0)}, {"outputs": []}, {"answers": [{"value": (0.0, 0.0)}] * 50}, {"layers": []},
                {"score": 3.0, "points": 3.0, "verdict": "right"}, {"found": {}}):
    put(frame(message))
""",
    first='for _ in range(20): put(frame({"value": (0.0, 0.0)}))',
    second='for _ in range(20): put(frame({"answers": [{"value": (x, w, w[:, 0])}] * 20}))',
)

group.code(
    "replies from a thread",
    top=PIPES
    + """
def work():
    end = time.time() + 60
    while time.time() < end:
        put(frame({"value": (0.0, 0.0), "answers": [], "outputs": [], "found": {}}))
        time.sleep(0.001)
threading.Thread(target=work, daemon=True).start()
""",
)

group.code(
    "requests are read by a thread",
    top=PIPES
    + """
def work():
    end = time.time() + 60
    while time.time() < end:
        for number in pipes():
            try:
                data = os.read(number, 1 << 16)
                os.write(number, data)
            except OSError:
                pass
threading.Thread(target=work, daemon=True).start()
""",
)

group.code(
    "a length of gigabytes",
    top=PIPES,
    first="put(struct.pack('<I', 0xFFFFFFFF) + b'x' * 100)",
    second="put(struct.pack('<I', 255 << 20) + b'x'); time.sleep(60)",
)

group.code(
    "a reply that drips",
    top=PIPES,
    first="""
put(struct.pack("<I", 10_000))
end = time.time() + 60
while time.time() < end:
    put(b"x")
    time.sleep(0.2)
""",
    last="""
put(struct.pack("<I", 10_000))
for _ in range(300):
    put(b"x")
    time.sleep(0.2)
""",
)

group.code(
    "the line is cut",
    top=PIPES,
    first="""
for number in pipes():
    os.close(number)
""",
    second="""
for number in pipes():
    socket.socket(fileno=os.dup(number)).shutdown(socket.SHUT_RDWR)
""",
    last="os.closerange(3, 256)",
)

group.code(
    "the line is another file",
    top=PIPES
    + """
own = os.open("own", os.O_CREAT | os.O_RDWR)
""",
    first="""
for number in pipes():
    os.dup2(own, number)
""",
    second="""
for number in pipes():
    os.set_blocking(number, False)
    socket.socket(fileno=os.dup(number)).setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
""",
)

group.code(
    "descriptors are sent along",
    top=PIPES
    + """
import array
def send_files():
    for number in pipes():
        try:
            files = [os.open("own", os.O_CREAT | os.O_RDWR) for _ in range(50)]
            line = socket.socket(fileno=os.dup(number))
            line.sendmsg([b"\\1\\0\\0\\0N"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", files))])
        except OSError:
            pass
""",
    first="send_files()",
    last="send_files()",
)

group.code(
    "the shared block is scribbled on",
    top=PIPES
    + """
blocks = [each.view for each in gc.get_objects() if type(each).__name__ == "Arena"]
def work():
    end, k = time.time() + 60, 0
    while time.time() < end:
        for block in blocks:
            block[: 1 << 20] = bytes([k % 256]) * (1 << 20)
        k += 1
threading.Thread(target=work, daemon=True).start()
for number in range(3, 256):
    try:
        if "memfd" in os.readlink(f"/proc/self/fd/{number}"):
            os.ftruncate(number, 0)
    except OSError:
        pass
""",
    first="return np.zeros(20_000), np.zeros(20_000)",
    second="return np.zeros((200, 200)), np.zeros(30_000), 0.0",
)

#: In the place of the worker's own answers, from the first test on. `real` is what it would have answered.
FORGED = (
    PIPES
    + """
from checker.course.isolation import wire
def forge(make):
    for each in workers():
        real = each.answer
        def answer(frame, real=real):
            try:
                asked = wire.decode(frame, resolve=lambda handle: 0, arena=each.arena)["op"]
            except wire.WireError:
                asked = ""
            made = make(real(frame), asked)
            return made if isinstance(made, bytes) else wire.encode(made)
        each.answer = answer
"""
)

#: Messages that are none of a worker's, as code.
ODD = (
    "None",
    "5",
    '"x"',
    "[]",
    "{}",
    "()",
    'b""',
    "1e308",
    '{"outputs": 5}',
    '{"outputs": [5, None]}',
    '{"outputs": [{"output_type": "x"}]}',
    '{"outputs": [{"output_type": "stream", "name": "stdout", "text": 5}]}',
    '{"outputs": {"a": 1}}',
    '{"outputs": [{"output_type": "error", "ename": 5, "evalue": None, "traceback": 7}]}',
    '{"outputs": [{"output_type": "display_data", "data": {"text/plain": 5, "image/png": [1]}, "metadata": 5}]}',
    '{"outputs": [{"output_type": "stream", "name": "stdout", "text": "x" * 10_000_000}] * 3}',
    '{"outputs": [{"output_type": "stream", "name": "\\ud800", "text": "\\ud800"}]}',
    '{"value": None}',
    '{"answers": None}',
    '{"answers": [5]}',
    '{"answers": [{}] * 1000}',
    '{"answers": [{"value": 5}]}',
    '{"found": 5}',
    '{"found": {"mul_backward": 5}}',
    '{"found": {5: {"handle": 5}}}',
    '{"found": {"mul_backward": {"handle": wire.Handle(10**9, "x" * 10**6), "name": 5, "parameters": "abc"}}}',
    '{"found": {"mul_backward": {"handle": wire.Handle(0, "past 7"), "name": "x", "parameters": [("a b", 99, 5)]}}}',
    '{"raised": 5, "text": 5, "told": 5}',
    '{"raised": "a\\0b", "text": "\\0", "told": "\\ud800", "theirs": "x"}',
    '{"raised": "KeyboardInterrupt", "text": "", "told": "x"}',
    '{"raised": "SystemExit", "text": "", "told": None}',
    '{"raised": "UsageError", "text": "x", "told": ""}',
    '{"raised": "SandboxError", "text": "x", "told": ""}',
    '{"value": (0.0, 0.0), "changed": 5}',
    '{"value": (0.0, 0.0), "changed": {99: np.zeros(3), -1: np.zeros(3)}}',
    '{"value": (0.0, 0.0), "changed": {0: np.zeros((9, 9, 9))}}',
    '{"value": (0.0, 0.0), "changed": {0: "x", "y": 5}}',
    '{"value": (0.0, 0.0), "left": 5}',
    '{"value": (0.0, 0.0), "left": ((), {})}',
    '{"value": 0.0, "left": (1, 2, 3)}',
    '{"value": (0.0, 0.0), "written": 5}',
    '{"value": wire.Handle(-1, "ndarray")}',
    '{"value": [wire.Handle(5, "\\ud800")] * 9}',
    '{"layers": []}',
    '{"refused": "x"}',
    '{"value": np.array("\\ud800" * 9)}',
    '{"value": {1: 2, (3,): {4: 5}}}',
    '{"values": 5, "functions": 5}',
    '{"value": {(): np.zeros((0, 5))}}',
    '{"value": float("nan"), 5: 6}',
)

#: Each of them in the place of every answer to one kind of question.
forged = Group("forged")
for number, message in enumerate(ODD):
    for question in ("functions", "replay", "call", "cell"):
        forged.code(
            f"{number} when asked for {question}",
            top=FORGED,
            mul=MUL
            + f"""
odd = {message}
forge(lambda real, asked: odd if asked == "{question}" else real)
""",
        )

group.code(
    "forged answers now and then",
    top=FORGED
    + f"""
import random
odd, dice = [{", ".join(ODD)}], random.Random(5)
""",
    mul=MUL
    + """
forge(lambda real, asked: dice.choice(odd) if dice.random() < 0.15 else real)
""",
)

group.code(
    "forged bytes",
    top=FORGED,
    mul=MUL
    + """
import random
dice = random.Random(6)
def spoilt(real, asked):
    data = bytearray(real)
    for _ in range(dice.randint(0, 4)):
        if data:
            data[dice.randrange(len(data))] = dice.randrange(256)
    return bytes(data[: dice.randint(0, 2 * len(data))])
forge(spoilt)
""",
)

group.code(
    "an answer of 200 MB",
    top=FORGED,
    mul=MUL
    + """
forge(lambda real, asked: wire.encode({"value": b"x" * (200 << 20)}))
""",
)

group.code(
    "no answer at all",
    top=FORGED,
    mul=MUL
    + """
forge(lambda real, asked: time.sleep(90))
""",
)

group.code(
    "everything is touched, nothing is",
    top=FORGED,
    mul=MUL
    + """
def made(real, asked):
    message = wire.decode(real, resolve=lambda handle: 0)
    for each in message.get("answers", []):
        each["touched"] = True
    return message
forge(made)
""",
)

group.code(
    "functions that are not there",
    top=FORGED,
    mul=MUL
    + """
def made(real, asked):
    try:
        message = wire.decode(real, resolve=lambda handle: handle)
    except Exception:
        return real
    for each in message.get("found", {}).values():
        each["parameters"] = [("dout", 1, False), ("dout", 1, False), ("class", 1, True), ("x", 4, False), ("y", 0, 5)]
        each["name"] = "solutions.gates"
    return message
forge(made)
""",
)
