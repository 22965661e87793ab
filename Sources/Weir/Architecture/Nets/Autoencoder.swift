/// 4x4 convolutions down to `latent` numbers, and transposed ones back: all that one part can tell about the other passes there.
public struct Autoencoder: CouplingNetwork {
  /// How the convolutions meet the border.
  public enum Layout: String, Sendable, Hashable, CaseIterable {
    /// Four convolutions of 32, 64, 64 and 128 channels without padding, the last two with strides of a 14th of the width: for maps of
    /// 14x14, 28x28 or 32x32, say. The engine refuses a map that the way back does not restore.
    case valid
    /// Three convolutions of 32, 32 and 64 channels with padding; height and width are multiples of 4.
    case padded
  }

  /// Numbers of the bottleneck.
  public var latent: Int
  /// How the convolutions meet the border.
  public var layout: Layout

  /// An autoencoder.
  public init(latent: Int, layout: Layout = .valid) {
    self.latent = latent
    self.layout = layout
  }

  public var asCouplingNet: CouplingNet { .autoencoder(self) }

  var json: JSONText {
    .object([("type", .string("autoencoder")), ("latent", .integer(latent)), ("layout", .string(layout.rawValue))])
  }
}
