/// A coupling layer: (s, t) = net(id part); y = (x + t) exp(s) on the changed part (Dinh et al., RealNVP, 2017).
public struct Coupling: Sendable, Hashable {
  /// Whether the changed part is scaled.
  public enum Transform: String, Sendable, Hashable, CaseIterable {
    /// y = (x + t) exp(s)
    case affine
    /// y = x + t
    case additive
  }

  /// How the changed part is transformed.
  public var transform: Transform
  /// Which part feeds the net, and which part changes.
  public var mask: CouplingMask
  /// The st-network that gives shift and scale.
  public var net: CouplingNet

  /// A coupling of a mask and a net that fits its shape.
  public init(transform: Transform = .affine, mask: CouplingMask, net: CouplingNet) {
    self.transform = transform
    self.mask = mask
    self.net = net
  }

  var json: JSONText {
    .object([
      ("op", .string("coupling")), ("transform", .string(transform.rawValue)), ("mask", mask.json), ("net", net.json),
    ])
  }
}

/// Which part of the input passes unchanged and feeds the network; `reversed` exchanges the parts.
public enum CouplingMask: Sendable, Hashable {
  /// Cells where row + column is odd pass.
  case checkerboard(reversed: Bool)
  /// The second half of the channels passes.
  case channel(reversed: Bool)
  /// The top half passes.
  case horizontal(reversed: Bool)
  /// The left half passes.
  case vertical(reversed: Bool)
  /// The first half of the dimensions passes.
  case tabular(reversed: Bool)
  /// Quadrant `from` feeds the network, quadrant `to` is changed, the others pass unseen. 0 is top-left, then clockwise.
  case cycle(from: Int, to: Int)

  var json: JSONText {
    func plain(_ type: String, _ reversed: Bool) -> JSONText {
      .object([("type", .string(type)), ("reverse", .bool(reversed))])
    }
    switch self {
    case .checkerboard(let reversed): return plain("checkerboard", reversed)
    case .channel(let reversed): return plain("channel", reversed)
    case .horizontal(let reversed): return plain("horizontal", reversed)
    case .vertical(let reversed): return plain("vertical", reversed)
    case .tabular(let reversed): return plain("tabular", reversed)
    case .cycle(let from, let to):
      return .object([("type", .string("cycle")), ("from", .integer(from)), ("to", .integer(to))])
    }
  }
}

/// The network of a coupling layer.
public enum CouplingNet: Sendable, Hashable {
  /// A residual convolutional network, for images.
  case resnet(ResNet)
  /// Linear, ReLU, `layers` x [Linear, ReLU], Linear, for tables and embeddings.
  case mlp(hidden: Int, layers: Int)

  var json: JSONText {
    switch self {
    case .resnet(let net): net.json
    case .mlp(let hidden, let layers):
      .object([("type", .string("mlp")), ("hidden", .integer(hidden)), ("layers", .integer(layers))])
    }
  }
}

/// A residual network: `blocks` residual blocks of 3x3 convolutions over `channels` channels.
public struct ResNet: Sendable, Hashable {
  /// Channels of the inner maps.
  public var channels: Int
  /// Residual blocks, of two 3x3 convolutions each.
  public var blocks: Int
  /// Every block's output also passes a 1x1 convolution into a running sum, which is the output.
  public var skip: Bool
  /// Batch norm before each rectifier.
  public var batchNorm: Bool
  /// Weights stored as direction and gain per output channel.
  public var weightNorm: Bool
  /// Factor on the normalised input; 2 under a checkerboard mask with batch norm, where half of the cells are zero.
  public var inputScale: Int

  /// A residual network; the defaults are the paper's.
  public init(
    channels: Int, blocks: Int, skip: Bool = true, batchNorm: Bool = true, weightNorm: Bool = true, inputScale: Int = 1
  ) {
    self.channels = channels
    self.blocks = blocks
    self.skip = skip
    self.batchNorm = batchNorm
    self.weightNorm = weightNorm
    self.inputScale = inputScale
  }

  /// This network as it is used under `mask`.
  public func under(_ mask: CouplingMask) -> ResNet {
    var net = self
    if case .checkerboard = mask, batchNorm { net.inputScale = 2 } else { net.inputScale = 1 }
    return net
  }

  var json: JSONText {
    var members: [(String, JSONText)] = [
      ("type", .string("resnet")), ("channels", .integer(channels)), ("blocks", .integer(blocks)), ("skip", .bool(skip)),
      ("batch_norm", .bool(batchNorm)), ("weight_norm", .bool(weightNorm)),
    ]
    if inputScale != 1 { members.append(("input_scale", .integer(inputScale))) }
    return .object(members)
  }
}
