extension FlowSpec {
  /// Glow for 8-bit images (Kingma and Dhariwal 2018, as in Kirichenko et al. 2020): at each scale a 2x2 squeeze, then `stepsPerScale`
  /// times actnorm, a 1x1 convolution and a channel coupling; at all but the last scale half of the channels are factored out.
  ///
  /// ```swift
  /// let spec = try FlowSpec.glow(shape: [3, 32, 32], net: GlowNet(channels: 512))
  /// ```
  /// - Parameters:
  ///   - shape: [c, h, w]; h and w divisible by 2 once for every scale.
  ///   - scales: 1 or more; nil for the paper's, see ``PaperSize``.
  ///   - stepsPerScale: 1 or more; nil for the paper's.
  ///   - multiScale: false keeps all channels to the end.
  ///   - net: the network of every coupling, the same at all scales; nil for the paper's ``Highway``.
  ///   - transform: of every coupling.
  ///   - prior: the density of the latents.
  /// - Throws: `WeirError.Code.argument` when the shape does not allow that many scales.
  public static func glow(
    shape: [Int], scales: Int? = nil, stepsPerScale: Int? = nil, multiScale: Bool = true, net: (any CouplingNetwork)? = nil,
    transform: Coupling.Transform = .affine, prior: Prior = .standardNormal
  ) throws(WeirError) -> FlowSpec {
    let image = try ImageShape(shape, "glow")
    let paper = PaperSize.glow(imageChannels: image.channels)
    let (scales, steps) = (scales ?? paper.scales, stepsPerScale ?? paper.stepsPerScale)
    try image.check(scales: scales, squeezes: scales)
    guard (1...1024).contains(steps) else {
      throw WeirError(.argument, where: "stepsPerScale", "is \(steps); it must be 1 to 1024")
    }
    return FlowSpec(image: shape, prior: prior) {
      Dequantize()
      Logit()
      for scale in 1...scales {
        Squeeze()
        Repeat(steps) {
          ActNorm()
          Conv1x1()
          Coupling(.channel(), net ?? Highway(channels: paper.channels, blocks: paper.blocks), transform)
        }
        if multiScale, scale < scales { FactorOut(keep: image.channels << scale) }
      }
    }
  }
}
