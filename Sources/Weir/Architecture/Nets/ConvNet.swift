/// `blocks` + 1 convolutions of 3x3 over `channels` channels and one of 1x1, without activations between: s and t are linear in what
/// the network sees.
public struct ConvNet: CouplingNetwork {
  /// Channels of the inner maps.
  public var channels: Int
  /// 3x3 convolutions after the first.
  public var blocks: Int
  /// Weights stored as direction and gain per output channel.
  public var weightNorm: Bool

  /// A network of convolutions.
  public init(channels: Int, blocks: Int, weightNorm: Bool = true) {
    self.channels = channels
    self.blocks = blocks
    self.weightNorm = weightNorm
  }

  public var asCouplingNet: CouplingNet { .convnet(self) }

  public func doubled() -> ConvNet { ConvNet(channels: 2 * channels, blocks: blocks, weightNorm: weightNorm) }

  var json: JSONText {
    .object([
      ("type", .string("convnet")), ("channels", .integer(channels)), ("blocks", .integer(blocks)),
      ("weight_norm", .bool(weightNorm)),
    ])
  }
}
