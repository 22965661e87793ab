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
  /// y = (x + bias) exp(log_scale) per channel, or per dimension of a table. The first batch of a fresh training sets both so that its
  /// own output has zero mean and unit variance (Kingma and Dhariwal, Glow, 2018).
  case actNorm
  /// A c x c matrix over the channels of every pixel, from a random rotation on. Not trainable, it stays that rotation.
  case conv1x1(trainable: Bool = true)
  /// Channel k, or dimension k of a table, is what was number `order[k]`; `order` holds each of 0..<c once.
  case permute([Int])
  /// Channels, or dimensions of a table, in reverse order.
  case reverse
  /// A fixed orthogonal matrix over the dimensions of a table, such as the principal axes of the data.
  case rotation

  var json: JSONText {
    func step(_ op: String, _ members: (String, JSONText)...) -> JSONText { .object([("op", .string(op))] + members) }
    switch self {
    case .dequantize: return step("dequantize")
    case .logit(let margin): return step("logit", ("margin", .number(margin)))
    case .coupling(let coupling): return coupling.json
    case .squeeze: return step("squeeze")
    case .factorOut(let keep): return step("factor_out", ("keep", .integer(keep)))
    case .affine: return step("affine")
    case .actNorm: return step("actnorm")
    case .conv1x1(let trainable): return step("conv1x1", ("trainable", .bool(trainable)))
    case .permute(let order): return step("permute", ("order", .array(order.map { .integer($0) })))
    case .reverse: return step("reverse")
    case .rotation: return step("rotation")
    }
  }
}
