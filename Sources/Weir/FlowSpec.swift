/// A flow's architecture: what `Trainer.create` builds, and the "weir" entry of a model file.
///
/// ```swift
/// let spec = try FlowSpec.realnvp(shape: [1, 28, 28], scales: 2, channels: 32, blocks: 2)
/// print(spec.json)   // {"version":1,"input":{"shape":[1,28,28],"levels":256}, ...
/// ```
public struct FlowSpec: Sendable, Hashable {
  /// [c, h, w] for images, [dims] for tables and embeddings.
  public var shape: [Int]
  /// 256 for 8-bit images, 0 for continuous data.
  public var levels: Int
  /// The invertible steps, data to latent.
  public var steps: [FlowStep]

  /// An architecture of any steps; the engine checks that they fit together.
  public init(shape: [Int], levels: Int, steps: [FlowStep]) {
    self.shape = shape
    self.levels = levels
    self.steps = steps
  }

  /// The description on one line of JSON.
  public var json: String {
    JSONText.object([
      ("version", .integer(1)),
      ("input", .object([("shape", .array(shape.map { .integer($0) })), ("levels", .integer(levels))])),
      ("prior", .object([("type", .string("standard_normal"))])),
      ("steps", .array(steps.map(\.json))),
    ]).text
  }
}

/// One invertible step.
public enum FlowStep: Sendable, Hashable {
  /// Integers v to (v + u) / 256.
  case dequantize
  /// p = ((2y - 1) margin + 1) / 2, z = log p - log(1 - p).
  case logit(margin: Double)
  /// A coupling layer.
  case coupling(Coupling)
  /// 2x2 space to channels: [c, h, w] to [4c, h/2, w/2].
  case squeeze
  /// The first `keep` channels go on; the others join the latent.
  case factorOut(keep: Int)
  /// z = (x - mean) / scale with fixed tensors, per channel or per dimension: standardisation.
  case affine

  var json: JSONText {
    switch self {
    case .dequantize: .object([("op", .string("dequantize"))])
    case .logit(let margin): .object([("op", .string("logit")), ("margin", .number(margin))])
    case .coupling(let coupling): coupling.json
    case .squeeze: .object([("op", .string("squeeze"))])
    case .factorOut(let keep): .object([("op", .string("factor_out")), ("keep", .integer(keep))])
    case .affine: .object([("op", .string("affine"))])
    }
  }
}
