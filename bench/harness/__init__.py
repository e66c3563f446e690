"""What scripts/demo, bench/reload and bench/scale share: programs, processes, load, measurements."""
