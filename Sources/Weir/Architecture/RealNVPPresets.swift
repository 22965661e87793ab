extension FlowSpec {
  /// RealNVP for 8-bit images (Dinh et al. 2017, as in Kirichenko et al. 2020): per scale three checkerboard couplings, a 2x2 squeeze,
  /// three channel couplings with twice the network's channels, and half of the channels factored out; the last scale has four
  /// checkerboard couplings instead.
  ///
  /// - Parameters:
  ///   - shape: [c, h, w]; h and w divisible by 2 for every scale after the first.
  ///   - scales: 1 or more; nil for the paper's, see ``PaperSize``.
  ///   - net: the network of the first scale; nil for the paper's ``ResNet``.
  ///   - transform: of every coupling.
  ///   - prior: the density of the latents.
  /// - Throws: `WeirError.Code.argument` when the shape does not allow that many scales.
  public static func realnvp(
    shape: [Int], scales: Int? = nil, net: (any CouplingNetwork)? = nil, transform: Coupling.Transform = .affine,
    prior: Prior = .standardNormal
  ) throws(WeirError) -> FlowSpec {
    let image = try ImageShape(shape, "realnvp")
    let scales = scales ?? PaperSize.realnvp(imageChannels: image.channels).scales
    try image.check(scales: scales, squeezes: scales - 1)
    var nets = [net ?? image.paperResNet]
    for _ in 1..<scales { nets.append(nets[nets.count - 1].doubled()) }
    return FlowSpec(image: shape, prior: prior) {
      Dequantize()
      Logit()
      for scale in 1...scales {
        for reversed in [false, true, false] { Coupling(.checkerboard(reversed: reversed), nets[scale - 1], transform) }
        if scale == scales {
          Coupling(.checkerboard(reversed: true), nets[scale - 1], transform)
        } else {
          Squeeze()
          for reversed in [false, true, false] { Coupling(.channel(reversed: reversed), nets[scale], transform) }
          FactorOut(keep: image.channels << scale)
        }
      }
    }
  }

  /// RealNVP with a ResNet of `channels` and `blocks`, skips, batch norm and weight norm.
  ///
  /// - Throws: as ``realnvp(shape:scales:net:transform:prior:)``.
  public static func realnvp(shape: [Int], scales: Int, channels: Int, blocks: Int) throws(WeirError) -> FlowSpec {
    try realnvp(shape: shape, scales: scales, net: ResNet(channels: channels, blocks: blocks))
  }

  /// Eight checkerboard couplings at one scale, alternately reversed.
  ///
  /// - Parameters:
  ///   - shape: [c, h, w].
  ///   - net: nil for the ``ResNet`` of the paper's RealNVP.
  ///   - transform: of every coupling.
  ///   - prior: the density of the latents.
  /// - Throws: `WeirError.Code.argument` when the shape is not [c, h, w].
  public static func realnvp8(
    shape: [Int], net: (any CouplingNetwork)? = nil, transform: Coupling.Transform = .affine, prior: Prior = .standardNormal
  ) throws(WeirError) -> FlowSpec {
    let image = try ImageShape(shape, "realnvp-8")
    return image.singleScale(net, transform, prior, (0..<8).map { .checkerboard(reversed: $0 % 2 == 1) })
  }

  /// Eight couplings at one scale in which one half, top or bottom, predicts the other.
  ///
  /// - Parameters: as for ``realnvp8(shape:net:transform:prior:)``.
  /// - Throws: `WeirError.Code.argument` when the shape is not [c, h, w] with an even height.
  public static func horizontal(
    shape: [Int], net: (any CouplingNetwork)? = nil, transform: Coupling.Transform = .affine, prior: Prior = .standardNormal
  ) throws(WeirError) -> FlowSpec {
    let image = try ImageShape(shape, "horizontal")
    try image.checkEven(axes: [1])
    return image.singleScale(net, transform, prior, (0..<8).map { .horizontal(reversed: $0 % 2 == 1) })
  }

  /// Eight couplings in which each quadrant predicts the next, twice round: information needs four couplings to come back
  /// (Kirichenko et al. 2020, section 6).
  ///
  /// - Parameters: as for ``realnvp8(shape:net:transform:prior:)``.
  /// - Throws: `WeirError.Code.argument` when the shape is not [c, h, w] with even height and width.
  public static func cycle(
    shape: [Int], net: (any CouplingNetwork)? = nil, transform: Coupling.Transform = .affine, prior: Prior = .standardNormal
  ) throws(WeirError) -> FlowSpec {
    let image = try ImageShape(shape, "cycle")
    try image.checkEven(axes: [1, 2])
    return image.singleScale(net, transform, prior, (0..<8).map { .cycle(from: $0 % 4, to: ($0 + 1) % 4) })
  }
}

extension ImageShape {
  /// The network of the paper's RealNVP.
  fileprivate var paperResNet: ResNet {
    let size = PaperSize.realnvp(imageChannels: channels)
    return ResNet(channels: size.channels, blocks: size.blocks)
  }

  /// Couplings of these masks at one scale.
  fileprivate func singleScale(
    _ net: (any CouplingNetwork)?, _ transform: Coupling.Transform, _ prior: Prior, _ masks: [CouplingMask]
  ) -> FlowSpec {
    FlowSpec(image: shape, prior: prior) {
      Dequantize()
      Logit()
      for mask in masks { Coupling(mask, net ?? paperResNet, transform) }
    }
  }
}
