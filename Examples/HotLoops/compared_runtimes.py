"""The runtimes that compare.py times beside Weir, each built from a Weir model file.

All compute the log-likelihood with midpoint noise by the PyTorch module `Likelihood`; ONNX Runtime and OpenVINO run its ONNX graph,
ncnn what pnnx makes of it. What does not depend on the input is a constant in all of them: weight norm's weights, a 1x1 convolution's
log-det. A builder takes (model path, samples [batch, ...], threads, precision) and gives a function that scores those samples, or
raises `Unsupported`.
"""

import os
import subprocess
import tempfile
import warnings

import numpy as np
import torch
import torch.nn.functional as F

import compared_flows  # noqa: F401  the reference flow's modules come with it
import reference_steps
from reference_flow import ReferenceFlow
from reference_nets import weight


class Unsupported(Exception):
    """This runtime can't run this flow so; the message says why."""


def conv1x1_with_logdet(tensors, name, step, x, inverse):
    """A 1x1 convolution whose log|det| is a number of its step: slogdet is in no runtime's vocabulary."""
    matrix = tensors[name + ".weight"]
    return F.conv2d(x, matrix[:, :, None, None]), step["logdet"]


reference_steps.LINEAR["conv1x1_with_logdet"] = conv1x1_with_logdet


class Likelihood(torch.nn.Module):
    """Weir's model file as a PyTorch module: x f32 [n, c, h, w] (values 0..255) or [n, dims] to nats [n]."""

    def __init__(self, path):
        super().__init__()
        flow = ReferenceFlow.load(path, torch.float32)
        tensors = {name: value.detach() for name, value in flow.tensors.items()}
        for name in [name[:-len("_v")] for name in tensors if name.endswith(".weight_v")]:
            tensors[name] = weight(tensors, name[:-len(".weight")])
            del tensors[name + "_v"], tensors[name + "_g"]
        for index, step in enumerate(flow.spec["steps"]):
            if step["op"] == "conv1x1":
                pixels = flow.shapes[index][1] * flow.shapes[index][2]
                step["logdet"] = torch.linalg.slogdet(tensors[f"steps.{index}.weight"].double())[1].item() * pixels
                step["op"] = "conv1x1_with_logdet"
        flow.tensors, flow.parameters = tensors, {}
        self.flow = flow

    def forward(self, x):
        return self.flow.log_likelihood(*self.flow.forward(x))


def pytorch(path, samples, threads, precision):
    module = Likelihood(path).eval()
    if precision == "bf16":
        # Once, here: autocast would do it in every call.
        for name, value in module.flow.tensors.items():
            if ".net." in name and value.dim() > 1:
                module.flow.tensors[name] = value.bfloat16()

    def score():
        torch.set_num_threads(threads)
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            return module(samples).double().numpy()

    return score


def onnx_graph(path, samples):
    """The path of the ONNX graph for this batch, beside the model; made when it is not there yet."""
    graph = f"{path}.{len(samples)}.onnx"
    if not os.path.exists(graph):
        with warnings.catch_warnings(), torch.inference_mode():
            warnings.simplefilter("ignore")
            torch.onnx.export(Likelihood(path).eval(), (samples,), graph, input_names=["x"], output_names=["nats"], dynamo=False,
                              opset_version=17)
    return graph


def onnx_runtime(path, samples, threads, precision):
    if precision != "f32":
        raise Unsupported(f"no {precision} kernels on this CPU")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = onnxruntime.InferenceSession(onnx_graph(path, samples), options, providers=["CPUExecutionProvider"])
    inputs = {"x": samples.numpy()}
    return lambda: session.run(None, inputs)[0].astype(np.float64)


def openvino(path, samples, threads, precision):
    import openvino as ov

    core = ov.Core()
    compiled = core.compile_model(core.read_model(onnx_graph(path, samples)), "CPU", {
        "INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": precision})
    if compiled.get_property("INFERENCE_PRECISION_HINT").to_string() != precision:
        raise Unsupported(f"no {precision} on this CPU")
    request, inputs = compiled.create_infer_request(), {"x": samples.numpy()}
    return lambda: request.infer(inputs, share_inputs=True)[compiled.output(0)].astype(np.float64)


def ncnn_network(path, sample):
    """The stem of ncnn's .param and .bin for one sample, beside the model; made by pnnx when they are not there yet."""
    stem = f"{path}.ncnn"
    if not os.path.exists(stem + ".param"):
        import pnnx

        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(), torch.inference_mode():
            warnings.simplefilter("ignore")
            traced = os.path.join(folder, "flow.pt")
            torch.jit.trace(Likelihood(path).eval(), sample, check_trace=False).save(traced)
            shape = ",".join(str(size) for size in sample.shape)
            command = [pnnx.EXEC_PATH, traced, f"inputshape=[{shape}]f32", "fp16=0"]
            ran = subprocess.run(command, cwd=folder, capture_output=True, text=True)
            for suffix in (".param", ".bin"):
                made = os.path.join(folder, "flow.ncnn" + suffix)
                if not os.path.exists(made):
                    raise Unsupported(f"pnnx makes no network of it: {(ran.stderr or ran.stdout).strip().splitlines()[-1:]}")
                os.replace(made, stem + suffix)
    return stem


def ncnn(path, samples, threads, precision):
    import ncnn as library

    stem = ncnn_network(path, samples[:1])
    net = library.Net()
    net.opt.num_threads = threads
    # On by default, and then "f32" keeps the weights of matrix products in half precision.
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
    net.opt.use_bf16_storage = precision == "bf16"
    if net.load_param(stem + ".param") != 0 or net.load_model(stem + ".bin") != 0:
        raise Unsupported("ncnn does not load pnnx's network")
    inputs = [library.Mat(sample).clone() for sample in samples.numpy()]

    def once(sample):
        extractor = net.create_extractor()
        extractor.input("in0", sample)
        failed, out = extractor.extract("out0")
        if failed:
            raise Unsupported("ncnn does not run pnnx's network")
        return np.array(out).reshape(-1)[0]

    # ncnn has no batch: a batch is its samples one after another.
    return lambda: np.array([once(sample) for sample in inputs], np.float64)


RUNTIMES = {"PyTorch": pytorch, "ONNX Runtime": onnx_runtime, "OpenVINO": openvino, "ncnn": ncnn}
