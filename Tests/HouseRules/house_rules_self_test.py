"""Shows that every house rule can fail: a small tree that keeps all rules, then one change for each way of breaking one."""

import pathlib
import subprocess
import tempfile

import house_rules

GOOD = {
    "Package.swift": "// swift-tools-version: 6.0\n",
    "README.md": "# A tree\n",
    "CSupport/include/weir.h": "#define WEIR_API\nWEIR_API int weir_answer(int question);\n",
    "CSupport/base/arena.c": "#include <stdlib.h>\nvoid *weir_i_get(unsigned long n) { return malloc(n); }\n",
    "CSupport/base/parallel.c": "void GOMP_parallel(void);\nvoid weir_i_run(void) { GOMP_parallel(); }\n",
    "CSupport/kernels/kernels.def": "WEIR_KERNEL(gemm_forward)\n",
    "CSupport/kernels/gemm/gemm_ref.c": "void weir_k_gemm_forward_ref(void) {}\n",
    "CSupport/kernels/gemm/gemm_blas.c": "#include <cblas.h>\n",
    "CSupport/file/model_file.c": '#include "base/json.h"\n// malloc(1) in a comment\nconst char *t = "abort()";\n'
    "void f(struct a *a) { a->free(a); }\n",
    "CSupport/train/trainer.c": '#include "file/safetensors.h"\n#include "weir_train.h"\n',
    "Sources/Weir/Flow.swift": "import CWeir\n",
    "Sources/WeirCLI/Main.swift": "import Foundation\nimport WeirReport\n",
    "Tests/KernelTests/check_gemm.c": "int check_gemm_forward(void) { return 0; }\n",
}

# (rule, file, text): the file, changed or new, breaks the rule and no other.
BROKEN = [
    ("include_direction", "CSupport/base/bad.c", '#include "kernels/kernels.h"\n'),
    ("include_direction", "CSupport/model/bad.c", '#include "file/safetensors.h"\n'),
    ("include_direction", "CSupport/kernels/bad.h", '  # include "layers/conv.h"\n'),
    ("include_direction", "CSupport/nets/bad.c", '#include "../layers/conv.h"\n'),
    ("include_direction", "CSupport/model/bad.c", '#include "weir_train.h"\n'),
    ("heap_only_in_arena", "CSupport/nets/bad.c", "void f(void *p) { free(p); }\n"),
    ("heap_only_in_arena", "CSupport/nets/bad.c", "void *f(void) { return calloc (1, 2); }\n"),
    ("threads_only_in_parallel", "CSupport/nets/bad.c", "#include <pthread.h>\n"),
    ("threads_only_in_parallel", "CSupport/nets/bad.c", "void f(void) {\n  #pragma omp parallel for\n}\n"),
    ("threads_only_in_parallel", "CSupport/nets/bad.c", "void f(void) { GOMP_parallel(); }\n"),
    ("blas_only_in_gemm_blas", "CSupport/nets/bad.c", "#include <cblas.h>\n"),
    ("blas_only_in_gemm_blas", "CSupport/nets/bad.c", "void f(void) { LAPACKE_sgetrf(); }\n"),
    ("library_never_prints_or_ends", "CSupport/nets/bad.c", 'void f(void) { printf("x"); }\n'),
    ("library_never_prints_or_ends", "CSupport/nets/bad.c", 'void f(void) { fprintf(stderr, "x"); }\n'),
    ("library_never_prints_or_ends", "CSupport/nets/bad.c", "void f(void) { abort(); }\n"),
    ("library_never_prints_or_ends", "CSupport/nets/bad.c", "void f(int n) { assert(n > 0); }\n"),
    ("unique_file_names", "Sources/WeirData/flow.swift", "\n"),
    ("file_sizes", "CSupport/nets/bad.c", "\n" * (house_rules.LINES_MOST + 1)),
    ("file_sizes", "Examples/bad.bin", "x" * (house_rules.BYTES_MOST + 1)),
    ("top_level", "notes/bad.txt", "\n"),
    ("no_unsafe_flags", "Package.swift", '.unsafeFlags(["-O3"])\n'),
    ("swift_imports", "Sources/Weir/Bad.swift", "import WeirData\n"),
    ("swift_imports", "Sources/Weir/Bad.swift", "import Foundation\n"),
    ("swift_imports", "Sources/Weir/Bad.swift", "@preconcurrency public import FoundationEssentials\n"),
    ("swift_imports", "Sources/WeirDetection/Bad.swift", "import WeirData\n"),
    ("swift_imports", "Sources/WeirData/Bad.swift", "@testable import struct WeirReport.Report\n"),
    ("every_slot_has_reference_and_check", "CSupport/kernels/kernels.def", ""),
    ("every_slot_has_reference_and_check", "CSupport/kernels/gemm/gemm_ref.c", "// weir_k_gemm_forward_ref()\n"),
    ("every_slot_has_reference_and_check", "Tests/KernelTests/check_gemm.c", "int check_gemm_weights(void) { return 0; }\n"),
    ("no_machine_paths", "Tests/bad.txt", "/" + "root/notes\n"),
]

# (what, C source): an archive made of it breaks the rule on exported symbols.
GOOD_SOURCE = "int weir_answer(int q) { return q; }\n" '__attribute__((visibility("hidden"))) int weir_i_x(void) { return 1; }\n'
BROKEN_SOURCES = [
    ("a stray export", GOOD_SOURCE + "int stray(void) { return 1; }\n"),
    ("an internal export", GOOD_SOURCE + "int weir_i_open(void) { return 1; }\n"),
    ("an undeclared export", GOOD_SOURCE + "int weir_secret;\n"),
    ("a hidden name without prefix", GOOD_SOURCE + '__attribute__((visibility("hidden"))) int stray(void) { return 1; }\n'),
    ("a public function that is missing", "int weir_i_y;\n"),
]


def write(root, files):
    for name, text in files.items():
        path = pathlib.Path(root) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def archive(folder, source):
    """A static library of one C source; with hidden visibility off, so that what is not marked is exported."""
    path = pathlib.Path(folder)
    (path / "part.c").write_text(source)
    (path / "libpart.a").unlink(missing_ok=True)
    subprocess.run(["cc", "-c", "part.c", "-o", "part.o"], cwd=path, check=True)
    subprocess.run(["ar", "rc", "libpart.a", "part.o"], cwd=path, check=True)
    return path / "libpart.a"


def run():
    passed = failed = 0

    def expect(what, good):
        nonlocal passed, failed
        passed, failed = passed + bool(good), failed + (not good)
        if not good:
            print(f"FAIL {what}")

    with tempfile.TemporaryDirectory() as root:
        write(root, GOOD)
        good = house_rules.Tree(root)
        for rule in house_rules.RULES:
            problems = list(rule(good))
            expect(f"{rule.__name__} on a good tree: {problems}", not problems)
        with tempfile.TemporaryDirectory() as scratch:
            problems = list(house_rules.rule_exported_symbols(good, archive(scratch, GOOD_SOURCE)))
            expect(f"exported symbols of a good archive: {problems}", not problems)
            for what, source in BROKEN_SOURCES:
                expect(f"exported symbols miss {what}", list(house_rules.rule_exported_symbols(good, archive(scratch, source))))

    for name, file, text in BROKEN:
        with tempfile.TemporaryDirectory() as root:
            write(root, {**GOOD, file: text})
            for rule in house_rules.RULES:
                problems = list(rule(house_rules.Tree(root)))
                if rule.__name__ == f"rule_{name}":
                    expect(f"{name} misses {file}: {text[:60]!r}", problems)
                else:
                    expect(f"{rule.__name__} also finds {problems} for {file}", not problems)

    tested = {name for name, _, _ in BROKEN}
    for rule in house_rules.RULES:
        expect(f"{rule.__name__} has no self-test", rule.__name__[len("rule_"):] in tested)
    print(f"{passed} passed, {failed} failed")
    return failed == 0
