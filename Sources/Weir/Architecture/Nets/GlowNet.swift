/// Glow's own network (Kingma and Dhariwal 2018): 3x3, ReLU, 1x1, ReLU, 3x3. The last begins at zero, so the coupling as the identity.
public struct GlowNet: CouplingNetwork {
  /// Channels of the inner maps.
  public var channels: Int

  /// Glow's network; it had 512 channels there.
  public init(channels: Int) { self.channels = channels }

  public var asCouplingNet: CouplingNet { .glow(self) }

  public func doubled() -> GlowNet { GlowNet(channels: 2 * channels) }

  var json: JSONText { .object([("type", .string("glow")), ("channels", .integer(channels))]) }
}
