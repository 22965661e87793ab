import ArgumentParser
import Weir

/// Options of the command line that take the place of what a recipe says.
struct RecipeChanges: ParsableArguments {
  @Option(help: ArgumentHelp("In place of the recipe's data.train.", valueName: "input"))
  var train: String?

  @Option(
    name: .customLong("class"),
    help: ArgumentHelp("In place of the recipe's data.class: only samples with this label, or with one of N,N.", valueName: "n"))
  var classes: ClassList?

  @Option(help: "In place of the recipe's train.epochs.")
  var epochs: Int?

  @Option(help: "In place of the recipe's train.batch.")
  var batch: Int?

  @Option(help: ArgumentHelp("In place of the recipe's train.learning_rate.", valueName: "rate"))
  var learningRate: Double?

  @Option(help: "In place of the recipe's train.seed.")
  var seed: UInt64?

  @Option(help: "In place of the recipe's train.threads; by default every processor.")
  var threads: Int?

  mutating func validate() throws {
    func check(_ name: String, _ value: Int?, _ range: ClosedRange<Int>) throws {
      guard let value, !range.contains(value) else { return }
      throw ValidationError("--\(name) is \(value); it must be \(range.lowerBound) to \(range.upperBound)")
    }
    try check("threads", threads, TrainRecipe.threadRange)
    try check("epochs", epochs, TrainRecipe.epochRange)
    try check("batch", batch, TrainRecipe.batchRange)
    if let seed, seed > UInt64(Int.max) { throw ValidationError("--seed is \(seed); it must be at most \(Int.max)") }
    if let learningRate, !TrainRecipe.rateRange.contains(learningRate) {
      let range = TrainRecipe.rateRange
      throw ValidationError("--learning-rate is \(learningRate); it must be \(range.lowerBound) to \(range.upperBound)")
    }
  }

  func apply(to recipe: inout Recipe) {
    if let train { recipe.data.replace("train", by: "--train") { $0.train = train } }
    if let classes { recipe.data.replace("class", by: "--class") { $0.classes = classes.classes } }
    recipe.train.epochs = epochs ?? recipe.train.epochs
    recipe.train.batch = batch ?? recipe.train.batch
    recipe.train.learningRate = learningRate ?? recipe.train.learningRate
    recipe.train.seed = seed ?? recipe.train.seed
    recipe.train.threads = threads ?? recipe.train.threads
  }

  /// As they were given, for a command that is to be the same.
  var text: String {
    func option(_ name: String, _ value: (some Any)?) -> String { value.map { " --\(name) \(shellWord("\($0)"))" } ?? "" }
    return option("train", train) + option("class", classes?.text) + option("epochs", epochs) + option("batch", batch)
      + option("learning-rate", learningRate) + option("seed", seed) + option("threads", threads)
  }
}

/// Classes on a command line: `3`, or `0,2`.
struct ClassList: ExpressibleByArgument {
  let classes: [Int]

  init?(argument: String) {
    let words = argument.split(separator: ",", omittingEmptySubsequences: false)
    classes = words.compactMap { Int($0) }
    guard classes.count == words.count, classes.allSatisfy(DataRecipe.classRange.contains) else { return nil }
  }

  var text: String { classes.map(String.init).joined(separator: ",") }
}
