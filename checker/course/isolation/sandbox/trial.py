"""A forbidden thing that is done for real, to see it refused."""

import errno
from collections.abc import Callable
from typing import NamedTuple

REFUSED = frozenset({errno.EPERM, errno.EACCES})
# Where nothing is there, nothing can be read either.
UNREADABLE = REFUSED | {errno.ENOENT}
UNWRITABLE = UNREADABLE | {errno.EROFS}


def stands(it: bool) -> None:
    """Be refused if it does, for what can only be looked up."""
    if it:
        raise PermissionError(errno.EPERM, "it stands")


class Try(NamedTuple):
    """`act` does the thing, and harmlessly should it succeed. It is refused by an OSError with one of the `errors`.

    Any other end of it, another error too, means that it got through: a call that is made with arguments that cannot
    be right is to be stopped before anybody looks at them.
    """

    name: str
    act: Callable[[], object]
    errors: frozenset[int] = REFUSED

    def got_through(self) -> str:
        """Do it: "" if it was refused, else what came of it."""
        try:
            self.act()
        except OSError as error:
            return "" if error.errno in self.errors else f"{self.name} ({error})"
        except Exception as error:
            return f"{self.name} ({type(error).__name__}: {error})"
        return self.name
