"""What scripts/demo and bench/reload share: programs, processes, load, measurements."""
