"""The schema of --json, as svc.1 documents it (its section JSON, which tests/tidy/manual.py compares with the control
protocol's interface), and whether a value is as it says."""
import pathlib
import re

PAGE = pathlib.Path(__file__).resolve().parents[2] / "man" / "svc.1.scd"
PLAIN = {"string": str, "int": int, "bool": bool}


def read_types():
    """Members and their types, by the name of their object."""
    page = PAGE.read_text(encoding="utf-8").replace("\\", "")
    section = re.search(r"^# JSON\n(.*?)^# ", page, flags=re.MULTILINE | re.DOTALL).group(1)
    types = {}
    for block in re.split(r"^## ", section, flags=re.MULTILINE)[1:]:
        title, _, text = block.partition("\n")
        types[title.strip()] = dict(re.findall(r"^- \*(\w+)\* _((?:\?|\[(?:string)?\])*\w+)_", text, flags=re.MULTILINE))
    return types


TYPES = read_types()


def problems(value, kind, where):
    """What of `value` is not as the page says of `kind`: "?[]string", "Status", ..."""
    if kind.startswith("?"):
        return problems(value, kind[1:], where)
    if kind.startswith("[]"):
        if not isinstance(value, list):
            return [f"{where} is no array"]
        return [problem for at, item in enumerate(value) for problem in problems(item, kind[2:], f"{where}[{at}]")]
    if kind.startswith("[string]"):
        if not isinstance(value, dict):
            return [f"{where} is no object"]
        return [problem for key, item in value.items()
                for problem in problems(item, kind.removeprefix("[string]"), f"{where}.{key}")]
    if kind == "float":  # JSON has one kind of number
        return [] if type(value) in (int, float) else [f"{where} is no number: {value!r}"]
    if kind not in TYPES:
        # An enumeration is a word.
        return [] if type(value) is PLAIN.get(kind, str) else [f"{where} is not of type {kind}: {value!r}"]
    if not isinstance(value, dict):
        return [f"{where} is no object"]
    members = TYPES[kind]
    found = [f"{where}.{name} is missing" for name, of in members.items()
             if name not in value and not of.startswith("?")]
    for name, item in value.items():
        found += (problems(item, members[name], f"{where}.{name}") if name in members
                  else [f"{where}.{name} is not documented"])
    return found
