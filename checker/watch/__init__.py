"""Check again on every save.

`verb` is the command, `standby` a process that waits with everything loaded, `edited` says what an edit concerns, and
`screen` shows what is known.
"""
