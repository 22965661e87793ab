/// A highway network (Srivastava et al. 2015), the paper's for Glow: a 3x3 convolution, then `blocks` times x = g v + (1 - g) x, where v
/// and the gate g = sigmoid(..) are 3x3 convolutions of x, and a 1x1 convolution that begins at zero.
public struct Highway: CouplingNetwork {
  /// Channels of the inner maps.
  public var channels: Int
  /// Gated blocks, of two 3x3 convolutions each.
  public var blocks: Int

  /// A highway network.
  public init(channels: Int, blocks: Int) {
    self.channels = channels
    self.blocks = blocks
  }

  public var asCouplingNet: CouplingNet { .highway(self) }

  public func doubled() -> Highway { Highway(channels: 2 * channels, blocks: blocks) }

  var json: JSONText {
    .object([("type", .string("highway")), ("channels", .integer(channels)), ("blocks", .integer(blocks))])
  }
}
