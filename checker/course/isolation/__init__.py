"""The judge and the judged in different processes: a sandboxed worker holds a student's notebook, and nothing else."""
