/// Sizes of the paper's image flows (Kirichenko, Izmailov, Wilson 2020, and its public code's commands): one for grey pictures, such as
/// FashionMNIST, one for colour, such as CelebA. Presets use them for what is not given.
public struct PaperSize: Sendable, Hashable {
  /// Scales, with a squeeze between them (RealNVP) or before each (Glow).
  public let scales: Int
  /// Glow: steps of actnorm, 1x1 convolution and coupling at each scale; 0 for RealNVP.
  public let stepsPerScale: Int
  /// Channels of the network at the first scale.
  public let channels: Int
  /// Its blocks.
  public let blocks: Int

  /// RealNVP with residual networks, for pictures of so many colour channels.
  public static func realnvp(imageChannels: Int) -> PaperSize {
    imageChannels == 1
      ? PaperSize(scales: 2, stepsPerScale: 0, channels: 64, blocks: 6)
      : PaperSize(scales: 3, stepsPerScale: 0, channels: 64, blocks: 8)
  }

  /// Glow with highway networks, for pictures of so many colour channels.
  public static func glow(imageChannels: Int) -> PaperSize {
    imageChannels == 1
      ? PaperSize(scales: 2, stepsPerScale: 16, channels: 200, blocks: 3)
      : PaperSize(scales: 3, stepsPerScale: 8, channels: 400, blocks: 3)
  }
}
