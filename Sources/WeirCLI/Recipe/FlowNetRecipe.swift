import Weir

/// `net:` the st-network of a coupling, or of a preset's couplings.
struct FlowNetRecipe {
  enum Kind: String, CaseIterable {
    case resnet, convnet, glow, highway, autoencoder, mlp
  }

  /// Options of each network.
  static let keys: [Kind: [String]] = [
    .resnet: ["channels", "blocks", "skip", "batch_norm", "weight_norm", "latent"],
    .convnet: ["channels", "blocks", "weight_norm"],
    .glow: ["channels"],
    .highway: ["channels", "blocks"],
    .autoencoder: ["latent", "layout"],
    .mlp: ["hidden", "layers", "dropout"],
  ]
  /// Every key that a network can have.
  static let known = Set(keys.values.joined()).union(["type"]).sorted()

  let kind: Kind
  private let map: RecipeMap

  /// `net:` with its type.
  ///
  /// - Parameter more: further keys, of a resnet.
  init(_ map: RecipeMap, more: [String] = []) throws(WeirError) {
    let kind = try map.oneOf("type", Kind.self)
    let keys = ["type"] + Self.keys[kind, default: []] + (kind == .resnet ? more : [])
    try map.refuse(Self.known + more, besides: keys, "does not apply to a net of type \(kind.rawValue)")
    try self.init(map, kind)
  }

  /// The options of a `kind` in `map`, which may hold others.
  init(_ map: RecipeMap, _ kind: Kind) throws(WeirError) {
    self.kind = kind
    self.map = map
    // Mistakes are told before the data is read.
    _ = try net(channels: 1, blocks: 2)
  }

  /// The network, of so many channels and blocks where the recipe gives none.
  func net(channels: Int, blocks: Int) throws(WeirError) -> CouplingNet {
    func width() throws(WeirError) -> Int { try map.count("channels", in: 1...65536, default: channels) }
    func depth() throws(WeirError) -> Int { try map.count("blocks", in: 0...1024, default: blocks) }
    func flag(_ key: String) throws(WeirError) -> Bool { try map.flag(key, default: true) }
    switch kind {
    case .resnet:
      let latent = try map.count("latent", in: 0...1 << 20, default: 0)
      let skip = try map.flag("skip", default: latent == 0)
      if latent > 0, skip { throw map.error("skip", "must be false with latent: a skip would lead past the bottleneck") }
      return .resnet(
        ResNet(
          channels: try width(), blocks: try depth(), skip: skip, batchNorm: try flag("batch_norm"),
          weightNorm: try flag("weight_norm"), latent: latent))
    case .convnet:
      return .convnet(ConvNet(channels: try width(), blocks: try depth(), weightNorm: try flag("weight_norm")))
    case .glow: return .glow(GlowNet(channels: try width()))
    case .highway: return .highway(Highway(channels: try width(), blocks: try depth()))
    case .autoencoder:
      let layout = try map.oneOf("layout", Autoencoder.Layout.self, default: .valid)
      return .autoencoder(Autoencoder(latent: try map.count("latent", in: 1...1 << 20), layout: layout))
    case .mlp: return .mlp(try mlp())
    }
  }

  /// The options of an mlp.
  func mlp() throws(WeirError) -> MLP {
    MLP(
      hidden: try map.count("hidden", in: 1...1 << 20, default: 256), layers: try map.count("layers", in: 0...1024, default: 1),
      dropout: try map.number("dropout", in: 0...0.99, default: 0))
  }
}
