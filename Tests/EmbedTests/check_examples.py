#!/usr/bin/env python3
"""Builds Examples/EmbedC, EmbedCpp and EmbedThreads by the lines of their READMEs, and Examples/Firmware, against installed libraries, and
runs them on a golden model: scores are those of Tests/Golden, exit codes the verdicts, and firmware never calls the heap.

    check_examples.py --prefix PREFIX --inference-prefix PREFIX --trap libheap_trap.so --folder FOLDER

FOLDER is made anew. Prints one line a check and `N passed, M failed`."""

import argparse
import json
import math
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "Tests/Golden/data"
MODEL = GOLDEN / "multiscale.model.safetensors"
TABLE = GOLDEN / "tabular.model.safetensors"
WARNINGS = "-Wall -Wextra -Wpedantic -Werror"
BITS_OFF = 1e-3  # scores have the goldens' own tolerance in EngineTests; here it is the unit, the order and the digits that count
TRAPPED = 99  # of heap_trap.c


def read_tensor(path, name):
    """(shape, values) of an f32 or f64 tensor of a safetensors file."""
    content = path.read_bytes()
    (length,) = struct.unpack_from("<Q", content)
    about = json.loads(content[8 : 8 + length])[name]
    begin, end = about["data_offsets"]
    number = {"F32": "f", "F64": "d"}[about["dtype"]]
    return about["shape"], [value for (value,) in struct.iter_unpack("<" + number, content[8 + length + begin : 8 + length + end])]


class Pictures:
    """The golden case's inputs as bytes, and the scores expected of them: nats, and bits per dimension."""

    def __init__(self):
        expected = GOLDEN / MODEL.name.replace(".model.", ".expect.")
        (count, channels, self.height, self.width), values = read_tensor(expected, "input")
        self.dims = channels * self.height * self.width
        # Every second input has noise of its own and is no picture of bytes.
        self.pixels = b"".join(bytes(map(int, values[i * self.dims : (i + 1) * self.dims])) for i in range(0, count, 2))
        self.nats = read_tensor(expected, "score")[1][::2]
        self.bits = [-score / (self.dims * math.log(2)) for score in self.nats]

    def one(self, index):
        return self.pixels[index * self.dims : (index + 1) * self.dims]

    def pgm(self, index, header="P5\n{} {}\n255\n"):
        return header.format(self.width, self.height).encode() + self.one(index)


class Examples:
    """Where things are, and how they are built and run."""

    def __init__(self, options):
        self.prefix, self.inference, self.trap, self.folder = options.prefix, options.inference_prefix, options.trap, options.folder
        self.environment = dict(os.environ, HOME=str(self.folder), CFLAGS=WARNINGS, CXXFLAGS=WARNINGS)
        self.deciders = [self.folder / example / way for example in ("EmbedC", "EmbedCpp") for way in ("build/decide", "decide")]
        self.pictures = Pictures()

    def build(self, *command):
        subprocess.run([str(word) for word in command], check=True, env=self.environment)

    def build_by_readme(self, name):
        """Runs the README's lines in a copy of the example; Weir is in $HOME/weir, as they say."""
        copy = self.folder / name
        shutil.copytree(ROOT / "Examples" / name, copy)
        lines = "\n".join(re.findall(r"```sh\n(.*?)```", (copy / "README.md").read_text(), re.S))
        subprocess.run(["bash", "-euxc", lines], check=True, env=self.environment, cwd=copy)

    def build_firmware(self, build, *options):
        self.build("cmake", "-S", ROOT / "Examples/Firmware", "-B", build, f"-DCMAKE_PREFIX_PATH={self.inference}", f"-DMODEL={MODEL}",
                   f"-DPICTURES={self.folder / 'pixels'}", *options)
        self.build("cmake", "--build", build)
        return build / "firmware"

    def run(self, program, *arguments, stdin=b"", trap=False):
        """(exit code, stdout, stderr)"""
        environment = dict(self.environment, LD_PRELOAD=str(self.trap)) if trap else self.environment
        done = subprocess.run([str(word) for word in (program, *arguments)], input=stdin, capture_output=True, env=environment)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def decide(self, program, picture, low="-inf", high="inf", model=MODEL):
        return self.run(program, model, low, high, stdin=picture)


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


def check_builds(examples):
    shutil.rmtree(examples.folder, ignore_errors=True)
    examples.folder.mkdir(parents=True)
    shutil.copytree(examples.prefix, examples.folder / "weir")
    (examples.folder / "pixels").write_bytes(examples.pictures.pixels)
    for name in ("EmbedC", "EmbedCpp", "EmbedThreads"):
        examples.build_by_readme(name)
    examples.build_firmware(examples.folder / "Firmware")


def check_verdicts(examples):
    for program in examples.deciders:
        for index, bits in enumerate(examples.pictures.bits):
            picture = examples.pictures.pgm(index)
            code, text, _ = examples.decide(program, picture, bits - 0.01, bits + 0.01)
            expect(code == 0 and text.endswith("belongs\n") and abs(float(text.split()[0]) - bits) < BITS_OFF, (program, bits, code, text))
            code, text, _ = examples.decide(program, picture, "-inf", bits - 0.01)
            expect(code == 1 and text.endswith("does not belong\n"), (program, "unlikely", code, text))
            code, text, _ = examples.decide(program, picture, bits + 0.01, "inf")
            expect(code == 1, (program, "too likely", code, text))


def check_picture_formats(examples):
    pictures = examples.pictures
    for program in examples.deciders:
        wanted = examples.decide(program, pictures.pgm(0))
        for same in (pictures.one(0), pictures.pgm(0, "P5 {} {} 255 "), pictures.pgm(0, "P5\n# by hand\n#\n{} # wide\n{}\n255\n")):
            expect(examples.decide(program, same) == wanted, (program, same))


def check_refusals(examples):
    pictures = examples.pictures
    bad_pictures = [b"", pictures.one(0)[:-1], pictures.one(0) + b"1", pictures.pgm(0)[:-1], pictures.pgm(0) + b"1",
                    pictures.pgm(0, "P5\n{} {}\n15\n"), pictures.pgm(0, "P2\n{} {}\n255\n"), pictures.pgm(0, "P5\n4 16\n255\n"), b"P5",
                    b"P5 99999999999999999999 8 255 "]
    for program in examples.deciders:
        for picture in bad_pictures:
            code, text, error = examples.decide(program, picture)
            expect(code == 2 and text == "" and "8x8" in error, (program, picture, code, error))
        for code, text, error in (
            examples.run(program),
            examples.decide(program, pictures.pgm(0), 3, 2),
            examples.decide(program, pictures.pgm(0), "three", 4),
            examples.decide(program, pictures.pgm(0), "nan", 4),
            examples.decide(program, pictures.pgm(0), model=examples.folder / "none"),
            examples.decide(program, pictures.one(0)[: read_tensor(TABLE.with_name("tabular.expect.safetensors"), "input")[0][1]], model=TABLE),
        ):
            expect(code == 2 and text == "" and error.startswith("decide: ") and error.count("\n") == 1, (program, code, text, error))


def check_score_many(examples):
    pixels = examples.pictures.pixels * 40
    program, wanted = examples.folder / "EmbedThreads/build/score_many", None
    for sessions, workers in ((1, 0), (4, 3), (3, 1), (5, 0)):
        code, text, error = examples.run(program, MODEL, sessions, workers, stdin=pixels)
        lines = sorted((line.split() for line in text.splitlines()), key=lambda words: int(words[0]))
        wanted = wanted or lines
        expect(code == 0 and lines == wanted, (sessions, workers, code, error))
    nats = examples.pictures.nats * 40
    expect(len(wanted) == len(nats) and all(abs(float(words[1]) - score) < 0.01 for words, score in zip(wanted, nats)), wanted)
    expect(examples.run(program, MODEL, 0, 0)[0] == 1, "no sessions")
    expect("none" in examples.run(program, "none", 1, 0)[2], "no model")


def numbers(text, name):
    """Of a line of the memory map."""
    line = re.search(rf"^ +{name}\b.*$", text, re.M)
    return [int(number) for number in re.findall(r"\d+", line.group(0))]


def check_firmware(examples):
    code, text, error = examples.run(examples.folder / "Firmware/firmware", trap=True)
    expect(code == 0 and error == "", (code, text, error))
    for index in range(len(examples.pictures.bits)):
        bits = examples.decide(examples.deciders[0], examples.pictures.pgm(index))[1].split()[0]
        expect(f"picture {index}: {bits} bits per dimension\n" in text, (index, bits, text))
    opened, model_bytes = numbers(text, "opened model")
    parts = [opened] + [numbers(text, name)[0] for name in ("for opening it", "session", "stack")]
    expect(opened == model_bytes, text)
    expect(min(parts) > 0 and numbers(text, "in all") == [sum(parts)], text)
    expect(numbers(text, "model file") == [MODEL.stat().st_size], text)
    print(text)


def check_firmware_short_of_memory(examples):
    for name, size in (("MODEL_MEMORY", 100000), ("SESSION_MEMORY", 1000)):
        program = examples.build_firmware(examples.folder / name, f"-D{name}={size}")
        code, text, _ = examples.run(program, trap=True)
        expect(code == 1 and name in text, (name, code, text))


def check_heap_trap(examples):
    code, _, error = examples.run(examples.deciders[0], MODEL, 0, 9, stdin=examples.pictures.pgm(0), trap=True)
    expect(code == TRAPPED and "calls of malloc" in error, (code, error))


CHECKS = [check_builds, check_verdicts, check_picture_formats, check_refusals, check_score_many, check_firmware,
          check_firmware_short_of_memory, check_heap_trap]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("--prefix", "--inference-prefix", "--trap", "--folder"):
        parser.add_argument(name, type=pathlib.Path, required=True)
    examples = Examples(parser.parse_args())
    failed = 0
    for check in CHECKS:
        try:
            check(examples)
            print("ok  ", check.__name__[len("check_") :], flush=True)
        except (AssertionError, OSError, subprocess.CalledProcessError) as problem:
            failed += 1
            print("FAIL", check.__name__[len("check_") :], problem, flush=True)
    print(f"{len(CHECKS) - failed} passed, {failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
