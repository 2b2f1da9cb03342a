#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Every example in README.md and in the man pages runs as it is printed, and the pages leave nothing out.

README.md: blocks marked `sh` run one after the other in one shell; a `text` block is what the one before it prints; a
block marked `c` is the file that its first line names. Man pages: what stands between .EX and .EE, a C program if it
includes something, else shell. Blocks of other kinds (`bash`, `console`) are for the reader's machine and are not run.
"""
import glob
import os
import re
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from daemon import Daemon  # noqa: E402

SOURCE, BUILD = os.environ["BATON_SOURCE"], os.environ["BATON_BUILD"]
PREFIX = os.path.abspath("prefix")
# Runs the scripts in the arguments in one shell, each with its output in a file beside it, and ends what they started.
ONE_SHELL = """
trap 'status=$?; set +e; kill $(jobs -p) 2>/dev/null; wait; exit $status' EXIT
for script; do set -e; . "./$script" >"$script.out"; done
"""


def read(path):
    with open(os.path.join(SOURCE, path), encoding="utf-8") as file:
        return file.read()


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def run(*command, **options):
    """Runs COMMAND; fails with all it said unless it exits with 0."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=100, check=False, **options)
    assert done.returncode == 0, f"{command[:4]}: status {done.returncode}\n{done.stdout}"
    return done.stdout


def unroff(text):
    """What a reader of the page sees."""
    for escape, seen in ((r"\-", "-"), (r"\(aq", "'"), (r"\(dq", '"'), (r"\(ti", "~"), (r"\(ha", "^"), (r"\&", ""),
                         (r"\e", "\\")):
        text = text.replace(escape, seen)
    return text


class Examples(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        run("make", "-s", "-C", SOURCE, "B=" + os.path.relpath(BUILD, SOURCE), "NO_DEPS=1", "PREFIX=" + PREFIX, "install-files")
        os.environ["PKG_CONFIG_PATH"] = PREFIX + "/lib/pkgconfig"
        os.environ["LD_LIBRARY_PATH"] = PREFIX + "/lib"

    def setUp(self):
        self.home = os.getcwd()
        os.mkdir(self.id())
        os.chdir(self.id())

    def tearDown(self):
        os.chdir(self.home)

    def test_readme(self):
        blocks = re.findall(r"^```(\w+)\n(.*?)^```$", read("README.md"), re.DOTALL | re.MULTILINE)
        scripts, expected = [], {}
        for kind, text in blocks:
            if kind == "c":
                write(re.match(r"/\* (\S+\.c) ", text).group(1), text)
            elif kind == "sh":
                scripts.append(f"{len(scripts)}.sh")
                write(scripts[-1], text)
            elif kind == "text":
                expected[scripts[-1]] = text
        self.assertTrue(scripts and expected)
        run("bash", "-c", ONE_SHELL, "readme", *scripts)
        for script, text in expected.items():
            with open(script + ".out", encoding="utf-8") as printed:
                self.assertEqual(printed.read(), text)

    def test_man_pages(self):
        examples = 0
        with Daemon(tcp=False) as daemon:
            os.environ["BATON_SERVER"] = "unix:" + daemon.path
            for page in sorted(glob.glob(SOURCE + "/docs/*.[1-8]") + glob.glob(BUILD + "/man/*.[1-8]")):
                for text in re.findall(r"^\.EX\n(.*?)^\.EE$", read(page), re.DOTALL | re.MULTILINE):
                    self.run_example(unroff(text), f"{os.path.basename(page)}.{examples}")
                    examples += 1
        self.assertGreater(examples, 1)

    def run_example(self, text, name):
        os.mkdir(name)
        os.chdir(name)
        if text.startswith("#include"):
            write(name + ".c", text)
            run("sh", "-c", f"cc -Wall -Werror -o {name} {name}.c $(pkg-config --cflags --libs baton)")
            run("./" + name)
        else:
            write(name + ".sh", text)
            run("bash", "-c", ONE_SHELL, name, name + ".sh")
        os.chdir("..")

    def test_the_way_of_a_call_leads_through_functions_that_are_there(self):
        hops = re.findall(r"^\| `([\w/]+\.c)` \| (`.*?`) \|", read("ARCHITECTURE.md"), re.MULTILINE)
        self.assertGreater(len(hops), 20)
        missing = [f"{file} has no {function}" for file, functions in hops for function in re.findall(r"`(\w+)`", functions)
                   if not re.search(rf"(?m)^[\w ]+[ *]{function}\(", read(file))]
        self.assertEqual(missing, [])

    def test_the_pages_name_every_function_and_option(self):
        functions = set(re.findall(r"BATON_API[^;]*?\b(baton_\w+)\(", read("clientlib/baton.h")))
        self.assertGreater(len(functions), 30)
        self.assertEqual(functions - set(re.findall(r"\b(baton_\w+)\(", read(os.path.join(BUILD, "man/libbaton.3")))), set())
        options = set(re.findall(r"^  (--[\w-]+)", run("batond", "--help"), re.MULTILINE))
        page = unroff(read("docs/batond.8"))
        self.assertGreater(len(options), 4)
        self.assertEqual({option for option in options if option not in page}, set())


if __name__ == "__main__":
    unittest.main()
