"""`python -m bench`: all benchmarks; there is one."""

import sys

from bench.first_path import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
