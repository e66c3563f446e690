"""Files of at most 400 lines, functions of at most 60. A reason may stand beside a longer one:
`size: REASON` in a comment of a file's first lines, or right above the function."""
import ast
import re

from source import code_only, files, name, read, report

FILE_LINES = 400
FUNCTION_LINES = 60
REASON = re.compile(r"(//|#)\s*size: \S+")
SCOPE = re.compile(r"^(template\s*<.*>\s*)?(inline\s+|export\s+)*"
                   r"(namespace|class|struct|union|enum|extern)\b(?!.*\)\s*(const|noexcept|\s)*$)",
                   re.DOTALL)


def is_function(header):
    """Whether the text before a brace at namespace or class level opens a function's body."""
    header = re.sub(r"operator\s*[^\s(]+|\[\[[^\]]*\]\]", "operator", header.strip())
    depth, outside = 0, ""
    for character in header:
        depth += (character == "(") - (character == ")")
        if depth == 0:
            outside += character
    return "(" in header and "=" not in outside


def functions(text):
    """(first line, last line, heading) of every function body in C++ as clang-format writes it."""
    stack, header, line = [], "", 1
    start = 1
    for character in code_only(text):
        if character == "\n":
            line += 1
        if character == "{":
            if any(kind != "scope" for kind, _, _ in stack):
                stack.append(("other", line, ""))
            elif SCOPE.match(header.strip()):
                stack.append(("scope", line, ""))
            else:
                kind = "function" if is_function(header) else "other"
                stack.append((kind, start, " ".join(header.split())))
            header = ""
        elif character == "}":
            kind, first, heading = stack.pop() if stack else ("other", line, "")
            if kind == "function":
                yield first, line, heading
            header = ""
        elif character == ";":
            header = ""
        else:
            if not header.strip():
                start = line
            header += character


def python_functions(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.lineno, node.end_lineno, node.name


def findings_of(path):
    text = read(path)
    lines = text.splitlines()
    reasoned = any(REASON.search(line) for line in lines[:15])
    if len(lines) > FILE_LINES and not reasoned:
        yield f"{name(path)}: {len(lines)} lines; at most {FILE_LINES}: split it by concern"
    if path.suffix not in (".h", ".cpp", ".py"):
        return
    found = python_functions(text) if path.suffix == ".py" else functions(text)
    for first, last, heading in found:
        near = lines[max(0, first - 5):first + 2]
        if last - first + 1 > FUNCTION_LINES and not any(REASON.search(line) for line in near):
            yield (f"{name(path)}:{first}: {last - first + 1} lines; at most {FUNCTION_LINES}: "
                   f"{heading[:60]}")


def main():
    sources = files(".h", ".cpp", ".c", ".py", ".sh", "")
    findings = [finding for path in sources for finding in findings_of(path)]
    report(findings, f"{len(sources)} files")


main()
