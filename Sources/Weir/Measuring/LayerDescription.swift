import CWeir

/// What scoring runs for a part of a step: of a coupling the packing of its network's input, the network's layers and the transform of the
/// rest; any other step is one layer.
///
/// ```swift
/// for layer in flow.steps[3].layers { print(layer.name, layer.kernel ?? "", layer.flops) }
/// ```
public struct LayerDescription: Sendable, Hashable {
  /// "pack", "conv3x3", "conv1x1", "linear", "gate", "transform", ...; of steps without a network their op, of the latents' density the prior.
  public let name: String
  /// The slot of the kernel table that does the arithmetic, for example "conv3x3_forward", or "winograd" for that family; nil for plain C.
  public let kernel: String?
  /// The slot that makes its input ready: "preact_forward" (batch norm, rectifier, halo); nil for none.
  public let preparation: String?
  /// [c, h, w] of the first input.
  public let inputShape: [Int]
  /// [c, h, w]
  public let outputShape: [Int]
  /// Multiplications and additions of its formula for one sample, whatever the kernel saves.
  public let flops: Double
  /// Bytes of inputs and outputs of one sample, each once, as they lie in memory.
  public let sampleBytes: Int
  /// Bytes of weights and other constants, each once, however many samples.
  public let weightBytes: Int

  init(_ model: OpaquePointer, step: Int, layer: Int) throws(WeirError) {
    var info = weir_layer_info()
    try checkEngine("layers", weir_model_get_layer(model, step, layer, &info))
    self.init(info)
  }

  init(_ info: weir_layer_info) {
    name = String(cString: info.name)
    kernel = info.kernel[0] == 0 ? nil : String(cString: info.kernel)
    preparation = info.preparation[0] == 0 ? nil : String(cString: info.preparation)
    inputShape = [info.input_shape.0, info.input_shape.1, info.input_shape.2]
    outputShape = [info.output_shape.0, info.output_shape.1, info.output_shape.2]
    flops = info.flops
    sampleBytes = info.sample_bytes
    weightBytes = info.weight_bytes
  }
}
