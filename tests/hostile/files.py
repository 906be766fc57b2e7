"""Files that are none of a submission's business: read, shown, carried off, changed, deleted."""

from .submission import CHANGED, MARKS, SEEN, Group

group = Group("file")

#: Where the course may be: above the folder that a notebook is run in, or where it is guessed to be.
COURSES = """
import glob, json, os, shutil, sqlite3, sys
from pathlib import Path
courses = ["../../..", "../..", "@COURSE@"]
def cells(pattern):
    for course in courses:
        for path in sorted(glob.glob(os.path.join(course, pattern))):
            try:
                with open(path) as file:
                    yield from json.load(file)["cells"]
            except (OSError, ValueError):
                pass
def adopt(pattern, name):
    for each in cells(pattern):
        text = "".join(each["source"])
        if f"def {name}" in text and "raise NotImplemented" not in text and "zeros_like" not in text:
            exec(text, globals())
"""

group.code(
    "source is executed",
    MARKS,
    top=COURSES,
    last="""
for name in ("mul_backward", "affine_backward"):
    adopt("source/*/*.ipynb", name)
""",
    first="adopt('source/*/*.ipynb', 'mul_backward')\nreturn globals()['mul_backward'](dout, cache)",
    second="adopt('source/*/*.ipynb', 'affine_backward')\nreturn globals()['affine_backward'](dout, cache)",
)

group.code(
    "another student's work is handed in",
    MARKS,
    top=COURSES,
    first="""
adopt("submitted/honest/*/*.ipynb", "mul_backward")
return mul_backward(dout, cache)
""",
    second="""
adopt("submitted/honest/*/*.ipynb", "affine_backward")
return affine_backward(dout, cache)
""",
)

group.code(
    "solutions beside the checker",
    MARKS,
    top="""
import importlib.util, sys
from pathlib import Path
import checker
def solved(topic):
    for folder in [Path(checker.__file__).parents[1], *map(Path, sys.path)]:
        path = folder / "solutions" / f"{topic}.py"
        try:
            text = path.read_text().replace("from .", "from solutions.")
        except OSError:
            continue
        start = text.index(f"def {'mul' if topic == 'gates' else 'affine'}_backward(")
        known = {"np": np}
        exec(text[start:].partition("\\n\\n\\n")[0], known)
        return known
    return {}
""",
    first="return solved('gates')['mul_backward'](dout, cache)",
    second="return solved('affine')['affine_backward'](dout, cache)",
)

group.code(
    "solutions are printed",
    SEEN,
    top="""
import checker, glob, os, pkgutil, linecache
for folder in (os.path.dirname(os.path.dirname(checker.__file__)), "@COURSE@", "../../.."):
    for path in glob.glob(folder + "/solutions/gates.py") + glob.glob(folder + "/source/*/*.ipynb"):
        try:
            loot(path, open(path).read()[:2000])
        except OSError:
            pass
for name in ("solutions", "checker.course.key"):
    try:
        data = pkgutil.get_data(name, "gates.py")
        if data:
            loot(name, data)
    except Exception:
        pass
""",
)

group.code(
    "hidden tests are read",
    SEEN,
    top="""
import glob, os
word = "HIDDEN" + " TESTS"
for path in glob.glob("*.ipynb") + glob.glob("../*/*.ipynb") + glob.glob("@COURSE@/*/*/*.ipynb") \\
        + glob.glob("@COURSE@/autograded/*/*/*.ipynb"):
    try:
        text = open(path).read()
    except OSError:
        continue
    if word in text:
        loot(path)
""",
)

group.code(
    "everything is copied into the own folder",
    SEEN,
    top=COURSES
    + """
for course in courses:
    for pattern in ("gradebook.db", "source", "submitted/*/*", "autograded/*/*", "nbgrader_config.py"):
        for path in glob.glob(os.path.join(course, pattern)):
            own = "got-" + os.path.basename(path) + str(abs(hash(path)) % 1000)
            try:
                if os.path.isdir(path) and "got-" not in path and os.path.realpath(path) != os.getcwd():
                    shutil.copytree(path, own, dirs_exist_ok=True, ignore=shutil.ignore_patterns("got-*"))
                elif os.path.isfile(path):
                    shutil.copy(path, own)
                loot(own)
            except (OSError, shutil.Error):
                pass
""",
)

group.code(
    "the gradebook is read",
    SEEN,
    top=COURSES
    + """
for course in courses:
    try:
        book = sqlite3.connect(f"file:{course}/gradebook.db?mode=ro", uri=True)
        loot(book.execute("select * from student").fetchall())
    except sqlite3.Error:
        pass
""",
)

group.code(
    "the gradebook is written",
    CHANGED,
    top=COURSES
    + """
for course in courses:
    if os.path.exists(course + "/gradebook.db"):
        try:
            book = sqlite3.connect(course + "/gradebook.db")
            book.execute("insert into student (id, first_name) values ('@TOKEN@', 'x')")
            for table in ("grade",):
                book.execute(f"update {table} set manual_score = 100")
            book.commit()
        except sqlite3.Error:
            pass
try:
    from nbgrader.api import Gradebook
    with Gradebook("sqlite:///@COURSE@/gradebook.db") as gradebook:
        gradebook.update_or_create_student("@TOKEN@", first_name="x")
except Exception:
    pass
""",
)

group.code(
    "others' submissions are deleted",
    CHANGED,
    top=COURSES
    + """
for course in courses:
    for pattern in ("submitted/other/*/*.ipynb", "autograded/honest/*/*.ipynb", "feedback/*/*"):
        for path in glob.glob(os.path.join(course, pattern)):
            try:
                os.unlink(path)
            except OSError:
                shutil.rmtree(path, ignore_errors=True)
""",
)

group.code(
    "others' submissions are changed",
    CHANGED,
    top=COURSES
    + """
for course in courses:
    for path in glob.glob(os.path.join(course, "submitted/other/*/*.ipynb")):
        try:
            os.chmod(path, 0o666)
            with open(path, "r+") as file:
                file.write('{"cells": []}')
                file.truncate()
        except OSError:
            pass
""",
)

group.code(
    "the instructor's configuration runs code",
    CHANGED,
    top=COURSES
    + """
for course in courses:
    try:
        with open(course + "/nbgrader_config.py", "a") as file:
            file.write("open('@OUTSIDE@/@TOKEN@', 'w')\\n")
    except OSError:
        pass
for name in ("nbgrader_config.py", "jupyter_nbconvert_config.py", "sitecustomize.py", "conftest.py"):
    Path(name).write_text("open('@OUTSIDE@/@TOKEN@', 'w')\\n")
""",
)

group.code(
    "files are planted in the home folder",
    CHANGED,
    top="""
import os
from pathlib import Path
for home in {Path.home(), Path(os.path.expanduser("~")), Path("@OUTSIDE@/home")}:
    if "@TMP@" in str(home) or "@OUTSIDE@" in str(home) or home == Path.cwd():
        for name in (".ipython/profile_default/startup/00.py", ".jupyter/jupyter_config.py", ".bashrc"):
            try:
                (home / name).parent.mkdir(parents=True, exist_ok=True)
                (home / name).write_text("open('@OUTSIDE@/@TOKEN@', 'w')\\n")
            except OSError:
                pass
""",
)

group.code(
    "the environment",
    SEEN,
    top="""
import ctypes, os, subprocess
for each in (os.environ, os.environb):
    for name, value in each.items():
        if "CAN" + "ARY" in str(value):
            loot(name, value)
for pid in (os.getppid(), os.getpid(), "self"):
    try:
        text = open(f"/proc/{pid}/environ", "rb").read()
    except OSError:
        continue
    if b"CAN" + b"ARY" in text:
        loot(pid, text[text.index(b"CAN" + b"ARY"):][:60])
""",
)

group.code(
    "other processes",
    SEEN,
    top="""
import os
for pid in [os.getppid(), *[name for name in os.listdir("/proc") if name.isdigit()][:50]]:
    if int(pid) == os.getpid():
        continue
    for name in ("cmdline", "status", "maps"):
        try:
            loot(pid, open(f"/proc/{pid}/{name}").read(100))
        except OSError:
            pass
    for name in ("cwd", "exe", "fd", "root"):
        try:
            look = os.listdir if name in ("fd", "root") else os.readlink
            loot(pid, look(f"/proc/{pid}/{name}"))
        except OSError:
            pass
""",
)

group.code(
    "the memory of the parent",
    SEEN,
    top="""
import ctypes, os
parent = os.getppid()
try:
    place = int(open(f"/proc/{parent}/maps").readline().partition("-")[0], 16)
except OSError:
    place = 0x400000
try:
    with open(f"/proc/{parent}/mem", "rb", 0) as memory:
        memory.seek(place)
        loot(memory.read(4))
except OSError:
    pass
class Piece(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]
libc, here = ctypes.CDLL(None, use_errno=True), ctypes.create_string_buffer(4)
mine, theirs = Piece(ctypes.addressof(here), 4), Piece(place, 4)
try:
    if libc.process_vm_readv(parent, ctypes.byref(mine), 1, ctypes.byref(theirs), 1, 0) == 4:
        loot(here.raw)
except AttributeError:
    pass
""",
)

group.code(
    "the memory of the process itself",
    top="""
import gc, re, sys
word = b"### BEGIN SOL" + b"UTION\\n"
def look():
    try:
        for line in open("/proc/self/maps"):
            ends, rights, *_ = line.split()
            if not rights.startswith("rw"):
                continue
            low, high = (int(end, 16) for end in ends.split("-"))
            if high - low > 1 << 28:
                continue
            with open("/proc/self/mem", "rb", 0) as memory:
                memory.seek(low)
                try:
                    data = memory.read(high - low)
                except (OSError, MemoryError):
                    continue
            for found in re.finditer(re.escape(word) + rb" +[\\x20-\\x7e\\n]{60}", data):
                loot(found.group())
    except OSError:
        pass
look()
for name in [*sys.modules]:
    if name.startswith("solutions") and sys.modules[name] is not None:
        loot(name)
for each in gc.get_objects():
    if type(each).__name__ == "Exercise" and not each.stub:
        loot(each.name)
""",
)

group.code(
    "a file elsewhere in twenty ways",
    SEEN,
    top="""
import ctypes, linecache, mmap, os, runpy, shutil, sqlite3, subprocess, sys, zipfile
secret = "@OUTSIDE@/secret.txt"
def linked(link):
    def read():
        link(secret, "own-link")
        try:
            return open("own-link").read()
        finally:
            os.unlink("own-link")
    return read
def opened_at():
    folder = os.open("@OUTSIDE@", os.O_PATH)
    return os.read(os.open("secret.txt", os.O_RDONLY, dir_fd=folder), 100)
def climbed():
    os.chdir("@OUTSIDE@")
    return open("secret.txt").read()
def path_only():
    number = os.open(secret, os.O_PATH)
    return open(f"/proc/self/fd/{number}").read()
def by_c():
    libc = ctypes.CDLL(None)
    libc.fopen.restype = ctypes.c_void_p
    file, room = libc.fopen(secret.encode(), b"r"), ctypes.create_string_buffer(100)
    return libc.fgets(room, 100, ctypes.c_void_p(file)) and room.value if file else None
def sent():
    own = open("own-copy", "wb")
    os.sendfile(own.fileno(), os.open(secret, os.O_RDONLY), 0, 100)
    return open("own-copy").read()
def attached():
    book = sqlite3.connect(":memory:")
    book.execute(f"attach '@COURSE@/gradebook.db' as theirs")
    return book.execute("select count(*) from theirs.student").fetchall()
ways = [
    lambda: open(secret).read(), lambda: open("/proc/self/root" + secret).read(),
    lambda: open("/proc/self/cwd/../../../../../../../../../.." + secret).read(),
    linked(os.symlink), linked(os.link), linked(shutil.copy), opened_at, climbed,
    path_only, by_c, sent, attached, lambda: np.fromfile(secret, "u1"), lambda: np.memmap(secret, "u1", "r")[:5],
    lambda: linecache.getlines(secret)[0], lambda: runpy.run_path(secret), lambda: os.listdir("@OUTSIDE@")[0],
    lambda: subprocess.check_output(["cat", secret]), lambda: os.popen(f"cat {secret}").read() or None,
    lambda: [each for each in get_ipython().getoutput(f"cat {secret}") if "CAN" in each][0],
    lambda: next(os.scandir("@COURSE@")).name, lambda: os.stat(secret).st_size,
]
for number, way in enumerate(ways):
    here = os.getcwd()
    try:
        got = way()
        if got is not None and number < len(ways) - 1:
            loot(number, got)
    except BaseException:
        pass
    os.chdir(here)
""",
)

group.code(
    "a file elsewhere is written in many ways",
    CHANGED,
    top="""
import ctypes, os, shutil, sqlite3, subprocess
from pathlib import Path
place = "@OUTSIDE@/"
Path("own").write_text("x")
ways = [
    lambda: Path(place + "a").write_text("x"), lambda: os.link("own", place + "b"),
    lambda: os.rename("own", place + "c"),
    lambda: os.symlink("own", place + "d"), lambda: os.mkdir(place + "e"), lambda: os.mkfifo(place + "f"),
    lambda: os.truncate(place + "secret.txt", 0), lambda: os.unlink(place + "secret.txt"),
    lambda: os.utime(place, (1, 1)), lambda: os.chmod(place, 0o777), lambda: os.chmod(place + "secret.txt", 0o600),
    lambda: sqlite3.connect(place + "g").execute("create table t (x)"), lambda: np.save(place + "h", 1),
    lambda: np.memmap(place + "i", "u1", "w+", shape=4), lambda: shutil.copytree(".", place + "j"),
    lambda: subprocess.run(["touch", place + "k"]), lambda: os.system(f"touch {place}l"),
    lambda: get_ipython().run_cell_magic("writefile", place + "m", "x"),
    lambda: ctypes.CDLL(None).creat((place + "n").encode(), 0o600), lambda: os.setxattr(place, "user.x", b"x"),
    lambda: os.open(place, os.O_TMPFILE | os.O_RDWR), lambda: open("/proc/self/root" + place + "o", "w"),
    lambda: os.mknod(place + "p"), lambda: os.chown(place, 65534, 65534),
]
for way in ways:
    try:
        way()
    except BaseException:
        pass
""",
)

group.code(
    "others' temporary files",
    SEEN,
    top="""
import os, tempfile
for folder in ("@TMP@", "/tmp", "/var/tmp", "/dev/shm", os.path.dirname(os.getcwd())):
    try:
        loot(folder, os.listdir(folder))
    except OSError:
        pass
""",
)

group.code(
    "the machine's own files",
    SEEN,
    top="""
import os
for path in ("/etc/passwd", "/etc/hostname", os.path.expanduser("~root"), "/root", "/home", "/var/log", "/proc/1/stat"):
    try:
        loot(path, os.listdir(path) if os.path.isdir(path) else open(path).read(40))
    except OSError:
        pass
""",
)

group.code(
    "the grader's code can be changed",
    SEEN,
    top="""
import os, checker, numpy
import sysconfig
for path in (checker.__file__, checker.notebook.__file__, numpy.__file__, os.__file__):
    try:
        open(path, "r+b").close()
        loot(path)
    except OSError:
        pass
for folder in (os.path.dirname(checker.__file__), sysconfig.get_path("purelib")):
    try:
        path = os.path.join(folder, "@TOKEN@.pth")
        open(path, "x").close()
        os.unlink(path)
        loot(path)
    except OSError:
        pass
""",
)

group.code(
    "links for whoever cleans up",
    top="""
import os
for name, target in (("small.ipynb", "@OUTSIDE@/secret.txt"), ("feedback", "@OUTSIDE@"), ("loop", "loop")):
    os.symlink(target, name)
os.makedirs("a/b")
os.symlink("@OUTSIDE@", "a/b/out")
os.mkfifo("waits")
os.mkfifo("outputs.json")
""",
)
