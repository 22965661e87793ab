import Weir
import Yams

/// `flow:` a preset with its options, or a list of steps. The data's shape makes a `FlowSpec` of it.
struct FlowRecipe {
  /// How rows are scaled before the flow's own steps. Its steps are the first of the `FlowSpec`.
  let scaling: Scaling
  let prior: Prior
  private let form: Form
  private let map: RecipeMap

  private enum Form {
    case preset(FlowPresetRecipe)
    case steps([FlowStepRecipe])
  }

  private static let stepKeys = ["steps", "scaling", "prior"]

  init(_ top: RecipeMap) throws(WeirError) {
    let known = Set(FlowPresetRecipe.keys.values.joined()).union(Self.stepKeys).sorted()
    map = try top.map("flow", keys: known)
    prior = try map.prior()
    if map.has("steps") {
      try map.refuse(known, besides: Self.stepKeys, "does not apply to a list of steps")
      let steps = try FlowStepRecipe.list(map)
      form = .steps(steps)
      scaling = try Self.scaling(map, steps)
      return
    }
    guard map.has("preset") else { throw map.error("preset", "is missing; flow needs a preset, or a list of steps") }
    let preset = try FlowPresetRecipe(map, known)
    form = .preset(preset)
    scaling = preset.scaling
  }

  /// The architecture for data of this shape, [c, h, w] or [dims].
  ///
  /// - Throws: `WeirError` naming the recipe's line when flow and data do not go together.
  func spec(shape: [Int]) throws(WeirError) -> FlowSpec {
    switch form {
    case .preset(let preset):
      do { return try preset.spec(shape: shape, prior: prior) } catch { throw located(error) }
    case .steps(let recipes):
      let steps = (map.has("scaling") ? scaling.steps : []) + recipes.map(\.step)
      return FlowSpec(shape: shape, levels: steps.contains(.dequantize) ? 256 : 0, prior: prior, steps: steps)
    }
  }

  /// How a list of steps begins: by `scaling`, which goes before it, or by scaling steps of its own.
  private static func scaling(_ map: RecipeMap, _ steps: [FlowStepRecipe]) throws(WeirError) -> Scaling {
    let given = try map.oneOf("scaling", Scaling.self, default: .unscaled)
    let own = [Scaling.whiten, .standard].first { given == .unscaled && steps.map(\.step).starts(with: $0.steps) } ?? .unscaled
    for step in steps.dropFirst(own.steps.count) where [.affine, .rotation].contains(step.step) {
      throw step.error(
        given == .unscaled
          ? "takes its numbers from the data, so a flow begins with it: affine standardises, affine, rotation, affine whiten"
          : "takes its numbers from the data as scaling does; leave out one of them")
    }
    if given != .unscaled, steps[0].step == .dequantize {
      throw map.error("scaling", "is for tables, embeddings and other real numbers; 8-bit images begin with dequantize alone")
    }
    return given == .unscaled ? own : given
  }
}

extension FlowRecipe {
  /// An error of a preset, or of the engine about a description of this flow, as one about the recipe: with its file and the line of the
  /// step or option concerned.
  func located(_ error: WeirError) -> WeirError {
    func at(_ line: Int, _ place: String) -> WeirError {
      WeirError(error.code, where: "\(map.file):\(line)", "\(place): \(error.message)")
    }
    func line(_ key: String) -> Int { map.node(key)?.mark?.line ?? 1 }
    let parts = error.where.split(separator: ".").map(String.init)
    let options = [
      "scales": "scales", "stepsPerScale": "steps_per_scale", "couplings": "couplings", "prior": "prior", "scaling": "scaling",
    ]
    if let key = parts.first.flatMap({ options[$0] }), map.has(key) { return at(line(key), "flow.\(key)") }
    switch form {
    case .preset(let preset):
      let place = error.where == preset.name.rawValue ? "" : ", \(error.where)"
      return at(line("preset"), "flow.preset \(preset.name.rawValue)\(place)")
    case .steps(let steps):
      guard parts.count > 1, parts[0] == "steps", let number = Int(parts[1]) else {
        return at(line("steps"), error.where.isEmpty ? "flow" : "flow, \(error.where)")
      }
      let index = number - (map.has("scaling") ? scaling.steps.count : 0)
      guard steps.indices.contains(index) else { return at(line("scaling"), "flow.scaling") }
      let (line, path) = steps[index].place(parts.dropFirst(2))
      return at(line, path)
    }
  }
}
