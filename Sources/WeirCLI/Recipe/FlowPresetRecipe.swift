import Weir

/// `flow.preset` and its options. What is left out is the paper's.
struct FlowPresetRecipe {
  enum Name: String, CaseIterable {
    case realnvp
    case realnvp8 = "realnvp-8"
    case horizontal
    case cycle
    case glow
    case tabular
  }

  /// Options of each preset.
  static let keys: [Name: [String]] = {
    let every = ["preset", "transform", "net", "prior"]
    let resnet = every + ["channels", "blocks", "skip", "batch_norm", "weight_norm", "latent"]
    return [
      .realnvp: resnet + ["scales"], .realnvp8: resnet, .horizontal: resnet, .cycle: resnet,
      .glow: every + ["channels", "blocks", "scales", "steps_per_scale", "multi_scale"],
      .tabular: every + ["couplings", "hidden", "layers", "dropout", "scaling", "standardise"],
    ]
  }()

  let name: Name
  let scaling: Scaling
  private let transform: Coupling.Transform
  private let scales: Int?
  private let stepsPerScale: Int?
  private let multiScale: Bool
  private let couplings: Int
  /// nil for the paper's.
  private let net: FlowNetRecipe?

  /// - Parameter known: keys of `flow`, of any preset.
  init(_ map: RecipeMap, _ known: [String]) throws(WeirError) {
    name = try map.oneOf("preset", Name.self)
    try map.refuse(known, besides: Self.keys[name, default: []], "does not apply to preset \(name.rawValue)")
    transform = try map.oneOf("transform", Coupling.Transform.self, default: .affine)
    scales = map.has("scales") ? try map.count("scales", in: 1...24) : nil
    stepsPerScale = map.has("steps_per_scale") ? try map.count("steps_per_scale", in: 1...1024) : nil
    multiScale = try map.flag("multi_scale", default: true)
    couplings = try map.count("couplings", in: 1...1000, default: 8)
    scaling = name == .tabular ? try Self.scaling(map) : .unscaled
    net = try Self.net(map, name)
  }

  private static func scaling(_ map: RecipeMap) throws(WeirError) -> Scaling {
    guard map.has("standardise") else { return try map.oneOf("scaling", Scaling.self, default: .standard) }
    if map.has("scaling") { throw map.error("standardise", "is another word for scaling; give one of them") }
    return try map.flag("standardise", default: true) ? .standard : .unscaled
  }

  /// What `net` describes, or the preset's own network with the options given.
  private static func net(_ map: RecipeMap, _ name: Name) throws(WeirError) -> FlowNetRecipe? {
    let kind: FlowNetRecipe.Kind =
      switch name {
      case .glow: .highway
      case .tabular: .mlp
      case .realnvp, .realnvp8, .horizontal, .cycle: .resnet
      }
    let options = FlowNetRecipe.keys[kind, default: []].filter(map.has)
    guard map.has("net") else { return options.isEmpty ? nil : try FlowNetRecipe(map, kind) }
    if let option = options.first { throw map.error(option, "is part of flow.net; write it there") }
    let net = try FlowNetRecipe(map.map("net", keys: FlowNetRecipe.known))
    if (name == .tabular) != (net.kind == .mlp) {
      throw map.error(
        "net", "is \(net.kind.rawValue); preset \(name.rawValue) needs \(name == .tabular ? "mlp" : "one for images")")
    }
    return net
  }

  /// The architecture for data of this shape.
  ///
  /// - Throws: `WeirError` that names the option or the preset.
  func spec(shape: [Int], prior: Prior) throws(WeirError) -> FlowSpec {
    switch name {
    case .realnvp:
      return try .realnvp(shape: shape, scales: scales, net: net(PaperSize.realnvp, shape), transform: transform, prior: prior)
    case .realnvp8: return try .realnvp8(shape: shape, net: net(PaperSize.realnvp, shape), transform: transform, prior: prior)
    case .horizontal: return try .horizontal(shape: shape, net: net(PaperSize.realnvp, shape), transform: transform, prior: prior)
    case .cycle: return try .cycle(shape: shape, net: net(PaperSize.realnvp, shape), transform: transform, prior: prior)
    case .glow:
      return try .glow(
        shape: shape, scales: scales, stepsPerScale: stepsPerScale, multiScale: multiScale, net: net(PaperSize.glow, shape),
        transform: transform, prior: prior)
    case .tabular:
      guard shape.count == 1 else {
        throw WeirError(.argument, where: name.rawValue, "is for tables [n, dims]; the data has samples of shape \(shape)")
      }
      let mlp = try net.map { (net) throws(WeirError) in try net.mlp() } ?? MLP(hidden: 256, layers: 1)
      return try .tabular(
        dims: shape[0], couplings: couplings, hidden: mlp.hidden, layers: mlp.layers, dropout: mlp.dropout, scaling: scaling,
        transform: transform, prior: prior)
    }
  }

  /// The recipe's network, with the channels and blocks of the paper's where it gives none.
  private func net(_ paper: (_ imageChannels: Int) -> PaperSize, _ shape: [Int]) throws(WeirError) -> CouplingNet? {
    let size = paper(shape[0])
    return try net?.net(channels: size.channels, blocks: size.blocks)
  }
}
