#!/usr/bin/env python3
"""The rules of the house, checked by machine: which part may know which, who may allocate, print or start threads, what the library
exports, what the tree may hold.

    house_rules.py [ROOT]                        check a tree
    house_rules.py [ROOT] --archive libweir.a    check what the library built from it exports
    house_rules.py --self-test                   show that every rule can fail

Each rule is a function Tree -> problems. Prints one line a rule and `N passed, M failed`."""

import argparse
import pathlib
import re
import subprocess
import sys

LINES_MOST = 600
BYTES_MOST = 5_000_000
TOP_LEVEL = {"Package.swift", "Sources", "CSupport", "Tests", "Examples", "README.md", "LICENSE"}
PER_FOLDER_NAMES = {"README.md", "Package.swift", "CMakeLists.txt", "module.modulemap", "main.c", "main.swift"}

# A folder of CSupport may include itself and what stands before it. (file reads models, and train writes them.)
C_LAYERS = ["base", "kernels", "layers", "nets", "bijectors", "model", "file", "train"]
SWIFT_MAY_IMPORT = {
    "Weir": {"CWeir"},
    "WeirData": {"Weir", "CWeir"},
    "WeirDetection": {"Weir", "CWeir"},
    "WeirReport": {"Weir", "CWeir", "WeirData", "WeirDetection"},
    "WeirCLI": {"Weir", "CWeir", "WeirData", "WeirDetection", "WeirReport"},
}
ENDS_OR_PRINTS = r"(?:v?f?printf|v?dprintf|puts|fputs|putchar|perror|abort|exit|_Exit|quick_exit|_exit|assert|longjmp|raise|signal)"
HEAP = r"(?:malloc|calloc|realloc|aligned_alloc|posix_memalign|free|strdup|strndup|alloca|getline)"
THREADS = r"(?:pthread_\w+|thrd_\w+|fork|vfork|clone|dispatch_\w+|GOMP_\w+|omp_\w+|__kmpc_\w+)"


class Tree:
    """The files of a checkout: tracked, and untracked ones that git does not ignore."""

    def __init__(self, root):
        self.root = pathlib.Path(root)
        try:
            listed = subprocess.run(
                ["git", "-C", str(root), "ls-files", "-coz", "--exclude-standard"], capture_output=True, check=True
            ).stdout.decode()
            names = [name for name in listed.split("\0") if name]
        except (OSError, subprocess.CalledProcessError):
            names = [str(p.relative_to(root)) for p in self.root.rglob("*") if p.is_file()]
        self.files = sorted({name for name in names if (self.root / name).is_file() and "/.build/" not in f"/{name}"})

    def text(self, name):
        return (self.root / name).read_text(encoding="utf-8", errors="replace")

    def under(self, folder, *suffixes):
        return [name for name in self.files if name.startswith(folder + "/") and name.endswith(suffixes)]

    def c_sources(self):
        return self.under("CSupport", ".c", ".h", ".inl", ".def")


def c_code(text):
    """C without comments and string contents; line numbers stay."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)

    def blank(match):
        found = match.group(0)
        if found[0] in "\"'":
            return found[0] + found[0]
        return " " + "\n" * found.count("\n")

    return pattern.sub(blank, text)


def calls(tree, names, pattern):
    """Places that call a function whose name matches, as (file, line, call). Members (`x->free(`) are not calls of that function."""
    call = re.compile(r"(?<![\w.>])" + pattern + r"\s*\(")
    for name in names:
        for number, line in enumerate(c_code(tree.text(name)).splitlines(), 1):
            for match in call.finditer(line):
                yield name, number, match.group(0).rstrip("( ")


def includes(text):
    """(line, header) of each #include."""
    for number, line in enumerate(text.splitlines(), 1):
        match = re.match(r'\s*#\s*include\s*[<"]([^>"]+)[>"]', line)
        if match:
            yield number, match.group(1)


def rule_include_direction(tree):
    for name in tree.c_sources():
        parts = name.split("/")
        if parts[1] not in C_LAYERS:
            continue
        allowed = C_LAYERS[: C_LAYERS.index(parts[1]) + 1]
        for number, header in includes(tree.text(name)):
            top = header.split("/")[0]
            if top in C_LAYERS and top not in allowed:
                yield f"{name}:{number} includes {header}: {parts[1]} may not know {top}"
            elif ".." in header:
                yield f"{name}:{number} includes {header}: paths start at CSupport"
            elif header == "weir_train.h" and parts[1] != "train":
                yield f"{name}:{number} includes weir_train.h: only train may"


def rule_heap_only_in_arena(tree):
    for name, number, call in calls(tree, tree.c_sources(), HEAP):
        if name != "CSupport/base/arena.c":
            yield f"{name}:{number} calls {call}: only base/arena.c may reach the heap"


def rule_threads_only_in_parallel(tree):
    heads = ("pthread.h", "threads.h", "omp.h", "dispatch/dispatch.h")
    for name in tree.c_sources():
        if name == "CSupport/base/parallel.c":
            continue
        for number, header in includes(tree.text(name)):
            if header in heads:
                yield f"{name}:{number} includes {header}: only base/parallel.c may start threads"
        for number, line in enumerate(c_code(tree.text(name)).splitlines(), 1):
            if re.match(r"\s*#\s*pragma\s+omp\b", line):
                yield f"{name}:{number} uses an OpenMP pragma: only base/parallel.c may start threads"
    for name, number, call in calls(tree, tree.c_sources(), THREADS):
        if name != "CSupport/base/parallel.c":
            yield f"{name}:{number} calls {call}: only base/parallel.c may start threads"


def rule_blas_only_in_gemm_blas(tree):
    for name in tree.c_sources():
        if name == "CSupport/kernels/gemm/gemm_blas.c":
            continue
        for number, header in includes(tree.text(name)):
            if re.search(r"cblas|lapack|openblas", header):
                yield f"{name}:{number} includes {header}: only kernels/gemm/gemm_blas.c may"
    for name, number, call in calls(tree, tree.c_sources(), r"(?:cblas_\w+|LAPACKE_\w+|openblas_\w+)"):
        if name != "CSupport/kernels/gemm/gemm_blas.c":
            yield f"{name}:{number} calls {call}: only kernels/gemm/gemm_blas.c may"


def rule_library_never_prints_or_ends(tree):
    for name, number, call in calls(tree, tree.c_sources(), ENDS_OR_PRINTS):
        yield f"{name}:{number} calls {call}: the library may not print or end its host"


def rule_unique_file_names(tree):
    seen = {}
    for name in tree.files:
        base = name.rsplit("/", 1)[-1]
        if base in PER_FOLDER_NAMES or name.startswith(".") or base.startswith("."):
            continue
        # Case is folded: some disks can't tell `Flow.swift` from `flow.swift`.
        first = seen.setdefault(base.lower(), name)
        if first != name:
            yield f"{name} has the same file name as {first}"


def rule_file_sizes(tree):
    for name in tree.files:
        size = (tree.root / name).stat().st_size
        if size > BYTES_MOST:
            yield f"{name} is {size} bytes, over {BYTES_MOST}"
        if name.endswith((".c", ".h", ".cpp", ".inl", ".def", ".swift", ".py", ".sh")):
            lines = tree.text(name).count("\n")
            if lines > LINES_MOST:
                yield f"{name} has {lines} lines, over {LINES_MOST}"


def rule_top_level(tree):
    for entry in sorted({name.split("/")[0] for name in tree.files}):
        if entry not in TOP_LEVEL and not entry.startswith("."):
            yield f"top level holds {entry}, outside the agreed shape"


def rule_no_unsafe_flags(tree):
    for name in tree.files:
        if name.endswith("Package.swift"):
            for number, line in enumerate(tree.text(name).splitlines(), 1):
                if "unsafeFlags" in line:
                    yield f"{name}:{number} has unsafeFlags, which SwiftPM refuses in a dependency"


def rule_swift_imports(tree):
    ours = set(SWIFT_MAY_IMPORT) | {"CWeir"}
    statement = re.compile(
        r"^\s*(?:@\w+(?:\([^)]*\))?\s+)*(?:(?:public|package|internal|private|fileprivate)\s+)?import\s+"
        r"(?:(?:struct|class|enum|protocol|func|var|let|typealias)\s+)?(\w+)"
    )
    for module, allowed in SWIFT_MAY_IMPORT.items():
        for name in tree.under(f"Sources/{module}", ".swift"):
            for number, line in enumerate(tree.text(name).splitlines(), 1):
                match = statement.match(line)
                if not match:
                    continue
                imported = match.group(1)
                if imported in ours and imported not in allowed:
                    yield f"{name}:{number} imports {imported}: {module} may not know it"
                if imported.startswith("Foundation") and module == "Weir":
                    yield f"{name}:{number} imports {imported}: Weir does without Foundation"


def rule_every_slot_has_reference_and_check(tree):
    table = "CSupport/kernels/kernels.def"
    if table not in tree.files:
        yield f"{table} is missing"
        return
    slots = re.findall(r"^\s*WEIR_KERNEL(?:_\w+)?\(\s*(\w+)\s*\)", tree.text(table), re.M)
    if not slots:
        yield f"{table} names no slot"
    references = {name: c_code(tree.text(name)) for name in tree.under("CSupport/kernels", "_ref.c")}
    checks = "\n".join(c_code(tree.text(name)) for name in tree.under("Tests/KernelTests", ".c"))
    for slot in slots:
        family = slot.split("_")[0]
        own = references.get(f"CSupport/kernels/{family}/{family}_ref.c", "")
        if not re.search(rf"\bweir_k_{slot}_ref\s*\(", own):
            yield f"slot {slot}: kernels/{family}/{family}_ref.c does not define weir_k_{slot}_ref"
        if not re.search(rf"\bint\s+check_{slot}\s*\(", checks):
            yield f"slot {slot}: no check_{slot} in Tests/KernelTests"


def rule_no_machine_paths(tree):
    # Spelled in pieces, so that this file does not break its own rule.
    machine = re.compile("(?<![\\w.])/(?:" + "|".join(["wo" + "rk/", "ro" + "ot/", "ho" + "me/\\w"]) + ")")
    for name in tree.files:
        if name.endswith((".safetensors", ".gz", ".npy", ".npz", ".png", ".pt")):
            continue
        for number, line in enumerate(tree.text(name).splitlines(), 1):
            if machine.search(line):
                yield f"{name}:{number} holds a path of somebody's machine"


def declared_functions(header):
    """Functions that the text of a public header declares."""
    return set(re.findall(r"\bWEIR_API\b[^;{]*?\b(weir_\w+)\s*\(", c_code(header)))


def public_names(tree):
    return declared_functions("".join(tree.text(name) for name in tree.under("CSupport/include", ".h")))


def archive_symbols(archive):
    """(name, visibility) of every global symbol that the archive defines."""
    listing = subprocess.run(["readelf", "--syms", "--wide", str(archive)], capture_output=True, check=True, text=True).stdout
    for line in listing.splitlines():
        parts = line.split()
        if len(parts) >= 8 and parts[4] in ("GLOBAL", "WEAK", "UNIQUE") and parts[6] != "UND":
            yield parts[7], parts[5]


def rule_exported_symbols(tree, archive):
    public = public_names(tree)
    seen = set()
    for name, visibility in archive_symbols(archive):
        seen.add(name)
        if visibility == "DEFAULT" and name not in public:
            yield f"{archive} exports {name}, which no public header declares"
        elif visibility != "DEFAULT" and not name.startswith(("weir_i_", "weir_k_")) and name not in public:
            yield f"{archive} defines {name}: internal names start with weir_i_ or weir_k_, or are static"
    for name in sorted(public - seen):
        yield f"{archive} does not define {name}, which a public header declares"


RULES = [value for name, value in sorted(globals().items()) if name.startswith("rule_") and name != "rule_exported_symbols"]


def title(rule):
    return rule.__name__[len("rule_"):].replace("_", " ")


def check(root, archive):
    tree = Tree(root)
    if archive:
        checks = [(title(rule_exported_symbols), list(rule_exported_symbols(tree, archive)))]
    else:
        checks = [(title(rule), list(rule(tree))) for rule in RULES]
    failed = 0
    for name, problems in checks:
        print(f"{'FAIL' if problems else 'ok  '} {name}")
        for problem in problems:
            print(f"     {problem}")
        failed += bool(problems)
    print(f"{len(checks) - failed} passed, {failed} failed")
    return failed == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", nargs="?", default=pathlib.Path(__file__).resolve().parents[2])
    parser.add_argument("--archive", help="check what this libweir.a exports, and nothing else")
    parser.add_argument("--self-test", action="store_true", help="show that every rule can fail")
    options = parser.parse_args()
    if options.self_test:
        import house_rules_self_test

        sys.exit(0 if house_rules_self_test.run() else 1)
    sys.exit(0 if check(options.root, options.archive) else 1)


if __name__ == "__main__":
    main()
