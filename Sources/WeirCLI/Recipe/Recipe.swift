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
    train = try TrainRecipe(top.map("train", keys: TrainRecipe.keys))
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

/// `data:`
struct DataRecipe {
  static let keys = ["train", "test", "limit", "test_limit", "shape"]

  /// Training samples; relative paths start at the current directory.
  var train: String
  /// Scored when training ends.
  var test: String?
  /// Only so many of the first training samples.
  var limit: Int?
  var testLimit: Int?
  /// [channels, height, width] where the file's shape leaves it open.
  var shape: [Int]?

  init(_ map: RecipeMap) throws(WeirError) {
    guard let path = try map.text("train") else { throw map.error("train", "is missing; it names the training data") }
    train = path
    test = try map.text("test")
    limit = map.has("limit") ? try map.count("limit", in: 2...Int(UInt32.max)) : nil
    testLimit = map.has("test_limit") ? try map.count("test_limit", in: 1...Int(UInt32.max)) : nil
    shape = try map.counts("shape", in: 1...1 << 20)
    if let shape, shape.count != 1, shape.count != 3 {
      throw map.error("shape", "must be [channels, height, width] or [dims]")
    }
  }
}
