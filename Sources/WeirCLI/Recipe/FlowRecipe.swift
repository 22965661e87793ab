import Weir

/// `flow:` a preset with its options, or a list of steps. The data's shape makes a `FlowSpec` of it.
enum FlowRecipe {
  case realnvp(scales: Int, net: ResNet, transform: Coupling.Transform)
  case realnvp8(net: ResNet, transform: Coupling.Transform)
  case horizontal(net: ResNet, transform: Coupling.Transform)
  case cycle(net: ResNet, transform: Coupling.Transform)
  case tabular(couplings: Int, hidden: Int, layers: Int, transform: Coupling.Transform, standardise: Bool)
  case steps([FlowStep])

  private static let netKeys = ["channels", "blocks", "skip", "batch_norm", "weight_norm"]
  private static let presets = [
    "realnvp": ["preset", "scales", "transform"] + netKeys,
    "realnvp-8": ["preset", "transform"] + netKeys,
    "horizontal": ["preset", "transform"] + netKeys,
    "cycle": ["preset", "transform"] + netKeys,
    "tabular": ["preset", "couplings", "hidden", "layers", "transform", "standardise"],
  ]

  init(_ top: RecipeMap) throws(WeirError) {
    let all = Set(Self.presets.values.joined()).union(["steps"]).sorted()
    let any = try top.map("flow", keys: all)
    if any.has("steps") {
      self = .steps(try Self.steps(top.map("flow", keys: ["steps"])))
      return
    }
    guard any.has("preset") else { throw any.error("preset", "is missing; flow needs a preset, or a list of steps") }
    let preset = try any.choice("preset", Self.presets.keys.sorted())
    for key in all where any.has(key) && !Self.presets[preset, default: []].contains(key) {
      throw any.error(key, "does not apply to preset \(preset)")
    }
    let transform = try any.transform()
    switch preset {
    case "tabular":
      self = .tabular(
        couplings: try any.count("couplings", in: 1...1000, default: 6),
        hidden: try any.count("hidden", in: 1...65536, default: 256),
        layers: try any.count("layers", in: 0...100, default: 2), transform: transform,
        standardise: try any.flag("standardise", default: true))
    case "realnvp-8": self = .realnvp8(net: try any.resnet(), transform: transform)
    case "horizontal": self = .horizontal(net: try any.resnet(), transform: transform)
    case "cycle": self = .cycle(net: try any.resnet(), transform: transform)
    default:
      self = .realnvp(scales: try any.count("scales", in: 1...16, default: 2), net: try any.resnet(), transform: transform)
    }
  }

  /// The architecture for data of this shape, [c, h, w] or [dims].
  ///
  /// - Throws: `WeirError` when flow and data do not go together.
  func spec(shape: [Int]) throws(WeirError) -> FlowSpec {
    switch self {
    case .realnvp(let scales, let net, let transform):
      return try .realnvp(shape: shape, scales: scales, net: net, transform: transform)
    case .realnvp8(let net, let transform): return try .realnvp8(shape: shape, net: net, transform: transform)
    case .horizontal(let net, let transform): return try .horizontal(shape: shape, net: net, transform: transform)
    case .cycle(let net, let transform): return try .cycle(shape: shape, net: net, transform: transform)
    case .tabular(let couplings, let hidden, let layers, let transform, let standardise):
      guard shape.count == 1 else {
        throw WeirError(.argument, where: "tabular", "is for tables [n, dims]; the data has samples of shape \(shape)")
      }
      return try .tabular(
        dims: shape[0], couplings: couplings, hidden: hidden, layers: layers, transform: transform, standardise: standardise)
    case .steps(let steps): return FlowSpec(shape: shape, levels: steps.contains(.dequantize) ? 256 : 0, steps: steps)
    }
  }
}
