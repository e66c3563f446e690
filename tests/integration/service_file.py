"""Service files from Python values."""
import json
import pathlib

PYTHON = "/usr/bin/python3"
WORKERS = pathlib.Path(__file__).resolve().parent / "workers"


def worker(*options, program="worker.py"):
    """The command of a test worker. -S -E: it starts in half the time."""
    return [PYTHON, "-S", "-E", str(WORKERS / program), *map(str, options)]


def toml_value(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(toml_value, value)) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml_value(item)}" for key, item in value.items()) + " }"
    return json.dumps(str(value))


def toml(tables):
    """A service file from {"service": {…}, "listener": [{…}], …}."""
    lines = []
    for table, content in tables.items():
        for entry in content if isinstance(content, list) else [content]:
            lines.append(f"[[{table}]]" if isinstance(content, list) else f"[{table}]")
            lines += [f"{key} = {toml_value(value)}" for key, value in entry.items()]
            lines.append("")
    return "\n".join(lines)


def service(command=None, **tables):
    """A service file's tables with one TCP listener and one replica, changed by `tables`:
    service(rollout={"replicas": 2}, stop=…). A table given as None is left out."""
    content = {
        "service": {"command": command or worker()},
        "listener": [{"name": "http", "address": "127.0.0.1:0", "nonblock": True}],
        "stop": {"grace": "60s"},
    }
    for table, change in tables.items():
        if change is None:
            content.pop(table, None)
        elif isinstance(change, dict):
            content[table] = {**content.get(table, {}), **change}
        else:
            content[table] = change
    return content
