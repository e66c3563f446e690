"""A hook that writes down when it ran and what it knew: hook.py FILE NAME [OPTION]...

A line of JSON for each run goes to FILE. Options: what it says, how it ends, and when.
"""
import argparse
import json
import os
import sys
import time


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("name")
    parser.add_argument("--say", action="append", default=[], help="a line for stdout, then one for stderr")
    parser.add_argument("--lines", type=int, default=0, help="so many numbered lines")
    parser.add_argument("--exit", type=int, default=0)
    parser.add_argument("--until", help="ends once this file exists")
    parser.add_argument("--only-replica", help="of another one it ends well at once")
    parser.add_argument("--only-revision", help="of another one it ends well at once")
    options = parser.parse_args()
    known = {name: value for name, value in os.environ.items() if name.startswith("SVC_")}
    for index, line in enumerate(options.say):
        print(line, file=sys.stderr if index % 2 else sys.stdout, flush=True)
    for number in range(options.lines):
        print(f"line {number} {'x' * 100}")
    sys.stdout.flush()
    tell(options, {"name": options.name, "pid": os.getpid(), **known})
    if options.only_replica and known.get("SVC_REPLICA") != options.only_replica:
        return 0
    if options.only_revision and known.get("SVC_REVISION") != options.only_revision:
        return 0
    while options.until and not os.path.exists(options.until):
        time.sleep(0.01)
    tell(options, {"name": options.name + " ended", "pid": os.getpid(), **known})
    return options.exit


def tell(options, what):
    with open(options.file, "a", encoding="utf-8") as file:
        file.write(json.dumps(what) + "\n")


sys.exit(main())
