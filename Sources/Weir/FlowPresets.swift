extension FlowSpec {
  /// RealNVP for 8-bit images (Dinh et al. 2017, as in Kirichenko et al. 2020): per scale three checkerboard couplings, a 2x2 squeeze,
  /// three channel couplings with twice the network's channels, and half of the channels factored out; the last scale has four
  /// checkerboard couplings instead.
  ///
  /// - Parameters:
  ///   - shape: [c, h, w]; h and w divisible by 2 for every scale after the first.
  ///   - scales: 1 or more.
  ///   - net: the network of the first scale.
  /// - Throws: `WeirError.Code.argument` when the shape does not allow that many scales.
  public static func realnvp(
    shape: [Int], scales: Int, net: ResNet, transform: Coupling.Transform = .affine
  ) throws(WeirError) -> FlowSpec {
    var (channels, height, width) = try imageShape(shape, "realnvp")
    guard scales >= 1 else { throw WeirError(.argument, where: "scales", "is \(scales); it must be 1 or more") }
    var net = net
    var steps = imageInput
    func couple(_ mask: CouplingMask) -> FlowStep {
      .coupling(Coupling(transform: transform, mask: mask, net: .resnet(net.under(mask))))
    }
    for scale in 0..<scales {
      for reversed in [false, true, false] { steps.append(couple(.checkerboard(reversed: reversed))) }
      if scale == scales - 1 {
        steps.append(couple(.checkerboard(reversed: true)))
        break
      }
      guard height.isMultiple(of: 2), width.isMultiple(of: 2) else {
        throw WeirError(
          .argument, where: "scales",
          "is \(scales), but scale \(scale + 1) is \(height)x\(width) and can't be squeezed 2x2; use \(scale + 1) or fewer")
      }
      steps.append(.squeeze)
      net.channels *= 2
      for reversed in [false, true, false] { steps.append(couple(.channel(reversed: reversed))) }
      steps.append(.factorOut(keep: 2 * channels))
      (channels, height, width) = (2 * channels, height / 2, width / 2)
    }
    return FlowSpec(shape: shape, levels: 256, steps: steps)
  }

  /// RealNVP with a ResNet of `channels` and `blocks`, skips, batch norm and weight norm.
  ///
  /// - Throws: as ``realnvp(shape:scales:net:transform:)``.
  public static func realnvp(shape: [Int], scales: Int, channels: Int, blocks: Int) throws(WeirError) -> FlowSpec {
    try realnvp(shape: shape, scales: scales, net: ResNet(channels: channels, blocks: blocks))
  }

  /// Eight checkerboard couplings at one scale, alternately reversed.
  ///
  /// - Throws: `WeirError.Code.argument` when the shape is not [c, h, w].
  public static func realnvp8(
    shape: [Int], net: ResNet, transform: Coupling.Transform = .affine
  ) throws(WeirError) -> FlowSpec {
    try singleScale(shape, "realnvp-8", net, transform, (0..<8).map { .checkerboard(reversed: $0 % 2 == 1) })
  }

  /// Eight couplings at one scale in which one half, top or bottom, predicts the other.
  ///
  /// - Throws: `WeirError.Code.argument` when the shape is not [c, h, w] with an even height.
  public static func horizontal(
    shape: [Int], net: ResNet, transform: Coupling.Transform = .affine
  ) throws(WeirError) -> FlowSpec {
    try even(shape, "horizontal", axes: [1])
    return try singleScale(shape, "horizontal", net, transform, (0..<8).map { .horizontal(reversed: $0 % 2 == 1) })
  }

  /// Eight couplings in which each quadrant predicts the next, twice round: information needs four couplings to come back
  /// (Kirichenko et al. 2020, section 6).
  ///
  /// - Throws: `WeirError.Code.argument` when the shape is not [c, h, w] with even height and width.
  public static func cycle(
    shape: [Int], net: ResNet, transform: Coupling.Transform = .affine
  ) throws(WeirError) -> FlowSpec {
    try even(shape, "cycle", axes: [1, 2])
    return try singleScale(shape, "cycle", net, transform, (0..<8).map { .cycle(from: $0 % 4, to: ($0 + 1) % 4) })
  }

  /// RealNVP for tables and embeddings: couplings with alternating halves and MLP networks.
  ///
  /// - Parameters:
  ///   - dims: numbers in one row, 2 or more.
  ///   - standardise: begins with an affine step; write the training data's mean and deviation to `steps.0.mean`, `steps.0.scale`.
  /// - Throws: `WeirError.Code.argument` for a count out of range.
  public static func tabular(
    dims: Int, couplings: Int = 6, hidden: Int = 256, layers: Int = 2, transform: Coupling.Transform = .affine,
    standardise: Bool = false
  ) throws(WeirError) -> FlowSpec {
    guard dims >= 2 else {
      throw WeirError(.argument, where: "tabular", "needs 2 or more numbers in a row; the data has \(dims)")
    }
    guard couplings >= 1 else { throw WeirError(.argument, where: "couplings", "is \(couplings); it must be 1 or more") }
    var steps: [FlowStep] = standardise ? [.affine] : []
    for index in 0..<couplings {
      let net = CouplingNet.mlp(hidden: hidden, layers: layers)
      steps.append(.coupling(Coupling(transform: transform, mask: .tabular(reversed: index % 2 == 1), net: net)))
    }
    return FlowSpec(shape: [dims], levels: 0, steps: steps)
  }

  private static var imageInput: [FlowStep] { [.dequantize, .logit(margin: 0.9)] }

  private static func singleScale(
    _ shape: [Int], _ preset: String, _ net: ResNet, _ transform: Coupling.Transform, _ masks: [CouplingMask]
  ) throws(WeirError) -> FlowSpec {
    _ = try imageShape(shape, preset)
    let couplings = masks.map { FlowStep.coupling(Coupling(transform: transform, mask: $0, net: .resnet(net.under($0)))) }
    return FlowSpec(shape: shape, levels: 256, steps: imageInput + couplings)
  }

  private static func imageShape(_ shape: [Int], _ preset: String) throws(WeirError) -> (Int, Int, Int) {
    guard shape.count == 3, shape.allSatisfy({ $0 > 0 }) else {
      throw WeirError(.argument, where: preset, "is for images [channels, height, width]; the data has shape \(shape)")
    }
    return (shape[0], shape[1], shape[2])
  }

  private static func even(_ shape: [Int], _ preset: String, axes: [Int]) throws(WeirError) {
    _ = try imageShape(shape, preset)
    for axis in axes where !shape[axis].isMultiple(of: 2) {
      throw WeirError(.argument, where: preset, "needs an even height and width; the data has shape \(shape)")
    }
  }
}
