import Weir
import Yams

extension FlowRecipe {
  /// `flow.steps`: the model description's steps, as YAML.
  static func steps(_ flow: RecipeMap) throws(WeirError) -> [FlowStep] {
    guard let items = try flow.list("steps"), !items.isEmpty else { throw flow.error("steps", "must be a list of steps") }
    var steps: [FlowStep] = []
    for (index, item) in items.enumerated() {
      let path = "flow.steps[\(index)]"
      let keys = ["op", "margin", "keep", "transform", "mask", "net"]
      let any = try RecipeMap(item, file: flow.file, path: path, keys: keys)
      let op = try any.choice("op", ["dequantize", "logit", "coupling", "squeeze", "factor_out", "affine"])
      func only(_ keys: [String]) throws(WeirError) -> RecipeMap {
        try RecipeMap(item, file: flow.file, path: path, keys: ["op"] + keys)
      }
      switch op {
      case "dequantize":
        _ = try only([])
        steps.append(.dequantize)
      case "logit": steps.append(.logit(margin: try only(["margin"]).number("margin", in: 1e-6...1, default: 0.9)))
      case "squeeze":
        _ = try only([])
        steps.append(.squeeze)
      case "factor_out": steps.append(.factorOut(keep: try only(["keep"]).count("keep", in: 1...1 << 20)))
      case "coupling": steps.append(.coupling(try only(["transform", "mask", "net"]).coupling()))
      default:
        _ = try only([])
        guard index == 0 else { throw any.error("op", "affine standardises the data, so it must be the first step") }
        steps.append(.affine)
      }
    }
    return steps
  }
}

extension RecipeMap {
  func transform() throws(WeirError) -> Coupling.Transform {
    let name = try choice("transform", Coupling.Transform.allCases.map(\.rawValue), default: Coupling.Transform.affine.rawValue)
    return Coupling.Transform(rawValue: name) ?? .affine
  }

  func resnet() throws(WeirError) -> ResNet {
    ResNet(
      channels: try count("channels", in: 1...4096, default: 32), blocks: try count("blocks", in: 0...100, default: 2),
      skip: try flag("skip", default: true), batchNorm: try flag("batch_norm", default: true),
      weightNorm: try flag("weight_norm", default: true))
  }

  func coupling() throws(WeirError) -> Coupling {
    let mask = try map("mask", keys: ["type", "reverse", "from", "to"]).mask()
    let netKeys = ["type", "channels", "blocks", "skip", "batch_norm", "weight_norm", "hidden", "layers", "input_scale"]
    let any = try map("net", keys: netKeys)
    if try any.choice("type", ["resnet", "mlp"]) == "mlp" {
      let net = try map("net", keys: ["type", "hidden", "layers"])
      let (hidden, layers) = (
        try net.count("hidden", in: 1...65536, default: 256), try net.count("layers", in: 0...100, default: 2)
      )
      return Coupling(transform: try transform(), mask: mask, net: .mlp(hidden: hidden, layers: layers))
    }
    let map = try map("net", keys: ["type", "channels", "blocks", "skip", "batch_norm", "weight_norm", "input_scale"])
    var net = try map.resnet().under(mask)
    net.inputScale = try map.count("input_scale", in: 1...2, default: net.inputScale)
    return Coupling(transform: try transform(), mask: mask, net: .resnet(net))
  }

  private func mask() throws(WeirError) -> CouplingMask {
    let type = try choice("type", ["checkerboard", "channel", "horizontal", "vertical", "tabular", "cycle"])
    if type == "cycle" {
      if has("reverse") { throw error("reverse", "does not apply to the cycle mask; give from and to") }
      return .cycle(from: try count("from", in: 0...3), to: try count("to", in: 0...3))
    }
    for key in ["from", "to"] where has(key) { throw error(key, "applies to the cycle mask only") }
    let reversed = try flag("reverse", default: false)
    switch type {
    case "channel": return .channel(reversed: reversed)
    case "horizontal": return .horizontal(reversed: reversed)
    case "vertical": return .vertical(reversed: reversed)
    case "tabular": return .tabular(reversed: reversed)
    default: return .checkerboard(reversed: reversed)
    }
  }
}
