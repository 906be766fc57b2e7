"""`python -m pictures [NAME ...]`: make the pictures anew, all of them or the named ones, in this folder.

`browser` stands for those that a browser takes while its tests run (`tests/test_browser.py`, `tests/test_pictures.py`):
they need the extra [browser], Chromium and its driver. The others need the extra [notebook], for matplotlib.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from . import draw, terminal

FOLDER = Path(__file__).parent
BROWSER = "browser"
TESTS = ("tests/test_browser.py", "tests/test_pictures.py")


def main() -> int:
    """Make the pictures that were named, in order; 1 if a browser's tests fail."""
    known = (*terminal.PICTURES, *draw.PICTURES, BROWSER)
    parser = argparse.ArgumentParser(prog="python -m pictures", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of {', '.join(known)} (default: all)")
    failed = 0
    for name in parser.parse_args().names or known:
        if name == BROWSER:
            failed = photographed()
            continue
        path = FOLDER / f"{name}.svg"
        if name in terminal.PICTURES:
            terminal.write(terminal.PICTURES[name], path)
        elif name in draw.PICTURES:
            draw.write(draw.PICTURES[name](), path)
        else:
            parser.error(f"no picture is called {name!r}; there are {', '.join(known)}")
        print(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
    return failed


def photographed() -> int:
    """Run the tests that take pictures; 1 if one fails."""
    command = [sys.executable, "-m", "pytest", "-q", "-m", "slow", "-k", "browser", *TESTS]
    environment = {**os.environ, "PICTURES": str(FOLDER)}
    return int(subprocess.run(command, cwd=FOLDER.parent, env=environment, check=False).returncode != 0)


if __name__ == "__main__":
    sys.exit(main())
