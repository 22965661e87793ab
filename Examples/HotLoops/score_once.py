"""Opens an ONNX graph, scores one input and ends: what compare_start.py times as a whole process.

    score_once.py onnxruntime|openvino GRAPH.onnx INPUT.npy THREADS

Prints the log-likelihood, and the seconds that all but starting Python and importing the runtime took.
"""

import sys
import time

import numpy as np


def onnx_runtime(graph, x, threads):
    import onnxruntime

    start = time.perf_counter()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0], start


def openvino(graph, x, threads):
    import openvino as ov

    start = time.perf_counter()
    core = ov.Core()
    compiled = core.compile_model(core.read_model(graph), "CPU", {
        "INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"})
    return compiled.create_infer_request().infer({"x": x})[compiled.output(0)], start


RUNTIMES = {"onnxruntime": onnx_runtime, "openvino": openvino}

if __name__ == "__main__":
    name, graph, inputs, threads = sys.argv[1:]
    nats, start = RUNTIMES[name](graph, np.load(inputs).astype(np.float32), int(threads))
    print(float(nats[0]), time.perf_counter() - start)
