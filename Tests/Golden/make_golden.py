#!/usr/bin/env python3
"""Writes the golden files in Tests/Golden/data: small models, inputs, and what float64 PyTorch makes of them.

    python3 Tests/Golden/make_golden.py [CASE...]     all cases, or those named; the last bits depend on the machine

CASE.model.safetensors is a model file. CASE.expect.safetensors holds, for it (image values and batches are midpoint-noise ones, so a
fractional value v + u - 1/2 encodes any noise u):

    input                       f32 [n, ...]
    z, logdet, score            f64, batch norm with the stored statistics; score is that of the mixture for a gaussian_mixture prior
    score_classes               f64 [n, components], with a gaussian_mixture prior: log p(x | class)
    labels                      f32 [n], cases trained with labels: the class of each input, -1 for unknown
    negative, negative_floor    f32 [m, ...], f64 [1], cases of negative training: out-of-distribution samples, some above the floor
    loss, gradient_norm         f64 [1], training mode: batch norm with the batch's statistics (inputs and negatives together), no
                                dropout; mean negative log-likelihood in nats, with labels and negatives where the case has them
    gradient.TENSOR             f64, of that loss, for every trainable tensor
    batches, losses, learning_rate   f32 [steps, n, ...], f64 [steps], f64 [1]: losses of Adam steps from the model's weights (some cases)
    losses_adamw, losses_rmsprop, weight_decay   f64 [steps] twice, f64 [1]: the same steps by AdamW and RMSprop, with that weight decay
                                on the gains (new cases with training steps)
    generated.TENSOR            f64 [3]: seed, mean, spread. A case whose weights are many has no model file but these, and its
                                description in the metadata entry "weir" of the expectations; see golden_weights.generated. Of a long
                                gradient there, gradient.TENSOR holds every stride.TENSOR-th (f64 [1]) number only, from the first
    deviation.NAME              f64 [1], how far PyTorch's float32 is from float64 on the same thing: the largest difference, or for
                                gradients the norm of the difference; for loss the root mean square over its samples, whose errors may
                                cancel in the mean by luck; for losses the largest relative one. The worst of several equivalent ways of
                                computing (batch order, one at a time, convolution library), since one way may be lucky too.

A gradient whose true value is zero (a bias in front of batch norm) is rounding noise: compare gradients with an allowance that grows
with gradient_norm.
"""

import argparse
import json
import os
import warnings

import torch
from safetensors.torch import save_file

from golden_cases import CASES
from golden_weights import make_model
from reference_flow import ReferenceFlow

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data")
STEPS = 20
LEARNING_RATE = 2e-3
WEIGHT_DECAY = 0.3
LONG = 4096  # numbers of a generated case's gradient from which it is thinned out
ONLY_ADAM = ("multiscale", "tabular")  # recorded before the other optimizers


def make_inputs(shape, count, generator):
    if len(shape) == 1:
        return 1.0 + 2.0 * torch.randn((count,) + shape, generator=generator)
    # Pixels that depend on their neighbours, with black and white ones; every second image with its own noise.
    field = torch.randn((count,) + shape, generator=generator)
    field = field + field.roll(1, -1) + field.roll(1, -2)
    pixels = (128 + 90 * field).clamp(0, 255).round()
    noise = torch.rand((count,) + shape, generator=generator) * 0.98 - 0.49
    noise[::2] = 0
    return pixels + noise


def make_batch(case, generator):
    """The labels and negative samples that the loss takes beside the inputs."""
    batch = {}
    if case.labels:
        batch["labels"] = torch.arange(case.samples) % (case.prior["components"] + 1) - 1
    if case.negatives:
        batch["negative"] = make_inputs(case.shape, case.negatives, generator)
    return batch


def negative_floor(flow, x, negative):
    """In the widest gap between their log-likelihoods, so that rounding moves no sample across."""
    with torch.no_grad():
        outside = flow.training_likelihoods(x, negative=negative)[1].sort()[0]
    gap = torch.argmax(outside.diff())
    return 0.5 * (outside[gap] + outside[gap + 1]).item()


def largest(a, b):
    return (a.double() - b).abs().max()


def ways(count):
    """Equivalent ways of computing a batch in float32: (order of the samples, convolution library on)."""
    forwards = torch.arange(count)
    return [(forwards, True), (forwards, False), (forwards.flip(0), True), (forwards.roll(1), False)]


def reordered(batch, order):
    return {name: value[order] if name == "labels" else value for name, value in batch.items()}


def stride(value):
    """For about a thousand numbers; odd, so that it walks through all axes."""
    return value.numel() // 1000 | 1 if value.numel() > LONG else 1


def thinned(value, generated):
    return value.flatten()[::stride(value)] if generated and stride(value) > 1 else value


def samples_of_loss(flow, x, batch):
    with torch.no_grad():
        inside, outside = flow.training_likelihoods(x, **{name: batch[name] for name in ("labels", "negative") if name in batch})
    return inside, outside[outside > batch.get("floor", -torch.inf)]


def expected(spec, tensors, x, batch, generated):
    exact = ReferenceFlow(spec, tensors)
    with torch.no_grad():
        z, logdet = exact.forward(x)
        score = exact.log_likelihood(z, logdet)
        turned = exact.inverse(z)[0]
    # The transpose of a rounded rotation is its inverse within rounding only.
    exactness = 1e-5 if any(step["op"] == "rotation" for step in spec["steps"]) else 1e-9
    assert largest(turned, x.double()) < exactness, "the reference does not invert itself"
    samples = samples_of_loss(exact, x, batch)
    loss, gradients = exact.gradients(x, **batch)
    norm = torch.sqrt(sum((value ** 2).sum() for value in gradients.values()))
    results = {"z": z, "logdet": logdet, "score": score, "loss": loss.reshape(1), "gradient_norm": norm.reshape(1)}
    if spec["prior"]["type"] == "gaussian_mixture":
        results["score_classes"] = exact.score_classes(x)
    for name, value in gradients.items():
        results[f"gradient.{name}"] = thinned(value, generated)

    single = ReferenceFlow(spec, tensors, torch.float32)
    deviations = {name: torch.zeros(1, dtype=torch.float64) for name in results}

    def note(name, value):
        deviations[name] = torch.maximum(deviations[name], value.detach().double().reshape(1))

    for order, library in ways(len(x)):
        with torch.backends.mkldnn.flags(enabled=library):
            for part in (order, *order[:, None]):
                with torch.no_grad():
                    z32, logdet32 = single.forward(x[part])
                    note("z", largest(z32, z[part]))
                    note("logdet", largest(logdet32, logdet[part]))
                    note("score", largest(single.log_likelihood(z32, logdet32), score[part]))
                    if "score_classes" in results:
                        note("score_classes", largest(single.score_classes(x[part]), results["score_classes"][part]))
            inside, outside = samples_of_loss(single, x[order], reordered(batch, order))
            errors = torch.cat((inside.double() - samples[0][order], outside.double() - samples[1]))
            note("loss", errors.square().mean().sqrt())
            gradients32 = single.gradients(x[order], **reordered(batch, order))[1]
            note("gradient_norm", (torch.sqrt(sum((value.double() ** 2).sum() for value in gradients32.values())) - norm).abs())
            for name, value in gradients32.items():
                note(f"gradient.{name}", (thinned(value, generated).double() - results[f"gradient.{name}"]).norm())
    return results, deviations


def train(spec, tensors, batches, kind, weight_decay, dtype, order=None):
    flow = ReferenceFlow(spec, tensors, dtype)
    optimizer = flow.optimizer(kind, weight_decay)
    order = slice(None) if order is None else order
    return torch.tensor([flow.step(optimizer, batch[order], LEARNING_RATE) for batch in batches], dtype=torch.float64)


def expected_training(name, spec, tensors, batches):
    results, deviations = {"batches": batches, "learning_rate": torch.tensor([LEARNING_RATE], dtype=torch.float64)}, {}
    runs = [("losses", "Adam", 5e-5)]
    if name not in ONLY_ADAM:
        runs += [("losses_adamw", "AdamW", WEIGHT_DECAY), ("losses_rmsprop", "RMSprop", WEIGHT_DECAY)]
        results["weight_decay"] = torch.tensor([WEIGHT_DECAY], dtype=torch.float64)
    for entry, kind, weight_decay in runs:
        losses = train(spec, tensors, batches, kind, weight_decay, torch.float64)
        relative = torch.zeros(1, dtype=torch.float64)
        for order, library in ways(batches.shape[1]):
            with torch.backends.mkldnn.flags(enabled=library):
                single = train(spec, tensors, batches, kind, weight_decay, torch.float32, order)
            relative = torch.maximum(relative, ((single - losses) / losses).abs().max().reshape(1))
        results[entry], deviations[entry] = losses, relative
    return results, deviations


def write(name, kind, content, metadata):
    path = os.path.join(DATA, f"{name}.{kind}.safetensors")
    save_file({key: value.contiguous() for key, value in content.items()}, path, metadata=metadata)
    return os.path.getsize(path)


def make(name, case, seed):
    spec, tensors, rules = make_model(case, seed)
    generator = torch.Generator().manual_seed(1000 + seed)
    x = make_inputs(case.shape, case.samples, generator)
    batch = make_batch(case, generator)
    if case.negatives:
        batch["floor"] = negative_floor(ReferenceFlow(spec, tensors), x, batch["negative"])
    results, deviations = expected(spec, tensors, x, batch, case.generated)
    assert all(torch.isfinite(value).all() for value in results.values()), name
    if case.training:
        batches = torch.stack([make_inputs(case.shape, case.samples, generator) for _ in range(STEPS)])
        for found, more in zip((results, deviations), expected_training(name, spec, tensors, batches)):
            found.update(more)
    if case.labels:
        results["labels"] = batch["labels"].float()
    if case.negatives:
        results.update({"negative": batch["negative"], "negative_floor": torch.tensor([batch["floor"]], dtype=torch.float64)})
    content = {"input": x, **results, **{f"deviation.{key}": value for key, value in deviations.items()}}
    description = {"weir": json.dumps(spec, separators=(",", ":"))}
    if case.generated:
        content.update({f"generated.{key}": torch.tensor(rule, dtype=torch.float64) for key, rule in rules.items()})
        content.update({f"stride.{key}": torch.tensor([stride(value)], dtype=torch.float64) for key, value in tensors.items()
                        if stride(value) > 1})
        size = write(name, "expect", content, {"case": name, **description})
    else:
        size = write(name, "model", tensors, description) + write(name, "expect", content, {"case": name})
    worst = max(value for key, value in deviations.items() if key.startswith("gradient.")) / results["gradient_norm"]
    line = f"{name:18} {size:9,} bytes   score {results['score'].mean():10.3f}   float32 apart: gradient {worst.item():.1e} of its norm"
    shown = ("z", "score", "score_classes", "loss", "losses", "losses_adamw", "losses_rmsprop")
    print(line + "".join(f", {key} {deviations[key].item():.1e}" for key in shown if key in deviations), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="*", metavar="CASE", help="default: all")
    options = parser.parse_args()
    if unknown := set(options.cases) - set(CASES):
        parser.error(f"no case is called {', '.join(sorted(unknown))}")
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", message="TF32")
    os.makedirs(DATA, exist_ok=True)
    for seed, (name, case) in enumerate(CASES.items()):
        if not options.cases or name in options.cases:
            make(name, case, seed)
    print(f"{sum(entry.stat().st_size for entry in os.scandir(DATA)):,} bytes in {DATA}")


if __name__ == "__main__":
    main()
