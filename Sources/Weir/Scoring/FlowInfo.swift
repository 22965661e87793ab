import CWeir

/// Shape, sizes and cost of a flow.
public struct FlowInfo: Sendable, Hashable {
  /// [c, h, w] for images, [dims] for tables and embeddings.
  public let shape: [Int]
  /// Numbers in one sample.
  public let dims: Int
  /// 256 for 8-bit images, 0 for continuous data.
  public let levels: Int
  /// Invertible steps.
  public let stepCount: Int
  /// Trainable numbers.
  public let parameters: Int
  /// Bytes that the model holds.
  public let modelBytes: Int
  /// Multiplications and additions to score one sample.
  public let flops: Double
  /// Kernel set in use: "ref", "avx2", "avx512", "avx512bf16" or "neon".
  public let instructionSet: String
  /// "standard_normal", "learned_normal" or "gaussian_mixture".
  public let prior: String
  /// Components of a gaussian_mixture prior, the classes that `Session.scoreClasses` tells apart; 1 otherwise.
  public let components: Int

  /// True for images [c, h, w].
  public var isImage: Bool { shape.count == 3 }

  /// Bits per dimension of a log-likelihood in nats: -log P / (dims ln 2).
  public func bitsPerDimension(_ logLikelihood: Double) -> Double {
    -logLikelihood / (Double(dims) * 0.693147180559945309417)
  }

  init(_ model: OpaquePointer) throws(WeirError) {
    var info = weir_model_info()
    info.struct_size = MemoryLayout<weir_model_info>.size
    try checkEngine("info", weir_model_get_info(model, &info))
    shape = Array([info.shape.0, info.shape.1, info.shape.2].prefix(info.rank))
    dims = info.dims
    levels = info.levels
    stepCount = info.steps
    parameters = info.parameters
    modelBytes = info.model_bytes
    flops = info.flops
    instructionSet = String(cString: info.isa)
    prior = String(cString: info.prior)
    components = info.components
  }
}

/// One invertible step of a flow.
public struct StepDescription: Sendable, Hashable {
  /// "coupling", "squeeze", ...
  public let op: String
  /// [c, h, w] before the step.
  public let inputShape: [Int]
  /// [c, h, w] after the step.
  public let outputShape: [Int]
  /// Trainable numbers.
  public let parameters: Int
  /// Multiplications and additions for one sample.
  public let flops: Double
  /// "checkerboard", "channel", ...; nil for steps without a mask.
  public let mask: String?
  /// "resnet", "mlp", ...; nil for steps without a network.
  public let net: String?
  /// What scoring runs for it, in order; one or more.
  public let layers: [LayerDescription]

  init(_ model: OpaquePointer, _ index: Int) throws(WeirError) {
    var step = weir_step_info()
    step.struct_size = MemoryLayout<weir_step_info>.size
    try checkEngine("steps", weir_model_get_step(model, index, &step))
    op = String(cString: step.op)
    inputShape = [step.input_shape.0, step.input_shape.1, step.input_shape.2]
    outputShape = [step.output_shape.0, step.output_shape.1, step.output_shape.2]
    parameters = step.parameters
    flops = step.flops
    mask = step.mask[0] == 0 ? nil : String(cString: step.mask)
    net = step.net[0] == 0 ? nil : String(cString: step.net)
    var layers: [LayerDescription] = []
    for layer in 0..<step.layers { layers.append(try LayerDescription(model, step: index, layer: layer)) }
    self.layers = layers
  }
}
