import WeirData

/// The order of negative samples: a shuffled pass after the other, whatever the epochs do. It depends on the seed and the step alone, so
/// that a stopped run needs only its step to go on.
struct NegativeOrder {
  private let count: Int
  private let seed: UInt64
  private var pass = -1
  private var rows: [UInt32] = []

  /// An order of `count` samples, one or more.
  init(count: Int, seed: UInt64) {
    self.count = count
    // The training samples' seed would pair the same rows every time when both sets are of one size.
    self.seed = ~seed
  }

  /// Rows of the batch of a step, counted from 0.
  mutating func rows(step: Int, batch: Int) -> [Int] {
    (step * batch..<(step + 1) * batch).map { place in
      let (wanted, index) = place.quotientAndRemainder(dividingBy: count)
      if wanted != pass {
        rows = EpochOrder(count: count, seed: seed, epoch: wanted).rows
        pass = wanted
      }
      return Int(rows[index])
    }
  }
}
