"""The JSON Schemas that are installed (man/schema.py), and whether a value is as one says. jsonschema is Debian's."""
import copy
import importlib.util
import json
import pathlib

from supervisor import BUILD

DIRECTORY = BUILD / "man"
NAMES = sorted(path.name.removesuffix(".schema.json") for path in DIRECTORY.glob("*.schema.json"))


def why_not():
    """Why nothing can be validated here, or nothing."""
    return "" if importlib.util.find_spec("jsonschema") else "there is no jsonschema (python3-jsonschema)"


def read(name):
    return json.loads(pathlib.Path(DIRECTORY / f"{name}.schema.json").read_text(encoding="utf-8"))


def strict(schema):
    """Of this release alone: no other members, and no other words than those that the page lists."""
    if isinstance(schema, list):
        return [strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    changed = {key: strict(value) for key, value in schema.items()}
    if "properties" in schema and schema.get("type") == "object":
        changed["additionalProperties"] = False
    if isinstance(schema.get("examples"), list):
        changed["enum"] = schema["examples"]
    return changed


def problems(value, schema):
    import jsonschema
    return [f"{error.json_path}: {error.message}"
            for error in jsonschema.Draft202012Validator(schema).iter_errors(value)]


def check_schema(schema):
    import jsonschema
    jsonschema.Draft202012Validator.check_schema(schema)


def mutations(value, where=()):
    """(what was done, the value with one thing wrong), for each part of it; of an array, its first item."""
    def put(what, new):
        return f"{'.'.join(map(str, where)) or 'all'}: {what}", new

    if isinstance(value, dict):
        yield put("null", None)
        yield put("array", [])
        yield put("a member more", {**value, "nobody_knows_this": 1})
        for name, inner in value.items():
            for what, wrong in mutations(inner, (*where, name)):
                yield what, {**value, name: wrong}
    elif isinstance(value, list):
        yield put("object", {})
        yield put("text", "")
        if value:
            for what, wrong in mutations(value[0], (*where, 0)):
                yield what, [wrong, *copy.copy(value[1:])]
    else:
        yield put("null", None)
        yield put("array", [value])
        yield put("of another type", str(value) if not isinstance(value, str) else 7)
