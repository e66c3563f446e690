"""JSON Schema (draft 2020-12) of what svc prints with --json, from what svc(1) says of it in its section JSON.

The page is the only place where it is written down: tests/tidy/manual.py holds it against the control protocol's
interface, and tests/integration/test_json.py holds what svc prints against the schema. An object that a verb prints
(its text begins with "Of ") becomes a file, NAME.schema.json. Members that a later release adds are allowed, and a word
that svc uses by now is an example, because there will be others.

Usage: schema.py svc.1.scd DIRECTORY, or as a module: read_types(page), schema_of(name, types).
"""
import json
import pathlib
import re
import sys

PLAIN = {"string": "string", "int": "integer", "bool": "boolean", "float": "number"}
MEMBER = re.compile(r"^- \*(\w+)\* _((?:\?|\[(?:string)?\])*\w+)_(?:: (.*))?$")
WORDS = r'"[^"]*"(?:, "[^"]*")*'


def plain(text):
    """Without scdoc's marks."""
    return " ".join(re.sub(r"(?<!\w)[*_]([^*_]+(?:_[^*_]+)*)[*_](?!\w)", r"\1", text.replace("\\", "")).split())


def read_types(page):
    """name → (its text, its members: name → (type, text)), and the words of each enumeration."""
    section = re.search(r"^# JSON\n(.*?)^# ", page, flags=re.MULTILINE | re.DOTALL).group(1)
    types = {}
    for block in re.split(r"^## ", section, flags=re.MULTILINE)[1:]:
        title, _, text = block.partition("\n")
        before, *items = re.split(r"^(?=- \*)", text, flags=re.MULTILINE)
        after = ""
        members = {}
        for item in items:
            item, _, rest = item.partition("\n\n")  # what follows the list
            after += " " + rest
            found = MEMBER.match(" ".join(item.replace("\\", "").split()))
            if not found:
                sys.exit(f"svc.1: {title}: no member with a type: {item}")
            members[found.group(1)] = (found.group(2), plain(found.group(3) or ""))
        # An object that may be empty has members that are told to be there all the same.
        always = re.search(r"Only (\w+) is ever missing", plain(before))
        if always:
            members = {name: (kind if name == always.group(1) else kind.lstrip("?"), said)
                       for name, (kind, said) in members.items()}
        types[title.strip()] = (plain(before), members, plain(after))
    return types


def words_of(name, text, after):
    """What a string can be, where the page begins with that, and with nothing else that it can be."""
    listed = re.match(rf"({WORDS})(?=$|[;:]| \()", text)
    if listed:
        words = re.findall(r'"([^"]*)"', listed.group(0))
        return words + ([""] if "; empty:" in text else [])
    listed = re.search(rf"A {name} is one of: ([\w, ]+)\.", after)
    return listed.group(1).split(", ") if listed else []


def member_schema(name, kind, text, after, types):
    if kind.startswith("?"):
        return member_schema(name, kind[1:], text, after, types)
    said = {"description": text} if text else {}
    if kind.startswith("[]"):
        return {**said, "type": "array", "items": member_schema(name, kind[2:], "", "", types)}
    if kind.startswith("[string]"):
        values = member_schema(name, kind.removeprefix("[string]"), "", "", types)
        return {**said, "type": "object", "additionalProperties": values}
    if kind in types:
        return {**said, "$ref": f"#/$defs/{kind}"}
    words = words_of(name, text, after)
    # What is no type of the page is an enumeration of the interface.
    return {**said, "type": PLAIN.get(kind, "string"), **({"examples": words} if words else {})}


def object_schema(name, types):
    text, members, after = types[name]
    return {
        **({"description": text} if text else {}),
        "type": "object",
        "properties": {member: member_schema(member, kind, said, after, types)
                       for member, (kind, said) in members.items()},
        "required": [member for member, (kind, _) in members.items() if not kind.startswith("?")],
    }


def used_by(name, types, found):
    """`name` and all types that it is made of."""
    if name not in found:
        found.append(name)
        for kind, _ in types[name][1].values():
            inner = re.sub(r"\?|\[(?:string)?\]", "", kind)
            if inner in types:
                used_by(inner, types, found)
    return found


def is_printed(name, types):
    return types[name][0].startswith("Of ")


def schema_of(name, types):
    """Of all that is printed as `name`: one, or an array of them."""
    text = types[name][0]
    one = {"$ref": f"#/$defs/{name}"}
    several = {"type": "array", "items": one}
    if "an array of these" not in text:
        printed = one
    elif re.search(r"\bNAME: one\b", text):
        printed = {"anyOf": [one, several]}
    else:
        printed = several
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:svc:schema:{name.lower()}",
        "title": f"svc --json: {name}",
        **printed,
        "$defs": {used: object_schema(used, types) for used in used_by(name, types, [])},
    }


def main():
    page, directory = map(pathlib.Path, sys.argv[1:3])
    types = read_types(page.read_text(encoding="utf-8"))
    for name in types:
        if is_printed(name, types):
            path = directory / f"{name.lower()}.schema.json"
            path.write_text(json.dumps(schema_of(name, types), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
