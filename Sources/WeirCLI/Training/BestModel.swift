/// What the validation set says of a model.
struct ValidationScore: Equatable {
  /// Samples without a finite log-likelihood.
  let notFinite: Int
  /// Mean log-likelihood of the others, nats.
  let mean: Double

  init(notFinite: Int, mean: Double) {
    self.notFinite = notFinite
    self.mean = mean
  }

  init(_ scores: [Double]) {
    let finite = scores.filter(\.isFinite)
    notFinite = scores.count - finite.count
    mean = finite.isEmpty ? -.infinity : finite.reduce(0, +) / Double(finite.count)
  }

  /// One sample that can't be scored outweighs any mean: it counts as infinitely unlikely.
  func isBetter(than other: ValidationScore) -> Bool {
    notFinite == other.notFinite ? mean > other.mean : notFinite < other.notFinite
  }
}

/// The best model of a run so far, by its validation score.
struct BestModel: Equatable {
  /// Epochs done when it was kept.
  let epoch: Int
  let score: ValidationScore
}
