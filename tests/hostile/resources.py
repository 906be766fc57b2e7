"""Too much of everything: time, memory, disk, output. It ends by itself, though later than a grader can wait."""

from .submission import Group

group = Group("resource")

END = "import time\nend = time.time() + 90\n"

group.code("a cell without end", top=END + "while time.time() < end: pass")
group.code("a cell without end at the bottom", last=END + "while time.time() < end: time.sleep(1)")
group.code("answers without end", first=END + "while time.time() < end: pass", second=END + "time.sleep(90)")
group.code("calls of nearly the limit", first="import time; time.sleep(2)", second="import time; time.sleep(2)")
group.code(
    "forty slow cells",
    top="import time",
    last="""
for _ in range(40):
    get_ipython().set_next_input("time.sleep(4)")
time.sleep(5)
""",
    first="time.sleep(0.3)",
    second="time.sleep(0.3)",
)

group.code(
    "a loop that no interrupt ends",
    top=END
    + """
import signal
class Hold:
    def __del__(self):
        while time.time() < end:
            try:
                time.sleep(1)
            except BaseException:
                pass
""",
    first="""
while time.time() < end:
    try:
        hold = Hold()
        del hold
    except BaseException:
        pass
""",
    second="""
try:
    while time.time() < end:
        pass
finally:
    Hold()
""",
)

group.code(
    "work that never looks up",
    first="""
import re
re.match(r"(a+)+$", "a" * 29 + "b")
""",
    second="sum(range(3 * 10 ** 9)); sorted([0] * 10 ** 7)",
)

group.code(
    "a printed form without end",
    last="""
import time
class Slow:
    def __repr__(self):
        time.sleep(60)
        return "x" * 10 ** 8
    _repr_html_ = _repr_mimebundle_ = _repr_png_ = _ipython_display_ = lambda self, *given, **named: self.__repr__()
Slow()
""",
    first="""
import time
class Slow(dict):
    def __repr__(self):
        time.sleep(60)
    __str__ = __format__ = __repr__
return Slow(), Slow()
""",
)

group.code(
    "a bomb of memory",
    top="""
kept = []
try:
    for _ in range(48):
        kept.append(bytearray(64 << 20))
        kept[-1][::4096] = b"x" * len(kept[-1][::4096])
except MemoryError:
    pass
""",
)

group.code(
    "a bomb of memory in an answer",
    first="""
kept = []
for _ in range(48):
    kept.append(np.ones(8 << 20))
return kept
""",
    second="""
import mmap
kept = [mmap.mmap(-1, 1 << 28) for _ in range(12)]
for each in kept:
    each[::4096] = b"x" * len(each[::4096])
return np.zeros(1 << 45)
""",
)

group.code(
    "a bomb of addresses",
    top="""
import mmap
for size in (1 << 36, 1 << 40, 1 << 45):
    for way in (lambda: np.empty(size, "u1"), lambda: mmap.mmap(-1, size), lambda: bytearray(size)):
        try:
            way()
        except (MemoryError, OSError, ValueError, OverflowError):
            pass
""",
)

group.code(
    "300 MB on the disk",
    top="""
import os
try:
    for number in range(300):
        with open(f"big-{number}", "wb") as file:
            file.write(b"x" * (1 << 20))
except OSError as problem:
    print(problem)
""",
    first="open('more', 'wb').write(b'x' * (1 << 20))",
)

group.code(
    "one file of 300 MB, and a sparse one",
    top="""
try:
    with open("big", "wb") as file:
        for _ in range(300):
            file.write(b"x" * (1 << 20))
except OSError as problem:
    print(problem)
""",
    last="""
import os
with open("sparse", "wb") as file:
    os.ftruncate(file.fileno(), 1 << 40)
""",
)

group.code(
    "twenty thousand files",
    top="""
import os
try:
    for number in range(20_000):
        os.close(os.open(f"small-{number}", os.O_CREAT | os.O_WRONLY))
except OSError as problem:
    print(problem)
""",
)

group.code(
    "folders in folders",
    top="""
import os
try:
    for _ in range(3000):
        os.mkdir("d" * 200)
        os.chdir("d" * 200)
    os.mkfifo("waits")
except OSError as problem:
    print(problem)
""",
)

group.code(
    "folders that nobody may enter",
    top="""
import os
try:
    os.makedirs("closed/inside/more")
    open("closed/inside/file", "w").close()
    open("\\udcff\\n\\x1b[31m", "w").close()
    os.chmod("closed/inside", 0)
    os.chmod("closed", 0)
    os.chmod(".", 0)
except OSError as problem:
    print(problem)
""",
)

group.code(
    "the folder itself is gone",
    top="""
import os
os.makedirs("own/inside")
os.chdir("own/inside")
os.rmdir("../inside")
""",
    last="import os; os.getcwd()",
)

group.code(
    "every descriptor",
    top="""
import os
kept = []
try:
    for number in range(5000):
        kept.append(os.open("own", os.O_CREAT | os.O_RDWR))
except OSError as problem:
    print(problem)
""",
)

group.code(
    "50 MB of output",
    top="""
for _ in range(50):
    print("x" * (1 << 20))
""",
    last="""
import os
for _ in range(200_000):
    print("line")
for number in (1, 2):
    try:
        for _ in range(50):
            os.write(number, b"y" * (1 << 20))
    except OSError:
        pass
""",
    first="print('z' * (1 << 24))",
)

group.code(
    "rich output without end",
    last="""
from IPython.display import HTML, Image, SVG, Markdown, display, clear_output, update_display
import base64
for number in range(2000):
    display(HTML("<b>x</b>" * 1000))
    display(Image(data=b"\\x89PNG\\r\\n\\x1a\\n" + b"0" * 200_000))
    clear_output(wait=True)
handle = display(Markdown("x"), display_id=True)
for number in range(20_000):
    handle.update(Markdown(str(number)))
""",
)

group.code(
    "a traceback of 50 MB",
    first="raise ValueError('x' * (50 << 20))",
    last="""
def again(depth):
    text = "y" * 100_000
    if depth:
        again(depth - 1)
    raise ValueError(text * 100)
again(300)
""",
)

group.code(
    "recursion into the ground",
    top="""
import sys
sys.setrecursionlimit(10 ** 8)
""",
    first="""
def deeper(number):
    return deeper(number + 1)
return deeper(0)
""",
    second="""
nested = []
for _ in range(1_000_000):
    nested = [nested]
return repr(nested)
""",
)

group.code(
    "three thousand cells",
    first="import time",
    last="""
import time
for number in range(3000):
    get_ipython().run_cell(f"x{number} = {number}", store_history=True)
""",
)

group.code(
    "two thousand figures",
    last="""
try:
    import matplotlib.pyplot as plt
except ImportError:
    plt = None
if plt is not None:
    for number in range(2000):
        plt.figure(figsize=(20, 20))
        plt.plot(np.random.rand(1000))
    plt.show()
""",
)

group.code(
    "clocks that lie",
    top="""
import time
for name in ("time", "monotonic", "perf_counter", "process_time"):
    setattr(time, name, lambda: 0.0)
real, time.sleep = time.sleep, lambda seconds: None
""",
    first="""
for _ in range(90):
    real(1)
""",
    second="""
import threading
lock = threading.Lock()
lock.acquire()
lock.acquire(timeout=90)
""",
)

group.code(
    "waiting for input",
    top="""
try:
    input("points? ")
except Exception as problem:
    print(type(problem).__name__)
""",
    first="return float(input('dx? ')), 0.0",
    second="import sys, getpass; return sys.stdin.read(), getpass.getpass()",
    last="import os; os.read(0, 10)",
)

group.code(
    "a collector that never collects",
    top="""
import gc, sys
gc.disable()
gc.callbacks.append(lambda *given: 1 / 0)
sys.setswitchinterval(1e6)
sys.unraisablehook = sys.excepthook = lambda *given: 1 / 0
sys.stdout.write = sys.stderr.write = None
""",
    first="""
a = []
for _ in range(100_000):
    a.append([a])
""",
)

group.code(
    "streams are taken away",
    top="""
import os, sys
sys.stdout = sys.stderr = sys.stdin = None
sys.__stdout__ = sys.__stderr__ = 5
""",
    last="""
import os
for number in (0, 1, 2):
    os.close(number)
""",
)
