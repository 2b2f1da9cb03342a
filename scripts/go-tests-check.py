#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""go-tests-check.py - docs/go-tests.md speaks of tests that exist. Run from the top of the tree.

Each row of its tables has a name of Go's, what Go asserts, and "file:function, ..." below tests/, or "none: why". Fails
where such a function is not there, where none of the files has Go's name in it, where a name has two rows, and where a
test of the runtime has a name of Go's that no row has.
"""
import glob
import re
import sys

TABLE = "docs/go-tests.md"
FAILURES = []


def fail(text):
    FAILURES.append(f"{TABLE}: {text}")


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""


def rows():
    for line in read(TABLE).splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and len(cells) == 3 and cells[0] not in ("Go's test", "---"):
            yield cells


def has_word(text, word):
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) is not None


def check_row(name, here):
    if re.match(r"none: \S", here):
        return
    texts = []
    for place in here.split(", "):
        path, _, function = place.partition(":")
        texts.append(read(f"tests/{path}"))
        if not re.search(rf"(_TEST\({function}\)|^static void {function}\(void \*\*state\))$", texts[-1], re.M):
            fail(f"{name}: no test {place}")
    if not any(has_word(text, name) for text in texts):
        fail(f"{name}: the name is not in {here}")


def main():
    names = []
    for name, _, here in rows():
        if name in names:
            fail(f"{name} has two rows")
        names.append(name)
        check_row(name, here)
    if not names:
        fail("no rows")
    for path in glob.glob("tests/*/test_runtime_*.c"):
        for name in sorted(set(re.findall(r"\bTest[A-Z]\w*", read(path))) - set(names)):
            fail(f"{name}, in {path}, has no row")
    print("\n".join(FAILURES), end="\n" if FAILURES else "")
    return 1 if FAILURES else 0


sys.exit(main())
