import Weir
import WeirData

/// Which of the training input's samples are trained on and which are held out: drawn by the seed before the first batch, so that no
/// epoch ever sees them.
struct HeldOutRows: Equatable {
  private(set) var train: [UInt32]
  private(set) var validation: [UInt32] = []
  private(set) var test: [UInt32] = []

  /// - Throws: `WeirError.Code.argument`, when a part would be empty or too little is left to train on.
  init(count: Int, _ recipe: Recipe) throws(WeirError) {
    let data = recipe.data
    let testCount = try Self.size(data.test, "test", count, data)
    let validationCount = try Self.size(data.validation, "validation", count, data)
    let held = testCount + validationCount
    guard count - held >= recipe.train.batch else {
      let cause = validationCount > 0 ? "validation" : testCount > 0 ? "test" : "train"
      let left = held > 0 ? "leaves \(max(count - held, 0)) of \(count) samples to train on" : "has \(count) samples"
      let remedy = held > 0 ? "lower it, or train.batch" : "lower train.batch"
      throw data.error(cause, "\(left), fewer than one batch of \(recipe.train.batch); \(remedy)")
    }
    guard held > 0 else {
      train = (0..<UInt32(count)).map { $0 }
      return
    }
    let order = EpochOrder(count: count, seed: recipe.train.seed, epoch: EpochOrder.split).rows
    test = order[..<testCount].sorted()
    validation = order[testCount..<held].sorted()
    train = order[held...].sorted()
  }

  private static func size(_ held: DataRecipe.Held?, _ key: String, _ count: Int, _ data: DataRecipe) throws(WeirError) -> Int {
    guard case .fraction(let fraction)? = held else { return 0 }
    let size = Int((fraction * Double(count)).rounded())
    guard size > 0 else { throw data.error(key, "is \(fraction) of \(count) samples, which is none; raise it") }
    return size
  }
}
