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

  /// A coupling of a mask and a net that fits its shape, used as it is.
  public init(transform: Transform = .affine, mask: CouplingMask, net: CouplingNet) {
    self.transform = transform
    self.mask = mask
    self.net = net
  }

  /// A coupling of a mask and a net that fits its shape.
  ///
  /// ```swift
  /// Coupling(.checkerboard(), ResNet(channels: 64, blocks: 6))
  /// ```
  /// The net is what `net.under(mask)` makes of it: a ``ResNet`` gets its `inputScale` from the mask. To choose another, use
  /// ``init(transform:mask:net:)``.
  public init(_ mask: CouplingMask, _ net: any CouplingNetwork, _ transform: Transform = .affine) {
    self.init(transform: transform, mask: mask, net: net.under(mask).asCouplingNet)
  }

  var json: JSONText {
    .object([
      ("op", .string("coupling")), ("transform", .string(transform.rawValue)), ("mask", mask.json), ("net", net.json),
    ])
  }
}
