"""Is what all topics share current, the list of the stubs and the README's table? Is nothing left over?"""

from ..build import orphans, shared
from .contents import Contents
from .coursework import complaint
from .findings import Looked


def looked(course: Contents) -> Looked:
    """The README's table and the list of the stubs; of all topics, also what belongs to none."""
    if course.package is None or course.lectures is None or course.topics.keys() != set(course.package.TOPICS):
        return Looked("generated", "not looked at, for not everything in solutions/ can be imported")
    outcomes = list(shared(course.root, course.package, write=False))
    outcomes += orphans(course.root, course.package) if course.whole else ()
    said = "README.md and coursework/ are " + ("not what solutions/ give" if outcomes else "what solutions/ give")
    return Looked("generated", said, tuple(map(complaint, outcomes)))
