"""The directive `verbs`: what `checker VERB --help` prints, a section for each verb, as the parser has them now."""

import contextlib
import io
import os
from typing import Any
from unittest import mock

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from checker import cli

#: How wide the help is printed.
COLUMNS = "96"


def help_of(*words: str) -> str:
    """What `checker WORDS --help` prints."""
    said = io.StringIO()
    with mock.patch.dict(os.environ, COLUMNS=COLUMNS), contextlib.redirect_stdout(said):
        cli.main([*words, "--help"])
    return said.getvalue()


class Verbs(SphinxDirective):
    """A section for each verb; its content lists those that are verbs of verbs, a line each."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """The sections, in the command line's own order."""
        below = [tuple(line.split()) for line in self.content]
        return [
            self._section(words)
            for verb in {**cli.VERBS, **cli._course_verbs()}
            for words in ((verb,), *(words for words in below if words[0] == verb))
        ]

    def _section(self, words: tuple[str, ...]) -> nodes.section:
        shown = nodes.literal_block(text := help_of(*words), text, language="text")
        section = nodes.section("", nodes.title("", "", nodes.literal("", " ".join(words))), shown)
        section["names"] = [" ".join(words)]
        self.state.document.note_implicit_target(section, section)
        return section


def setup(app: Any) -> dict[str, bool]:
    """Make the directive known."""
    app.add_directive("verbs", Verbs)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
