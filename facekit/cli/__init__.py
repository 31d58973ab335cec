"""The commands: parse, read, call, write. click and rich are used here and nowhere else."""
