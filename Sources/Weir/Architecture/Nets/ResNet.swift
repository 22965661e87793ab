/// A residual network: `blocks` residual blocks of 3x3 convolutions over `channels` channels.
public struct ResNet: CouplingNetwork {
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
  /// Numbers that the whole map passes through after half of the blocks: the paper's bottleneck. 0 for none; else the network has no
  /// skips and two blocks or more.
  public var latent: Int

  /// A residual network; the defaults are the paper's. `skip` is true unless there is a bottleneck.
  public init(
    channels: Int, blocks: Int, skip: Bool? = nil, batchNorm: Bool = true, weightNorm: Bool = true, inputScale: Int = 1,
    latent: Int = 0
  ) {
    self.channels = channels
    self.blocks = blocks
    self.skip = skip ?? (latent == 0)
    self.batchNorm = batchNorm
    self.weightNorm = weightNorm
    self.inputScale = inputScale
    self.latent = latent
  }

  public var asCouplingNet: CouplingNet { .resnet(self) }

  /// This network as it is used under `mask`.
  public func under(_ mask: CouplingMask) -> ResNet {
    var net = self
    if case .checkerboard = mask, batchNorm { net.inputScale = 2 } else { net.inputScale = 1 }
    return net
  }

  public func doubled() -> ResNet {
    var net = self
    net.channels *= 2
    return net
  }

  var json: JSONText {
    var members: [(String, JSONText)] = [
      ("type", .string("resnet")), ("channels", .integer(channels)), ("blocks", .integer(blocks)), ("skip", .bool(skip)),
      ("batch_norm", .bool(batchNorm)), ("weight_norm", .bool(weightNorm)),
    ]
    if inputScale != 1 { members.append(("input_scale", .integer(inputScale))) }
    if latent != 0 { members.append(("latent", .integer(latent))) }
    return .object(members)
  }
}
