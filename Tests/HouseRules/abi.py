#!/usr/bin/env python3
"""What programs built against the library rely on, compared with the lists beside this file: which functions the headers declare and the
library exports (public_functions.txt), how the public structs lie in memory on 64-bit machines, and what the constants are
(public_structs.txt).

    abi.py [--library LIBRARY] [--compiler CC]   check the headers, and what a libweir.so exports
    abi.py --inference --library LIBRARY         the same without the trainer: libweir.so, or libweir.a, whose other names are local
    abi.py --update                              write the lists from the headers

Prints one line a check and `N passed, M failed`."""

import argparse
import pathlib
import re
import subprocess
import sys
import tempfile

from house_rules import c_code, declared_functions

FOLDER = pathlib.Path(__file__).resolve().parent
INCLUDE = FOLDER.parents[1] / "CSupport" / "include"
HEADERS = ["weir.h", "weir_train.h"]
FUNCTIONS = FOLDER / "public_functions.txt"
STRUCTS = FOLDER / "public_structs.txt"
ADVICE = (
    "If that is meant: weir.h says in which version it may change (WEIR_VERSION_MINOR while the major version is 0). "
    "Raise that version, run Tests/HouseRules/abi.py --update and commit the lists with it."
)


# Linkers add these to every shared library.
LINKERS_OWN = {"__bss_start", "_edata", "_end", "_init", "_fini"}


def functions(header):
    return sorted(declared_functions((INCLUDE / header).read_text()))


def members(body):
    """Names of a struct's members, in order."""
    for declaration in filter(None, (part.strip() for part in body.split(";"))):
        pointer = re.search(r"\(\s*\*\s*(\w+)\s*\)\s*\(", declaration)
        if pointer:
            yield pointer.group(1)
            continue
        for declarator in declaration.split(","):
            yield re.search(r"(\w+)\s*(?:\[[^\]]*\])?\s*$", declarator).group(1)


def structs(header):
    found = re.findall(r"typedef\s+struct\s+(weir_\w+)\s*\{([^}]*)\}\s*(\w+)\s*;", c_code((INCLUDE / header).read_text()))
    return [(name, list(members(body))) for _, body, name in found]


def constants(header):
    """The members of the header's enums, every one of which has its value written out."""
    return re.findall(r"^\s+(WEIR_\w+) = [^,]+,", c_code((INCLUDE / header).read_text()), re.MULTILINE)


def layout(compiler):
    """Lines `struct size`, `  member offset size` and `constant value`, as a program built with the headers prints them."""
    lines = ["#include <stddef.h>", "#include <stdio.h>", '#include "weir_train.h"', "int main(void) {"]
    for header in HEADERS:
        lines.append(f'puts("# {header}");')
        for name, names in structs(header):
            lines.append(f'printf("{name} %zu\\n", sizeof({name}));')
            for member in names:
                place = f"offsetof({name}, {member}), sizeof((({name} *)0)->{member})"
                lines.append(f'printf("  {member} %zu %zu\\n", {place});')
        lines += [f'printf("{name} %lld\\n", (long long){name});' for name in constants(header)]
    lines.append("return 0; }")
    with tempfile.TemporaryDirectory() as folder:
        source, program = pathlib.Path(folder) / "layout.c", pathlib.Path(folder) / "layout"
        source.write_text("\n".join(lines) + "\n")
        subprocess.run([compiler, "-std=c11", f"-I{INCLUDE}", str(source), "-o", str(program)], check=True)
        return subprocess.run([str(program)], check=True, capture_output=True, text=True).stdout.splitlines()


def listed_functions():
    """Functions of public_functions.txt by header."""
    found, header = {}, None
    for line in FUNCTIONS.read_text().splitlines():
        if line.startswith("# "):
            header = line[2:]
        elif line:
            found.setdefault(header, []).append(line)
    return found


def exported(library):
    which = "--extern-only" if library.endswith(".a") else "--dynamic"
    listing = subprocess.run(["nm", which, "--defined-only", library], check=True, capture_output=True, text=True).stdout
    return {line.split()[-1] for line in listing.splitlines() if len(line.split()) == 3} - LINKERS_OWN


def differences(what, wanted, got):
    yield from (f"{what}: {name} is listed and not there" for name in sorted(set(wanted) - set(got)))
    yield from (f"{what}: {name} is there and not listed" for name in sorted(set(got) - set(wanted)))


def check_functions():
    listed = listed_functions()
    for header in HEADERS:
        yield from differences(header, listed.get(header, []), functions(header))


def check_library(library, headers):
    listed = listed_functions()
    yield from differences(library, [name for header in headers for name in listed[header]], exported(library))


def check_structs(compiler):
    def named(lines):
        """Every line with the struct that it belongs to, so that members of different structs do not look alike."""
        owner = ""
        for line in lines:
            owner = owner if line.startswith(" ") else line.split()[0]
            yield line if owner in line else f"{owner}.{line.strip()}"

    yield from differences("name, offset, size", named(STRUCTS.read_text().splitlines()), named(layout(compiler)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--library", help="a library to check the exports of")
    parser.add_argument("--inference", action="store_true", help="the library was built without the trainer")
    parser.add_argument("--compiler", default="cc", help="for the headers")
    parser.add_argument("--update", action="store_true", help="write the lists")
    options = parser.parse_args()
    if options.update:
        FUNCTIONS.write_text("\n".join(line for header in HEADERS for line in [f"# {header}", *functions(header)]) + "\n")
        STRUCTS.write_text("\n".join(layout(options.compiler)) + "\n")
        return
    checks = [("declared functions", list(check_functions())), ("layout of structs", list(check_structs(options.compiler)))]
    if options.library:
        headers = HEADERS[:1] if options.inference else HEADERS
        checks.append(("exported functions", list(check_library(options.library, headers))))
    failed = 0
    for name, problems in checks:
        print(f"{'FAIL' if problems else 'ok  '} {name}")
        for problem in problems:
            print(f"     {problem}")
        if problems:
            print(f"     {ADVICE}")
        failed += bool(problems)
    print(f"{len(checks) - failed} passed, {failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
