import Weir
import WeirData
import Yams

/// A training recipe: which data, which flow, how to train.
struct Recipe {
  var data: DataRecipe
  var flow: FlowRecipe
  var train: TrainRecipe
  /// Where it was read from, for errors about what its parts come to together.
  let file: String

  /// Reads a recipe file.
  ///
  /// - Throws: `WeirError` naming file, line and key.
  static func read(_ path: String) throws(WeirError) -> Recipe {
    try Recipe(yaml: InputFile.text(path), file: path)
  }

  init(yaml: String, file: String) throws(WeirError) {
    self.file = file
    let root: Node?
    do {
      root = try compose(yaml: yaml)
    } catch {
      throw Self.syntaxError(error, file)
    }
    guard let root else { throw RecipeMap.error(file, 1, "the recipe is empty; it needs data, flow and train") }
    let top = try RecipeMap(root, file: file, path: "", keys: ["data", "flow", "train"])
    data = try DataRecipe(top.map("data", keys: DataRecipe.keys))
    flow = try FlowRecipe(top)
    let training = try top.map("train", keys: TrainRecipe.keys)
    train = try TrainRecipe(training)
    if data.validation == nil, training.has("patience") {
      throw training.error("patience", "waits for a better validation score, and data.validation is missing; add `validation: 0.1`")
    }
    if data.negative == nil, training.has("negative_floor") {
      throw training.error("negative_floor", "is about data.negative, which is missing")
    }
  }

  private static func syntaxError(_ error: any Error, _ file: String) -> WeirError {
    switch error as? YamlError {
    case .scanner(_, let problem, let mark, _)?, .parser(_, let problem, let mark, _)?, .composer(_, let problem, let mark, _)?:
      return RecipeMap.error(file, mark.line, "is not YAML: \(problem)")
    case .duplicatedKeysInMapping(let duplicates, let context)?:
      return RecipeMap.error(file, context.mark.line, "a key is given twice: \(duplicates.sorted().joined(separator: ", "))")
    default:
      let text = String(describing: error).split(separator: "\n").first.map(String.init) ?? "unknown problem"
      return RecipeMap.error(file, 1, "is not YAML: \(text)")
    }
  }
}
