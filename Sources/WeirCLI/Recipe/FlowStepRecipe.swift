import Weir
import Yams

/// One item of `flow.steps`: the model description's step, as YAML, and where it stands.
struct FlowStepRecipe {
  let step: FlowStep
  /// "flow.steps[2]"
  private let path: String
  private let file: String
  private let node: Node

  /// Options of each step.
  private static let keys = [
    "dequantize": [], "logit": ["margin"], "affine": [], "rotation": [], "coupling": ["transform", "mask", "net"], "squeeze": [],
    "factor_out": ["keep"], "actnorm": [], "conv1x1": ["trainable"], "permute": ["order"], "reverse": [],
  ]
  private static let known = Set(keys.values.joined()).union(["op", "repeat", "steps"]).sorted()

  /// The items of `steps`, with those of each `repeat` as often as it says.
  static func list(_ map: RecipeMap) throws(WeirError) -> [FlowStepRecipe] {
    guard let items = try map.list("steps"), !items.isEmpty else { throw map.error("steps", "must be a list of steps") }
    var steps: [FlowStepRecipe] = []
    for (index, item) in items.enumerated() {
      let inner = try RecipeMap(item, file: map.file, path: "\(map.place("steps"))[\(index)]", keys: known)
      guard inner.has("repeat") else {
        steps.append(FlowStepRecipe(step: try inner.step(keys, known), path: inner.path, file: map.file, node: item))
        continue
      }
      try inner.refuse(known, besides: ["repeat", "steps"], "does not apply to repeat")
      let count = try inner.count("repeat", in: 1...1024)
      let repeated = try list(inner)
      guard steps.count + count * repeated.count <= 4096 else { throw inner.error("repeat", "makes more than 4096 steps") }
      steps += Array(repeating: repeated, count: count).flatMap { $0 }
    }
    return steps
  }

  /// An error about this step.
  func error(_ message: String) -> WeirError { RecipeMap.error(file, node.mark?.line ?? 1, "\(path) \(message)") }

  /// The line and the full name of a member, for example `["net", "channels"]`: of the innermost that the recipe has.
  func place(_ members: some Sequence<String>) -> (line: Int, path: String) {
    var (here, line) = (node, node.mark?.line ?? 1)
    for member in members {
      guard case .mapping(let mapping) = here, let (key, value) = mapping.first(where: { $0.key.string == member }) else { break }
      line = key.mark?.line ?? line
      here = value
    }
    return (line, ([path] + members).joined(separator: "."))
  }
}

extension RecipeMap {
  fileprivate func step(_ keys: [String: [String]], _ known: [String]) throws(WeirError) -> FlowStep {
    let op = try choice("op", keys.keys.sorted())
    try refuse(known, besides: ["op"] + keys[op, default: []], "does not apply to op \(op)")
    switch op {
    case "dequantize": return .dequantize
    case "logit": return .logit(margin: try number("margin", in: 1e-6...1, default: 0.9))
    case "squeeze": return .squeeze
    case "factor_out": return .factorOut(keep: try count("keep", in: 1...1 << 20))
    case "affine": return .affine
    case "actnorm": return .actNorm
    case "conv1x1": return .conv1x1(trainable: try flag("trainable", default: true))
    case "permute":
      guard let order = try counts("order", in: 0...1 << 20) else {
        throw error("order", "is missing; it lists, for each place, the number of the channel that comes there")
      }
      return .permute(order)
    case "reverse": return .reverse
    case "rotation": return .rotation
    default: return .coupling(try coupling())
    }
  }

  private func coupling() throws(WeirError) -> Coupling {
    let mask = try map("mask", keys: CouplingMask.recipeKeys).mask()
    let net = try map("net", keys: FlowNetRecipe.known + ["input_scale"])
    let recipe = try FlowNetRecipe(net, more: ["input_scale"])
    var coupling = Coupling(
      mask, try recipe.net(channels: 32, blocks: 2), try oneOf("transform", Coupling.Transform.self, default: .affine))
    if case .resnet(var resnet) = coupling.net {
      resnet.inputScale = try net.count("input_scale", in: 1...2, default: resnet.inputScale)
      coupling.net = .resnet(resnet)
    }
    return coupling
  }
}
